package stats

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
)

// How Bootstrap resamples.
const (
	resamples    = 1000
	firstBlock   = 5   // seconds
	fewestBlocks = 8   // of a run: with fewer there is nothing to draw from
	independent  = 0.2 // correlation of neighbouring blocks that is taken for none
)

// Resampling says how a quantile now compares with what it was, by what both were made of. The zero Resampling stands for
// sides of which one has no samples.
type Resampling struct {
	Was, Now  float64 // the quantiles, in µs
	Ratio     float64 // Now over Was
	Low, High float64 // 95 % interval of Ratio
	PSlower   float64 // one-sided p of a ratio this high if nothing changed; never below 1/1001
	PFaster   float64
	Block     int // seconds that were drawn together
}

// Bootstrap compares the quantile q in (0, 1] of two sides, each of one or more runs given as one histogram a second: with all
// runs of a side merged. Whole blocks of seconds are drawn anew, each run from its own, because neighbouring seconds are alike;
// blocks are 5 s long, doubled until neighbouring blocks are not any more or there would be fewer than 8 of them. The
// interval is that of the percentiles; p is the share of the drawn ratios on the wrong side of 1, among 1000 and the one seen.
//
// It knows only how a run differs within itself. Runs differ from each other as well, and of that one or two say nothing: what
// it finds is a suspicion. Where seconds are alike by .9 even that p is too small: 13 % of unchanged runs of 120 s are below .05,
// 8 % of 240 s. The same seconds always give the same answer.
//
// Sources: Carlstein, The use of subseries values, Ann. Statist. 14 (1986); Davison & Hinkley, Bootstrap Methods (1997), 4.2
// (p) and 8.2.3 (blocks).
func Bootstrap(now, was [][]Histogram, q float64) Resampling {
	length := blockLength(slices.Concat(now, was), q)
	a, b := newUrn(now, length), newUrn(was, length)
	if a.empty() || b.empty() {
		return Resampling{PSlower: 1, PFaster: 1}
	}
	r := Resampling{Was: b.quantile(q, b.all), Now: a.quantile(q, a.all), Block: length}
	r.Ratio = r.Now / r.Was
	random := rand.New(rand.NewPCG(1979, 7)) // Efron's year; any seed does, as long as it stays
	ratios := make([]float64, 0, resamples)
	slower, faster := 1, 1 // the one seen counts for both
	for range resamples {
		ratio := a.draw(random, q) / b.draw(random, q)
		if math.IsNaN(ratio) { // nothing but empty blocks was drawn
			continue
		}
		ratios = append(ratios, ratio)
		if ratio <= 1 {
			slower++
		}
		if ratio >= 1 {
			faster++
		}
	}
	slices.Sort(ratios)
	r.Low, r.High = percentile(ratios, 0.025), percentile(ratios, 0.975)
	r.PSlower, r.PFaster = share(slower, len(ratios)), share(faster, len(ratios))
	return r
}

func share(n, of int) float64 { return float64(n) / float64(of+1) }

func percentile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return math.NaN()
	}
	return sorted[rank(q, int64(len(sorted)))-1]
}

// blockLength is in seconds the shortest block whose neighbours are not alike in any of the runs.
func blockLength(runs [][]Histogram, q float64) int {
	length := firstBlock
	for slices.ContainsFunc(runs, func(run []Histogram) bool {
		return len(run) >= 2*length*fewestBlocks && lagOne(blockValues(run, length, q)) > independent
	}) {
		length *= 2
	}
	return length
}

func blockValues(run []Histogram, length int, q float64) []float64 {
	var values []float64
	for seconds := range slices.Chunk(run, length) {
		if v := (Histogram{}).Merge(seconds...).Quantile(q); v > 0 {
			values = append(values, math.Log(v))
		}
	}
	return values
}

// lagOne is the correlation of neighbours: r1 of Box & Jenkins, Time Series Analysis (1970), 2.1.5. 0 when all are equal.
func lagOne(values []float64) float64 {
	mean, squares := meanSquares(values)
	if squares == 0 {
		return 0
	}
	var products float64
	for i := 1; i < len(values); i++ {
		products += (values[i] - mean) * (values[i-1] - mean)
	}
	return products / squares
}

// urn holds the blocks of one side's runs, to be drawn with replacement. Values are numbered ascending over all blocks, so that
// drawing adds numbers up and searches nothing.
type urn struct {
	values []int64
	runs   [][]block
	all    []int64 // how often each value is there
	drawn  []int64 // of the last draw
}

// block is a stretch of seconds: how often the value with a number occurs in it.
type block []bin

type bin struct {
	number int
	count  int64
}

func newUrn(runs [][]Histogram, seconds int) *urn {
	u := &urn{}
	var merged [][]Histogram
	for _, run := range runs {
		var blocks []Histogram
		for part := range slices.Chunk(run, seconds) {
			blocks = append(blocks, Histogram{}.Merge(part...))
		}
		merged = append(merged, blocks)
	}
	for _, b := range (Histogram{}).Merge(slices.Concat(merged...)...) {
		u.values, u.all = append(u.values, b.Value), append(u.all, b.Count)
	}
	u.drawn = make([]int64, len(u.values))
	for _, blocks := range merged {
		u.runs = append(u.runs, u.numbered(blocks))
	}
	return u
}

func (u *urn) numbered(blocks []Histogram) []block {
	var out []block
	for _, histogram := range blocks {
		var bins block
		for _, b := range histogram {
			i, _ := slices.BinarySearchFunc(u.values, b.Value, cmp.Compare[int64])
			bins = append(bins, bin{i, b.Count})
		}
		out = append(out, bins)
	}
	return out
}

func (u *urn) empty() bool { return len(u.values) == 0 }

// draw takes from each run as many blocks as it has, and returns their quantile; NaN when all are empty.
func (u *urn) draw(random *rand.Rand, q float64) float64 {
	clear(u.drawn)
	for _, blocks := range u.runs {
		for range blocks {
			for _, b := range blocks[random.IntN(len(blocks))] {
				u.drawn[b.number] += b.count
			}
		}
	}
	return u.quantile(q, u.drawn)
}

// quantile is Histogram.Quantile of the values with these counts; NaN when there are none.
func (u *urn) quantile(q float64, counts []int64) float64 {
	var total int64
	for _, n := range counts {
		total = add(total, n)
	}
	if total == 0 {
		return math.NaN()
	}
	target, seen := rank(q, total), int64(0)
	for i, n := range counts {
		if seen = add(seen, n); seen >= target {
			return float64(u.values[i])
		}
	}
	return math.NaN()
}
