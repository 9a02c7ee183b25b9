package stats_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"bellwether/internal/stats"
)

var tenRuns = []float64{102, 98, 105, 97, 101, 99, 103, 100, 96, 104}

func requireTest(t require.TestingT, want, got stats.Test, tolerance float64) {
	require.InEpsilon(t, want.Ratio, got.Ratio, tolerance, "ratio")
	require.InEpsilon(t, want.Low, got.Low, tolerance, "low")
	require.InEpsilon(t, want.High, got.High, tolerance, "high")
	require.InEpsilon(t, want.PSlower, got.PSlower, tolerance, "p slower")
	require.InEpsilon(t, want.PFaster, got.PFaster, tolerance, "p faster")
	require.InEpsilon(t, want.SE, got.SE, tolerance, "se")
	require.InDelta(t, want.DF, got.DF, 1e-9, "df")
}

// Expected values: the formula of verdict.md written in numpy, with scipy 1.10.1 stats.t.
func TestPredictKnownValues(t *testing.T) {
	for name, c := range map[string]struct {
		candidate, baseline []float64
		noise               stats.Noise
		want                stats.Test
	}{
		"one run against ten": {
			[]float64{118},
			tenRuns,
			stats.Noise{},
			stats.Test{1.17460932063, 1.09353938319, 1.26168940718, 0.000326686209238, 0.999673313791, 0.0316140824317, 9},
		},
		"with learned noise": {
			[]float64{118},
			tenRuns,
			stats.Noise{Sigma: 0.05, DF: 5},
			stats.Test{1.17460932063, 1.07733013874, 1.28067247587, 0.000667441210994, 0.999332558789, 0.0403069046478, 14},
		},
		"three runs against three": {
			[]float64{118, 115, 121},
			tenRuns[:3],
			stats.Noise{},
			stats.Test{1.16086902653, 1.02784605141, 1.31110772368, 0.0170632547985, 0.982936745202, 0.0282856862261, 2},
		},
		"one baseline and learned noise": {
			[]float64{92},
			[]float64{100},
			stats.Noise{Sigma: 0.04, DF: 5},
			stats.Test{0.92, 0.795491054179, 1.06399688036, 0.899757054421, 0.100242945579, 0.0565685424949, 5},
		},
		"two against two": {
			[]float64{92, 90},
			[]float64{100, 104},
			stats.Noise{},
			stats.Test{0.892274535193, 0.627277943416, 1.26922021491, 0.924027142268, 0.0759728577321, 0.0277332322337, 1},
		},
	} {
		t.Run(name, func(t *testing.T) {
			requireTest(t, c.want, stats.Predict(c.candidate, c.baseline, c.noise), 1e-9)
		})
	}
}

// Expected values: numpy and scipy 1.10.1; the one without history is also scipy's ttest_rel on logarithms.
func TestPairedKnownValues(t *testing.T) {
	was, now := []float64{100, 104}, []float64{118, 121}
	for name, c := range map[string]struct {
		history []float64
		noise   stats.Noise
		want    stats.Test
	}{
		"with history": {
			tenRuns,
			stats.Noise{},
			stats.Test{1.17170158973, 1.09916126911, 1.24902928621, 0.000126490330733, 0.999873509669, 0.0286829683298, 10},
		},
		"alone": {
			nil,
			stats.Noise{},
			stats.Test{1.17170158973, 1.07120515082, 1.28162622662, 0.0141675956195, 0.985832404381, 0.0070573960111, 1},
		},
		"with history and learned noise": {
			tenRuns,
			stats.Noise{Sigma: 0.05, DF: 5},
			stats.Test{1.17170158973, 1.0824482153, 1.26831435996, 0.000340517376124, 0.999659482624, 0.0371726841664, 15},
		},
	} {
		t.Run(name, func(t *testing.T) {
			requireTest(t, c.want, stats.Paired(was, now, c.history, c.noise), 1e-9)
		})
	}
}

func TestUnmeasuredValuesAreLeftOut(t *testing.T) {
	junk := []float64{0, -3, math.NaN(), math.Inf(1)}
	require.Equal(t,
		stats.Predict([]float64{118}, tenRuns, stats.Noise{}),
		stats.Predict(append([]float64{118}, junk...), append(append([]float64{}, junk...), tenRuns...), stats.Noise{}))
	require.Equal(t,
		stats.Paired([]float64{100, 104}, []float64{118, 121}, tenRuns, stats.Noise{}),
		stats.Paired([]float64{100, math.NaN(), 104, 100, 7}, []float64{118, 100, 121, 0}, append(junk, tenRuns...), stats.Noise{}))
}

func TestNothingToTest(t *testing.T) {
	some, none := []float64{120}, []float64{0}
	for name, c := range map[string]struct {
		test  stats.Test
		ratio float64
	}{
		"no candidate":                     {stats.Predict(none, tenRuns, stats.Noise{}), 0},
		"no baseline":                      {stats.Predict(some, nil, stats.Noise{Sigma: 0.05, DF: 5}), 0},
		"one baseline, noise unknown":      {stats.Predict(some, []float64{100}, stats.Noise{}), 1.2},
		"no pair":                          {stats.Paired(nil, some, tenRuns, stats.Noise{}), 0},
		"one pair, no history, no noise":   {stats.Paired([]float64{100}, some, nil, stats.Noise{}), 1.2},
		"one pair, one run of its history": {stats.Paired([]float64{100}, some, some, stats.Noise{}), 1.2},
	} {
		t.Run(name, func(t *testing.T) {
			require.InDelta(t, c.ratio, c.test.Ratio, 1e-12)
			c.test.Ratio = 0
			require.Equal(t, stats.Test{PSlower: 1, PFaster: 1}, c.test)
		})
	}
}

func TestNoVarianceAndNoDifference(t *testing.T) {
	constant := []float64{100.1, 100.1, 100.1}
	for _, noise := range []stats.Noise{{}, {Sigma: 0.05, DF: 5}} {
		for _, test := range []stats.Test{
			stats.Predict(constant[:1], constant, noise),
			stats.Paired(constant, constant, constant, noise),
		} {
			require.Equal(t, []float64{1, 1, 1}, []float64{test.Ratio, test.PSlower, test.PFaster})
			require.True(t, test.Low < 1 && test.High > 1)
			require.Positive(t, test.SE)
		}
	}
}

func TestVarianceAndNoDifference(t *testing.T) {
	for _, test := range []stats.Test{
		stats.Predict([]float64{1}, []float64{0.5, 2}, stats.Noise{}),
		stats.Paired([]float64{100, 100}, []float64{100, 100}, tenRuns, stats.Noise{}),
		stats.Paired([]float64{100, 100}, []float64{50, 200}, nil, stats.Noise{}),
	} {
		require.Equal(t, []float64{1, 0.5, 0.5}, []float64{test.Ratio, test.PSlower, test.PFaster})
	}
}

func TestNoVarianceAndADifference(t *testing.T) {
	constant := []float64{100, 100, 100, 100}
	bucket := stats.Predict([]float64{100.1}, constant, stats.Noise{})
	require.Greater(t, bucket.PSlower, 0.1, "one bucket of the histogram is no difference")
	clear := stats.Predict([]float64{120}, constant, stats.Noise{})
	require.Less(t, clear.PSlower, 0.001)
	require.Greater(t, clear.Low, 1.1)
	learned := stats.Predict([]float64{120}, constant, stats.Noise{Sigma: 0.2, DF: 5})
	require.Greater(t, learned.PSlower, 0.05, "learned noise counts although this history shows none")
}

func values(n int) *rapid.Generator[[]float64] {
	return rapid.SliceOfN(rapid.Float64Range(1, 1e7), n, n+8)
}

func noises() *rapid.Generator[stats.Noise] {
	return rapid.SampledFrom([]stats.Noise{{}, {Sigma: 0.02, DF: 5}, {Sigma: 0.3, DF: 5}})
}

func scaled(xs []float64, by float64) []float64 {
	ys := make([]float64, len(xs))
	for i := range xs {
		ys[i] = xs[i] * by
	}
	return ys
}

func inverted(xs []float64) []float64 {
	ys := make([]float64, len(xs))
	for i := range xs {
		ys[i] = 1 / xs[i]
	}
	return ys
}

func requireClose(t require.TestingT, want, got stats.Test) {
	const tolerance = 1e-6
	for _, pair := range [][2]float64{
		{math.Log(want.Ratio), math.Log(got.Ratio)},
		{math.Log(want.Low), math.Log(got.Low)},
		{math.Log(want.High), math.Log(got.High)},
		{want.PSlower, got.PSlower},
		{want.PFaster, got.PFaster},
		{want.SE, got.SE},
		{want.DF, got.DF},
	} {
		require.InDelta(t, pair[0], pair[1], tolerance*max(1, math.Abs(pair[0])))
	}
}

// mirror is the test of the same data with the two sides exchanged.
func mirror(t stats.Test) stats.Test {
	return stats.Test{1 / t.Ratio, 1 / t.High, 1 / t.Low, t.PFaster, t.PSlower, t.SE, t.DF}
}

func TestPredictIsSymmetricAndFreeOfUnits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		candidate, baseline := values(1).Draw(t, "candidate"), values(2).Draw(t, "baseline")
		noise, unit := noises().Draw(t, "noise"), rapid.Float64Range(1e-3, 1e3).Draw(t, "unit")
		test := stats.Predict(candidate, baseline, noise)
		requireClose(t, test, stats.Predict(scaled(candidate, unit), scaled(baseline, unit), noise))
		requireClose(t, mirror(test), stats.Predict(inverted(candidate), inverted(baseline), noise))
		require.True(t, test.Low <= test.Ratio && test.Ratio <= test.High)
		require.InDelta(t, 1, test.PSlower+test.PFaster, 1e-9)
	})
}

func TestPairedIsSymmetricAndFreeOfUnits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		was, now, history := values(2).Draw(t, "was"), values(2).Draw(t, "now"), values(0).Draw(t, "history")
		noise, unit := noises().Draw(t, "noise"), rapid.Float64Range(1e-3, 1e3).Draw(t, "unit")
		test := stats.Paired(was, now, history, noise)
		requireClose(t, test, stats.Paired(scaled(was, unit), scaled(now, unit), history, noise))
		requireClose(t, mirror(test), stats.Paired(now, was, history, noise))
	})
}

func TestSlowerCandidateHasSmallerP(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		baseline, noise := values(2).Draw(t, "baseline"), noises().Draw(t, "noise")
		candidate := rapid.Float64Range(1, 1e6).Draw(t, "candidate")
		more := rapid.Float64Range(1.01, 10).Draw(t, "more")
		require.LessOrEqual(t,
			stats.Predict([]float64{candidate * more}, baseline, noise).PSlower,
			stats.Predict([]float64{candidate}, baseline, noise).PSlower)
	})
}

// Expected values: the formula with scipy 1.10.1 stats.t.ppf.
func TestMDEKnownValues(t *testing.T) {
	for _, c := range []struct {
		se, df           float64
		m                int
		q, minimum, want float64
	}{
		{0.05, 9, 1, 0.05, 0.10, 0.1496762406},
		{0.05, 9, 20, 0.05, 0.10, 0.2569062099},
		{0.05, 4, 3, 0.05, 0.05, 0.2292005591},
		{0.01, 14, 6, 0.05, 0.10, 0.1095901663},
		{0.02, 2, 1000, 0.05, 0.10, 6.546343945},
		{0, 9, 1, 0.05, 0.10, 0.10},
	} {
		require.InEpsilon(t, c.want, stats.MDE(c.se, c.df, c.m, c.q, c.minimum), 1e-8)
	}
	require.Equal(t, math.Inf(1), stats.MDE(0.05, 0, 1, 0.05, 0.1))
	require.Equal(t, stats.MDE(0.05, 9, 1, 0.05, 0.1), stats.MDE(0.05, 9, 0, 0.05, 0.1))
}

func TestLearnNoise(t *testing.T) {
	first := []float64{95, 96, 97, 98, 99, 100, 101, 102, 103, 104}
	second := []float64{200, 210, 190, 205, 195, 202, 198, 207, 193, 200}
	learned := stats.LearnNoise([][]float64{first, second, {50}, nil, {math.NaN(), 70}})
	require.InEpsilon(t, 0.030962065649295933, learned.Sigma, 1e-12) // numpy
	require.Equal(t, 5.0, learned.DF)

	require.Zero(t, stats.LearnNoise(nil))
	require.Zero(t, stats.LearnNoise([][]float64{first, second[:9]}), "19 runs are too few")
	require.Zero(t, stats.LearnNoise([][]float64{first, second[:9], {50}}), "a run alone shows no noise")
	require.Zero(t, stats.LearnNoise([][]float64{make([]float64, 30)}), "zeros were not measured")
	same := make([]float64, 30)
	for i := range same {
		same[i] = 100
	}
	require.Zero(t, stats.LearnNoise([][]float64{same}), "no variance is no knowledge of noise")
}
