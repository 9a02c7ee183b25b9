package charts

import (
	"cmp"
	"fmt"
	"image"
	"math"
	"slices"

	"github.com/wcharczuk/go-chart/v2/drawing"
)

// points places a line in the plot.
func (p picture) points(line []sample) []image.Point {
	points := make([]image.Point, len(line))
	for i, s := range line {
		points[i] = image.Pt(p.x(s.second), p.y(s.value))
	}
	return points
}

// latencyPlot draws everything above the errors but the warm-up.
func (p picture) latencyPlot() {
	if !p.hasLatency() {
		p.box(shade, p.plot)
		return
	}
	for _, v := range p.axis.ticks() {
		p.line(stroke{rule, 1, nil}, image.Pt(p.plot.Min.X, p.y(v)), image.Pt(p.plot.Max.X, p.y(v)))
		p.textLeft(p.axis.tick(v), p.plot.Min.X-10, p.y(v)+8, small, grey)
	}
	p.band()
	p.excess()
	for _, g := range p.Gates {
		if plausible(g.Value, p.axis.max) {
			p.line(gateStroke, image.Pt(p.plot.Min.X, p.y(g.Value)), image.Pt(p.plot.Max.X, p.y(g.Value)))
		}
	}
	p.curve(p.p99, p99Stroke)
	p.curve(p.p50, p50Stroke)
	p.curve(p.p95, p95Stroke)
	p.drawLabels()
}

// band fills where the baseline's p95 lay.
func (p picture) band() {
	for from, to := range p.stretches(p.low, p.high) {
		high := p.points(p.trace(p.high, from, to))
		low := p.points(p.trace(p.low, from, to))
		p.line(stroke{skyBlue, 1, nil}, high...)
		p.line(stroke{skyBlue, 1, nil}, low...)
		slices.Reverse(low)
		p.area(bandFill, append(high, low...)...)
	}
}

// excess fills between the baseline's band and a p95 above it: where, and by how much, the release is slower.
func (p picture) excess() {
	for from, to := range p.stretches(p.p95, p.high) {
		high := p.trace(p.high, from, to)
		floor := p.points(high)
		slices.Reverse(floor)
		p.area(excessFill, append(p.points(above(p.trace(p.p95, from, to), high)), floor...)...)
	}
}

// above is the higher of two lines over the same seconds, with a sample of its own where they cross.
func above(a, b []sample) []sample {
	var line []sample
	for i := range a {
		if i > 0 {
			was, is := a[i-1].value-b[i-1].value, a[i].value-b[i].value
			if was*is < 0 {
				t := was / (was - is)
				line = append(line, sample{
					a[i-1].second + t*(a[i].second-a[i-1].second),
					a[i-1].value + t*(a[i].value-a[i-1].value),
				})
			}
		}
		line = append(line, sample{a[i].second, max(a[i].value, b[i].value)})
	}
	return line
}

// curve draws one percentile, with a dot on every second of a short run.
func (p picture) curve(values []float64, s stroke) {
	for from, to := range p.stretches(values) {
		line := p.points(p.trace(values, from, to))
		p.line(s, line...)
		if p.n > 20 {
			continue
		}
		for _, at := range line[1 : len(line)-1] {
			p.roundedBox(s.color, image.Rectangle{at, at}.Inset(-int(s.width)-2), int(s.width)+2)
		}
	}
}

// clip is a stretch of a line beyond the axis.
type clip struct {
	second, ms float64 // of its highest point
}

// clips finds the highest point of each stretch beyond the axis, the highest of all first.
func (p picture) clips() []clip {
	beyond := make([]float64, p.n)
	for k := range beyond {
		beyond[k] = math.NaN()
		for _, v := range []float64{p.p50[k], p.p95[k], p.p99[k]} {
			if v > p.axis.max && !(beyond[k] > v) {
				beyond[k] = v
			}
		}
	}
	var clips []clip
	for from, to := range p.stretches(beyond) {
		peak := slices.Max(beyond[from:to])
		k := from + slices.Index(beyond[from:to], peak)
		clips = append(clips, clip{(float64(k) + 0.5) * p.cell, peak})
	}
	slices.SortStableFunc(clips, func(a, b clip) int { return cmp.Compare(b.ms, a.ms) })
	return clips
}

// headNotes writes above the plot: what the greyed part is, what a point stands for, and how high each clipped stretch
// went. A note that would cover an earlier one is left out; the arrow of its clip stays.
func (p picture) headNotes() {
	var taken []image.Rectangle
	note := func(text string, left int, color drawing.Color) {
		room := image.Rect(left-8, 0, left+p.width(text, small)+8, 1)
		if !slices.ContainsFunc(taken, room.Overlaps) {
			p.text(text, left, p.plot.Min.Y-10, small, color)
			taken = append(taken, room)
		}
	}
	if p.Warmup > 0 {
		note("warm-up", p.plot.Min.X, grey)
	}
	if p.cell > 1 {
		text := fmt.Sprintf("each point: worst of %g s", p.cell)
		note(text, width-margin-p.width(text, small), grey)
	}
	for _, c := range p.clips() {
		x, text := p.x(c.second), formatLatency(c.ms)
		p.arrow(ink, x, p.plot.Min.Y)
		note(text, max(p.plot.Min.X, x-p.width(text, small)/2), ink)
	}
}
