package pipeline_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/pipeline"
)

// found is a run of checkout on load that was judged some hours after noon.
func found(hour int, outcomes ...pipeline.Outcome) pipeline.Run {
	return pipeline.Run{
		Environment: "load", State: pipeline.Done, Submitted: time.Date(2026, 11, 23, 12+hour, 0, 0, 0, time.UTC),
		Changes: []pipeline.Change{{Kind: pipeline.KindService, Name: "checkout"}}, Outcomes: outcomes,
	}
}

func of(scenario string, verdict pipeline.Verdict) pipeline.Outcome {
	return pipeline.Outcome{Scenario: scenario, Verdict: verdict}
}

func TestWhatALaterRunSettles(t *testing.T) {
	run := found(1, of("cart", pipeline.Regressed), of("pay", pipeline.Suspect))
	edited := func(edit func(*pipeline.Run)) pipeline.Run {
		later := found(2, of("cart", pipeline.Pass))
		edit(&later)
		return later
	}
	for name, c := range map[string]struct {
		other   pipeline.Run
		settled bool
	}{
		"in order again":            {found(2, of("cart", pipeline.Pass)), true},
		"better than before":        {found(2, of("cart", pipeline.Improved)), true},
		"bad again, which was told": {found(2, of("cart", pipeline.Regressed)), true},
		"it could not tell":         {found(2, of("cart", pipeline.Inconclusive)), false},
		"it was invalid":            {found(2, of("cart", pipeline.Invalid)), false},
		"another scenario":          {found(2, of("pay", pipeline.Pass)), false},
		"an earlier run":            {found(0, of("cart", pipeline.Pass)), false},
		"the run itself":            {run, false},
		"somewhere else":            {edited(func(r *pipeline.Run) { r.Environment = "soak" }), false},
		"in order in a full run":    {edited(func(r *pipeline.Run) { r.Changes = nil }), true},
		"bad in a full run as well": {edited(func(r *pipeline.Run) { r.Changes, r.Outcomes[0].Verdict = nil, pipeline.Regressed }), false},
		"bad in a stack of its name": {edited(func(r *pipeline.Run) {
			r.Changes[0].Kind, r.Outcomes[0].Verdict = pipeline.KindStack, pipeline.Regressed
		}), false},
		"one that was not finished ": {edited(func(r *pipeline.Run) { r.State = pipeline.Cancelled }), false},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.settled, run.Settled("cart", []pipeline.Run{run, c.other}))
		})
	}
}

func TestWhichAcknowledgementsAreOutlived(t *testing.T) {
	run := found(1, of("cart", pipeline.Regressed), of("pay", pipeline.Suspect), of("list", pipeline.Pass))
	cart, rest := []pipeline.Run{found(2, of("cart", pipeline.Pass))}, []pipeline.Run{found(2, of("cart", pipeline.Pass), of("pay", pipeline.Pass))}
	run.Acknowledged = []pipeline.Mark{{Scope: "pay"}, {Scope: "cart"}, {}}
	require.Empty(t, run.Outlived(nil))
	require.Equal(t, []string{"cart"}, run.Outlived(cart))
	require.Equal(t, []string{"pay", "cart", ""}, run.Outlived(rest))
}

func TestWhoLooksAfterWhat(t *testing.T) {
	run := found(1, of("cart", pipeline.Regressed), of("pay", pipeline.Suspect), of("list", pipeline.Pass))
	run.Acknowledged = []pipeline.Mark{{Name: "siti", Scope: "cart"}}
	require.Equal(t, []pipeline.Outcome{of("pay", pipeline.Suspect)}, run.Open())
	_, taken := run.Taken("pay")
	require.False(t, taken)
	run.Acknowledged = append([]pipeline.Mark{{Name: "jo"}}, run.Acknowledged...)
	require.Empty(t, run.Open())
	for scenario, name := range map[string]string{"cart": "siti", "pay": "jo", "": "jo"} {
		mark, taken := run.Taken(scenario)
		require.True(t, taken)
		require.Equal(t, name, mark.Name, "of two, whoever named the scenario")
	}
}
