package login

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestCallbacksThatAreRefused(t *testing.T) {
	s := newSite(t, nil)
	genuine := s.callback(t)
	with := func(key, value string) string {
		u, err := url.Parse(genuine)
		require.NoError(t, err)
		q := u.Query()
		q.Set(key, value)
		u.RawQuery = q.Encode()
		return u.String()
	}
	state := mustQuery(t, genuine).Get("state")
	for name, target := range map[string]string{
		"nothing":         s.url + CallbackPath,
		"no state":        with("state", ""),
		"other state":     with("state", strings.Repeat("A", 26)),
		"state cut":       with("state", state[:8]),
		"state longer":    with("state", state+"A"),
		"broken encoding": s.url + CallbackPath + "?state=%zz&code=%",
	} {
		status, page := s.visit(t, target)
		require.Equal(t, http.StatusBadRequest, status, name)
		require.Contains(t, page, "This sign-in was not begun here", name)
	}
	stranger := &site{browser: newBrowser(t)}
	status, _ := stranger.visit(t, genuine)
	require.Equal(t, http.StatusBadRequest, status, "in another browser")

	answer, _ := s.step(t, genuine)
	require.Equal(t, http.StatusSeeOther, answer.StatusCode, "what was refused has not spent it")
	status, _ = s.visit(t, genuine)
	require.Equal(t, http.StatusBadRequest, status, "replayed")
}

func TestReplayWithACookieThatWasKept(t *testing.T) {
	s := newSite(t, nil)
	back := s.callback(t)
	home, err := url.Parse(s.url)
	require.NoError(t, err)
	kept := s.browser.Jar.Cookies(home)
	s.step(t, back)
	s.browser = newBrowser(t)
	s.browser.Jar.SetCookies(home, kept)
	status, page := s.visit(t, back)
	require.Equal(t, http.StatusBadGateway, status)
	require.Contains(t, page, "You could not be signed in")
	require.Contains(t, s.log.String(), "invalid_grant")
	answer, _ := s.step(t, s.url+"/runs/R42")
	require.Equal(t, http.StatusSeeOther, answer.StatusCode, "nobody is signed in")
}

func TestASlowSignInIsBegunAnew(t *testing.T) {
	s := newSite(t, nil)
	back := s.callback(t)
	s.now = s.now.Add(attempt)
	status, _ := s.visit(t, back)
	require.Equal(t, http.StatusBadRequest, status)
}

func TestACodeOfAnotherSignInIsNoUse(t *testing.T) {
	s := newSite(t, nil)
	mine, stolen := s.callback(t), s.callback(t)
	u := mine[:strings.Index(mine, "?")] + "?" + url.Values{
		"state": {mustQuery(t, mine).Get("state")}, "code": {mustQuery(t, stolen).Get("code")},
	}.Encode()
	status, _ := s.visit(t, u)
	require.Equal(t, http.StatusBadGateway, status)
}

func mustQuery(t *testing.T, link string) url.Values {
	u, err := url.Parse(link)
	require.NoError(t, err)
	return u.Query()
}

func TestIDTokensThatAreRefused(t *testing.T) {
	for name, change := range map[string]func(map[string]any){
		"other nonce":    func(c map[string]any) { c["nonce"] = "of somebody else" },
		"no nonce":       func(c map[string]any) { c["nonce"] = nil },
		"other issuer":   func(c map[string]any) { c["iss"] = "https://evil.example.com" },
		"other audience": func(c map[string]any) { c["aud"] = "another-app" },
		"no audience":    func(c map[string]any) { c["aud"] = nil },
		"expired":        func(c map[string]any) { c["exp"] = time.Now().Add(-time.Minute).Unix() },
		"no expiry":      func(c map[string]any) { c["exp"] = nil },
		"wrong types":    func(c map[string]any) { c["email"] = []int{1} },
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, nil)
			s.provider.Change(change)
			status, page := s.visit(t, s.url+"/runs/R42")
			require.Equal(t, http.StatusBadGateway, status)
			require.NotContains(t, page, "page /runs")
			require.Contains(t, s.log.String(), "ID token")
			require.NotContains(t, s.log.String(), s.provider.ClientSecret)
			answer, _ := s.step(t, s.url+"/runs/R42")
			require.Equal(t, http.StatusSeeOther, answer.StatusCode)
		})
	}
}

func TestForgedCookies(t *testing.T) {
	s := newSite(t, nil)
	s.visit(t, s.url+"/runs/R42")
	home, err := url.Parse(s.url)
	require.NoError(t, err)
	genuine := s.browser.Jar.Cookies(home)[0].Value
	changed := "A" + genuine[1:]
	if changed == genuine {
		changed = "B" + genuine[1:]
	}
	attemptCookie, err := s.cookie("login_x", started{Back: "/", Until: s.now.Add(time.Hour)}, time.Hour)
	require.NoError(t, err)
	other, err := New(func() Settings { o := s.settings; o.Key = []byte("another key"); return o }())
	require.NoError(t, err)
	foreign, err := other.cookie("session", reader{Name: "x", Until: s.now.Add(time.Hour)}, time.Hour)
	require.NoError(t, err)
	narrower, err := New(func() Settings { o := s.settings; o.Groups = []string{"admins"}; return o }())
	require.NoError(t, err)
	stale, err := narrower.cookie("session", reader{Name: "x", Until: s.now.Add(time.Hour)}, time.Hour)
	require.NoError(t, err)
	for name, value := range map[string]string{
		"empty": "", "no base64": "!!!", "short": "AAAA", "cut": genuine[:len(genuine)-4], "changed": changed, "plain": `eyJuYW1lIjoieCJ9`,
		"of a sign-in": attemptCookie.Value, "other key": foreign.Value, "other rules": stale.Value, "long": strings.Repeat("A", 8000),
	} {
		r := httptest.NewRequest(http.MethodGet, "/runs/R42", nil)
		r.AddCookie(&http.Cookie{Name: "bellwether_session", Value: value})
		_, ok := s.Reader(r)
		require.False(t, ok, name)
	}
	r := httptest.NewRequest(http.MethodGet, "/runs/R42", nil)
	r.AddCookie(&http.Cookie{Name: "bellwether_session", Value: genuine})
	_, ok := s.Reader(r)
	require.True(t, ok)
}

func TestOnlyPagesLeadToTheProvider(t *testing.T) {
	s := newSite(t, nil)
	for _, kind := range []string{"image", "empty", "iframe", "script"} {
		r := httptest.NewRequest(http.MethodGet, "/charts/R42/x.svg", nil)
		r.Header.Set("Sec-Fetch-Dest", kind)
		w := httptest.NewRecorder()
		s.Require(nil, plain)(w, r)
		require.Equal(t, http.StatusUnauthorized, w.Code, kind)
		require.Empty(t, w.Result().Cookies())
	}
}

func TestNobodyIsSentElsewhere(t *testing.T) {
	s := newSite(t, nil)
	for _, path := range []string{"//evil.example.com/runs/R42", "/\\evil.example.com", "/%2f%2fevil.example.com", "/@evil.example.com", "/.evil.example.com", "/runs/R42?next=https://evil.example.com"} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.URL = &url.URL{Path: path}
		if u, err := url.ParseRequestURI(path); err == nil {
			r.URL = u
		}
		w := httptest.NewRecorder()
		s.Require(nil, plain)(w, r)
		require.Equal(t, http.StatusSeeOther, w.Code)
		home, err := url.Parse(s.url)
		require.NoError(t, err)
		s.browser.Jar.SetCookies(home, w.Result().Cookies())
		_, back := s.step(t, w.Header().Get("Location"))
		_, to := s.step(t, back)
		landed, err := url.Parse(to)
		require.NoError(t, err, path)
		require.Equal(t, home.Host, landed.Host, path)
		require.Nil(t, landed.User, path)
	}
}
