package store

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/bot"
	"bellwether/pipeline"
)

// about is a mark on one scenario.
func about(m pipeline.Mark, scope string) pipeline.Mark {
	m.Scope = scope
	return m
}

// of is a mark on one metric.
func of(metric pipeline.Metric, m pipeline.Mark) pipeline.Mark {
	m.Metric = metric
	return m
}

func until(m pipeline.Mark, end time.Time) pipeline.Mark {
	m.Until = end.UTC()
	return m
}

func acknowledge(t *testing.T, s *Store, id string, m pipeline.Mark) pipeline.Run {
	t.Helper()
	run, err := s.Acknowledge(t.Context(), id, m)
	require.NoError(t, err)
	return run
}

func lapse(t *testing.T, s *Store, id string, outlived ...pipeline.Mark) pipeline.Run {
	t.Helper()
	run, err := s.Lapse(t.Context(), id, outlived)
	require.NoError(t, err)
	return run
}

func TestWhichAcknowledgementsStay(t *testing.T) {
	later := anna
	later.At, later.Because = anna.At.Add(time.Minute), "of the upgrade"
	for name, test := range map[string]struct{ said, want []pipeline.Mark }{
		"the first":                       {[]pipeline.Mark{anna, ben}, []pipeline.Mark{anna}},
		"the first on a scenario":         {[]pipeline.Mark{about(anna, "cart"), about(ben, "cart")}, []pipeline.Mark{about(anna, "cart")}},
		"of two scenarios":                {[]pipeline.Mark{about(ben, "cart"), about(anna, "pay")}, []pipeline.Mark{about(anna, "pay"), about(ben, "cart")}},
		"the whole run has all scenarios": {[]pipeline.Mark{anna, about(ben, "cart")}, []pipeline.Mark{anna}},
		"the rest":                        {[]pipeline.Mark{about(anna, "cart"), ben}, []pipeline.Mark{about(anna, "cart"), ben}},
		"one's own is replaced":           {[]pipeline.Mark{anna, later}, []pipeline.Mark{later}},
		"one's own on a scenario, too":    {[]pipeline.Mark{about(anna, "cart"), about(later, "cart")}, []pipeline.Mark{about(later, "cart")}},
		"of two metrics":                  {[]pipeline.Mark{of("p95", anna), of("p50", ben)}, []pipeline.Mark{of("p95", anna), of("p50", ben)}},
		"the first on a metric":           {[]pipeline.Mark{of("p95", anna), of("p95", ben)}, []pipeline.Mark{of("p95", anna)}},
		"a metric of all scenarios": {
			[]pipeline.Mark{of("p95", anna), about(of("p95", ben), "cart"), about(of("p50", ben), "cart")},
			[]pipeline.Mark{of("p95", anna), about(of("p50", ben), "cart")},
		},
		"a scenario has all metrics":       {[]pipeline.Mark{about(anna, "cart"), about(of("p95", ben), "cart")}, []pipeline.Mark{about(anna, "cart")}},
		"one's own covers one's scenarios": {[]pipeline.Mark{anna, about(later, "cart")}, []pipeline.Mark{anna}},
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, s *Store) {
				accept(t, s, change("checkout", "k1"))
				for _, m := range test.said {
					acknowledge(t, s, "R1", m)
				}
				run := load(t, s, "R1")
				require.Equal(t, test.want, run.Acknowledged)
				timer, err := s.Lanes.State(t.Context(), "timer/load")
				require.NoError(t, err)
				require.Equal(t, "tell/R1", timer.Waiting[0].ID, "in case that whoever left it dies before telling of it")
			})
		})
	}
}

func TestAcknowledgementThatChangesNothingIsNoNews(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		accept(t, s, change("checkout", "k1"))
		first := acknowledge(t, s, "R1", anna)
		require.EqualValues(t, 2, first.Rev)
		require.Equal(t, first, acknowledge(t, s, "R1", ben))
	})
}

func TestAcknowledgementsLapse(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		accept(t, s, change("checkout", "k1"))
		past, future := time.Now().Add(-time.Second), time.Now().Add(time.Hour)
		acknowledge(t, s, "R1", until(about(anna, "cart"), future))
		require.WithinDuration(t, future, timers(t, s)["ack/R1"], time.Second)
		over := until(about(ben, "pay"), past)
		acknowledge(t, s, "R1", over)
		drain(t, s, "timer/").take("ack/R1")

		for range 2 { // in case that it is told twice
			run := lapse(t, s, "R1")
			require.Equal(t, []pipeline.Mark{until(about(anna, "cart"), future)}, run.Acknowledged)
			require.Equal(t, []pipeline.Mark{over}, run.Lapsed)
			require.EqualValues(t, 4, run.Rev)
			require.WithinDuration(t, future, timers(t, s)["ack/R1"], time.Second, "the next one's")
		}
		require.Len(t, acknowledge(t, s, "R1", about(anna, "pay")).Acknowledged, 2, "somebody else may take it now")
	})
}

func TestWhatLapsedIsInOrder(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		accept(t, s, change("checkout", "k1"))
		past := time.Now().Add(-time.Hour)
		marks := []pipeline.Mark{until(about(anna, "pay"), past.Add(-time.Minute)), until(about(ben, "cart"), past), until(about(ben, "list"), past)}
		for _, i := range []int{2, 0, 1} {
			acknowledge(t, s, "R1", marks[i])
		}
		require.Equal(t, marks, lapse(t, s, "R1").Lapsed)
		require.Nil(t, load(t, s, "R1").Acknowledged)
	})
}

func TestWhatIsOutlivedDoesNotLapse(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		accept(t, s, change("checkout", "k1"))
		accept(t, s, change("search", "k1"))
		past := time.Now().Add(-time.Hour)
		cart, pay, all := until(about(anna, "cart"), past), until(about(anna, "pay"), past), until(anna, past)
		for _, m := range []pipeline.Mark{cart, pay} {
			acknowledge(t, s, "R1", m)
		}
		acknowledge(t, s, "R2", all)
		run := lapse(t, s, "R1", cart)
		require.Equal(t, []pipeline.Mark{cart}, run.Acknowledged)
		require.Equal(t, []pipeline.Mark{pay}, run.Lapsed)
		require.Equal(t, run, lapse(t, s, "R1"), "it stays, whatever comes")
		require.Equal(t, []pipeline.Mark{all}, lapse(t, s, "R2", all).Acknowledged)
	})
}

// Somebody who needs longer says so once more.
func TestAcknowledgementThatIsProlonged(t *testing.T) {
	for name, end := range map[string]time.Time{"until later": time.Now().Add(time.Hour), "for good": {}} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, s *Store) {
				accept(t, s, change("checkout", "k1"))
				acknowledge(t, s, "R1", until(anna, time.Now().Add(-time.Second)))
				longer := until(anna, end)
				acknowledge(t, s, "R1", longer)
				drain(t, s, "timer/").take("ack/R1")
				run := lapse(t, s, "R1")
				require.Equal(t, []pipeline.Mark{longer}, run.Acknowledged)
				require.Empty(t, run.Lapsed)
				_, waits := timers(t, s)["ack/R1"]
				require.Equal(t, !end.IsZero(), waits)
			})
		})
	}
}

func TestLapseOfARunThatIsNoLongerKept(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		_, err := s.Lapse(t.Context(), "R9", nil)
		require.ErrorIs(t, err, bot.ErrNotFound)
		_, err = s.Remind(t.Context(), "R9", nil)
		require.ErrorIs(t, err, bot.ErrNotFound)
	})
}

// What an older Bellwether wrote, and what it can read itself while it still runs beside this one.
func TestAcknowledgementOfAnOlderVersion(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		accept(t, s, change("checkout", "k1"))
		old := `{"by":"slack:U1","name":"Anna","at":"2026-11-23T12:01:00Z","because":"known"}`
		require.NoError(t, s.redis().HSet(t.Context(), "bw:run:R1", "acknowledged", old).Err())
		require.Equal(t, []pipeline.Mark{anna}, load(t, s, "R1").Acknowledged)
		require.Equal(t, []pipeline.Mark{anna}, lapse(t, s, "R1").Acknowledged, "it never lapses")
		require.Equal(t, []pipeline.Mark{anna}, acknowledge(t, s, "R1", ben).Acknowledged)

		accept(t, s, change("checkout", "k2"))
		acknowledge(t, s, "R2", anna)
		require.JSONEq(t, old, s.redis().HGet(t.Context(), "bw:run:R2", "acknowledged").Val())
	})
}
