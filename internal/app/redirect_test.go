package app

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

// A Git host, or whoever is in between, cannot have a token sent in the clear.
func TestARedirectionToHTTPIsNotFollowed(t *testing.T) {
	t.Parallel()
	asked := make(chan string, 20)
	plain := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { asked <- r.Header.Get("Authorization") }))
	t.Cleanup(plain.Close)
	host := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, plain.URL, http.StatusFound)
	}))
	t.Cleanup(host.Close)
	client := *asking
	client.Transport = host.Client().Transport
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, host.URL, nil)
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer hunter2")
	_, err = client.Do(request)
	require.ErrorContains(t, err, "it redirects from https to http")
	require.Empty(t, asked)
}

func TestRedirectionsEnd(t *testing.T) {
	t.Parallel()
	host := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/", http.StatusFound)
	}))
	t.Cleanup(host.Close)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, host.URL, nil)
	require.NoError(t, err)
	_, err = asking.Do(request)
	require.ErrorContains(t, err, "again and again")
}
