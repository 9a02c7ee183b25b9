package login

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

const (
	session = 8 * time.Hour    // a working day
	attempt = 10 * time.Minute // to sign in
)

// longestPath is more than a signed link has after its host.
const longestPath = 2048

// reader is who has signed in.
type reader struct {
	Name  string    `json:"name"` // for people
	Until time.Time `json:"until"`
}

// started is a sign-in under way: what the callback has to fit.
type started struct {
	State    string    `json:"state"`
	Nonce    string    `json:"nonce"`
	Verifier string    `json:"verifier"`
	Back     string    `json:"back"` // path and query of the page that was asked for
	Until    time.Time `json:"until"`
}

// sealer encrypts and signs cookies. Its key depends on who may read, so that a rule that is tightened ends all sessions.
func sealer(s Settings) (cipher.AEAD, error) {
	rules, err := json.Marshal([]any{s.Issuer, s.ClientID, s.Groups, s.Emails})
	if err != nil {
		return nil, err
	}
	key, err := hkdf.Key(sha256.New, s.Key, nil, "bellwether login "+string(rules), 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// cookie holds a value that only this installation can read, and only under this name.
func (c *Client) cookie(name string, value any, age time.Duration) (*http.Cookie, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	name = c.cookieName(name)
	sealed := base64.RawURLEncoding.EncodeToString(c.seal.Seal(nil, nil, text, []byte(name)))
	return c.bare(name, sealed, int(age.Seconds())), nil
}

// bare is a cookie of ours; a negative age deletes it.
func (c *Client) bare(name, value string, age int) *http.Cookie {
	return &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: age, HttpOnly: true, Secure: c.secure(),
		SameSite: http.SameSiteLaxMode, // strict ones would not come along from a chat, nor from the provider
	}
}

// open reads what cookie made; false for whatever else comes under that name.
func (c *Client) open(r *http.Request, name string, value any) bool {
	name = c.cookieName(name)
	cookie, err := r.Cookie(name)
	if err != nil {
		return false
	}
	sealed, err := base64.RawURLEncoding.DecodeString(cookie.Value)
	if err != nil {
		return false
	}
	text, err := c.seal.Open(nil, nil, sealed, []byte(name))
	return err == nil && json.Unmarshal(text, value) == nil
}

func (c *Client) secure() bool { return strings.HasPrefix(c.settings.PublicURL, "https://") }

// cookieName has the prefix by which browsers take a cookie from this very host only, and over https only.
func (c *Client) cookieName(name string) string {
	if c.secure() {
		return "__Host-bellwether_" + name
	}
	return "bellwether_" + name
}

// attemptName tells sign-ins in several tabs apart.
func attemptName(state string) string { return "login_" + state[:min(8, len(state))] }

func begin(back string, now time.Time) started {
	return started{State: rand.Text(), Nonce: rand.Text(), Back: back, Until: now.Add(attempt)}
}
