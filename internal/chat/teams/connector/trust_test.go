package connector

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"
)

func TestTrustedAddresses(t *testing.T) {
	c := &Client{Home: &url.URL{Scheme: "http", Host: "127.0.0.1:4000"}}
	for address, want := range map[string]bool{
		"http://127.0.0.1:4000/teams/":                     true,
		"https://smba.trafficmanager.net/amer/":            true,
		"https://SMBA.trafficmanager.net/amer/":            true,
		"https://smba.infra.gcc.teams.microsoft.com/teams": true,
		"https://smba.infra.gov.teams.microsoft.us/":       true,

		"http://127.0.0.1:4001/":                           false,
		"http://127.0.0.1:4000@evil.example/":              false,
		"http://evil@127.0.0.1:4000/":                      false,
		"ftp://127.0.0.1:4000/":                            false,
		"http://smba.trafficmanager.net/":                  false,
		"https://smba.trafficmanager.net:8443/":            false,
		"https://smba.trafficmanager.net./":                false,
		"https://u:p@smba.trafficmanager.net/":             false,
		"https://smba.trafficmanager.net.evil.example/":    false,
		"https://evil.trafficmanager.net/":                 false,
		"https://evilteams.microsoft.com/":                 false,
		"https://directline.botframework.com/":             false,
		"https://evil.example/.teams.microsoft.com":        false,
		"https://evil.example\\.teams.microsoft.com/":      false,
		"https://evil.example%2f.teams.microsoft.com/":     false,
		"https://evil.example\uff0f.teams.microsoft.com/":  false,
		"https://evil.example:.teams.microsoft.com/":       false,
		"https://smba.tra\ufb03cmanager.net/":              false,
		"https://\u017fmba.trafficmanager.net/":            false,
		"https://\u017fmba.infra.gcc.teams.microsoft.com/": false,
		"https://smba.trafficmanager.net/?":                false,
		"https://smba.trafficmanager.net/?to=evil":         false,
		"https://smba.trafficmanager.net/#":                false,
		"https:smba.trafficmanager.net/":                   false,
		"//smba.trafficmanager.net/":                       false,
		"":                                                 false,
		"file:///etc/passwd":                               false,
		"%zz":                                              false,
	} {
		require.Equal(t, want, c.Trusts(address), address)
	}
	c.Home = &url.URL{Scheme: "http", Host: "teams.internal"}
	require.False(t, c.Trusts("http://teams.internal/"), "without TLS only on this machine")
	require.True(t, c.Trusts("https://teams.internal/"))
	require.False(t, (&Client{}).Trusts("http://127.0.0.1:4000/"))
}

// Wherever an address came from, the bot's token goes to Microsoft alone, and nobody else is even asked.
func TestTokensGoNowhereElse(t *testing.T) {
	asked := 0
	c := over(answering(func() *http.Response { asked++; return nil }))
	c.Tokens = noTokens{t}
	const evil = "https://evil.example/teams/"
	_, created := c.Create(t.Context(), evil, "a:1", Conversation{})
	_, sent := c.Send(t.Context(), evil, "a:1", Activity{})
	_, looked := c.Member(t.Context(), evil, "a:1", "29:1")
	for _, err := range []error{created, sent, looked, c.Update(t.Context(), evil, "a:1", "1", Activity{})} {
		require.ErrorAs(t, err, new(*Unsent))
		require.ErrorContains(t, err, "evil.example")
	}
	require.Zero(t, asked)
}

// stubborn gives the same token again after it was forgotten, as one does that was fetched a moment ago.
type stubborn struct{ oauth2.TokenSource }

func (stubborn) Forget(string) {}

func TestTheSameTokenIsNotRefusedTwice(t *testing.T) {
	asked := 0
	c := over(answering(func() *http.Response { asked++; return recorded(http.StatusUnauthorized, "")() }))
	c.Tokens = stubborn{c.Tokens}
	_, err := c.Send(t.Context(), microsoft, "a:1", Activity{})
	require.ErrorContains(t, err, "teams answers 401")
	require.Equal(t, 1, asked)
}

// noTokens has none to give.
type noTokens struct{ t *testing.T }

func (n noTokens) Token() (*oauth2.Token, error) {
	n.t.Error("a token was asked for")
	return &oauth2.Token{}, nil
}
