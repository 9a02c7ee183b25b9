package teams

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/infracloudio/msbotbuilder-go/connector/auth"
	"github.com/infracloudio/msbotbuilder-go/schema"
	"github.com/stretchr/testify/require"

	"bellwether/bot"
	"bellwether/internal/chat/teams/token"
	"bellwether/internal/peers"
	"bellwether/pipeline"
)

const (
	user   = "00000000-0000-0000-0000-000000000042" // Entra's id of TeamsUser
	thread = peers.TeamsChannel + ";messageid=1795438653001"
)

// checkout is the channel of most tests.
var checkout = pipeline.Channel{Platform: Platform, Group: peers.TeamsGroup, ID: peers.TeamsChannel}

// site is a Chat with all that it talks to.
type site struct {
	*Chat
	t         *testing.T
	teams     *peers.FlakyTeams
	microsoft *peers.Microsoft
	tokens    *tokens
	letters   *letters
	stored    *installations
	seen      *seen
	number    int // of activities
}

func newSite(t *testing.T) *site {
	s := &site{
		t: t, teams: peers.NewFlakyTeams(peers.TeamsChannel), microsoft: peers.NewMicrosoft(t), tokens: &tokens{next: []string{peers.TeamsToken}},
		letters: &letters{letters: map[string]bot.Letter{}}, stored: &installations{teams: map[string]bot.Installation{}}, seen: &seen{},
	}
	t.Cleanup(s.teams.Close)
	chat, err := New(s.settings())
	require.NoError(t, err)
	chat.jitter = func(time.Duration) time.Duration { return 0 }
	s.Chat = chat
	return s
}

// newQuietSite believes everybody and has no network.
func newQuietSite(t *testing.T) *Chat {
	chat, err := New(Settings{
		AppID: peers.TeamsApp, Tenant: peers.TeamsTenant, Validator: believing{}, Tokens: &tokens{next: []string{"t"}},
		PictureURL: func(string) string { return "" }, RunURL: func(string) string { return "" },
		Installations: &installations{teams: map[string]bot.Installation{}}, Seen: &seen{}, Threads: threads{}, Letters: &letters{},
		Log: slog.New(slog.DiscardHandler), Now: time.Now, HTTP: &http.Client{Transport: refusing{}},
	})
	require.NoError(t, err)
	return chat
}

// believing is a validator for tests alone.
type believing struct{}

func (believing) AuthenticateRequest(context.Context, schema.Activity, string, auth.CredentialProvider, string) (auth.ClaimsIdentity, error) {
	return nil, nil
}

// refusing has no network.
type refusing struct{}

func (refusing) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("no network")
}

func (s *site) settings() Settings {
	validator, err := token.NewValidator(token.Settings{AppID: s.microsoft.AppID, Tenant: s.microsoft.Tenant, OpenID: s.microsoft.OpenID()})
	require.NoError(s.t, err)
	return Settings{
		AppID: peers.TeamsApp, Tenant: peers.TeamsTenant, Validator: validator, Tokens: s.tokens, ServiceURL: s.teams.URL(),
		PictureURL:    func(key string) string { return "https://bellwether.example/pictures/" + key },
		RunURL:        func(run string) string { return "https://bellwether.example/runs/" + run },
		Installations: s.stored, Seen: s.seen, Threads: threads{thread: "R42"}, Letters: s.letters,
		Log: slog.New(slog.NewTextHandler(s.t.Output(), nil)), Now: time.Now,
		HTTP: &http.Client{Timeout: 5 * time.Second},
	}
}

// activity is one of Teams', in the thread of R42; changes are written over it.
func (s *site) activity(changes map[string]any) map[string]any {
	s.number++
	a := map[string]any{
		"type": "message", "id": fmt.Sprint(s.number), "channelId": "msteams", "serviceUrl": s.ServiceURL, "localTimezone": "Asia/Singapore",
		"timestamp": "2026-11-23T07:00:00.123Z",
		"from":      map[string]any{"id": peers.TeamsUser, "name": "Dev Singh", "aadObjectId": user},
		"recipient": map[string]any{"id": peers.TeamsBot, "name": "Bellwether"},
		"conversation": map[string]any{
			"id": thread, "conversationType": "channel", "isGroup": true, "tenantId": peers.TeamsTenant,
		},
		"channelData": map[string]any{
			"tenant": map[string]any{"id": peers.TeamsTenant}, "channel": map[string]any{"id": peers.TeamsChannel},
			"team": map[string]any{"id": peers.TeamsTeam},
		},
	}
	for k, v := range changes {
		a[k] = v
	}
	return a
}

// mention is "@Bellwether …".
func (s *site) mention(text string) map[string]any {
	return s.activity(map[string]any{
		"text": "<at>Bellwether</at>&nbsp;" + text + "\n",
		"entities": []any{
			map[string]any{"type": "mention", "text": "<at>Bellwether</at>", "mentioned": map[string]any{"id": peers.TeamsBot}},
			map[string]any{"type": "clientInfo", "timezone": "Europe/Berlin"},
		},
	})
}

// alone is a message in a chat of TeamsUser with the bot.
func (s *site) alone(text string) map[string]any {
	return s.activity(map[string]any{
		"text":         text,
		"conversation": map[string]any{"id": "a:" + peers.TeamsUser, "conversationType": "personal", "tenantId": peers.TeamsTenant},
		"channelData":  map[string]any{"tenant": map[string]any{"id": peers.TeamsTenant}},
	})
}

// press is a pressed button with that data.
func (s *site) press(data map[string]any) map[string]any {
	return s.activity(map[string]any{
		"type": "invoke", "name": "adaptiveCard/action", "replyToId": "1795438653001",
		"value": map[string]any{"action": map[string]any{"type": "Action.Execute", "verb": data["verb"], "data": data}, "trigger": "manual"},
	})
}

func (s *site) body(a map[string]any) string {
	raw, err := json.Marshal(a)
	require.NoError(s.t, err)
	return string(raw)
}

// send hands an activity in, signed by Teams, and waits for everything that comes of it.
func (s *site) send(desk Desk, a map[string]any) *httptest.ResponseRecorder {
	service, _ := a["serviceUrl"].(string)
	return s.sendRaw(desk, s.body(a), s.microsoft.Mint(s.microsoft.Claims(service)))
}

func (s *site) sendRaw(desk Desk, body, authorization string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", "/teams/messages", strings.NewReader(body))
	r.Header.Set("Authorization", authorization)
	w := httptest.NewRecorder()
	s.Handler(desk).ServeHTTP(w, r)
	s.Wait()
	return w
}
