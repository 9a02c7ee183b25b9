package commands

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"bellwether/bot"
	"bellwether/pipeline"
)

func form(t *testing.T, d *Desk, line string) *bot.Form {
	t.Helper()
	form, reply := d.Form(t.Context(), siti, line)
	require.NotNil(t, form, reply.Message.String())
	require.Zero(t, reply)
	return form
}

func TestForms(t *testing.T) {
	for name, line := range map[string]string{
		"ack": "ack R42", "rerun": "rerun R42", "compare": "compare r42", "accept": "accept R42", "triage": "triage R42",
	} {
		d, l := history()
		worse := l.runs["R42"]
		worse.Outcomes[1].Verdict = pipeline.Suspect
		worse.Outcomes = append(worse.Outcomes, measuredAt("list", pipeline.Pass, 50))
		worse.Selection.Scenarios = append(worse.Selection.Scenarios, pipeline.Selected{Scenario: "list"})
		l.runs["R42"] = worse
		f := form(t, d, line)
		golden(t, "form-"+name, f)
		require.LessOrEqual(t, utf8.RuneCountInString(f.Title), 24)
		require.Equal(t, line, l.entries[0].What)
		require.Equal(t, Entry{ID: "5f0c", At: noon, Run: "R42", Result: ResultAsked}, l.entries[1], "every press is written down")
		require.Empty(t, l.told)
	}
}

// Whatever a form asks for can be said: what is filled in makes a line that is understood.
func TestWhatIsFilledInIsACommand(t *testing.T) {
	for command, filled := range map[string]map[string][]string{
		"ack R42":     {"scope": {"pay"}, "until": {"2026-12-01"}, "because": {"the index is\nmissing, until 2026-12-02"}},
		"rerun R42":   {"only": {"cart", "pay"}},
		"compare R42": {"with": {"R30"}},
		"accept R42":  {"scope": {"pay"}, "because": {"it is encrypted"}},
		"triage R42":  {"scope": {"cart"}, "as": {"fixed"}, "because": {"the index is there"}},
	} {
		d, l := history()
		l.runs["R42"].Outcomes[1].Verdict = pipeline.Suspect
		f := form(t, d, command)
		require.Equal(t, command, f.Command)
		for _, field := range f.Fields {
			require.Contains(t, filled, field.Word)
		}
		reply := d.Do(t.Context(), siti, bot.Line(f.Command, filled))
		require.Equal(t, ResultDone, l.entries[3].Result, reply.Message.String())
		if command == "ack R42" {
			require.Equal(t, "the index is missing, until 2026-12-02", l.runs["R42"].Acknowledged[0].Because)
			require.Equal(t, "pay", l.runs["R42"].Acknowledged[0].Scope)
		}
	}
}

func TestFormsOfWhatNeedsFewerWords(t *testing.T) {
	d, l := history()
	require.Equal(t, []string{"until", "because"}, words(form(t, d, "ack R42")), "only cart got worse")
	require.Equal(t, []string{"because"}, words(form(t, d, "accept R42")))
	require.Equal(t, []string{"as", "because"}, words(form(t, d, "triage R42")))
	require.Equal(t, answers, form(t, d, "triage R42").Fields[0].Options)
	passed := form(t, d, "triage R40")
	require.Equal(t, []string{"as", "scope", "because"}, words(passed))
	require.Equal(t, "invalid", passed.Fields[0].Options[0].Value)
	require.Len(t, passed.Fields[0].Options, 1, "nothing got worse that could be expected, or fixed")
	require.Equal(t, []string{"cart"}, form(t, d, "rerun R42").Fields[0].Preset)
	require.Equal(t, []string{"cart", "pay"}, form(t, d, "rerun R40").Fields[0].Preset, "all passed")

	full := finished("R50", measuredAt("cart", pipeline.Pass, 200))
	full.Changes = nil
	l.runs["R50"] = full
	require.Empty(t, form(t, d, "compare R50").Fields[0].Options, "nobody knows what to choose from: it is typed")

	planned := run("R9", "orders-db", pipeline.Waiting, "")
	planned.Approval = &pipeline.Approval{Asked: noon, Expires: noon.Add(time.Hour)}
	l.runs["R9"] = planned
	require.Equal(t, []string{"because"}, words(form(t, d, "reject R9")))
}

func words(f *bot.Form) (words []string) {
	for _, field := range f.Fields {
		words = append(words, field.Word)
	}
	return words
}

func TestFormsHoldWhatFits(t *testing.T) {
	d, l := history()
	var many []pipeline.Outcome
	for i := range mostOptions + 20 {
		many = append(many, measuredAt(fmt.Sprint("s", i), pipeline.Regressed, 100))
	}
	l.runs["R60"] = finished("R60", many...)
	for i := range mostOthers + 5 {
		id := fmt.Sprint("R", 61+i)
		l.runs[id] = finished(id, many[0])
	}
	require.Len(t, form(t, d, "ack R60").Fields[0].Options, mostOptions)
	f := form(t, d, "rerun R60").Fields[0]
	require.Len(t, f.Options, mostOptions)
	require.Len(t, f.Preset, mostOptions)
	require.Less(t, len(bot.Line("rerun R60", map[string][]string{"only": f.Preset})), maxLine)
	require.Len(t, form(t, d, "compare R60").Fields[0].Options, mostOthers)
}

func TestInVain(t *testing.T) {
	outsider := Caller{Channel: pipeline.Channel{Platform: "slack", ID: "C0RANDOM"}, Workspace: "T0THEM", User: "U0X", Name: "x", Outsider: true}
	for _, c := range []struct {
		who          Caller
		line         string
		want, result string
	}{
		{siti, "ack R40", "R40 (checkout 1.5.40) has nothing to acknowledge: it passed.", ResultMistake},
		{outsider, "ack R42", "You may not acknowledge R42", ResultDenied},
		{outsider, "rerun R42", "You may not repeat R42", ResultDenied},
		{siti, "compare R43", "R43 (checkout 1.5.43) has no numbers to compare: it is still waiting.", ResultMistake},
		{siti, "reject R43", "R43 (checkout 1.5.43) asks for no approval: it is still waiting.", ResultMistake},
		{siti, "accept R40", "R40 (checkout 1.5.40) has nothing to accept: it passed.", ResultMistake},
		{siti, "triage R43", "R43 (checkout 1.5.43) has nothing to triage: it is still waiting.", ResultMistake},
		{outsider, "accept R42", "You may not accept R42", ResultDenied},
		{outsider, "triage R42", "You may not triage R42", ResultDenied},
		{siti, "status", `There is nothing to ask about "status". Say it as a command: status [ENVIRONMENT]`, ResultMistake},
		{siti, "akc R42", `I don't know "akc". Did you mean "ack"?`, ResultMistake},
	} {
		d, l := history()
		f, reply := d.Form(t.Context(), c.who, c.line)
		require.Nil(t, f)
		require.True(t, reply.Private)
		require.True(t, strings.HasPrefix(reply.Message.String(), c.want), reply.Message.String())
		require.Len(t, l.entries, 2)
		require.Equal(t, c.line, l.entries[0].What)
		require.Equal(t, c.result, l.entries[1].Result)
	}
}

func TestFormsFail(t *testing.T) {
	for _, line := range []string{"ack R42", "rerun R42", "compare R42"} {
		d, l := history()
		l.broken = errors.New("redis is away")
		f, reply := d.Form(t.Context(), siti, line)
		require.Nil(t, f)
		require.Contains(t, reply.Message.String(), "5f0c")
	}
	d, l := history()
	l.unlogged = errors.New("the disk is full")
	f, reply := d.Form(t.Context(), siti, "ack R42")
	require.Nil(t, f)
	require.Contains(t, reply.Message.String(), "5f0c")
}
