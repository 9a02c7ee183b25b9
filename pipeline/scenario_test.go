package pipeline

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// withHeader is a scenario whose only request has that header.
func withHeader(name, value string) Scenario {
	return Scenario{Engine: "vegeta", Targets: []Target{{Name: "cart", Path: "/cart", Headers: map[string]string{name: value}}}}
}

func TestHashOutlivesARotatedToken(t *testing.T) {
	for _, name := range []string{"Authorization", "proxy-authorization", "Cookie", "X-Api-Key", "X-Auth-Token", "apikey"} {
		before, after := withHeader(name, "Bearer 1"), withHeader(name, "Bearer 2")
		require.Equal(t, before.Hash(), after.Hash(), name)
		require.Equal(t, "Bearer 1", before.Targets[0].Headers[name], "the request keeps it")
	}
}

func TestHashTellsRequestsApart(t *testing.T) {
	plain := Scenario{Engine: "vegeta", Targets: []Target{{Name: "cart", Path: "/cart"}}}
	authorised := withHeader("Authorization", "Bearer 1")
	require.NotEqual(t, plain.Hash(), authorised.Hash(), "with and without somebody logged in")
	require.NotEqual(t, withHeader("Accept", "text/html").Hash(), withHeader("Accept", "text/plain").Hash())
	require.NotEqual(t, withHeader("Authorization", "").Hash(), withHeader("Cookie", "").Hash())
}
