package calibration

import (
	"math"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"

	"bellwether/internal/stats"
)

// certain is the p below which the tests that others use raise an alarm.
const certain = 0.01

// tolerated is the rise of p95 above which rules without a test raise one.
const tolerated = 0.10

// overLast is "p95 more than 10 % over the last run's".
func overLast(past []measured, now measured) bool {
	return now.p95 > (1+tolerated)*past[0].p95
}

// overAverage is "p95 more than 10 % over the average of the last runs", as Keptn's relative criteria have it.
func overAverage(past []measured, now measured) bool {
	var sum float64
	for _, run := range past {
		sum += run.p95
	}
	return now.p95 > (1+tolerated)*sum/float64(len(past))
}

// rankSum is a Mann-Whitney test of all latencies of the run against all of the last one.
func rankSum(past []measured, now measured) bool {
	return MannWhitney(past[0].latencies, now.latencies) < certain
}

// welchWindows is a Welch test of the p95s of ten-second windows of the run against those of the last one.
func welchWindows(past []measured, now measured) bool {
	return Welch(past[0].windows, now.windows) < certain
}

// MannWhitney is the one-sided p of now being as high as it is if its values came from where those of was do: the normal
// approximation, corrected for ties.
//
//	U = sum over values x of now of (values of was below x) + (values of was equal to x)/2
//	mean U = m n / 2,  var U = m n / 12 ((N+1) - sum over ties of (t^3 - t) / (N (N-1))),  N = m + n
//
// Source: Mann & Whitney, Ann. Math. Statist. 18 (1947); ties: Lehmann, Nonparametrics (1975).
func MannWhitney(was, now stats.Histogram) float64 {
	m, n := float64(was.Count()), float64(now.Count())
	var u, ties, below float64
	for i, j := 0, 0; i < len(was) || j < len(now); {
		var a, b float64
		value := min(at(was, i), at(now, j))
		if at(was, i) == value {
			a = float64(was[i].Count)
			i++
		}
		if at(now, j) == value {
			b = float64(now[j].Count)
			j++
		}
		u += b * (below + a/2)
		below += a
		ties += math.Pow(a+b, 3) - (a + b)
	}
	all := m + n
	deviation := math.Sqrt(m * n / 12 * (all + 1 - ties/(all*(all-1))))
	return distuv.UnitNormal.Survival((u - m*n/2) / deviation)
}

// at is the value of bin i, beyond all values after the last.
func at(h stats.Histogram, i int) int64 {
	if i < len(h) {
		return h[i].Value
	}
	return math.MaxInt64
}

// Welch is the one-sided p of a t-test with unequal variances of now being as high as it is over was.
//
// Source: Welch, Biometrika 34 (1947).
func Welch(was, now []float64) float64 {
	wasMean, wasVariance := stat.MeanVariance(was, nil)
	nowMean, nowVariance := stat.MeanVariance(now, nil)
	m, n := float64(len(was)), float64(len(now))
	a, b := wasVariance/m, nowVariance/n
	df := (a + b) * (a + b) / (a*a/(m-1) + b*b/(n-1))
	return distuv.StudentsT{Mu: 0, Sigma: 1, Nu: df}.Survival((nowMean - wasMean) / math.Sqrt(a+b))
}
