package peers

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"
)

// LocalView is a view as local-slack keeps it.
type LocalView struct {
	ID       string `json:"id"`
	Type     string `json:"type"`
	Metadata string `json:"private_metadata"`
	Blocks   []struct {
		Type    string `json:"type"`
		ID      string `json:"block_id"`
		Element struct {
			Type     string `json:"type"`
			ActionID string `json:"action_id"`
		} `json:"element"`
	} `json:"blocks"`
	Raw string `json:"-"`
}

// slackPage is what local-slack's web page knows when it opens.
type slackPage struct {
	State struct {
		Modals []json.RawMessage                     `json:"modalStack"`
		Homes  map[string]map[string]json.RawMessage `json:"homeViews"` // by user and app
	} `json:"state"`
}

// Modals that are open, the uppermost last.
func (s *Slack) Modals() (open []LocalView) {
	s.t.Helper()
	conn, p := s.page()
	require.NoError(s.t, conn.Close())
	for _, raw := range p.State.Modals {
		open = append(open, s.local(raw))
	}
	return open
}

// Home is the Home tab of the person; false when none was published.
func (s *Slack) Home() (LocalView, bool) {
	s.t.Helper()
	conn, p := s.page()
	require.NoError(s.t, conn.Close())
	for _, raw := range p.State.Homes[SlackUser] {
		return s.local(raw), true
	}
	return LocalView{}, false
}

func (s *Slack) local(raw json.RawMessage) LocalView {
	s.t.Helper()
	v := LocalView{Raw: string(raw)}
	require.NoError(s.t, json.Unmarshal(raw, &v))
	return v
}

// Submit has the person send the uppermost modal with these elements' states (as in view.state.values), by block id. It goes
// the way of local-slack's web page: its control API has none for it.
func (s *Slack) Submit(filled map[string]map[string]any) {
	s.t.Helper()
	conn, p := s.page()
	defer conn.Close()
	require.NotEmpty(s.t, p.State.Modals, "no modal is open")
	top := s.local(p.State.Modals[len(p.State.Modals)-1])
	values := map[string]map[string]any{}
	for _, b := range top.Blocks {
		if state, ok := filled[b.ID]; ok {
			state["type"] = b.Element.Type
			values[b.ID] = map[string]any{b.Element.ActionID: state}
		}
	}
	require.Len(s.t, values, len(filled), "the modal lacks a field")
	require.NoError(s.t, conn.WriteJSON(map[string]any{"t": "view_submit", "user": SlackUser, "values": values}))
	require.Eventually(s.t, func() bool { return len(s.Modals()) == len(p.State.Modals)-1 }, patience, 10*time.Millisecond, "the modal stays open")
}

// page opens local-slack's web page.
func (s *Slack) page() (*websocket.Conn, slackPage) {
	s.t.Helper()
	conn, r, err := websocket.DefaultDialer.Dial(strings.Replace(s.URL, "http", "ws", 1)+"/ui", nil)
	require.NoError(s.t, err)
	_ = r.Body.Close()
	var p slackPage
	require.NoError(s.t, conn.ReadJSON(&p))
	return conn, p
}

// PressAtHome has the person press a button in the Home tab.
func (s *Slack) PressAtHome(id, value string) {
	s.t.Helper()
	conn, _ := s.page()
	defer conn.Close()
	action := map[string]any{"type": "button", "action_id": id, "block_id": "b", "value": value}
	require.NoError(s.t, conn.WriteJSON(map[string]any{"t": "block_action", "user": SlackUser, "appId": slackApp, "action": action}))
	_, _, err := conn.ReadMessage() // it says that the app was told
	require.NoError(s.t, err)
}
