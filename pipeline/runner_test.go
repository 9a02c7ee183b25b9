package pipeline_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/pipeline"
)

// inTime runs a test in a bubble with a clock of its own, in which load takes no time.
func inTime(t *testing.T, name string, test func(*testing.T)) {
	t.Run(name, func(t *testing.T) { synctest.Test(t, test) })
}

func TestTheWholeLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.change()
		run := w.work(t)
		require.Equal(t, pipeline.Done, run.State)
		require.Equal(t, pipeline.Pass, run.Verdict)
		require.Equal(t, []string{
			"deploy " + newImage, "install r2",
			"reset " + newImage, "setup " + newImage, "load checkout-flow on " + newImage, "teardown " + newImage,
			"reset " + newImage, "load shop-window on " + newImage,
			"count R1/checkout-flow", "count R1/shop-window",
		}, w.effects())
		require.Equal(t, &pipeline.Artefact{Revision: "r1", Image: oldImage}, run.Before)
		require.Equal(t, 26*time.Second, run.Finished.Sub(run.Started))

		r := run.Results[0]
		require.Equal(t, "R1/checkout-flow", r.ID)
		require.Equal(t, 10, r.Seconds)
		require.Equal(t, pipeline.Artefact{Revision: "r2", Image: newImage}, r.Artefact)
		require.Equal(t, map[string]string{"service:checkout": "r2", "service:search": "s1"}, r.Versions)
		require.Equal(t, w.catalog.Scenarios["checkout-flow"].Hash(), r.Hash)
		require.Equal(t, r, w.kept["R1/checkout-flow"])
		require.Len(t, w.past["checkout-flow"], 6)

		var stages []pipeline.Stage
		for _, told := range w.told {
			stages = append(stages, told.Stage)
		}
		require.Equal(t, []pipeline.Stage{"", "prepare", "prepare", "test", "test", "test", "judge", "report", "report"}, stages)
		require.NoError(t, w.runner().Work(t.Context(), "R1", w.fence), "a run that is over is told again, and no more")
		require.Len(t, w.told, 10)
		require.Equal(t, run, w.run())
	})
}

func TestARegressionIsConfirmedAndTheNewVersionStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.latency[newImage] = 56
		w.catalog.Scenarios["static"] = pipeline.Scenario{Name: "static", Tags: []string{"service:checkout"}, Engine: "fake", Load: steady(9)}
		w.measured = func(rec *pipeline.Record) {
			if len(w.log) > 0 && w.log[len(w.log)-1] == "load static on "+newImage {
				rec.Series = load("t", 13, 3, 40).Series
			}
		}
		w.change()
		run := w.work(t)
		require.Equal(t, pipeline.Regressed, run.Verdict)
		var verdicts []pipeline.Verdict
		for _, o := range run.Outcomes {
			verdicts = append(verdicts, o.Verdict)
		}
		require.Equal(t, []pipeline.Verdict{"regressed", "regressed", "pass"}, verdicts)

		leg := func(label, image string) []string {
			return []string{
				"deploy " + image, "install " + label,
				"reset " + image, "setup " + image, "load checkout-flow on " + image, "teardown " + image,
				"reset " + image, "load shop-window on " + image,
			}
		}
		var want []string
		for _, l := range [][]string{leg("r1", oldImage), leg("r2", newImage), leg("r2", newImage), leg("r1", oldImage)} {
			want = append(want, l...)
		}
		want = append(want, "deploy "+newImage, "install r2", "count R1/static")
		effects := w.effects()
		require.Equal(t, want, effects[len(effects)-len(want):])

		require.Len(t, run.Legs, 4)
		require.Equal(t, "r1", run.Legs[0].Results[0].Artefact.Revision)
		require.Equal(t, map[string]string{"service:checkout": "r1", "service:search": "s1"}, run.Legs[3].Results[1].Versions)
		require.Equal(t, "R1/shop-window/leg4", run.Legs[3].Results[1].ID)
		require.Contains(t, w.kept, "R1/checkout-flow/leg2")
		f := finding(t, run.Outcomes[0], "checkout-flow", pipeline.P95)
		require.InDelta(t, 1.4, f.Confirmation.Ratio, 0.01)
		require.Equal(t, newImage, w.live["checkout"])
		require.Len(t, w.past["checkout-flow"], 5, "what regressed is no baseline")
	})
}

func TestVerdictsOfRuns(t *testing.T) {
	slow := func(w *world) { w.latency[newImage] = 56 }
	for name, c := range map[string]struct {
		world   func(*world)
		run     func(*pipeline.Run)
		verdict pipeline.Verdict
		reason  string // of the run, or of its first outcome
		effects []string
		counts  bool // its first scenario becomes part of the baseline
	}{
		"a slow measurement that is not repeated": {
			world: func(w *world) {
				n := 0
				w.measured = func(rec *pipeline.Record) {
					if n++; n == 1 {
						rec.Series = load("t", 13, 3, 90).Series
					}
				}
			},
			verdict: pipeline.Pass, counts: true,
		},
		"errors": {world: func(w *world) { w.errors[newImage] = 10 }, verdict: pipeline.Regressed},
		"faster": {world: func(w *world) { w.latency[newImage] = 25 }, verdict: pipeline.Improved},
		"no baseline": {
			world: func(w *world) { slow(w); clear(w.past) }, verdict: pipeline.Pass, reason: "no baseline yet: 0 of 3 comparable runs",
		},
		"the first version of all": {
			world: func(w *world) { slow(w); clear(w.installed) }, verdict: pipeline.Regressed,
			effects: []string{"deploy " + newImage, "install r2", "load checkout-flow", "load shop-window", "load checkout-flow", "load shop-window", "load checkout-flow", "load shop-window"},
		},
		"others deploy it": {
			world: func(w *world) {
				slow(w)
				checkout := w.catalog.Services["checkout"]
				checkout.Deploy = nil
				w.catalog.Services["checkout"], w.live["checkout"] = checkout, newImage
			},
			verdict: pipeline.Regressed,
			effects: []string{"install r2", "load checkout-flow", "load shop-window", "load checkout-flow", "load shop-window", "load checkout-flow", "load shop-window"},
		},
		"a rerun of what is installed": {
			world: func(w *world) { w.latency[oldImage] = 56 },
			run: func(r *pipeline.Run) {
				r.Cause, r.Changes[0].Image, r.Changes[0].Revision = pipeline.CauseRerun, oldImage, "r1"
			},
			verdict: pipeline.Regressed,
			effects: []string{"load checkout-flow", "load shop-window", "load checkout-flow", "load shop-window", "load checkout-flow", "load shop-window"},
		},
		"a change to what is installed": {
			world: func(w *world) { w.installed["service:checkout"] = pipeline.Artefact{Revision: "r2", Image: newImage} }, verdict: pipeline.Pass,
			effects: []string{"deploy " + newImage, "install r2", "load checkout-flow", "load shop-window", "count R1/checkout-flow", "count R1/shop-window"},
		},
		"a rerun of something else": {
			run: func(r *pipeline.Run) { r.Cause = pipeline.CauseRerun }, verdict: pipeline.Pass,
			effects: []string{"deploy " + newImage, "install r2", "load checkout-flow", "load shop-window", "count R1/checkout-flow", "count R1/shop-window"},
		},
		"a stack": {
			world: func(w *world) { w.latency[oldImage] = 56 },
			run: func(r *pipeline.Run) {
				r.Changes[0] = pipeline.Change{Kind: pipeline.KindStack, Name: "orders", Revision: "s9"}
			},
			verdict: pipeline.Regressed,
			effects: []string{"apply", "install s9", "load checkout-flow", "load shop-window", "load checkout-flow", "load shop-window", "load checkout-flow", "load shop-window"},
		},
		"a full run": {
			run:     func(r *pipeline.Run) { r.Cause, r.Changes = pipeline.CauseFull, nil },
			verdict: pipeline.Pass,
			effects: []string{"load checkout-flow", "load shop-window", "count R1/checkout-flow", "count R1/shop-window"},
		},
		"nothing to test": {
			run: func(r *pipeline.Run) { r.Selection = pipeline.Selection{} }, verdict: pipeline.Pass, effects: []string{"deploy " + newImage, "install r2"},
		},
		"no image came": {
			run: func(r *pipeline.Run) { r.Changes[0].Image = "" }, verdict: pipeline.Failed, effects: nil,
			reason: "no image of checkout at r2 arrived in time; was it built and pushed?",
		},
		"a service that is gone": {
			world: func(w *world) { delete(w.catalog.Services, "checkout") }, verdict: pipeline.Failed,
			reason: "the service checkout is no longer in the catalog",
		},
		"an environment that is gone": {
			world: func(w *world) { clear(w.catalog.Environments) }, verdict: pipeline.Failed,
			reason: "the environment load is no longer in the catalog",
		},
		"a scenario that is gone": {
			world: func(w *world) { delete(w.catalog.Scenarios, "checkout-flow") }, verdict: pipeline.Failed,
			reason:  "the scenario is no longer in the catalog",
			effects: []string{"deploy " + newImage, "install r2", "load shop-window", "count R1/shop-window"},
		},
		"no such engine": {
			world: func(w *world) {
				s := w.catalog.Scenarios["checkout-flow"]
				s.Engine = "k6"
				w.catalog.Scenarios["checkout-flow"] = s
			},
			verdict: pipeline.Failed, reason: `no engine "k6" is configured`,
		},
		"a generator that is unwell once": {world: func(w *world) { w.sick = 1 }, verdict: pipeline.Pass, effects: []string{
			"deploy " + newImage, "install r2", "load checkout-flow", "load checkout-flow", "load shop-window", "count R1/checkout-flow", "count R1/shop-window",
		}},
		"a generator that is unwell": {
			world: func(w *world) { w.sick = 2 }, verdict: pipeline.Invalid, reason: "the load generator sent only 900 of 1000 requests",
			effects: []string{"deploy " + newImage, "install r2", "load checkout-flow", "load checkout-flow", "load shop-window", "count R1/shop-window"},
		},
		"an environment that does not answer": {
			world: func(w *world) {
				w.catalog.Environments["load"] = pipeline.Environment{Name: "load", URL: "http://ada:hunter2@load"}
				w.measured = func(r *pipeline.Record) {
					r.Fault, r.Series[0].Class, r.Series[0].Failed = "connect: connection refused", pipeline.NoResponse, true
				}
			},
			verdict: pipeline.Failed, reason: "nothing answered at http://ada:xxxxx@load: connect: connection refused; is it running?",
		},
		"an environment that answers sometimes": {
			world:   func(w *world) { w.measured = func(r *pipeline.Record) { r.Fault = "connect: connection refused" } },
			verdict: pipeline.Pass,
		},
		"a leg that is invalid": {
			world: func(w *world) {
				slow(w)
				w.before = func(effect string) {
					if effect == "save running confirm" {
						w.sick = 100
					}
				}
			},
			verdict: pipeline.Suspect, reason: "could not be confirmed: the load generator sent only 900 of 1000 requests",
		},
		"one scenario broken, the other slower": {
			world: func(w *world) { slow(w); w.fails["setup"] = broken{"exit status 2", "no such table"} }, verdict: pipeline.Regressed,
			reason: "set-up: ./run.sh: exit status 2",
		},
	} {
		inTime(t, name, func(t *testing.T) {
			w := newWorld()
			if c.world != nil {
				c.world(w)
			}
			w.change(func(r *pipeline.Run) {
				if len(r.Selection.Scenarios) < 2 { // the catalog lost something since
					r.Selection = newWorld().catalog.Select(r.Changes[0])
				}
				if c.run != nil {
					c.run(r)
				}
			})
			run := w.work(t)
			require.Equal(t, pipeline.Done, run.State)
			require.Equal(t, c.verdict, run.Verdict)
			require.NotZero(t, run.Finished)
			if run.Reason == "" && len(run.Outcomes) > 0 {
				run.Reason = run.Outcomes[0].Reason
			}
			require.Equal(t, c.reason, run.Reason)
			if c.counts {
				require.Len(t, w.past["checkout-flow"], 6)
			}
			if c.effects != nil {
				require.Equal(t, c.effects, short(w.effects()))
			}
		})
	}
}

// short leaves out what surrounds each load.
func short(effects []string) []string {
	var out []string
	for _, e := range effects {
		switch words := strings.Fields(e); words[0] {
		case "load":
			out = append(out, strings.Join(words[:2], " "))
		case "reset", "setup", "teardown":
		default:
			out = append(out, e)
		}
	}
	return out
}

func TestAnUnknownRun(t *testing.T) {
	w := newWorld()
	require.ErrorIs(t, w.runner().Work(t.Context(), "R1", 1), pipeline.ErrNotFound)
}

func TestWhoeverBeginsTellsWhatTheIntakeMayNotHaveTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.add(pipeline.Run{ID: "R0", Successor: "R1"})
		w.add(pipeline.Run{ID: "R9", Reruns: []string{"R1"}})
		w.change(func(r *pipeline.Run) { r.Supersedes, r.Parent = []string{"R0", "forgotten"}, "R9" })
		w.work(t)
		require.Equal(t, "R1", w.told[0].ID, "the others link to it")
		require.Equal(t, "R0", w.told[1].ID)
		require.Equal(t, "R9", w.told[2].ID)
	})
}

func TestAnErrorNamesTheStage(t *testing.T) {
	w := newWorld()
	w.change(func(r *pipeline.Run) {
		r.Stage, r.State = pipeline.StageJudge, pipeline.Running
		r.Results = []pipeline.Result{{Scenario: "x"}}
	})
	w.crashAt, w.mishap = 2, breaksBefore
	err := w.runner().Work(t.Context(), "R1", 1)
	require.EqualError(t, err, "run R1: judge: past of x: redis is away")
	require.True(t, errors.Is(err, errCrash))
}
