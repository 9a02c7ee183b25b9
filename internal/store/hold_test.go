package store

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/bot"
	"bellwether/pipeline"
)

// put has Anna hold environment load.
func put(t *testing.T, s *Store, until time.Time) pipeline.Hold {
	t.Helper()
	hold, err := s.Hold(t.Context(), pipeline.Hold{Environment: "load", By: anna, Until: until, Channels: []pipeline.Channel{room}})
	require.NoError(t, err)
	return hold
}

func release(t *testing.T, s *Store, m pipeline.Mark) pipeline.Hold {
	t.Helper()
	hold, err := s.Release(t.Context(), "load", m)
	require.NoError(t, err)
	return hold
}

func heldBy(t *testing.T, s *Store) *pipeline.Hold {
	t.Helper()
	hold, err := s.Held(t.Context(), "load")
	require.NoError(t, err)
	return hold
}

func loadHold(t *testing.T, s *Store, id string) pipeline.Hold {
	t.Helper()
	hold, err := s.LoadHold(t.Context(), id)
	require.NoError(t, err)
	return hold
}

// unwell has R1 leave environment load unwell.
func unwell(t *testing.T, s *Store, h pipeline.Lease) pipeline.Hold {
	t.Helper()
	by := pipeline.Mark{Name: "Bellwether", At: noon, Because: "checkout could not be set back"}
	hold, err := s.Unwell(t.Context(), h, pipeline.Hold{Environment: "load", Run: "R1", By: by})
	require.NoError(t, err)
	return hold
}

// timers are the items of the environment's timer lane, and when they are due, but for those that make sure of the telling.
func timers(t *testing.T, s *Store) map[string]time.Time {
	t.Helper()
	state, err := s.Lanes.State(t.Context(), "timer/load")
	require.NoError(t, err)
	due := map[string]time.Time{}
	for _, item := range state.Waiting {
		if !strings.HasPrefix(item.ID, "tell/") {
			due[item.ID] = item.Due
		}
	}
	return due
}

func TestHoldAndRelease(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		accept(t, s, change("checkout", "k1"))
		held, holder := hold(t, s, "R1")
		save(t, s, held, load(t, s, "R1"), pipeline.Running)
		accept(t, s, change("search", "k1"))

		first := put(t, s, time.Time{})
		require.Equal(t, pipeline.Hold{ID: "H1", Environment: "load", By: anna, Channels: []pipeline.Channel{room}}, first)
		require.Equal(t, &first, heldBy(t, s))
		waits := load(t, s, "R2")
		require.Equal(t, &first, waits.Hold)
		require.EqualValues(t, 2, waits.Rev)
		require.Nil(t, load(t, s, "R1").Hold, "it runs")
		require.EqualValues(t, 2, load(t, s, "R1").Rev)
		board, err := s.Board(t.Context(), "load")
		require.NoError(t, err)
		require.Equal(t, &first, board.Hold)

		save(t, s, held, load(t, s, "R1"), pipeline.Done)
		holder.end(nil)
		require.Eventually(t, func() bool { return environment(t, s).Held == nil }, 10*time.Second, 5*time.Millisecond)
		require.Equal(t, &first, accept(t, s, change("cart", "k1")).Hold)
		require.Equal(t, []string{"R2", "R3"}, waiting(t, s), "nothing is taken")

		released := release(t, s, ben)
		first.Released = &ben
		require.Equal(t, first, released)
		require.Equal(t, first, loadHold(t, s, "H1"))
		require.Equal(t, keepRuns, s.redis().TTL(t.Context(), "bw:hold:H1").Val())
		require.Nil(t, heldBy(t, s))
		holder.take("R2")
		require.EqualValues(t, 3, load(t, s, "R2").Rev)
		require.Nil(t, load(t, s, "R2").Hold)
		_, err = s.Release(t.Context(), "load", ben)
		require.ErrorIs(t, err, bot.ErrNotFound)
	})
}

func TestFirstHoldStays(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		first := put(t, s, time.Time{})
		accept(t, s, change("checkout", "k1"))
		second, err := s.Hold(t.Context(), pipeline.Hold{Environment: "load", By: ben, Until: time.Now().Add(time.Hour)})
		require.NoError(t, err)
		require.Equal(t, first, second)
		require.EqualValues(t, 1, load(t, s, "R1").Rev)
		require.Empty(t, timers(t, s))
		elsewhere, err := s.Hold(t.Context(), pipeline.Hold{Environment: "staging", By: ben})
		require.NoError(t, err)
		require.Equal(t, "H2", elsewhere.ID)
	})
}

func TestHoldDoesNotExpireBefore(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		accept(t, s, change("checkout", "k1"))
		until := time.Now().Add(time.Hour).Truncate(time.Millisecond).UTC()
		first := put(t, s, until)
		require.True(t, timers(t, s)["hold/H1"].Equal(until))
		early, err := s.Expire(t.Context(), "H1")
		require.NoError(t, err)
		require.Equal(t, first, early)
		require.Equal(t, &first, load(t, s, "R1").Hold)
	})
}

func TestHoldExpires(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		accept(t, s, change("checkout", "k1"))
		until := time.Now().Add(60 * time.Millisecond).Truncate(time.Millisecond).UTC()
		put(t, s, until)
		require.Eventually(t, func() bool { return heldBy(t, s) == nil }, 10*time.Second, 2*time.Millisecond)
		require.Nil(t, load(t, s, "R1").Hold)
		_, err := s.Release(t.Context(), "load", ben)
		require.ErrorIs(t, err, bot.ErrNotFound)
		held, _ := hold(t, s, "R1")
		require.NotZero(t, held.Fence)
		second := put(t, s, time.Time{})
		require.Equal(t, "H2", second.ID)

		for range 2 {
			expired, err := s.Expire(t.Context(), "H1")
			require.NoError(t, err)
			require.Equal(t, &pipeline.Mark{Name: "its time ran out", At: until}, expired.Released)
			require.Equal(t, expired, loadHold(t, s, "H1"))
		}
		require.Equal(t, &second, heldBy(t, s))
		require.Equal(t, "H2", environmentHold(t, s))
	})
}

// environmentHold is the hold in force, when the lane is on hold too.
func environmentHold(t *testing.T, s *Store) string {
	t.Helper()
	require.True(t, environment(t, s).OnHold)
	return heldBy(t, s).ID
}

func TestExpiryIsTold(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		accept(t, s, change("checkout", "k1"))
		put(t, s, time.Now().Add(20*time.Millisecond))
		h := drain(t, s, "timer/")
		h.take("hold/H1")
		_, err := s.Expire(t.Context(), "H1")
		require.NoError(t, err)
		h.end(nil)
		require.EqualValues(t, 3, load(t, s, "R1").Rev, "held, and free again")
		require.Equal(t, keepRuns, s.redis().TTL(t.Context(), "bw:hold:H1").Val())
	})
}

func TestUnwell(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		accept(t, s, change("checkout", "k1"))
		accept(t, s, change("search", "k1"))
		held, holder := hold(t, s, "R1")
		first := unwell(t, s, held)
		require.Equal(t, "H1", first.ID)
		require.Equal(t, "R1", first.Run)
		require.Equal(t, first, unwell(t, s, held), "once for that run")
		require.Equal(t, &first, load(t, s, "R2").Hold)
		save(t, s, held, load(t, s, "R1"), pipeline.Done)
		release(t, s, ben)
		require.Nil(t, heldBy(t, s))
		second := unwell(t, s, held)
		require.Equal(t, "H2", second.ID, "it left the environment unwell once more")
		require.Equal(t, second, unwell(t, s, held))
		require.Equal(t, "H2", environmentHold(t, s))
		release(t, s, ben)
		_, err := s.Unwell(t.Context(), stale(held), pipeline.Hold{Environment: "load", Run: "R1"})
		require.ErrorIs(t, err, ErrFenced)
		holder.end(nil)
		holder.take("R2")
	})
}

func TestUnwellOutlastsTheHoldOfAPerson(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		accept(t, s, change("checkout", "k1"))
		held, _ := hold(t, s, "R1")
		until := time.Now().Add(500 * time.Millisecond).Truncate(time.Millisecond).UTC()
		person := put(t, s, until)
		unwell(t, s, held)
		require.Empty(t, timers(t, s))
		require.Eventually(t, func() bool { return time.Now().After(until) }, time.Second, 2*time.Millisecond)
		expired, err := s.Expire(t.Context(), "H1")
		require.NoError(t, err)
		require.Equal(t, person, expired, "not before the environment was looked after")
		require.Equal(t, "H2", environmentHold(t, s))

		release(t, s, ben)
		require.Equal(t, &ben, loadHold(t, s, "H1").Released)
		require.Contains(t, timers(t, s), "hold/H1", "to be told")
		require.Equal(t, keepRuns, s.redis().TTL(t.Context(), "bw:hold:H1").Val())
	})
}

func TestReleaseEndsTheTimer(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		put(t, s, time.Now().Add(time.Hour))
		require.Len(t, timers(t, s), 1)
		release(t, s, ben)
		require.Empty(t, timers(t, s))
	})
}

func TestUnknownHold(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		_, err := s.LoadHold(t.Context(), "H9")
		require.ErrorIs(t, err, bot.ErrNotFound)
		_, err = s.Expire(t.Context(), "H9")
		require.ErrorIs(t, err, bot.ErrNotFound)
		require.Empty(t, strings.Join(s.redis().Keys(t.Context(), "*").Val(), " "))
	})
}
