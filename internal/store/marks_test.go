package store

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/bot"
	"bellwether/internal/lane"
	"bellwether/pipeline"
)

// asking has R1 wait for an approval that it asked for at the time, for an hour.
func asking(t *testing.T, s *Store, h pipeline.Lease, asked time.Time) {
	t.Helper()
	run := load(t, s, "R1")
	run.Approval = &pipeline.Approval{Asked: asked, Expires: asked.Add(time.Hour)}
	save(t, s, h, run, pipeline.Waiting)
}

func by(name string, at time.Time) pipeline.Mark { return pipeline.Mark{Name: name, At: at} }

func TestDecide(t *testing.T) {
	type decide func(*Store, context.Context, string, pipeline.Mark) (pipeline.Run, error)
	decision := map[string]decide{"approve": (*Store).Approve, "reject": (*Store).Reject}
	mark := map[string]func(pipeline.Run) *pipeline.Mark{
		"approve": func(r pipeline.Run) *pipeline.Mark { return r.Approved },
		"reject":  func(r pipeline.Run) *pipeline.Mark { return r.Rejected },
	}
	waits := map[string][]lane.Item{"approve": {{ID: "R1"}}, "reject": nil}
	for first, second := range map[string]string{"approve": "reject", "reject": "approve"} {
		t.Run(first, func(t *testing.T) {
			onBoth(t, func(t *testing.T, s *Store) {
				accept(t, s, change("orders", "k1"))
				held, holder := hold(t, s, "R1")
				asking(t, s, held, noon)
				accept(t, s, change("search", "k1"))
				holder.end(lane.Later(time.Now().Add(time.Hour)))
				holder.take("R2")
				require.False(t, environment(t, s).Waiting[0].Due.IsZero())

				decided, err := decision[first](s, t.Context(), "R1", anna)
				require.NoError(t, err)
				require.Equal(t, &anna, mark[first](decided))
				require.EqualValues(t, 3, decided.Rev)
				require.Equal(t, waits[first], environment(t, s).Waiting, "due at once, or over")
				for _, next := range []string{first, second} {
					again, err := decision[next](s, t.Context(), "R1", ben)
					require.NoError(t, err)
					require.Equal(t, decided, again, "the first decision stays")
				}
			})
		})
	}
}

func TestDecisionIsVoidOnceAnotherIsAskedFor(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		accept(t, s, change("orders", "k1"))
		held, _ := hold(t, s, "R1")
		asking(t, s, held, noon)
		_, err := s.Approve(t.Context(), "R1", anna)
		require.NoError(t, err)
		save(t, s, held, load(t, s, "R1"), pipeline.Running)
		require.NotNil(t, load(t, s, "R1").Approved, "it is about the same")

		asking(t, s, held, noon.Add(30*time.Minute))
		require.Nil(t, load(t, s, "R1").Approved)
		rejected, err := s.Reject(t.Context(), "R1", ben)
		require.NoError(t, err)
		require.Equal(t, &ben, rejected.Rejected)
	})
}

func TestDecisionsThatComeTooLateOrTooEarly(t *testing.T) {
	for name, test := range map[string]struct {
		at       time.Time
		state    pipeline.State
		approved *pipeline.Mark
	}{
		"expired":       {noon.Add(time.Hour), pipeline.Waiting, nil},
		"just in time":  {noon.Add(time.Hour - 1), pipeline.Waiting, &pipeline.Mark{Name: "Anna", At: noon.Add(time.Hour - 1)}},
		"clock is slow": {noon.Add(-time.Second), pipeline.Waiting, &pipeline.Mark{Name: "Anna", At: noon}},
		"it runs":       {noon, pipeline.Running, nil},
		"it is over":    {noon, pipeline.Cancelled, nil},
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, s *Store) {
				accept(t, s, change("orders", "k1"))
				held, _ := hold(t, s, "R1")
				asking(t, s, held, noon)
				save(t, s, held, load(t, s, "R1"), test.state)
				run, err := s.Approve(t.Context(), "R1", by("Anna", test.at))
				require.NoError(t, err)
				require.Equal(t, test.approved, run.Approved)
				require.Equal(t, test.state, run.State)
			})
		})
	}
}

func TestDecideWhatIsNotAskedOrKnown(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		run := accept(t, s, change("checkout", "k1"))
		same, err := s.Approve(t.Context(), "R1", anna)
		require.NoError(t, err)
		require.Equal(t, run, same)
		_, err = s.Reject(t.Context(), "R9", anna)
		require.ErrorIs(t, err, bot.ErrNotFound)
	})
}

func TestOverdue(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		accept(t, s, change("checkout", "k1"))
		patient := change("search", "k1")
		patient.PatientUntil = time.Now().Add(50 * time.Millisecond)
		accept(t, s, patient)
		accept(t, s, change("cart", "k1"))
		require.Len(t, timers(t, s), 1)
		drain(t, s, "timer/").take("wait/R2")

		for range 2 {
			overdue, err := s.Overdue(t.Context(), "R2")
			require.NoError(t, err)
			require.True(t, overdue.Overdue)
			require.EqualValues(t, 2, overdue.Rev)
			require.Equal(t, overdue, load(t, s, "R2"))
		}
		held, _ := hold(t, s, "R1")
		begun, err := s.Overdue(t.Context(), "R1")
		require.NoError(t, err)
		require.False(t, begun.Overdue)
		gather(t, s, held, "R1")
		led, err := s.Overdue(t.Context(), "R3")
		require.NoError(t, err)
		require.False(t, led.Overdue)
		_, err = s.Overdue(t.Context(), "R9")
		require.ErrorIs(t, err, bot.ErrNotFound)
	})
}

func TestRunThatComesLateIsNotWaitedFor(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		accept(t, s, madeAt(change("checkout", "k2"), 10))
		late := madeAt(change("checkout", "k1"), 1)
		late.PatientUntil = time.Now().Add(time.Hour)
		require.Equal(t, pipeline.Superseded, accept(t, s, late).State)
		require.Empty(t, timers(t, s))
	})
}

// Whoever left a mark may die before telling of it.
func TestMarksAreToldInAnyCase(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		accept(t, s, change("orders", "k1"))
		_, err := s.Cancel(t.Context(), "R1", anna)
		require.NoError(t, err)
		state, err := s.Lanes.State(t.Context(), "timer/load")
		require.NoError(t, err)
		require.Equal(t, "tell/R1", state.Waiting[0].ID)
		require.True(t, state.Waiting[0].Due.After(time.Now()), "whoever left it is quicker")
	})
}

func cancel(t *testing.T, s *Store, id string, m pipeline.Mark) pipeline.Run {
	t.Helper()
	run, err := s.Cancel(t.Context(), id, m)
	require.NoError(t, err)
	return run
}

func TestRejectionEndsTheRun(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		held, holder := planning(t, s)
		asking(t, s, held, noon)
		holder.end(anHour())
		require.Eventually(t, func() bool { return len(waiting(t, s)) == 1 }, 10*time.Second, 5*time.Millisecond)

		run, err := s.Reject(t.Context(), "R1", anna)
		require.NoError(t, err)
		require.Equal(t, pipeline.Cancelled, run.State)
		require.Equal(t, "the plan was rejected by Anna", run.Reason)
		require.Equal(t, anna.At, run.Finished)
		require.Equal(t, &anna, run.Rejected)
		require.Equal(t, keepRuns, s.redis().TTL(t.Context(), "bw:run:R1").Val())
		require.Empty(t, waiting(t, s))
		require.Equal(t, "R2", accept(t, s, stack("k1")).ID, "it stands for nothing any more")
	})
}

func TestSecondCancelEndsWhatWaitsAgain(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		held, _ := batched(t, s)
		require.Equal(t, pipeline.Waiting, cancel(t, s, "R2", anna).State, "its leader ends it")
		require.NoError(t, s.Part(t.Context(), held, "R1", []string{"R2"}))
		run := cancel(t, s, "R2", ben)
		require.Equal(t, pipeline.Cancelled, run.State)
		require.Equal(t, &anna, run.Cancel, "the first mark stays")
		require.NotContains(t, waiting(t, s), "R2")
	})
}

// patient is a change that somebody has to be told of when it waits for an hour.
func patient(sub pipeline.Submission) pipeline.Submission {
	sub.PatientUntil = time.Now().Add(time.Hour)
	return sub
}

// requireReminder looks whether somebody will be told that R1 still waits, so long from now.
func requireReminder(t *testing.T, s *Store, after time.Duration) {
	t.Helper()
	require.WithinDuration(t, time.Now().Add(after), timers(t, s)["wait/R1"], time.Minute)
}

func TestWaitingForAnImageIsNoWaitingForTheEnvironment(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		accept(t, s, patient(withoutImage(change("checkout", "k1"))))
		requireReminder(t, s, 2*time.Hour)
		early, err := s.Overdue(t.Context(), "R1")
		require.NoError(t, err)
		require.False(t, early.Overdue)
		requireReminder(t, s, 2*time.Hour)

		enqueue(t, s, change("checkout", "k1"))
		requireReminder(t, s, time.Hour)
		late, err := s.Overdue(t.Context(), "R1")
		require.NoError(t, err)
		require.True(t, late.Overdue)
	})
}

func TestWaitingForAnApprovalIsNoWaitingForTheEnvironment(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		accept(t, s, patient(stack("k1")))
		late, err := s.Overdue(t.Context(), "R1")
		require.NoError(t, err)
		require.True(t, late.Overdue)
		held, holder := hold(t, s, "R1")
		asking(t, s, held, noon)
		accept(t, s, change("search", "k1"))
		holder.end(anHour())
		holder.take("R2")

		asked, err := s.Overdue(t.Context(), "R1")
		require.NoError(t, err)
		require.False(t, asked.Overdue, "any more")
		requireReminder(t, s, 2*time.Hour)
		_, err = s.Approve(t.Context(), "R1", anna)
		require.NoError(t, err)
		requireReminder(t, s, time.Hour)
		late, err = s.Overdue(t.Context(), "R1")
		require.NoError(t, err)
		require.True(t, late.Overdue)
	})
}

func TestPatienceBeginsAnewWhenARunWaitsAgain(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		accept(t, s, change("search", "k1"))
		accept(t, s, patient(change("checkout", "k1")))
		_, err := s.Overdue(t.Context(), "R2")
		require.NoError(t, err)
		held, _ := hold(t, s, "R1")
		gather(t, s, held, "R1")
		require.NoError(t, s.redis().Del(t.Context(), "bw:lane:{timer/load}:place", "bw:lane:{timer/load}:later").Err())
		require.NoError(t, s.Part(t.Context(), held, "R1", []string{"R2"}))
		require.False(t, load(t, s, "R2").Overdue)
		require.WithinDuration(t, time.Now().Add(time.Hour), timers(t, s)["wait/R2"], time.Minute)
	})
}
