package charts

import (
	"cmp"
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

// The column of labels right of the plot, in px.
const (
	labelIndent = 42  // from the plot to the words: room for a leader
	labelPitch  = 30  // from one label to the next
	labelMost   = 190 // widest words
)

// label names a line at its end, instead of a legend.
type label struct {
	text   string
	ms     float64 // where its line ends
	stroke stroke
}

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
	for _, g := range p.Gates {
		if plausible(g.Value, maxLatency) {
			labels = append(labels, label{p.cut(p.printable(g.text()), small, labelMost), g.Value, gateStroke})
		}
	}
	return labels
}

// labelRoom is how wide the column of labels must be. A tenth is spare: a browser without Roboto draws the SVG in a wider
// face.
func (p picture) labelRoom() int {
	widest := max(p.width(p.errorLabel(), small), p.width(p.errorRemark(), small))
	for _, l := range p.labels {
		widest = max(widest, p.width(l.text, small))
	}
	return labelIndent + widest + widest/10
}

// drawLabels writes the labels in a column, each as near as can be to its line and led there; an arrow stands for a
// line beyond the axis. When there are more than the column holds, the last are left out.
func (p picture) drawLabels() {
	labels := p.labels[:min(len(p.labels), (p.plot.Dy()-8)/labelPitch+1)]
	slices.SortStableFunc(labels, func(a, b label) int { return cmp.Compare(b.ms, a.ms) })
	ends := make([]int, len(labels))
	for i, l := range labels {
		ends[i] = p.y(l.ms)
	}
	for i, y := range spread(ends, labelPitch, p.plot.Min.Y+8, p.plot.Max.Y) {
		l := labels[i]
		from, to := image.Pt(p.plot.Max.X+2, ends[i]), image.Pt(p.plot.Max.X+14, y)
		p.line(stroke{l.stroke.color, min(2, l.stroke.width), nil}, from, to)
		if l.ms > p.axis.max {
			p.arrow(ink, to.X+10, y-8)
		} else {
			p.line(l.stroke, to, to.Add(image.Pt(22, 0)))
		}
		p.text(l.text, p.plot.Max.X+labelIndent, y+8, small, ink)
	}
}

// spread moves sorted positions apart so that neighbours are at least pitch apart, all lie between low and high if they
// fit, and the sum of squared moves is least: neighbours too close share a group, which stands around its mean (isotonic
// regression by pooling adjacent violators).
func spread(wanted []int, pitch, low, high int) []int {
	type group struct{ sum, n int } // of the wanted positions, each less the pitches before it
	var groups []group
	mean := func(g group) float64 { return float64(g.sum) / float64(g.n) }
	for i, w := range wanted {
		g := group{w - i*pitch, 1}
		for len(groups) > 0 && mean(groups[len(groups)-1]) >= mean(g) {
			last := groups[len(groups)-1]
			g = group{g.sum + last.sum, g.n + last.n}
			groups = groups[:len(groups)-1]
		}
		groups = append(groups, g)
	}
	var placed []int
	for _, g := range groups {
		base := max(low, min(high-(len(wanted)-1)*pitch, int(math.Round(mean(g)))))
		for range g.n {
			placed = append(placed, base+len(placed)*pitch)
		}
	}
	return placed
}
