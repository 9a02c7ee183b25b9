package charts

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestGapsStayGaps(t *testing.T) {
	for name, c := range map[string]struct {
		seconds, p95 []float64
		want         [][2]int
	}{
		"whole":                {[]float64{0, 1, 2}, []float64{5, 5, 5}, [][2]int{{0, 3}}},
		"NaN and infinity":     {[]float64{0, 1, 2, 3, 4}, []float64{5, none, 5, math.Inf(1), 5}, [][2]int{{0, 1}, {2, 3}, {4, 5}}},
		"a second not listed":  {[]float64{0, 1, 4}, []float64{5, 5, 5}, [][2]int{{0, 2}, {4, 5}}},
		"late start":           {[]float64{2, 3}, []float64{5, 5}, [][2]int{{2, 4}}},
		"shorter than seconds": {[]float64{0, 1, 2}, []float64{5}, [][2]int{{0, 1}}},
		"longer than seconds":  {[]float64{0}, []float64{5, 5, 5}, [][2]int{{0, 1}}},
		"out of order":         {[]float64{1, 0}, []float64{5, 5}, [][2]int{{0, 2}}},
	} {
		t.Run(name, func(t *testing.T) {
			g := Latency{Seconds: c.seconds, P95: c.p95}.grid()
			var got [][2]int
			for from, to := range g.stretches(g.p95) {
				got = append(got, [2]int{from, to})
			}
			require.Equal(t, c.want, got)
		})
	}
}

func TestLongRunsKeepTheWorst(t *testing.T) {
	l := soak()
	l.Band = Band{Low: slices.Clone(l.P50), High: slices.Clone(l.P99)}
	g := l.grid()
	require.LessOrEqual(t, g.n, maxCells)
	require.EqualValues(t, 45, g.cell)
	require.Equal(t, 30_000.0, slices.Max(g.p99))
	require.Equal(t, slices.Min(l.P50[:45]), g.low[0], "a band is as wide as its widest second")
	require.Equal(t, slices.Max(l.P99[:45]), g.high[0])
}

func TestTraceIsLevelAtItsEnds(t *testing.T) {
	g := Latency{Seconds: []float64{0, 1, 2}, P95: []float64{none, 7, 9}}.grid()
	require.Equal(t, []sample{{1, 7}, {1.5, 7}, {2.5, 9}, {3, 9}}, g.trace(g.p95, 1, 3))
}

func TestAboveMeetsWhereLinesCross(t *testing.T) {
	line := above([]sample{{0, 0}, {1, 20}}, []sample{{0, 10}, {1, 10}})
	require.Equal(t, []sample{{0, 10}, {0.5, 10}, {1, 20}}, line)
}

func TestLabelsNeverOverlap(t *testing.T) {
	require.Equal(t, []int{100, 200}, spread([]int{100, 200}, 30, 0, 300), "stay where there is room")
	require.Equal(t, []int{85, 115}, spread([]int{100, 100}, 30, 0, 300), "share the move")
	require.Equal(t, []int{0, 30}, spread([]int{0, 0}, 30, 0, 300), "stay in the column")
	rapid.Check(t, func(t *rapid.T) {
		wanted := rapid.SliceOfN(rapid.IntRange(0, 300), 1, 11).Draw(t, "wanted")
		slices.Sort(wanted)
		placed := spread(wanted, 30, 0, 300)
		require.Len(t, placed, len(wanted))
		require.GreaterOrEqual(t, placed[0], 0)
		require.LessOrEqual(t, placed[len(placed)-1], 300)
		for i := 1; i < len(placed); i++ {
			require.GreaterOrEqual(t, placed[i]-placed[i-1], 30)
		}
	})
}
