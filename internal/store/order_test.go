package store

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/pipeline"
)

// madeAt says when the change was made, in seconds after noon.
func madeAt(s pipeline.Submission, second float64) pipeline.Submission {
	s.Run.Changes[0].At = noon.Add(time.Duration(second * float64(time.Second)))
	return s
}

func TestFullRunsYield(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		old := accept(t, s, change("checkout", "k1"))
		hold(t, s, "R1")
		require.Equal(t, 1, accept(t, s, full()).Position)
		require.Equal(t, 2, accept(t, s, full()).Position)
		require.Equal(t, 1, accept(t, s, change("search", "k1")).Position)
		require.Equal(t, 2, accept(t, s, rerun(old)).Position)
		require.Equal(t, 5, accept(t, s, full()).Position)
		require.Equal(t, []string{"R4", "R5", "R2", "R3", "R6"}, waiting(t, s))
		board, err := s.Board(t.Context(), "load")
		require.NoError(t, err)
		require.Equal(t, "R4", board.Waiting[0].ID)
	})
}

func TestImageOfASupersededMergeDoesNotReplaceTheNewerChange(t *testing.T) {
	for name, finish := range map[string]func(t *testing.T, s *Store){
		"which waits": func(*testing.T, *Store) {},
		"which runs": func(t *testing.T, s *Store) {
			enqueue(t, s, change("checkout", "k2"))
			held, _ := hold(t, s, "R2")
			save(t, s, held, load(t, s, "R2"), pipeline.Running)
		},
		"which is installed": func(t *testing.T, s *Store) {
			enqueue(t, s, change("checkout", "k2"))
			held, _ := hold(t, s, "R2")
			install(t, s, held, "R2", load(t, s, "R2").Change())
			save(t, s, held, load(t, s, "R2"), pipeline.Done)
		},
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, s *Store) {
				accept(t, s, withoutImage(change("checkout", "k1")))
				accept(t, s, withoutImage(change("checkout", "k2")))
				require.Equal(t, keepAwaited, s.redis().TTL(t.Context(), "bw:awaited:load/service:checkout/k1").Val())
				finish(t, s)
				state := load(t, s, "R2").State
				require.Equal(t, repeatOf("R2"), enqueue(t, s, change("checkout", "k1")))
				require.Equal(t, state, load(t, s, "R2").State)
				require.Equal(t, "R3", accept(t, s, change("checkout", "k1")).ID, "the image came: from now on it is a rollback")
			})
		})
	}
}

func TestImageOfASupersededMergeStandsForTheEndOfTheChain(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		for _, key := range []string{"k1", "k2", "k3"} {
			accept(t, s, withoutImage(change("checkout", key)))
		}
		require.Equal(t, repeatOf("R3"), enqueue(t, s, change("checkout", "k1")))
		_, err := s.Cancel(t.Context(), "R3", anna)
		require.NoError(t, err)
		require.Equal(t, "R4", accept(t, s, change("checkout", "k2")).ID, "nothing newer is left")
	})
}

func TestSupersededMergeSentAgainIsAChange(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		accept(t, s, withoutImage(change("checkout", "k1")))
		accept(t, s, withoutImage(change("checkout", "k2")))
		require.Equal(t, []string{"R2"}, accept(t, s, withoutImage(change("checkout", "k1"))).Supersedes)
		require.Equal(t, pipeline.Joined, enqueue(t, s, change("checkout", "k1")).Outcome)
		accept(t, s, change("checkout", "k3"))
		accept(t, s, change("checkout", "k1"))
	})
}

func TestImageTooLateForARunDoesNotReplaceTheNewerChange(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		sub := withoutImage(change("checkout", "k1"))
		sub.Due = time.Time{}
		begun := accept(t, s, sub)
		held, _ := hold(t, s, "R1")
		save(t, s, held, begun, pipeline.Running)
		accept(t, s, withoutImage(change("checkout", "k2")))
		require.Equal(t, repeatOf("R2"), enqueue(t, s, change("checkout", "k1")))
	})
}

func TestOlderChangeThatComesLateIsSupersededAtOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		accept(t, s, madeAt(change("checkout", "k2"), 10))
		receipt := enqueue(t, s, withEvent(madeAt(change("checkout", "k1"), 5), "late"))
		require.Equal(t, pipeline.Receipt{Outcome: pipeline.Accepted, Run: "R2"}, receipt)
		older, newer := load(t, s, "R2"), load(t, s, "R1")
		require.Equal(t, pipeline.Superseded, older.State)
		require.Equal(t, "R1", older.Successor)
		require.Equal(t, noon, older.Finished)
		require.Equal(t, keepRuns, s.redis().TTL(t.Context(), "bw:run:R2").Val())
		require.Equal(t, []string{"R2"}, newer.Supersedes)
		require.EqualValues(t, 2, newer.Rev, "its thread gets the link")
		require.Equal(t, pipeline.Waiting, newer.State)
		require.Equal(t, []string{"R1"}, waiting(t, s))
		require.Equal(t, repeatOf("R2"), enqueue(t, s, withEvent(madeAt(change("checkout", "k1"), 5), "late")))
		require.Equal(t, []string{"R1"}, newestOf(t, s, "checkout", 2))

		held, _ := hold(t, s, "R1")
		save(t, s, held, newer, pipeline.Running)
		require.Equal(t, "R1", load(t, s, accept(t, s, madeAt(change("checkout", "k0"), 1)).ID).Successor, "it runs")
		save(t, s, held, newer, pipeline.Done)
		require.Equal(t, pipeline.Waiting, accept(t, s, madeAt(change("checkout", "k3"), 2)).State, "a rollback")
	})
}

func TestMergesCompareWithMerges(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		accept(t, s, madeAt(change("checkout", "k1"), 60))
		require.Equal(t, repeatOf("R1"), enqueue(t, s, madeAt(withoutImage(change("checkout", "k1")), 10)))
		require.Equal(t, []string{"R1"}, accept(t, s, madeAt(withoutImage(change("checkout", "k2")), 30)).Supersedes,
			"merged later than R1, though before R1's image was pushed")
	})
}

func TestWhatIsNewerIsNotAlwaysKnown(t *testing.T) {
	for name, test := range map[string]struct{ first, second pipeline.Submission }{
		"newer":           {madeAt(change("checkout", "k1"), 0), madeAt(change("checkout", "k2"), 60)},
		"within the skew": {madeAt(change("checkout", "k1"), 2), madeAt(change("checkout", "k2"), 0)},
		"first unknown":   {change("checkout", "k1"), madeAt(change("checkout", "k2"), 0)},
		"second unknown":  {madeAt(change("checkout", "k1"), 60), change("checkout", "k2")},
		"a rerun":         {rerunOf(madeAt(change("checkout", "k1"), 60)), madeAt(change("checkout", "k2"), 0)},
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, s *Store) {
				accept(t, s, test.first)
				require.Equal(t, []string{"R1"}, accept(t, s, test.second).Supersedes)
			})
		})
	}
	onBoth(t, func(t *testing.T, s *Store) {
		accept(t, s, madeAt(change("checkout", "k1"), 60))
		require.Equal(t, pipeline.Waiting, accept(t, s, madeAt(change("search", "k1"), 0)).State, "of another thing")
	})
}

func rerunOf(s pipeline.Submission) pipeline.Submission {
	s.Run.Cause, s.Key = pipeline.CauseRerun, ""
	return s
}

// A backlog is handed out in any order. Whatever that is, what ends up waiting is the newest merge with its image.
func TestBacklogInAnyOrder(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		orders := permutations([]string{"M1", "I1", "M2", "I2"})
		for _, order := range orders {
			thing := strings.Join(order, "-")
			for _, name := range order {
				enqueue(t, s, withEvent(backlog(thing)[name], name))
			}
			run := load(t, s, newestOf(t, s, thing, 1)[0])
			require.Equal(t, pipeline.Waiting, run.State, order)
			require.Equal(t, "registry/"+thing+":k2", run.Change().Image, order)
		}
		require.Len(t, waiting(t, s), len(orders))
	})
}

// backlog is two merges and their images, as the second one was merged before the first one was built.
func backlog(thing string) map[string]pipeline.Submission {
	return map[string]pipeline.Submission{
		"M1": madeAt(withoutImage(change(thing, "k1")), 10), "I1": madeAt(change(thing, "k1"), 60),
		"M2": madeAt(withoutImage(change(thing, "k2")), 30), "I2": madeAt(change(thing, "k2"), 80),
	}
}

func permutations(all []string) [][]string {
	if len(all) < 2 {
		return [][]string{all}
	}
	var orders [][]string
	for i, first := range all {
		rest := slices.Delete(slices.Clone(all), i, i+1)
		for _, order := range permutations(rest) {
			orders = append(orders, append([]string{first}, order...))
		}
	}
	return orders
}

// Its replica was killed with the event in hand, and SQS delivers it again when the newer change is through.
func TestAChangeThatComesAfterANewerOneIsInstalled(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		accept(t, s, madeAt(change("checkout", "k2"), 60))
		held, _ := hold(t, s, "R1")
		install(t, s, held, "R1", load(t, s, "R1").Change())
		save(t, s, held, load(t, s, "R1"), pipeline.Done)

		enqueue(t, s, madeAt(change("checkout", "k1"), 0))
		late := load(t, s, "R2")
		require.Equal(t, pipeline.Superseded, late.State)
		require.Equal(t, "R1", late.Successor)
		require.Equal(t, []string{"R2"}, load(t, s, "R1").Supersedes)
		require.Equal(t, pipeline.Waiting, accept(t, s, madeAt(change("checkout", "k0"), 120)).State, "a rollback is a newer event")
	})
}
