package stats_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"bellwether/internal/stats"
)

// releases is how many are simulated: the standard error of a rate of 1 % is 0.16 points, of 80 % 0.6 points.
const releases = 4000

// runs draws n values around level with lognormal noise between runs.
func runs(random *rand.Rand, n int, level, noise float64) []float64 {
	xs := make([]float64, n)
	for i := range xs {
		xs[i] = level * math.Exp(noise*random.NormFloat64())
	}
	return xs
}

// share is the fraction of simulated releases for which found is true.
func share(found func(random *rand.Rand) bool) float64 {
	random := rand.New(rand.NewPCG(20240229, 7))
	n := 0
	for range releases {
		if found(random) {
			n++
		}
	}
	return float64(n) / releases
}

func TestFalseAlarmsWhenNothingChanged(t *testing.T) {
	for name, c := range map[string]struct {
		n           int
		least, most float64
		noise       stats.Noise
	}{
		"5 runs":                   {5, 0.005, 0.015, stats.Noise{}},
		"10 runs":                  {10, 0.005, 0.015, stats.Noise{}},
		"5 runs, noise learned":    {5, 0.001, 0.015, stats.Noise{Sigma: 0.05, DF: 5}},
		"10 runs, noise learned":   {10, 0.001, 0.015, stats.Noise{Sigma: 0.05, DF: 5}},
		"5 runs, noise overstated": {5, 0, 0.005, stats.Noise{Sigma: 0.10, DF: 5}},
	} {
		t.Run(name, func(t *testing.T) {
			rate := share(func(random *rand.Rand) bool {
				return stats.Predict(runs(random, 1, 100, 0.05), runs(random, c.n, 100, 0.05), c.noise).PSlower < 0.01
			})
			t.Logf("false alarms: %.2f %%", 100*rate)
			require.GreaterOrEqual(t, rate, c.least)
			require.LessOrEqual(t, rate, c.most)
		})
	}
}

// The change simulated is the MDE that the report of that very run would print.
func TestPowerAtThePrintedMDE(t *testing.T) {
	const q, metrics = 0.05, 6
	for name, c := range map[string]struct {
		n             int
		noise, effect float64
	}{
		"5 runs":                      {5, 0.05, 0.05},
		"10 runs":                     {10, 0.05, 0.10},
		"minimum effect is the limit": {10, 0.01, 0.10},
	} {
		t.Run(name, func(t *testing.T) {
			rate := share(func(random *rand.Rand) bool {
				candidate, baseline := runs(random, 1, 100, c.noise), runs(random, c.n, 100, c.noise)
				quiet := stats.Predict(candidate, baseline, stats.Noise{})
				change := stats.MDE(quiet.SE, quiet.DF, metrics, q, c.effect)
				test := stats.Predict(scaled(candidate, 1+change), baseline, stats.Noise{})
				return test.PSlower < q/metrics && test.Ratio > 1+c.effect
			})
			t.Logf("found: %.1f %%", 100*rate)
			require.InDelta(t, 0.80, rate, 0.05)
		})
	}
}

// Two pairs whose legs share most of the noise between runs: at least as careful as promised, and still able to see.
func TestPairedIsConservativeWithHistory(t *testing.T) {
	slower := func(change float64) float64 {
		return share(func(random *rand.Rand) bool {
			level := 100 * math.Exp(0.04*random.NormFloat64())
			was, now := runs(random, 2, level, 0.03), runs(random, 2, level*change, 0.03)
			return stats.Paired(was, now, runs(random, 10, 100, 0.05), stats.Noise{}).PSlower < 0.01
		})
	}
	require.Less(t, slower(1), 0.01)
	require.Greater(t, slower(1.25), 0.90)
}

func BenchmarkPredictAndMDE(b *testing.B) {
	for b.Loop() {
		test := stats.Predict([]float64{118}, tenRuns, stats.Noise{})
		stats.MDE(test.SE, test.DF, 20, 0.05, 0.1)
	}
}
