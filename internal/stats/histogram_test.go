package stats_test

import (
	"math"
	"testing"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"bellwether/internal/stats"
)

const minuteInMicros = 60_000_000

func record(t require.TestingT, values []int64) *hdrhistogram.Histogram {
	h := hdrhistogram.New(1, minuteInMicros, 3)
	for _, v := range values {
		require.NoError(t, h.RecordValue(v))
	}
	return h
}

// latencies draws values of all magnitudes, not only large ones.
func latencies() *rapid.Generator[[]int64] {
	return rapid.SliceOfN(rapid.OneOf(
		rapid.Int64Range(0, 3000), rapid.Int64Range(0, 500_000), rapid.Int64Range(0, minuteInMicros),
	), 1, 300)
}

func histograms() *rapid.Generator[stats.Histogram] {
	return rapid.Custom(func(t *rapid.T) stats.Histogram {
		return stats.FromHDR(record(t, latencies().Draw(t, "values")))
	})
}

func TestQuantilesAgreeWithHDR(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := record(t, latencies().Draw(t, "values"))
		sparse := stats.FromHDR(h)
		require.Equal(t, h.TotalCount(), sparse.Count())
		for _, percent := range []float64{0.001, 1, 25, 50, 90, 95, 99, 99.9, 100} {
			require.Equal(t, float64(h.ValueAtQuantile(percent)), sparse.Quantile(percent/100), "p%v", percent)
		}
	})
}

func TestBucketsAreThoseOfHDR(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lowest, digits := rapid.Int64Range(1, 3000).Draw(t, "lowest"), rapid.IntRange(1, 3).Draw(t, "digits")
		h := hdrhistogram.New(lowest, math.MaxInt64/4, digits)
		for _, v := range rapid.SliceOf(rapid.Int64Range(0, math.MaxInt64/4)).Draw(t, "values") {
			require.NoError(t, h.RecordValue(v>>rapid.IntRange(0, 60).Draw(t, "shift")))
		}
		var want stats.Histogram
		for _, bar := range h.Distribution() {
			if bar.Count > 0 {
				want = append(want, stats.Bin{Value: bar.To, Count: bar.Count})
			}
		}
		require.Equal(t, want, stats.FromHDR(h))
	})
}

func TestMergingIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		first, second := latencies().Draw(t, "first"), latencies().Draw(t, "second")
		together := stats.FromHDR(record(t, append(append([]int64{}, first...), second...)))
		merged := stats.FromHDR(record(t, first)).Merge(stats.FromHDR(record(t, second)))
		require.Equal(t, together, merged)
	})
}

func TestMergeOfDifferentRanges(t *testing.T) {
	short := hdrhistogram.New(1, 100_000, 3)
	require.NoError(t, short.RecordValue(77_777))
	require.Equal(t,
		stats.FromHDR(record(t, []int64{77_777, 77_777})),
		stats.FromHDR(record(t, []int64{77_777})).Merge(stats.FromHDR(short)))
}

func TestMergeInAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := histograms().Draw(t, "a"), histograms().Draw(t, "b"), histograms().Draw(t, "c")
		before := append(stats.Histogram{}, a...)
		want := a.Merge(b, c)
		require.Equal(t, want, a.Merge(b).Merge(c))
		require.Equal(t, want, c.Merge(b.Merge(a)))
		require.Equal(t, a, a.Merge(nil))
		require.Equal(t, before, a, "merging must not change what is merged")
	})
}

func TestQuantileAtTheEdges(t *testing.T) {
	one := stats.Histogram{{Value: 42, Count: 1}}
	many := stats.Histogram{{Value: 10, Count: math.MaxInt64}, {Value: 20, Count: math.MaxInt64}}
	for name, c := range map[string]struct {
		h       stats.Histogram
		q, want float64
	}{
		"empty":                   {nil, 0.5, math.NaN()},
		"q is no number":          {one, math.NaN(), math.NaN()},
		"one sample, low":         {one, 0, 42},
		"one sample, high":        {one, 1, 42},
		"below the range":         {one, -3, 42},
		"above the range":         {one, 7, 42},
		"infinite":                {one, math.Inf(1), 42},
		"counts beyond all count": {many, 0.5, 10},
	} {
		t.Run(name, func(t *testing.T) {
			if math.IsNaN(c.want) {
				require.True(t, math.IsNaN(c.h.Quantile(c.q)))
				return
			}
			require.Equal(t, c.want, c.h.Quantile(c.q))
		})
	}
	require.Equal(t, int64(math.MaxInt64), many.Count())
	require.Equal(t, int64(math.MaxInt64), many.Merge(many)[0].Count)
	require.Zero(t, stats.Histogram(nil).Count())
	require.Empty(t, stats.FromHDR(record(t, nil)))
}

func BenchmarkFromHDR(b *testing.B) {
	h := hdrhistogram.New(1, minuteInMicros, 3)
	for i := range int64(50) {
		_ = h.RecordValue(20_000 + i*i*37)
	}
	for b.Loop() {
		stats.FromHDR(h)
	}
}
