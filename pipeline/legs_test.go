package pipeline_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/pipeline"
)

// experienced has enough earlier runs to know how noisy they are.
func (w *world) experienced() {
	for name, results := range w.past {
		for range 4 {
			w.past[name] = append(w.past[name], results...)
		}
	}
}

func TestLegsOfARun(t *testing.T) {
	const first = "load checkout-flow on "
	for name, c := range map[string]struct {
		edit    func(*world)
		loads   []int // of checkout-flow and of shop-window, the test included
		verdict pipeline.Verdict
		reason  string
	}{
		"noise unknown":      {func(*world) {}, []int{9, 9}, "regressed", ""},
		"plain at first":     {func(w *world) { w.experienced() }, []int{5, 5}, "regressed", ""},
		"one needs them all": {func(w *world) { w.experienced(); w.hazy("shop-window") }, []int{5, 9}, "regressed", ""},
		"no time": {
			func(w *world) { w.environment(func(e *pipeline.Environment) { e.Confirm = 60 * time.Second }) },
			[]int{4, 4},
			"suspect",
			"could not be confirmed: the 1m for confirming were used up after 3 of 8 measurements",
		},
		"no time for one of them": {
			func(w *world) {
				w.environment(func(e *pipeline.Environment) { e.Confirm = 100 * time.Second })
				w.experienced()
				w.hazy("shop-window")
			}, []int{5, 6}, "regressed", "could not be confirmed: the 1m40s for confirming were used up after 5 of 8 measurements",
		},
		"overtaken": {
			func(w *world) { w.overtaken = true },
			[]int{2, 2},
			"suspect",
			"could not be confirmed: a newer change of checkout waits; measured again 1 of 8 times",
		},
		"overtaken, as it was before": {func(w *world) { w.overtaken = true; w.doubts("checkout-flow", 56) }, []int{9, 9}, "regressed", ""},
	} {
		inTime(t, name, func(t *testing.T) {
			w := newWorld()
			w.latency[newImage] = 56
			c.edit(w)
			w.change()
			run := w.work(t)
			require.Equal(t, c.verdict, run.Verdict)
			require.Equal(t, c.reason, run.Reason)
			loads := strings.Join(w.effects(), "\n")
			require.Equal(t, c.loads, []int{strings.Count(loads, first), strings.Count(loads, "load shop-window on ")})
			require.Equal(t, newImage, w.live["checkout"], "it ends on the new version")
			require.Equal(t, "r2", w.installed["service:checkout"].Revision)
		})
	}
}

// doubts that the p50 of a scenario is as it was: an earlier run suspected so.
func (w *world) doubts(scenario string, ms float64) {
	g := pipeline.Regression{
		ID: "R0/" + scenario + "/p50", Run: "R0", Since: "R0", Environment: "load", Scenario: scenario, Group: scenario,
		Metric: pipeline.P50, Was: 40, Found: ms, Level: ms, Doubtful: true,
	}
	w.found[g.ID] = text(g)
}

// hazy makes the new version hardly slower under the load of a scenario, once that is measured again.
func (w *world) hazy(scenario string) {
	w.measured = func(rec *pipeline.Record) {
		if w.log[len(w.log)-1] == "load "+scenario+" on "+newImage && len(parsed[pipeline.Run](w.runs["R1"]).Outcomes) > 0 {
			rec.Series = load("t", 13, 3, 41).Series
		}
	}
}

// The time for confirming is counted from the first leg on, whoever measures the others.
func TestTheTimeForConfirmingSurvivesACrash(t *testing.T) {
	inTime(t, "", func(t *testing.T) {
		w := newWorld()
		w.latency[newImage] = 56
		w.environment(func(e *pipeline.Environment) { e.Confirm = 75 * time.Second })
		saves := 0
		w.before = func(effect string) {
			if effect == "save running confirm" {
				if saves++; saves == 3 {
					w.crashAt, w.mishap = len(w.calls)+2, breaksBefore
				}
			}
		}
		w.change()
		require.Error(t, w.hold(t))
		time.Sleep(time.Hour)
		run := w.work(t)
		require.Equal(t, pipeline.Suspect, run.Verdict)
		require.Equal(t, "could not be confirmed: the 1m15s for confirming were used up after 2 of 8 measurements", run.Reason)
	})
}
