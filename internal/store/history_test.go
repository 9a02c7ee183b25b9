package store

import (
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"bellwether/bot"
	"bellwether/internal/stats"
	"bellwether/pipeline"
)

var record = pipeline.Record{
	Start: noon, Warmup: 1,
	Series: []pipeline.Series{{Target: "cart", Class: "2xx", Cells: []pipeline.Cell{
		{Second: 0, Bytes: 10, Latency: stats.Histogram{{Value: 1200, Count: 3}}},
		{Second: 1, Bytes: 20, Latency: stats.Histogram{{Value: 900, Count: 1}, {Value: 1300, Count: 2}}},
	}}},
	Generator: []pipeline.Tick{{Offered: 3, Sent: 3, Lag: stats.Histogram{{Value: 5, Count: 3}}}, {Offered: 3, Sent: 3}},
}

// measured is the n-th result of a scenario, measured in the n-th minute.
func measured(n int) pipeline.Result {
	return pipeline.Result{
		ID: fmt.Sprintf("R%d/cart", n), Run: fmt.Sprint("R", n), Scenario: "cart", Environment: "load", Hash: "h", Seconds: 60,
		Start:    noon.Add(time.Duration(n) * time.Minute),
		Versions: map[string]string{"service:checkout": "1.4.0"},
		Groups: map[string]pipeline.Summary{"": {
			Requests: 3, Values: map[pipeline.Metric]float64{pipeline.P95: 1.3}, Windows: []stats.Window{{Requests: 3}},
		}},
	}
}

func holding(t *testing.T, s *Store) pipeline.Lease {
	accept(t, s, change("checkout", "k1"))
	held, _ := hold(t, s, "R1")
	return held
}

func pastOf(t *testing.T, s *Store, policy pipeline.Policy) pipeline.Past {
	t.Helper()
	past, err := s.Past(t.Context(), "load", pipeline.Scenario{Name: "cart", Baseline: policy})
	require.NoError(t, err)
	return past
}

func past(t *testing.T, s *Store) []string {
	t.Helper()
	ids := []string{}
	for _, r := range pastOf(t, s, pipeline.Policy{}).Results {
		ids = append(ids, r.ID)
	}
	return ids
}

func TestPastIsNewestFirst(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		held := holding(t, s)
		require.Empty(t, past(t, s))
		for _, n := range []int{2, 1, 3, 4} {
			require.NoError(t, s.Keep(t.Context(), held, measured(n), record))
		}
		for _, n := range []int{2, 1, 3, 2} {
			require.NoError(t, s.Count(t.Context(), held, measured(n)))
		}
		other := measured(9)
		other.Scenario, other.ID = "search", "R9/search"
		require.NoError(t, s.Count(t.Context(), held, other))
		require.Equal(t, []string{"R3/cart", "R2/cart", "R1/cart"}, past(t, s))
		require.Equal(t, measured(3), pastOf(t, s, pipeline.Policy{}).Results[0])
	})
}

func TestPastIsOneRoundTrip(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		held := holding(t, s)
		for n := range counted {
			require.NoError(t, s.Count(t.Context(), held, measured(n)))
		}
		require.Len(t, past(t, s), counted)
		calls := &trips{}
		alone := open(t, s.redis().(*redis.Client).Options().Addr) // the lanes talk to Redis too
		require.NoError(t, alone.redis().Ping(t.Context()).Err())
		alone.redis().AddHook(calls)
		past(t, alone)
		require.EqualValues(t, 1, calls.n.Load())
	})
}

func TestResultsAreKeptAsLongAsTheyCount(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		held := holding(t, s)
		ttl := func(n int) []time.Duration {
			id := measured(n).ID
			return []time.Duration{s.redis().TTL(t.Context(), "bw:result:"+id).Val(), s.redis().TTL(t.Context(), "bw:record:"+id).Val()}
		}
		expiring, staying := []time.Duration{keepResults, keepResults}, []time.Duration{-1, -1}
		for n := range counted + 2 {
			require.NoError(t, s.Keep(t.Context(), held, measured(n), record))
			require.Equal(t, expiring, ttl(n))
			require.NoError(t, s.Count(t.Context(), held, measured(n)))
			require.Equal(t, staying, ttl(n))
		}
		require.Equal(t, expiring, ttl(0))
		require.Equal(t, expiring, ttl(1))
		require.Equal(t, staying, ttl(2))
		require.Len(t, past(t, s), counted)
		require.NoError(t, s.Keep(t.Context(), held, measured(5), pipeline.Record{}))
		require.Equal(t, staying, ttl(5), "what counts is settled")
		require.NoError(t, s.redis().Del(t.Context(), "bw:result:R9/cart").Err())
		require.Len(t, past(t, s), counted-1)
	})
}

func TestMeasuredAgain(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		held := holding(t, s)
		require.NoError(t, s.Keep(t.Context(), held, measured(1), pipeline.Record{}))
		require.NoError(t, s.Keep(t.Context(), held, measured(1), record))
		got, err := s.Record(t.Context(), "R1/cart")
		require.NoError(t, err)
		require.Equal(t, record, got)
	})
}

func TestRecord(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		_, err := s.Record(t.Context(), "R1/cart")
		require.ErrorIs(t, err, bot.ErrNotFound)
		require.NoError(t, s.redis().Set(t.Context(), "bw:record:R1/cart", "junk", 0).Err())
		_, err = s.Record(t.Context(), "R1/cart")
		require.ErrorContains(t, err, "redis key bw:record:R1/cart: ")
	})
}
