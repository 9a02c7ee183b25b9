package store

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/internal/lane"
	"bellwether/pipeline"
)

// change is a submission of a service's change to environment load.
func change(name, key string) pipeline.Submission {
	return pipeline.Submission{
		Run: pipeline.Run{
			Cause: pipeline.CauseChange, Environment: "load", Submitted: noon,
			Changes: []pipeline.Change{{Kind: pipeline.KindService, Name: name, Revision: key, Image: "registry/" + name + ":" + key}},
		},
		Thing: "service:" + name, Key: key,
	}
}

func withEvent(s pipeline.Submission, id string) pipeline.Submission {
	s.Run.Changes[0].EventID = id
	s.EventID = id + "/" + s.Thing + "/" + s.Run.Environment
	return s
}

func withoutImage(s pipeline.Submission) pipeline.Submission {
	s.Due = time.Now().Add(time.Hour)
	s.Run.ImageBy, s.Run.Changes[0].Image = s.Due, ""
	return s
}

func rerun(old pipeline.Run) pipeline.Submission {
	return pipeline.Submission{
		Run: pipeline.Run{
			Cause: pipeline.CauseRerun, Parent: old.ID, Environment: "load", Changes: old.Changes, Submitted: noon,
		},
		Thing: "service:" + old.Change().Name,
	}
}

func full() pipeline.Submission {
	return pipeline.Submission{Run: pipeline.Run{Cause: pipeline.CauseFull, Environment: "load", Submitted: noon}}
}

func enqueue(t testing.TB, s *Store, sub pipeline.Submission) pipeline.Receipt {
	t.Helper()
	receipt, err := s.Enqueue(t.Context(), sub)
	require.NoError(t, err)
	return receipt
}

// accept enqueues what must become a run.
func accept(t testing.TB, s *Store, sub pipeline.Submission) pipeline.Run {
	t.Helper()
	receipt := enqueue(t, s, sub)
	require.Equal(t, pipeline.Accepted, receipt.Outcome)
	return load(t, s, receipt.Run)
}

func load(t testing.TB, s *Store, id string) pipeline.Run {
	t.Helper()
	run, err := s.Load(t.Context(), id)
	require.NoError(t, err)
	return run
}

func environment(t *testing.T, s *Store) lane.State {
	t.Helper()
	state, err := s.Lanes.State(t.Context(), "environment/load")
	require.NoError(t, err)
	return state
}

func waiting(t *testing.T, s *Store) []string {
	t.Helper()
	ids := []string{}
	for _, item := range environment(t, s).Waiting {
		ids = append(ids, item.ID)
	}
	return ids
}

// save has the holder set the run's state, as far as it says.
func save(t *testing.T, s *Store, h pipeline.Lease, run pipeline.Run, state pipeline.State) {
	t.Helper()
	run.State = state
	require.NoError(t, s.Save(t.Context(), h, run))
}

func repeatOf(id string) pipeline.Receipt {
	return pipeline.Receipt{Outcome: pipeline.Repeated, Run: id}
}

func TestEnqueue(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		sub := change("checkout", "k1")
		sub.Run.Team, sub.Run.Expected = "checkout", time.Minute
		first := accept(t, s, sub)
		want := sub.Run
		want.ID, want.Rev, want.Schema, want.State = "R1", 1, 1, pipeline.Waiting
		require.Equal(t, want, first)
		require.Equal(t, 1, accept(t, s, change("search", "k1")).Position)
		require.Equal(t, 2, accept(t, s, full()).Position)
		require.Equal(t, []string{"R1", "R2", "R3"}, waiting(t, s))
		elsewhere := change("checkout", "k1")
		elsewhere.Run.Environment = "staging"
		require.Zero(t, accept(t, s, elsewhere).Position)
	})
}

func TestEnqueueLater(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		sub := withoutImage(change("checkout", "k1"))
		accept(t, s, sub)
		require.WithinDuration(t, sub.Due, environment(t, s).Waiting[0].Due, time.Millisecond)
	})
}

func TestSameEventIsOneRun(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		receipts := make(chan pipeline.Receipt, 50)
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() { receipts <- enqueue(t, s, withEvent(change("checkout", "k1"), "e1")) })
		}
		wg.Wait()
		close(receipts)
		outcomes := map[string]int{}
		for r := range receipts {
			require.Equal(t, "R1", r.Run)
			outcomes[r.Outcome]++
		}
		require.Equal(t, map[string]int{pipeline.Accepted: 1, pipeline.Repeated: 49}, outcomes)
		require.Equal(t, []string{"R1"}, waiting(t, s))
		require.Equal(t, keepEvents, s.redis().TTL(t.Context(), "bw:event:e1/service:checkout/load").Val())
	})
}

func TestEventIsARepeatWhateverCameOfItAndSince(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		accept(t, s, withEvent(change("checkout", "k1"), "merge"))
		require.Equal(t, repeatOf("R1"), enqueue(t, s, withEvent(change("checkout", "k1"), "twin")))
		accept(t, s, withEvent(change("checkout", "k2"), "next"))
		require.Equal(t, repeatOf("R1"), enqueue(t, s, withEvent(change("checkout", "k1"), "merge")), "superseded, and not again")
		require.Equal(t, repeatOf("R1"), enqueue(t, s, withEvent(change("checkout", "k1"), "twin")), "a repeat is remembered too")
		require.NoError(t, s.redis().Del(t.Context(), "bw:run:R1").Err())
		require.Equal(t, repeatOf(""), enqueue(t, s, withEvent(change("checkout", "k1"), "merge")), "the run is forgotten")
	})
}

func TestSameChangeWhileItWaitsRunsOrIsInstalled(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		run := accept(t, s, change("checkout", "k1"))
		require.Equal(t, repeatOf("R1"), enqueue(t, s, change("checkout", "k1")), "waits")
		held, holder := hold(t, s, "R1")
		require.Equal(t, repeatOf("R1"), enqueue(t, s, change("checkout", "k1")), "about to run")
		save(t, s, held, run, pipeline.Running)
		require.Equal(t, repeatOf("R1"), enqueue(t, s, change("checkout", "k1")), "runs")
		install(t, s, held, run.ID, run.Change())
		save(t, s, held, run, pipeline.Done)
		require.Equal(t, repeatOf("R1"), enqueue(t, s, change("checkout", "k1")), "installed")
		holder.end(nil)

		second := accept(t, s, change("checkout", "k2"))
		held.Fence = holder.take("R2")
		install(t, s, held, second.ID, second.Change())
		save(t, s, held, second, pipeline.Done)
		holder.end(nil)
		rollback := accept(t, s, change("checkout", "k1"))
		held.Fence = holder.take("R3")
		install(t, s, held, rollback.ID, rollback.Change())
		save(t, s, held, rollback, pipeline.Done)
		require.Equal(t, repeatOf("R3"), enqueue(t, s, change("checkout", "k1")), "installed by the rollback")
		accept(t, s, change("checkout", "k2"))
	})
}

func TestNewerChangeSupersedesWhatWaits(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		accept(t, s, change("checkout", "k0"))
		hold(t, s, "R1") // held, though not yet running
		accept(t, s, full())
		accept(t, s, change("search", "k1"))
		older := accept(t, s, change("checkout", "k1"))
		accept(t, s, rerun(older))
		accept(t, s, rerun(older))
		elsewhere := change("checkout", "k1")
		elsewhere.Run.Environment = "staging"
		accept(t, s, elsewhere)

		receipt := enqueue(t, s, change("checkout", "k2"))
		require.Equal(t, pipeline.Receipt{Outcome: pipeline.Accepted, Run: "R8", Superseded: []string{"R4", "R5", "R6"}}, receipt)
		require.Equal(t, []string{"R3", "R8", "R2"}, waiting(t, s))
		newest := load(t, s, "R8")
		require.Equal(t, []string{"R4", "R5", "R6"}, newest.Supersedes)
		require.Equal(t, 2, newest.Position)
		superseded := load(t, s, "R5")
		require.Equal(t, pipeline.Superseded, superseded.State)
		require.Equal(t, "R8", superseded.Successor)
		require.Equal(t, noon, superseded.Finished)
		require.EqualValues(t, 2, superseded.Rev)
		require.Equal(t, keepRuns, s.redis().TTL(t.Context(), "bw:run:R5").Val())
		for _, id := range []string{"R1", "R2", "R3", "R7"} {
			require.Equal(t, pipeline.Waiting, load(t, s, id).State, id)
		}
	})
}

func TestRunThatFailedInBetweenIsNotTakenOut(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		s.Lanes.Backoff = func(int) time.Duration { return time.Hour }
		run := accept(t, s, change("checkout", "k1"))
		held, holder := hold(t, s, "R1")
		save(t, s, held, run, pipeline.Running)
		holder.end(fmt.Errorf("no route"))
		require.Eventually(t, func() bool { return environment(t, s).Holder == "" }, 10*time.Second, 5*time.Millisecond)
		require.Empty(t, enqueue(t, s, change("checkout", "k2")).Superseded)
		require.Equal(t, "R1", environment(t, s).Held.ID)
		cancelled, err := s.Cancel(t.Context(), "R1", anna)
		require.NoError(t, err)
		require.Equal(t, pipeline.Running, cancelled.State, "what it left in the environment is its next holder's business")
	})
}

func TestRacingChangesLeaveOneWaiting(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() { accept(t, s, change("checkout", fmt.Sprint("k", i))) })
		}
		wg.Wait()
		require.Equal(t, []string{"R20"}, waiting(t, s))
		for i := 1; i < 20; i++ {
			require.Equal(t, fmt.Sprint("R", i+1), load(t, s, fmt.Sprint("R", i)).Successor)
		}
	})
}

func TestRerun(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		h := drain(t, s, "environment/load")
		old := deploy(t, s, h, change("checkout", "k1"), "k1")
		deploy(t, s, h, change("checkout", "k2"), "k2")
		first, second := accept(t, s, rerun(old)), accept(t, s, rerun(old))
		require.Equal(t, "R1", first.Parent)
		parent := load(t, s, "R1")
		require.Equal(t, []string{first.ID, second.ID}, parent.Reruns)
		require.Equal(t, old.Rev+2, parent.Rev)
		require.Equal(t, pipeline.Done, parent.State)
		require.Equal(t, repeatOf("R3"), enqueue(t, s, change("checkout", "k1")), "the same change waits as a rerun")
	})
}

func TestOverhead(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		overhead := func() time.Duration {
			d, err := s.Overhead(t.Context(), "load", "service:checkout")
			require.NoError(t, err)
			return d
		}
		require.Zero(t, overhead())
		h := drain(t, s, "environment/load")
		for i, besides := range []time.Duration{3600, 9, 9, 2, 8, 4, 6, 5, 5, 5, 6} {
			run := accept(t, s, change("checkout", fmt.Sprint(i)))
			held := pipeline.Lease{Environment: "load", Fence: h.take(run.ID)}
			run.Started, run.Finished, run.Verdict = noon, noon.Add(90*time.Second+besides*time.Second), pipeline.Regressed
			run.Results = []pipeline.Result{{Seconds: 50, Warmup: 10}}
			run.Legs = []pipeline.Leg{{Results: []pipeline.Result{{Seconds: 10}}}, {Results: []pipeline.Result{{Seconds: 20}}}}
			save(t, s, held, run, pipeline.Done)
			save(t, s, held, run, pipeline.Done)
			h.end(nil)
		}
		require.Equal(t, 5500*time.Millisecond, overhead(), "of the last ten")
		failed := accept(t, s, change("checkout", "failed"))
		failed.Verdict = pipeline.Failed
		save(t, s, pipeline.Lease{Environment: "load", Fence: h.take(failed.ID)}, failed, pipeline.Done)
		require.Equal(t, 5500*time.Millisecond, overhead(), "a failed run says nothing")
	})
}
