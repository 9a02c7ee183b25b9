package graph

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"bellwether/commands"
	"bellwether/internal/chat/teams/token"
	"bellwether/internal/peers"
	"bellwether/pipeline"
)

const (
	ada    = "8a1f4c52-7a53-4f0b-9d53-1b2f0d5e8a11"
	bob    = "9b1f4c52-7a53-4f0b-9d53-1b2f0d5e8a22"
	perf   = "c3d2e1f0-7a53-4f0b-9d53-1b2f0d5e8a33"
	admins = "d4d2e1f0-7a53-4f0b-9d53-1b2f0d5e8a44"
)

func speaker(platform, user string) commands.Caller {
	return commands.Caller{Channel: pipeline.Channel{Platform: platform}, User: user}
}

func newGroups(m *peers.Microsoft) *Groups {
	source := token.Source(token.Settings{AppID: m.AppID, Password: m.Password, Tenant: m.Tenant, Login: m.URL, Scope: Scope(m.URL)})
	return New(Settings{Base: m.URL, Tokens: source, Now: func() time.Time { return m.Now() }})
}

func TestGroupsContainTheirMembers(t *testing.T) {
	m := peers.NewMicrosoft(t)
	m.Join(ada, perf)
	m.Join(bob)
	g := newGroups(m)
	for _, test := range []struct {
		platform, user, group string
		in                    bool
	}{
		{"teams", ada, perf, true},
		{"teams", strings.ToUpper(ada), strings.ToUpper(perf), true},
		{"teams", ada, admins, false},
		{"teams", bob, perf, false},
		{"teams", "00000000-7a53-4f0b-9d53-1b2f0d5e8a11", perf, false}, // unknown to the tenant
		{"teams", "29:1bSnHZ7Js2STWrgk6ScEErLk1Lp2zQuD5H2qQ960rtvstKp8tKLl-3r8b6DoW0QxZimuTxk", perf, false},
		{"teams", "", perf, false},
		{"teams", ada + "/../" + ada, perf, false},
		{"slack", ada, perf, false},
		{"web", ada, perf, false},
		{"", ada, perf, false},
	} {
		in, err := g.Contains(t.Context(), test.group, speaker(test.platform, test.user))
		require.NoError(t, err)
		require.Equal(t, test.in, in, "%s of %s in %s", test.user, test.platform, test.group)
	}
	require.Equal(t, 4, m.Asked(peers.AtGraph), "only ids of Entra's are asked about")
}

func TestAGroupNeedsAnObjectID(t *testing.T) {
	m := peers.NewMicrosoft(t)
	for _, group := range []string{"", "perf", "T0TEAM/S0PERF", perf + "?x", perf + "\n"} {
		_, err := newGroups(m).Contains(t.Context(), group, speaker("teams", ada))
		require.ErrorContains(t, err, "no object id")
	}
	require.Zero(t, m.Asked(peers.AtLogin))
}

func TestAnswersHoldForAMinute(t *testing.T) {
	m := peers.NewMicrosoft(t)
	now := time.Date(2026, 11, 23, 7, 0, 0, 0, time.UTC)
	m.Now = func() time.Time { return now }
	m.Join(ada)
	g := newGroups(m)
	contains := func() bool {
		in, err := g.Contains(t.Context(), perf, speaker("teams", ada))
		require.NoError(t, err)
		return in
	}
	require.False(t, contains())
	m.Join(ada, perf)
	now = now.Add(remember - time.Second)
	require.False(t, contains())
	now = now.Add(time.Second)
	require.True(t, contains())
	require.Equal(t, 2, m.Asked(peers.AtGraph))
	require.Equal(t, 1, m.Asked(peers.AtLogin))
}

func TestFewAnswersAreRemembered(t *testing.T) {
	g := New(Settings{})
	for i := range 3 * memory {
		g.keep(question{fmt.Sprint(i), perf}, true)
	}
	require.LessOrEqual(t, len(g.answers), memory)
	in, known := g.recall(question{fmt.Sprint(3*memory - 1), perf})
	require.True(t, in && known)
}

func TestFailuresAreErrorsAndAreNotRemembered(t *testing.T) {
	m := peers.NewMicrosoft(t)
	m.Join(ada, perf)
	g := newGroups(m)
	given, err := g.tokens.Token()
	require.NoError(t, err)
	for name, test := range map[string]struct {
		fault http.HandlerFunc
		why   string
	}{
		"no consent": {peers.DenyGraph, "GroupMember.Read.All and User.Read.All or Directory.Read.All"},
		"too often": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "17")
			w.WriteHeader(http.StatusTooManyRequests)
		}, "try again in 17s"},
		"too often, oddly": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "-9 <")
			w.WriteHeader(http.StatusTooManyRequests)
		}, "try again in 1m0s"},
		"redirected": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		}, "307"},
		"broken": {func(w http.ResponseWriter, r *http.Request) {
			http.Error(w, r.Header.Get("Authorization"), http.StatusBadGateway)
		}, "502"},
		"no JSON":   {func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Header.Get("Authorization")) }, "read Graph's answer"},
		"odd types": {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"value":[1]}`) }, "read Graph's answer"},
		"enormous": {func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(w, `{"value":["%s"]}`, strings.Repeat("a", maxAnswer))
		}, "too large"},
		"hangs up": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			m.Break(peers.AtGraph, test.fault)
			in, err := g.Contains(t.Context(), perf, speaker("teams", ada))
			require.False(t, in)
			require.ErrorContains(t, err, test.why)
			require.NotContains(t, err.Error(), given.AccessToken)
			require.NotContains(t, err.Error(), m.Password)
		})
	}
	m.Break(peers.AtGraph, nil)
	in, err := g.Contains(t.Context(), perf, speaker("teams", ada))
	require.NoError(t, err)
	require.True(t, in)
}

func TestWithoutATokenNothingIsAsked(t *testing.T) {
	m := peers.NewMicrosoft(t)
	g := newGroups(m)
	m.Password = "changed meanwhile"
	_, err := g.Contains(t.Context(), perf, speaker("teams", ada))
	require.ErrorContains(t, err, "chat.teams.app_password")
	require.Zero(t, m.Asked(peers.AtGraph))
}

func TestAStalledGraphIsGivenUp(t *testing.T) {
	m := peers.NewMicrosoft(t)
	g := newGroups(m)
	g.client.Timeout = 20 * time.Millisecond
	m.Break(peers.AtGraph, peers.StallMicrosoft)
	_, err := g.Contains(t.Context(), perf, speaker("teams", ada))
	require.ErrorContains(t, err, "Timeout")
	require.Positive(t, New(Settings{}).client.Timeout)
}

func TestGroupsAreAskedAtTheSameTime(t *testing.T) {
	m := peers.NewMicrosoft(t)
	m.Join(ada, perf)
	g := newGroups(m)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if in, err := g.Contains(t.Context(), perf, speaker("teams", ada)); err != nil || !in {
				t.Errorf("in %v, error %v", in, err)
			}
		})
	}
	all.Wait()
}

func TestTheScopeIsOfTheCloud(t *testing.T) {
	require.Equal(t, "https://graph.microsoft.com/.default", Scope(""))
	require.Equal(t, "https://graph.microsoft.us/.default", Scope("https://graph.microsoft.us/"))
}

// refused gives a token, and another once that is forgotten.
type refused struct{ now string }

func (r *refused) Token() (*oauth2.Token, error) { return &oauth2.Token{AccessToken: r.now}, nil }
func (r *refused) Forget(token string)           { r.now = "instead of " + token }

func TestARefusedTokenIsNotShownAgain(t *testing.T) {
	m := peers.NewMicrosoft(t)
	var shown []string
	m.Break(peers.AtGraph, func(w http.ResponseWriter, r *http.Request) {
		shown = append(shown, r.Header.Get("Authorization"))
		w.WriteHeader(http.StatusUnauthorized)
	})
	g := New(Settings{Base: m.URL, Tokens: &refused{now: "old"}})
	for range 2 {
		_, err := g.Contains(t.Context(), perf, speaker("teams", ada))
		require.ErrorContains(t, err, "401")
	}
	require.Equal(t, []string{"Bearer old", "Bearer instead of old"}, shown)
}
