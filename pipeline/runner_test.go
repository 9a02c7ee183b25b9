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
		require.Equal(t, map[string]string{"service:checkout": "r2"}, r.Versions)
		require.Equal(t, w.catalog.Scenarios["checkout-flow"].Hash(), r.Hash)
		require.Equal(t, r, w.kept["R1/checkout-flow"])
		require.Len(t, w.past["checkout-flow"], 6)

		var stages []pipeline.Stage
		for _, told := range w.told {
			stages = append(stages, told.Stage)
		}
		require.Equal(t, []pipeline.Stage{"prepare", "test", "test", "test", "judge", "report", "report"}, stages)
		require.NoError(t, w.runner().Work(t.Context(), "R1", w.fence), "a run that is over is told again, and no more")
		require.Len(t, w.told, 8)
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
				"reset " + newImage, "setup " + newImage, "load checkout-flow on " + image, "teardown " + newImage,
				"reset " + newImage, "load shop-window on " + image,
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
		require.Equal(t, map[string]string{"service:checkout": "r1"}, run.Legs[3].Results[1].Versions)
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
			verdict: pipeline.Pass,
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

func TestADeployThatFails(t *testing.T) {
	boom := broken{"exit status 3", "line 1\nout of memory"}
	for name, c := range map[string]struct {
		fails    map[string]error
		edit     func(*world)
		restored string
		live     string
		noted    string
	}{
		"is undone": {map[string]error{"deploy " + newImage: boom}, nil, "restored r1", oldImage, "r1"},
		"and so does the old version": {
			map[string]error{"deploy " + newImage: boom, "deploy " + oldImage: broken{"took longer than 5m0s", ""}}, nil,
			"restoring r1 failed too: ./run.sh: took longer than 5m0s", oldImage, "r1",
		},
		"the first time": {
			map[string]error{"deploy": boom}, func(w *world) { clear(w.installed) }, "nothing ran before: there was nothing to restore", newImage, "",
		},
	} {
		inTime(t, name, func(t *testing.T) {
			w := newWorld()
			w.fails = c.fails
			if c.edit != nil {
				c.edit(w)
			}
			w.change()
			run := w.work(t)
			require.Equal(t, pipeline.Failed, run.Verdict)
			require.Equal(t, "exit status 3", run.Reason)
			require.Equal(t, "line 1\nout of memory", run.Output)
			require.Equal(t, c.restored, run.Restored)
			require.Equal(t, c.live, w.live["checkout"])
			require.Equal(t, c.noted, w.installed["service:checkout"].Revision)
			require.Empty(t, run.Results)
		})
	}
}

func TestAnApplyThatFailsIsNotRolledBack(t *testing.T) {
	w := newWorld()
	w.fails["apply"] = broken{"exit status 1", ""}
	w.change(func(r *pipeline.Run) {
		r.Changes[0] = pipeline.Change{Kind: pipeline.KindStack, Name: "orders", Revision: "s9"}
	})
	run := w.work(t)
	require.Equal(t, pipeline.Failed, run.Verdict)
	require.Equal(t, "a failed apply is not rolled back: the environment may be half changed", run.Restored)
	require.Equal(t, []string{"apply"}, w.effects())
}

// An error that is no command's own is not the change's fault: the run stays where it is.
func TestARestoreThatCannotBeNotedIsDoneAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.fails["deploy "+newImage] = broken{"exit status 3", ""}
		w.change()
		w.before = func(effect string) {
			if effect == "install r1" && w.crashAt == 0 { // once
				w.crashAt, w.mishap = len(w.calls)+1, breaksBefore
			}
		}
		require.ErrorIs(t, w.runner().Work(t.Context(), "R1", w.fence), errCrash)
		require.Equal(t, pipeline.StagePrepare, w.run().Stage)
		require.Equal(t, "restored r1", w.work(t).Restored)
	})
}

func TestScriptsAroundTheLoad(t *testing.T) {
	cart := []string{"reset " + newImage, "setup " + newImage, "load checkout-flow on " + newImage, "teardown " + newImage}
	for name, c := range map[string]struct {
		fails   string
		reason  string
		effects []string
	}{
		"reset":    {"reset", "reset of the environment: ./run.sh: exit status 1", cart[:1]},
		"set-up":   {"setup", "set-up: ./run.sh: exit status 1", []string{cart[0], cart[1], cart[3]}},
		"teardown": {"teardown", "teardown: ./run.sh: exit status 1", cart},
	} {
		inTime(t, name, func(t *testing.T) {
			w := newWorld()
			w.fails[c.fails] = broken{"exit status 1", "the last line"}
			w.change(func(r *pipeline.Run) { r.Selection.Scenarios = r.Selection.Scenarios[:1] })
			run := w.work(t)
			require.Equal(t, pipeline.Failed, run.Verdict)
			require.Equal(t, c.reason, run.Outcomes[0].Reason)
			require.Equal(t, "the last line", run.Output)
			require.Equal(t, c.effects, w.effects()[2:])
		})
	}
	inTime(t, "load", func(t *testing.T) {
		w := newWorld()
		s := w.catalog.Scenarios["checkout-flow"]
		s.Engine = "none"
		w.catalog.Scenarios["checkout-flow"] = s
		w.change(func(r *pipeline.Run) { r.Selection.Scenarios = r.Selection.Scenarios[:1] })
		require.Equal(t, pipeline.Failed, w.work(t).Verdict)
		require.Equal(t, []string{cart[0], cart[1], cart[3]}, w.effects()[2:], "torn down whatever happened")
	})
}

func TestADeployThatFailsWhileConfirming(t *testing.T) {
	boom := broken{"exit status 3", ""}
	for name, c := range map[string]struct {
		fails  map[string]error
		reason string
		live   string
		noted  string
	}{
		"the old version": {map[string]error{"deploy " + oldImage: boom}, "could not be confirmed: ./run.sh: exit status 3", newImage, "r2"},
		"both": {
			map[string]error{"deploy": boom},
			"could not be confirmed: ./run.sh: exit status 3; the environment was not set back to r2: ./run.sh: exit status 3", newImage, "r2",
		},
	} {
		inTime(t, name, func(t *testing.T) {
			w := newWorld()
			w.latency[newImage] = 56
			w.before = func(effect string) {
				if effect == "save running confirm" {
					w.fails = c.fails
				}
			}
			w.change()
			run := w.work(t)
			require.Equal(t, pipeline.Suspect, run.Verdict)
			require.Equal(t, c.reason, run.Reason)
			require.Equal(t, c.live, w.live["checkout"])
			require.Equal(t, c.noted, w.installed["service:checkout"].Revision)
		})
	}
	inTime(t, "the new version in the end", func(t *testing.T) {
		w := newWorld()
		w.latency[newImage] = 56
		saves := 0
		w.before = func(effect string) {
			if effect == "save running confirm" {
				if saves++; saves == 5 {
					w.fails["deploy "+newImage] = boom
				}
			}
		}
		w.change()
		run := w.work(t)
		require.Equal(t, pipeline.Regressed, run.Verdict, "all legs were measured")
		require.Equal(t, "the environment was not set back to r2: ./run.sh: exit status 3", run.Reason)
	})
}

func TestAnUnknownRun(t *testing.T) {
	w := newWorld()
	require.EqualError(t, w.runner().Work(t.Context(), "R1", 1), "no such run")
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
