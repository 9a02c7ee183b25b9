package lane

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
)

func TestStalledHolder(t *testing.T) {
	onBoth(t, func(t *testing.T, addr string) {
		stalled, healthy := replica(t, addr), replica(t, addr)
		stalled.Lease, stalled.Renew = 200*time.Millisecond, 10*time.Millisecond
		stalled.Redis.AddHook(stallRenewals{})
		healthy.Sweep = 5 * time.Millisecond

		began, lost, wakeUp := make(chan *Held, 1), make(chan error, 1), make(chan bool)
		drainWith(t, stalled, func(ctx context.Context, held *Held) error {
			began <- held
			<-ctx.Done()
			lost <- context.Cause(ctx)
			<-wakeUp
			return nil
		})
		t.Cleanup(sync.OnceFunc(func() { close(wakeUp) }))
		push(t, stalled, "environment/load", "a")
		first := receive(t, began)
		second := make(chan *Held, 1)
		drainWith(t, healthy, func(_ context.Context, held *Held) error {
			second <- held
			return nil
		})
		require.ErrorIs(t, receive(t, lost), ErrLost)
		took := receive(t, second)
		require.Equal(t, Item{ID: "a"}, took.Item, "that is no failure")
		require.Greater(t, took.Fence, first.Fence)
		drained(t, healthy)
	})
}

func TestRenewalSaysSomebodyElseHoldsIt(t *testing.T) {
	onBoth(t, func(t *testing.T, addr string) {
		l := replica(t, addr)
		l.Renew = 5 * time.Millisecond
		began, lost := make(chan bool), make(chan error)
		drainWith(t, l, func(ctx context.Context, held *Held) error {
			began <- true
			<-ctx.Done()
			lost <- context.Cause(ctx)
			return ctx.Err()
		})
		push(t, l, "environment/load", "a")
		receive(t, began)
		require.NoError(t, l.Redis.HSet(t.Context(), l.key("environment/load", "lease"), "fence", 1<<40).Err())
		require.ErrorIs(t, receive(t, lost), ErrLost)
	})
}

func TestRenewalKeepsTheLane(t *testing.T) {
	onBoth(t, func(t *testing.T, addr string) {
		l := replica(t, addr)
		l.Lease, l.Renew = 500*time.Millisecond, 10*time.Millisecond
		began, finish := make(chan *Held), make(chan bool)
		drainWith(t, l, func(ctx context.Context, held *Held) error {
			began <- held
			select {
			case <-finish:
				return nil
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		})
		push(t, l, "environment/load", "a")
		held := receive(t, began)
		due := func() float64 { return l.Redis.ZScore(t.Context(), "bw:lanes", "environment/load").Val() }
		beyond := float64(held.deadline.Add(l.Lease).UnixMilli())
		eventually(t, func() bool { return due() > beyond })
		require.Equal(t, held.Fence, state(t, l, "environment/load").Fence)
		close(finish)
		drained(t, l)
	})
}

// One at a time also means: what has begun is gone on with before anything else,
// whatever became of its holder.
func TestNothingOvertakesWhatHasBegun(t *testing.T) {
	hour := time.Now().Add(time.Hour).Truncate(time.Millisecond)
	for name, test := range map[string]struct {
		outcome  error
		rest     time.Time
		failures int
	}{
		"failed":     {errors.New("no route"), hour, 1},
		"paused":     {Pause(hour.Add(time.Minute)), hour.Add(time.Minute), 0},
		"lost":       {outcome: ErrLost},
		"in no time": {outcome: Pause(time.UnixMilli(1))},
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, addr string) {
				l, other := replica(t, addr), replica(t, addr)
				l.Now = func() time.Time { return hour.Add(-time.Minute) }
				l.Backoff = func(int) time.Duration { return time.Minute }
				require.NoError(t, l.Push(t.Context(), "environment/load", Item{ID: "earlier", Due: hour}))
				push(t, l, "environment/load", "begun", "behind")
				held := take(t, l, "environment/load")
				require.Equal(t, "begun", held.Item.ID)
				next, err := l.settle(t.Context(), held, test.outcome)
				require.NoError(t, err)
				require.Nil(t, next)

				got := state(t, l, "environment/load")
				require.Equal(t, &Item{ID: "begun", Failures: test.failures}, got.Held)
				require.Empty(t, got.Holder)
				require.True(t, got.Rest.Equal(test.rest), got.Rest)
				require.False(t, remove(t, l, "environment/load", "begun"))
				if !test.rest.IsZero() {
					none, err := other.take(t.Context(), "environment/load")
					require.NoError(t, err)
					require.Nil(t, none, "the lane rests")
					require.NoError(t, l.Redis.HSet(t.Context(), l.key("environment/load", "lease"), "rest", 1).Err())
				}
				push(t, l, "environment/load", "earlier")
				require.Equal(t, "begun", take(t, other, "environment/load").Item.ID)
			})
		})
	}
}

func TestLaterLetsOthersGoAhead(t *testing.T) {
	hour := time.Now().Add(time.Hour).Truncate(time.Millisecond)
	onBoth(t, func(t *testing.T, addr string) {
		l := replica(t, addr)
		push(t, l, "channel/x", "a", "b")
		next, err := l.settle(t.Context(), take(t, l, "channel/x"), fmt.Errorf("send: %w", Later(hour)))
		require.NoError(t, err)
		require.Equal(t, "b", next.Item.ID)
		push(t, l, "channel/x", "c")
		require.Equal(t, []Item{{ID: "a", Due: hour}, {ID: "c"}}, state(t, l, "channel/x").Waiting, "it keeps its place")
	})
}

// An error is followed by a rest, after which whoever is there goes on.
func TestFailedWorkIsTriedAgain(t *testing.T) {
	onBoth(t, func(t *testing.T, addr string) {
		failures := make(chan int)
		work := func(_ context.Context, held *Held) error {
			failures <- held.Item.Failures
			if held.Item.ID == "a" && held.Item.Failures < 3 {
				return errors.New("no route")
			}
			return nil
		}
		for range 2 {
			l := replica(t, addr)
			l.Backoff = func(int) time.Duration { return 10 * time.Millisecond }
			l.Sweep = 5 * time.Millisecond
			drainWith(t, l, work)
		}
		l := replica(t, addr)
		push(t, l, "channel/x", "a", "b")
		for _, want := range []int{0, 1, 2, 3, 0} {
			require.Equal(t, want, receive(t, failures))
		}
		drained(t, l)
	})
}

// Work is told that its lease is lost while nobody else can have the lane yet,
// and gives it back when it ends in time.
func TestWorkEndsBeforeItsLeaseDoes(t *testing.T) {
	onBoth(t, func(t *testing.T, addr string) {
		l := replica(t, addr)
		l.Lease, l.Renew = 900*time.Millisecond, time.Hour
		left := make(chan time.Duration, 1)
		push(t, l, "environment/load", "a")
		held := take(t, l, "environment/load")
		err := l.hold(t.Context(), held, func(ctx context.Context, held *Held) error {
			<-ctx.Done()
			left <- time.Until(held.deadline)
			return context.Cause(ctx)
		})
		require.ErrorIs(t, err, ErrLost)
		require.Greater(t, receive(t, left), 150*time.Millisecond)
		_, err = l.settle(t.Context(), held, err)
		require.NoError(t, err, "it was still ours to give back")
	})
}

func TestFencedWrite(t *testing.T) {
	write := redis.NewScript(Guard + `
if not lane_held(ARGV[1], ARGV[2], ARGV[3]) then return 0 end
redis.call('SET', ARGV[1] .. 'run', ARGV[3])
return 1`)
	onBoth(t, func(t *testing.T, addr string) {
		l := replica(t, addr)
		written := func(fence int64) bool {
			done, err := write.Run(t.Context(), l.Redis, nil, l.Prefix, "environment/load", fence).Bool()
			require.NoError(t, err)
			return done
		}
		require.False(t, written(1), "no such lane")
		push(t, l, "environment/load", "a")
		stale := take(t, l, "environment/load")
		require.True(t, written(stale.Fence))
		_, err := l.settle(t.Context(), stale, ErrLost)
		require.NoError(t, err)
		require.False(t, written(stale.Fence), "given back")

		current := take(t, l, "environment/load")
		require.False(t, written(stale.Fence), "somebody else has it")
		require.True(t, written(current.Fence))
		_, err = l.settle(t.Context(), stale, nil)
		require.ErrorIs(t, err, ErrLost, "a stale holder cannot finish")
	})
}

func TestFinishTakesTheNextAtOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, addr string) {
		l, other := replica(t, addr), replica(t, addr)
		push(t, l, "environment/load", "a", "b")
		first := take(t, l, "environment/load")
		second, err := l.settle(t.Context(), first, nil)
		require.NoError(t, err)
		require.Equal(t, "b", second.Item.ID)
		require.Greater(t, second.Fence, first.Fence)
		none, err := other.take(t.Context(), "environment/load")
		require.NoError(t, err)
		require.Nil(t, none, "there was no moment in between")

		none, err = l.settle(t.Context(), second, nil)
		require.NoError(t, err)
		require.Nil(t, none)
		drained(t, l)
	})
}

func TestFenceOutlivesAnEmptyLane(t *testing.T) {
	onBoth(t, func(t *testing.T, addr string) {
		l := replica(t, addr)
		last := int64(0)
		for i := range 5 {
			push(t, l, "channel/x", fmt.Sprint(i))
			held := take(t, l, "channel/x")
			require.Greater(t, held.Fence, last)
			last = held.Fence
			_, err := l.settle(t.Context(), held, nil)
			require.NoError(t, err)
		}
	})
}

func TestBackoff(t *testing.T) {
	l := &Lanes{}
	for attempt, full := range map[int]time.Duration{0: time.Second, 3: 8 * time.Second, 6: time.Minute, 500: time.Minute} {
		for range 100 {
			wait := l.backoff(attempt)
			require.LessOrEqual(t, wait, full)
			require.Greater(t, wait, full/2)
		}
	}
}
