package commands

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/pipeline"
)

// finished is a run of checkout with numbers.
func finished(id string, outcomes ...pipeline.Outcome) pipeline.Run {
	r := slow(id)
	r.Outcomes, r.Verdict = outcomes, pipeline.Pass
	for _, o := range outcomes {
		r.Selection.Scenarios = append(r.Selection.Scenarios, pipeline.Selected{Scenario: o.Scenario})
		r.Results = append(r.Results, pipeline.Result{Scenario: o.Scenario, Hash: "h1"})
		r.Verdict = pipeline.Worst(r.Verdict, o.Verdict)
	}
	return r
}

// history has three runs of checkout with numbers, the newest of which is slower.
func history() (*Desk, *ledger) {
	d, l, _ := desk("load", "soak")
	clear(l.runs)
	for _, r := range []pipeline.Run{
		finished("R30", measuredAt("cart", pipeline.Pass, 220), measuredAt("pay", pipeline.Pass, 90)),
		finished("R40", measuredAt("cart", pipeline.Pass, 226), measuredAt("pay", pipeline.Pass, 91)),
		finished("R42", measuredAt("cart", pipeline.Regressed, 312), measuredAt("pay", pipeline.Pass, 90)),
		run("R41", "checkout", pipeline.Cancelled, ""), run("R43", "checkout", pipeline.Waiting, ""),
	} {
		l.runs[r.ID] = r
	}
	return d, l
}

func TestCompare(t *testing.T) {
	d, _ := history()
	reply := d.Do(t.Context(), siti, "compare R42")
	require.True(t, reply.Private)
	require.Equal(t, strings.TrimSpace(`
R42 beside R40
R42: checkout 1.5.42, regressed, 23 Nov 12:46 UTC
R40: checkout 1.5.40, passed, 23 Nov 12:44 UTC
            R42    R40    change
cart
p50 ms      125   90.4     +38 %
p95 ms      312    226     +38 %
p99 ms      437    316     +38 %
errors %   0.03   0.02  +0.01 pp
pay
p50 ms       36   36.4      −1 %
p95 ms       90     91      −1 %
p99 ms      126    127      −1 %
errors %  <0.01  <0.01     ±0 pp
This is what was measured, and no verdict: that needs more than two runs. · pp: percentage points`), reply.Message.String())
	golden(t, "compare", []example{{"compare R42", reply.Message}})
}

func TestCompareWithAnother(t *testing.T) {
	for line, want := range map[string]string{
		"compare r42 with r30":    "R42 beside R30",
		"compare R30 with R42":    "R30 beside R42",
		"compare R42 with R42":    "R42 (checkout 1.5.42) is the same run. Name another one.",
		"compare R42 with R41":    "R41 (checkout 1.5.41) has no numbers to compare with: it was cancelled.",
		"compare R43":             "R43 (checkout 1.5.43) has no numbers to compare: it is still waiting.",
		"compare R42 with R99":    "I don't know a run R99. Runs are forgotten 90 days after their end.",
		"compare R30":             "There is no earlier run of the same on load. Name one: compare R30 with RUN.",
		"compare":                 "Which run? Usage: compare RUN [RUN]",
		"compare R40 with search": "search has not been tested yet.",
	} {
		d, _ := history()
		reply := d.Do(t.Context(), siti, line)
		require.True(t, reply.Private, line)
		require.True(t, strings.HasPrefix(reply.Message.String(), want), "%s: %s", line, reply.Message)
	}
}

func TestWhatMakesAComparisonWeak(t *testing.T) {
	d, l := history()
	other := finished("R35", measuredAt("cart", pipeline.Pass, 200), measuredAt("list", pipeline.Pass, 12))
	other.Environment, other.Results[0].Hash = "soak", "h0"
	l.runs["R35"] = other
	reply := d.Do(t.Context(), siti, "compare R42 with R35")
	var lines []string
	for _, line := range reply.Message.Body {
		lines = append(lines, line.String())
	}
	require.Equal(t, []string{
		"They ran in different environments: R42 on load, R35 on soak.", "Measured in R42 only: pay.", "Measured in R35 only: list.",
		"The load or the requests were not the same in: cart.",
	}, lines)
	require.Equal(t, "cart", reply.Message.Table.Head[0])

	other.Outcomes = other.Outcomes[1:]
	l.runs["R35"] = other
	require.Nil(t, d.Do(t.Context(), siti, "compare R42 with R35").Message.Table, "nothing is in both")
	require.Equal(t, "R42 beside R40", d.Do(t.Context(), siti, "compare R42").Message.Title, "the one before is on the same environment")
}

func TestFullRunsHaveOneBefore(t *testing.T) {
	d, l := history()
	for _, id := range []string{"R50", "R51"} {
		full := finished(id, measuredAt("cart", pipeline.Pass, 200))
		full.Changes = nil
		l.runs[id] = full
	}
	require.Equal(t, "R51 beside R50", d.Do(t.Context(), siti, "compare R51").Message.Title)
	require.Contains(t, d.Do(t.Context(), siti, "compare R50").Message.String(), "Name one: compare R50 with RUN.")
}

func TestCompareFails(t *testing.T) {
	d, l := history()
	l.broken = errors.New("redis is away")
	require.Contains(t, d.Do(t.Context(), siti, "compare R42").Message.String(), "5f0c")
}

// Of what takes long only the newest are looked through.
func TestTheOneBeforeIsTheNewest(t *testing.T) {
	d, l := history()
	again := finished("R44", measuredAt("cart", pipeline.Pass, 225))
	again.Submitted = l.runs["R42"].Submitted.Add(time.Second)
	l.runs["R44"] = again
	require.Equal(t, "R42 beside R40", d.Do(t.Context(), siti, "compare R42").Message.Title, "not a later one")
	require.Equal(t, "R44 beside R42", d.Do(t.Context(), siti, "compare R44").Message.Title)
}
