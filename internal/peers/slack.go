package peers

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What local-slack knows: one app, one person, two channels.
const (
	SlackBotToken      = "xoxb-bellwether-test"
	SlackAppToken      = "xapp-bellwether-test"
	SlackSigningSecret = "8f742231b10e8888abcd99yyyzzz85a5"
	SlackTeam          = "T0TEAM"
	SlackBot           = "U0BELL"
	SlackUser          = "U0DEVSG" // called dev-sg
	SlackChannel       = "C0CHECKOUT"
	SlackOther         = "C0SEARCH"

	slackApp = "A0BELL"
)

// Slack is a running local-slack.
type Slack struct {
	URL string // of its web page
	t   testing.TB
}

// NewSlack starts local-slack. It sends what people do to requestURL, signed; when that is empty, over Socket Mode.
func NewSlack(t testing.TB, requestURL string) *Slack {
	t.Helper()
	program := filepath.Join(folder(), "node_modules", "local-slack-linux-x64", "bin", "local-slack")
	installed(t, "Slack", program)
	mode := "events"
	if requestURL == "" {
		mode = "socket"
	}
	config, err := json.Marshal(map[string]any{
		"workspace": map[string]any{"name": "Innerscale", "domain": "innerscale", "teamId": SlackTeam},
		"app": map[string]any{
			"appId": slackApp, "botUserId": SlackBot, "botName": "bellwether", "botToken": SlackBotToken, "appToken": SlackAppToken,
			"signingSecret": SlackSigningSecret, "mode": mode, "requestUrl": requestURL,
		},
		"users": []any{map[string]any{"id": SlackUser, "name": "dev-sg", "real_name": "Dev of Singapore", "email": "dev-sg@example.com"}},
		"channels": []any{
			map[string]any{"id": SlackChannel, "name": "team-checkout", "members": []string{SlackUser, SlackBot}},
			map[string]any{"id": SlackOther, "name": "team-search", "members": []string{SlackUser, SlackBot}},
		},
	})
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "slack.json")
	require.NoError(t, os.WriteFile(path, config, 0o600))
	port := freePort(t)
	s := &Slack{URL: "http://127.0.0.1:" + port, t: t}
	cmd := exec.Command(program, "--config", path, "--port", port, "--base-host", "127.0.0.1", "--files-dir", t.TempDir())
	start(t, cmd, func() bool { return answers(s.URL + "/_control/state") })
	return s
}

// API is the address for chat.slack.api_url.
func (s *Slack) API() string { return s.URL + "/api/" }

// SlackMessage is a message as local-slack keeps it.
type SlackMessage struct {
	TS        string `json:"ts"`
	Thread    string `json:"thread_ts"`
	User      string `json:"user"`
	Text      string `json:"text"`
	Subtype   string `json:"subtype"`
	Ephemeral string `json:"ephemeral_to"` // the only person who sees it
	Blocks    []struct {
		ID string `json:"block_id"`
	} `json:"blocks"`
	Files []struct {
		ID    string `json:"id"`
		Name  string `json:"name"`
		Title string `json:"title"`
		Size  int    `json:"size"`
	} `json:"files"`
	Edited *struct{} `json:"edited"`
}

// Messages of a channel and its threads, oldest first.
func (s *Slack) Messages(channel string) []SlackMessage {
	s.t.Helper()
	var got struct {
		Messages []SlackMessage `json:"messages"`
	}
	s.look("messages/"+channel, &got)
	return got.Messages
}

// Connected tells whether an app has connected by Socket Mode.
func (s *Slack) Connected() bool {
	s.t.Helper()
	var got struct {
		Log []struct {
			Summary string `json:"summary"`
		} `json:"log"`
	}
	s.look("log", &got)
	for _, entry := range got.Log {
		if strings.HasPrefix(entry.Summary, "socket connected") {
			return true
		}
	}
	return false
}

// Say has the person write a message; it returns its ts. thread may be empty.
func (s *Slack) Say(channel, thread, text string) string {
	s.t.Helper()
	body := map[string]any{"channel": channel, "user": SlackUser, "text": text}
	if thread != "" {
		body["thread_ts"] = thread
	}
	var got struct {
		Message SlackMessage `json:"message"`
	}
	s.control("message", body, &got)
	return got.Message.TS
}

// Command has the person type "/loadtest text".
func (s *Slack) Command(channel, text string) {
	s.t.Helper()
	s.control("command", map[string]any{"channel": channel, "user": SlackUser, "command": "/loadtest", "text": text}, nil)
}

// Press has the person press the button with that value in a message.
func (s *Slack) Press(channel, ts, value string) {
	s.t.Helper()
	s.PressButton(channel, ts, "action-0", value)
}

// PressButton is Press of a button whose action_id matters.
func (s *Slack) PressButton(channel, ts, id, value string) {
	s.t.Helper()
	action := map[string]any{"type": "button", "action_id": id, "block_id": "b", "value": value}
	s.control("interact", map[string]any{"channel": channel, "messageTs": ts, "user": SlackUser, "action": action}, nil)
}

// OpenHome has the person open the app's Home tab.
func (s *Slack) OpenHome() {
	s.t.Helper()
	s.control("open-home", map[string]any{"user": SlackUser}, nil)
}

// look reads what local-slack knows.
func (s *Slack) look(at string, into any) {
	s.t.Helper()
	r, err := http.Get(s.URL + "/_control/" + at)
	require.NoError(s.t, err)
	defer r.Body.Close()
	require.NoError(s.t, json.NewDecoder(r.Body).Decode(into))
}

// control has the person do something.
func (s *Slack) control(what string, body, into any) {
	s.t.Helper()
	raw, err := json.Marshal(body)
	require.NoError(s.t, err)
	r, err := http.Post(s.URL+"/_control/"+what, "application/json", bytes.NewReader(raw))
	require.NoError(s.t, err)
	defer r.Body.Close()
	require.Equal(s.t, http.StatusOK, r.StatusCode)
	if into != nil {
		require.NoError(s.t, json.NewDecoder(r.Body).Decode(into))
	}
}
