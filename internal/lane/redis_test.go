package lane

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"bellwether/internal/peers"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
)

// soon bounds every wait for something that should happen at once.
const soon = 10 * time.Second

// onBoth runs the test on miniredis and on a real redis-server.
func onBoth(t *testing.T, test func(t *testing.T, addr string)) {
	t.Run("miniredis", func(t *testing.T) { test(t, miniredis.RunT(t).Addr()) })
	t.Run("redis", func(t *testing.T) { test(t, peers.Redis(t)) })
}

// replica gives one replica's view of the lanes, with a connection of its own.
// Its sweep is off, so that a wake-up that got lost is noticed.
func replica(t *testing.T, addr string) *Lanes {
	client := redis.NewClient(&redis.Options{Addr: addr})
	t.Cleanup(func() { _ = client.Close() })
	return &Lanes{Redis: client, Prefix: "bw:", Holder: t.Name(), Sweep: time.Hour}
}

// drainWith drains all lanes until the returned stop, which waits for the end.
func drainWith(t *testing.T, l *Lanes, work Work) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- l.Drain(ctx, "", work) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			require.NoError(t, receive(t, ended))
		})
	}
	t.Cleanup(stop)
	return stop
}

// report sends the ids worked on.
func report(to chan<- string) Work {
	return func(_ context.Context, held *Held) error {
		to <- held.Item.ID
		return nil
	}
}

func push(t *testing.T, l *Lanes, lane string, ids ...string) {
	t.Helper()
	for _, id := range ids {
		require.NoError(t, l.Push(t.Context(), lane, Item{ID: id}))
	}
}

// remove takes a waiting item out, as the store's scripts do.
func remove(t *testing.T, l *Lanes, lane, id string) bool {
	t.Helper()
	removed, err := removing.Run(t.Context(), l.Redis, nil, l.Prefix, lane, id).Bool()
	require.NoError(t, err)
	return removed
}

var removing = redis.NewScript(Append + `return lane_remove(ARGV[1], ARGV[2], ARGV[3]) and 1 or 0`)

func take(t *testing.T, l *Lanes, lane string) *Held {
	t.Helper()
	held, err := l.take(t.Context(), lane)
	require.NoError(t, err)
	require.NotNil(t, held, "nothing to take in %s", lane)
	return held
}

func state(t *testing.T, l *Lanes, lane string) State {
	t.Helper()
	state, err := l.State(t.Context(), lane)
	require.NoError(t, err)
	return state
}

func waitingIDs(t *testing.T, l *Lanes, lane string) []string {
	t.Helper()
	ids := []string{}
	for _, item := range state(t, l, lane).Waiting {
		ids = append(ids, item.ID)
	}
	return ids
}

func receive[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case value := <-from:
		return value
	case <-time.After(soon):
		require.FailNow(t, "nothing came")
		panic("unreachable")
	}
}

func receiveAll(t *testing.T, from <-chan string, n int) []string {
	t.Helper()
	var all []string
	for range n {
		all = append(all, receive(t, from))
	}
	return all
}

func eventually(t *testing.T, condition func() bool) {
	t.Helper()
	require.Eventually(t, condition, soon, 2*time.Millisecond)
}

// drained waits until no lane holds anything, and sees that nothing is left in
// Redis but the counter.
func drained(t *testing.T, l *Lanes) {
	t.Helper()
	eventually(t, func() bool {
		lanes, err := l.Redis.ZCard(t.Context(), l.Prefix+"lanes").Result()
		return err == nil && lanes == 0
	})
	keys, err := l.Redis.Keys(t.Context(), "*").Result()
	require.NoError(t, err)
	require.Subset(t, []string{"bw:lanes:counter"}, keys)
}

// stallRenewals is a redis hook under which a renewal never gets through.
type stallRenewals struct{}

func (stallRenewals) DialHook(next redis.DialHook) redis.DialHook { return next }

func (stallRenewals) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (stallRenewals) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if fmt.Sprint(cmd.Args()[1]) == renewScript.Hash() {
			<-ctx.Done()
			return ctx.Err()
		}
		return next(ctx, cmd)
	}
}
