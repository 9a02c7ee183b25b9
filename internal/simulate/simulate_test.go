package simulate

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/stat"
)

// quiet is a service of 200 ms whose runs are all alike.
func quiet() Spec {
	return Spec{
		Seed: 7, Start: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Rate: 50, Duration: 2 * time.Minute,
		Median: 200 * time.Millisecond, Tail: 0.4, Targets: []string{"cart", "search"},
	}
}

// logs of the latencies of a run, in seconds.
func logs(s Spec, n int) []float64 {
	var ys []float64
	for sample := range s.Run(n) {
		ys = append(ys, math.Log(sample.Latency.Seconds()))
	}
	return ys
}

func TestRunsHaveTheAskedProperties(t *testing.T) {
	for _, a := range []float64{0, 0.5, 0.9} {
		s := quiet()
		s.Duration, s.Autocorrelation = 2000*time.Second, a
		ys := logs(s, 1)
		require.Len(t, ys, 100_000)
		mean, sd := stat.MeanStdDev(ys, nil)
		require.InDelta(t, math.Log(0.2), mean, 0.025)
		require.InDelta(t, 0.4, sd, 0.01)
		require.InDelta(t, a, stat.Correlation(ys[:len(ys)-1], ys[1:], nil), 0.01)
	}
}

func TestRunsDifferByTheirNoiseAndShift(t *testing.T) {
	s := quiet()
	s.Noise, s.Duration, s.Tail = 0.05, time.Second, 0
	var levels []float64
	for n := range 4000 {
		levels = append(levels, logs(s, n)[0])
	}
	mean, sd := stat.MeanStdDev(levels, nil)
	require.InDelta(t, math.Log(0.2), mean, 0.003)
	require.InDelta(t, 0.05, sd, 0.002)
	shifted := s
	shifted.Shift = 0.2
	require.InDelta(t, math.Log(1.2), logs(shifted, 3)[0]-logs(s, 3)[0], 1e-6, "a shift changes nothing else")
}

func TestRunsAreEvenAndTakeTurns(t *testing.T) {
	s := quiet()
	s.Errors, s.Targets = 0.1, []string{"a", "b", "c"}
	failed, last := 0, -1
	for sample := range s.Run(2) {
		require.Equal(t, last+1, sample.Number)
		last = sample.Number
		require.Equal(t, time.Duration(last)*20*time.Millisecond, sample.At)
		require.Equal(t, s.Targets[last%3], sample.Target)
		if sample.Failed {
			failed++
		}
	}
	require.Equal(t, 5999, last)
	require.InDelta(t, 600, failed, 75)
}

func TestImpossibleRuns(t *testing.T) {
	for says, spoil := range map[string]func(*Spec){
		"one request at least": func(s *Spec) { s.Rate = 0 },
		"a duration":           func(s *Spec) { s.Duration = time.Millisecond },
		"at most 1,000,000/s":  func(s *Spec) { s.Rate = 2e6 },
		"more than 0":          func(s *Spec) { s.Median = 0 },
		"tail and noise":       func(s *Spec) { s.Noise = -0.1 },
		"tail and noise are":   func(s *Spec) { s.Tail = math.NaN() },
		"autocorrelation":      func(s *Spec) { s.Autocorrelation = 1 },
		"shift":                func(s *Spec) { s.Shift = -1 },
		"errors":               func(s *Spec) { s.Errors = 1.1 },
		"target":               func(s *Spec) { s.Targets = nil },
	} {
		s := quiet()
		spoil(&s)
		require.ErrorContains(t, s.Validate(), says)
	}
	require.NoError(t, quiet().Validate())
}
