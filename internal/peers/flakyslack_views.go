package peers

import (
	"encoding/json"
	"net/http"
	"slices"
)

// Whisper is a message that one person sees.
type Whisper struct {
	Posted
	To string
}

// SlackView is a modal that was opened for a trigger, or the Home tab that was published for a person.
type SlackView struct {
	Trigger string
	User    string
	View    string // JSON
}

// Unfurl is what is shown below links.
type Unfurl struct {
	Channel, TS string
	ID, Source  string // in the place of the two above
	Links       string // JSON
}

// Whispers so far, oldest first.
func (s *FlakySlack) Whispers() []Whisper {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.whispers)
}

// Views so far, oldest first.
func (s *FlakySlack) Views() []SlackView {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.views)
}

// Unfurls so far, oldest first.
func (s *FlakySlack) Unfurls() []Unfurl {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.unfurls)
}

// whisper takes a message that nobody else sees.
func (s *FlakySlack) whisper(r *http.Request) (map[string]any, string) {
	w := Whisper{Posted: Posted{Channel: r.FormValue("channel"), Thread: r.FormValue("thread_ts")}, To: r.FormValue("user")}
	if problem := s.writable(w.Channel, w.Thread); problem != "" {
		return nil, problem
	}
	if _, known := s.people[w.To]; !known {
		return nil, "user_not_in_channel"
	}
	if problem := w.write(r); problem != "" {
		return nil, problem
	}
	s.whispers = append(s.whispers, w)
	return map[string]any{"message_ts": "1.000001"}, ""
}

func (s *FlakySlack) open(r *http.Request) (map[string]any, string) {
	return s.view(r, "modal", func(v SlackView) bool { return v.Trigger != "" })
}

func (s *FlakySlack) publish(r *http.Request) (map[string]any, string) {
	return s.view(r, "home", func(v SlackView) bool { _, known := s.people[v.User]; return known })
}

// view takes a view of a kind for somebody.
func (s *FlakySlack) view(r *http.Request, kind string, forSomebody func(SlackView) bool) (map[string]any, string) {
	var body struct {
		Trigger string          `json:"trigger_id"`
		User    string          `json:"user_id"`
		View    json.RawMessage `json:"view"`
	}
	if json.NewDecoder(r.Body).Decode(&body) != nil {
		return nil, "invalid_json"
	}
	var view struct {
		Type     string          `json:"type"`
		Blocks   json.RawMessage `json:"blocks"`
		Metadata string          `json:"private_metadata"`
	}
	v := SlackView{body.Trigger, body.User, string(body.View)}
	switch {
	case !forSomebody(v):
		return nil, "invalid_arguments"
	case json.Unmarshal(body.View, &view) != nil || view.Type != kind || len(view.Metadata) > 3000 || !wellFormed(string(view.Blocks)):
		return nil, "invalid_arguments"
	}
	s.views = append(s.views, v)
	return map[string]any{"view": map[string]any{"id": "V1", "type": kind}}, ""
}

func (s *FlakySlack) unfurl(r *http.Request) (map[string]any, string) {
	u := Unfurl{r.FormValue("channel"), r.FormValue("ts"), r.FormValue("unfurl_id"), r.FormValue("source"), r.FormValue("unfurls")}
	var links map[string]json.RawMessage
	switch {
	case json.Unmarshal([]byte(u.Links), &links) != nil || len(links) == 0:
		return nil, "cannot_parse_attachment"
	case (u.ID == "" || u.Source == "") && (u.Channel == "" || u.TS == ""):
		return nil, "missing_channel"
	}
	s.unfurls = append(s.unfurls, u)
	return map[string]any{}, ""
}
