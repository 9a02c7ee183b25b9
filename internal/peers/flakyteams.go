package peers

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Who is there in a FlakyTeams.
const (
	TeamsToken   = "the-bot's-token"
	TeamsTenant  = "7d7f1b5c-5b9e-4c41-8d31-0f2a9d1c6e11"
	TeamsApp     = "2c9f2a3e-0d47-4a54-9f0e-6f1f5a0f3c11"
	TeamsBot     = "28:" + TeamsApp
	TeamsTeam    = "19:team@thread.tacv2"
	TeamsGroup   = "03abb446-e51b-4a55-96f0-f64ea138f72e" // the team's id in Entra
	TeamsChannel = "19:checkout@thread.tacv2"
	TeamsUser    = "29:dev-sg"
)

// FlakyTeams is a Bot Connector of ours, for what the Agents Playground does not do: it asks for a token, turns away what
// Teams turns away, and fails as it is told. It has one team with some channels, and chats with single people.
type FlakyTeams struct {
	server *httptest.Server

	mu       sync.Mutex
	fault    func(operation string) *Fault // of a request; nil, and nil for none
	met      map[string]int                // requests by the name of the fault that they met
	calls    []string                      // operations, in order
	token    string
	channels map[string]bool        // by id
	members  map[string]TeamsMember // by id
	chats    map[string]bool        // of members with whom the bot may speak
	limited  bool                   // whether it holds to its rates
	times    map[string][]time.Time // of messages, by conversation
	messages []*TeamsMessage
	last     int // of the numbers in ids
}

// TeamsMember is somebody who can speak.
type TeamsMember struct {
	Role   string `json:"userRole,omitempty"`
	Tenant string `json:"tenantId,omitempty"`
}

// TeamsMessage is a message as everybody in its conversation sees it.
type TeamsMessage struct {
	Conversation string // "<channel>;messageid=<n>" in a channel
	ID           string
	Summary      string
	Text         string
	Card         string // JSON
	Edits        int
}

// NewFlakyTeams starts a healthy one with these channels, and with TeamsUser as a member who has a chat with the bot. Close it.
func NewFlakyTeams(channels ...string) *FlakyTeams {
	t := &FlakyTeams{
		met: map[string]int{}, token: TeamsToken, channels: map[string]bool{}, chats: map[string]bool{TeamsUser: true},
		members: map[string]TeamsMember{TeamsUser: {Role: "user", Tenant: TeamsTenant}}, times: map[string][]time.Time{},
	}
	for _, c := range channels {
		t.channels[c] = true
	}
	t.server = httptest.NewServer(t)
	return t
}

// Close ends it, with all requests under way.
func (t *FlakyTeams) Close() {
	t.server.CloseClientConnections()
	t.server.Close()
}

// URL is its serviceUrl.
func (t *FlakyTeams) URL() string { return t.server.URL + "/teams/" }

// Fail has each request meet the fault that choose names for its operation: create, send, update or member. Nil is none, and
// a nil choose heals.
func (t *FlakyTeams) Fail(choose func(operation string) *Fault) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.fault = choose
}

// Join makes somebody a member of everything; chat tells whether the bot may speak with them alone.
func (t *FlakyTeams) Join(id string, m TeamsMember, chat bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.members[id], t.chats[id] = m, chat
}

// Accept has it take another token than TeamsToken.
func (t *FlakyTeams) Accept(token string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.token = token
}

// Limit has it hold to 7 messages a second in a conversation.
func (t *FlakyTeams) Limit() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.limited = true
}

// Met counts the requests that met a fault, by its name.
func (t *FlakyTeams) Met() map[string]int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.met)
}

// Calls are the operations that were asked for, in order.
func (t *FlakyTeams) Calls() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]string(nil), t.calls...)
}

// Messages of all conversations, oldest first.
func (t *FlakyTeams) Messages() []TeamsMessage {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := make([]TeamsMessage, len(t.messages))
	for i, m := range t.messages {
		all[i] = *m
	}
	return all
}

// TeamsSays turns a request away with a status and one of Microsoft's names for the reason, such as BotNotInConversationRoster.
func TeamsSays(status int, code string) Fault {
	return Fault{code, func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { turnAway(w, status, code) }}
}

func turnAway(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"error": map[string]any{"code": code, "message": "said by the fake"}})
}

// ServeHTTP has a request meet its fault. Its body is read before, so that it can be accepted after its client has gone.
func (t *FlakyTeams) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the client has gone already
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	accept := http.HandlerFunc(t.accept)
	if fault := t.meets(operation(r)); fault != nil {
		fault.Serve(w, r, accept)
		return
	}
	accept(w, r)
}

// operation that a request asks for.
func operation(r *http.Request) string {
	switch {
	case r.Method == http.MethodPut:
		return "update"
	case r.Method == http.MethodDelete:
		return "delete"
	case r.Method == http.MethodGet:
		return "member"
	case strings.HasSuffix(r.URL.Path, "/activities"):
		return "send"
	}
	return "create"
}

func (t *FlakyTeams) meets(operation string) *Fault {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.calls = append(t.calls, operation)
	if t.fault == nil {
		return nil
	}
	fault := t.fault(operation)
	if fault != nil {
		t.met[fault.Name]++
	}
	return fault
}

// accept serves a request as a healthy Teams does.
func (t *FlakyTeams) accept(w http.ResponseWriter, r *http.Request) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if r.Header.Get("Authorization") != "Bearer "+t.token {
		turnAway(w, http.StatusUnauthorized, "Unauthorized")
		return
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /teams/v3/conversations", t.create)
	mux.HandleFunc("POST /teams/v3/conversations/{conversation}/activities", t.send)
	mux.HandleFunc("PUT /teams/v3/conversations/{conversation}/activities/{id}", t.update)
	mux.HandleFunc("DELETE /teams/v3/conversations/{conversation}/activities/{id}", t.remove)
	mux.HandleFunc("GET /teams/v3/conversations/{conversation}/members/{id}", t.member)
	mux.ServeHTTP(w, r)
}

func made(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusCreated)
	_ = json.NewEncoder(w).Encode(v)
}

// number makes ids as Teams does, that grow.
func (t *FlakyTeams) number() string {
	t.last++
	return strconv.Itoa(1_795_438_653_000 + t.last)
}
