package commands

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/bot"
	"bellwether/pipeline"
)

// twice is a desk where R20 of checkout got slower in cart and pay, and list passed.
func twice() (*Desk, *ledger) {
	d, l, _ := desk("load", "soak")
	l.runs["R20"] = finished("R20", measuredAt("cart", pipeline.Regressed, 312), measuredAt("pay", pipeline.Suspect, 90), measuredAt("list", pipeline.Pass, 50))
	return d, l
}

func TestWhatARunWas(t *testing.T) {
	inThread := siti
	inThread.Run = "R20"
	for name, c := range map[string]struct {
		who  Caller
		line string
		want string
		as   pipeline.Ending
		open []string // what is open afterwards
	}{
		"accept": {siti, "accept R20", "R20 (checkout 1.5.20) was accepted by siti\n" +
			"From here on it is the baseline of cart and pay on load, and nothing from before is. To take that back: reopen R20", pipeline.Expected, nil},
		"accept a scenario": {siti, "accept r20 scope CART because of encryption", "R20 (checkout 1.5.20), scenario cart, was accepted by siti, because of encryption\n" +
			"From here on it is the baseline of cart on load, and nothing from before is. To take that back: reopen R20", pipeline.Expected, []string{"pay"}},
		"expected": {inThread, "triage as expected", "R20 (checkout 1.5.20) was accepted by siti\n" +
			"From here on it is the baseline of cart and pay on load, and nothing from before is. To take that back: reopen R20", pipeline.Expected, nil},
		"the environment": {siti, "triage R20 as environment scope pay", "R20 (checkout 1.5.20), scenario pay, was put down to the environment by siti\n" +
			"The regression of pay on load is over, and its baseline stays. To take that back: reopen R20", pipeline.Environmental, []string{"cart"}},
		"fixed": {siti, "triage R20 as fixed", "R20 (checkout 1.5.20) was called fixed by siti\n" +
			"The regression of cart and pay on load is over, and its baseline stays: if it is slow again, that is told as new. To take that back: reopen R20", pipeline.Fixed, nil},
		"invalid": {siti, "invalid R20 because of a leak", "R20 (checkout 1.5.20) was called invalid by siti, because of a leak\n" +
			"What it measured of cart, pay and list on load is in no baseline. To take that back: reopen R20", pipeline.Invalidated, nil},
		"invalid in part": {siti, "triage R20 as invalid scope list", "R20 (checkout 1.5.20), scenario list, was called invalid by siti\n" +
			"What it measured of list on load is in no baseline. To take that back: reopen R20", pipeline.Invalidated, []string{"cart", "pay"}},
	} {
		t.Run(name, func(t *testing.T) {
			d, l := twice()
			reply := d.Do(t.Context(), c.who, c.line)
			require.Equal(t, c.want, reply.Message.String())
			require.False(t, reply.Private)
			run, err := l.Load(t.Context(), "R20")
			require.NoError(t, err)
			require.Equal(t, c.as, run.Triaged[0].As)
			require.Equal(t, "slack:U0SITI", run.Triaged[0].Mark.By)
			require.Equal(t, c.open, scenariosOf(run.Standing()))
			require.Equal(t, []string{"R20"}, l.told)
			require.Equal(t, Entry{ID: "5f0c", At: noon, Run: "R20", Result: ResultDone}, l.entries[1])

			again := d.Do(t.Context(), c.who, c.line)
			require.True(t, again.Private, "said twice, it is done once")
			require.Contains(t, again.Message.String(), " by siti already. To say something else, take that back first: reopen R20")
			require.Equal(t, []string{"R20", "R20"}, l.told, "a crash may have swallowed it")
			require.Equal(t, ResultMistake, l.entries[3].Result)
		})
	}
}

func TestARunThatPassedMayBeInvalid(t *testing.T) {
	d, l := twice()
	require.Contains(t, d.Do(t.Context(), siti, "invalid R1 because of a leak").Message.String(), "What it measured of checkout-flow on load is in no baseline.")
	require.Equal(t, pipeline.Invalidated, l.runs["R1"].Triaged[0].As)
}

func TestWhatCannotBeSaidOfARun(t *testing.T) {
	for line, want := range map[string]string{
		"accept":                             "Which run? Usage: accept RUN [scope SCENARIO] [because …]",
		"accept R1":                          "R1 (checkout 1.5.1) has nothing to accept: it passed.",
		"accept R3":                          "R3 (Billing 1.5.3) has nothing to accept: it is still waiting.",
		"accept R20 scope crat":              `There is no scenario "crat". Did you mean "cart"?`,
		"accept R20 scope list":              "list of R20 (checkout 1.5.20) has nothing to accept: it passed.",
		"triage R20":                         "As what? Usage: triage RUN as invalid|environment|expected|fixed [scope SCENARIO] [because …]",
		"triage R1 as fixed":                 "R1 (checkout 1.5.1) has nothing to triage: it passed.",
		"triage R20 as invalid scope nosuch": `There is no scenario "nosuch". There are: cart, pay, list.`,
		"invalid R4 because of a leak":       "R4 (search 1.5.4) has nothing to invalidate: it is still running.",
		"invalid R7 because of a leak":       "R7 (search 1.5.7) is in no baseline anyway: it failed.",
		"reopen R20":                         "R20 (checkout 1.5.20) has nothing to take back: nobody has said what it was.",
	} {
		d, l := twice()
		reply := d.Do(t.Context(), siti, line)
		require.Equal(t, want, reply.Message.String(), line)
		require.True(t, reply.Private)
		require.Empty(t, l.runs["R20"].Triaged)
		require.Empty(t, l.told)
	}
}

// Who names a run that has nothing is told which one has it.
func TestTheRunThatHasIt(t *testing.T) {
	by := pipeline.End{As: pipeline.Recovered, Run: "R30", Subject: "checkout 1.5.30"}
	for _, c := range []struct{ as, want string }{
		{"recovered", "R20 (checkout 1.5.20) has nothing to accept any more: R30 (checkout 1.5.30) found it in order."},
		{"worsened", "R20 (checkout 1.5.20) has nothing to accept any more: R30 (checkout 1.5.30) found it worse. Say it of that run."},
	} {
		d, l := twice()
		by.As = pipeline.Ending(c.as)
		ends(t, l, "R20", "cart", by)
		require.Contains(t, d.Do(t.Context(), siti, "accept R20").Message.String(), "the baseline of pay on load", "pay stands")

		d, l = twice()
		ends(t, l, "R20", "cart", by)
		ends(t, l, "R20", "pay", by)
		require.Equal(t, c.want, d.Do(t.Context(), siti, "accept R20").Message.String())
		require.Equal(t, strings.ReplaceAll(c.want, "accept", "acknowledge"), d.Do(t.Context(), siti, "ack R20").Message.String())
	}

	d, l := twice()
	l.runs["R21"] = finished("R21", measuredAt("cart", pipeline.Pass, 312)) // as slow as it was
	l.runs["R19"] = finished("R19", measuredAt("cart", pipeline.Pass, 200)) // before
	require.Equal(t, "R21 (checkout 1.5.21) has nothing to accept of its own: cart is slower since R20 (checkout 1.5.20). Say it of that run.",
		d.Do(t.Context(), siti, "accept R21").Message.String())
	require.Equal(t, "R19 (checkout 1.5.19) has nothing to accept: it passed.", d.Do(t.Context(), siti, "accept R19").Message.String())
}

// What was said of a part stays when the rest is spoken of.
func TestTheRestOfARun(t *testing.T) {
	d, l := twice()
	for _, step := range []struct {
		who        Caller
		line, want string
	}{
		{siti, "accept R20 scope cart", "From here on it is the baseline of cart on load,"},
		{jo, "accept R20 scope cart", "cart of R20 (checkout 1.5.20) was accepted by siti already."},
		{jo, "triage R20 as fixed", "The regression of pay on load is over"},
		{jo, "accept R20 scope list", "R20 (checkout 1.5.20) was called fixed by jo already."},
		{siti, "reopen R20 because it is not", "siti reopened R20 (checkout 1.5.20), because it is not\n" +
			"Taken back: cart of R20 (checkout 1.5.20) was accepted by siti\nTaken back: R20 (checkout 1.5.20) was called fixed by jo"},
		{siti, "reopen R20", "R20 (checkout 1.5.20) has nothing to take back: nobody has said what it was."},
		{jo, "triage R20 as environment", "The regression of cart and pay on load is over"},
	} {
		require.Contains(t, d.Do(t.Context(), step.who, step.line).Message.String(), step.want, step.line)
	}
	require.Len(t, l.runs["R20"].Triaged, 1)
}

func TestAllOfWhichIsSaidAlready(t *testing.T) {
	d, _ := twice()
	for _, scenario := range []string{"cart", "pay"} {
		d.Do(t.Context(), siti, "accept R20 scope "+scenario)
	}
	require.Contains(t, d.Do(t.Context(), jo, "triage R20 as fixed").Message.String(), "cart of R20 (checkout 1.5.20) was accepted by siti already.")
	require.Contains(t, d.Do(t.Context(), jo, "invalid R20 because of a leak").Message.String(), "What it measured of list on load is in no baseline.")
	require.Contains(t, d.Do(t.Context(), jo, "accept R20").Message.String(), "was called invalid by jo already.")
}

func (h hasty) Triage(ctx context.Context, id string, as pipeline.Ending, m pipeline.Mark) (pipeline.Run, error) {
	if _, err := h.ledger.Triage(ctx, id, pipeline.Fixed, pipeline.Mark{By: "slack:U0JO", Name: "jo"}); err != nil {
		return pipeline.Run{}, err
	}
	return h.ledger.Triage(ctx, id, as, m)
}

func TestSomebodyElseSaysItFaster(t *testing.T) {
	d, l := twice()
	d.Triage = hasty{l}
	reply := d.Do(t.Context(), siti, "accept R20")
	require.Equal(t, "R20 (checkout 1.5.20) was called fixed by jo already. To say something else, take that back first: reopen R20", reply.Message.String())
	require.True(t, reply.Private)
}

func TestWhoMaySayWhatARunWas(t *testing.T) {
	for name, c := range map[string]struct {
		who  Caller
		line string
		may  bool
	}{
		"a member accepts":                         {member, "accept R2", true},
		"who is on call calls it invalid":          {watching, "invalid R1 because of a leak", true},
		"an admin pins":                            {lead, "pin R1", true},
		"another team":                             {searcher, "accept R2", false},
		"another team's triage":                    {searcher, "triage R2 as fixed", false},
		"another team's invalid":                   {searcher, "invalid R1 because of a leak", false},
		"another team's reopening":                 {searcher, "reopen R2", false},
		"another team's pin":                       {searcher, "pin R1", false},
		"whose service got slower":                 {member, "accept R5", true},
		"whose service the scenario tests":         {member, "invalid R5 because of a leak", true},
		"whose service it tests, by its name":      {member, "pin R8 scope Checkout-Flow", true},
		"whose service it tests, all of the run":   {member, "pin R8", false},
		"whose service it tests, and that is over": {member, "reopen R5", true},
		"a guest":  {guest, "accept R2", false},
		"a nobody": {nobody, "unpin R2", false},
	} {
		t.Run(name, func(t *testing.T) {
			d, l := office()
			_, err := l.Triage(t.Context(), "R5", pipeline.Fixed, pipeline.Mark{Name: "jo", Scope: "other"})
			require.NoError(t, err)
			require.NoError(t, l.Pin(t.Context(), "load", []string{"checkout-flow"}, "R2", pipeline.Mark{Name: "jo"}))
			reply := d.Do(t.Context(), c.who, c.line)
			require.Equal(t, c.may, !strings.HasPrefix(reply.Message.Title, denied), reply.Message.String())
			require.Equal(t, map[bool]string{true: ResultDone, false: ResultDenied}[c.may], l.entries[1].Result, reply.Message.String())
			require.NotEmpty(t, l.entries[1].Run)
		})
	}
}

func TestADenialNamesWhatWasWanted(t *testing.T) {
	for line, title := range map[string]string{
		"accept R2": "accept R2", "invalid R1 because x": "invalidate R1", "triage R2 as fixed": "triage R2", "reopen R2": "reopen R2", "pin R1": "pin R1",
	} {
		d, _ := office()
		require.Equal(t, denied+title, d.Do(t.Context(), nobody, line).Message.Title)
	}
}

// What changes baselines may be limited; to take it back may not.
func TestTheCooldownOfBaselines(t *testing.T) {
	d, _ := twice()
	c := catalog("load")
	c.Permissions = pipeline.Permissions{"baseline": {Roles: []pipeline.Role{pipeline.Member}, Cooldown: time.Hour}}
	d.Catalog = func() *pipeline.Catalog { return c }
	require.False(t, d.Do(t.Context(), siti, "accept R20").Private)
	require.Equal(t, "You may not pin R1 yet", d.Do(t.Context(), siti, "pin R1").Message.Title)
	require.False(t, d.Do(t.Context(), siti, "reopen R20").Private)
}

func TestTriageFails(t *testing.T) {
	for _, line := range []string{"accept R20", "invalid R20 because x", "reopen R5", "pin R20", "unpin R20", "unpin cart", "accept R1"} {
		d, l := twice()
		_, err := l.Triage(t.Context(), "R5", pipeline.Fixed, pipeline.Mark{})
		require.NoError(t, err)
		l.broken = errors.New("redis is away")
		require.Contains(t, d.Do(t.Context(), siti, line).Message.String(), "5f0c", line)
	}
}

func TestAcknowledgingAMetric(t *testing.T) {
	for line, want := range map[string]pipeline.Mark{
		"ack R20 scope p95":      {Metric: pipeline.P95},
		"ack R20 scope Cart:P95": {Scope: "cart", Metric: pipeline.P95},
		"ack R20 scope pay":      {Scope: "pay"},
	} {
		d, l := twice()
		reply := d.Do(t.Context(), siti, line)
		require.False(t, reply.Private, reply.Message.String())
		mark := l.runs["R20"].Acknowledged[0]
		require.Equal(t, want, pipeline.Mark{Scope: mark.Scope, Metric: mark.Metric}, line)
	}
	d, _ := twice()
	require.Equal(t, "siti looks after R20 (checkout 1.5.20), scenario cart, p95 only", d.Do(t.Context(), siti, "ack R20 scope cart:p95").Message.String())
	require.Equal(t, `There is no slower metric "p96". Did you mean "p95"?`, d.Do(t.Context(), siti, "ack R20 scope cart:p96").Message.String())
	require.Equal(t, `There is no slower scenario "crat". Did you mean "cart"?`, d.Do(t.Context(), siti, "ack R20 scope crat:p95").Message.String())
	require.Equal(t, "R20 (checkout 1.5.20) was acknowledged by siti already.", d.Do(t.Context(), jo, "ack R20 scope cart:p95").Message.String())
}

func TestRepliesAsAdaptersDrawThem(t *testing.T) {
	d, _ := twice()
	var all []example
	for _, line := range []string{"accept R20 because of encryption", "reopen R20", "pin R20"} {
		all = append(all, example{strings.Fields(line)[0], d.Do(t.Context(), siti, line).Message})
	}
	require.Equal(t, bot.Code("reopen R20"), all[0].Message.Body[1][1])
	golden(t, "triage", all)
}
