package peers

import (
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Endpoint is a part of Microsoft's cloud that can be counted and broken.
type Endpoint string

// The endpoints of a Microsoft.
const (
	AtOpenID Endpoint = "openid" // where the Bot Framework says who it is
	AtKeys   Endpoint = "keys"   // with which it signs
	AtLogin  Endpoint = "login"  // where Entra gives tokens to a bot
	AtGraph  Endpoint = "graph"  // knows who is in a group
)

// issuer is the Bot Framework.
const issuer = "https://api.botframework.com"

// BotScope is what a token for talking in Teams is asked for.
const BotScope = issuer + "/.default"

// Microsoft is what a Teams bot believes and is believed by: the Bot Framework's OpenID metadata and keys, Entra's token
// endpoint for one tenant with one app, and Graph's checkMemberGroups. It mints what the Bot Framework would send, and
// forgeries of it.
type Microsoft struct {
	URL      string // of the login, and of Graph
	Tenant   string
	AppID    string
	Password string
	Now      func() time.Time
	Lifetime time.Duration // of the tokens that Entra gives out

	mu     sync.Mutex
	keys   ring
	asked  map[Endpoint]int
	broken map[Endpoint]http.HandlerFunc
	given  map[string]string   // scopes, by access token
	groups map[string][]string // by the user's object id
}

// NewMicrosoft starts one, whose key is endorsed for Teams.
func NewMicrosoft(t testing.TB) *Microsoft {
	t.Helper()
	m := &Microsoft{
		Tenant: "7d7f1b5c-5b9e-4c41-8d31-0f2a9d1c6e11", AppID: "2c9f2a3e-0d47-4a54-9f0e-6f1f5a0f3c11",
		Password: rand.Text(), Now: time.Now, Lifetime: time.Hour,
		asked: map[Endpoint]int{}, broken: map[Endpoint]http.HandlerFunc{}, given: map[string]string{}, groups: map[string][]string{},
	}
	m.AddKey("msteams", "skype")
	routes := http.NewServeMux()
	routes.HandleFunc("GET /v1/.well-known/openidconfiguration", m.at(AtOpenID, m.metadata))
	routes.HandleFunc("GET /v1/.well-known/keys", m.at(AtKeys, m.jwks))
	routes.HandleFunc("POST /{tenant}/oauth2/v2.0/token", m.at(AtLogin, m.login))
	routes.HandleFunc("POST /v1.0/users/{user}/checkMemberGroups", m.at(AtGraph, m.checkMemberGroups))
	server := httptest.NewServer(routes)
	t.Cleanup(server.Close)
	m.URL = server.URL
	return m
}

// OpenID is the address of the metadata.
func (m *Microsoft) OpenID() string { return m.URL + "/v1/.well-known/openidconfiguration" }

// GraphScope is what a token for Graph is asked for.
func (m *Microsoft) GraphScope() string { return m.URL + "/.default" }

// Asked tells how often an endpoint was asked.
func (m *Microsoft) Asked(at Endpoint) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.asked[at]
}

// Break has somebody else answer for an endpoint; nil mends it.
func (m *Microsoft) Break(at Endpoint, fault http.HandlerFunc) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.broken[at] = fault
}

// StallMicrosoft answers nothing until who asks gives up; for Break.
func StallMicrosoft(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body) // a server notices that nobody waits only when it has read all
	<-r.Context().Done()
}

// at counts what is asked of an endpoint, and breaks it if told to.
func (m *Microsoft) at(endpoint Endpoint, well http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		m.mu.Lock()
		m.asked[endpoint]++
		fault := m.broken[endpoint]
		m.mu.Unlock()
		if fault != nil {
			fault(w, r)
			return
		}
		well(w, r)
	}
}

func (m *Microsoft) metadata(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]any{
		"issuer": issuer, "jwks_uri": m.URL + "/v1/.well-known/keys", "authorization_endpoint": "https://invalid.botframework.com",
		"id_token_signing_alg_values_supported": []string{"RS256"}, "token_endpoint_auth_methods_supported": []string{"private_key_jwt"},
	})
}

func (m *Microsoft) jwks(w http.ResponseWriter, _ *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	writeJSON(w, http.StatusOK, map[string]any{"keys": m.keys.published})
}

// login gives a token by client credentials, or refuses in Entra's words.
func (m *Microsoft) login(w http.ResponseWriter, r *http.Request) {
	tenant, app := r.PathValue("tenant"), r.PostFormValue("client_id")
	switch {
	case tenant != m.Tenant:
		entraError(w, http.StatusBadRequest, "invalid_request", 90002, fmt.Sprintf("Tenant '%s' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud.", tenant))
	case app != m.AppID:
		entraError(w, http.StatusBadRequest, "unauthorized_client", 700016, fmt.Sprintf("Application with identifier '%s' was not found in the directory 'Innerscale'.", app))
	case r.PostFormValue("client_secret") != m.Password:
		entraError(w, http.StatusUnauthorized, "invalid_client", 7000215, "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID.")
	case r.PostFormValue("grant_type") != "client_credentials":
		entraError(w, http.StatusBadRequest, "unsupported_grant_type", 70003, "The app requested an unsupported grant type.")
	case !slices.Contains([]string{BotScope, m.GraphScope()}, r.PostFormValue("scope")):
		entraError(w, http.StatusBadRequest, "invalid_scope", 70011, "The provided value for the input parameter 'scope' is not valid.")
	default:
		writeJSON(w, http.StatusOK, map[string]any{
			"token_type": "Bearer", "expires_in": int(m.Lifetime.Seconds()), "access_token": m.give(r.PostFormValue("scope")),
		})
	}
}

func entraError(w http.ResponseWriter, status int, code string, number int, why string) {
	writeJSON(w, status, map[string]any{
		"error": code, "error_codes": []int{number}, "correlation_id": "5f7a9c1e-7a53-4f0b-9d53-1b2f0d5e8a11",
		"error_description": fmt.Sprintf("AADSTS%d: %s Trace ID: 0c3d Correlation ID: 5f7a Timestamp: 2026-11-23 07:00:00Z", number, why),
	})
}

func (m *Microsoft) give(scope string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	token := "access-" + rand.Text()
	m.given[token] = scope
	return token
}

// Gave tells whether a request carries a token that was given out for the scope.
func (m *Microsoft) Gave(r *http.Request, scope string) bool {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	m.mu.Lock()
	defer m.mu.Unlock()
	return ok && m.given[token] == scope
}

// Join makes somebody known, and a member of groups.
func (m *Microsoft) Join(user string, groups ...string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.groups[user] = append(m.groups[user], groups...)
}
