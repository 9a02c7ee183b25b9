package pipeline_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/pipeline"
)

func (w *world) environment(edit func(*pipeline.Environment)) {
	load := w.catalog.Environments["load"]
	edit(&load)
	w.catalog.Environments["load"] = load
}

func TestLoadIsStoppedWhenTooMuchFails(t *testing.T) {
	for name, c := range map[string]struct {
		failing int // of ten
		stopped time.Duration
	}{
		"more than half": {6, 5 * time.Second},
		"just half":      {5, 0},
	} {
		inTime(t, name, func(t *testing.T) {
			w := newWorld()
			w.environment(func(e *pipeline.Environment) { e.Abort = pipeline.Abort{Errors: 0.5, For: 5 * time.Second} })
			w.stream = func(seen func(bool)) {
				for i := range 10 {
					seen(i < c.failing)
				}
			}
			began := time.Now()
			w.change()
			run := w.work(t)
			if c.stopped == 0 {
				require.Equal(t, pipeline.Pass, run.Verdict)
				return
			}
			require.Equal(t, pipeline.Failed, run.Verdict)
			require.Equal(t, "more than 50 % of the requests failed for 5s", run.Stopped)
			require.Len(t, run.Results, 1, "no more load after that")
			require.InDelta(t, c.stopped, time.Since(began), float64(2*time.Second))
		})
	}
}

func TestLoadIsStoppedWhenTheEnvironmentIsNotWell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.environment(func(e *pipeline.Environment) { e.Health = "http://load/health" })
		w.change()
		began := time.Now()
		w.probe = func() error {
			if time.Since(began) > 7*time.Second {
				return errors.New("503 Service Unavailable")
			}
			return nil
		}
		run := w.work(t)
		require.Equal(t, pipeline.Failed, run.Verdict)
		require.Equal(t, "the load was stopped: the environment is not well: 503 Service Unavailable", run.Outcomes[0].Reason)
		require.Less(t, time.Since(began), 9*time.Second, "within two seconds")
	})
}

// An environment that was not well before cannot tell anything about a change.
func TestAnEnvironmentThatIsNotReady(t *testing.T) {
	for name, c := range map[string]struct {
		edit   func(*world)
		reason string
	}{
		"not well": {
			func(w *world) { w.probe = func() error { return errors.New("connection refused") } },
			"load was not ready before anything was changed: the environment is not well 1m later: connection refused",
		},
		"out of reach": {
			func(w *world) { w.fails["look"] = trouble{broken{"no route to host", ""}, true} },
			"load was not ready before anything was changed: no route to host",
		},
	} {
		inTime(t, name, func(t *testing.T) {
			w := newWorld()
			w.onCluster()
			w.environment(func(e *pipeline.Environment) { e.Health = "http://load/health" })
			c.edit(w)
			w.change()
			run := w.work(t)
			require.Equal(t, pipeline.Invalid, run.Verdict)
			require.Equal(t, pipeline.FaultEnvironment, run.Fault)
			require.Equal(t, c.reason, run.Reason)
			require.Empty(t, w.effects())
		})
	}
}

func TestAPlatformDeploys(t *testing.T) {
	boom := broken{"app-1 crashes: exit code 1", "panic: no database"}
	for name, c := range map[string]struct {
		edit func(*world)
		want pipeline.Run
	}{
		"well": {func(*world) {}, pipeline.Run{Verdict: pipeline.Pass, Before: &pipeline.Artefact{Revision: "r1", Image: oldImage}}},
		"over what somebody deployed by hand": {
			func(w *world) { w.cluster["checkout"] = oldImage + "-hotfix" },
			pipeline.Run{Verdict: pipeline.Pass, Before: &pipeline.Artefact{Image: oldImage + "-hotfix"}},
		},
		"nothing before it": {func(w *world) { w.cluster["checkout"] = "" }, pipeline.Run{Verdict: pipeline.Pass}},
		"a broken image": {
			func(w *world) { w.fails["roll "+newImage] = boom },
			pipeline.Run{
				Verdict: pipeline.Failed, Before: &pipeline.Artefact{Revision: "r1", Image: oldImage}, Restored: "restored r1",
				Reason: "the deploy failed: app-1 crashes: exit code 1", Output: "panic: no database",
			},
		},
		"a broken cluster": {
			func(w *world) {
				w.fails["roll "+newImage] = trouble{broken{"no node has room", ""}, false}
				w.fails["roll "+oldImage] = trouble{broken{"no node has room", ""}, false}
			},
			pipeline.Run{
				Verdict: pipeline.Invalid, Before: &pipeline.Artefact{Revision: "r1", Image: oldImage}, Next: "look at it", Fault: pipeline.FaultEnvironment,
				Reason: "the deploy failed: no node has room", Restored: "restoring r1 failed too: no node has room",
				Unwell: "checkout could not be set back to r1: no node has room",
			},
		},
	} {
		inTime(t, name, func(t *testing.T) {
			w := newWorld()
			w.onCluster()
			c.edit(w)
			w.change()
			run := w.work(t)
			require.Equal(t, c.want, pipeline.Run{
				Verdict: run.Verdict, Before: run.Before, Restored: run.Restored, Reason: run.Reason, Output: run.Output, Next: run.Next,
				Fault: run.Fault, Unwell: run.Unwell,
			})
		})
	}
}

// A version that regressed stays, unless the catalog wants it taken back.
func TestAfterARegression(t *testing.T) {
	for name, restore := range map[string]bool{newImage: false, oldImage: true} {
		inTime(t, name, func(t *testing.T) {
			w := newWorld()
			w.latency[newImage] = 56
			checkout := w.catalog.Services["checkout"]
			checkout.Restore = restore
			w.catalog.Services["checkout"] = checkout
			w.change()
			require.Equal(t, pipeline.Regressed, w.work(t).Verdict)
			require.Equal(t, name, w.live["checkout"])
			require.Equal(t, map[bool]string{false: "", true: "restored r1"}[restore], w.run().Restored)
		})
	}
}

func TestARunThatUsesItsBudgetUp(t *testing.T) {
	for name, c := range map[string]struct {
		budget   time.Duration
		edit     func(*world)
		verdict  pipeline.Verdict
		reason   string
		restored string
	}{
		"testing": {
			20 * time.Second, func(*world) {}, pipeline.Invalid, "it held load for its budget of 20s with 1 of 2 scenarios tested", "",
		},
		"confirming": {
			50 * time.Second, func(w *world) { w.latency[newImage] = 56 }, pipeline.Suspect,
			"could not be confirmed: it held load for its budget of 50s", "",
		},
		"deploying": {
			20 * time.Second, func(w *world) {
				w.before = func(effect string) {
					if effect == "deploy "+newImage {
						time.Sleep(30 * time.Second)
					}
				}
			},
			pipeline.Failed, "the deploy failed: it held load for its budget of 20s", "restored r1",
		},
	} {
		inTime(t, name, func(t *testing.T) {
			w := newWorld()
			checkout := w.catalog.Services["checkout"]
			checkout.Budget = c.budget
			w.catalog.Services["checkout"] = checkout
			c.edit(w)
			w.change()
			run := w.work(t)
			require.Equal(t, c.verdict, run.Verdict)
			require.Equal(t, c.reason, run.Reason)
			require.Equal(t, c.restored, run.Restored)
			require.Equal(t, map[bool]string{true: oldImage, false: newImage}[c.restored != ""], w.live["checkout"])
		})
	}
}
