package lane

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime/pprof"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
)

func TestOneHolder(t *testing.T) {
	onBoth(t, func(t *testing.T, addr string) {
		var inside, most atomic.Int32
		worked := make(chan string, 200)
		work := func(_ context.Context, held *Held) error {
			most.Store(max(most.Load(), inside.Add(1)))
			defer inside.Add(-1)
			worked <- held.Item.ID
			return nil
		}
		pusher := replica(t, addr)
		for range 3 {
			drainWith(t, replica(t, addr), work)
		}
		var want []string
		for i := range 200 {
			want = append(want, fmt.Sprint(i))
			push(t, pusher, "environment/load", fmt.Sprint(i))
		}
		require.Equal(t, want, receiveAll(t, worked, 200))
		require.EqualValues(t, 1, most.Load())
	})
}

// A replica killed with -9 says nothing more; its lane is found by the sweep.
func TestKilledHolder(t *testing.T) {
	onBoth(t, func(t *testing.T, addr string) {
		killed, other := replica(t, addr), replica(t, addr)
		killed.Lease, other.Sweep = 100*time.Millisecond, 5*time.Millisecond
		push(t, killed, "environment/load", "a", "b")
		take(t, killed, "environment/load")
		worked := make(chan string)
		drainWith(t, other, report(worked))
		require.Equal(t, []string{"a", "b"}, receiveAll(t, worked, 2), "the begun item comes first")
	})
}

func TestSweepFindsWhatWasNotPublished(t *testing.T) {
	deaf := redis.NewScript(strings.ReplaceAll(Append, "'PUBLISH'", "'APPEND'") +
		`lane_push(ARGV[1], ARGV[2], ARGV[3], 0)`)
	onBoth(t, func(t *testing.T, addr string) {
		l := replica(t, addr)
		l.Sweep = 10 * time.Millisecond
		worked := make(chan string)
		drainWith(t, l, report(worked))
		push(t, l, "channel/x", "heard")
		require.Equal(t, "heard", receive(t, worked))
		err := deaf.Run(t.Context(), l.Redis, nil, l.Prefix, "channel/x", "unheard").Err()
		require.ErrorIs(t, err, redis.Nil)
		require.Equal(t, "unheard", receive(t, worked))
	})
}

// Every push crosses the script that finds the lane empty and lets it go. With
// the sweep off, one lost wake-up ends the test.
func TestNoWakeUpIsLost(t *testing.T) {
	onBoth(t, func(t *testing.T, addr string) {
		l, pusher := replica(t, addr), replica(t, addr)
		worked := make(chan string)
		drainWith(t, l, report(worked))
		for i := range 300 {
			id := fmt.Sprint(i)
			push(t, pusher, "channel/x", id)
			require.Equal(t, id, receive(t, worked))
		}
		drained(t, l)
	})
}

func TestGiveBack(t *testing.T) {
	onBoth(t, func(t *testing.T, addr string) {
		leaving, staying := replica(t, addr), replica(t, addr)
		began := make(chan string)
		stop := drainWith(t, leaving, func(ctx context.Context, held *Held) error {
			began <- held.Item.ID
			<-ctx.Done()
			return ctx.Err()
		})
		push(t, leaving, "environment/load", "a", "b")
		require.Equal(t, "a", receive(t, began))
		worked := make(chan string)
		drainWith(t, staying, report(worked))
		stop()
		require.Equal(t, []string{"a", "b"}, receiveAll(t, worked, 2), "without waiting for the deadline")
		drained(t, staying)
	})
}

func TestWorkDoneWhileLeavingIsFinished(t *testing.T) {
	onBoth(t, func(t *testing.T, addr string) {
		l := replica(t, addr)
		began := make(chan string)
		stop := drainWith(t, l, func(ctx context.Context, held *Held) error {
			began <- held.Item.ID
			<-ctx.Done()
			return nil
		})
		push(t, l, "environment/load", "a", "b")
		receive(t, began)
		stop()
		got := state(t, l, "environment/load")
		require.Nil(t, got.Held, "no other was taken")
		require.Equal(t, []Item{{ID: "b"}}, got.Waiting)
	})
}

func TestDrainKeepsToItsPrefix(t *testing.T) {
	onBoth(t, func(t *testing.T, addr string) {
		l := replica(t, addr)
		push(t, l, "channel/x", "swept")
		push(t, l, "environment/load", "other")
		worked := make(chan string)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- l.Drain(ctx, "channel/", report(worked)) }()
		require.Equal(t, "swept", receive(t, worked))
		push(t, l, "environment/load", "other still")
		push(t, l, "channel/x", "woken")
		require.Equal(t, "woken", receive(t, worked))
		cancel()
		require.NoError(t, receive(t, ended))
		require.Equal(t, []string{"other", "other still"}, waitingIDs(t, l, "environment/load"))
	})
}

func TestManyLanes(t *testing.T) {
	const lanes = 200
	onBoth(t, func(t *testing.T, addr string) {
		l := replica(t, addr)
		for i := range lanes {
			push(t, l, fmt.Sprintf("channel/%d", i), "a", "b")
		}
		worked := make(chan string, 2*lanes)
		stop := drainWith(t, l, report(worked))
		receiveAll(t, worked, 2*lanes)
		drained(t, l)
		eventually(t, func() bool { return !running("(*Lanes).drain") })
		stop()
		require.False(t, running("lane.(*"), "Drain has ended and so have its workers")
	})
}

// running tells whether any goroutine is in a function named so.
func running(name string) bool {
	var stacks strings.Builder
	_ = pprof.Lookup("goroutine").WriteTo(&stacks, 1)
	return strings.Contains(stacks.String(), name)
}

func TestDrainOutlivesARestartOfRedis(t *testing.T) {
	server := miniredis.RunT(t)
	l := replica(t, server.Addr())
	l.Sweep = 10 * time.Millisecond
	worked := make(chan string, 1)
	drainWith(t, l, report(worked))
	push(t, l, "channel/x", "before")
	require.Equal(t, "before", receive(t, worked))
	drained(t, l)
	server.Close()
	require.NoError(t, server.Restart())
	eventually(t, func() bool { return l.Push(t.Context(), "channel/x", Item{ID: "after"}) == nil })
	require.Equal(t, "after", receive(t, worked))
}

func TestDrainOutlivesItsClient(t *testing.T) {
	l := replica(t, miniredis.RunT(t).Addr())
	lines := make(logged, 10)
	l.Sweep, l.Log = time.Millisecond, slog.New(slog.NewTextHandler(lines, nil))
	worked := make(chan string)
	drainWith(t, l, report(worked))
	push(t, l, "channel/x", "a")
	receive(t, worked)
	drained(t, l)
	require.NoError(t, l.Redis.Close())
	receiveAll(t, lines, cap(lines)) // it goes on
}

// logged keeps the first lines of a log that say that looking for work failed.
// Other lines may come between them: what was in hand fails too.
type logged chan string

func (l logged) Write(line []byte) (int, error) {
	if !bytes.Contains(line, []byte("looking for due lanes failed")) {
		return len(line), nil
	}
	select {
	case l <- string(line):
	default:
	}
	return len(line), nil
}

// Pushers and drainers at random, some of which leave and some of which fail:
// every item is finished once, in the order of its lane.
func TestAnyInterleaving(t *testing.T) {
	onBoth(t, func(t *testing.T, addr string) {
		const pushers, drainers, lanes, items = 4, 3, 5, 60
		finished := make(chan string, pushers*items)
		work := func(ctx context.Context, held *Held) error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			switch rand.IntN(8) {
			case 0:
				return Pause(time.Now().Add(-time.Second))
			case 1:
				return errors.New("no route")
			}
			finished <- held.Lane + " " + held.Item.ID
			return nil
		}
		var pushing sync.WaitGroup
		for p := range pushers {
			l := replica(t, addr)
			pushing.Go(func() {
				for i := range items {
					lane := fmt.Sprintf("environment/%d", rand.IntN(lanes))
					if err := l.Push(t.Context(), lane, Item{ID: fmt.Sprintf("%d-%03d", p, i)}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		drainer := func() *Lanes {
			l := replica(t, addr)
			l.Backoff = func(int) time.Duration { return -time.Second }
			return l
		}
		for range drainers {
			drainWith(t, drainer(), work)
		}
		for range 5 {
			drainWith(t, drainer(), work)()
		}
		pushing.Wait()
		last, seen := map[string]string{}, map[string]bool{}
		for _, done := range receiveAll(t, finished, pushers*items) {
			lane, id, _ := strings.Cut(done, " ")
			require.False(t, seen[id], "%s finished twice", id)
			seen[id] = true
			pusher, _, _ := strings.Cut(id, "-")
			require.Less(t, last[lane+pusher], id, "order of %s", lane)
			last[lane+pusher] = id
		}
		drained(t, replica(t, addr))
	})
}
