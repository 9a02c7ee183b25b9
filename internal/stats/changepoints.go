package stats

import (
	"cmp"
	"math"
	"slices"
)

// ChangePoint is where the level of a series of values changed.
type ChangePoint struct {
	Index  int     // of the first value of the new level, from 0
	Before float64 // mean of the values since the change point before
	After  float64 // mean of the values until the next change point
	P      float64 // of a change this clear somewhere between the neighbouring change points, if there was none
}

// What ChangePoints holds itself to.
const (
	changeLevel = 0.01 // P of a change point is at most this
	weakLevel   = 0.05 // of those that are found first, and may be merged away
	weakDraws   = 39   // random orders that tell whether a change point is weak
	shortest    = 2    // values of a level: one alone may be a slip, and has no distance to others
)

// ChangePoints finds where the level of a series changed, in order; the values are in the order of time. Values that are
// not finite were not measured: they are left out, and an index still counts them. Fewer than ten values prove nothing:
// the clearest of steps is not rare enough among their orders.
//
// It is E-divisive with one dimension and exponent 1: the split of n+m values X, Y that makes
//
//	Q = nm/(n+m) (2 E|X-Y| - E|X-X'| - E|Y-Y'|)
//
// greatest is where the level may have changed, and then both sides are split likewise. P is corrected for the search
// over all splits: it is the share of random orders of the same values in which the best split has a Q as great. No one
// split finds a change that was undone, so where there is none a stretch is looked for that differs from what surrounds
// it; random orders tell likewise whether it is one.
//
// Splits with P up to weakLevel divide further, since what is weak may be so for what has not been found yet. Then the
// weakest is taken away, and the splits beside it are looked at again, until all have a P of changeLevel or less.
//
// Orders are drawn with a fixed seed from the sorted values: a series has the same change points whenever it is asked,
// backwards, and in any unit. The values must not lean on those before them: drifts and waves are cut into steps.
//
// Sources: Matteson & James, A nonparametric approach for multiple change point analysis of multivariate data, JASA 109
// (2014), for Q, bisection and the permutation test; Levin & Kline, The CUSUM test of homogeneity, Stat. Med. 4 (1985),
// for changes that were undone; Besag & Clifford, Sequential Monte Carlo p-values, Biometrika 78 (1991), for stopping
// early; Fleming et al., Hunter, ICPE (2023), for merging, which is what Apache Otava does.
func ChangePoints(values []float64) []ChangePoint {
	s := newSeries(values)
	weak := s.bisect(span{0, len(s.values)})
	return s.describe(s.merge(s.moved(s.merge(weak))))
}

// series is the measured values, and the splits of its spans that have been searched.
type series struct {
	values []float64
	index  []int     // of each value in the series that was given
	scaled []float64 // the values as fractions of the greatest, lest sums over large ones overflow
	splits map[span]split
}

// span is the values from one, till before another.
type span struct{ from, till int }

func newSeries(values []float64) series {
	s := series{splits: map[span]split{}}
	greatest := 0.0
	for i, v := range values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			continue
		}
		s.values, s.index = append(s.values, v), append(s.index, i)
		greatest = max(greatest, math.Abs(v))
	}
	for _, v := range s.values {
		s.scaled = append(s.scaled, v/cmp.Or(greatest, 1))
	}
	return s
}

// bisect returns the weak change points of a span.
func (s series) bisect(in span) []int {
	cuts := s.cuts(in)
	if cuts == nil {
		return nil
	}
	var points []int
	from := in.from
	for _, at := range cuts {
		points = append(append(points, s.bisect(span{from, at})...), at)
		from = at
	}
	return append(points, s.bisect(span{from, in.till})...)
}

// cuts are one or two weak change points, or none.
func (s series) cuts(in span) []int {
	o := s.orders(in)
	if o == nil {
		return nil
	}
	if best := o.split(weakDraws); best.p <= weakLevel {
		return []int{in.from + best.at}
	}
	from, till, p := o.episode(draws(in.till - in.from))
	if p > changeLevel {
		return nil
	}
	return []int{in.from + from, in.from + till}
}

// merge drops the weakest point until all are sure.
func (s series) merge(points []int) []int {
	for len(points) > 0 {
		weakest := 0
		for i := range points {
			if s.around(points, i).weaker(s.around(points, weakest)) {
				weakest = i
			}
		}
		if s.around(points, weakest).p <= changeLevel {
			break
		}
		points = slices.Delete(points, weakest, weakest+1)
	}
	return points
}

// moved puts every point where the split between its neighbours is best: before they were known it was a compromise.
func (s series) moved(points []int) []int {
	var moved []int
	for i := range points {
		moved = append(moved, s.around(points, i).at)
	}
	slices.Sort(moved)
	return slices.Compact(moved)
}

// around is the best split between the neighbours of a point.
func (s series) around(points []int, i int) split {
	in := span{0, len(s.values)}
	if i > 0 {
		in.from = points[i-1]
	}
	if i < len(points)-1 {
		in.till = points[i+1]
	}
	best, known := s.splits[in]
	if !known {
		best = split{p: 1}
		if o := s.orders(in); o != nil {
			best = o.split(draws(in.till - in.from))
		}
		best.at += in.from
		s.splits[in] = best
	}
	return best
}

// orders of the values of a span; nil when there is nothing to split.
func (s series) orders(in span) *orders {
	values := s.scaled[in.from:in.till]
	if len(values) < 2*shortest || slices.Min(values) == slices.Max(values) {
		return nil
	}
	return newOrders(values)
}

// draws is how many orders of n values tell whether a point is sure: as many as Matteson & James draw, and more of few
// values, which take no time, so that P is finer.
func draws(n int) int { return max(199, min(9999, 100_000/n)) }

func (s series) describe(points []int) []ChangePoint {
	var changes []ChangePoint
	edges := slices.Concat([]int{0}, points, []int{len(s.values)})
	for i, at := range points {
		changes = append(changes, ChangePoint{
			Index:  s.index[at],
			Before: mean(s.values[edges[i]:at]),
			After:  mean(s.values[at:edges[i+2]]),
			P:      s.around(points, i).p,
		})
	}
	return changes
}

func mean(values []float64) float64 {
	var m float64
	for i, v := range values {
		m += v/float64(i+1) - m/float64(i+1)
	}
	return m
}
