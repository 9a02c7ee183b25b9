package stats

import (
	"cmp"
	"math"
	"slices"
)

// BenjaminiHochberg reports, in the order of p, which of m tests are rejected so that on average at most the fraction q
// of the rejected ones are false: all up to the largest rank i with p(i) <= q i/m. A p that is no number counts as a
// test that is not rejected. It holds for independent and for positively dependent tests, as metrics of one run are.
//
// Source: Benjamini & Hochberg, Controlling the false discovery rate, J. R. Statist. Soc. B 57 (1995); dependence:
// Benjamini & Yekutieli, Ann. Statist. 29 (2001).
func BenjaminiHochberg(p []float64, q float64) []bool {
	order := make([]int, 0, len(p))
	for i := range p {
		if !math.IsNaN(p[i]) {
			order = append(order, i)
		}
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(p[a], p[b]) })
	last := -1
	for i, index := range order {
		if p[index] <= q*float64(i+1)/float64(len(p)) {
			last = i
		}
	}
	rejected := make([]bool, len(p))
	for _, index := range order[:last+1] {
		rejected[index] = true
	}
	return rejected
}
