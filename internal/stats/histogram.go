package stats

import (
	"cmp"
	"math"
	"math/bits"
	"slices"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Histogram is a sparse latency histogram: the occupied buckets of an HdrHistogram, ascending by Value. The nil
// Histogram is empty. Histograms recorded with 3 significant digits from 1 µs share their bucket borders whatever
// their range, so they merge without loss across seconds, machines and runs. Never average quantiles: merge, then ask.
type Histogram []Bin

// Bin is one occupied bucket. Value is the highest value in µs that falls into it, the one HdrHistogram itself reports
// as a quantile; recording it again lands in the same bucket.
type Bin struct{ Value, Count int64 }

// FromHDR takes a sparse snapshot of h, which must have been recorded in µs.
func FromHDR(h *hdrhistogram.Histogram) Histogram {
	snapshot := h.Export() // far less work than h.Distribution()
	layout := layoutOf(snapshot)
	var sparse Histogram
	for i, count := range snapshot.Counts {
		if count > 0 {
			sparse = append(sparse, Bin{Value: layout.highest(i), Count: count})
		}
	}
	return sparse
}

// layout is how HdrHistogram numbers its buckets: they are 2^unit wide, and twice as wide again every 2^half buckets,
// but for the first time. Source: http://hdrhistogram.org, Histogram.java, "countsArrayIndex".
type layout struct{ unit, half int }

func layoutOf(s *hdrhistogram.Snapshot) layout {
	singleUnits := 2 * math.Pow10(int(s.SignificantFigures)) // values told apart to the unit
	return layout{
		unit: bits.Len64(uint64(s.LowestTrackableValue)) - 1,
		half: bits.Len64(uint64(singleUnits)-1) - 1,
	}
}

// highest is the highest value that falls into bucket i.
func (l layout) highest(i int) int64 {
	doubled := max(0, i>>l.half-1)
	return int64(i-doubled<<l.half+1)<<(doubled+l.unit) - 1
}

// Merge returns a new histogram with the samples of h and all others. The order of merging makes no difference.
func (h Histogram) Merge(others ...Histogram) Histogram {
	all := slices.Concat(append([]Histogram{h}, others...)...)
	slices.SortFunc(all, func(a, b Bin) int { return cmp.Compare(a.Value, b.Value) })
	merged := all[:0]
	for _, bin := range all {
		if last := len(merged) - 1; last >= 0 && merged[last].Value == bin.Value {
			merged[last].Count = add(merged[last].Count, bin.Count)
			continue
		}
		merged = append(merged, bin)
	}
	return merged
}

// Count is the number of samples.
func (h Histogram) Count() int64 {
	var total int64
	for _, bin := range h {
		total = add(total, bin.Count)
	}
	return total
}

// Quantile returns in µs the value at quantile q in (0, 1]: the highest value equivalent to the sample of rank
// q*Count+0.5, rounded down, which is hdrhistogram's ValueAtQuantile(100*q). It is NaN for an empty histogram or a q
// that is no number; a q outside the range is moved to its nearer end.
func (h Histogram) Quantile(q float64) float64 {
	if math.IsNaN(q) {
		return q
	}
	target, seen := rank(q, h.Count()), int64(0)
	for _, bin := range h {
		if seen = add(seen, bin.Count); seen >= target {
			return float64(bin.Value)
		}
	}
	return math.NaN() // empty
}

// rank returns which of total ascending samples, counted from 1, stands for quantile q.
func rank(q float64, total int64) int64 {
	r := q*float64(total) + 0.5
	if r >= float64(total) { // compared as float: near MaxInt64 the conversion would overflow
		return total
	}
	return max(1, int64(r))
}

// add returns a+b for non-negative a and b, MaxInt64 when that is too large.
func add(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}
