package stats_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"bellwether/internal/stats"
)

type windows = []stats.Window

// Expected values: scipy 1.10.1 stats.norm and stats.fisher_exact, the larger of both where both count; the tea tasting is Fisher's own (1935), as in R's
// example(fisher.test), p = 0.2429.
func TestProportionsKnownValues(t *testing.T) {
	for name, c := range map[string]struct {
		now, was         windows
		more, fewer      float64
		method           string
		dispersionFactor float64
	}{
		"z":             {windows{{45, 1000}}, windows{{20, 1000}}, 0.0011156365094368208, 0.9995488911096911, "z", 1},
		"z, bursts":     {windows{{0, 100}, {2, 100}, {14, 100}, {4, 100}}, windows{{3, 200}, {9, 200}, {1, 200}}, 0.16794355221299456, 0.9954551923738321, "z", 6.519644938581547},
		"tea":           {windows{{3, 4}}, windows{{1, 4}}, 17.0 / 70, 69.0 / 70, "fisher", 1},
		"few":           {windows{{3, 10}}, windows{{1, 10}}, 0.2910216718266254, 0.956656346749226, "fisher", 1},
		"burst of 8":    {windows{{8, 10000}}, windows{{0, 10000}}, 0.003900783027535133, 1, "fisher", 1},
		"fewer":         {windows{{1, 1000}}, windows{{4, 2000}}, 0.8685323274195946, 0.4607955097056695, "fisher", 1},
		"all fail":      {windows{{100, 100}}, windows{{97, 100}}, 0.12311557788944724, 1, "fisher", 1},
		"far in a tail": {windows{{9, 10}}, windows{{3, 1000}}, 7.54473090914454e-19, 1, "fisher", 1},
		"none":          {windows{{0, 100}}, windows{{0, 100}}, 1, 1, "fisher", 1},
		"large":         {windows{{2, 1000002}}, windows{{10, 10000010}}, 0.2990125834552872, 0.911284052602573, "fisher", 1},
	} {
		t.Run(name, func(t *testing.T) {
			test := stats.Proportions(c.now, c.was)
			require.Equal(t, c.method, test.Method)
			require.InEpsilon(t, c.more, test.PMore, 1e-9)
			require.InEpsilon(t, c.fewer, test.PFewer, 1e-9)
			require.InEpsilon(t, c.dispersionFactor, test.Dispersion, 1e-9)
		})
	}
}

// The contrasts (a), (c)... of Newcombe (1998), table II, method 10.
func TestIntervalOfTheDifference(t *testing.T) {
	for _, c := range []struct {
		now, was  stats.Window
		low, high float64
	}{
		{stats.Window{56, 70}, stats.Window{48, 80}, 0.0524, 0.3339},
		{stats.Window{9, 10}, stats.Window{3, 10}, 0.1705, 0.8090},
		{stats.Window{10, 10}, stats.Window{0, 20}, 0.6791, 1.0000},
		{stats.Window{10, 10}, stats.Window{0, 10}, 0.6075, 1.0000},
		{stats.Window{5, 56}, stats.Window{0, 29}, -0.0381, 0.1926},
	} {
		test := stats.Proportions(windows{c.now}, windows{c.was})
		require.InDelta(t, c.low, test.Low, 0.00006)
		require.InDelta(t, c.high, test.High, 0.00006)
	}
}

func TestBurstsWidenTheInterval(t *testing.T) {
	calm, bursts := windows{{5, 1000}, {5, 1000}, {5, 1000}}, windows{{15, 1000}, {0, 1000}, {0, 1000}}
	was := windows{{10, 5000}, {10, 5000}}
	steady, burst := stats.Proportions(calm, was), stats.Proportions(bursts, was)
	require.Equal(t, steady.Now, burst.Now)
	require.Equal(t, 1.0, steady.Dispersion, "evener than chance counts as chance")
	require.Less(t, burst.Low, steady.Low)
	require.Greater(t, burst.High, steady.High)
}

func TestNoRequests(t *testing.T) {
	nothing := stats.ProportionTest{Low: -1, High: 1, PMore: 1, PFewer: 1, Method: "fisher", Dispersion: 1}
	require.Equal(t, nothing, stats.Proportions(nil, windows{{0, 50}}))
	require.Equal(t, nothing, stats.Proportions(windows{{0, 50}}, windows{{3, 0}, {0, -7}}))
	half := nothing
	half.Was = 0.5
	require.Equal(t, half, stats.Proportions(nil, windows{{25, 50}}))
}

func TestProportionsAreSoundForAnyCounts(t *testing.T) {
	count := rapid.OneOf(rapid.Int64(), rapid.Int64Range(0, 40), rapid.Int64Range(0, 1e6))
	side := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) stats.Window {
		return stats.Window{Errors: count.Draw(t, "errors"), Requests: count.Draw(t, "requests")}
	}), 0, 5)
	rapid.Check(t, func(t *rapid.T) {
		now, was := side.Draw(t, "now"), side.Draw(t, "was")
		test, swapped := stats.Proportions(now, was), stats.Proportions(was, now)
		for _, p := range []float64{test.PMore, test.PFewer, test.Was, test.Now} {
			require.True(t, p >= 0 && p <= 1, "%v", test)
		}
		require.GreaterOrEqual(t, test.PMore+test.PFewer, 1-1e-9)
		require.True(t, test.Low <= test.Now-test.Was && test.Now-test.Was <= test.High, "%v", test)
		require.InDelta(t, test.PMore, swapped.PFewer, 1e-9)
		require.InDelta(t, test.Low, -swapped.High, 1e-9)
		require.False(t, math.IsNaN(test.Dispersion) || test.Dispersion < 1)
	})
}

func TestCountsBeyondAllCounting(t *testing.T) {
	now := make(windows, 2000)
	for i := range now {
		now[i] = stats.Window{Errors: math.MaxInt64, Requests: math.MaxInt64}
	}
	test := stats.Proportions(now, windows{{0, math.MaxInt64}})
	require.Equal(t, []float64{1, 0, 0, 1}, []float64{test.Now, test.Was, test.PMore, test.PFewer})
}

func TestMaterialErrors(t *testing.T) {
	require.True(t, stats.MaterialErrors(0, 0.0011))
	require.False(t, stats.MaterialErrors(0, 0.001), "0.1 points is not more than 0.1 points")
	require.True(t, stats.MaterialErrors(0.001, 0.0022))
	require.False(t, stats.MaterialErrors(0.01, 0.02), "twice is not more than twice")
	require.False(t, stats.MaterialErrors(0.10, 0.15), "half as many again")
	require.False(t, stats.MaterialErrors(0.02, 0.01))
}

func TestMinimumEffect(t *testing.T) {
	require.Equal(t, 0.05, stats.MinimumEffect(0.50))
	require.Equal(t, 0.10, stats.MinimumEffect(0.95))
	require.Equal(t, 0.10, stats.MinimumEffect(0.99))
}

func TestJudgeable(t *testing.T) {
	for _, c := range []struct {
		q      float64
		needed int64
	}{{0.5, 20}, {0.9, 100}, {0.95, 200}, {0.99, 1000}, {0.999, 10_000}, {0.9999, 100_000}} {
		require.True(t, stats.Judgeable(c.needed, c.q), "%v", c)
		require.False(t, stats.Judgeable(c.needed-1, c.q), "%v", c)
	}
	require.True(t, stats.Judgeable(math.MaxInt64, 0.99))
	require.False(t, stats.Judgeable(math.MaxInt64, 1))
	require.False(t, stats.Judgeable(1000, math.NaN()))
}
