package charts

import (
	"fmt"
	"image"
	"io"
	"math"
	"slices"

	chart "github.com/wcharczuk/go-chart/v2"
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
	frame // its plot is the latency's
	Latency
	grid
	strip image.Rectangle // of the errors
}

// draw writes the picture to w in the format of the canvas; escape makes text safe for that format.
func (l Latency) draw(canvas chart.Renderer, escape func(string) string, w io.Writer) error {
	pen, err := newPen(canvas, escape)
	if err != nil {
		return fmt.Errorf("load the font: %w", err)
	}
	p := picture{frame: frame{pen: pen, axis: l.latencyAxis()}, Latency: l, grid: l.grid()}
	p.card()
	top := p.heading(l.Title, l.Subtitle)
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

// measure divides what is left of the card beneath top.
func (p *picture) measure(top int) {
	p.labels = p.lineLabels()
	left := margin + p.scaleRoom()
	right := width - margin - p.labelRoom(p.errorLabel(), p.errorRemark())
	stripHeight := 62
	if p.worstError() == 0 {
		stripHeight = 36 // a remark is enough
	}
	p.strip = image.Rect(left, height-timeRoom-stripHeight, right, height-timeRoom)
	p.plot = image.Rect(left, top+markRoom, right, p.strip.Min.Y-stripGap)
}

// x is where a second lies.
func (p picture) x(second float64) int {
	share := min(1, second/(p.cell*float64(p.n)))
	return p.plot.Min.X + int(math.Round(share*float64(p.plot.Dx())))
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
