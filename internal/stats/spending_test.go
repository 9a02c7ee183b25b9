package stats_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/stat/distuv"
	"pgregory.net/rapid"

	"bellwether/internal/stats"
)

// Expected values: alpha ln(1+(e-1)t), and Jennison & Turnbull's error spending tests for two equal stages.
func TestSpendKnownValues(t *testing.T) {
	first, second := stats.Spend(0.025, 0.5)
	require.InDelta(t, 2.157, distuv.UnitNormal.Quantile(1-first), 0.001, "as tabulated for 0.025, one-sided")
	require.InDelta(t, 2.201, distuv.UnitNormal.Quantile(1-second), 0.001)
}

func TestBothLooksTogetherSpendAlpha(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		alpha, at := rapid.Float64Range(0.001, 0.2).Draw(t, "alpha"), rapid.Float64Range(0.05, 0.95).Draw(t, "at")
		first, second := stats.Spend(alpha, at)
		require.True(t, 0 < first && first < alpha, "%g", first)
		require.True(t, alpha-first <= second && second <= alpha, "%g", second)
	})
	random := rand.New(rand.NewPCG(1, 2))
	first, second := stats.Spend(0.05, 0.5)
	const looks = 400_000
	alarms := 0
	for range looks {
		z1, z2 := random.NormFloat64(), random.NormFloat64()
		if distuv.UnitNormal.Survival(z1) < first || distuv.UnitNormal.Survival((z1+z2)/math.Sqrt2) < second {
			alarms++
		}
	}
	require.InDelta(t, 0.05, float64(alarms)/looks, 0.0015)
}
