package charts

import (
	"cmp"
	"fmt"
	"image"
	"math"
	"slices"

	"github.com/wcharczuk/go-chart/v2/drawing"
)

// How the lines and areas look: each percentile has a dash of its own as well as a colour.
var (
	p95Stroke  = stroke{blue, 5, nil}
	p50Stroke  = stroke{green, 3, []float64{14, 6}}
	p99Stroke  = stroke{purple, 4, []float64{4, 5}}
	bandStroke = stroke{skyBlue.WithAlpha(120), 18, nil}
	gateStroke = stroke{ink, 2, []float64{9, 7}}

	bandFill   = skyBlue.WithAlpha(70)
	excessFill = vermillion.WithAlpha(60)
	veil       = drawing.ColorFromHex("EEF0F2").WithAlpha(190)
)

// lineLabels names what is drawn, the most important first.
func (p picture) lineLabels() []label {
	var labels []label
	add := func(text string, line []float64, s stroke) {
		for _, ms := range slices.Backward(line) {
			if !math.IsNaN(ms) {
				labels = append(labels, label{text, ms, s})
				return
			}
		}
	}
	add("p95", p.p95, p95Stroke)
	add("p50", p.p50, p50Stroke)
	add("p99", p.p99, p99Stroke)
	middle := make([]float64, p.n)
	for k := range middle {
		middle[k] = (p.low[k] + p.high[k]) / 2
	}
	add("baseline", middle, bandStroke)
	return append(labels, p.gateLabels(p.Gates)...)
}

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
	p.rules()
	p.band()
	p.excess()
	p.gates(p.Gates)
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
// went. Of a clip whose note would cover an earlier one the arrow stays.
func (p picture) headNotes() {
	n := notes{frame: p.frame}
	if p.Warmup > 0 {
		n.write("warm-up", p.plot.Min.X, grey)
	}
	if p.cell > 1 {
		text := fmt.Sprintf("each point: worst of %g s", p.cell)
		n.write(text, width-margin-p.width(text, small), grey)
	}
	for _, c := range p.clips() {
		n.clipped(p.x(c.second), c.ms)
	}
}
