package stats_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"bellwether/internal/stats"
)

func indices(changes []stats.ChangePoint) []int {
	at := []int{}
	for _, c := range changes {
		at = append(at, c.Index)
	}
	return at
}

// level repeats a value.
func level(value float64, n int) []float64 { return slices.Repeat([]float64{value}, n) }

func TestChangePoint(t *testing.T) {
	change := stats.ChangePoints(slices.Concat(level(100, 20), level(130, 10)))
	require.Equal(t, []stats.ChangePoint{{Index: 20, Before: 100, After: 130, P: 1.0 / 3334}}, change)
}

// Nowhere can this be cut in two that differ.
func TestChangeThatWasUndone(t *testing.T) {
	noisy := slices.Concat(level(100, 12), level(130, 8), level(100, 12))
	for i := range noisy {
		noisy[i] += float64(i * 7 % 5)
	}
	require.Equal(t, []int{12, 20}, indices(stats.ChangePoints(noisy)))
}

func TestNoChangePoint(t *testing.T) {
	for name, values := range map[string][]float64{
		"nothing":                     nil,
		"one value":                   {1},
		"a constant":                  level(7, 100),
		"one that is out of line":     slices.Concat(level(100, 20), level(900, 1), level(100, 20)),
		"too few to tell":             slices.Concat(level(1, 4), level(2, 5)),
		"too many that were not read": slices.Concat(level(1, 4), level(math.NaN(), 90), level(2, 5)),
	} {
		t.Run(name, func(t *testing.T) { require.Empty(t, stats.ChangePoints(values)) })
	}
}

func TestChangePointsSkipWhatWasNotMeasured(t *testing.T) {
	values := slices.Concat(level(1, 10), []float64{math.NaN(), math.Inf(1)}, level(2, 10), []float64{math.Inf(-1)})
	require.Equal(t, []stats.ChangePoint{{Index: 12, Before: 1, After: 2, P: 1.0 / 5001}}, stats.ChangePoints(values))
}

func TestChangePointsOfExtremeValues(t *testing.T) {
	for _, unit := range []float64{math.MaxFloat64 / 2, math.SmallestNonzeroFloat64} {
		change := stats.ChangePoints(slices.Concat(level(unit, 10), level(2*unit, 10), level(-unit, 10)))
		require.Equal(t, []int{10, 20}, indices(change))
		require.InEpsilon(t, 2, change[0].After/change[0].Before, 1e-9)
	}
}

// drawn is a series with up to three changes of up to five standard deviations.
func drawn(t *rapid.T) []float64 {
	random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 5))
	values := make([]float64, rapid.IntRange(0, 80).Draw(t, "length"))
	for _, height := range rapid.SliceOfN(rapid.Float64Range(-5, 5), 0, 3).Draw(t, "heights") {
		for i := random.IntN(len(values) + 1); i < len(values); i++ {
			values[i] += height
		}
	}
	for i := range values {
		values[i] += random.NormFloat64()
	}
	return values
}

func mapped(values []float64, by func(float64) float64) []float64 {
	all := make([]float64, len(values))
	for i, v := range values {
		all[i] = by(v)
	}
	return all
}

func TestChangePointsDoNotDependOnTheUnit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values, factor, offset := drawn(t), rapid.Float64Range(1e-6, 1e6).Draw(t, "factor"), rapid.Float64Range(-1e3, 1e3).Draw(t, "offset")
		want := stats.ChangePoints(values)
		got := stats.ChangePoints(mapped(values, func(v float64) float64 { return factor*v + offset*factor }))
		require.Equal(t, indices(want), indices(got))
		for i := range want {
			require.Equal(t, want[i].P, got[i].P)
			require.InDelta(t, factor*(want[i].After+offset), got[i].After, 1e-9*factor*(1+math.Abs(offset)))
		}
	})
}

func TestChangePointsOfAReversedSeriesAreMirrored(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := drawn(t)
		want := stats.ChangePoints(values)
		slices.Reverse(values)
		got := stats.ChangePoints(values)
		require.Len(t, got, len(want))
		slices.Reverse(got)
		for i, w := range want {
			require.Equal(t, len(values)-w.Index, got[i].Index)
			require.Equal(t, w.P, got[i].P)
			require.InDelta(t, w.Before, got[i].After, 1e-9)
			require.InDelta(t, w.After, got[i].Before, 1e-9)
		}
	})
}

func TestChangePointsAreInOrderSureAndTheSameAgain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := drawn(t)
		changes := stats.ChangePoints(values)
		require.Equal(t, changes, stats.ChangePoints(slices.Clone(values)))
		last := 0
		for _, c := range changes {
			require.GreaterOrEqual(t, c.Index, last+2)
			require.LessOrEqual(t, c.Index, len(values)-2)
			require.LessOrEqual(t, c.P, 0.01)
			last = c.Index
		}
	})
}

// The one change is where Q is greatest, added up pair by pair.
func TestChangePointIsWhereQIsGreatest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := drawn(t)
		changes := stats.ChangePoints(values)
		if len(changes) != 1 {
			return
		}
		best, at := 0.0, 0
		for i := 2; i <= len(values)-2; i++ {
			if q := naiveQ(values[:i], values[i:]); q > best {
				best, at = q, i
			}
		}
		require.Equal(t, at, changes[0].Index)
	})
}

func naiveQ(x, y []float64) float64 {
	distance := func(a, b []float64, pairs int) (sum float64) {
		for _, v := range a {
			for _, w := range b {
				sum += math.Abs(v - w)
			}
		}
		return sum / float64(pairs)
	}
	n, m := len(x), len(y)
	return float64(n*m) / float64(n+m) * (2*distance(x, y, n*m) - distance(x, x, n*(n-1)) - distance(y, y, m*(m-1)))
}

func steps(random *rand.Rand, n, changes int) []float64 {
	values := make([]float64, n)
	for i := range values {
		values[i] = random.NormFloat64() + 3*float64(i*(changes+1)/n%2)
	}
	return values
}

// The yardstick is BenchmarkSortAThousandTimes.
func BenchmarkChangePointsOf10000(b *testing.B) {
	values := steps(rand.New(rand.NewPCG(1, 1)), 10_000, 9)
	for b.Loop() {
		stats.ChangePoints(values)
	}
}

func BenchmarkSortAThousandTimes(b *testing.B) {
	values := steps(rand.New(rand.NewPCG(1, 1)), 10_000, 9)
	for b.Loop() {
		for range 1000 {
			slices.Sort(slices.Clone(values))
		}
	}
}
