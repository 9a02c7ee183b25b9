package tally

import (
	"cmp"
	"math/bits"
	"slices"
	"time"

	"bellwether/internal/stats"
)

const (
	statuses = 6            // "none", "1xx" … "5xx"; what is beyond counts as none
	classes  = 2 * statuses // each as expected, and failed
	perStep  = 512          // bytes that a step takes besides its cells, where it is recorded, summed up and compared
	perCell  = 96
	perBin   = 16
	fine     = 11  // bits of a latency that are kept: to 0.1 %
	rough    = 8   // of a large file: to 0.8 %
	unsorted = 128 // latencies that a series keeps before it files them
)

// longest is the longest latency that is told apart, in µs; what takes longer counts as this.
const longest = int64(time.Hour / time.Microsecond)

// series is the requests of one target and class.
type series struct {
	cells   map[int64]*cell // by step
	current *cell           // the one that raw belongs to
	step    int64           // its
	raw     []int64         // values of bins, in any order
}

// cell is what became of the requests of one step.
type cell struct {
	bytes int64
	bins  stats.Histogram
}

// of is the series that a request belongs to.
func (t *Target) of(r Request) *series {
	class := r.Status / 100
	if class < 0 || class >= statuses {
		class = 0
	}
	if r.Failed {
		class += statuses
	}
	if t.series[class] == nil {
		t.series[class] = &series{cells: map[int64]*cell{}}
	}
	return t.series[class]
}

// add returns how many bytes of memory that took.
func (s *series) add(step, bytes, value int64) (spent int) {
	if s.current == nil || s.step != step {
		spent = s.open(step)
	}
	s.current.bytes += bytes
	s.raw = append(s.raw, value)
	if len(s.raw) >= unsorted {
		spent += s.file()
	}
	return spent
}

// open makes a step the current one.
func (s *series) open(step int64) (spent int) {
	spent = s.file()
	c, ok := s.cells[step]
	if !ok {
		c = &cell{}
		s.cells[step] = c
		spent += perCell
	}
	s.current, s.step = c, step
	return spent
}

// file moves what is unsorted into the current cell.
func (s *series) file() (spent int) {
	if len(s.raw) == 0 {
		return 0
	}
	slices.Sort(s.raw)
	before := cap(s.current.bins)
	s.current.bins = insert(s.current.bins, s.raw)
	s.raw = s.raw[:0]
	return (cap(s.current.bins) - before) * perBin
}

// insert adds ascending values to a histogram, in place as long as there is room.
func insert(bins stats.Histogram, values []int64) stats.Histogram {
	if len(values) == 1 { // as where requests come in no order
		return insertOne(bins, values[0])
	}
	missing, at := 0, 0
	for i, v := range values {
		for at < len(bins) && bins[at].Value < v {
			at++
		}
		switch {
		case at < len(bins) && bins[at].Value == v:
			bins[at].Count++
		case i == 0 || values[i-1] != v:
			missing++
		}
	}
	if missing == 0 {
		return bins
	}
	return spread(bins, values, missing)
}

func insertOne(bins stats.Histogram, value int64) stats.Histogram {
	at, found := slices.BinarySearchFunc(bins, value, func(b stats.Bin, value int64) int { return cmp.Compare(b.Value, value) })
	if !found {
		return slices.Insert(bins, at, stats.Bin{Value: value, Count: 1})
	}
	bins[at].Count++
	return bins
}

// spread makes room for values that no bin has, from the end, so that nothing is moved twice. The others were counted.
func spread(bins stats.Histogram, values []int64, missing int) stats.Histogram {
	from := len(bins) - 1
	bins = slices.Grow(bins, missing)[:len(bins)+missing]
	to := len(bins) - 1
	for i := len(values) - 1; to > from; {
		if from >= 0 && (i < 0 || bins[from].Value >= values[i]) {
			for i >= 0 && values[i] == bins[from].Value {
				i--
			}
			bins[to] = bins[from]
			from, to = from-1, to-1
			continue
		}
		fresh := stats.Bin{Value: values[i]}
		for ; i >= 0 && values[i] == fresh.Value; i-- {
			fresh.Count++
		}
		bins[to] = fresh
		to--
	}
	return bins
}

// bin is the highest value of the bucket that a latency (µs) falls into. With 11 bits it is the bucket of an HdrHistogram of three
// digits from 1 µs, as stats.FromHDR has it: buckets are one wide up to 2048, and twice as wide with every doubling. With fewer
// bits they are wider by as many doublings, and hold the same ones of those.
func bin(took int64, precision int) int64 {
	took = max(1, min(took, longest))
	wide := max(0, bits.Len64(uint64(took))-precision)
	return (took>>wide+1)<<wide - 1
}
