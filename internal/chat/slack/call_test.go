package slack

import (
	"bytes"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slack-go/slack"
	"github.com/stretchr/testify/require"

	"bellwether/bot"
	"bellwether/internal/peers"
)

// scripted is a Web API that gives these answers in turn to each method, and the last one for ever.
type scripted map[string][]string

const limited = "429" // an answer that asks to come again in a second

func (s scripted) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	method := strings.TrimPrefix(r.URL.Path, "/api/")
	answers := s[method]
	if len(answers) > 1 {
		s[method] = answers[1:]
	}
	if answers[0] == limited {
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusTooManyRequests)
		return
	}
	_, _ = w.Write([]byte(answers[0]))
}

func (s scripted) chat(t *testing.T) *Chat {
	c, err := New(Settings{
		Workspaces: installed, SigningSecret: secret, Log: slog.New(slog.NewTextHandler(t.Output(), nil)), Now: time.Now,
		HTTP: &http.Client{Transport: inProcess{s}},
	})
	require.NoError(t, err)
	s["auth.test"] = []string{`{"ok":true,"team_id":"T0TEAM","user_id":"U0BELL"}`}
	require.NoError(t, c.Hello(t.Context()))
	return c
}

const colleague = `{"ok":true,"user":{"id":"U1","name":"siti","team_id":"T0TEAM"}}`

// What Slack has certainly not done is asked once more, if that is in time.
func TestAskedOnceMore(t *testing.T) {
	for name, test := range map[string]struct {
		answers []string
		took    time.Duration
		guest   bool
	}{
		"at once":       {[]string{colleague}, 0, false},
		"limited":       {[]string{limited, colleague}, time.Second, false},
		"limited twice": {[]string{limited, limited, colleague}, time.Second, true},
		"an error":      {[]string{`{"ok":false,"error":"fatal_error"}`, colleague}, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := scripted{"users.info": test.answers}.chat(t)
				w, began := c.workspaces[0], time.Now()
				who := c.meet(t.Context(), w, caller(w, where, "U1", "", ""))
				require.Equal(t, test.guest, who.Outsider)
				require.Equal(t, test.took, time.Since(began))
			})
		})
	}
}

// A form has to open within three seconds: whoever Slack does not tell of by then is not waited for, nor is a turn that comes later.
func TestNothingWaitsBeyondAFormsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := scripted{}.chat(t)
		c.http.Transport = stalled{}
		w, began := c.workspaces[0], time.Now()
		require.True(t, c.meet(t.Context(), w, caller(w, where, "U1", "", "")).Outsider)
		require.Equal(t, introduction, time.Since(began))

		busy := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "30")
			w.WriteHeader(http.StatusTooManyRequests)
		})
		c.http.Transport, began = inProcess{busy}, time.Now()
		require.ErrorAs(t, openView(t.Context(), w, "t1", slack.ModalViewRequest{}), new(*slack.RateLimitedError))
		require.Zero(t, time.Since(began))
	})
}

// A command is answered although the token has expired meanwhile.
func TestAnAnswerOutlivesItsToken(t *testing.T) {
	s := newScene(t, func(s *scene, settings *Settings) {
		s.Rotate("1.2", "client-secret", "xoxe-first", 12*time.Hour)
		settings.Workspaces = []Workspace{{RefreshToken: "xoxe-first"}}
		settings.ClientID, settings.ClientSecret, settings.Tokens = "1.2", "client-secret", &vault{kept: map[string][]byte{}}
	})
	s.ExpireTokens()
	s.event(t, "Ev1", map[string]any{"type": "app_mention", "user": peers.SlackUser, "text": "<@U0BELL> ack", "ts": "2.1", "channel": where})
	require.Len(t, s.Whispers(), 1)
	require.False(t, s.desk.who[0].Outsider)
	require.Equal(t, 2, s.Exchanges())
}

func TestOneWorkspaceLessKeepsBellwetherFromNoOther(t *testing.T) {
	for name, test := range map[string]struct {
		removed map[string]bool // tokens of workspaces that have removed the app
		code    string
		refused string
	}{
		"one":           {map[string]bool{secondToken: true}, "account_inactive", ""},
		"the first":     {map[string]bool{peers.SlackBotToken: true}, "token_revoked", ""},
		"all":           {map[string]bool{peers.SlackBotToken: true, secondToken: true}, "token_revoked", "workspace 2 of 2: token_revoked"},
		"a wrong token": {map[string]bool{secondToken: true}, "invalid_auth", "workspace 2 of 2: invalid_auth"},
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			team := map[string]string{peers.SlackBotToken: peers.SlackTeam, secondToken: secondTeam}
			c, err := New(Settings{
				Workspaces: []Workspace{{BotToken: peers.SlackBotToken}, {BotToken: secondToken}}, SigningSecret: secret,
				Log: slog.New(slog.NewTextHandler(&log, nil)), HTTP: &http.Client{Transport: inProcess{http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if token := r.FormValue("token"); test.removed[token] {
						no(w, test.code)
					} else {
						_, _ = w.Write([]byte(`{"ok":true,"ts":"1.1","team_id":"` + team[token] + `"}`))
					}
				})}},
			})
			require.NoError(t, err)
			err = c.Hello(t.Context())
			if test.refused != "" {
				require.ErrorContains(t, err, test.refused)
				return
			}
			require.NoError(t, err)
			require.Contains(t, log.String(), "install")
			for token, id := range team {
				o := root("R1")
				o.Channel.Group = id
				_, err := c.Post(t.Context(), o)
				if test.removed[token] {
					require.ErrorAs(t, err, new(*bot.Refused), "parked")
					continue
				}
				require.NoError(t, err)
			}
		})
	}
}
