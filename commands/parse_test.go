package commands

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"bellwether/pipeline"
)

func TestParse(t *testing.T) {
	for line, want := range map[string]Command{
		"":                    {Verb: "help"},
		" \t ":                {Verb: "help"},
		"/loadtest":           {Verb: "help"},
		"help":                {Verb: "help"},
		"status":              {Verb: "status"},
		"  Status   LOAD ":    {Verb: "status", Subject: "LOAD"},
		"/loadtest status":    {Verb: "status"},
		"/LoadTest rerun":     {Verb: "rerun"},
		"rerun R42":           {Verb: "rerun", Subject: "R42"},
		"RERUN r42":           {Verb: "rerun", Subject: "r42"},
		"rerun checkout":      {Verb: "rerun", Subject: "checkout"},
		"full":                {Verb: "full"},
		"full load":           {Verb: "full", Subject: "load"},
		"ack R42":             {Verb: "ack", Subject: "R42"},
		"acknowledge R42":     {Verb: "ack", Subject: "R42"},
		"ack":                 {Verb: "ack"},
		"ack because it is":   {Verb: "ack", Because: "it is"},
		"cancel R42":          {Verb: "cancel", Subject: "R42"},
		"cancel\x00\nR42\x1b": {Verb: "cancel", Subject: "R42"},
		"ack R42 because the  cache\nwas\x07cold": {Verb: "ack", Subject: "R42", Because: "the cache was cold"},
		"ack R42 BECAUSE because":                 {Verb: "ack", Subject: "R42", Because: "because"},
		"ack R42 scope cart for 3d":               {Verb: "ack", Subject: "R42", Scope: "cart", For: 72 * time.Hour},
		"ack until 2026-12-01 Scope cart":         {Verb: "ack", Until: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC), Scope: "cart"},
		"ack R42 because it ends until tomorrow":  {Verb: "ack", Subject: "R42", Because: "it ends until tomorrow"},
		"rerun R42 only cart, pay list":           {Verb: "rerun", Subject: "R42", Only: []string{"cart", "pay", "list"}},
		"rerun only cart":                         {Verb: "rerun", Only: []string{"cart"}},
		"compare R42":                             {Verb: "compare", Subject: "R42"},
		"compare with R40":                        {Verb: "compare", With: "R40"},
		"compare R42 R40":                         {Verb: "compare", Subject: "R42", With: "R40"},
		"compare R42 with R40":                    {Verb: "compare", Subject: "R42", With: "R40"},
		"history cart":                            {Verb: "history", Subject: "cart"},
		"history cart 90d":                        {Verb: "history", Subject: "cart", For: 90 * 24 * time.Hour},
		"history cart for 12h on soak":            {Verb: "history", Subject: "cart", For: 12 * time.Hour, On: "soak"},
		"history cart on soak for 12h":            {Verb: "history", Subject: "cart", For: 12 * time.Hour, On: "soak"},
		"ack R42 scope cart:p95":                  {Verb: "ack", Subject: "R42", Scope: "cart:p95"},
		"accept R42 scope cart because it is":     {Verb: "accept", Subject: "R42", Scope: "cart", Because: "it is"},
		"triage R42 as Environment":               {Verb: "triage", Subject: "R42", As: pipeline.Environmental},
		"triage R42":                              {Verb: "triage", Subject: "R42"},
		"invalid R42 because of a leak":           {Verb: "invalid", Subject: "R42", Because: "of a leak"},
		"reopen R42":                              {Verb: "reopen", Subject: "R42"},
		"pin R42 scope cart":                      {Verb: "pin", Subject: "R42", Scope: "cart"},
		"unpin cart on soak":                      {Verb: "unpin", Subject: "cart", On: "soak"},
		"mine":                                    {Verb: "open"},
		"open checkout":                           {Verb: "open", Subject: "checkout"},
	} {
		got, err := Parse(line)
		require.NoError(t, err, line)
		require.Equal(t, want, got, line)
	}
}

func TestParseSaysWhatToWriteInstead(t *testing.T) {
	for line, want := range map[string]string{
		"rerrun R42":                       `I don't know "rerrun". Did you mean "rerun"?`,
		"Statsu":                           `I don't know "statsu". Did you mean "status"?`,
		"acknowlege R1":                    `I don't know "acknowlege". Did you mean "acknowledge"?`,
		"deploy checkout":                  `I don't know "deploy". Try "help".`,
		"<!channel>":                       `I don't know "<!channel>". Try "help".`,
		"\u202eevil":                       `I don't know "\u202eevil". Try "help".`,
		strings.Repeat("x", 500):           `I don't know "` + strings.Repeat("x", 40) + `…". Try "help".`,
		"rerun R1 R2":                      `I don't understand "R2". Usage: rerun [RUN | SERVICE] [only SCENARIO…]`,
		"rerun because slow":               `I don't understand "slow". Usage: rerun [RUN | SERVICE] [only SCENARIO…]`,
		"ack R1 cold cache":                `I don't understand "cold". Usage: ack RUN [scope SCENARIO | METRIC | SCENARIO:METRIC] [for 3d | until 2026-12-01] [because …]`,
		"ack R1 because":                   `Because of what? Usage: ack RUN [scope SCENARIO | METRIC | SCENARIO:METRIC] [for 3d | until 2026-12-01] [because …]`,
		"hold":                             `Usage: hold ENVIRONMENT [for 2h] because …`,
		"hold load":                        `Because of what? Usage: hold ENVIRONMENT [for 2h] because …`,
		"hold load for":                    `For how long? Usage: hold ENVIRONMENT [for 2h] because …`,
		"hold load for ever because x":     `I don't understand the time "ever". Write 90m, 2h or 3d; at most 30d.`,
		"hold load for 60d because x":      `I don't understand the time "60d". Write 90m, 2h or 3d; at most 30d.`,
		"hold load for 9999999d because x": `I don't understand the time "9999999d". Write 90m, 2h or 3d; at most 30d.`,
		"release load because it is well":  `I don't understand "because". Usage: release ENVIRONMENT`,
		"ack R1 scope":                     `For which scenario? Usage: ack RUN [scope SCENARIO | METRIC | SCENARIO:METRIC] [for 3d | until 2026-12-01] [because …]`,
		"ack R1 until":                     `Until which day? Usage: ack RUN [scope SCENARIO | METRIC | SCENARIO:METRIC] [for 3d | until 2026-12-01] [because …]`,
		"ack R1 until Friday":              `I don't understand the day "Friday". Write it as 2026-12-01.`,
		"ack R1 until 2026-02-30":          `I don't understand the day "2026-02-30". Write it as 2026-12-01.`,
		"ack R1 for 5s":                    `I don't understand the time "5s". Write 90m, 2h or 3d; at most 30d.`,
		"rerun R1 only":                    `Which scenarios? Usage: rerun [RUN | SERVICE] [only SCENARIO…]`,
		"rerun R1 with R2":                 `I don't understand "with". Usage: rerun [RUN | SERVICE] [only SCENARIO…]`,
		"compare R1 with":                  `With which run? Usage: compare RUN [RUN]`,
		"compare R1 R2 R3":                 `I don't understand "R3". Usage: compare RUN [RUN]`,
		"history cart 60":                  `I don't understand the time "60". Write 90m, 2h or 3d; at most 90d.`,
		"history cart 91d":                 `I don't understand the time "91d". Write 90m, 2h or 3d; at most 90d.`,
		"history cart on":                  `On which environment? Usage: history SCENARIO|SERVICE [30d] [on ENVIRONMENT]`,
		"triage R1 as":                     `As what? Usage: triage RUN as invalid|environment|expected|fixed [scope SCENARIO] [because …]`,
		"triage R1 as fixd":                `There is no word of triage "fixd". Did you mean "fixed"?`,
		"triage R1 as nonsense":            `There is no word of triage "nonsense". There are: expected, environment, fixed, invalid.`,
		"triage R1 fixed":                  `I don't understand "fixed". Usage: triage RUN as invalid|environment|expected|fixed [scope SCENARIO] [because …]`,
		"invalid R1":                       `Because of what? Usage: invalid RUN because …`,
		"invalid R1 scope cart":            `I don't understand "scope". Usage: invalid RUN because …`,
		"reopen R1 R2":                     `I don't understand "R2". Usage: reopen RUN [because …]`,
		"unpin cart load":                  `I don't understand "load". Usage: unpin RUN | SCENARIO [on ENVIRONMENT]`,
		"open a b":                         `I don't understand "b". Usage: open [TEAM]`,
		strings.Repeat("é", 4001):          "That is too long for a command (8002 bytes, at most 8000).",
	} {
		_, err := Parse(line)
		var wrong *Mistake
		require.ErrorAs(t, err, &wrong, line)
		require.Equal(t, want, wrong.Error())
	}
}

func TestUsageListsEveryVerb(t *testing.T) {
	all := (*Desk)(nil).Usage()
	require.Len(t, all, len(specs))
	for i, u := range all {
		require.True(t, strings.HasPrefix(u.Usage, specs[i].verb))
		require.NotEmpty(t, u.Help)
	}
}

func FuzzParse(f *testing.F) {
	for _, line := range []string{"", "/loadtest help", "ack R42 because …", "rerrun", "status \x00", "\xff\xfe", "ack because because", "ack R1 scope a for 3d until 2026-12-01 because x", "rerun R1 only a,b c", "compare R1 with R2", "compare R1 R2", "history a 30d on b", "triage R1 as fixed scope a because x", "unpin a on b", strings.Repeat("a ", 1001)} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		c, err := Parse(line)
		var wrong *Mistake
		if err != nil {
			require.True(t, errors.As(err, &wrong))
			require.Less(t, len(wrong.Text), 400, "a mistake is answered shortly")
			require.True(t, utf8.ValidString(wrong.Text))
			return
		}
		require.True(t, slices.ContainsFunc(specs, func(s spec) bool { return s.verb == c.Verb }), c.Verb)
		require.NotContains(t, c.Subject, " ")
		again, err := Parse(strings.TrimSpace(c.Verb + " " + c.Subject + c.words()))
		require.NoError(t, err)
		require.Equal(t, c, again, "what was understood can be said again")
	})
}

// words of a command, in any order but the last.
func (c Command) words() string {
	var b strings.Builder
	for _, said := range []struct {
		word, value string
		said        bool
	}{
		{"scope", c.Scope, c.Scope != ""},
		{"for", c.For.String(), c.For > 0},
		{"until", c.Until.Format(time.DateOnly), !c.Until.IsZero()},
		{"with", c.With, c.With != ""},
		{"on", c.On, c.On != ""},
		{"as", string(c.As), c.As != ""},
		{"only", strings.Join(c.Only, ","), len(c.Only) > 0},
		{"because", c.Because, c.Because != ""},
	} {
		if said.said {
			b.WriteString(" " + said.word + " " + said.value)
		}
	}
	return b.String()
}
