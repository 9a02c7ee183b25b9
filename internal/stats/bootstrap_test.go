package stats_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"bellwether/internal/stats"
)

// seconds are what a run of that length measured, ten requests a second at about level µs: the level wanders, and neighbouring
// seconds are alike by correlation.
func seconds(random *rand.Rand, n int, level, correlation float64) []stats.Histogram {
	run := make([]stats.Histogram, n)
	drift := random.NormFloat64()
	for i := range run {
		drift = correlation*drift + math.Sqrt(1-correlation*correlation)*random.NormFloat64()
		var all stats.Histogram
		for range 10 {
			us := level * math.Exp(0.1*drift+0.3*random.NormFloat64())
			all = append(all, stats.Bin{Value: 256 * int64(us/256), Count: 1})
		}
		run[i] = stats.Histogram{}.Merge(all)
	}
	return run
}

func TestBootstrapFindsWhatIsThere(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	was, now := seconds(random, 120, 40_000, 0.3), seconds(random, 120, 50_000, 0.3)
	for _, q := range []float64{0.5, 0.95} {
		r := stats.Bootstrap([][]stats.Histogram{now}, [][]stats.Histogram{was}, q)
		require.InDelta(t, 1.25, r.Ratio, 0.1)
		require.True(t, 1 < r.Low && r.Low < r.Ratio && r.Ratio < r.High && r.High < 1.5, "%+v", r)
		require.Less(t, r.PSlower, 0.002)
		require.Equal(t, 1.0, r.PFaster)
		require.Equal(t, stats.Histogram{}.Merge(now...).Quantile(q), r.Now)
		require.Equal(t, stats.Histogram{}.Merge(was...).Quantile(q), r.Was)
	}
}

// Blocks must be as long as what makes neighbouring seconds alike lasts. Of 300 runs of 240 s each, 2 % were below .05 without
// correlation, 3 % with .5 and 8 % with .9; of runs of 120 s 4, 6 and 13 %. Twenty are enough to see blocks at work.
func TestBootstrapDrawsLongerBlocksWhereSecondsAreAlike(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	const runs = 20
	for _, correlation := range []float64{0, 0.9} {
		alarms, blocks := 0, 0
		for range runs {
			was, now := seconds(random, 240, 40_000, correlation), seconds(random, 240, 40_000, correlation)
			r := stats.Bootstrap([][]stats.Histogram{now}, [][]stats.Histogram{was}, 0.5)
			blocks += r.Block
			if r.PSlower < 0.05 {
				alarms++
			}
		}
		t.Logf("correlation %.1f: %d of %d below .05, blocks of %d s", correlation, alarms, runs, blocks/runs)
		require.LessOrEqual(t, float64(alarms)/runs, 0.25)
		require.Equal(t, correlation > 0.8, blocks > 7*runs)
	}
}

func TestBootstrapOfNothing(t *testing.T) {
	some := seconds(rand.New(rand.NewPCG(7, 8)), 10, 40_000, 0)
	none := stats.Resampling{PSlower: 1, PFaster: 1}
	for _, nothing := range [][][]stats.Histogram{nil, {nil}, {{nil, nil, nil}}} {
		require.Equal(t, none, stats.Bootstrap([][]stats.Histogram{some}, nothing, 0.5))
		require.Equal(t, none, stats.Bootstrap(nothing, [][]stats.Histogram{some}, 0.5))
	}
	sparse := append(make([]stats.Histogram, 115), some[:5]...)
	r := stats.Bootstrap([][]stats.Histogram{sparse}, [][]stats.Histogram{sparse}, 0.5)
	require.Equal(t, 1.0, r.Ratio, "seconds without an answer are none")
	require.Equal(t, 1.0, r.PSlower)
}

func TestBootstrapIsTheSameAgainAndSymmetric(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		run := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) stats.Histogram {
			var h stats.Histogram
			for _, v := range rapid.SliceOfN(rapid.Int64Range(1, 2000), 0, 5).Draw(t, "values") {
				h = h.Merge(stats.Histogram{{Value: v, Count: rapid.Int64Range(1, 9).Draw(t, "count")}})
			}
			return h
		}), 0, 30)
		side := rapid.SliceOfN(run, 1, 2)
		a, b := side.Draw(t, "a"), side.Draw(t, "b")
		r := stats.Bootstrap(a, b, 0.9)
		require.Equal(t, r, stats.Bootstrap(a, b, 0.9))
		back := stats.Bootstrap(b, a, 0.9)
		require.Equal(t, r.Block, back.Block)
		require.Equal(t, []float64{r.Was, r.Now}, []float64{back.Now, back.Was})
		require.True(t, r.PSlower > 0 && r.PSlower <= 1 && r.PFaster > 0 && r.PFaster <= 1)
	})
}

func BenchmarkBootstrap(b *testing.B) {
	random := rand.New(rand.NewPCG(9, 10))
	was, now := seconds(random, 120, 40_000, 0.5), seconds(random, 120, 40_000, 0.5)
	for b.Loop() {
		stats.Bootstrap([][]stats.Histogram{now}, [][]stats.Histogram{was}, 0.95)
	}
}
