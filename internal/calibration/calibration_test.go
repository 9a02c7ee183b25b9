package calibration

import (
	"bytes"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/internal/record"
	"bellwether/internal/simulate"
	"bellwether/internal/stats"
	"bellwether/pipeline"
)

// What is judged here is what a run of the pipeline would judge.
func TestTheMeterMeasuresAsThePipelineDoes(t *testing.T) {
	s := spec(Cell{Noise: 0.05, Autocorrelation: 0.5}, 3)
	s.Duration, s.Errors = 2*time.Minute-3*time.Second, 0.02
	var written bytes.Buffer
	require.NoError(t, s.Write(&written, simulate.Record, 4))
	file, err := record.Read(&written)
	require.NoError(t, err)
	require.Equal(t, pipeline.Summarise(file.Record), newMeter().measure(s, 4).Groups)
}

func TestTheSameNumbersComeOutEveryTime(t *testing.T) {
	cells := []Cell{{0.08, 3, 0.9, 2, false}, {0.05, 3, 0.5, 1, false}}
	const releases = 8
	first := Calibrate(cells, releases)
	require.Equal(t, first, Calibrate(cells, releases))
	require.Equal(t, releases, first[1].Releases.Confirmed.Of)
	require.Equal(t, 3*2*releases, first[0].Metrics.Suspected.Of)
	require.NotEqual(t, first[0].AtMDE, first[1].AtMDE)
	require.Equal(t, Compare(cells[1:], 4), Compare(cells[1:], 4))
}

func TestASlowerRunIsASlowerResult(t *testing.T) {
	s := spec(Cell{Noise: 0.05, Autocorrelation: 0.5}, 3)
	shifted := s
	shifted.Shift = 0.25
	want := newMeter().measure(shifted, 2).Groups[""]
	got := slower(newMeter().measure(s, 2), 0.25, latencies...).Groups[""]
	for _, metric := range latencies {
		require.InEpsilon(t, want.Values[metric], got.Values[metric], 0.002, metric)
	}
	require.Equal(t, want.Values[pipeline.Errors], got.Values[pipeline.Errors])
}

func values(xs ...int64) stats.Histogram {
	var h stats.Histogram
	for _, x := range xs {
		h = h.Merge(stats.Histogram{{Value: x, Count: 1}})
	}
	return h
}

// By hand: U is 25.5 of 30, its mean 15; four pairs of ties lower its variance.
func TestMannWhitney(t *testing.T) {
	was, now := values(1, 2, 3, 4, 5), values(3, 4, 5, 6, 7, 7)
	z := (25.5 - 15) / math.Sqrt(30.0/12*(12-4*6.0/110))
	require.InDelta(t, 0.5*math.Erfc(z/math.Sqrt2), MannWhitney(was, now), 1e-12)
	require.InDelta(t, 1, MannWhitney(was, now)+MannWhitney(now, was), 1e-12, "the other way round")
	require.InDelta(t, 0.5, MannWhitney(was, was), 1e-12)
}

// By hand: means 99.8 and 115.5, squared standard errors 1.14 and 35.0833; t is 2.6086 with 3.196 degrees of freedom,
// whose density, summed up numerically beyond that, is 0.03738.
func TestWelch(t *testing.T) {
	was, now := []float64{98, 101, 97, 103, 100}, []float64{104, 118, 109, 131}
	require.InDelta(t, 0.03738, Welch(was, now), 1e-5)
	require.InDelta(t, 1, Welch(was, now)+Welch(now, was), 1e-12, "the other way round")
}

// Who alarms at what is known by the numbers of two runs.
func TestOtherRules(t *testing.T) {
	run := func(p95 float64) measured {
		micros := int64(1000 * p95)
		return measured{
			p95: p95, latencies: stats.Histogram{{Value: micros, Count: 40}, {Value: micros + 50, Count: 40}},
			windows: []float64{p95, p95 + 1, p95 + 2},
		}
	}
	past := []measured{run(100), run(120), run(110)}
	require.False(t, overLast(past, run(109)))
	require.True(t, overLast(past, run(111)))
	require.False(t, overAverage(past, run(120)))
	require.True(t, overAverage(past, run(122)))
	require.False(t, rankSum(past, run(100)))
	require.True(t, rankSum(past, run(101)))
	require.False(t, welchWindows(past, run(100)))
	require.True(t, welchWindows(past, run(110)))
}

func TestTables(t *testing.T) {
	cells := []Cell{{0.05, 10, 0.5, 20, true}}
	require.Contains(t, CalibrationTable(cells, []Tally{{
		Metrics: Alarms{Suspected: Share{1, 40}, Confirmed: Share{0, 40}}, AtMDE: Alarms{Suspected: Share{8, 10}},
	}}), "\n| 20 | yes | 5 % | 10 | 0.5 | 2.50 | 0.00 | 0.00 | 0.00 | 80.0 | 0.0 | 0.0 | 0.0 |\n")
	errors := make([]Errors, len(Methods()))
	errors[0] = Errors{False: Share{1, 8}, Missed: Share{1, 4}}
	require.Contains(t, ContestTable(cells, [][]Errors{errors}), "\n| p95 over the last run's by 10 % | 12.5 / 25.0 |\n")
}
