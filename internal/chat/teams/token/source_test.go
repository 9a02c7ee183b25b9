package token

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/internal/peers"
)

func TestATokenIsReusedUntilShortlyBeforeItsEnd(t *testing.T) {
	m := peers.NewMicrosoft(t)
	long := Source(settings(m))
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if _, err := long.Token(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	require.Equal(t, 1, m.Asked(peers.AtLogin))
	got, err := long.Token()
	require.NoError(t, err)
	r := request("", got.Type()+" "+got.AccessToken)
	require.True(t, m.Gave(r, peers.BotScope))

	m.Lifetime = ahead
	short := Source(settings(m))
	for range 2 {
		_, err = short.Token()
		require.NoError(t, err)
	}
	require.Equal(t, 3, m.Asked(peers.AtLogin), "what ends within %s is replaced", ahead)
}

func TestARefusedTokenIsReplaced(t *testing.T) {
	m := peers.NewMicrosoft(t)
	s, now := settings(m), time.Now()
	s.Now = func() time.Time { return now }
	source := Source(s)
	token := func() string {
		got, err := source.Token()
		require.NoError(t, err)
		return got.AccessToken
	}
	first := token()
	source.Forget(first)
	require.Equal(t, first, token(), "one so young is refused for another reason: Entra is not asked again and again")
	now = now.Add(young)
	source.Forget("another")
	require.Equal(t, first, token())
	source.Forget(first)
	second := token()
	require.NotEqual(t, first, second)
	source.Forget(first)
	require.Equal(t, second, token(), "who is late with it does no harm")
	require.Equal(t, 2, m.Asked(peers.AtLogin))
}

func TestTheScopeCanBeAnother(t *testing.T) {
	m := peers.NewMicrosoft(t)
	s := settings(m)
	s.Scope, s.Login = m.GraphScope(), m.URL+"/"
	got, err := Source(s).Token()
	require.NoError(t, err)
	require.True(t, m.Gave(request("", "Bearer "+got.AccessToken), m.GraphScope()))
}

func TestWhatIsWrongWithTheSettingsIsNamed(t *testing.T) {
	const secret = "a-secret-that-is-wrong"
	m := peers.NewMicrosoft(t)
	for why, change := range map[string]func(*Settings){
		"chat.teams.app_password is wrong: write the secret's value, not its id (AADSTS7000215)": func(s *Settings) { s.Password = secret },
		"chat.teams.tenant is no tenant":      func(s *Settings) { s.Tenant = "../elsewhere" },
		"chat.teams.app_id is no app":         func(s *Settings) { s.AppID = "another" },
		"AADSTS70011: look it up":             func(s *Settings) { s.Scope = "https://vault.azure.net/.default" },
		"connection refused":                  func(s *Settings) { s.Login = "http://127.0.0.1:1" },
		"it answered 404 Not Found":           func(s *Settings) { s.Login = m.URL + "/a/b/c/d" },
		"unsupported protocol scheme \"ftp\"": func(s *Settings) { s.Login = "ftp://127.0.0.1" },
	} {
		t.Run(why, func(t *testing.T) {
			s := settings(m)
			change(&s)
			_, err := Source(s).Token()
			require.ErrorContains(t, err, why)
			silent(t, err, s.Password)
		})
	}
}

// Who answers at a wrong address may send back what it was sent.
func TestErrorsHaveNoSecrets(t *testing.T) {
	m := peers.NewMicrosoft(t)
	away := func(w http.ResponseWriter, r *http.Request) {
		t.Errorf("the password was taken to %s", r.URL)
	}
	m.Break(peers.AtGraph, away)
	for name, fault := range map[string]http.HandlerFunc{
		"echo": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprintf(w, `{"error":%[1]q,"error_description":%[1]q,"error_uri":%[1]q}`, r.PostFormValue("client_secret"))
		},
		"echo as text": func(w http.ResponseWriter, r *http.Request) {
			http.Error(w, r.PostFormValue("client_secret"), http.StatusBadGateway)
		},
		"echo as success": func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.PostFormValue("client_secret")) },
		"no token":        func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"access_token":"","expires_in":3600}`) },
		"odd types":       func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"access_token":[],"expires_in":{}}`) },
		"token with fault": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(500)
			fmt.Fprint(w, `{"access_token":"access-0123456789-0123456789"}`)
		},
		"hangs up": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, m.URL+"/v1.0/users/x/checkMemberGroups", http.StatusTemporaryRedirect)
		},
	} {
		t.Run(name, func(t *testing.T) {
			m.Break(peers.AtLogin, fault)
			got, err := Source(settings(m)).Token()
			require.Error(t, err)
			require.Nil(t, got)
			silent(t, err, m.Password)
			silent(t, err, "access-0123456789-0123456789")
		})
	}
}

func TestAStalledLoginIsGivenUp(t *testing.T) {
	m := peers.NewMicrosoft(t)
	m.Break(peers.AtLogin, peers.StallMicrosoft)
	s := settings(m)
	s.Client = &http.Client{Timeout: 20 * time.Millisecond}
	_, err := Source(s).Token()
	require.ErrorContains(t, err, "Timeout")
}

func TestSettingsHideThePassword(t *testing.T) {
	s := Settings{AppID: "the-app", Tenant: "the-tenant", Password: "the-password"}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d"} {
		shown := fmt.Sprintf(verb, s)
		require.NotContains(t, shown, "password")
		require.True(t, strings.Contains(shown, "the-app") && strings.Contains(shown, "the-tenant"), shown)
	}
	require.Positive(t, s.filled().Client.Timeout)
}
