// Package login has people sign in at their organisation's OpenID Connect provider before they see a page: the authorization
// code flow with PKCE, and a sealed cookie once it is through.
package login

import (
	"context"
	"crypto/cipher"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// Where a Client answers, beneath the public URL. The first one is what the provider has to know as redirect URI.
const (
	CallbackPath = "/oidc/callback"
	LogoutPath   = "/oidc/logout"
)

const (
	patience = 10 * time.Second // with the provider
	rest     = 5 * time.Second  // after it did not answer
	answer   = 1 << 20          // bytes of it that are read
)

// Settings are what the configuration says under http.oidc, and what it says of the pages.
type Settings struct {
	Issuer       string // https, or http on this machine
	ClientID     string
	ClientSecret string
	Groups       []string // claim "groups"; who is in one of them may read
	Emails       []string // verified addresses, or "*@example.com"; without Groups and Emails whoever can sign in may read

	PublicURL string // of the pages, no slash at the end
	Key       []byte // seals cookies
	Now       func() time.Time
	Log       *slog.Logger
}

// Client signs people in. It asks the provider who it is when the first one wants to, and again after a failure: a provider
// that is down for a minute does not keep Bellwether from starting.
type Client struct {
	settings Settings
	seal     cipher.AEAD
	http     *http.Client

	mu       sync.Mutex
	provider *oidc.Provider
	failed   error // why there is none, until retry
	retry    time.Time
}

// New refuses settings that can never work; the error names the key.
func New(s Settings) (*Client, error) {
	switch {
	case !trusted(s.Issuer):
		return nil, fmt.Errorf("http.oidc.issuer: %q is no https URL; write the issuer that the provider's metadata states", s.Issuer)
	case s.ClientID == "":
		return nil, errors.New("http.oidc.client_id: missing; write what the provider calls this application")
	}
	for _, pattern := range s.Emails {
		if name, domain, ok := strings.Cut(pattern, "@"); !ok || name == "" || domain == "" || strings.Contains(domain, "*") || name != "*" && strings.Contains(name, "*") {
			return nil, fmt.Errorf(`http.oidc.emails: %q is neither an address nor such as "*@example.com"`, pattern)
		}
	}
	seal, err := sealer(s)
	if err != nil {
		return nil, fmt.Errorf("http.oidc: %w", err)
	}
	return &Client{settings: s, seal: seal, http: &http.Client{
		Timeout: patience, Transport: capped{http.DefaultTransport},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // the secret goes nowhere else
	}}, nil
}

// trusted tells whether nobody between here and there can answer for a URL.
func trusted(issuer string) bool {
	u, err := url.Parse(issuer)
	if err != nil || u.Host == "" || u.User != nil {
		return false
	}
	local := u.Hostname() == "127.0.0.1" || u.Hostname() == "localhost" || u.Hostname() == "::1"
	return u.Scheme == "https" || u.Scheme == "http" && local
}

// Reach asks the provider who it is: for a warning at start.
func (c *Client) Reach(ctx context.Context) error {
	_, err := c.discover(ctx)
	return err
}

// discover is the provider, asked for once. After a failure it is left alone for some seconds.
func (c *Client) discover(ctx context.Context) (*oidc.Provider, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.provider != nil {
		return c.provider, nil
	}
	if c.settings.Now().Before(c.retry) {
		return nil, c.failed
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience) // others wait for the answer, too
	defer cancel()
	provider, err := oidc.NewProvider(oidc.ClientContext(ctx, c.http), c.settings.Issuer)
	if err != nil {
		c.failed, c.retry = fmt.Errorf("http.oidc.issuer: %.300s", err.Error()), c.settings.Now().Add(rest) // some errors are whole pages
		return nil, c.failed
	}
	c.provider = provider
	return provider, nil
}

// flow is how this application talks with the provider.
func (c *Client) flow(provider *oidc.Provider) *oauth2.Config {
	return &oauth2.Config{
		ClientID: c.settings.ClientID, ClientSecret: c.settings.ClientSecret, Endpoint: provider.Endpoint(),
		RedirectURL: c.settings.PublicURL + CallbackPath, Scopes: c.scopes(provider),
	}
}

// scopes has "groups" only where groups matter and the provider knows that word: others refuse it.
func (c *Client) scopes(provider *oidc.Provider) []string {
	scopes := []string{oidc.ScopeOpenID, oidc.ScopeProfile, oidc.ScopeEmail}
	var metadata struct {
		Scopes []string `json:"scopes_supported"`
	}
	if len(c.settings.Groups) == 0 || provider.Claims(&metadata) != nil {
		return scopes
	}
	for _, s := range metadata.Scopes {
		if s == "groups" {
			scopes = append(scopes, s)
		}
	}
	return scopes
}

// capped reads no more of an answer than any provider needs.
type capped struct{ http.RoundTripper }

func (c capped) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := c.RoundTripper.RoundTrip(r)
	if err == nil {
		response.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(response.Body, answer), response.Body}
	}
	return response, err
}
