package token

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
	"golang.org/x/sync/singleflight"
)

// ahead is how long before its end a token is replaced; Entra's are good for about an hour.
const ahead = 5 * time.Minute

// source gives tokens of Entra's.
type source struct {
	login, tenant string
	reused        oauth2.TokenSource
	flight        singleflight.Group
}

// Source gives what the bot shows to Teams (or to whatever Settings.Scope names): a token by client credentials, reused until
// shortly before its end. Its errors name the key of the configuration to mend; neither password nor token is in them.
func Source(s Settings) oauth2.TokenSource {
	s = s.filled()
	client := *s.Client
	// A redirect would take the password elsewhere.
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	config := clientcredentials.Config{
		ClientID: s.AppID, ClientSecret: s.Password, Scopes: []string{s.Scope}, AuthStyle: oauth2.AuthStyleInParams,
		TokenURL: s.Login + "/" + url.PathEscape(s.Tenant) + "/oauth2/v2.0/token",
	}
	once := tokens(func() (*oauth2.Token, error) {
		return config.Token(context.WithValue(context.Background(), oauth2.HTTPClient, &client))
	})
	return &source{login: s.Login, tenant: s.Tenant, reused: oauth2.ReuseTokenSourceWithExpiry(nil, once, ahead)}
}

// tokens is a function that is an oauth2.TokenSource. (clientcredentials has one too, but that keeps a token to its end.)
type tokens func() (*oauth2.Token, error)

func (t tokens) Token() (*oauth2.Token, error) { return t() }

// Token asks once for all who want one at the same time, so that they need not wait for each other's time-outs.
func (s *source) Token() (*oauth2.Token, error) {
	got, err, _ := s.flight.Do("", func() (any, error) { return s.reused.Token() })
	if err != nil {
		return nil, fmt.Errorf("get a token from %s: %w", s.login, s.explain(err))
	}
	return got.(*oauth2.Token), nil
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
func (s *source) explain(err error) error {
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
	return fmt.Errorf("it answered %s: is that a login of Entra's, and has it tenant %s?", refusal.Response.Status, s.tenant)
}
