package stats_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"bellwether/internal/stats"
)

// The example of Benjamini & Hochberg (1995), 3.2: 15 comparisons of which they reject 4 (Bonferroni 3).
func TestBenjaminiHochbergOfThePaper(t *testing.T) {
	p := []float64{
		0.0459, 0.0001, 0.5719, 0.0095, 0.0298, 0.0004, 0.3240, 0.0344, 0.4262, 0.0201, 0.6528, 0.0019, 0.7590, 1, 0.0278,
	}
	want := make([]bool, len(p))
	for _, i := range []int{1, 3, 5, 11} { // .0001 .0095 .0004 .0019
		want[i] = true
	}
	require.Equal(t, want, stats.BenjaminiHochberg(p, 0.05))
}

func TestBenjaminiHochbergAtTheEdges(t *testing.T) {
	require.Empty(t, stats.BenjaminiHochberg(nil, 0.05))
	require.Equal(t, []bool{true}, stats.BenjaminiHochberg([]float64{0.05}, 0.05))
	require.Equal(t, []bool{true, true}, stats.BenjaminiHochberg([]float64{0.04, 0.05}, 0.05), "a later rank lifts the earlier")
	require.Equal(t, []bool{false, false}, stats.BenjaminiHochberg([]float64{math.NaN(), 0.03}, 0.05), "no number still counts")
}

func TestBenjaminiHochbergIsMonotone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.SliceOfN(rapid.Float64Range(0, 0.2), 1, 30).Draw(t, "p")
		before := stats.BenjaminiHochberg(p, 0.05)
		for i := range p {
			if p[i] <= 0.05/float64(len(p)) {
				require.True(t, before[i], "at least what Bonferroni rejects")
			}
			for j := range p {
				require.False(t, before[i] && !before[j] && p[j] <= p[i], "a smaller p goes first")
			}
		}
		lowered := append([]float64{}, p...)
		at := rapid.IntRange(0, len(p)-1).Draw(t, "at")
		lowered[at] *= rapid.Float64Range(0, 1).Draw(t, "factor")
		for i, rejected := range stats.BenjaminiHochberg(lowered, 0.05) {
			require.True(t, rejected || !before[i], "a smaller p takes no rejection back")
		}
	})
}
