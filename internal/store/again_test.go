package store

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/internal/lane"
	"bellwether/pipeline"
)

// stack is a submission of a change of infrastructure code.
func stack(key string) pipeline.Submission {
	s := change("orders", key)
	s.Thing = "stack:orders"
	return s
}

// planning has R1, the change k1 of a stack, be planned.
func planning(t *testing.T, s *Store) (pipeline.Lease, *holder) {
	t.Helper()
	accept(t, s, stack("k1"))
	held, holder := hold(t, s, "R1")
	save(t, s, held, load(t, s, "R1"), pipeline.Running)
	return held, holder
}

func anHour() error { return lane.Later(time.Now().Add(time.Hour)) }

func requireSuperseded(t *testing.T, s *Store, id, successor string) {
	t.Helper()
	run := load(t, s, id)
	require.Equal(t, pipeline.Superseded, run.State)
	require.Equal(t, successor, run.Successor)
	require.WithinDuration(t, time.Now(), run.Finished, time.Minute)
	require.Equal(t, keepRuns, s.redis().TTL(t.Context(), "bw:run:"+id).Val())
	require.Equal(t, []string{id}, load(t, s, successor).Supersedes)
}

func TestPlanThatAsksForApprovalGivesWayToANewerChange(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		held, holder := planning(t, s)
		require.Empty(t, enqueue(t, s, stack("k2")).Superseded, "it has begun")
		asking(t, s, held, noon)
		requireSuperseded(t, s, "R1", "R2")
		told, err := s.Lanes.State(t.Context(), "timer/load")
		require.NoError(t, err)
		require.Len(t, told.Waiting, 2, "both are told of")

		holder.end(anHour())
		held.Fence = holder.take("R1") // to be told
		asking(t, s, held, noon)
		requireSuperseded(t, s, "R1", "R2")
		holder.end(nil)
		holder.take("R2")
		require.Empty(t, waiting(t, s))
	})
}

func TestPlanGivesWayToANewerChangeThatIsInstalled(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		held, _ := planning(t, s)
		accept(t, s, stack("k2"))
		require.NoError(t, s.Install(t.Context(), held, "R2", "stack:orders", pipeline.Artefact{Revision: "k2"}))
		save(t, s, held, load(t, s, "R2"), pipeline.Done)
		asking(t, s, held, noon)
		requireSuperseded(t, s, "R1", "R2")
	})
}

func TestPlanGivesWayToNothingElse(t *testing.T) {
	for name, other := range map[string]func(pipeline.Run) pipeline.Submission{
		"a rerun":       func(pipeline.Run) pipeline.Submission { return rerunOf(stack("k2")) },
		"another thing": func(pipeline.Run) pipeline.Submission { return change("orders", "k2") },
		"an older change that came late": func(pipeline.Run) pipeline.Submission {
			return madeAt(stack("k0"), -60)
		},
		"a full run": func(pipeline.Run) pipeline.Submission { return full() },
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, s *Store) {
				run := accept(t, s, madeAt(stack("k1"), 0))
				held, _ := hold(t, s, "R1")
				save(t, s, held, run, pipeline.Running)
				accept(t, s, other(run))
				asking(t, s, held, noon)
				require.Equal(t, pipeline.Waiting, load(t, s, "R1").State)
			})
		})
	}
}

func TestRerunOfAnOlderPlanIsARollback(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		held, holder := planning(t, s)
		require.NoError(t, s.Install(t.Context(), held, "R1", "stack:orders", pipeline.Artefact{Revision: "k1"}))
		save(t, s, held, load(t, s, "R1"), pipeline.Done)
		holder.end(nil)
		again := accept(t, s, rerunOf(stack("k0")))
		held.Fence = holder.take("R2")
		again.Approval = &pipeline.Approval{Asked: noon, Expires: noon.Add(time.Hour)}
		save(t, s, held, again, pipeline.Waiting)
		require.Equal(t, pipeline.Waiting, load(t, s, "R2").State)
	})
}

// Between its checkpoint and its place in the lane a run waits for people, but is still its holder's.
func TestRunThatItsHolderHasYetToLetGo(t *testing.T) {
	for name, test := range map[string]struct {
		end  func(t *testing.T, s *Store)
		want pipeline.State
	}{
		"newer change": {func(t *testing.T, s *Store) {
			require.Equal(t, []string{"R1"}, enqueue(t, s, stack("k2")).Superseded)
		}, pipeline.Superseded},
		"cancelled": {func(t *testing.T, s *Store) { cancel(t, s, "R1", anna) }, pipeline.Cancelled},
		"rejected": {func(t *testing.T, s *Store) {
			_, err := s.Reject(t.Context(), "R1", anna)
			require.NoError(t, err)
		}, pipeline.Cancelled},
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, s *Store) {
				held, holder := planning(t, s)
				asking(t, s, held, noon)
				test.end(t, s)
				require.Equal(t, test.want, load(t, s, "R1").State)
				holder.end(anHour())
				holder.take("R1")
				require.Equal(t, test.want, load(t, s, "R1").State, "to be told")
				require.NotContains(t, waiting(t, s), "R1")
			})
		})
	}
}

func TestPartedRunGivesWayToANewerChange(t *testing.T) {
	for name, part := range map[string]func(t *testing.T, s *Store, held pipeline.Lease){
		"parted": func(t *testing.T, s *Store, held pipeline.Lease) {
			require.NoError(t, s.Part(t.Context(), held, "R1", []string{"R1", "R2"}))
		},
		"its leader is over": func(t *testing.T, s *Store, held pipeline.Lease) {
			save(t, s, held, load(t, s, "R1"), pipeline.Cancelled)
		},
		"its leader is dropped": func(t *testing.T, s *Store, held pipeline.Lease) {
			require.NoError(t, s.Drop(t.Context(), held, "R1"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, s *Store) {
				held, _ := batched(t, s)
				require.Empty(t, enqueue(t, s, change("service2", "k2")).Superseded)
				part(t, s, held)
				requireSuperseded(t, s, "R2", "R6")
				require.NotContains(t, waiting(t, s), "R2")
				require.Equal(t, pipeline.Waiting, load(t, s, "R3").State)
			})
		})
	}
}

func TestDroppedLeaderLeadsNobody(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		held, holder := batched(t, s)
		save(t, s, held, load(t, s, "R5"), pipeline.Done)
		require.NoError(t, s.redis().HSet(t.Context(), "bw:run:R1", "record", "{").Err())
		require.NoError(t, s.Drop(t.Context(), held, "R1"))
		require.Equal(t, []string{"R2", "R3", "R4"}, waiting(t, s))
		require.Empty(t, load(t, s, "R2").Leader)
		require.Equal(t, pipeline.Done, load(t, s, "R5").State)
		require.Equal(t, "R6", accept(t, s, change("service1", "k1")).ID, "the same change is no repeat of it")
		holder.end(nil)
		holder.take("R2")
	})
}

func TestDroppedRunSaysWhy(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		accept(t, s, change("checkout", "k1"))
		held, _ := hold(t, s, "R1")
		require.NoError(t, s.Drop(t.Context(), held, "R1"))
		run := load(t, s, "R1")
		require.Equal(t, pipeline.Cancelled, run.State)
		require.Equal(t, dropped, run.Reason)
		require.WithinDuration(t, time.Now(), run.Finished, time.Minute)
		require.Equal(t, keepRuns, s.redis().TTL(t.Context(), "bw:run:R1").Val())
		require.NoError(t, s.Drop(t.Context(), held, "R1"))
		require.Equal(t, run, load(t, s, "R1"), "what is over stays as it is")
		require.NoError(t, s.Drop(t.Context(), held, "R9"), "there is nothing to end")
		require.Empty(t, s.redis().Keys(t.Context(), "bw:run:R9").Val())
	})
}

// What was brought in together is each run's own, so that another event of it is no news.
func TestWhatIsInstalledTogetherIsEachRunsOwn(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		accept(t, s, change("checkout", "c1"))
		accept(t, s, change("search", "s1"))
		held, holder := hold(t, s, "R1")
		gather(t, s, held, "R1")
		for _, id := range []string{"R2", "R1"} {
			run := load(t, s, id)
			install(t, s, held, id, run.Change())
			save(t, s, held, run, pipeline.Done)
		}
		holder.end(nil)
		require.Equal(t, repeatOf("R1"), enqueue(t, s, change("checkout", "c1")))
		require.Equal(t, repeatOf("R2"), enqueue(t, s, withEvent(change("search", "s1"), "twin")))
	})
}
