package pipeline_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/pipeline"
)

// lives are runs that take every way through the stages.
var lives = map[string]func(*world){
	"pass":      func(w *world) {},
	"regressed": func(w *world) { w.latency[newImage] = 56 },
	"a deploy that fails": func(w *world) {
		w.fails["deploy "+newImage] = broken{"exit status 3", "out of memory"}
	},
	"a plan": func(w *world) { w.platform() },
	"an apply that fails": func(w *world) {
		w.platform()
		w.fails["apply"] = broken{"timeout", ""}
	},
	"a deploy and its restore that fail": func(w *world) {
		w.onCluster()
		w.fails["roll "+newImage], w.fails["roll "+oldImage] = broken{"stuck", ""}, broken{"stuck too", ""}
	},
	"regressed and taken back": func(w *world) {
		w.experienced() // half of the legs are enough
		w.latency[newImage] = 56
		checkout := w.catalog.Services["checkout"]
		checkout.Restore = true
		w.catalog.Services["checkout"] = checkout
	},
	"a regression that is over": func(w *world) {
		g := pipeline.Regression{ID: "P4/checkout-flow/p95", Run: "P4", Environment: "load", Scenario: "checkout-flow", Group: "checkout-flow", Metric: pipeline.P95, Level: 90, MDE: 0.1}
		w.found[g.ID] = text(g)
	},
	"two together": func(w *world) { w.both() },
	"two together, one slower": func(w *world) {
		w.experienced()
		w.both()
		w.latency[newSearch] = 56
	},
	"cancelled while confirming": func(w *world) {
		w.latency[newImage] = 56
		w.before = func(effect string) {
			if effect == "load checkout-flow on "+oldImage {
				w.cancel()
			}
		}
	},
}

// Whatever call goes wrong, and however: the next holder brings the run to the same single end.
func TestARunSurvivesEveryMishap(t *testing.T) {
	for name, live := range lives {
		t.Run(name, func(t *testing.T) {
			begin := func() *world {
				w := newWorld()
				w.change(func(r *pipeline.Run) {
					if name != "pass" { // one scenario is enough for these, and quicker
						r.Selection.Scenarios = r.Selection.Scenarios[:1]
					}
				})
				live(w)
				return w
			}
			t.Parallel()
			var calm end
			var calls []string
			synctest.Test(t, func(t *testing.T) {
				w := begin()
				calm = w.end(w.drain(t))
				calls = w.calls
			})
			step := 1 + len(calls)/60 // of a long life each mishap meets every other call, each call one mishap or another
			for i, mishap := range []mishap{breaksBefore, breaksAfter, loses, stalls} {
				for n := 1 + i%step; n <= len(calls); n += step {
					if (mishap == breaksAfter || mishap == stalls) && calls[n-1] == "" {
						continue // a read has no effect that could come before or after
					}
					synctest.Test(t, func(t *testing.T) {
						w := begin()
						w.crashAt, w.mishap = n, mishap
						if err := w.hold(t); err != nil {
							w.requireNoEffects(t, err)
						}
						require.Equal(t, calm, w.end(w.drain(t)), "%s at call %d: %s", mishap, n, calls[n-1])
					})
				}
			}
		})
	}
}

// requireNoEffects: a holder whose lease is gone changes nothing any more: not what is stored, and once it knows, not the
// environment.
func (w *world) requireNoEffects(t *testing.T, err error) {
	if w.mishap != loses && w.mishap != stalls {
		return
	}
	require.Equal(t, w.lostStore, w.stored(), "%s at call %d", w.mishap, w.crashAt)
	if w.mishap == stalls {
		return
	}
	require.ErrorIs(t, err, errLost)
	stopped := func(effect string) bool { return effect == "load stopped" }
	require.Empty(t, slices.DeleteFunc(slices.Clone(w.log[w.lostAt:]), stopped), "at call %d", w.crashAt)
}

// end is what is left of a run, without its times.
type end struct {
	State    pipeline.State
	Verdict  pipeline.Verdict
	Reason   string
	Output   string
	Restored string
	Outcomes string // JSON
	Legs     []string
	Live     string
	Noted    string
	Past     int    // counted results
	Ends     int    // that people were told of
	Plan     string // JSON
	Unwell   string
	Other    string   // what became of search 2, where that was a run
	Found    []string // regressions that stand
	Over     []string // that do no longer, with their ends
}

func (w *world) end(run, other pipeline.Run) end {
	e := end{
		run.State, run.Verdict, run.Reason, run.Output, run.Restored, text(run.Outcomes), nil,
		w.live["checkout"], w.installed["service:checkout"].Revision, len(w.past["checkout-flow"]) + len(w.past["shop-window"]), len(w.ended),
		text(run.Plan), run.Unwell, fmt.Sprint(other.State, " ", other.Verdict, " ", w.live["search"]), nil, nil,
	}
	for _, g := range w.regressions(func(pipeline.Regression) bool { return true }) {
		if g.End == nil {
			e.Found = append(e.Found, g.ID)
		} else {
			e.Over = append(e.Over, fmt.Sprint(g.ID, " ", g.End.As, " ", g.End.Run))
		}
	}
	for _, leg := range run.Legs {
		e.Legs = append(e.Legs, fmt.Sprint(leg.New, " ", leg.Results[0].Artefact.Revision))
	}
	return e
}

func TestTheEndsThatSurvive(t *testing.T) {
	for name, want := range map[string]end{
		"pass": {State: "done", Verdict: "pass", Live: newImage, Noted: "r2", Past: 12, Ends: 1},
		"regressed": {State: "done", Verdict: "regressed", Live: newImage, Noted: "r2", Past: 10, Ends: 1, Legs: []string{"false r1", "true r2", "true r2", "false r1", "false r1", "true r2", "true r2", "false r1"}, Found: []string{
			"R1/checkout-flow/p50", "R1/checkout-flow/p95", "R1/checkout-flow/p99", "R1/shop-window/p50", "R1/shop-window/p95", "R1/shop-window/p99",
		}},
		"a regression that is over": {State: "done", Verdict: "pass", Live: newImage, Noted: "r2", Past: 12, Ends: 1, Over: []string{"P4/checkout-flow/p95 recovered R1"}},
		"a deploy that fails": {
			State: "done", Verdict: "failed", Reason: "the deploy failed: exit status 3", Output: "out of memory", Restored: "restored r1", Live: oldImage, Noted: "r1", Past: 10, Ends: 1,
		},
		"cancelled while confirming": {State: "cancelled", Live: newImage, Noted: "r2", Past: 10, Ends: 1},
	} {
		inTime(t, name, func(t *testing.T) {
			w := newWorld()
			w.change()
			lives[name](w)
			got := w.end(w.drain(t))
			got.Outcomes, got.Plan, got.Other = "", "", ""
			require.Equal(t, want, got)
		})
	}
}

func TestCancelUnderLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.change()
		time.AfterFunc(4*time.Second, w.cancel)
		begun := time.Now()
		run := w.work(t)
		require.Equal(t, pipeline.Cancelled, run.State)
		require.Empty(t, run.Verdict)
		require.NotZero(t, run.Finished)
		require.Equal(t, 6*time.Second, time.Since(begun), "as soon as the run looked")
		require.Equal(t, []string{
			"deploy " + newImage, "install r2", "reset " + newImage, "setup " + newImage,
			"load checkout-flow on " + newImage, "load stopped", "teardown " + newImage,
		}, w.effects())
		require.Equal(t, "tell cancelled test", w.log[len(w.log)-1])
		require.Empty(t, w.kept)
	})
}

func TestCancelAtAnyOtherTime(t *testing.T) {
	for when, c := range map[string]struct {
		effects []string // the last ones
		state   pipeline.State
	}{
		"save running prepare":            {nil, pipeline.Cancelled},
		"deploy " + newImage:              {[]string{"deploy " + newImage, "install r2"}, pipeline.Cancelled},
		"save running test":               {[]string{"deploy " + newImage, "install r2"}, pipeline.Cancelled},
		"keep R1/shop-window":             {[]string{"load checkout-flow", "load shop-window"}, pipeline.Cancelled},
		"save running confirm":            {[]string{"deploy " + newImage, "install r2"}, pipeline.Cancelled},
		"load shop-window on " + oldImage: {[]string{"load shop-window", "load stopped", "deploy " + newImage, "install r2"}, pipeline.Cancelled},
		"save done report":                {[]string{"deploy " + newImage, "install r2"}, pipeline.Done},
	} {
		inTime(t, when, func(t *testing.T) {
			w := newWorld()
			w.latency[newImage] = 56
			w.before = func(effect string) {
				if effect == when {
					w.cancel()
				}
			}
			w.change()
			require.Equal(t, c.state, w.work(t).State)
			effects := short(w.effects())
			require.Equal(t, c.effects, slices.Clip(effects[len(effects)-len(c.effects):]))
			require.Equal(t, len(c.effects) == 0, len(effects) == 0)
			if len(effects) > 0 {
				require.Equal(t, newImage, w.live["checkout"])
			}
		})
	}
}

func TestCancelWhenTheNewVersionCannotBeSetBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		lives["cancelled while confirming"](w)
		cancel := w.before
		w.before = func(effect string) {
			if cancel(effect); strings.HasPrefix(effect, "load stopped") {
				w.fails["deploy"] = broken{"exit status 3", ""}
			}
		}
		w.change()
		run := w.work(t)
		require.Equal(t, pipeline.Cancelled, run.State)
		require.Equal(t, "the environment was not set back to r2: ./run.sh: exit status 3", run.Reason)
	})
}

func TestALeaseLostUnderLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.change()
		time.AfterFunc(4*time.Second, w.loseLease)
		require.ErrorIs(t, w.hold(t), errLost)
		require.Equal(t, "load stopped", w.log[len(w.log)-1], "not even a teardown: somebody else may be under load")
		require.Equal(t, pipeline.StageTest, w.run().Stage)
		require.Equal(t, pipeline.Pass, w.work(t).Verdict)
	})
}

// A command that was stopped because the lease is gone did not fail.
func TestALeaseLostDuringACommand(t *testing.T) {
	for _, command := range []string{
		"deploy " + newImage, "reset " + newImage, "setup " + newImage, "teardown " + newImage, "deploy " + oldImage, "setup " + oldImage,
	} {
		inTime(t, command, func(t *testing.T) {
			w := newWorld()
			lives["regressed"](w)
			w.change()
			once := false
			w.before = func(effect string) {
				if effect == command && !once {
					once = true
					w.loseLease()
				}
			}
			require.ErrorIs(t, w.hold(t), errLost)
			require.Equal(t, command, w.log[len(w.log)-1])
			require.False(t, w.run().State.Final())
			run := w.work(t)
			require.Equal(t, pipeline.Regressed, run.Verdict)
			require.Empty(t, run.Reason)
			require.Equal(t, newImage, w.live["checkout"])
		})
	}
}
