package store

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/pipeline"
)

// lasting is an acknowledgement that was left so long ago, and ends so long from now.
func lasting(m pipeline.Mark, ago, left time.Duration) pipeline.Mark {
	now := time.Now().UTC().Truncate(time.Millisecond)
	m.At, m.Until = now.Add(-ago), now.Add(left)
	return m
}

func remind(t *testing.T, s *Store, id string, outlived ...pipeline.Mark) pipeline.Run {
	t.Helper()
	run, err := s.Remind(t.Context(), id, outlived)
	require.NoError(t, err)
	return run
}

func TestWhenPeopleAreReminded(t *testing.T) {
	for lasts, lead := range map[time.Duration]time.Duration{
		4 * time.Hour: time.Hour, 96 * time.Hour: 24 * time.Hour, 30 * 24 * time.Hour: 24 * time.Hour,
	} {
		t.Run(lasts.String(), func(t *testing.T) {
			onBoth(t, func(t *testing.T, s *Store) {
				accept(t, s, change("checkout", "k1"))
				mark := lasting(anna, 0, lasts)
				acknowledge(t, s, "R1", mark)
				require.WithinDuration(t, mark.Until.Add(-lead), timers(t, s)["remind/R1"], time.Millisecond)
				require.WithinDuration(t, mark.Until, timers(t, s)["ack/R1"], time.Millisecond)
			})
		})
	}
}

func TestReminders(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		accept(t, s, change("checkout", "k1"))
		soon, later := lasting(about(anna, "cart"), time.Hour, time.Minute), lasting(about(ben, "pay"), 0, time.Hour)
		metric := lasting(about(of("p95", ben), "search"), 2*time.Hour, 2*time.Minute)
		acknowledge(t, s, "R1", later)
		acknowledge(t, s, "R1", metric)
		before := acknowledge(t, s, "R1", soon)
		require.Empty(t, before.Reminded)
		drain(t, s, "timer/").take("remind/R1")
		for range 2 { // in case that it is told twice
			run := remind(t, s, "R1")
			require.Equal(t, []pipeline.Mark{soon, metric}, run.Reminded)
			require.Equal(t, before.Acknowledged, run.Acknowledged)
			require.Equal(t, before.Rev+2, run.Rev)
			require.WithinDuration(t, later.Until.Add(-15*time.Minute), timers(t, s)["remind/R1"], time.Second, "the next one's")
		}
	})
}

func TestOfWhatNobodyIsReminded(t *testing.T) {
	soon := lasting(anna, time.Hour, time.Minute)
	for name, test := range map[string]struct {
		then     *pipeline.Mark
		mark     pipeline.Mark
		outlived []pipeline.Mark
	}{
		"what has no end":                     {mark: anna},
		"what was prolonged":                  {mark: soon, then: new(lasting(anna, 0, time.Hour))},
		"what is for good now":                {mark: soon, then: new(anna)},
		"what is over already":                {mark: lasting(anna, time.Hour, -time.Second)},
		"what is about nothing that stands":   {mark: soon, outlived: []pipeline.Mark{soon}},
		"what is too early to be reminded of": {mark: lasting(anna, 0, time.Hour)},
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, s *Store) {
				accept(t, s, change("checkout", "k1"))
				run := acknowledge(t, s, "R1", test.mark)
				if test.then != nil {
					run = acknowledge(t, s, "R1", *test.then)
				}
				require.Equal(t, run, remind(t, s, "R1", test.outlived...))
			})
		})
	}
}

func TestWhoIsRemindedMayProlong(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		accept(t, s, change("checkout", "k1"))
		first, second := lasting(anna, time.Hour, time.Minute), lasting(anna, time.Hour, 2*time.Minute)
		acknowledge(t, s, "R1", first)
		remind(t, s, "R1")
		acknowledge(t, s, "R1", second)
		require.Equal(t, []pipeline.Mark{first, second}, remind(t, s, "R1").Reminded, "and hears of that one, too")
		over := lasting(anna, time.Hour, -time.Second)
		acknowledge(t, s, "R1", over)
		require.Equal(t, []pipeline.Mark{over}, lapse(t, s, "R1").Lapsed)
	})
}
