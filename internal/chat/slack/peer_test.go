package slack

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/png"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"

	"bellwether/bot"
	"bellwether/internal/peers"
)

// The contract that the fake is tested with, against a Slack that others wrote.

func peerChat(t *testing.T, s interface{ API() string }) *Chat {
	c, err := New(Settings{
		Workspaces: []Workspace{{BotToken: peers.SlackBotToken}}, SigningSecret: peers.SlackSigningSecret, AppToken: peers.SlackAppToken, APIURL: s.API(),
		Seen: &seen{}, Threads: threads{}, Log: slog.New(slog.NewTextHandler(t.Output(), nil)), Now: time.Now,
	})
	require.NoError(t, err)
	c.every = rate.Inf
	require.NoError(t, c.Hello(t.Context()))
	return c
}

// picture is a small PNG.
func picture(t *testing.T) []byte {
	img := image.NewGray(image.Rect(0, 0, 300, 100))
	for x := range 300 {
		img.SetGray(x, 50, color.Gray{Y: 255})
	}
	var b bytes.Buffer
	require.NoError(t, png.Encode(&b, img))
	return b.Bytes()
}

func TestPeerPostEditFind(t *testing.T) {
	s := peers.NewSlack(t, "http://127.0.0.1:9/")
	c, since := peerChat(t, s), time.Now()
	o := root("R42/slack:C0CHECKOUT/root")
	ts, err := c.Post(t.Context(), o)
	require.NoError(t, err)
	reply := root("R42/slack:C0CHECKOUT/results")
	reply.Thread = ts
	replyTS, err := c.Post(t.Context(), reply)
	require.NoError(t, err)
	p := chart(ts)
	p.Picture = picture(t)
	file, err := c.Post(t.Context(), p)
	require.NoError(t, err)
	o.Message.Title = "checkout 1.5.0 passed"
	require.NoError(t, c.Edit(t.Context(), o, ts))

	got := s.Messages(peers.SlackChannel)
	require.Len(t, got, 3)
	require.Equal(t, "checkout 1.5.0 passed", strings.TrimPrefix(got[0].Text, "⏳ Waiting · "))
	require.NotNil(t, got[0].Edited)
	require.Equal(t, replyTS, got[1].TS)
	require.Equal(t, []string{"", ts, ts}, []string{got[0].Thread, got[1].Thread, got[2].Thread})
	require.Len(t, got[2].Files, 1)
	require.Equal(t, file, got[2].Files[0].ID)
	require.Equal(t, p.Message.Title, got[2].Files[0].Title)
	require.Equal(t, len(p.Picture), got[2].Files[0].Size)

	for want, o := range map[string]bot.Outgoing{ts: o, replyTS: reply, file: p} {
		ref, err := c.Find(t.Context(), o, since)
		require.NoError(t, err)
		require.Equal(t, want, ref, o.ID)
	}
	nowhere := root("R1")
	nowhere.Channel.ID = "C0NOWHERE"
	_, err = c.Post(t.Context(), nowhere)
	require.ErrorAs(t, err, new(*bot.NotSent))
	require.ErrorContains(t, err, "/invite @bellwether")
}

func TestPeerSpeaks(t *testing.T) {
	for name, socket := range map[string]bool{"HTTP": false, "Socket Mode": true} {
		t.Run(name, func(t *testing.T) {
			s, c, d := listening(t, socket)
			converse(t, s, c, d)
		})
	}
}

// converse says one thing each way and looks at what the person sees.
func converse(t *testing.T, s *peers.Slack, c *Chat, d *doer) {
	o := root("R42/slack:C0CHECKOUT/root")
	o.Message.Actions = []bot.Action{{Label: "Acknowledge", Command: "ack R42"}}
	ts, err := c.Post(t.Context(), o)
	require.NoError(t, err)
	c.threads = threads{ts: "R42"}
	steps := []struct {
		say  func()
		want string
	}{
		{func() { s.Command(peers.SlackChannel, "help") }, "slack:C0CHECKOUT U0DEVSG dev-sg [] help"},
		{func() { s.Press(peers.SlackChannel, ts, "ack R42") }, "slack:C0CHECKOUT U0DEVSG dev-sg [R42] ack R42"},
		{func() { s.Say(peers.SlackChannel, ts, "<@U0BELL> status") }, "slack:C0CHECKOUT U0DEVSG dev-sg [R42] status"},
	}
	for i, step := range steps {
		step.say()
		require.Eventually(t, func() bool { return private(s) == i+1 }, 5*time.Second, 5*time.Millisecond, step.want)
		require.Equal(t, step.want, d.heard()[i])
	}
}

// A form is opened, filled in and sent, and the Home tab is shown and used, on a Slack that others wrote.
func TestPeerFormsAndHome(t *testing.T) {
	for name, socket := range map[string]bool{"HTTP": false, "Socket Mode": true} {
		t.Run(name, func(t *testing.T) {
			s, c, d := listening(t, socket)
			d.form = &bot.Form{Title: "Acknowledge", Command: "ack R42", Send: "Acknowledge", Fields: []bot.Field{
				{Word: "because", Label: "Why"}, {Word: "scope", Label: "Of what", Options: []bot.Option{{Label: "Checkout", Value: "checkout-flow"}}, Optional: true},
			}}
			ts, err := c.Post(t.Context(), root("R42/slack:C0CHECKOUT/root"))
			require.NoError(t, err)
			c.threads = threads{ts: "R42"}
			s.PressButton(peers.SlackChannel, ts, "form-0", "ack R42")
			require.Eventually(t, func() bool { return len(s.Modals()) == 1 }, 5*time.Second, 5*time.Millisecond)
			require.Equal(t, place{Channel: peers.SlackChannel, Root: ts, Command: "ack R42"}.String(), s.Modals()[0].Metadata)
			s.Submit(map[string]map[string]any{
				"because": {"value": "the cache was cold"}, "scope": {"selected_option": map[string]any{"value": "checkout-flow"}},
			})
			require.Eventually(t, func() bool { return private(s) == 1 }, 5*time.Second, 5*time.Millisecond)
			require.Equal(t, []string{
				"form: slack:C0CHECKOUT U0DEVSG dev-sg [R42] ack R42",
				"slack:C0CHECKOUT U0DEVSG dev-sg [R42] ack R42 scope checkout-flow because the cache was cold",
			}, d.heard())

			s.OpenHome()
			require.Eventually(t, func() bool { home, ok := s.Home(); return ok && strings.Contains(home.Raw, "What I understand") }, 5*time.Second, 5*time.Millisecond)
			require.Equal(t, "slack: U0DEVSG dev-sg [] open", d.heard()[2])
			before, _ := s.Home()
			s.PressAtHome("action-0", "rerun R42")
			require.Eventually(t, func() bool { home, _ := s.Home(); return home.ID != before.ID }, 5*time.Second, 5*time.Millisecond, "drawn anew")
			require.Equal(t, []string{"slack: U0DEVSG dev-sg [] rerun R42", "slack: U0DEVSG dev-sg [] open"}, d.heard()[3:])
			require.Len(t, s.Modals(), 1, "the private answer")
		})
	}
}

// listening is a local-slack with an app that hears what is said there.
func listening(t *testing.T, socket bool) (*peers.Slack, *Chat, *doer) {
	d := answering("What I understand", true)
	if !socket {
		var h atomic.Pointer[http.Handler]
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*h.Load()).ServeHTTP(w, r) }))
		t.Cleanup(server.Close)
		s := peers.NewSlack(t, server.URL+"/slack/events")
		c := peerChat(t, s)
		handler := c.Handler(d)
		h.Store(&handler)
		return s, c, d
	}
	s := peers.NewSlack(t, "")
	c := peerChat(t, s)
	ended := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { ended <- c.Socket(ctx, d) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
	})
	require.Eventually(t, s.Connected, 10*time.Second, 10*time.Millisecond)
	return s, c, d
}

// private counts the answers that only the person sees.
func private(s *peers.Slack) int {
	n := 0
	for _, m := range s.Messages(peers.SlackChannel) {
		if m.Ephemeral == peers.SlackUser && strings.Contains(m.Text, "What I understand") {
			n++
		}
	}
	return n
}
