package store

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/bot"
	"bellwether/pipeline"
)

func gather(t *testing.T, s *Store, h pipeline.Lease, leader string) []string {
	t.Helper()
	ids, err := s.Gather(t.Context(), h, leader)
	require.NoError(t, err)
	return ids
}

// batched has R1 lead the changes of four other services.
func batched(t *testing.T, s *Store) (pipeline.Lease, *holder) {
	t.Helper()
	for i := range 5 {
		accept(t, s, change(fmt.Sprint("service", i+1), "k1"))
	}
	held, holder := hold(t, s, "R1")
	require.Equal(t, []string{"R2", "R3", "R4", "R5"}, gather(t, s, held, "R1"))
	return held, holder
}

func TestGather(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		old := accept(t, s, change("checkout", "k1"))
		held, _ := hold(t, s, "R1")
		accept(t, s, change("search", "k1"))
		accept(t, s, change("checkout", "k2"))
		accept(t, s, rerun(old))
		accept(t, s, full())
		accept(t, s, withoutImage(change("cart", "k1")))
		stack := change("orders", "k1")
		stack.Thing = "stack:orders"
		accept(t, s, stack)
		accept(t, s, change("mail", "k1"))

		require.Equal(t, []string{"R2", "R8"}, gather(t, s, held, "R1"))
		require.Equal(t, []string{"R3", "R4", "R6", "R7", "R5"}, waiting(t, s))
		require.Equal(t, []string{"R2", "R8"}, load(t, s, "R1").Batch)
		led := load(t, s, "R8")
		require.Equal(t, "R1", led.Leader)
		require.Equal(t, pipeline.Waiting, led.State)
		require.EqualValues(t, 2, led.Rev)

		accept(t, s, change("late", "k1"))
		require.Equal(t, []string{"R2", "R8"}, gather(t, s, held, "R1"), "once and for ever the same")
	})
}

func TestGatherNobody(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		accept(t, s, change("checkout", "k1"))
		held, _ := hold(t, s, "R1")
		require.Empty(t, gather(t, s, held, "R1"))
		accept(t, s, change("search", "k1"))
		require.Empty(t, gather(t, s, held, "R1"))
		require.Nil(t, load(t, s, "R1").Batch)
		_, err := s.Gather(t.Context(), held, "R9")
		require.ErrorIs(t, err, bot.ErrNotFound)
	})
}

func TestGatherNobodyWhileOnHold(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		accept(t, s, change("checkout", "k1"))
		accept(t, s, change("search", "k1"))
		held, _ := hold(t, s, "R1")
		put(t, s, time.Time{})
		require.Empty(t, gather(t, s, held, "R1"))
		require.Equal(t, []string{"R2"}, waiting(t, s))
	})
}

func TestWhatIsGatheredHasBegun(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		held, holder := batched(t, s)
		require.Equal(t, 5, accept(t, s, full()).Position)
		require.Empty(t, enqueue(t, s, change("service2", "k2")).Superseded)
		require.Equal(t, repeatOf("R2"), enqueue(t, s, change("service2", "k1")))
		cancelled, err := s.Cancel(t.Context(), "R3", anna)
		require.NoError(t, err)
		require.Equal(t, pipeline.Waiting, cancelled.State, "its leader ends it")
		require.Equal(t, &anna, cancelled.Cancel)

		for _, id := range []string{"R2", "R3", "R4", "R5", "R1"} {
			save(t, s, held, load(t, s, id), pipeline.Running)
			save(t, s, held, load(t, s, id), pipeline.Done)
		}
		ended := load(t, s, "R2")
		require.Equal(t, pipeline.Done, ended.State)
		require.Equal(t, "R1", ended.Leader)
		require.Equal(t, keepRuns, s.redis().TTL(t.Context(), "bw:run:R2").Val())
		holder.end(nil)
		holder.take("R7")
		require.Equal(t, []string{"R6"}, waiting(t, s))
	})
}

func TestPart(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		held, holder := batched(t, s)
		accept(t, s, change("late", "k1"))
		begun := load(t, s, "R2")
		begun.Stage, begun.Results = pipeline.StageTest, []pipeline.Result{{ID: "R1/cart"}}
		begun.Stopped, begun.Verdict = "too many errors", pipeline.Failed
		save(t, s, held, begun, pipeline.Running)
		save(t, s, held, load(t, s, "R5"), pipeline.Done)

		for range 2 { // as after a crash
			require.NoError(t, s.Part(t.Context(), held, "R1", []string{"R3", "R4"}))
			require.NoError(t, s.Part(t.Context(), held, "R1", []string{"R1", "R2"}))
			require.Equal(t, []string{"R2", "R3", "R4", "R6"}, waiting(t, s), "at their old places")
		}
		parted := load(t, s, "R2")
		require.Equal(t, pipeline.Waiting, parted.State)
		require.Empty(t, parted.Leader)
		require.Empty(t, parted.Stage, "it begins anew")
		require.Empty(t, parted.Results)
		require.Empty(t, parted.Stopped)
		require.Empty(t, parted.Verdict)
		require.Nil(t, load(t, s, "R1").Batch)
		require.Equal(t, "R1", environment(t, s).Held.ID)

		require.Equal(t, []string{"R2"}, gather(t, s, held, "R1"), "the rest of its part")
		require.NoError(t, s.Part(t.Context(), held, "R1", []string{"R2"}))
		save(t, s, held, load(t, s, "R1"), pipeline.Done)
		holder.end(nil)
		held.Fence = holder.take("R2")
		require.Empty(t, gather(t, s, held, "R2"), "a part of its own")
		save(t, s, held, load(t, s, "R2"), pipeline.Done)
		holder.end(nil)
		held.Fence = holder.take("R3")
		require.Equal(t, []string{"R4"}, gather(t, s, held, "R3"), "not what is part of nothing")
	})
}

func TestPartedRunsAreSuperseded(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		held, _ := batched(t, s)
		require.NoError(t, s.Part(t.Context(), held, "R1", []string{"R2", "R3"}))
		require.Equal(t, []string{"R4", "R5"}, load(t, s, "R1").Batch)
		require.Equal(t, []string{"R2"}, enqueue(t, s, change("service2", "k2")).Superseded)
		require.Equal(t, []string{"R4", "R5"}, gather(t, s, held, "R1"))
	})
}

func TestPartDoesNotBringBackWhatIsOver(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		held, _ := batched(t, s)
		save(t, s, held, load(t, s, "R2"), pipeline.Done)
		require.NoError(t, s.Part(t.Context(), held, "R1", []string{"R2", "R3"}))
		require.Equal(t, []string{"R3"}, waiting(t, s))
		require.Equal(t, pipeline.Done, load(t, s, "R2").State)
	})
}

func TestLeaderThatIsOverLeadsNobody(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		held, holder := batched(t, s)
		save(t, s, held, load(t, s, "R2"), pipeline.Running)
		save(t, s, held, load(t, s, "R4"), pipeline.Done)
		save(t, s, held, load(t, s, "R1"), pipeline.Cancelled)
		require.Equal(t, []string{"R2", "R3", "R5"}, waiting(t, s))
		require.Equal(t, pipeline.Waiting, load(t, s, "R2").State)
		holder.end(nil)
		held.Fence = holder.take("R2")
		require.Equal(t, []string{"R3", "R5"}, gather(t, s, held, "R2"), "part of nothing")
	})
}
