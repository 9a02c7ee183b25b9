package app

import (
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/stretchr/testify/require"

	"bellwether/commands"
	"bellwether/internal/store"
)

// overheard is a site where three things were said, of which the last one was cut short.
func overheard(t *testing.T) *site {
	t.Helper()
	s := newSite(t, miniredis.RunT(t).Addr())
	s.speak(t, object{"web": object{"enabled": true}}, "{web: team-checkout}", "{web: platform}")
	log := &store.Audit{Store: s.memory(t)}
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	said := func(id, who, name, what string) commands.Entry {
		return commands.Entry{ID: id, At: at, Platform: "slack", Channel: "slack:C0CHECKOUT", Who: who, Name: name, What: what}
	}
	for _, e := range []commands.Entry{
		said("a", "T0TEAM/U0DEVSG", "Siti", "rerun R1"),
		{ID: "a", At: at, Run: "R1", Result: commands.ResultDone},
		said("b", "T0TEAM/U0EVE", "Eve\x1b[2J", "cancel R1"),
		{ID: "b", At: at, Run: "R1", Result: commands.ResultDenied, Reason: "Only members of team checkout may cancel R1."},
		said("c", "T0TEAM/U0DEVSG", "Siti", "full load"),
	} {
		require.NoError(t, log.Append(t.Context(), e))
	}
	return s
}

func TestAudit(t *testing.T) {
	t.Parallel()
	s := overheard(t)
	for name, c := range map[string]struct {
		flags []string
		want  []string
	}{
		"all, the newest first":      {nil, []string{"c unknown", "b denied", "a done"}},
		"a person of the catalog":    {[]string{"--who", "dev-sg"}, []string{"c unknown", "a done"}},
		"by the name in the chat":    {[]string{"--who", "siti"}, []string{"c unknown", "a done"}},
		"by an id":                   {[]string{"--who", "T0TEAM/U0EVE"}, []string{"b denied"}},
		"about a run":                {[]string{"--run", "r1"}, []string{"b denied", "a done"}},
		"before anything was said":   {[]string{"--since", "2h", "--until", "1h"}, nil},
		"since a day":                {[]string{"--since", "2020-01-01"}, []string{"c unknown", "b denied", "a done"}},
		"up to a time":               {[]string{"--since", "2019-12-31", "--until", "2020-01-01T12:00:00Z"}, nil},
		"somebody who said nothing":  {[]string{"--who", "dev-syd"}, nil},
		"a person's part about runs": {[]string{"--who", "dev-sg", "--run", "R1"}, []string{"a done"}},
	} {
		t.Run(name, func(t *testing.T) {
			out, code := s.run(t, append([]string{"audit", "--json", "--config", s.config(t)}, c.flags...)...)
			require.Zero(t, code)
			all := []uttered{}
			require.NoError(t, json.Unmarshal([]byte(out), &all))
			var got []string
			for _, u := range all {
				got = append(got, u.ID+" "+u.Result)
			}
			require.Equal(t, c.want, got)
		})
	}
}

func TestAuditForPeople(t *testing.T) {
	t.Parallel()
	s := overheard(t)
	out, code := s.run(t, "audit", "--config", s.config(t))
	require.Zero(t, code)
	require.Equal(t, `TIME (UTC)           WHO                     PLATFORM  WHAT       RUN  RESULT
2026-11-23 12:00:00  Siti (T0TEAM/U0DEVSG)   slack     full load  -    unknown
2026-11-23 12:00:00  Eve·[2J (T0TEAM/U0EVE)  slack     cancel R1  R1   denied: Only members of team checkout may cancel R1.
2026-11-23 12:00:00  Siti (T0TEAM/U0DEVSG)   slack     rerun R1   R1   done
`, out)

	out, code = s.run(t, "audit", "--who", "nobody", "--config", s.config(t))
	require.Zero(t, code)
	require.Equal(t, "Nobody said anything of that kind in that time.\n", out)
}

func TestAuditOfWhatCannotBe(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for want, c := range map[string]auditCommand{
		`--since: "yesterday" is no time; write for example 12h, 7d, 2026-11-23 or 2026-11-23T12:00:00Z`: {Since: "yesterday"},
		"--since: 2026-11-24 is yet to come":            {Since: "2026-11-24"},
		"--until: 2h is no later than --since 1h":       {Since: "1h", Until: "2h"},
		"--until: 1h is no later than --since 1h":       {Since: "1h", Until: "1h"},
		`--run: "1" is no run; write for example R42`:   {Since: "1h", About: "1"},
		`--run: "R1x" is no run; write for example R42`: {Since: "1h", About: "R1x"},
	} {
		err := c.Run(t.Context(), Process{Now: func() time.Time { return now }})
		require.EqualError(t, err, want)
		require.ErrorAs(t, err, new(unanswered))
	}
}

func TestALongAuditIsCutToFit(t *testing.T) {
	one := uttered{At: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC), Who: "T0TEAM/U0EVE", Name: strings.Repeat("é", 70), Platform: "slack", What: "ack R1 because\tof\n" + strings.Repeat("x", 8000), Result: "done"}
	var out strings.Builder
	require.NoError(t, printSaid(&out, func(yield func(uttered, error) bool) {
		for range heldRows + 1 {
			if !yield(one, nil) {
				return
			}
		}
	}))
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	require.Len(t, lines, 1+heldRows+1)
	row := "2026-11-23 12:00:00  " + strings.Repeat("é", 59) + "… (T0TEAM/U0EVE)  slack     ack R1 because·of·" + strings.Repeat("x", 41) + "…  -    done"
	require.Equal(t, row, lines[1])
}

func TestAuditShowsWhatItHasBeforeAnError(t *testing.T) {
	var out strings.Builder
	err := printSaid(&out, func(yield func(uttered, error) bool) {
		_ = yield(uttered{Name: "Siti", What: "rerun R1"}, nil) && yield(uttered{}, io.ErrUnexpectedEOF)
	})
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.Contains(t, out.String(), "rerun R1")
}

func TestMoment(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"7d": now.AddDate(0, 0, -7), "0d": now, "90m": now.Add(-90 * time.Minute), "2026-11-20": time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC),
		"2026-11-20T10:00:00+08:00": time.Date(2026, 11, 20, 2, 0, 0, 0, time.UTC),
	} {
		got, err := moment(text, now)
		require.NoError(t, err)
		require.True(t, want.Equal(got), text)
	}
	for _, text := range []string{"", "yesterday", "-1h", "-1d", "99999999999d", "1.5d"} {
		_, err := moment(text, now)
		require.ErrorContains(t, err, "write for example 12h")
	}
}
