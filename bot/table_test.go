package bot

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"bellwether/pipeline"
)

// before is an earlier run with these outcomes.
func before(outcomes ...pipeline.Outcome) pipeline.Run {
	r := done(outcomes...)
	r.ID = "R40"
	return r
}

func TestSideBySide(t *testing.T) {
	table, left := SideBySide(done(slower("checkout-flow", pipeline.Regressed)), before(steady("checkout-flow")))
	require.Zero(t, left)
	require.Equal(t, strings.TrimSpace(`
checkout-flow   R42   R40  change
p50 ms         97.1  97.1    ±0 %
p95 ms          312   228   +37 %
p99 ms          433   299   +45 %
errors %       0.03  0.03   ±0 pp`), table.String())
}

func TestSideBySideOfMany(t *testing.T) {
	var now, then []pipeline.Outcome
	for i := range shownOutcomes + 2 {
		name := fmt.Sprint("s", i)
		o := steady(name)
		o.Findings[1].Now *= 1 + float64(i)/10
		now, then = append(now, o), append(then, steady(name))
	}
	now = append(now, steady("new"))
	table, left := SideBySide(done(now...), before(append(then, steady("old"))...))
	require.Equal(t, 2, left)
	require.Equal(t, []string{"s6", "", "", ""}, table.Rows[0], "what moved furthest")
	require.Equal(t, []string{"p95 ms", "365", "228", "+60 %"}, table.Rows[2])
	require.Len(t, table.Rows, shownOutcomes*5)
	require.NotContains(t, table.String(), "new")
	require.NotContains(t, table.String(), "old")

	faster, _ := SideBySide(before(then...), done(now...))
	require.Equal(t, "s6", faster.Rows[0][0], "in whichever direction")
}

func TestSideBySideOfWhatWasNotMeasured(t *testing.T) {
	none, _ := SideBySide(done(steady("checkout-flow")), before(steady("refunds")))
	require.Nil(t, none)
	none, _ = SideBySide(done(pipeline.Outcome{Scenario: "checkout-flow", Verdict: pipeline.Failed}), before(steady("checkout-flow")))
	require.Nil(t, none)

	few := steady("checkout-flow")
	few.Findings = few.Findings[3:] // too few for any latency
	few.Findings[0].Now = 0
	odd := steady("checkout-flow")
	odd.Findings[0].Now, odd.Findings[1].Now = math.Inf(1), 0
	table, _ := SideBySide(done(odd), before(few))
	require.Equal(t, strings.TrimSpace(`
checkout-flow   R42  R40    change
p50 ms            –    –         –
p95 ms            0    –         –
p99 ms          299    –         –
errors %       0.03    0  +0.03 pp`), table.String())
}
