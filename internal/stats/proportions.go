package stats

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// Window counts what happened in one stretch of a run. Errors within a window may come in a burst, so windows should
// be longer than bursts last; seconds are merged into windows by the caller. Counts are exact up to 2^53.
type Window struct{ Errors, Requests int64 }

// The methods of a ProportionTest.
const (
	MethodZ      = "z"
	MethodFisher = "fisher"
)

// ProportionTest says how the error rate of a candidate compares with that of its baseline. Rates are fractions of all
// requests. When a side made no request nothing can be told: the probabilities are 1 and the interval is [-1, 1].
type ProportionTest struct {
	Was, Now   float64
	Low, High  float64 // 95 % interval of Now - Was
	PMore      float64 // one-sided p of so many errors if nothing changed
	PFewer     float64 // one-sided p of so few errors if nothing changed
	Method     string  // MethodZ or MethodFisher
	Dispersion float64 // variance across windows over that of independent errors; at least 1
}

// Proportions tests the error rate of a candidate against its baseline.
//
//	z = (p1 - p0) / sqrt(p (1-p) (1/n1 + 1/n0)) / sqrt(phi)
//
// with p the rate of both together and phi the over-dispersion: errors come in bursts, and their number varies more
// from window to window than that of independent errors. Where less than 5 errors or 5 successes are expected on a side,
// z is no good approximation and Fisher's exact test takes its place, which knows no phi. Where z takes over it is still too
// sure far out in its tail, where many comparisons look: up to 1000 the larger of both probabilities counts. The interval
// is Newcombe's, with n/phi for n.
//
// Sources: two-proportion z and the rule of 5: Fleiss, Statistical Methods for Rates and Proportions, 3rd ed. (2003), ch. 3;
// phi: McCullagh & Nelder, Generalized Linear Models, 2nd ed. (1989), 4.5; interval: Newcombe, Statist. Med. 17 (1998)
// 873-890, method 10.
func Proportions(candidate, baseline []Window) ProportionTest {
	now, was := total(candidate), total(baseline)
	if now.Requests == 0 || was.Requests == 0 {
		return ProportionTest{
			Was: was.rate(), Now: now.rate(), Low: -1, High: 1,
			PMore: 1, PFewer: 1, Method: MethodFisher, Dispersion: 1,
		}
	}
	test := ProportionTest{
		Was: was.rate(), Now: now.rate(),
		Method: MethodZ, Dispersion: dispersion(candidate, baseline),
	}
	test.Low, test.High = newcombe(now, was, test.Dispersion)
	if leastExpected(now, was) < 5 {
		test.Method = MethodFisher
		test.PMore, test.PFewer = fisher(now, was)
		return test
	}
	p := Window{now.Errors + was.Errors, now.Requests + was.Requests}.rate()
	variance := p * (1 - p) * (1/float64(now.Requests) + 1/float64(was.Requests))
	z := (test.Now - test.Was) / math.Sqrt(variance*test.Dispersion)
	test.PMore, test.PFewer = distuv.UnitNormal.Survival(z), distuv.UnitNormal.CDF(z)
	if leastExpected(now, was) < 1000 {
		more, fewer := fisher(now, was)
		test.PMore, test.PFewer = max(more, test.PMore), max(fewer, test.PFewer)
	}
	return test
}

// mostCounted is how far a count is exact as a float64; sums stop there.
const mostCounted = 1 << 53

// total adds up windows; one without requests counts for nothing, and no window has more errors than requests.
func total(windows []Window) Window {
	var sum Window
	for _, w := range windows {
		w = w.sound()
		sum.Errors = min(mostCounted, sum.Errors+w.Errors)
		sum.Requests = min(mostCounted, sum.Requests+w.Requests)
	}
	return sum
}

func (w Window) sound() Window {
	requests := min(max(0, w.Requests), mostCounted)
	return Window{Errors: min(max(0, w.Errors), requests), Requests: requests}
}

func (w Window) rate() float64 {
	if w.Requests == 0 {
		return 0
	}
	return float64(w.Errors) / float64(w.Requests)
}

// dispersion is Pearson's chi-squared of the windows about the rate of their own side, over its degrees of freedom; a
// difference between the sides is no dispersion. It is at least 1: errors spread more evenly than chance prove nothing.
func dispersion(sides ...[]Window) float64 {
	var chi2, df float64
	for _, windows := range sides {
		p := total(windows).rate()
		if p == 0 || p == 1 {
			continue
		}
		df--
		for _, w := range windows {
			w = w.sound()
			if w.Requests == 0 {
				continue
			}
			n := float64(w.Requests)
			deviation := float64(w.Errors) - n*p
			chi2 += deviation * deviation / (n * p * (1 - p))
			df++
		}
	}
	if df <= 0 {
		return 1
	}
	return max(1, chi2/df)
}

// leastExpected is the smallest of the four counts expected if both sides had the same rate.
func leastExpected(a, b Window) float64 {
	errors := float64(a.Errors + b.Errors)
	requests := float64(a.Requests + b.Requests)
	return min(errors, requests-errors) * float64(min(a.Requests, b.Requests)) / requests
}

// newcombe combines the Wilson intervals of both rates into one for their difference a - b.
func newcombe(a, b Window, phi float64) (low, high float64) {
	aLow, aHigh := wilson(a, phi)
	bLow, bHigh := wilson(b, phi)
	difference := a.rate() - b.rate()
	return difference - math.Hypot(a.rate()-aLow, bHigh-b.rate()),
		difference + math.Hypot(aHigh-a.rate(), b.rate()-bLow)
}

// wilson is the 95 % score interval of a rate from n/phi independent requests. Source: Wilson, JASA 22 (1927) 209-212.
func wilson(w Window, phi float64) (low, high float64) {
	z := distuv.UnitNormal.Quantile(0.975)
	p, n := w.rate(), float64(w.Requests)/phi
	centre := (p + z*z/(2*n)) / (1 + z*z/n)
	half := z * math.Sqrt(p*(1-p)/n+z*z/(4*n*n)) / (1 + z*z/n)
	return centre - half, centre + half
}

// fisher is Fisher's exact test of a's errors, one-sided both ways: the hypergeometric probability of as many errors or
// more, and of as many or fewer, given how many there are in all. Weights are built outward from the likeliest count
// by the ratio of neighbours, so there are no factorials to overflow, and few of them: fisher is only asked where an
// expected count is below 1000. Source: Fisher, Statistical Methods for Research Workers, 5th ed. (1934), 21.02.
func fisher(a, b Window) (more, fewer float64) {
	errors := a.Errors + b.Errors
	lowest, highest := max(0, errors-b.Requests), min(errors, a.Requests)
	// up is P(x+1)/P(x) where x of the errors are a's.
	up := func(x int64) float64 {
		return float64(a.Requests-x) * float64(errors-x) / (float64(x+1) * float64(b.Requests-errors+x+1))
	}
	likeliest := float64(a.Requests+1) * (float64(errors+1) / float64(a.Requests+b.Requests+2))
	mode := min(max(lowest, int64(likeliest)), highest)

	var all float64
	count := func(x int64, weight float64) {
		all += weight
		if x >= a.Errors {
			more += weight
		}
		if x <= a.Errors {
			fewer += weight
		}
	}
	count(mode, 1)
	for x, weight := mode, 1.0; x < highest && weight > 0; x++ {
		weight *= up(x)
		count(x+1, weight)
	}
	for x, weight := mode, 1.0; x > lowest && weight > 0; x-- {
		weight /= up(x - 1)
		count(x-1, weight)
	}
	return min(1, more/all), min(1, fewer/all)
}
