package slack

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/commands"
	"bellwether/internal/peers"
	"bellwether/pipeline"
)

func TestWhoSpeaks(t *testing.T) {
	zone, err := time.LoadLocation("Asia/Singapore")
	require.NoError(t, err)
	for name, test := range map[string]struct {
		person   peers.SlackPerson
		outsider bool
		zone     *time.Location
	}{
		"a colleague":        {peers.SlackPerson{Name: "x", Team: peers.SlackTeam, Zone: "Asia/Singapore"}, false, zone},
		"no zone":            {peers.SlackPerson{Name: "x", Team: peers.SlackTeam}, false, nil},
		"a zone of its own":  {peers.SlackPerson{Name: "x", Team: peers.SlackTeam, Zone: "../../etc/passwd"}, false, nil},
		"a guest":            {peers.SlackPerson{Name: "x", Team: peers.SlackTeam, Guest: true}, true, nil},
		"a guest of one":     {peers.SlackPerson{Name: "x", Team: peers.SlackTeam, SingleOnly: true}, true, nil},
		"a stranger":         {peers.SlackPerson{Name: "x", Team: peers.SlackTeam, Stranger: true}, true, nil},
		"a bot":              {peers.SlackPerson{Name: "x", Team: peers.SlackTeam, Bot: true}, true, nil},
		"another's employee": {peers.SlackPerson{Name: "x", Team: "T0PARTNER"}, true, nil},
	} {
		s := newScene(t)
		s.Meet("U1", test.person)
		got := s.chat.meet(t.Context(), s.chat.workspaces[0], caller(s.chat.workspaces[0], where, "U1", "claimed", "T0CLAIMED"))
		require.Equal(t, test.outsider, got.Outsider, name)
		require.Equal(t, test.zone, got.Zone, name)
		require.Equal(t, []string{"x", test.person.Team}, []string{got.Name, got.Workspace}, name)
	}
}

// Whom Slack does not tell of is a guest; what it told is asked again after a while.
func TestWhoSpeaksIsAskedAgain(t *testing.T) {
	s := newScene(t)
	w, now := s.chat.workspaces[0], time.Now()
	s.chat.now = func() time.Time { return now }
	meet := func() commands.Caller { return s.chat.meet(t.Context(), w, caller(w, where, "U1", "", "")) }
	require.Equal(t, []any{"U1", true}, []any{meet().Name, meet().Outsider})
	s.Meet("U1", peers.SlackPerson{Name: "x", Team: peers.SlackTeam})
	require.False(t, meet().Outsider, "a failure is not remembered")
	s.Meet("U1", peers.SlackPerson{Name: "x", Team: peers.SlackTeam, Guest: true})
	require.False(t, meet().Outsider)
	now = now.Add(acquaintance)
	require.True(t, meet().Outsider)
	for i := range crowd {
		s.chat.people[string(rune(i))] = person{}
	}
	now = now.Add(acquaintance)
	meet()
	require.LessOrEqual(t, len(s.chat.people), crowd)
}

func TestGroups(t *testing.T) {
	s := newScene(t)
	s.Group("S0PERF", peers.SlackUser)
	now := time.Now()
	s.chat.now = func() time.Time { return now }
	lead := commands.Caller{Channel: pipeline.Channel{Platform: Platform, ID: where}, Workspace: peers.SlackTeam, User: peers.SlackUser}
	for name, test := range map[string]struct {
		group  string
		change func(*commands.Caller)
		in     bool
	}{
		"a member":             {"T0TEAM/S0PERF", func(*commands.Caller) {}, true},
		"somebody else":        {"T0TEAM/S0PERF", func(c *commands.Caller) { c.User = "U1" }, false},
		"another workspace":    {"T0OTHER/S0PERF", func(*commands.Caller) {}, false},
		"a namesake elsewhere": {"T0TEAM/S0PERF", func(c *commands.Caller) { c.Workspace = "T0OTHER" }, false},
		"an outsider":          {"T0TEAM/S0PERF", func(c *commands.Caller) { c.Outsider = true }, false},
		"on Teams":             {"T0TEAM/S0PERF", func(c *commands.Caller) { c.Channel.Platform = "teams" }, false},
		"no group":             {"T0TEAM", func(*commands.Caller) {}, false},
		"nothing":              {"", func(c *commands.Caller) { c.Workspace = "" }, false},
	} {
		who := lead
		test.change(&who)
		in, err := s.chat.Contains(t.Context(), test.group, who)
		require.NoError(t, err, name)
		require.Equal(t, test.in, in, name)
	}
	_, err := s.chat.Contains(t.Context(), "T0TEAM/S0GONE", lead)
	require.ErrorContains(t, err, "T0TEAM/S0GONE")
	s.Group("S0PERF")
	in, err := s.chat.Contains(t.Context(), "T0TEAM/S0PERF", lead)
	require.NoError(t, err)
	require.True(t, in, "kept for a minute")
	now = now.Add(membership)
	in, err = s.chat.Contains(t.Context(), "T0TEAM/S0PERF", lead)
	require.NoError(t, err)
	require.False(t, in)
}
