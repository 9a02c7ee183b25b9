package store

import (
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"bellwether/pipeline"
)

func (s *series) trend(environment, scenario string, since time.Time) (ids []string) {
	s.t.Helper()
	runs, err := s.Trend(s.t.Context(), environment, scenario, since)
	require.NoError(s.t, err)
	for _, run := range runs {
		ids = append(ids, run.ID)
	}
	return ids
}

func TestTrend(t *testing.T) {
	onBoth(t, func(t *testing.T, store *Store) {
		s := inSeries(t, store)
		s.finds()
		s.end(s.begin())
		s.begin() // and is not over
		require.Equal(t, []string{"R1", "R2"}, s.trend("load", "cart", time.Time{}))
		require.Equal(t, []string{"R2"}, s.trend("load", "pay", noon.Add(2*time.Hour)))
		require.Empty(t, s.trend("load", "search", time.Time{}))
		require.Empty(t, s.trend("elsewhere", "cart", time.Time{}))
		require.NoError(t, s.redis().Del(t.Context(), "bw:run:R1").Err())
		require.Equal(t, []string{"R2"}, s.trend("load", "cart", time.Time{}), "what is left")
	})
}

func TestTrendsAreNotKeptWithoutEnd(t *testing.T) {
	onBoth(t, func(t *testing.T, store *Store) {
		s := inSeries(t, store)
		run := s.begin()
		ends := run.Finished.UnixMilli()
		for i := range trended {
			s.redis().ZAdd(t.Context(), "bw:trend:load/cart", redis.Z{Score: float64(ends - int64(i)), Member: fmt.Sprint("Q", i)})
		}
		old := float64(ends - keepRuns.Milliseconds() - 1)
		s.redis().ZAdd(t.Context(), "bw:trend:load/pay", redis.Z{Score: old, Member: "Q1"}, redis.Z{Score: old + 2, Member: "Q2"})
		s.end(run, worse(run.ID, pipeline.P95))
		require.EqualValues(t, trended, s.redis().ZCard(t.Context(), "bw:trend:load/cart").Val())
		require.Equal(t, []string{"R1"}, s.redis().ZRevRange(t.Context(), "bw:trend:load/cart", 0, 0).Val())
		require.Equal(t, []string{"Q2", "R1"}, s.redis().ZRange(t.Context(), "bw:trend:load/pay", 0, -1).Val())
		require.Equal(t, keepRuns, s.keptFor("trend:load/cart"))
	})
}
