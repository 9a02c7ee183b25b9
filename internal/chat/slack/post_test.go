package slack

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/bot"
	"bellwether/pipeline"
)

func root(intent string) bot.Outgoing {
	return bot.Outgoing{ID: intent, Channel: pipeline.Channel{Platform: Platform, ID: where}, Message: bot.Message{Title: "checkout 1.5.0", Mood: bot.MoodWaiting}}
}

func chart(thread string) bot.Outgoing {
	o := root("R42/slack:C0CHECKOUT/chart/checkout-flow")
	o.Thread, o.Picture = thread, []byte("\x89PNG…")
	o.Message = bot.Message{
		Title: "Latency of checkout-flow", Picture: &bot.Picture{Alt: "p95 169 ms"}, Body: []bot.Text{bot.Plain("Against the band.")},
	}
	return o
}

func TestPostEditFind(t *testing.T) {
	f := newFake(t)
	for _, forgets := range []bool{false, true} {
		f.forgets, f.messages, f.pageSize = forgets, nil, 2
		c, since := f.chat(t), time.Now()
		o := root("R42/slack:C0CHECKOUT/root")
		ts, err := c.Post(t.Context(), o)
		require.NoError(t, err)

		reply := root("R42/slack:C0CHECKOUT/results")
		reply.Thread, reply.Message.Body = ts, []bot.Text{{bot.ThreadOf("R41")}}
		reply.Links = map[string]string{"R41": "1795438653.000001"}
		replyTS, err := c.Post(t.Context(), reply)
		require.NoError(t, err)
		file, err := c.Post(t.Context(), chart(ts))
		require.NoError(t, err)
		for range 3 { // more roots, so that the first is on another page
			_, err := c.Post(t.Context(), root("other"))
			require.NoError(t, err)
		}

		for want, o := range map[string]bot.Outgoing{ts: o, replyTS: reply, file: chart(ts)} {
			got, err := c.Find(t.Context(), o, since)
			require.NoError(t, err)
			require.Equal(t, want, got, o.ID)
		}
		none, err := c.Find(t.Context(), root("R43/slack:C0CHECKOUT/root"), since)
		require.NoError(t, err)
		require.Empty(t, none)

		require.Equal(t, ts, f.messages[1].ThreadTimestamp)
		require.Contains(t, pretty(f.messages[1].Blocks), "https://innerscale.slack.com/archives/C0CHECKOUT/p1795438653000001")
		require.Equal(t, "Latency of checkout-flow", f.messages[2].Files[0].Title)
		require.Equal(t, "Against the band.", f.messages[2].Text)
		require.Equal(t, "p95 169 ms", f.files[file].alt)
		require.Equal(t, chart("").Picture, f.files[file].data)

		o.Message.Title, o.Message.Mood = "checkout 1.5.0 is done", "pass"
		require.NoError(t, c.Edit(t.Context(), o, ts))
		require.Contains(t, f.messages[0].Text, "Passed · checkout 1.5.0 is done")
		again, err := c.Find(t.Context(), o, since)
		require.NoError(t, err)
		require.Equal(t, ts, again, "an edited message still carries its intent")
		before := len(f.calls)
		require.NoError(t, c.Edit(t.Context(), chart(ts), file))
		require.Len(t, f.calls, before, "a picture is never edited")
	}
}

func TestFindGivesUpLoudly(t *testing.T) {
	f := newFake(t)
	c := f.chat(t)
	f.pageSize = 1
	for range pages + 1 {
		_, err := c.Post(t.Context(), root("other"))
		require.NoError(t, err)
	}
	_, err := c.Find(t.Context(), root("R1"), time.Now())
	require.ErrorContains(t, err, "and there are more")
}

// A message that Slack took before the connection broke is found, so that it is not posted again.
func TestLostAnswer(t *testing.T) {
	f := newFake(t)
	c, since := f.chat(t), time.Now()
	f.fail["chat.postMessage after"] = func(w http.ResponseWriter) bool { w.WriteHeader(http.StatusBadGateway); return true }
	o := root("R42/slack:C0CHECKOUT/root")
	_, err := c.Post(t.Context(), o)
	require.Equal(t, "unclear", kind(err))
	ref, err := c.Find(t.Context(), o, since)
	require.NoError(t, err)
	require.Equal(t, f.messages[0].Timestamp, ref)
}

func TestHelloNamesTheWrongToken(t *testing.T) {
	f := newFake(t)
	c, err := New(Settings{Workspaces: []Workspace{{BotToken: "xoxb-wrong"}}, SigningSecret: secret, APIURL: f.url + "/api", Log: slog.Default()})
	require.NoError(t, err)
	err = c.Hello(t.Context())
	require.ErrorContains(t, err, "chat.slack.bot_token")
	require.NotContains(t, err.Error(), "xoxb-wrong")
}

func TestHelloTellsThatSlackIsNotReached(t *testing.T) {
	c, err := New(Settings{Workspaces: installed, SigningSecret: secret, APIURL: "http://127.0.0.1:1/api", Log: slog.Default()})
	require.NoError(t, err)
	err = c.Hello(t.Context())
	require.ErrorContains(t, err, "slack cannot be reached")
	require.ErrorContains(t, err, "chat.slack.api_url")
}

func TestNewWantsSecrets(t *testing.T) {
	_, err := New(Settings{Workspaces: installed})
	require.ErrorContains(t, err, "signing_secret")
	_, err = New(Settings{SigningSecret: secret})
	require.ErrorContains(t, err, "bot_token")
	_, err = New(Settings{Workspaces: installed, SigningSecret: secret, APIURL: "slack"})
	require.ErrorContains(t, err, "api_url")
	_, err = New(Settings{Workspaces: installed, AppToken: "xapp"})
	require.NoError(t, err, "Socket Mode needs no signing secret")
}

// inProcess answers without a network, so that the clock of a synctest bubble can run.
type inProcess struct{ http.Handler }

func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	return w.Result(), nil
}

func TestOneMessageASecondInEachChannel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		taken := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte(`{"ok":true,"ts":"1.1"}`)) })
		c, err := New(Settings{Workspaces: installed, SigningSecret: secret, Log: slog.Default(), HTTP: &http.Client{Transport: inProcess{taken}}})
		require.NoError(t, err)
		began := time.Now()
		post := func(id string) {
			o := root("R1")
			o.Channel.ID = id
			_, err := c.Post(t.Context(), o)
			require.NoError(t, err)
		}
		post("C1")
		post("C2")
		require.Zero(t, time.Since(began), "the first message of a channel goes at once")
		post("C1")
		require.NoError(t, c.Edit(t.Context(), root("R1"), "1.1"))
		post("C1")
		require.Equal(t, 2*time.Second, time.Since(began))

		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		o := root("R1")
		o.Channel.ID = "C1"
		_, err = c.Post(ctx, o)
		require.Equal(t, "not sent", kind(err), "what had no turn was not sent")
	})
}

// Attempts are stamped by a clock that may have jumped.
func TestFindAllowsForAClockThatIsAhead(t *testing.T) {
	f := newFake(t)
	c := f.chat(t)
	o := root("R42/slack:C0CHECKOUT/root")
	ts, err := c.Post(t.Context(), o)
	require.NoError(t, err)
	ref, err := c.Find(t.Context(), o, time.Now().Add(50*time.Minute))
	require.NoError(t, err)
	require.Equal(t, ts, ref)
}
