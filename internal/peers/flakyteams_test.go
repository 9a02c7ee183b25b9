package peers

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// bot talks to a FlakyTeams with a token.
type bot struct {
	t     *testing.T
	teams *FlakyTeams
	token string
}

func newBot(t *testing.T) *bot {
	teams := NewFlakyTeams(TeamsChannel)
	t.Cleanup(teams.Close)
	return &bot{t, teams, TeamsToken}
}

// ask makes a request about a conversation, and returns the status and the id or error code that it is answered with.
func (b *bot) ask(method, body string, parts ...string) (int, string) {
	b.t.Helper()
	address := b.teams.URL() + "v3/conversations"
	for _, p := range parts {
		address += "/" + url.PathEscape(p)
	}
	r, err := http.NewRequestWithContext(b.t.Context(), method, address, strings.NewReader(body))
	require.NoError(b.t, err)
	r.Header.Set("Authorization", "Bearer "+b.token)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, ""
	}
	defer answer.Body.Close()
	raw, err := io.ReadAll(answer.Body)
	require.NoError(b.t, err)
	var said struct {
		ID    string
		Role  string `json:"userRole"`
		Error struct{ Code string }
	}
	_ = json.Unmarshal(raw, &said)
	return answer.StatusCode, said.ID + said.Role + said.Error.Code
}

const hello = `{"type":"message","text":"hello"}`

func begin(channel string) string {
	return `{"isGroup":true,"bot":{"id":"` + TeamsBot + `"},"tenantId":"` + TeamsTenant + `","channelData":{"channel":{"id":"` + channel + `"}},"activity":` + hello + `}`
}

func chatWith(member string) string {
	return `{"bot":{"id":"` + TeamsBot + `"},"tenantId":"` + TeamsTenant + `","members":[{"id":"` + member + `"}]}`
}

func TestFlakyTeamsKeepsWhatItIsTold(t *testing.T) {
	b := newBot(t)
	status, thread := b.ask("POST", begin(TeamsChannel))
	require.Equal(t, http.StatusCreated, status)
	require.Regexp(t, `^19:checkout@thread.tacv2;messageid=\d+$`, thread)
	_, id := b.ask("POST", hello, thread, "activities")
	status, _ = b.ask("PUT", `{"type":"message","text":"edited"}`, thread, "activities", id)
	require.Equal(t, http.StatusCreated, status)
	_, chat := b.ask("POST", chatWith(TeamsUser))
	b.ask("POST", hello, chat, "activities")

	shown := b.teams.Messages()
	require.Len(t, shown, 3)
	require.Equal(t, TeamsMessage{Conversation: thread, ID: id, Text: "edited", Edits: 1}, shown[1])
	require.Equal(t, chat, shown[2].Conversation)
	b.ask("DELETE", "", thread, "activities", id)
	require.Len(t, b.teams.Messages(), 2)
	_, role := b.ask("GET", "", TeamsChannel, "members", TeamsUser)
	require.Equal(t, "user", role)
	require.Equal(t, []string{"create", "send", "update", "create", "send", "delete", "member"}, b.teams.Calls())
}

func TestFlakyTeamsRefusesWhatTeamsRefuses(t *testing.T) {
	b := newBot(t)
	_, thread := b.ask("POST", begin(TeamsChannel))
	long := `{"type":"message","text":"` + strings.Repeat("x", teamsBytes+1) + `"}`
	for code, ask := range map[string]func() (int, string){
		"ConversationNotFound":           func() (int, string) { return b.ask("POST", begin("19:other@thread.tacv2")) },
		"BotNotInConversationRoster":     func() (int, string) { return b.ask("POST", chatWith("29:stranger")) },
		"ActivityNotFoundInConversation": func() (int, string) { return b.ask("PUT", hello, thread, "activities", "1") },
		"MemberNotFoundInConversation":   func() (int, string) { return b.ask("GET", "", TeamsChannel, "members", "29:stranger") },
		"MessageSizeTooBig":              func() (int, string) { return b.ask("POST", long, thread, "activities") },
		"BadSyntax": func() (int, string) {
			return b.ask("POST", `{"type":"message","text":"x","timestamp":"0001-01-01T00:00:00Z"}`, thread, "activities")
		},
	} {
		status, said := ask()
		require.Equal(t, code, said)
		require.GreaterOrEqual(t, status, 400)
	}
	b.token = "stolen"
	status, _ := b.ask("POST", hello, thread, "activities")
	require.Equal(t, http.StatusUnauthorized, status)
	require.Len(t, b.teams.Messages(), 1)
}

func TestFlakyTeamsFailsAsItIsTold(t *testing.T) {
	b := newBot(t)
	for fault, want := range map[*Fault]int{
		new(Status(502)): 0, new(Cut()): 0, new(Cut().Accepted()): 1, new(TeamsSays(403, "BotDisabledByAdmin")): 0,
	} {
		before := len(b.teams.Messages())
		b.teams.Fail(func(operation string) *Fault { return map[string]*Fault{"create": fault}[operation] })
		b.ask("POST", begin(TeamsChannel))
		require.Len(t, b.teams.Messages(), before+want, fault.Name)
		require.Equal(t, 1, b.teams.Met()[fault.Name])
	}
}
