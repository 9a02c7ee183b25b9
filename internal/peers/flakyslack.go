package peers

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"time"
)

// FlakySlack is a Slack of ours, for what local-slack does not do: it keeps metadata, refuses what Slack refuses, and fails
// as it is told. It serves the methods of the Web API that Bellwether needs. Its one workspace is SlackTeam, more can be added
// by Install.
type FlakySlack struct {
	server *httptest.Server

	mu       sync.Mutex
	fault    func(method string) *Fault // of a request; nil, and nil for none
	met      map[string]int             // requests by the name of the fault that they met
	channels map[string]bool            // by id; true: archived
	revoked  bool
	messages []*Posted
	files    map[string]*upload
	last     time.Time // of the newest message

	workspaces map[string]SlackWorkspace // by the bot's token
	rotation   *rotation                 // nil: tokens do not expire
	people     map[string]SlackPerson    // by id
	groups     map[string][]string       // ids of people, by id
	whispers   []Whisper
	views      []SlackView
	unfurls    []Unfurl
	processing time.Duration        // of a file, until its message is seen
	every      time.Duration        // between two messages in a channel; 0: as often as one likes
	spoken     map[string]time.Time // when a channel took its last message
}

// Posted is a message as everybody sees it.
type Posted struct {
	Channel  string
	TS       string
	Thread   string // ts of its root; empty for a root
	Text     string
	Blocks   string // JSON
	Metadata string // JSON
	File     string // name of its file
	FileID   string
	Edits    int
	Seen     time.Time // when its file is processed; zero without one
}

// upload is a file on its way.
type upload struct {
	name string
	size int
	data []byte
	done bool
}

// NewFlakySlack starts a healthy one with these channels. Close it.
func NewFlakySlack(channels ...string) *FlakySlack {
	s := &FlakySlack{
		met: map[string]int{}, channels: map[string]bool{}, files: map[string]*upload{}, spoken: map[string]time.Time{},
		workspaces: map[string]SlackWorkspace{SlackBotToken: {Team: SlackTeam, Bot: SlackBot, URL: "https://innerscale.slack.com/"}},
		people:     map[string]SlackPerson{SlackUser: {Name: "dev-sg", Team: SlackTeam, Zone: "Asia/Singapore"}},
		groups:     map[string][]string{},
	}
	for _, c := range channels {
		s.channels[c] = false
	}
	s.server = httptest.NewServer(s)
	return s
}

// Close ends it, with all requests under way.
func (s *FlakySlack) Close() {
	s.server.CloseClientConnections()
	s.server.Close()
}

// API is the address for chat.slack.api_url.
func (s *FlakySlack) API() string { return s.server.URL + "/api/" }

// Fail has each request meet the fault that choose names for its method; nil is none, and a nil choose heals.
func (s *FlakySlack) Fail(choose func(method string) *Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = choose
}

// Archive closes a channel for messages, or opens it again.
func (s *FlakySlack) Archive(channel string, archived bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.channels[channel] = archived
}

// Revoke takes the bot's token back, or gives it again.
func (s *FlakySlack) Revoke(revoked bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.revoked = revoked
}

// Met counts the requests that met a fault, by its name.
func (s *FlakySlack) Met() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.met)
}

// Messages of all channels, oldest first.
func (s *FlakySlack) Messages() []Posted {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Posted, len(s.messages))
	for i, m := range s.messages {
		all[i] = *m
	}
	return all
}

// ServeHTTP has a request meet its fault. Its body is read before, so that it can be accepted after its client has gone.
func (s *FlakySlack) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the client has gone already
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	method := strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, "/"), "api/")
	accept := http.HandlerFunc(s.accept)
	if fault := s.meets(method); fault != nil {
		fault.Serve(w, r, accept)
		return
	}
	accept(w, r)
}

func (s *FlakySlack) meets(method string) *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fault == nil {
		return nil
	}
	fault := s.fault(method)
	if fault != nil {
		s.met[fault.Name]++
	}
	return fault
}

// accept serves a request as a healthy Slack does.
func (s *FlakySlack) accept(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if file, ok := strings.CutPrefix(r.URL.Path, "/upload/"); ok {
		s.receive(w, r, file)
		return
	}
	method := strings.TrimPrefix(r.URL.Path, "/api/")
	if wait := s.rests(method, r); wait > 0 {
		Limited(wait).Serve(w, r, nil)
		return
	}
	answer, problem := s.call(method, r)
	if problem != "" {
		refuse(w, problem)
		return
	}
	answer["ok"] = true
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer)
}

// rests is how long a channel takes no other message, in whole seconds.
func (s *FlakySlack) rests(method string, r *http.Request) time.Duration {
	channel := r.FormValue("channel")
	if s.every == 0 || method != "chat.postMessage" && method != "chat.update" {
		return 0
	}
	if wait := time.Until(s.spoken[channel].Add(s.every)); wait > 0 {
		return wait.Truncate(time.Second) + time.Second
	}
	s.spoken[channel] = time.Now()
	return 0
}

// slackMethod answers a request, or says what is wrong with it.
type slackMethod func(*FlakySlack, *http.Request) (answer map[string]any, problem string)

var slackMethods = map[string]slackMethod{
	"auth.test":                    (*FlakySlack).authTest,
	"users.info":                   (*FlakySlack).usersInfo,
	"chat.postMessage":             (*FlakySlack).post,
	"chat.postEphemeral":           (*FlakySlack).whisper,
	"chat.update":                  (*FlakySlack).update,
	"files.getUploadURLExternal":   (*FlakySlack).announce,
	"files.completeUploadExternal": (*FlakySlack).share,
	"conversations.history":        (*FlakySlack).history,
	"conversations.replies":        (*FlakySlack).replies,
	"chat.unfurl":                  (*FlakySlack).unfurl,
	"views.open":                   (*FlakySlack).open,
	"views.publish":                (*FlakySlack).publish,
	"usergroups.users.list":        (*FlakySlack).members,
}

func (s *FlakySlack) call(method string, r *http.Request) (map[string]any, string) {
	if method == "oauth.v2.access" {
		return s.exchange(r)
	}
	do, known := slackMethods[method]
	if !known {
		return nil, "unknown_method"
	}
	if problem := s.refuses(bearer(r)); problem != "" {
		return nil, problem
	}
	return do(s, r)
}

// writable says what keeps a channel from taking a message in a thread; the thread may be empty.
func (s *FlakySlack) writable(channel, thread string) string {
	archived, known := s.channels[channel]
	switch {
	case !known:
		return "channel_not_found"
	case archived:
		return "is_archived"
	case thread != "" && s.find(channel, thread) == nil:
		return "thread_not_found"
	}
	return ""
}

func (s *FlakySlack) find(channel, ts string) *Posted {
	i := slices.IndexFunc(s.messages, func(m *Posted) bool { return m.Channel == channel && m.TS == ts })
	if i < 0 {
		return nil
	}
	return s.messages[i]
}

// add shows a message, under a ts that no other has.
func (s *FlakySlack) add(m *Posted) {
	now := time.Now().Truncate(time.Microsecond)
	if !now.After(s.last) {
		now = s.last.Add(time.Microsecond)
	}
	s.last = now
	m.TS = fmt.Sprintf("%d.%06d", now.Unix(), now.Nanosecond()/1000)
	s.messages = append(s.messages, m)
}
