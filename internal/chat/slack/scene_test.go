package slack

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"

	"bellwether/bot"
	"bellwether/commands"
	"bellwether/internal/peers"
)

// doer is a desk that notes what it is told.
type doer struct {
	mu    sync.Mutex
	said  []string
	who   []commands.Caller
	took  time.Duration
	reply commands.Reply
	form  *bot.Form
	ours  string // link that has a preview
}

func (d *doer) Do(_ context.Context, c commands.Caller, text string) commands.Reply {
	time.Sleep(d.took) // in a synctest bubble, where it takes no time
	d.mu.Lock()
	defer d.mu.Unlock()
	d.said, d.who = append(d.said, fmt.Sprintf("%s %s %s [%s] %s", c.Channel, c.User, c.Name, c.Run, text)), append(d.who, c)
	return d.reply
}

func (d *doer) Form(_ context.Context, c commands.Caller, text string) (*bot.Form, commands.Reply) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.said, d.who = append(d.said, fmt.Sprintf("form: %s %s %s [%s] %s", c.Channel, c.User, c.Name, c.Run, text)), append(d.who, c)
	return d.form, d.reply
}

func (d *doer) Preview(_ context.Context, c commands.Caller, link string) (bot.Message, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.said, d.who = append(d.said, fmt.Sprintf("preview: %s %s", c.User, link)), append(d.who, c)
	return d.reply.Message, link == d.ours
}

// heard is what the desk was told so far.
func (d *doer) heard() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.said)
}

func answering(title string, private bool) *doer {
	return &doer{reply: commands.Reply{Message: bot.Message{Title: title}, Private: private}}
}

func pretty(v any) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err.Error()
	}
	return b.String()
}

// scene is a Slack of ours, an app that is installed there, a desk, and what went by response_url.
type scene struct {
	*peers.FlakySlack
	chat *Chat
	desk *doer
	hook *hook
	root string // ts of run R42's message
}

// hook takes what is sent by response_url, and has all else go its way.
type hook struct {
	mu   sync.Mutex
	sent []string
}

func (h *hook) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host != "hooks.slack.com" {
		return http.DefaultTransport.RoundTrip(r)
	}
	return inProcess{http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var b bytes.Buffer
		_, _ = b.ReadFrom(r.Body)
		h.mu.Lock()
		defer h.mu.Unlock()
		h.sent = append(h.sent, b.String())
	})}.RoundTrip(r)
}

// settle lets tests change the settings, which name one workspace.
func newScene(t *testing.T, settle ...func(*scene, *Settings)) *scene {
	s := &scene{FlakySlack: peers.NewFlakySlack(where), desk: answering("What the desk says", true), hook: &hook{}}
	t.Cleanup(s.Close)
	settings := Settings{
		Workspaces: []Workspace{{BotToken: peers.SlackBotToken}}, SigningSecret: secret, APIURL: s.API(), Seen: &seen{},
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)), Now: time.Now, HTTP: &http.Client{Timeout: 5 * time.Second, Transport: s.hook},
	}
	for _, f := range settle {
		f(s, &settings)
	}
	var err error
	s.chat, err = New(settings)
	require.NoError(t, err)
	s.chat.every = rate.Inf
	require.NoError(t, s.chat.Hello(t.Context()))
	s.root, err = s.chat.Post(t.Context(), root("R42/slack:C0CHECKOUT/root"))
	require.NoError(t, err)
	s.chat.threads = threads{s.root: "R42"}
	return s
}

// interact delivers an interaction with these parts.
func (s *scene) interact(t *testing.T, parts map[string]any) int {
	t.Helper()
	payload := map[string]any{
		"team": map[string]any{"id": peers.SlackTeam}, "user": map[string]any{"id": peers.SlackUser, "name": "dev-sg", "team_id": peers.SlackTeam},
		"trigger_id": "t1", "response_url": "https://hooks.slack.com/1",
	}
	for k, v := range parts {
		payload[k] = v
	}
	body := url.Values{"payload": {pretty(payload)}}.Encode()
	w := send(s.chat, s.desk, signed("/slack/interactions", form, body, secret, time.Now()))
	if w.Code == http.StatusOK {
		require.Empty(t, w.Body.String(), "an empty answer closes a form")
	}
	return w.Code
}

// button in a run's message.
func (s *scene) button(id, value string) map[string]any {
	return map[string]any{
		"type": "block_actions", "channel": map[string]any{"id": where}, "message": map[string]any{"ts": s.root},
		"actions": []any{map[string]any{"type": "button", "action_id": id, "block_id": "b", "value": value}},
	}
}

// atHome is a button in the Home tab.
func atHome(id, value string) map[string]any {
	return map[string]any{
		"type": "block_actions", "container": map[string]any{"type": "view"}, "view": map[string]any{"type": "home", "id": "V1"},
		"actions": []any{map[string]any{"type": "button", "action_id": id, "block_id": "b", "value": value}},
	}
}

// filledIn is a form that somebody sends.
func filledIn(metadata string) map[string]any {
	return map[string]any{"type": "view_submission", "view": map[string]any{
		"id": "V1", "type": "modal", "private_metadata": metadata, "state": map[string]any{"values": map[string]any{
			"because": map[string]any{"value": map[string]any{"type": "plain_text_input", "value": "the cache was cold"}},
			"scope":   map[string]any{"value": map[string]any{"type": "static_select", "selected_option": map[string]any{"value": "checkout-flow"}}},
			"until":   map[string]any{"value": map[string]any{"type": "datepicker", "selected_date": "2026-12-01"}},
			"only":    map[string]any{"value": map[string]any{"type": "checkboxes", "selected_options": []any{map[string]any{"value": "a"}, map[string]any{"value": "b"}}}},
			"for":     map[string]any{"value": map[string]any{"type": "plain_text_input", "value": nil}},
		}},
	}}
}

func (s *scene) event(t *testing.T, id string, e map[string]any) {
	t.Helper()
	body := pretty(map[string]any{"type": "event_callback", "event_id": id, "team_id": peers.SlackTeam, "event": e})
	require.Equal(t, http.StatusOK, send(s.chat, s.desk, signed("/slack/events", jsonType, body, secret, time.Now())).Code)
}
