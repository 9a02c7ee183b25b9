package charts

import (
	"cmp"
	"image"
	"math"
	"slices"

	"github.com/wcharczuk/go-chart/v2/drawing"
)

// frame is what all pictures share: the card with its heading, and on it a plot with a latency axis on its left and labels
// on its right.
type frame struct {
	pen
	axis   axis
	labels []label
	plot   image.Rectangle
}

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

// card is the light ground that lets the picture stand on a dark page too.
func (f frame) card() {
	f.roundedBox(border, image.Rect(0, 0, width, height), 18)
	f.roundedBox(drawing.ColorWhite, image.Rect(2, 2, width-2, height-2), 16)
}

// heading writes title and subtitle and returns where they end. A title that is too long for a line gets smaller
// letters, then a second line, and then loses its end.
func (f frame) heading(title, subtitle string) int {
	const room = width - 2*margin
	y, title := 62, f.printable(title)
	if f.width(title, large) <= room {
		f.text(title, margin, y, large, ink)
	} else {
		first, rest := f.wrap(title, medium, room)
		f.text(f.cut(first, medium, room), margin, y-2, medium, ink)
		if rest != "" {
			y += 36
			f.text(f.cut(rest, medium, room), margin, y-2, medium, ink)
		}
	}
	if subtitle = f.printable(subtitle); subtitle != "" {
		y += 36
		f.text(f.cut(subtitle, small, room), margin, y, small, grey)
	}
	return y + 8
}

// scaleRoom is how wide the numbers left of the plot are.
func (f frame) scaleRoom() int {
	widest := f.width("100 %", small)
	for _, v := range f.axis.ticks() {
		widest = max(widest, f.width(f.axis.tick(v), small))
	}
	return widest + 12
}

// y is where a latency lies; what is beyond the axis lies on its end.
func (f frame) y(ms float64) int {
	share := min(1, ms/f.axis.max)
	return f.plot.Max.Y - int(math.Round(share*float64(f.plot.Dy())))
}

// rules draws the ticks of the axis across the plot.
func (f frame) rules() {
	for _, v := range f.axis.ticks() {
		f.level(stroke{rule, 1, nil}, v)
		f.textLeft(f.axis.tick(v), f.plot.Min.X-10, f.y(v)+8, small, grey)
	}
}

// gates draws the limits that the axis reaches.
func (f frame) gates(gates []Gate) {
	for _, g := range gates {
		if plausible(g.Value, f.axis.max) {
			f.level(gateStroke, g.Value)
		}
	}
}

// level draws one latency across the plot.
func (f frame) level(s stroke, ms float64) {
	f.line(s, image.Pt(f.plot.Min.X, f.y(ms)), image.Pt(f.plot.Max.X, f.y(ms)))
}

func (f frame) gateLabels(gates []Gate) (labels []label) {
	for _, g := range gates {
		if plausible(g.Value, maxLatency) {
			labels = append(labels, label{f.cut(f.printable(g.text()), small, labelMost), g.Value, gateStroke})
		}
	}
	return labels
}

// labelRoom is how wide the column of labels must be, with others that stand in it. A tenth is spare: a browser without
// Roboto draws the SVG in a wider face.
func (f frame) labelRoom(others ...string) int {
	widest := 0
	for _, l := range f.labels {
		widest = max(widest, f.width(l.text, small))
	}
	for _, text := range others {
		widest = max(widest, f.width(text, small))
	}
	return labelIndent + widest + widest/10
}

// drawLabels writes the labels in a column, each as near as can be to its line and led there; an arrow stands for a
// line beyond the axis. When there are more than the column holds, the last are left out.
func (f frame) drawLabels() {
	labels := slices.Clone(f.labels[:min(len(f.labels), (f.plot.Dy()-8)/labelPitch+1)])
	slices.SortStableFunc(labels, func(a, b label) int { return cmp.Compare(b.ms, a.ms) })
	ends := make([]int, len(labels))
	for i, l := range labels {
		ends[i] = f.y(l.ms)
	}
	for i, y := range spread(ends, labelPitch, f.plot.Min.Y+8, f.plot.Max.Y) {
		l := labels[i]
		from, to := image.Pt(f.plot.Max.X+2, ends[i]), image.Pt(f.plot.Max.X+14, y)
		f.line(stroke{l.stroke.color, min(2, l.stroke.width), nil}, from, to)
		if l.ms > f.axis.max {
			f.arrow(ink, to.X+10, y-8)
		} else {
			f.line(l.stroke, to, to.Add(image.Pt(22, 0)))
		}
		f.text(l.text, f.plot.Max.X+labelIndent, y+8, small, ink)
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

// notes are words above a plot. One that would cover an earlier one is left out.
type notes struct {
	frame
	taken []image.Rectangle
}

func (n *notes) write(text string, left int, color drawing.Color) {
	room := image.Rect(left-8, 0, left+n.width(text, small)+8, 1)
	if !slices.ContainsFunc(n.taken, room.Overlaps) {
		n.text(text, left, n.plot.Min.Y-10, small, color)
		n.taken = append(n.taken, room)
	}
}

// clipped marks what lies beyond the axis at x, and says how far.
func (n *notes) clipped(x int, ms float64) {
	text := formatLatency(ms)
	n.arrow(ink, x, n.plot.Min.Y)
	n.write(text, max(n.plot.Min.X, x-n.width(text, small)/2), ink)
}
