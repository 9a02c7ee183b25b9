package charts

import (
	"fmt"
	"image"
	"io"
	"math"
	"slices"

	chart "github.com/wcharczuk/go-chart/v2"
	"github.com/wcharczuk/go-chart/v2/drawing"
)

// The picture's measures in px.
const (
	width, height = 1000, 560

	margin   = 30 // from the card's edge to what is on it
	markRoom = 46 // above the plot, for warm-up and clipped outliers
	stripGap = 24 // between the plot and the errors
	timeRoom = 58 // beneath the errors, for the time axis
)

// What is said of errors that there is no number for.
const (
	errorsNotMeasured = "errors not measured"
	errorsInWarmup    = "in warm-up only"
	noErrors          = "no errors"
)

// picture is a Latency being drawn.
type picture struct {
	pen
	Latency
	grid
	axis   axis
	labels []label
	plot   image.Rectangle // of the latency
	strip  image.Rectangle // of the errors
}

// draw writes the picture to w in the format of the canvas; escape makes text safe for that format.
func (l Latency) draw(canvas chart.Renderer, escape func(string) string, w io.Writer) error {
	pen, err := newPen(canvas, escape)
	if err != nil {
		return fmt.Errorf("load the font: %w", err)
	}
	p := picture{pen: pen, Latency: l, grid: l.grid(), axis: l.latencyAxis()}
	p.card()
	top := p.heading()
	if !p.hasLatency() && !sampled(p.errors) {
		p.textAround("no samples", width/2, (top+height)/2, large, grey)
		return canvas.Save(w)
	}
	p.measure(top)
	p.latencyPlot()
	p.errorStrip()
	p.warmup()
	p.headNotes()
	p.remarks()
	p.timeAxis()
	return canvas.Save(w)
}

// card is the light ground that lets the picture stand on a dark page too.
func (p picture) card() {
	p.roundedBox(border, image.Rect(0, 0, width, height), 18)
	p.roundedBox(drawing.ColorWhite, image.Rect(2, 2, width-2, height-2), 16)
}

// heading writes title and subtitle and returns where they end. A title that is too long for a line gets smaller
// letters, then a second line, and then loses its end.
func (p picture) heading() int {
	const room = width - 2*margin
	y, title := 62, p.printable(p.Title)
	if p.width(title, large) <= room {
		p.text(title, margin, y, large, ink)
	} else {
		first, rest := p.wrap(title, medium, room)
		p.text(p.cut(first, medium, room), margin, y-2, medium, ink)
		if rest != "" {
			y += 36
			p.text(p.cut(rest, medium, room), margin, y-2, medium, ink)
		}
	}
	if subtitle := p.printable(p.Subtitle); subtitle != "" {
		y += 36
		p.text(p.cut(subtitle, small, room), margin, y, small, grey)
	}
	return y + 8
}

// measure divides what is left of the card beneath top.
func (p *picture) measure(top int) {
	p.labels = p.lineLabels()
	left := margin + p.scaleRoom()
	right := width - margin - p.labelRoom()
	stripHeight := 62
	if p.worstError() == 0 {
		stripHeight = 36 // a remark is enough
	}
	p.strip = image.Rect(left, height-timeRoom-stripHeight, right, height-timeRoom)
	p.plot = image.Rect(left, top+markRoom, right, p.strip.Min.Y-stripGap)
}

// scaleRoom is how wide the numbers left of the plot are.
func (p picture) scaleRoom() int {
	widest := p.width("100 %", small)
	for _, v := range p.axis.ticks() {
		widest = max(widest, p.width(p.axis.tick(v), small))
	}
	return widest + 12
}

// x is where a second lies.
func (p picture) x(second float64) int {
	share := min(1, second/(p.cell*float64(p.n)))
	return p.plot.Min.X + int(math.Round(share*float64(p.plot.Dx())))
}

// y is where a latency lies; what is beyond the axis lies on its end.
func (p picture) y(ms float64) int {
	share := min(1, ms/p.axis.max)
	return p.plot.Max.Y - int(math.Round(share*float64(p.plot.Dy())))
}

// warmup greys what is not judged.
func (p picture) warmup() {
	if !(p.Warmup > 0) {
		return
	}
	end := p.x(p.Warmup)
	p.box(veil, image.Rect(p.plot.Min.X, p.plot.Min.Y, end, p.plot.Max.Y))
	p.box(veil, image.Rect(p.strip.Min.X, p.strip.Min.Y, end, p.strip.Max.Y))
	p.line(stroke{border, 2, nil}, image.Pt(end, p.plot.Min.Y), image.Pt(end, p.strip.Max.Y))
}

// remarks says in words what is not there to be seen, above the grey of the warm-up.
func (p picture) remarks() {
	middle := (p.plot.Min.X + p.plot.Max.X) / 2
	if !p.hasLatency() {
		p.textAround("no latency samples", middle, (p.plot.Min.Y+p.plot.Max.Y)/2+8, small, grey)
	}
	if p.worstError() == 0 {
		p.textAround(p.errorRemark(), middle, p.strip.Max.Y-9, small, grey)
	}
}

func (p picture) timeAxis() {
	end := p.cell * float64(p.n)
	y := p.strip.Max.Y
	p.line(stroke{border, 2, nil}, image.Pt(p.strip.Min.X, y), image.Pt(p.strip.Max.X, y))
	step := timeStep(end, 5)
	for t := 0.0; t <= end; t += step {
		p.line(stroke{border, 2, nil}, image.Pt(p.x(t), y), image.Pt(p.x(t), y+6))
		p.textAround(formatTime(t), p.x(t), y+34, small, grey)
	}
}

// worstError is the highest fraction of errors drawn; 0 if there were none or they were not measured.
func (p picture) worstError() float64 {
	worst := 0.0
	for _, e := range p.errors {
		if e > worst {
			worst = e
		}
	}
	return worst
}

// errorStrip draws the fraction of errors as columns.
func (p picture) errorStrip() {
	p.box(shade, p.strip)
	p.text(p.errorLabel(), p.strip.Max.X+labelIndent, p.strip.Min.Y+27, small, ink)
	worst := p.worstError()
	if worst == 0 {
		return
	}
	full := errorScale(max(worst, p.ErrorGate))
	for k, e := range p.errors {
		if e > 0 {
			rise := max(3, p.errorRise(e, full)) // px, so that the rarest error shows
			left, right := p.x(float64(k)*p.cell), p.x(float64(k+1)*p.cell)
			p.box(vermillion, image.Rect(left, p.strip.Max.Y-rise, right-(right-left)/8, p.strip.Max.Y))
		}
	}
	p.textLeft(formatPercent(full), p.strip.Min.X-10, p.strip.Min.Y+18, small, grey)
	p.textLeft("0", p.strip.Min.X-10, p.strip.Max.Y+4, small, grey)
	if p.gatesErrors() {
		y := p.strip.Max.Y - p.errorRise(p.ErrorGate, full)
		p.line(gateStroke, image.Pt(p.strip.Min.X, y), image.Pt(p.strip.Max.X, y))
	}
	p.text(p.errorRemark(), p.strip.Max.X+labelIndent, p.strip.Max.Y-4, small, ink)
}

// errorRise is how high a fraction of errors stands in the strip, in px.
func (p picture) errorRise(fraction, full float64) int {
	return int(math.Round(min(1, fraction/full) * float64(p.strip.Dy())))
}

// errorRemark sums the errors up in a word or two.
func (l Latency) errorRemark() string {
	judged := l.judged(l.Errors)
	switch {
	case len(judged) == 0:
		return errorsNotMeasured
	case judged[len(judged)-1] > 0:
		return "up to " + formatPercent(judged[len(judged)-1])
	case slices.ContainsFunc(l.Errors, func(e float64) bool { return e > 0 }):
		return errorsInWarmup
	default:
		return noErrors
	}
}

// errorLabel names the strip and its gate.
func (p picture) errorLabel() string {
	if p.gatesErrors() {
		return "errors ≤ " + formatPercent(p.ErrorGate)
	}
	return "errors"
}

func (l Latency) gatesErrors() bool {
	return l.ErrorGate > 0 && l.ErrorGate <= 1
}

// errorScale is the round fraction that the strip's full height stands for.
func errorScale(most float64) float64 {
	for _, full := range []float64{0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5} {
		if most <= full {
			return full
		}
	}
	return 1
}
