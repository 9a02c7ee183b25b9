package lane

import (
	"errors"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
)

var (
	holdingUp   = redis.NewScript(Append + `lane_hold(ARGV[1], ARGV[2], ARGV[3])`)
	releasing   = redis.NewScript(Append + `lane_release(ARGV[1], ARGV[2])`)
	pushBehind  = redis.NewScript(Append + `lane_push_behind(ARGV[1], ARGV[2], ARGV[3], 0)`)
	puttingBack = redis.NewScript(Append + `lane_put_back(ARGV[1], ARGV[2], ARGV[3], lane_remove(ARGV[1], ARGV[2], ARGV[3]))`)
	readyNow    = redis.NewScript(Append + `return lane_ready(ARGV[1], ARGV[2])`)
	dueOf       = redis.NewScript(Append + `return lane_due_of(ARGV[1], ARGV[2], ARGV[3])`)
	yielding    = redis.NewScript(Append + `return lane_yielding(ARGV[1], ARGV[2])`)
)

// run runs one of the store's kind of scripts in environment/load.
func run(t *testing.T, l *Lanes, script *redis.Script, args ...any) any {
	t.Helper()
	reply, err := script.Run(t.Context(), l.Redis, nil, append([]any{l.Prefix, "environment/load"}, args...)...).Result()
	if !errors.Is(err, redis.Nil) {
		require.NoError(t, err)
	}
	return reply
}

func takeNothing(t *testing.T, l *Lanes) {
	t.Helper()
	held, err := l.take(t.Context(), "environment/load")
	require.NoError(t, err)
	require.Nil(t, held)
}

func TestHoldUntilReleased(t *testing.T) {
	onBoth(t, func(t *testing.T, addr string) {
		l := replica(t, addr)
		push(t, l, "environment/load", "a")
		run(t, l, holdingUp, 0)
		push(t, l, "environment/load", "b")
		takeNothing(t, l)
		require.Empty(t, run(t, l, readyNow))
		got := state(t, l, "environment/load")
		require.True(t, got.OnHold)
		require.Zero(t, got.Until)
		require.Equal(t, []Item{{ID: "a"}, {ID: "b"}}, got.Waiting)
		require.Zero(t, l.Redis.ZCard(t.Context(), "bw:lanes").Val(), "nobody looks at it before it is released")

		worked := make(chan string)
		drainWith(t, l, report(worked))
		run(t, l, releasing)
		require.Equal(t, []string{"a", "b"}, receiveAll(t, worked, 2), "the release wakes")
		drained(t, l)
	})
}

func TestHoldWhoseTimePasses(t *testing.T) {
	server := miniredis.RunT(t)
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	server.SetTime(start)
	l := replica(t, server.Addr())
	push(t, l, "environment/load", "a")
	until := start.Add(time.Hour)
	run(t, l, holdingUp, until.UnixMilli())
	server.SetTime(until.Add(-time.Millisecond))
	takeNothing(t, l)
	require.True(t, state(t, l, "environment/load").Until.Equal(until))
	score := l.Redis.ZScore(t.Context(), "bw:lanes", "environment/load").Val()
	require.EqualValues(t, until.UnixMilli(), score, "that is when it is looked at next")
	server.SetTime(until)
	require.False(t, state(t, l, "environment/load").OnHold)
	require.Equal(t, "a", take(t, l, "environment/load").Item.ID)
}

func TestHoldThatPassesLeavesNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, addr string) {
		l := replica(t, addr)
		l.Sweep = 5 * time.Millisecond
		worked := make(chan string)
		drainWith(t, l, report(worked))
		run(t, l, holdingUp, time.Now().Add(50*time.Millisecond).UnixMilli())
		push(t, l, "environment/load", "a")
		require.Equal(t, "a", receive(t, worked))
		run(t, l, releasing)
		drained(t, l)
	})
}

func TestWhatHasBegunGoesOnWhileOnHold(t *testing.T) {
	for name, outcome := range map[string]error{"given back": Pause(time.Time{}), "failed": errors.New("no route")} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, addr string) {
				l := replica(t, addr)
				l.Backoff = func(int) time.Duration { return -time.Second }
				push(t, l, "environment/load", "a", "b")
				held := take(t, l, "environment/load")
				run(t, l, holdingUp, 0)
				next, err := l.settle(t.Context(), held, outcome)
				require.NoError(t, err)
				require.Nil(t, next)
				held = take(t, l, "environment/load")
				require.Equal(t, "a", held.Item.ID)
				next, err = l.settle(t.Context(), held, nil)
				require.NoError(t, err)
				require.Nil(t, next, "b has not begun")
				takeNothing(t, l)
			})
		})
	}
}

func TestKilledHolderOfALaneOnHold(t *testing.T) {
	onBoth(t, func(t *testing.T, addr string) {
		killed, other := replica(t, addr), replica(t, addr)
		killed.Lease, other.Sweep = 100*time.Millisecond, 5*time.Millisecond
		push(t, killed, "environment/load", "a", "b")
		take(t, killed, "environment/load")
		run(t, killed, holdingUp, 0)
		worked := make(chan string)
		drainWith(t, other, report(worked))
		require.Equal(t, "a", receive(t, worked))
		eventually(t, func() bool { return state(t, other, "environment/load").Held == nil })
		require.Equal(t, []string{"b"}, waitingIDs(t, other, "environment/load"))
	})
}

func TestBehindYieldsToWhatComesLater(t *testing.T) {
	onBoth(t, func(t *testing.T, addr string) {
		l := replica(t, addr)
		run(t, l, pushBehind, "full 1")
		push(t, l, "environment/load", "a")
		run(t, l, pushBehind, "full 2")
		push(t, l, "environment/load", "b")
		run(t, l, pushBehind, "full 1")
		require.Equal(t, []string{"a", "b", "full 1", "full 2"}, waitingIDs(t, l, "environment/load"))
		require.EqualValues(t, 2, run(t, l, yielding))
		require.Equal(t, []any{"a", "b", "full 1", "full 2"}, run(t, l, readyNow))

		worked := make(chan string)
		drainWith(t, l, report(worked))
		require.Equal(t, []string{"a", "b", "full 1", "full 2"}, receiveAll(t, worked, 4))
		drained(t, l)
	})
}

func TestPutBack(t *testing.T) {
	onBoth(t, func(t *testing.T, addr string) {
		l := replica(t, addr)
		push(t, l, "environment/load", "a", "b", "c")
		run(t, l, puttingBack, "b")
		require.Equal(t, []string{"a", "b", "c"}, waitingIDs(t, l, "environment/load"))
		require.Equal(t, []any{"a", "b", "c"}, run(t, l, readyNow))
	})
}

func TestReadyIsWhatIsDue(t *testing.T) {
	onBoth(t, func(t *testing.T, addr string) {
		l := replica(t, addr)
		require.NoError(t, l.Push(t.Context(), "environment/load", Item{ID: "later", Due: time.Now().Add(time.Hour)}))
		require.NoError(t, l.Push(t.Context(), "environment/load", Item{ID: "now", Due: time.Now().Add(30 * time.Millisecond)}))
		push(t, l, "environment/load", "a")
		take(t, l, "environment/load")
		push(t, l, "environment/load", "b")
		eventually(t, func() bool { return len(run(t, l, readyNow).([]any)) == 2 })
		require.Equal(t, []any{"now", "b"}, run(t, l, readyNow))
	})
}

func TestDueOfWhatWaits(t *testing.T) {
	onBoth(t, func(t *testing.T, addr string) {
		l := replica(t, addr)
		due := time.Now().Add(time.Hour)
		push(t, l, "environment/load", "begun", "waits")
		require.NoError(t, l.Push(t.Context(), "environment/load", Item{ID: "later", Due: due}))
		take(t, l, "environment/load")
		require.EqualValues(t, 0, run(t, l, dueOf, "waits"))
		require.EqualValues(t, millis(due), run(t, l, dueOf, "later"))
		require.Nil(t, run(t, l, dueOf, "begun"), "it does not wait")
	})
}
