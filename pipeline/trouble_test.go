package pipeline_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/pipeline"
)

// failsUnder has every request fail while a load that begins so is under way.
func (w *world) failsUnder(load string) {
	w.environment(func(e *pipeline.Environment) { e.Abort = pipeline.Abort{Errors: 0.5, For: 2 * time.Second} })
	bad := false
	w.before = func(effect string) {
		if strings.HasPrefix(effect, "load ") {
			bad = strings.HasPrefix(effect, "load "+load)
		}
	}
	w.stream = func(seen func(bool)) {
		for range 10 {
			seen(bad)
		}
	}
}

// Load that has to be stopped says nothing of the changes that are tested along: they are tested apart.
func TestLoadThatIsStoppedInABatch(t *testing.T) {
	for load, want := range map[string][2]pipeline.Verdict{
		"checkout-flow": {pipeline.Failed, pipeline.Pass}, "search-flow": {pipeline.Pass, pipeline.Failed},
	} {
		inTime(t, load, func(t *testing.T) {
			w := newWorld()
			delete(w.catalog.Scenarios, "shop-window")
			w.change()
			w.both()
			w.failsUnder(load)
			checkout, search := w.drain(t)
			require.Equal(t, want, [2]pipeline.Verdict{checkout.Verdict, search.Verdict})
			require.Len(t, checkout.Results, 1)
			require.Len(t, search.Results, 1)
		})
	}
}

func TestABatchThatUsesItsBudgetUpIsTestedApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		checkout := w.catalog.Services["checkout"]
		checkout.Budget = 30 * time.Second // three scenarios take 39 s
		w.catalog.Services["checkout"] = checkout
		w.change()
		w.both()
		first, second := w.drain(t)
		require.Equal(t, pipeline.Pass, first.Verdict)
		require.Equal(t, pipeline.Pass, second.Verdict)
		require.Equal(t, 1, second.Round)
	})
}

// Nothing goes on in an environment that a member left unwell.
func TestAMemberThatLeavesTheEnvironmentUnwell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.change()
		w.both()
		w.fails["deploy "+newSearch], w.fails["deploy "+oldSearch] = broken{"exit status 3", ""}, broken{"no node has room", ""}
		var postponed *pipeline.Postponed
		require.ErrorAs(t, w.hold(t), &postponed)
		require.Equal(t, pipeline.Waiting, w.run().State)
		require.Equal(t, oldImage, w.live["checkout"])
		require.NotEmpty(t, parsed[pipeline.Run](w.runs["R2"]).Unwell)
		require.NotContains(t, w.effects(), "deploy "+newImage)
	})
}

func TestWhatWasNotTouchedIsNotRestored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.change()
		w.both()
		w.cancel()
		w.fails["deploy "+oldSearch] = broken{"manifest unknown", ""}
		checkout, search := w.drain(t)
		require.Equal(t, pipeline.Cancelled, checkout.State)
		require.Equal(t, pipeline.Pass, search.Verdict)
		require.Empty(t, search.Unwell)
	})
}

// What a run brought in before it was given up, or before a crash, is not what ran before it.
func TestGivingUpALeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.change()
		w.both()
		w.before = func(effect string) {
			if effect == "load checkout-flow on "+newImage {
				w.before = func(string) {}
				w.loseLease()
			}
		}
		require.ErrorIs(t, w.hold(t), errLost)
		w.fence++
		require.NoError(t, w.runner().GiveUp(t.Context(), "R1", w.fence, "it broke 10 times"))
		require.Equal(t, []string{"R2"}, w.waiting)

		search := parsed[pipeline.Run](w.runs["R2"])
		search.State, search.Stage = pipeline.Waiting, "" // as the store has it
		w.runs["R2"] = text(search)
		w.waiting = nil
		require.NoError(t, w.takeUp(t, "R2"))
		require.Equal(t, oldSearch, parsed[pipeline.Run](w.runs["R2"]).Before.Image)
	})
}

func TestGivingUpAnApply(t *testing.T) {
	w := newWorld()
	w.platform()
	run := w.run()
	run.State, run.Stage, run.Applying = pipeline.Running, pipeline.StagePrepare, true
	w.runs["R1"] = text(run)
	require.NoError(t, w.runner().GiveUp(t.Context(), "R1", w.fence, "it broke 10 times"))
	require.Equal(t, "the apply of platform s9 was given up", w.run().Unwell)
	require.Equal(t, []string{"hold load: the apply of platform s9 was given up"}, w.effects())
}

// An approval covers what was shown, also for what is left of an apply that was cut short.
func TestMoreIsLeftThanWasApproved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.platform(approve)
		w.waits(t)
		run := w.run()
		run.State, run.Stage, run.Applying, run.Started = pipeline.Running, pipeline.StagePrepare, true, time.Now()
		w.runs["R1"] = text(run)
		w.approved = decided(0)
		w.cloud = append(w.cloud[:1:1], pipeline.Resource{Address: "aws_vpc.main", Action: "delete"})
		ended := w.work(t)
		require.Equal(t, "the apply was cut short, and what is left is not what was approved: delete aws_vpc.main", ended.Reason)
		require.NotEmpty(t, ended.Unwell)
		require.NotContains(t, w.effects(), "apply")
	})
}

func TestTheOldVersionBreaksUnderLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.latency[newImage] = 56
		checkout := w.catalog.Services["checkout"]
		checkout.Restore = true
		w.catalog.Services["checkout"] = checkout
		w.failsUnder("checkout-flow on " + oldImage)
		w.change()
		run := w.work(t)
		require.Equal(t, pipeline.Suspect, run.Verdict)
		require.Equal(t, "could not be confirmed: the load on r1 was stopped: more than 50 % of the requests failed for 2s", run.Reason)
		require.Equal(t, newImage, w.live["checkout"], "that is no fault of the new one")
	})
}

func TestALookAtItsHealthThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.environment(func(e *pipeline.Environment) { e.Health = "http://load/health" })
		w.change()
		runner, looks := w.runner(), 0
		runner.Probe = func(ctx context.Context, _ string) error {
			if looks++; looks == 2 { // the first one after the deploy
				<-ctx.Done()
				return ctx.Err()
			}
			return nil
		}
		require.NoError(t, runner.Work(t.Context(), "R1", w.fence))
		require.Equal(t, pipeline.Pass, w.run().Verdict)
	})
}

// However few requests there are.
func TestErrorsOfASlowLoad(t *testing.T) {
	for name, every := range map[string]int{"10 a second": 1, "1 a second": 10, "1 in 4 s": 40} {
		inTime(t, name, func(t *testing.T) {
			w := newWorld()
			w.environment(func(e *pipeline.Environment) { e.Abort = pipeline.Abort{Errors: 0.5, For: 5 * time.Second} })
			ticks := 0
			w.stream = func(seen func(bool)) {
				if ticks++; ticks%every == 0 {
					seen(true)
				}
			}
			began := time.Now()
			w.change()
			require.NotEmpty(t, w.work(t).Stopped)
			require.Less(t, time.Since(began), 5*time.Second+time.Duration(every)*time.Second/10+2*time.Second)
		})
	}
}

func TestNobodyMeasuresForACancelledMember(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		delete(w.catalog.Scenarios, "shop-window")
		w.change()
		w.both()
		w.before = func(effect string) {
			if effect == "load checkout-flow on "+newImage {
				w.marks["R2"] = &pipeline.Mark{Name: "dev-sg", At: noon}
			}
		}
		_, search := w.drain(t)
		require.Equal(t, pipeline.Cancelled, search.State)
		require.NotContains(t, w.effects(), "load search-flow on "+newSearch)
	})
}
