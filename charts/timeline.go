package charts

import (
	"cmp"
	"fmt"
	"image"
	"io"
	"math"
	"slices"

	chart "github.com/wcharczuk/go-chart/v2"
	"github.com/wcharczuk/go-chart/v2/drawing"
)

// How the runs look. Each mark has a shape of its own as well as a colour.
var (
	runStroke   = stroke{blue, 3, nil}
	lastStroke  = stroke{blue, 5, nil}
	shiftStroke = stroke{purple, 4, []float64{4, 5}}
)

// Measures of a timeline in px.
const (
	keyRoom   = 40  // beneath the versions, for what the marks mean
	labelGap  = 26  // between two versions
	widestRun = 200 // of a version; a longer one loses its middle
	markSize  = 11  // from a mark's middle to its edge
)

// timeline is a Releases being drawn.
type timeline struct {
	frame
	Releases
}

// draw writes the picture to w in the format of the canvas; escape makes text safe for that format.
func (r Releases) draw(canvas chart.Renderer, escape func(string) string, w io.Writer) error {
	pen, err := newPen(canvas, escape)
	if err != nil {
		return fmt.Errorf("load the font: %w", err)
	}
	t := timeline{frame{pen: pen, axis: r.latencyAxis()}, r}
	t.card()
	top := t.heading(r.Title, r.Subtitle)
	if len(r.Runs) == 0 {
		t.textAround("no runs", width/2, (top+height)/2, large, grey)
		return canvas.Save(w)
	}
	t.measure(top)
	t.history()
	t.headNotes()
	t.versions()
	t.key()
	return canvas.Save(w)
}

// measure divides what is left of the card beneath top.
func (t *timeline) measure(top int) {
	t.labels = t.lineLabels()
	bottom := height - timeRoom
	if len(t.standings()) > 0 {
		bottom -= keyRoom
	}
	t.plot = image.Rect(margin+t.scaleRoom(), top+markRoom, width-margin-t.labelRoom(), bottom)
}

// lineLabels names what is drawn, with the newest value.
func (t timeline) lineLabels() (labels []label) {
	values := t.values()
	if len(values) == 0 {
		return nil
	}
	last := values[len(values)-1]
	labels = append(labels, label{"last " + formatLatency(last), last, lastStroke})
	for _, run := range slices.Backward(t.Runs) {
		if run.banded() {
			labels = append(labels, label{"baseline", (run.Low + run.High) / 2, bandStroke})
			break
		}
	}
	return append(labels, t.gateLabels(t.Gates)...)
}

// edge is where the room of run i begins, which is that of the one before's end.
func (t timeline) edge(i int) int {
	return t.plot.Min.X + i*t.plot.Dx()/len(t.Runs)
}

// x is the middle of the room of run i.
func (t timeline) x(i int) int { return (t.edge(i) + t.edge(i+1)) / 2 }

// at is where run i stands with a value.
func (t timeline) at(i int, ms float64) image.Point { return image.Pt(t.x(i), t.y(ms)) }

// history draws everything between the axis and the labels.
func (t timeline) history() {
	if len(t.values()) == 0 {
		t.box(shade, t.plot)
		t.textAround("nothing measured that counts", (t.plot.Min.X+t.plot.Max.X)/2, (t.plot.Min.Y+t.plot.Max.Y)/2+8, small, grey)
	} else {
		t.rules()
	}
	t.line(stroke{border, 2, nil}, image.Pt(t.plot.Min.X, t.plot.Max.Y), image.Pt(t.plot.Max.X, t.plot.Max.Y))
	t.bands()
	t.gates(t.Gates)
	for _, s := range t.shifts() {
		t.line(shiftStroke, image.Pt(t.edge(s.At), t.plot.Min.Y), image.Pt(t.edge(s.At), t.plot.Max.Y))
	}
	t.join()
	t.points()
	t.drawLabels()
}

// bands fills where each run's baseline lay.
func (t timeline) bands() {
	for i, run := range t.Runs {
		if !run.banded() {
			continue
		}
		left, right, high, low := t.edge(i), t.edge(i+1), t.y(run.High), t.y(run.Low)
		t.box(bandFill, image.Rect(left, high, right, low))
		t.line(stroke{skyBlue, 1, nil}, image.Pt(left, high), image.Pt(right, high))
		t.line(stroke{skyBlue, 1, nil}, image.Pt(left, low), image.Pt(right, low))
	}
}

// join draws the line through neighbours that count.
func (t timeline) join() {
	var line []image.Point
	for i, run := range t.Runs {
		v := run.measured()
		if !math.IsNaN(v) {
			line = append(line, t.at(i, v))
		}
		if last := i == len(t.Runs)-1; math.IsNaN(v) || last {
			if len(line) > 1 {
				t.line(runStroke, line...)
			}
			line = nil
		}
	}
}

// points draws the runs, those that stand out last.
func (t timeline) points() {
	size := max(2, min(7, (t.edge(1)-t.edge(0))/3))
	for i, run := range t.Runs {
		if v := run.measured(); run.Standing == "" && v <= t.axis.max { // false for NaN
			t.dot(blue, t.at(i, v), size)
		}
	}
	for i, run := range t.Runs {
		if run.Standing == "" {
			continue
		}
		at := image.Pt(t.x(i), t.plot.Max.Y-markSize-4) // nothing was measured
		if plausible(run.Value, maxLatency) {
			at = t.at(i, run.Value)
		}
		t.mark(run.Standing, at)
	}
}

// mark draws what stands for a standing, on white so that no line runs through it.
func (t timeline) mark(s Standing, at image.Point) {
	switch s {
	case Regressed:
		t.shape(vermillion, at, triangle)
	case Suspected:
		t.shape(purple, at, upsideDown)
	case Acknowledged:
		t.shape(orange, at, diamond)
	case Accepted:
		t.shape(green, at, square)
	case Resolved:
		t.shape(vermillion, at, triangle)
		t.area(drawing.ColorWhite, triangle(at, markSize-6)...)
	case Invalid:
		t.dot(drawing.ColorWhite, at, markSize+1)
		t.dot(grey, at, markSize-2)
		t.dot(drawing.ColorWhite, at, markSize-6)
	}
}

func (t timeline) shape(color drawing.Color, at image.Point, outline func(at image.Point, size int) []image.Point) {
	t.area(drawing.ColorWhite, outline(at, markSize+3)...)
	t.area(color, outline(at, markSize)...)
}

func triangle(at image.Point, size int) []image.Point {
	return []image.Point{{at.X, at.Y - size - 1}, {at.X + size, at.Y + size - 3}, {at.X - size, at.Y + size - 3}}
}

func upsideDown(at image.Point, size int) []image.Point {
	return []image.Point{{at.X, at.Y + size + 1}, {at.X + size, at.Y - size + 3}, {at.X - size, at.Y - size + 3}}
}

func diamond(at image.Point, size int) []image.Point {
	return []image.Point{{at.X, at.Y - size}, {at.X + size, at.Y}, {at.X, at.Y + size}, {at.X - size, at.Y}}
}

func square(at image.Point, size int) []image.Point {
	half := size * 4 / 5
	return []image.Point{{at.X - half, at.Y - half}, {at.X + half, at.Y - half}, {at.X + half, at.Y + half}, {at.X - half, at.Y + half}}
}

// headNotes writes above the plot how much the level changed where, the largest change first, and how high clipped runs went.
func (t timeline) headNotes() {
	n := notes{frame: t.frame}
	shifts := t.shifts()
	slices.SortStableFunc(shifts, func(a, b Shift) int { return cmp.Compare(b.size(), a.size()) })
	for _, s := range shifts {
		text := s.change()
		n.write(text, max(t.plot.Min.X, t.edge(s.At)-t.width(text, small)/2), ink)
	}
	for i, run := range t.Runs {
		if v := run.measured(); v > t.axis.max {
			n.clipped(t.x(i), v)
		}
	}
}

// versions labels as many runs as there is room for: those that stand out first, then the newest, the oldest, and others from
// the newest on.
func (t timeline) versions() {
	var taken []image.Rectangle
	for _, i := range t.telling() {
		text := t.cutMiddle(t.printable(t.Runs[i].Label), small, min(widestRun, t.plot.Dx()/2))
		left := max(margin, min(t.x(i)-t.width(text, small)/2, width-margin-t.width(text, small)))
		room := image.Rect(left, 0, left+t.width(text, small)+labelGap, 1)
		if text == "" || slices.ContainsFunc(taken, room.Overlaps) {
			continue
		}
		taken = append(taken, room)
		t.line(stroke{grey, 2, nil}, image.Pt(t.x(i), t.plot.Max.Y), image.Pt(t.x(i), t.plot.Max.Y+7))
		t.text(text, left, t.plot.Max.Y+34, small, grey)
	}
}

// telling are the runs whose version is another than that of the one before, in the order in which their labels matter.
func (t timeline) telling() (order []int) {
	for i, run := range slices.Backward(t.Runs) {
		if i == 0 || run.Label != t.Runs[i-1].Label {
			order = append(order, i)
		}
	}
	newest := order[0]
	rank := func(i int) int {
		switch s := t.Runs[i].Standing; {
		case s != "" && s != Invalid:
			return 0
		case i == newest || i == 0:
			return 1
		}
		return 2
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(rank(a), rank(b)) })
	return order
}

// standings are those of the runs.
func (t timeline) standings() []Standing {
	return slices.DeleteFunc(slices.Clone(standings), func(s Standing) bool {
		return !slices.ContainsFunc(t.Runs, func(r Release) bool { return r.Standing == s })
	})
}

// key tells what the marks mean that are there.
func (t timeline) key() {
	x, y, size, gap := margin+markSize, height-26, small, 30
	if len(t.standings()) == len(standings) {
		size, gap = 22, 20
	}
	for _, s := range t.standings() {
		t.mark(s, image.Pt(x, y-9))
		x += markSize + 8
		t.text(string(s), x, y, size, ink)
		x += t.width(string(s), size) + gap + markSize
	}
}
