package commands

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
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
		"rerun R1 R2":                      `I don't understand "R2". Usage: rerun [RUN | SERVICE]`,
		"rerun because slow":               `I don't understand "because". Usage: rerun [RUN | SERVICE]`,
		"ack R1 cold cache":                `I don't understand "cold". Usage: ack RUN [because …]`,
		"ack R1 because":                   `Because of what? Usage: ack RUN [because …]`,
		"hold load":                        `Because of what? Usage: hold ENVIRONMENT [for 2h] because …`,
		"hold load for":                    `For how long? Usage: hold ENVIRONMENT [for 2h] because …`,
		"hold load for ever because x":     `I don't understand the time "ever". Write 90m, 2h or 3d; at most 30d.`,
		"hold load for 60d because x":      `I don't understand the time "60d". Write 90m, 2h or 3d; at most 30d.`,
		"hold load for 9999999d because x": `I don't understand the time "9999999d". Write 90m, 2h or 3d; at most 30d.`,
		"release load because it is well":  `I don't understand "because". Usage: release ENVIRONMENT`,
		strings.Repeat("é", 1001):          "That is too long for a command (2002 bytes, at most 2000).",
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
	for _, line := range []string{"", "/loadtest help", "ack R42 because …", "rerrun", "status \x00", "\xff\xfe", "ack because because", strings.Repeat("a ", 1001)} {
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
		again, err := Parse(strings.TrimSpace(c.Verb + " " + c.Subject + spoken(c)))
		require.NoError(t, err)
		require.Equal(t, c, again, "what was understood can be said again")
	})
}

func spoken(c Command) string {
	if c.Because == "" {
		return ""
	}
	return " because " + c.Because
}
