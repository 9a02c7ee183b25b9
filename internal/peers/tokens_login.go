package peers

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Person is who signs in at an IdentityProvider.
type Person struct {
	Subject string
	Name    string
	Email   string
	Groups  []string
}

// IdentityProvider is an OpenID Connect provider for a browser's login: authorization code flow, PKCE (S256 only), one
// client. It asks nobody anything: /authorize goes straight back with a code for the person who signs in.
type IdentityProvider struct {
	URL          string // the issuer
	ClientID     string
	ClientSecret string
	Now          func() time.Time

	mu     sync.Mutex
	keys   ring
	person Person
	denial string
	change func(claims map[string]any)
	codes  map[string]login
}

// login is what was agreed when a code was given.
type login struct {
	redirect, challenge, nonce string
	person                     Person
}

// NewIdentityProvider starts one, where Dev of Singapore signs in.
func NewIdentityProvider(t testing.TB) *IdentityProvider {
	t.Helper()
	p := &IdentityProvider{
		ClientID: "bellwether-pages", ClientSecret: rand.Text(), Now: time.Now,
		person: Person{Subject: "dev-sg", Name: "Dev of Singapore", Email: "dev-sg@example.com", Groups: []string{"checkout"}},
		codes:  map[string]login{},
	}
	p.keys.add(nil)
	routes := http.NewServeMux()
	routes.HandleFunc("GET /.well-known/openid-configuration", p.discovery)
	routes.HandleFunc("GET /keys", p.jwks)
	routes.HandleFunc("GET /authorize", p.authorize)
	routes.HandleFunc("POST /token", p.token)
	server := httptest.NewServer(routes)
	t.Cleanup(server.Close)
	p.URL = server.URL
	return p
}

// SignIn says who signs in from now on.
func (p *IdentityProvider) SignIn(who Person) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.person, p.denial = who, ""
}

// Deny has every login end with an OAuth error, such as "access_denied".
func (p *IdentityProvider) Deny(code string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.denial = code
}

// Change spoils the claims of every id token from now on; nil: no more.
func (p *IdentityProvider) Change(change func(claims map[string]any)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.change = change
}

// Rotate signs with a new key from now on, and publishes no other.
func (p *IdentityProvider) Rotate() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keys.published = nil
	p.keys.add(nil)
}

func (p *IdentityProvider) discovery(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]any{
		"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/keys",
		"response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"},
		"id_token_signing_alg_values_supported": []string{"RS256"}, "code_challenge_methods_supported": []string{"S256"},
		"scopes_supported": []string{"openid", "profile", "email", "groups"},
	})
}

func (p *IdentityProvider) jwks(w http.ResponseWriter, _ *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	writeJSON(w, http.StatusOK, map[string]any{"keys": p.keys.published})
}

// authorize sends the browser back with a code. What is wrong with the client or its address is told to the browser only.
func (p *IdentityProvider) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	back, err := url.Parse(q.Get("redirect_uri"))
	if err != nil || back.Host == "" || q.Get("client_id") != p.ClientID || q.Get("response_type") != "code" {
		http.Error(w, "client_id, redirect_uri or response_type is wrong", http.StatusBadRequest)
		return
	}
	reply := back.Query()
	reply.Set("state", q.Get("state"))
	code, refusal := p.agree(q)
	if refusal != "" {
		reply.Set("error", refusal)
	} else {
		reply.Set("code", code)
	}
	back.RawQuery = reply.Encode()
	http.Redirect(w, r, back.String(), http.StatusFound)
}

func (p *IdentityProvider) agree(q url.Values) (code, refusal string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.denial != "" {
		return "", p.denial
	}
	if q.Get("code_challenge_method") != "S256" || q.Get("code_challenge") == "" {
		return "", "invalid_request"
	}
	code = rand.Text()
	p.codes[code] = login{q.Get("redirect_uri"), q.Get("code_challenge"), q.Get("nonce"), p.person}
	return code, ""
}

// token exchanges a code, which is good for once.
func (p *IdentityProvider) token(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	id, secret, ok := r.BasicAuth()
	if !ok {
		id, secret = r.PostFormValue("client_id"), r.PostFormValue("client_secret")
	}
	if id != p.ClientID || secret != p.ClientSecret {
		writeJSON(w, http.StatusUnauthorized, map[string]string{"error": "invalid_client"})
		return
	}
	agreed, known := p.codes[r.PostFormValue("code")]
	delete(p.codes, r.PostFormValue("code"))
	hash := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	proven := agreed.challenge == base64.RawURLEncoding.EncodeToString(hash[:])
	if !known || !proven || agreed.redirect != r.PostFormValue("redirect_uri") || r.PostFormValue("grant_type") != "authorization_code" {
		writeJSON(w, http.StatusBadRequest, map[string]string{"error": "invalid_grant"})
		return
	}
	signed, err := p.idToken(agreed)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{"access_token": rand.Text(), "token_type": "Bearer", "expires_in": 3600, "id_token": signed})
}

func (p *IdentityProvider) idToken(agreed login) (string, error) {
	now := p.Now()
	claims := map[string]any{
		"iss": p.URL, "aud": p.ClientID, "iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(time.Hour).Unix(), "nonce": agreed.nonce,
		"sub": agreed.person.Subject, "name": agreed.person.Name, "email": agreed.person.Email, "email_verified": true,
		"groups": agreed.person.Groups,
	}
	if p.change != nil {
		p.change(claims)
	}
	maps.DeleteFunc(claims, func(_ string, value any) bool { return value == nil })
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	return signJWT(jose.RS256, p.keys.private[p.keys.newest()], p.keys.newest(), payload)
}
