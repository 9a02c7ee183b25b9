package peers

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// What the Agents Playground knows: one team with two channels, six people, one of whom sits before it.
const (
	PlaygroundTeam     = "19:shop@thread.tacv2" // and its General channel
	PlaygroundGroup    = "3a1f6d2e-7c55-4f0b-9a87-5d0e1c2b3a4f"
	PlaygroundChannel  = "19:checkout@thread.tacv2"
	PlaygroundPersonal = "a:1personal-dev-sg"
	PlaygroundBot      = "Bellwether"
)

// PlaygroundUser is somebody in the tenant: ID is Teams', Object is Entra's.
type PlaygroundUser struct{ ID, Object, Name string }

// The people that tests speak of; four more fill the team.
var (
	PlaygroundMe    = PlaygroundUser{"29:1dev-sg", "5b0f7f0e-1111-4a6b-8c3d-000000000001", "Dev of Singapore"}
	PlaygroundOther = PlaygroundUser{"29:1ops-london", "5b0f7f0e-1111-4a6b-8c3d-000000000002", "Ops of London"}
)

// Playground is a running Microsoft 365 Agents Playground, a Teams with a page of its own. Measured with 0.2.28:
//
//   - It sends no token. What it sends goes through a proxy here that adds a Microsoft's, so that the bot believes as it does
//     in earnest; the bot's id and the tenant are that Microsoft's.
//   - It speaks for a channel only when the bot is mentioned, as Teams does. A new post is a thread of its own, and everything
//     in a thread has the conversation "<channel>;messageid=<root>". Messages are always from the person before it, whatever
//     the request says; buttons are pressed by whom it says.
//   - An activity's id is not the id of its message, and messages have no replyToId.
//   - Its connector takes POST and PUT of activities, not DELETE (501), and shows none of them; only the socket of its page
//     does, which repeats to its first reader all that the bot said before. PUT takes a text or a card, not both. Nothing is
//     too long for it, nothing too often, and it looks at no token.
//   - Members are found by Teams' id only; the real one knows Entra's as well.
//   - A card that answers a button is shown to whoever pressed, and kept; the socket does not tell of it.
//   - It listens on all interfaces.
type Playground struct {
	URL string // of its web page

	t      testing.TB
	vouch  *Microsoft
	mu     sync.Mutex
	posted []PlaygroundMessage
}

// NewPlayground starts one that sends what people do to the endpoint, in the name of m.
func NewPlayground(t testing.TB, m *Microsoft, endpoint string) *Playground {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		missing(t, "Teams", "there is no node")
	}
	program := filepath.Join(folder(), "node_modules", "@microsoft", "m365agentsplayground", "cli.js")
	installed(t, "Teams", program)
	port := freePort(t)
	p := &Playground{URL: "http://127.0.0.1:" + port, t: t, vouch: m}
	cmd := exec.Command(node, program, "start", "--app-endpoint", p.signing(endpoint), "--channel-id", "msteams", "--port", port,
		"--service-url", p.Connector(), "--disable-telemetry")
	cmd.Env = append(os.Environ(), "TEAMSAPPTESTER_BROWSER=none", "M365_AGENTS_PLAYGROUND_CONFIG_PATH="+p.settings(),
		"M365_AGENTS_PLAYGROUND_LOGFILE="+filepath.Join(t.TempDir(), "playground.log"))
	start(t, cmd, func() bool { return succeeds(p.URL + "/_internal/v1/testConfig") })
	p.listen()
	return p
}

// Connector is the service URL, where the bot posts.
func (p *Playground) Connector() string { return p.URL + "/_connector" }

// signing is an address that passes what it gets on to the endpoint, with a token.
func (p *Playground) signing(endpoint string) string {
	to, err := url.Parse(endpoint)
	require.NoError(p.t, err)
	proxy := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.Out.URL, r.Out.Host = to, to.Host
		r.Out.Header.Set("Authorization", p.vouch.Mint(p.vouch.Claims(p.Connector())))
	}})
	p.t.Cleanup(proxy.Close)
	return proxy.URL
}

// settings is its file of people and channels; JSON is YAML.
func (p *Playground) settings() string {
	person := func(u PlaygroundUser) map[string]any {
		mail := u.Object + "@example.com"
		return map[string]any{
			"id": u.ID, "name": u.Name, "aadObjectId": u.Object, "userPrincipleName": mail, "email": mail, "givenName": u.Name, "surname": "",
		}
	}
	others := []any{person(PlaygroundOther)}
	for _, n := range []string{"3", "4", "5", "6"} { // it insists on five others
		others = append(others, person(PlaygroundUser{"29:1person-" + n, "5b0f7f0e-1111-4a6b-8c3d-00000000000" + n, "Person " + n}))
	}
	raw, err := json.Marshal(map[string]any{
		"version": "0.1.1", "tenantId": p.vouch.Tenant, "bot": map[string]any{"id": p.bot(), "name": PlaygroundBot},
		"currentUser": person(PlaygroundMe), "users": others,
		"personalChat": map[string]any{"id": PlaygroundPersonal},
		"groupChat":    map[string]any{"id": "19:group@thread.v2", "name": "Group"},
		"team": map[string]any{
			"id": PlaygroundTeam, "name": "Shop", "aadGroupId": PlaygroundGroup,
			"channels": []any{map[string]any{"id": PlaygroundChannel, "name": "team-checkout"}},
		},
	})
	require.NoError(p.t, err)
	path := filepath.Join(p.t.TempDir(), "playground.yml")
	require.NoError(p.t, os.WriteFile(path, raw, 0o600))
	return path
}

// bot is the id by which it is mentioned.
func (p *Playground) bot() string { return "28:" + p.vouch.AppID }

// Install puts the bot into a channel, or into the personal chat.
func (p *Playground) Install(conversation string) {
	p.t.Helper()
	p.ask("/_debug/conversation/"+conversation+"/installation", map[string]any{}, nil)
}

// Say has the person before it write: to the bot alone in the personal chat, mentioning it in a channel or in a thread. It
// returns the conversation in which an answer belongs.
func (p *Playground) Say(conversation, text string) (thread string) {
	p.t.Helper()
	body := map[string]any{"from": map[string]any{"id": PlaygroundMe.ID}, "text": text, "textFormat": "plain"}
	if conversation != PlaygroundPersonal {
		at := "<at>" + PlaygroundBot + "</at>"
		body["text"] = at + " " + text
		body["mentions"] = []any{map[string]any{"mentioned": map[string]any{"id": p.bot()}, "text": at}}
	}
	var got struct {
		Thread string `json:"postConversationId"`
	}
	p.ask("/_conversation/v1/conversations/"+conversation+"/messages", body, &got)
	if got.Thread == "" {
		return conversation
	}
	return got.Thread
}

// Send delivers an activity as it stands. It is how somebody else says something.
func (p *Playground) Send(activity map[string]any) {
	p.t.Helper()
	p.ask("/_internal/v1/customActivities", activity, nil)
}

// Press has somebody press a button of the card in that message of a thread or chat: an Action.Execute, whose data may have
// inputs among it. It returns the bot's answer.
func (p *Playground) Press(by PlaygroundUser, thread, message, verb string, data any) PlaygroundAnswer {
	p.t.Helper()
	var answer PlaygroundAnswer
	p.ask("/_conversation/v1/invoke", map[string]any{
		"name": "adaptiveCard/action", "from": map[string]any{"id": by.ID}, "conversation": map[string]any{"id": thread}, "replyToId": message,
		"value": map[string]any{"action": map[string]any{"type": "Action.Execute", "verb": verb, "data": data}, "trigger": "manual"},
	}, &answer)
	return answer
}

// PlaygroundAnswer is what a bot says to a button: a card, a message, an error.
type PlaygroundAnswer struct {
	Type  string          `json:"type"`
	Value json.RawMessage `json:"value"`
}

// Preview is the bot's answer to a link that the person pastes while writing; nil when there was none.
func (p *Playground) Preview(channel, link string) json.RawMessage {
	p.t.Helper()
	var answer struct {
		Result json.RawMessage `json:"composeExtension"`
	}
	p.ask("/_conversation/v1/invoke", map[string]any{
		"name": "composeExtension/queryLink", "from": map[string]any{"id": PlaygroundMe.ID}, "conversation": map[string]any{"id": channel},
		"value": map[string]any{"url": link},
	}, &answer)
	return answer.Result
}

// ask its page's own interface to do something.
func (p *Playground) ask(path string, body, into any) {
	p.t.Helper()
	raw, err := json.Marshal(body)
	require.NoError(p.t, err)
	r, err := http.Post(p.URL+path, "application/json", bytes.NewReader(raw))
	require.NoError(p.t, err)
	defer r.Body.Close()
	said, err := io.ReadAll(r.Body)
	require.NoError(p.t, err)
	require.Equal(p.t, http.StatusOK, r.StatusCode, "%s: %s", path, said)
	if into != nil && len(strings.TrimSpace(string(said))) > 0 {
		require.NoError(p.t, json.Unmarshal(said, into), "%s", said)
	}
}

func succeeds(url string) bool {
	client := http.Client{Timeout: patience}
	r, err := client.Get(url)
	if err != nil {
		return false
	}
	_ = r.Body.Close()
	return r.StatusCode == http.StatusOK
}
