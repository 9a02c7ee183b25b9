package token

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"sync"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
	"golang.org/x/sync/singleflight"
)

const (
	ahead = 5 * time.Minute // before its end a token is replaced; Entra's are good for about an hour
	young = time.Minute     // that a token is at first: refused by then, it is so for a reason that a new one does not mend
)

// Tokens are what a bot shows, got from Entra.
type Tokens struct {
	login, tenant string
	fetch         func() (*oauth2.Token, error)
	now           func() time.Time
	flight        singleflight.Group

	mu   sync.Mutex
	held *oauth2.Token // nil before the first one, and once it was refused
	from time.Time     // when it was fetched
}

var _ oauth2.TokenSource = (*Tokens)(nil)

// Source gives what the bot shows to Teams (or to whatever Settings.Scope names): a token by client credentials, reused until
// shortly before its end. Its errors name the key of the configuration to mend; neither password nor token is in them.
func Source(s Settings) *Tokens {
	s = s.filled()
	client := *s.Client
	// A redirect would take the password elsewhere.
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	config := clientcredentials.Config{
		ClientID: s.AppID, ClientSecret: s.Password, Scopes: []string{s.Scope}, AuthStyle: oauth2.AuthStyleInParams,
		TokenURL: s.Login + "/" + url.PathEscape(s.Tenant) + "/oauth2/v2.0/token",
	}
	fetch := func() (*oauth2.Token, error) {
		return config.Token(context.WithValue(context.Background(), oauth2.HTTPClient, &client))
	}
	return &Tokens{login: s.Login, tenant: s.Tenant, fetch: fetch, now: s.Now}
}

// Token asks once for all who want one at the same time, so that they need not wait for each other's time-outs.
func (t *Tokens) Token() (*oauth2.Token, error) {
	if held := t.current(); held != nil {
		return held, nil
	}
	got, err, _ := t.flight.Do("", func() (any, error) { return t.renew() })
	if err != nil {
		return nil, fmt.Errorf("get a token from %s: %w", t.login, t.explain(err))
	}
	return got.(*oauth2.Token), nil
}

// Forget has a token replaced before its end, for it is not taken any more: the app's rights or its password were changed.
func (t *Tokens) Forget(token string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.held != nil && t.held.AccessToken == token && t.now().Sub(t.from) >= young {
		t.held = nil
	}
}

// current is the token held; nil when there is none, or when its end is near.
func (t *Tokens) current() *oauth2.Token {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.held == nil || !t.now().Before(t.held.Expiry.Add(-ahead)) {
		return nil
	}
	return t.held
}

func (t *Tokens) renew() (*oauth2.Token, error) {
	if held := t.current(); held != nil { // who came a moment before has fetched it
		return held, nil
	}
	got, err := t.fetch()
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.held, t.from = got, t.now()
	return got, nil
}

// code is how Entra numbers its errors: https://login.microsoftonline.com/error lists them.
var code = regexp.MustCompile(`AADSTS\d+`)

// mend says what to do about the errors that a wrong configuration causes.
var mend = map[string]string{
	"AADSTS7000215": "chat.teams.app_password is wrong: write the secret's value, not its id",
	"AADSTS7000222": "chat.teams.app_password has expired: make a new secret for the app in Entra",
	"AADSTS700016":  "chat.teams.app_id is no app of that tenant: write the application id that Entra shows",
	"AADSTS90002":   "chat.teams.tenant is no tenant: write the tenant id that Entra shows",
	"AADSTS900023":  "chat.teams.tenant is no tenant: write the tenant id that Entra shows",
}

// explain leaves out what Entra says in its own words: who answers there may be anybody, and has just seen the password.
func (t *Tokens) explain(err error) error {
	var refusal *oauth2.RetrieveError
	if !errors.As(err, &refusal) {
		return err
	}
	number := code.FindString(refusal.ErrorDescription)
	switch known := mend[number]; {
	case known != "":
		return fmt.Errorf("%s (%s)", known, number)
	case number != "":
		return fmt.Errorf("it refused with %s: look it up at https://login.microsoftonline.com/error", number)
	}
	return fmt.Errorf("it answered %s: is that a login of Entra's, and has it tenant %s?", refusal.Response.Status, t.tenant)
}
