package login

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/internal/peers"
)

// site is a page behind a login, its provider, and a browser before both.
type site struct {
	*Client
	provider *peers.IdentityProvider
	url      string
	now      time.Time
	browser  *http.Client
	log      *strings.Builder
}

func newSite(t *testing.T, change func(*Settings)) *site {
	t.Helper()
	provider := peers.NewIdentityProvider(t)
	s := &site{provider: provider, now: time.Now(), log: &strings.Builder{}}
	routes := http.NewServeMux()
	server := httptest.NewServer(routes)
	t.Cleanup(server.Close)
	settings := Settings{
		Issuer: provider.URL, ClientID: provider.ClientID, ClientSecret: provider.ClientSecret,
		PublicURL: server.URL, Key: []byte("a key for tests"), Now: func() time.Time { return s.now }, Log: slog.New(slog.NewTextHandler(s.log, nil)),
	}
	if change != nil {
		change(&settings)
	}
	client, err := New(settings)
	require.NoError(t, err)
	s.Client, s.url = client, server.URL
	routes.HandleFunc("GET "+CallbackPath, s.Callback(plain))
	routes.HandleFunc("GET "+LogoutPath, s.Logout(plain))
	routes.HandleFunc("GET /", s.Require(func(w http.ResponseWriter, r *http.Request) {
		name, _ := s.Reader(r)
		_, _ = io.WriteString(w, "page "+r.URL.RequestURI()+" for "+name)
	}, plain))
	s.browser = newBrowser(t)
	return s
}

func newBrowser(t *testing.T) *http.Client {
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	return &http.Client{Jar: jar}
}

// plain apologises without a page.
func plain(w http.ResponseWriter, status int, title, advice string) {
	w.WriteHeader(status)
	_, _ = io.WriteString(w, title+": "+advice)
}

// open follows every redirect, as a browser does.
func (s *site) visit(t *testing.T, target string) (status int, page string) {
	t.Helper()
	answer, err := s.browser.Get(target)
	require.NoError(t, err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return answer.StatusCode, string(body)
}

// step follows no redirect, and says where it leads.
func (s *site) step(t *testing.T, target string) (*http.Response, string) {
	t.Helper()
	browser := *s.browser
	browser.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	answer, err := browser.Get(target)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	return answer, answer.Header.Get("Location")
}

// callback is the address that the provider sends a browser back to.
func (s *site) callback(t *testing.T) string {
	t.Helper()
	_, provider := s.step(t, s.url+"/runs/R42")
	_, back := s.step(t, provider)
	return back
}

func TestSignInAndBackToThePage(t *testing.T) {
	s := newSite(t, nil)
	status, page := s.visit(t, s.url+"/runs/R42?until=1&sig=2")
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, "page /runs/R42?until=1&sig=2 for dev-sg@example.com", page)

	s.provider.Deny("access_denied") // is not asked again
	_, page = s.visit(t, s.url+"/charts/x")
	require.Equal(t, "page /charts/x for dev-sg@example.com", page)
}

func TestTheProviderIsAskedAsItShouldBe(t *testing.T) {
	s := newSite(t, func(s *Settings) { s.Groups = []string{"checkout"} })
	answer, to := s.step(t, s.url+"/runs/R42")
	require.Equal(t, http.StatusSeeOther, answer.StatusCode)
	require.Equal(t, "no-store", answer.Header.Get("Cache-Control"))
	asked, err := url.Parse(to)
	require.NoError(t, err)
	q := asked.Query()
	require.Equal(t, "code", q.Get("response_type"))
	require.Equal(t, "S256", q.Get("code_challenge_method"))
	require.Equal(t, s.url+"/oidc/callback", q.Get("redirect_uri"))
	require.Equal(t, "openid profile email groups", q.Get("scope"))
	require.NotEmpty(t, q.Get("nonce"))
	require.NotEmpty(t, q.Get("state"))
	require.NotEqual(t, q.Get("nonce"), q.Get("state"))
	require.NotContains(t, to, s.provider.ClientSecret)
}

func TestSessionsEnd(t *testing.T) {
	s := newSite(t, nil)
	s.visit(t, s.url+"/runs/R42")
	s.now = s.now.Add(session - time.Second)
	answer, _ := s.step(t, s.url+"/runs/R42")
	require.Equal(t, http.StatusOK, answer.StatusCode)
	s.now = s.now.Add(time.Second)
	answer, _ = s.step(t, s.url+"/runs/R42")
	require.Equal(t, http.StatusSeeOther, answer.StatusCode)
}

func TestLogout(t *testing.T) {
	s := newSite(t, nil)
	s.visit(t, s.url+"/runs/R42")
	status, page := s.visit(t, s.url+LogoutPath)
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, page, "You are signed out")
	answer, _ := s.step(t, s.url+"/runs/R42")
	require.Equal(t, http.StatusSeeOther, answer.StatusCode)
}

func TestCookiesAreForUsAlone(t *testing.T) {
	s := newSite(t, nil)
	s.Client.settings.PublicURL = "https://bellwether.example.com"
	r := httptest.NewRequest(http.MethodGet, "/runs/R42", nil)
	w := httptest.NewRecorder()
	s.Require(nil, plain)(w, r)
	cookies := w.Result().Cookies()
	require.Len(t, cookies, 1)
	c := cookies[0]
	require.True(t, strings.HasPrefix(c.Name, "__Host-bellwether_login_"), c.Name)
	require.True(t, c.Secure && c.HttpOnly)
	require.Equal(t, http.SameSiteLaxMode, c.SameSite)
	require.Equal(t, "/", c.Path)
	require.Empty(t, c.Domain)
	require.Equal(t, 600, c.MaxAge)
}

func TestTwoTabsSignInAtOnce(t *testing.T) {
	s := newSite(t, nil)
	one, two := s.callback(t), s.callback(t)
	for _, back := range []string{one, two} {
		answer, to := s.step(t, back)
		require.Equal(t, http.StatusSeeOther, answer.StatusCode)
		require.Equal(t, s.url+"/runs/R42", to)
	}
}

func TestSignInAfterTheProviderChangedItsKeys(t *testing.T) {
	s := newSite(t, nil)
	s.visit(t, s.url+"/runs/R42")
	s.provider.Rotate()
	s.browser = newBrowser(t)
	status, _ := s.visit(t, s.url+"/runs/R42")
	require.Equal(t, http.StatusOK, status)
}

func TestTheProviderRefuses(t *testing.T) {
	s := newSite(t, nil)
	s.provider.Deny("access_denied")
	status, page := s.visit(t, s.url+"/runs/R42")
	require.Equal(t, http.StatusForbidden, status)
	require.Contains(t, page, "refused: access_denied.")
	s.provider.Deny("<script>alert(1)</script>")
	_, page = s.visit(t, s.url+"/runs/R42")
	require.Contains(t, page, "no reason given")
	require.NotContains(t, s.log.String(), "<script>")
}

func TestWhoMayRead(t *testing.T) {
	for name, tc := range map[string]struct {
		groups, emails []string
		change         func(map[string]any)
		admitted       bool
	}{
		"anybody":             {nil, nil, nil, true},
		"group":               {[]string{"perf", "checkout"}, nil, nil, true},
		"other group":         {[]string{"perf"}, nil, nil, false},
		"one group, as text":  {[]string{"perf"}, nil, func(c map[string]any) { c["groups"] = "perf" }, true},
		"odd groups":          {[]string{"perf"}, nil, func(c map[string]any) { c["groups"] = []any{1, nil, map[string]any{}} }, false},
		"no groups":           {[]string{"perf"}, nil, func(c map[string]any) { c["groups"] = nil }, false},
		"domain":              {nil, []string{"*@example.com"}, nil, true},
		"domain, capitals":    {nil, []string{"*@Example.COM"}, nil, true},
		"address":             {nil, []string{"Dev-SG@example.com"}, nil, true},
		"other domain":        {nil, []string{"*@example.org", "ana@example.com"}, nil, false},
		"domain's end":        {nil, []string{"*@example.com"}, func(c map[string]any) { c["email"] = "x@evil-example.com" }, false},
		"domain's beginning":  {nil, []string{"*@example.com"}, func(c map[string]any) { c["email"] = "x@example.com.evil.test" }, false},
		"domain in front":     {nil, []string{"*@example.com"}, func(c map[string]any) { c["email"] = "@example.com" }, false},
		"not verified":        {nil, []string{"*@example.com"}, func(c map[string]any) { c["email_verified"] = false }, false},
		"verified not stated": {nil, []string{"*@example.com"}, func(c map[string]any) { c["email_verified"] = nil }, false},
		"verified, as text":   {nil, []string{"*@example.com"}, func(c map[string]any) { c["email_verified"] = "true" }, true},
		"either":              {[]string{"perf"}, []string{"*@example.com"}, nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, func(s *Settings) { s.Groups, s.Emails = tc.groups, tc.emails })
			s.provider.Change(tc.change)
			status, page := s.visit(t, s.url+"/runs/R42")
			if tc.admitted {
				require.Equal(t, http.StatusOK, status, page)
				return
			}
			require.Equal(t, http.StatusForbidden, status)
			require.Contains(t, page, "may read only as one of: ")
			require.NotContains(t, page, "ana@", "who else may is told by group and domain, not by address")
		})
	}
}

func TestAProviderThatIsDownForAMinute(t *testing.T) {
	s := newSite(t, nil)
	well := s.settings.Issuer
	s.Client.settings.Issuer = "http://127.0.0.1:1"
	require.ErrorContains(t, s.Reach(context.Background()), "http.oidc.issuer: ")
	status, page := s.visit(t, s.url+"/runs/R42")
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Contains(t, page, "The identity provider does not answer")

	s.Client.settings.Issuer = well
	status, _ = s.visit(t, s.url+"/runs/R42")
	require.Equal(t, http.StatusServiceUnavailable, status, "it is left alone for a moment")
	s.now = s.now.Add(rest)
	status, _ = s.visit(t, s.url+"/runs/R42")
	require.Equal(t, http.StatusOK, status)
	require.NoError(t, s.Reach(context.Background()))
}

func TestAProviderThatIsAnother(t *testing.T) {
	s := newSite(t, func(s *Settings) { s.Issuer += "/" })
	require.ErrorContains(t, s.Reach(context.Background()), "did not match the issuer")
}

func TestAWrongSecretIsTheOperators(t *testing.T) {
	s := newSite(t, func(s *Settings) { s.ClientSecret = "guessed" })
	status, page := s.visit(t, s.url+"/runs/R42")
	require.Equal(t, http.StatusBadGateway, status)
	require.NotContains(t, page, "guessed")
	require.Contains(t, s.log.String(), "invalid_client")
	require.NotContains(t, s.log.String(), "guessed")
}

func TestSettingsThatCannotWork(t *testing.T) {
	good := Settings{Issuer: "https://login.example.com", ClientID: "bellwether", Key: []byte("k")}
	_, err := New(good)
	require.NoError(t, err)
	for key, change := range map[string]func(*Settings){
		"http.oidc.issuer: ":    func(s *Settings) { s.Issuer = "http://login.example.com" },
		"http.oidc.client_id: ": func(s *Settings) { s.ClientID = "" },
		"http.oidc.emails: ":    func(s *Settings) { s.Emails = []string{"example.com"} },
	} {
		s := good
		change(&s)
		_, err := New(s)
		require.ErrorContains(t, err, key)
	}
	for _, pattern := range []string{"*", "@example.com", "x@", "*@*", "*@*.example.com", "d*@example.com", ""} {
		s := good
		s.Emails = []string{pattern}
		_, err := New(s)
		require.Error(t, err, pattern)
	}
}
