package teams

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/bot"
	"bellwether/internal/peers"
	"bellwether/pipeline"
)

var update = flag.Bool("update", false, "write the goldens anew")

// golden compares an answer with testdata, but for the cards in it: how they are drawn is package card's.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	var answer any
	require.NoError(t, json.Unmarshal(got, &answer))
	pretty, err := json.MarshalIndent(undrawn(answer), "", "  ")
	require.NoError(t, err)
	path := filepath.Join("testdata", name+".json")
	if *update {
		require.NoError(t, os.WriteFile(path, append(pretty, '\n'), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), string(pretty)+"\n")
}

// undrawn has the type of each card in the place of it.
func undrawn(v any) any {
	switch v := v.(type) {
	case map[string]any:
		if v["type"] == "AdaptiveCard" {
			return v["type"]
		}
		for k, inner := range v {
			v[k] = undrawn(inner)
		}
	case []any:
		for i, inner := range v {
			v[i] = undrawn(inner)
		}
	}
	return v
}

var asking = bot.Form{
	Title: "Acknowledge R42", Command: "ack R42", Send: "Acknowledge",
	Fields: []bot.Field{
		{Word: "because", Label: "Reason"},
		{Word: "scope", Label: "Scenario", Options: []bot.Option{{Label: "checkout-flow", Value: "checkout-flow"}}, Optional: true},
	},
}

func button(verb, command string) map[string]any {
	return map[string]any{"verb": verb, "command": command, "intent": root(checkout).ID}
}

// A press is answered with what its message has become.
func TestPress(t *testing.T) {
	s, d := newSite(t), answering("dev-sg cancelled R42", false)
	o := root(checkout)
	s.deliver(o)
	o.Version, o.Message.Title = 2, "checkout 1.5.0 was cancelled"
	require.NoError(t, s.letters.Want(t.Context(), o, time.Time{}))
	w := s.send(d, s.press(button("command", "cancel R42")))
	golden(t, "card", w.Body.Bytes())
	require.Contains(t, w.Body.String(), "checkout 1.5.0 was cancelled")
	require.Equal(t, []string{"cancel R42"}, d.said)
	require.Equal(t, "R42", d.who.Run)
	require.Len(t, s.teams.Messages(), 1, "nothing is posted for it")
}

func TestPressIsAnsweredWithTheReply(t *testing.T) {
	for name, test := range map[string]struct {
		letter  *bot.Letter
		press   map[string]any
		private bool
	}{
		"denied":         {nil, button("command", "cancel R42"), true},
		"no intent":      {nil, map[string]any{"verb": "command", "command": "status"}, false},
		"unknown intent": {nil, button("command", "cancel R42"), false},
		"other channel": {&bot.Letter{Outgoing: bot.Outgoing{
			Channel: pipeline.Channel{Platform: Platform, ID: "19:secret@thread.tacv2"}, Message: bot.Message{Title: "Secret"},
		}}, button("command", "cancel R42"), false},
		"other platform": {&bot.Letter{Outgoing: bot.Outgoing{
			Channel: pipeline.Channel{Platform: "slack", ID: checkout.ID}, Message: bot.Message{Title: "Secret"},
		}}, button("command", "cancel R42"), false},
	} {
		t.Run(name, func(t *testing.T) {
			s, d := newSite(t), answering("What came of it", test.private)
			if test.letter != nil {
				s.letters.letters[root(checkout).ID] = *test.letter
			}
			w := s.send(d, s.press(test.press))
			require.NotContains(t, w.Body.String(), "Secret")
			require.Contains(t, w.Body.String(), "What came of it")
			golden(t, map[bool]string{true: "text", false: "card"}[test.private], w.Body.Bytes())
			require.Empty(t, s.teams.Messages())
		})
	}
}

func TestForm(t *testing.T) {
	s, d := newSite(t), answering("Acknowledged", false)
	s.deliver(root(checkout))
	d.form = &asking
	ask := button("command", "ack R42")
	ask["form"] = true
	w := s.send(d, s.press(ask))
	golden(t, "card", w.Body.Bytes())
	require.Contains(t, w.Body.String(), "Input.Text")

	filled := button("submit", "ack R42")
	filled["because"], filled["scope"] = "cold cache", "checkout-flow"
	s.send(d, s.press(filled))
	require.Equal(t, []string{"form for ack R42", "ack R42 scope checkout-flow because cold cache"}, d.said)

	w = s.send(d, s.press(button("cancel", "ack R42")))
	require.Contains(t, w.Body.String(), "checkout 1.5.0", "the message is there again")
	s.letters.letters = nil
	golden(t, "cancelled", s.send(d, s.press(button("cancel", "ack R42"))).Body.Bytes())
	require.Len(t, d.said, 2, "a form that is put away does nothing")

	d.form, d.reply.Private = nil, true
	w = s.send(d, s.press(ask))
	require.Contains(t, w.Body.String(), answersText, "nothing to ask, and why")
}

func TestButtonsOfOthers(t *testing.T) {
	s, d := newSite(t), answering("x", false)
	a := s.press(nil)
	for _, value := range []any{
		nil,
		map[string]any{"action": 7},
		map[string]any{"action": map[string]any{"data": "x"}},
		map[string]any{"action": map[string]any{"data": map[string]any{"command": 7}}},
	} {
		a["value"] = value
		golden(t, "foreign", s.send(d, a).Body.Bytes())
	}
	a["name"] = "task/fetch"
	require.Equal(t, http.StatusNotImplemented, s.send(d, a).Code)
	require.Empty(t, d.said)
}

// An old client says what a button carries as a message.
func TestPressOfAnOldClient(t *testing.T) {
	s, d := newSite(t), answering("Denied", false)
	s.deliver(root(checkout))
	d.form = &asking
	say := func(data map[string]any) []peers.TeamsMessage {
		s.send(d, s.activity(map[string]any{"value": data}))
		return s.teams.Messages()
	}
	ask := button("command", "ack R42")
	ask["form"] = true
	shown := say(ask)
	require.Len(t, shown, 2)
	require.Equal(t, thread, shown[1].Conversation)
	require.Contains(t, shown[1].Card, "Reason")

	filled := button("submit", "ack R42")
	filled["because"] = "cold cache"
	require.Len(t, say(filled), 2, "what it did shows in its message")
	require.Len(t, say(button("cancel", "ack R42")), 2)
	require.Equal(t, []string{"form for ack R42", "ack R42 because cold cache"}, d.said)
	require.Len(t, say(map[string]any{"verb": "command", "command": "status"}), 3, "under an answer there is no message of a run")
	d.reply.Private = true
	shown = say(button("command", "cancel R42"))
	require.Equal(t, "a:"+peers.TeamsUser, shown[len(shown)-1].Conversation)
}

func TestSlowPressAnswersLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newQuietSite(t)
		var posted bytes.Buffer
		c.client.HTTP.Transport = inProcess{http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			posted.WriteString(r.URL.Path + " ")
			_, _ = w.Write([]byte(`{"id":"1"}`))
		})}
		d := answering("Denied", true)
		d.took = 30 * time.Second
		s := &site{t: t, Chat: c}
		a := s.alone("")
		a["type"], a["name"] = "invoke", "adaptiveCard/action"
		a["value"] = map[string]any{"action": map[string]any{"data": button("command", "cancel R42")}}

		began, w := time.Now(), httptest.NewRecorder()
		r := httptest.NewRequest("POST", "/teams/messages", bytes.NewReader([]byte(s.body(a))))
		r.Header.Set("Authorization", "Bearer any")
		c.Handler(d).ServeHTTP(w, r)
		require.Equal(t, patience, time.Since(began), "answered before Teams loses its patience")
		golden(t, "working", w.Body.Bytes())
		c.Wait()
		require.Equal(t, d.took, time.Since(began))
		require.Contains(t, posted.String(), "/teams/v3/conversations/a:"+peers.TeamsUser+"/activities")
	})
}

// inProcess answers without a network, so that the clock of a synctest bubble can run.
type inProcess struct{ http.Handler }

func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	return w.Result(), nil
}

func TestLink(t *testing.T) {
	s, d := newSite(t), answering("checkout 1.5.0 is slower", false)
	link := func(url any) []byte {
		a := s.activity(map[string]any{"type": "invoke", "name": "composeExtension/queryLink", "value": map[string]any{"url": url}})
		return s.send(d, a).Body.Bytes()
	}
	golden(t, "link", link("https://bellwether.example/runs/R42"))
	require.JSONEq(t, "{}", string(link("https://evil.example/")))
	require.JSONEq(t, "{}", string(link(7)))
	require.Equal(t, []string{"preview of https://bellwether.example/runs/R42", "preview of https://evil.example/", "preview of "}, d.said)
}
