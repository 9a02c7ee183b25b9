package stats

import (
	"cmp"
	"math/rand/v2"
	"slices"
)

// orders is values in a row, which might as well have come in any other order if nothing changed between them.
type orders struct {
	measured []int     // the order they came in, as ranks
	sorted   []float64 // by rank, from the least, which is 0: small numbers round less
	mean     float64
	apart    []float64 // by rank: the sum of distances to all values
	total    float64   // of the distances of all pairs
	seen     []sum     // Fenwick tree by rank, of those that were passed
}

type sum struct{ count, values float64 }

// split is a place to divide values at.
type split struct {
	at   int     // the first value of the right side
	q, p float64 // how far the sides are apart, and its probability in a random order
}

// weaker orders splits by what is dropped first.
func (a split) weaker(b split) bool { return a.p > b.p || a.p == b.p && a.q < b.q }

func newOrders(values []float64) *orders {
	n := len(values)
	byRank := identity(n)
	slices.SortStableFunc(byRank, func(a, b int) int { return cmp.Compare(values[a], values[b]) })
	o := &orders{measured: make([]int, n), sorted: make([]float64, n), apart: make([]float64, n), seen: make([]sum, n+1)}
	for rank, i := range byRank {
		o.measured[i], o.sorted[rank] = rank, values[i]-values[byRank[0]]
	}
	o.mean = mean(o.sorted)
	var below float64
	above := o.mean * float64(n)
	for rank, x := range o.sorted {
		above -= x
		o.apart[rank] = x*float64(2*rank+1-n) - below + above
		o.total += o.apart[rank] / 2
		below += x
	}
	return o
}

func identity(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

// split is the best one of the values as they came.
func (o *orders) split(draws int) split {
	at, q := o.best(o.measured)
	p := o.chance(draws, q, func(order []int) float64 {
		_, other := o.best(order)
		return other
	})
	return split{at, q, p}
}

// best is the split of an order with the greatest Q; the first of equals. Of the pairs' distances it keeps the sum on the
// left: the sum from the left to all values is twice that, and the distances across; what remains is on the right.
func (o *orders) best(order []int) (at int, q float64) {
	clear(o.seen)
	n := float64(len(order))
	var within, apart, passed float64 // distances on the left, distances of the left to all, sum of the left
	for i, rank := range order[:len(order)-shortest] {
		x, before, lower := o.sorted[rank], float64(i), o.lower(rank)
		within += x*(2*lower.count-before) + passed - 2*lower.values
		apart += o.apart[rank]
		passed += x
		o.pass(rank, x)
		if i+1 < shortest {
			continue
		}
		left, right := before+1, n-before-1
		across := apart - 2*within
		rest := o.total - within - across
		if here := 2 / n * (across - within*right/(left-1) - rest*left/(right-1)); here > q {
			at, q = i+1, here
		}
	}
	return at, q
}

// lower sums those that were passed and have a lower rank.
func (o *orders) lower(rank int) (sum sum) {
	for ; rank > 0; rank &= rank - 1 {
		sum.count += o.seen[rank].count
		sum.values += o.seen[rank].values
	}
	return sum
}

func (o *orders) pass(rank int, x float64) {
	for i := rank + 1; i < len(o.seen); i += i & -i {
		o.seen[i].count++
		o.seen[i].values += x
	}
}

// episode is the stretch of the values as they came that differs most from what surrounds it, from one value till before
// another, and its probability in a random order; 1 when the stretch or what is to one side of it is too short.
func (o *orders) episode(draws int) (from, till int, p float64) {
	from, till, height := o.excursion(o.measured)
	if min(from, till-from, len(o.measured)-till) < shortest {
		return from, till, 1
	}
	return from, till, o.chance(draws, height, func(order []int) float64 {
		_, _, other := o.excursion(order)
		return other
	})
}

// excursion is the stretch between the lowest and the highest point of the cumulative sum of deviations from the mean.
func (o *orders) excursion(order []int) (from, till int, height float64) {
	var sum, lowest, highest float64
	var low, high int
	for i, rank := range order {
		sum += o.sorted[rank] - o.mean
		if sum < lowest {
			lowest, low = sum, i+1
		}
		if sum > highest {
			highest, high = sum, i+1
		}
	}
	return min(low, high), max(low, high), highest - lowest
}

// chance is the share of random orders that measure as much as the values as they came. It stops when the share is surely
// over weakLevel.
func (o *orders) chance(draws int, came float64, measure func(order []int) float64) float64 {
	random := rand.New(rand.NewPCG(2014, uint64(len(o.sorted)))) // any seed does, as long as it stays
	order, asMuch := identity(len(o.sorted)), 0
	for drawn := 1; drawn <= draws; drawn++ {
		random.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		if measure(order) < came*(1-1e-9) { // equal ones differ by rounding
			continue
		}
		asMuch++
		if float64(asMuch+1) > weakLevel*float64(draws+1) {
			return float64(asMuch) / float64(drawn)
		}
	}
	return float64(asMuch+1) / float64(draws+1)
}
