package web

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/internal/peers"
	"bellwether/internal/web/login"
)

// TestPagesBehindALogin serves pages as an installation with http.oidc does.
func TestPagesBehindALogin(t *testing.T) {
	s := judged()
	s.pictures["R42/checkout-flow"] = []byte("png")
	p := pages(t, s)
	p.Now = time.Now
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { p.Handler().ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	provider := peers.NewIdentityProvider(t)
	p.PublicURL = server.URL
	var err error
	p.Login, err = login.New(login.Settings{
		Issuer: provider.URL, ClientID: provider.ClientID, ClientSecret: provider.ClientSecret, Groups: []string{"checkout"},
		PublicURL: p.PublicURL, Key: p.Key, Now: p.Now, Log: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	browser := &http.Client{Jar: jar}
	stranger := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

	own := []string{
		p.RunURL("R42"), p.PublicURL + p.signed("charts", "R42", "checkout-flow.svg"), p.PublicURL + p.signed("records", "R42", "checkout-flow"),
	}
	for _, link := range own {
		status, _ := fetch(t, stranger, link)
		require.Equal(t, http.StatusSeeOther, status, link)
		status, _ = fetch(t, stranger, strings.Split(link, "?")[0])
		require.Equal(t, http.StatusForbidden, status, "a link that is not signed leads nowhere")
	}
	require.Zero(t, s.loads)
	status, _ := fetch(t, stranger, p.PictureURL("R42/checkout-flow"))
	require.Equal(t, http.StatusOK, status, "chats have no cookies")

	status, page := fetch(t, browser, p.RunURL("R42"))
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, page, `<bdi>dev-sg@example.com</bdi> <a href="../oidc/logout">Sign out</a>`)
	for _, link := range own {
		status, _ = fetch(t, browser, link)
		require.Equal(t, http.StatusOK, status, link)
		status, _ = fetch(t, browser, flipped(link))
		require.Equal(t, http.StatusForbidden, status, "the signature is needed as well")
	}

	provider.SignIn(peers.Person{Subject: "x", Email: "x@example.com", Groups: []string{"search"}})
	status, page = fetch(t, browser, p.PublicURL+login.LogoutPath)
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, page, "You are signed out")
	status, page = fetch(t, browser, p.RunURL("R42"))
	require.Equal(t, http.StatusForbidden, status)
	require.Contains(t, page, "x@example.com is signed in, but may read only as one of: checkout.")
}

func fetch(t *testing.T, client *http.Client, link string) (status int, page string) {
	t.Helper()
	answer, err := client.Get(link)
	require.NoError(t, err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return answer.StatusCode, string(body)
}

func TestWithoutALoginThereIsNone(t *testing.T) {
	p := pages(t, shelved(regressed()))
	require.Equal(t, http.StatusNotFound, p.get(login.CallbackPath).Code)
	require.NotContains(t, p.get(p.RunURL("R42")).Body.String(), "Sign out")
}
