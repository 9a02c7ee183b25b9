package stats

import (
	"math"
	"sort"

	"gonum.org/v1/gonum/integrate/quad"
	"gonum.org/v1/gonum/stat/distuv"
)

// Spend returns the levels at which a one-sided test may be looked at twice, so that together both looks raise no more than
// alpha false alarms: the first once the fraction at, in (0, 1), of all measurements is there, the second at the end, when the
// first found nothing. Compare a p with them.
//
// The first look spends alpha ln(1 + (e-1) at). That is nearly as much as the second, because every measurement keeps an
// environment from others, and what is plainly worse should cost few of them. The second level leaves the rest:
//
//	P(Z1 <= c1, Z2 > c2) = alpha - first,  corr(Z1, Z2) = sqrt(at)
//
// which is exact for normal statistics; as a nominal level it serves the p of a t-test as well (Jennison & Turnbull, 4.4).
//
// Sources: Lan & DeMets, Discrete sequential boundaries for clinical trials, Biometrika 70 (1983), the spending function alpha2
// (that of Pocock's type); Jennison & Turnbull, Group Sequential Methods (2000), ch. 4 and 7.
func Spend(alpha, at float64) (first, second float64) {
	first = alpha * math.Log1p((math.E-1)*at)
	c1 := distuv.UnitNormal.Quantile(1 - first)
	left := alpha - first
	// The level is between what is left, were the looks exclusive, and alpha; 1e-9 of that is finer than anybody's p.
	const steps = 1 << 20
	i := sort.Search(steps, func(i int) bool {
		level := left + first*float64(i)/steps
		return onlyThen(c1, distuv.UnitNormal.Quantile(1-level), math.Sqrt(at)) >= left
	})
	return first, left + first*float64(i)/steps
}

// onlyThen is the probability that of two standard normals with correlation rho the first is at most c1 and the second above c2.
func onlyThen(c1, c2, rho float64) float64 {
	const farthest, points = -9, 64 // beyond 9 standard deviations there is 1e-19
	density := func(x float64) float64 {
		return distuv.UnitNormal.Prob(x) * distuv.UnitNormal.Survival((c2-rho*x)/math.Sqrt(1-rho*rho))
	}
	return quad.Fixed(density, farthest, c1, points, quad.Legendre{}, 0)
}
