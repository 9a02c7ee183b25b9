// Package stats is the mathematics of a verdict, for pipeline, which asks it whether a release is slower than the
// releases before it: latency histograms that merge exactly, the tests of what was measured now against history and in
// interleaved legs, the error rates, and what a test could have seen at all.
//
// Everything here is a pure function: no clock, no randomness, no I/O. Values of a metric are raw (µs, requests a
// second); logarithms are taken inside, because noise between runs is proportional to the level. A value that is not a
// positive, finite number has no logarithm: it stands for a run that did not measure the metric and is left out.
package stats

import "math"

// The smallest changes of the error rate worth a person's time. Both must be exceeded; see MaterialErrors.
const (
	MinimumErrorRise  = 0.001 // of all requests: 0.1 percentage points
	MinimumErrorRatio = 2.0   // now to was
)

// MinimumFall is the smallest fall of throughput worth a person's time, as a fraction.
const MinimumFall = 0.05

// MinimumEffect is the smallest change of a latency quantile q in [0, 1] worth a person's time, as a fraction:
// 0.05 up to the median and 0.10 in the tail, which moves more for less reason.
func MinimumEffect(q float64) float64 {
	if q <= 0.5 {
		return 0.05
	}
	return 0.10
}

// MaterialErrors reports whether an error rate that rose from was to now (fractions of all requests) rose by more than
// MinimumErrorRise and by more than MinimumErrorRatio.
func MaterialErrors(was, now float64) bool {
	return now-was > MinimumErrorRise && now > MinimumErrorRatio*was
}

// Judgeable reports whether at least 10 of count samples lie beyond quantile q in [0, 1]. With fewer the quantile is
// the luck of a handful of requests and is not judged: p99 needs 1000 samples, p95 needs 200, p50 needs 20.
func Judgeable(count int64, q float64) bool {
	const beyond, rounding = 10, 1e-6 // 100*(1-0.9) is 9.999999999999998
	return float64(count)*(1-q) >= beyond-rounding
}

// logs returns the natural logarithms of those xs that have one.
func logs(xs []float64) []float64 {
	ys := make([]float64, 0, len(xs))
	for _, x := range xs {
		if measured(x) {
			ys = append(ys, math.Log(x))
		}
	}
	return ys
}

func measured(x float64) bool { return x > 0 && !math.IsInf(x, 1) }

// meanSquares returns the mean of ys and the sum of squared deviations from it; both are 0 for no ys. Working from the
// first value keeps the sum exactly 0 when all are equal.
func meanSquares(ys []float64) (mean, squares float64) {
	if len(ys) == 0 {
		return 0, 0
	}
	var sum, sumSquares float64
	for _, y := range ys {
		d := y - ys[0]
		sum += d
		sumSquares += d * d
	}
	n := float64(len(ys))
	return ys[0] + sum/n, max(0, sumSquares-sum*sum/n)
}
