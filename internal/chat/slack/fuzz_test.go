package slack

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/bot"
	"bellwether/internal/peers"
)

// nowhere takes no connection.
type nowhere struct{}

func (nowhere) RoundTrip(*http.Request) (*http.Response, error) { return nil, http.ErrServerClosed }

// FuzzDeliveries signs anything at all: it may come to nothing, but not to a panic, neither at once nor later.
func FuzzDeliveries(f *testing.F) {
	metadata := place{Channel: where, Root: "1.1", Command: "ack R42"}.String()
	submitted := pretty(map[string]any{"type": "view_submission", "view": map[string]any{"id": "V1", "private_metadata": metadata, "state": map[string]any{}}})
	for _, payload := range []string{
		submitted, `{"type":"block_actions","trigger_id":"t","actions":[null]}`, `{"type":"block_actions","actions":[{"type":"button","value":"x"}]}`,
		`{"type":"view_submission","view":{"state":{"values":{"a":{"b":null}}}}}`, `{"message":{"blocks":[{"type":"rich_text"}]}}`, `null`, `[]`,
		`{"type":"block_actions","view":{"blocks":[{"type":"input","element":{"type":"nothing"}}]}}`,
		`{"state":` + strings.Repeat("[", 9_000) + `}`,
	} {
		f.Add(true, url.Values{"payload": {payload}}.Encode())
	}
	f.Add(true, slash("status", "t1", "https://hooks.slack.com/1"))
	f.Add(true, "ssl_check=1")
	f.Add(false, mention("<@U0BELL> status", "Ev1", ""))
	f.Add(false, `{"type":"event_callback","event_id":"E","event":{"type":"link_shared","user":"U1","links":[{"url":"https://x"},null]}}`)
	f.Add(false, `{"type":"event_callback","event_id":"E","event":{"type":"app_home_opened","tab":"home","user":"U1"}}`)
	f.Add(false, `{"type":"event_callback","event_id":"E","authorizations":[null],"event":{"type":"tokens_revoked","tokens":{"bot":[""]}}}`)
	log := &panics{Handler: slog.DiscardHandler}
	c, err := New(Settings{
		Workspaces: []Workspace{{BotToken: peers.SlackBotToken}}, SigningSecret: secret, Seen: &seen{}, Threads: threads{}, Now: time.Now,
		Log: slog.New(log), HTTP: &http.Client{Transport: nowhere{}},
	})
	require.NoError(f, err)
	desk := answering("x", true)
	desk.form = &bot.Form{Command: "ack", Fields: []bot.Field{{Word: "because"}}}
	f.Fuzz(func(t *testing.T, isForm bool, body string) {
		kind := jsonType
		if isForm {
			kind = form
		}
		c.seen = &seen{}
		w := httptest.NewRecorder()
		c.Handler(desk).ServeHTTP(w, signed("/slack/events", kind, body, secret, time.Now()))
		c.Wait()
		require.Empty(t, log.told)
		require.Contains(t, []int{http.StatusOK, http.StatusBadRequest}, w.Code)
	})
}

// panics keeps what the log tells of one in the background.
type panics struct {
	slog.Handler
	mu   sync.Mutex
	told []string
}

func (p *panics) Enabled(context.Context, slog.Level) bool { return true }

func (p *panics) Handle(_ context.Context, r slog.Record) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "panic" || a.Key == "stack" {
			p.told = append(p.told, a.Value.String())
		}
		return true
	})
	return nil
}
