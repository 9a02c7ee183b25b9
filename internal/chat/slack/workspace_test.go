package slack

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/bot"
	"bellwether/commands"
	"bellwether/internal/peers"
	"bellwether/pipeline"
)

const (
	secondTeam  = "T0SECOND"
	secondToken = "xoxb-second"
	secondBot   = "U0SECOND"
)

// two workspaces, the second with a person of its own.
func two(t *testing.T) *scene {
	s := newScene(t)
	s.Install(secondToken, peers.SlackWorkspace{Team: secondTeam, Bot: secondBot, URL: "https://second.slack.com/"})
	s.Meet("U0OTHER", peers.SlackPerson{Name: "other", Team: secondTeam})
	c, err := New(Settings{
		Workspaces: []Workspace{{BotToken: peers.SlackBotToken}, {BotToken: secondToken}}, SigningSecret: secret, APIURL: s.API(),
		Seen: &seen{}, Threads: threads{}, Log: s.chat.log, Now: time.Now,
	})
	require.NoError(t, err)
	c.every = s.chat.every
	require.NoError(t, c.Hello(t.Context()))
	s.chat = c
	return s
}

func TestMessagesGoToTheirWorkspace(t *testing.T) {
	s := two(t)
	tokens := s.tokens()
	o := root("R1")
	o.Links, o.Message.Body = map[string]string{"R0": "1.000001"}, []bot.Text{{bot.ThreadOf("R0")}}
	for group, want := range map[string]string{"": peers.SlackBotToken, peers.SlackTeam: peers.SlackBotToken, secondTeam: secondToken} {
		o.Channel.Group = group
		_, err := s.chat.Post(t.Context(), o)
		require.NoError(t, err)
		require.Equal(t, want, tokens.last(), group)
		url := map[string]string{peers.SlackBotToken: "https://innerscale.slack.com/archives", secondToken: "https://second.slack.com/archives"}[want]
		require.Contains(t, s.Messages()[len(s.Messages())-1].Blocks, url)
	}
	o.Channel.Group = "T0NOWHERE"
	_, posted := s.chat.Post(t.Context(), o)
	_, found := s.chat.Find(t.Context(), o, time.Now())
	for _, err := range []error{posted, found, s.chat.Edit(t.Context(), o, "1.1")} {
		require.ErrorAs(t, err, new(*bot.Refused))
		require.ErrorContains(t, err, "T0TEAM, T0SECOND")
	}
}

// spy notes the tokens of requests.
type spy struct {
	mu   sync.Mutex
	used []string
	next http.RoundTripper
}

func (s *scene) tokens() *spy {
	watch := &spy{next: http.DefaultTransport}
	s.chat.http = &http.Client{Transport: watch}
	return watch
}

func (s *spy) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := r.GetBody()
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	_, _ = b.ReadFrom(body)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, token := range []string{peers.SlackBotToken, secondToken} {
		if bytes.Contains(b.Bytes(), []byte("token="+token)) || r.Header.Get("Authorization") == "Bearer "+token {
			s.used = append(s.used, token)
		}
	}
	return s.next.RoundTrip(r)
}

func (s *spy) last() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.used[len(s.used)-1]
}

func TestDeliveriesAreAnsweredInTheirWorkspace(t *testing.T) {
	s := two(t)
	tokens := s.tokens()
	say := func(id, team, authorized string) {
		body := pretty(map[string]any{
			"type": "event_callback", "event_id": id, "team_id": team, "authorizations": []any{map[string]any{"team_id": authorized}},
			"event": map[string]any{"type": "app_mention", "user": "U0OTHER", "text": "<@U0SECOND> status", "ts": "2.1", "channel": where},
		})
		require.Equal(t, http.StatusOK, send(s.chat, s.desk, signed("/slack/events", jsonType, body, secret, time.Now())).Code)
	}
	say("Ev1", secondTeam, secondTeam)
	say("Ev2", "T0PARTNER", secondTeam) // a shared channel: the speaker's workspace is not ours
	require.Len(t, s.desk.who, 2)
	for _, who := range s.desk.who {
		require.Equal(t, commands.Caller{
			Channel: pipeline.Channel{Platform: Platform, Group: secondTeam, ID: where}, Workspace: secondTeam, User: "U0OTHER", Name: "other",
		}, who)
	}
	require.Equal(t, secondToken, tokens.last())
	require.Contains(t, s.desk.said[0], "status", "its own bot was mentioned")
	require.Len(t, s.Whispers(), 2)
	say("Ev3", "T0STRANGE", "T0STRANGE")
	require.Len(t, s.desk.said, 2, "of a workspace that is not in the settings")
}

func TestHelloRefusesTheSameWorkspaceTwice(t *testing.T) {
	s := newScene(t)
	s.Install(secondToken, peers.SlackWorkspace{Team: peers.SlackTeam})
	c, err := New(Settings{Workspaces: []Workspace{{BotToken: peers.SlackBotToken}, {BotToken: secondToken}}, SigningSecret: secret, APIURL: s.API(), Log: slog.Default()})
	require.NoError(t, err)
	require.ErrorContains(t, c.Hello(t.Context()), "two tokens of the workspace T0TEAM")
}

func TestRevocationIsTold(t *testing.T) {
	for kind, want := range map[string][]string{"app_uninstalled": {peers.SlackTeam}, "tokens_revoked": {peers.SlackTeam}, "of a person": nil} {
		var told []string
		var log bytes.Buffer
		s := newScene(t, func(_ *scene, s *Settings) {
			s.Revoked = func(workspace string) { told = append(told, workspace) }
			s.Log = slog.New(slog.NewTextHandler(&log, nil))
		})
		e := map[string]any{"type": kind, "tokens": map[string]any{"bot": []string{peers.SlackBot}}}
		if kind == "of a person" {
			e = map[string]any{"type": "tokens_revoked", "tokens": map[string]any{"oauth": []string{"U1"}}}
		}
		s.event(t, "Ev1", e)
		s.event(t, "Ev1", e)
		require.Equal(t, want, told, kind)
		require.Equal(t, want != nil, bytes.Contains(log.Bytes(), []byte("install the app again")), kind)

		s.Revoke(true)
		_, err := s.chat.Post(t.Context(), root("R2"))
		require.ErrorAs(t, err, new(*bot.Refused), "parked")
	}
}

// vault keeps tokens in memory.
type vault struct {
	mu   sync.Mutex
	kept map[string][]byte
}

func (v *vault) Tokens(_ context.Context, key string) ([]byte, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.kept[key], nil
}

func (v *vault) SwapTokens(_ context.Context, key string, was, now []byte) (bool, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !bytes.Equal(v.kept[key], was) {
		return false, nil
	}
	v.kept[key] = now
	return true, nil
}

func TestTokensRotate(t *testing.T) {
	now := time.Now()
	s := newScene(t, func(s *scene, settings *Settings) {
		s.Rotate("1.2", "client-secret", "xoxe-first", 12*time.Hour)
		settings.Workspaces = []Workspace{{RefreshToken: "xoxe-first"}}
		settings.ClientID, settings.ClientSecret, settings.Tokens = "1.2", "client-secret", &vault{kept: map[string][]byte{}}
		settings.Now = func() time.Time { return now }
	})
	require.Equal(t, 1, s.Exchanges())
	s.ExpireTokens() // before their time
	_, err := s.chat.Post(t.Context(), root("R1"))
	var rest *bot.NotSent
	require.ErrorAs(t, err, &rest)
	require.Equal(t, renewed, rest.After)
	_, err = s.chat.Post(t.Context(), root("R1"))
	require.NoError(t, err)
	now = now.Add(11 * time.Hour)
	_, err = s.chat.Post(t.Context(), root("R1"))
	require.NoError(t, err)
	require.Equal(t, 3, s.Exchanges())

	gone := peers.Says("invalid_refresh_token")
	s.Fail(func(method string) *peers.Fault {
		if method == "oauth.v2.access" {
			return &gone
		}
		return nil
	})
	now = now.Add(24 * time.Hour)
	_, err = s.chat.Post(t.Context(), root("R1"))
	require.ErrorAs(t, err, &rest, "nothing is lost")
	require.ErrorContains(t, err, "chat.slack.rotation.refresh_token")
	require.False(t, errors.As(err, new(*bot.Refused)))
}

func TestRotationWantsItsSecrets(t *testing.T) {
	_, err := New(Settings{Workspaces: []Workspace{{RefreshToken: "xoxe-1"}}, SigningSecret: secret, Log: slog.Default()})
	require.ErrorContains(t, err, "client_secret")
	_, err = New(Settings{Workspaces: []Workspace{{BotToken: "xoxb-1"}, {}}, SigningSecret: secret, Log: slog.Default()})
	require.ErrorContains(t, err, "bot_token 2 is empty")
}
