package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

// client speaks to a running Bellwether as a sender of events and as the people in its web chat do.
type client struct {
	http  *http.Client
	url   string
	token string
}

// envelope is what EventBridge wraps around an event.
type envelope struct {
	Version    string    `json:"version"`
	ID         string    `json:"id"`
	DetailType string    `json:"detail-type"`
	Source     string    `json:"source"`
	Account    string    `json:"account"`
	Time       time.Time `json:"time"`
	Region     string    `json:"region"`
	Resources  []string  `json:"resources"`
	Detail     change    `json:"detail"`
}

// change is the detail of an event.
type change struct {
	Kind     string `json:"kind"`
	Name     string `json:"name"`
	Version  string `json:"version,omitempty"`
	Revision string `json:"revision,omitempty"`
	Image    string `json:"image,omitempty"`
	Author   string `json:"author,omitempty"`
	Title    string `json:"title,omitempty"`
	Files    int    `json:"files_changed"`
	Lines    int    `json:"lines_changed"`
}

// receipt says what became of an event.
type receipt struct {
	Outcome    string   `json:"outcome"`
	Run        string   `json:"run"`
	Superseded []string `json:"superseded"`
}

// status is how a run fares.
type status struct{ State, Verdict, Successor string }

func (s status) over() bool {
	return slices.Contains([]string{"done", "superseded", "cancelled"}, s.State)
}

// refusal is an answer with a status that is no success.
type refusal struct {
	status int
	reason string
}

func (r *refusal) Error() string { return fmt.Sprintf("status %d: %s", r.status, r.reason) }

// post sends an event and returns the run it led to.
func (c client) post(ctx context.Context, e envelope) (receipt, error) {
	var taken struct{ Runs []receipt }
	if err := c.call(ctx, http.MethodPost, "/events", e, &taken); err != nil {
		return receipt{}, fmt.Errorf("send %s %s: %w", e.Detail.Name, e.Detail.Version, err)
	}
	if len(taken.Runs) != 1 || taken.Runs[0].Outcome != "accepted" {
		return receipt{}, fmt.Errorf("send %s %s: want one new run, the answer was %+v", e.Detail.Name, e.Detail.Version, taken.Runs)
	}
	return taken.Runs[0], nil
}

func (c client) status(ctx context.Context, run string) (s status, err error) {
	err = c.call(ctx, http.MethodGet, "/events/runs/"+run, nil, &s)
	return s, err
}

// words are what a person says in a channel.
type words struct {
	Channel string `json:"channel"`
	Thread  string `json:"thread"`
	As      string `json:"as"`
	Text    string `json:"text"`
}

// command says a command that is answered in public; a private answer is a mistake.
func (c client) command(ctx context.Context, w words) error {
	var answer struct {
		Private bool
		Text    string
	}
	err := c.call(ctx, http.MethodPost, "/chat/commands", w, &answer)
	if err == nil && answer.Private {
		err = errors.New(answer.Text)
	}
	if err != nil {
		return fmt.Errorf("%s says %q: %w", w.As, w.Text, err)
	}
	return nil
}

// message of the transcript.
type message struct {
	Channel string   `json:"channel"`
	Thread  string   `json:"thread"`
	ID      string   `json:"id"`
	Text    string   `json:"text"`
	Images  []string `json:"images"`
}

func (c client) transcript(ctx context.Context) ([]message, error) {
	var t struct{ Messages []message }
	err := c.call(ctx, http.MethodGet, "/chat/transcript.json", nil, &t)
	return t.Messages, err
}

// thread is the root message of a run in a channel and what follows it; nothing when there is no such root.
func thread(messages []message, channel, run string) []message {
	var root string
	var found []message
	for _, m := range messages {
		if m.Channel == channel && m.Thread == "" && slices.Contains(strings.Split(m.Text, "\n"), "Run: "+run) {
			root = m.ID
		}
		if root != "" && (m.ID == root || m.Thread == root) {
			found = append(found, m)
		}
	}
	return found
}

// text of all the messages.
func text(messages []message) string {
	var lines []string
	for _, m := range messages {
		lines = append(lines, m.Text)
	}
	return strings.Join(lines, "\n")
}

// call exchanges JSON. An answer that is no success is a *refusal.
func (c client) call(ctx context.Context, method, path string, body, into any) error {
	var encoded bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&encoded).Encode(body); err != nil {
			return fmt.Errorf("encode for %s: %w", path, err)
		}
	}
	request, err := http.NewRequestWithContext(ctx, method, c.url+path, &encoded)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+c.token)
	request.Header.Set("Content-Type", "application/json")
	response, err := c.http.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		return fmt.Errorf("read the answer of %s: %w", path, err)
	case response.StatusCode >= http.StatusMultipleChoices:
		return &refusal{response.StatusCode, strings.TrimSpace(string(answer))}
	}
	return json.Unmarshal(answer, into)
}
