package charts

import (
	"iter"
	"math"
	"slices"
)

// Numbers beyond these are no measurements; they are left out, as NaN is.
const (
	maxSeconds = 1e7 // about 116 days
	maxLatency = 1e9 // ms, about 11 days
)

// maxCells is the most points a line has, about one for every three pixels: with more, dashes are no longer seen.
const maxCells = 240

// grid is a Latency cut into equal cells of whole seconds from the start of the run. A long run has several seconds in
// a cell, of which the worst is kept, so that no spike gets lost. NaN is a cell without samples.
type grid struct {
	cell          float64 // s
	n             int
	p50, p95, p99 []float64
	low, high     []float64
	errors        []float64
}

func (l Latency) grid() grid {
	end := 0.0
	for _, s := range l.Seconds {
		if plausible(s, maxSeconds) {
			end = max(end, math.Floor(s)+1)
		}
	}
	g := grid{cell: max(1, math.Ceil(end/maxCells))}
	g.n = int(math.Ceil(end / g.cell))
	g.p50 = g.fold(l.Seconds, l.P50, math.Max)
	g.p95 = g.fold(l.Seconds, l.P95, math.Max)
	g.p99 = g.fold(l.Seconds, l.P99, math.Max)
	g.errors = g.fold(l.Seconds, l.Errors, math.Max)
	g.low = g.foldBand(l.Seconds, l.Band.Low, math.Min)
	g.high = g.foldBand(l.Seconds, l.Band.High, math.Max)
	return g
}

// fold puts values into their cells and keeps one of those that share a cell.
func (g grid) fold(seconds, values []float64, keep func(a, b float64) float64) []float64 {
	cells := slices.Repeat([]float64{math.NaN()}, g.n)
	for i, v := range values[:min(len(values), len(seconds))] {
		if !plausible(seconds[i], maxSeconds) || !plausible(v, maxLatency) {
			continue
		}
		k := int(seconds[i] / g.cell)
		if !math.IsNaN(cells[k]) {
			v = keep(cells[k], v)
		}
		cells[k] = v
	}
	return cells
}

// foldBand is fold for one edge of a Band, which may be a single number.
func (g grid) foldBand(seconds, edge []float64, keep func(a, b float64) float64) []float64 {
	if len(edge) == 1 && plausible(edge[0], maxLatency) {
		return slices.Repeat(edge, g.n)
	}
	return g.fold(seconds, edge, keep)
}

// stretches yields the half-open ranges of neighbouring cells in which every series has a sample.
func (g grid) stretches(series ...[]float64) iter.Seq2[int, int] {
	return func(yield func(from, to int) bool) {
		from := -1
		for k := range g.n + 1 {
			sampled := k < g.n && !slices.ContainsFunc(series, func(s []float64) bool { return math.IsNaN(s[k]) })
			switch {
			case sampled && from < 0:
				from = k
			case !sampled && from >= 0:
				if !yield(from, k) {
					return
				}
				from = -1
			}
		}
	}
}

// sample is one point of a line.
type sample struct {
	second, value float64
}

// trace is the line through the middles of the cells from, …, to-1. It begins and ends level at the edges of the outer
// cells, so that even a lone second can be seen, and is as wide as a second.
func (g grid) trace(values []float64, from, to int) []sample {
	line := []sample{{float64(from) * g.cell, values[from]}}
	for k := from; k < to; k++ {
		line = append(line, sample{(float64(k) + 0.5) * g.cell, values[k]})
	}
	return append(line, sample{float64(to) * g.cell, values[to-1]})
}

// judged sorts the measurements after the warm-up; if there are none, all measurements.
func (l Latency) judged(values []float64) []float64 {
	var judged, all []float64
	for i, v := range values {
		if !plausible(v, maxLatency) {
			continue
		}
		all = append(all, v)
		if i < len(l.Seconds) && l.Seconds[i] >= l.Warmup {
			judged = append(judged, v)
		}
	}
	if len(judged) == 0 {
		judged = all
	}
	slices.Sort(judged)
	return judged
}

// quantile is the nearest-rank quantile, 0 < q <= 1, of sorted values, of which there is at least one.
func quantile(sorted []float64, q float64) float64 {
	return sorted[max(0, int(math.Ceil(q*float64(len(sorted))))-1)]
}

func (g grid) hasLatency() bool {
	return sampled(g.p50) || sampled(g.p95) || sampled(g.p99)
}

// sampled reports whether any cell has a sample.
func sampled(cells []float64) bool {
	return slices.ContainsFunc(cells, func(v float64) bool { return !math.IsNaN(v) })
}

func plausible(v, most float64) bool {
	return v >= 0 && v <= most // false for NaN
}
