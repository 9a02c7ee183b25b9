package stats

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// resolution is the least standard deviation of ln(metric) that is believed: the width of an HdrHistogram bucket with 3
// digits, 1/1024 of its value. Runs that agree more closely agree because they were rounded alike; without this floor
// a history without any variance would make every later change of one bucket certain.
const resolution = 1.0 / 1024

// Test says how now compares with was. It is symmetric: swapping the two inverts Ratio, swaps the probabilities and
// mirrors the interval. For a metric where more is better read PFaster as the probability of having got worse.
//
// DF is 0 when nothing can be tested, for want of values or of any estimate of the noise. Then both probabilities are
// 1 and Low, High and SE are 0; Ratio is still told, or 0 if one side has no value at all.
type Test struct {
	Ratio     float64 // now/was, of geometric means
	Low, High float64 // 95 % interval of Ratio
	PSlower   float64 // one-sided p of a value this high if nothing changed
	PFaster   float64 // one-sided p of a value this low if nothing changed
	SE        float64 // standard error of ln(Ratio)
	DF        float64 // degrees of freedom of SE
}

// Predict tests k values of a candidate, one a run, against the values of N baseline runs.
//
//	y   = ln(metric)
//	t   = (mean y of k - mean y of N) / (s sqrt(1/k + 1/N)),  df = v0 + N-1
//	s^2 = (v0 s0^2 + (N-1) sN^2) / (v0 + N-1)
//
// With the noise not learned, v0 is 0 and this is the plain prediction t with N-1 degrees of freedom. Only history
// tells the noise: the candidate's own spread is left out, for k is mostly 1. Where the baseline has no variance and
// the candidate equals it there is no difference, and both probabilities are 1; where it differs, s is the learned
// noise, but never less than one bucket of the histogram (1/1024).
//
// Source: prediction interval for the mean of k future observations, Hahn & Meeker, Statistical Intervals (1991);
// shrinking: Smyth, Linear models and empirical Bayes methods, SAGMB 3 (2004): the moderated t.
func Predict(candidate, baseline []float64, noise Noise) Test {
	now, was := logs(candidate), logs(baseline)
	if len(now) == 0 || len(was) == 0 {
		return untestable(0)
	}
	nowMean, nowSquares := meanSquares(now)
	wasMean, wasSquares := meanSquares(was)
	spread := noise.spread(1).plus(wasSquares, len(was)-1)
	scale := math.Sqrt(1/float64(len(now)) + 1/float64(len(was)))
	if nowMean == wasMean && nowSquares == 0 && wasSquares == 0 {
		return spread.same(scale)
	}
	return spread.test(nowMean-wasMean, scale)
}

// Paired tests legs that were run in turn in one environment, as in old new new old: was[i] and now[i] are a pair.
// Taking differences within pairs cancels what the legs of a pair share. history is what Predict would take as the
// baseline: raw values of earlier runs, or nothing. A pair with an unmeasured or missing half is left out.
//
//	d   = ln(now) - ln(was) for each of k pairs
//	t   = (mean d) / (s / sqrt(k)),  df = v0 + (N-1) + (k-1)
//	s^2 = (v0 2 s0^2 + (N-1) 2 sN^2 + (k-1) sd^2) / df
//
// Two pairs alone have one degree of freedom and could prove next to nothing, so the noise between earlier runs is
// pooled in: the difference of two independent runs has twice their variance. That is conservative. Legs of a pair
// follow each other within minutes on the same machines and have only a part of the noise between runs that are days
// apart, so 2 sN^2 overstates the variance of d: the interval comes out too wide and p too large, not the reverse, as
// long as legs are not noisier than runs. Where they are, being much shorter, sd^2 shows it as pairs come in.
//
// Source: paired and pooled-variance t, Snedecor & Cochran, Statistical Methods, 8th ed. (1989).
func Paired(was, now, history []float64, noise Noise) Test {
	differences := logDifferences(was, now)
	if len(differences) == 0 {
		return untestable(0)
	}
	mean, squares := meanSquares(differences)
	runs := logs(history)
	_, runSquares := meanSquares(runs)
	spread := noise.spread(2).plus(2*runSquares, len(runs)-1).plus(squares, len(differences)-1)
	scale := 1 / math.Sqrt(float64(len(differences)))
	if mean == 0 && squares == 0 && runSquares == 0 {
		return spread.same(scale)
	}
	return spread.test(mean, scale)
}

func logDifferences(was, now []float64) []float64 {
	var differences []float64
	for i := range min(len(was), len(now)) {
		if measured(was[i]) && measured(now[i]) {
			differences = append(differences, math.Log(now[i]/was[i]))
		}
	}
	return differences
}

// MDE is the minimum detectable effect, as a fraction (0.17 is +17 %): the change that a test with this SE and DF finds
// in 8 of 10 runs when it is the hardest of m tests at false discovery rate q and must exceed minimumEffect too. It is
// +Inf when df is 0, for then nothing could have been seen (encoding/json cannot write that).
//
//	exp(max(se (t[1-q/m] + t[.8]), ln(1+minimumEffect) + t[.8] se)) - 1
//
// The .8 is exact on average over runs, small df included: with the change in t's numerator, the run is missed only if
// its error falls below -t[.8] se, and error/se has the t distribution. Source: Bloom, Minimum detectable effects,
// Evaluation Review 19 (1995), with the minimum effect added.
func MDE(se, df float64, m int, q, minimumEffect float64) float64 {
	if df <= 0 {
		return math.Inf(1)
	}
	t := studentT(df)
	power := t.Quantile(0.8)
	hardest := t.Quantile(1 - q/float64(max(1, m)))
	return math.Expm1(max(se*(hardest+power), math.Log1p(minimumEffect)+power*se))
}

func studentT(df float64) distuv.StudentsT { return distuv.StudentsT{Mu: 0, Sigma: 1, Nu: df} }

// test compares difference, of logarithms, with its standard error: the root of s, at least resolution, times scale.
func (s spread) test(difference, scale float64) Test {
	if s.df == 0 {
		return untestable(math.Exp(difference))
	}
	se := scale * max(resolution, math.Sqrt(s.squares/s.df))
	t := studentT(s.df)
	half := t.Quantile(0.975) * se
	return Test{
		Ratio:   math.Exp(difference),
		Low:     math.Exp(difference - half),
		High:    math.Exp(difference + half),
		PSlower: t.Survival(difference / se),
		PFaster: t.Survival(-difference / se),
		SE:      se,
		DF:      s.df,
	}
}

// same is the test of two sides that do not differ at all.
func (s spread) same(scale float64) Test {
	test := s.test(0, scale)
	test.PSlower, test.PFaster = 1, 1
	return test
}

func untestable(ratio float64) Test { return Test{Ratio: ratio, PSlower: 1, PFaster: 1} }
