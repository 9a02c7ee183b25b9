package lane

import (
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
)

func TestPushKeepsOrder(t *testing.T) {
	onBoth(t, func(t *testing.T, addr string) {
		l := replica(t, addr)
		push(t, l, "environment/load", "a", "b", "c")
		worked := make(chan string)
		drainWith(t, l, report(worked))
		require.Equal(t, []string{"a", "b", "c"}, receiveAll(t, worked, 3))
		drained(t, l)
	})
}

func TestPushAgainMovesOnlyTheDueTime(t *testing.T) {
	onBoth(t, func(t *testing.T, addr string) {
		l := replica(t, addr)
		push(t, l, "timers", "a", "b")
		due := time.Now().Add(time.Hour).Truncate(time.Millisecond)
		require.NoError(t, l.Push(t.Context(), "timers", Item{ID: "a", Due: due}))

		require.Equal(t, []Item{{ID: "a", Due: due}, {ID: "b"}}, state(t, l, "timers").Waiting)
		require.Equal(t, "b", take(t, l, "timers").Item.ID, "a is not due and blocks nobody")

		push(t, l, "timers", "c", "a")
		require.Equal(t, []Item{{ID: "a"}, {ID: "c"}}, state(t, l, "timers").Waiting)
	})
}

func TestItemTakesItsPlaceWhenDue(t *testing.T) {
	onBoth(t, func(t *testing.T, addr string) {
		l := replica(t, addr)
		require.NoError(t, l.Push(t.Context(), "timers", Item{ID: "a", Due: time.Now().Add(time.Hour)}))
		push(t, l, "timers", "b", "c")
		held := take(t, l, "timers")
		require.Equal(t, "b", held.Item.ID)
		push(t, l, "timers", "a")
		held, err := l.settle(t.Context(), held, nil)
		require.NoError(t, err)
		require.Equal(t, "a", held.Item.ID)
	})
}

// The clock of miniredis can be set, so the exact limits are tested there only.
func TestClock(t *testing.T) {
	server := miniredis.RunT(t)
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	server.SetTime(start)
	l := replica(t, server.Addr())
	takeAt := func(after time.Duration) *Held {
		server.SetTime(start.Add(after))
		held, err := l.take(t.Context(), "timers")
		require.NoError(t, err)
		return held
	}
	require.NoError(t, l.Push(t.Context(), "timers", Item{ID: "a", Due: start.Add(time.Minute)}))
	require.Nil(t, takeAt(time.Minute-time.Millisecond), "not due")
	first := takeAt(time.Minute)
	require.NotNil(t, first)
	require.Nil(t, takeAt(time.Minute+10*time.Second-time.Millisecond), "leased")
	server.SetTime(start.Add(time.Minute + 10*time.Second))
	_, err := l.settle(t.Context(), first, nil)
	require.ErrorIs(t, err, ErrLost, "too late, though nobody else has taken it")
	second := takeAt(time.Minute + 10*time.Second)
	require.NotNil(t, second, "the lease has run out")
	require.Equal(t, Item{ID: "a"}, second.Item, "that is no failure")
	require.Greater(t, second.Fence, first.Fence)

	pause := Pause(start.Add(time.Hour))
	held, err := l.settle(t.Context(), second, pause)
	require.NoError(t, err)
	require.Nil(t, held)
	push(t, l, "timers", "b")
	require.Equal(t, start.Add(time.Hour), state(t, l, "timers").Rest.UTC())
	require.Nil(t, takeAt(time.Hour-time.Millisecond), "the lane rests")
	require.Equal(t, Item{ID: "a"}, takeAt(time.Hour).Item)
}

func TestPushWhileHeldIsWorkedOnOnceMore(t *testing.T) {
	for name, outcome := range map[string]error{"finished": nil, "put off": Later(time.Now().Add(time.Hour))} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, addr string) {
				l := replica(t, addr)
				push(t, l, "channel/x", "a")
				held := take(t, l, "channel/x")
				push(t, l, "channel/x", "a")
				again, err := l.settle(t.Context(), held, outcome)
				require.NoError(t, err)
				require.NotNil(t, again, "the later push says at once")
				require.Equal(t, "a", again.Item.ID)
			})
		})
	}
}

func TestRemove(t *testing.T) {
	onBoth(t, func(t *testing.T, addr string) {
		l := replica(t, addr)
		push(t, l, "environment/load", "held", "waiting", "last")
		require.NoError(t, l.Push(t.Context(), "environment/load", Item{ID: "later", Due: time.Now().Add(time.Hour)}))
		take(t, l, "environment/load")
		for id, want := range map[string]bool{"held": false, "waiting": true, "later": true, "gone": false} {
			require.Equal(t, want, remove(t, l, "environment/load", id), id)
		}
		require.Equal(t, []string{"last"}, waitingIDs(t, l, "environment/load"))
	})
}

func TestRemoveOfTheLastItemLeavesNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, addr string) {
		l := replica(t, addr)
		push(t, l, "environment/load", "a")
		require.True(t, remove(t, l, "environment/load", "a"))
		drained(t, l)
	})
}

func TestState(t *testing.T) {
	onBoth(t, func(t *testing.T, addr string) {
		l := replica(t, addr)
		require.Zero(t, state(t, l, "environment/load"))
		push(t, l, "environment/load", "a", "b")
		before := time.Now().Add(-time.Second)
		held := take(t, l, "environment/load")

		got := state(t, l, "environment/load")
		require.Equal(t, &Item{ID: "a"}, got.Held)
		require.Equal(t, l.Holder, got.Holder)
		require.Equal(t, held.Fence, got.Fence)
		require.WithinRange(t, got.Since, before, time.Now().Add(time.Second))
		require.Equal(t, []Item{{ID: "b"}}, got.Waiting)
	})
}

// A script of the store's kind: dedupe, supersede and append in one.
func TestComposedScript(t *testing.T) {
	submit := redis.NewScript(Guard + Append + `
if redis.call('SETNX', ARGV[1] .. 'claim:' .. ARGV[3], 1) == 0 then return 0 end
lane_remove(ARGV[1], ARGV[2], ARGV[4])
lane_push(ARGV[1], ARGV[2], ARGV[3], 0)
return 1`)
	onBoth(t, func(t *testing.T, addr string) {
		l := replica(t, addr)
		push(t, l, "environment/load", "old", "other")
		for _, want := range []bool{true, false} {
			fresh, err := submit.Run(t.Context(), l.Redis, nil, l.Prefix, "environment/load", "new", "old").Bool()
			require.NoError(t, err)
			require.Equal(t, want, fresh)
		}
		require.Equal(t, []string{"other", "new"}, waitingIDs(t, l, "environment/load"))

		worked := make(chan string)
		drainWith(t, l, report(worked))
		require.Equal(t, []string{"other", "new"}, receiveAll(t, worked, 2))
		_, err := submit.Run(t.Context(), l.Redis, nil, l.Prefix, "environment/load", "next", "old").Bool()
		require.NoError(t, err)
		require.Equal(t, "next", receive(t, worked), "woken by the script itself")
	})
}

func TestErrorsNameWhatWasTried(t *testing.T) {
	server := miniredis.RunT(t)
	l := replica(t, server.Addr())
	server.SetError("ERR out of order")
	ctx := t.Context()
	_, read := l.State(ctx, "x")
	_, taken := l.take(ctx, "x")
	for want, err := range map[string]error{
		"push a to lane x":      l.Push(ctx, "x", Item{ID: "a"}),
		"read lane x":           read,
		"take or settle lane x": taken,
		"lanes x":               l.Drain(ctx, "x", nil),
	} {
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, err, "out of order")
	}
}
