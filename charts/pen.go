package charts

import (
	"image"
	"strings"
	"unicode"

	"github.com/golang/freetype/truetype"
	chart "github.com/wcharczuk/go-chart/v2"
	"github.com/wcharczuk/go-chart/v2/drawing"
)

// The colours of the data are Okabe and Ito's (jfly.uni-koeln.de/color), which the colour-blind can tell apart.
var (
	blue       = drawing.ColorFromHex("0072B2")
	skyBlue    = drawing.ColorFromHex("56B4E9")
	orange     = drawing.ColorFromHex("E69F00")
	green      = drawing.ColorFromHex("009E73")
	vermillion = drawing.ColorFromHex("D55E00")
	purple     = drawing.ColorFromHex("CC79A7")

	ink    = drawing.ColorFromHex("1F2328")
	grey   = drawing.ColorFromHex("57606A")
	rule   = drawing.ColorFromHex("D8DEE4")
	border = drawing.ColorFromHex("C4CCD4")
	shade  = drawing.ColorFromHex("F3F5F7")
)

// Sizes of text in px. The picture is 1000 px wide, and shown as small as 360.
const (
	large  = 38.0
	medium = 30.0
	small  = 25.0
)

// stroke is how a line is drawn: width in px, dash as lengths on and off in px, nil for solid.
type stroke struct {
	color drawing.Color
	width float64
	dash  []float64
}

// pen draws shapes and text in one call each on a go-chart renderer, which by itself keeps state from call to call.
type pen struct {
	canvas chart.Renderer
	font   *truetype.Font
	escape func(string) string // for text in the format drawn
}

// newPen takes sizes of text in px, hence the 72 dots an inch.
func newPen(canvas chart.Renderer, escape func(string) string) (pen, error) {
	font, err := chart.GetDefaultFont()
	canvas.SetDPI(72)
	return pen{canvas, font, escape}, err
}

// text writes s with its baseline at y, and from x to the right.
func (p pen) text(s string, x, y int, size float64, color drawing.Color) {
	p.canvas.ResetStyle()
	p.canvas.SetFont(p.font)
	p.canvas.SetFontSize(size)
	p.canvas.SetFontColor(color)
	p.canvas.Text(p.escape(s), x, y)
}

// textLeft writes s so that it ends at x.
func (p pen) textLeft(s string, x, y int, size float64, color drawing.Color) {
	p.text(s, x-p.width(s, size), y, size, color)
}

// textAround writes s with its middle at x.
func (p pen) textAround(s string, x, y int, size float64, color drawing.Color) {
	p.text(s, x-p.width(s, size)/2, y, size, color)
}

// width is that of s in px.
func (p pen) width(s string, size float64) int {
	p.canvas.ResetStyle()
	p.canvas.SetFont(p.font)
	p.canvas.SetFontSize(size)
	return p.canvas.MeasureText(s).Width()
}

// cut shortens s with an ellipsis to the given width.
func (p pen) cut(s string, size float64, width int) string {
	if p.width(s, size) <= width {
		return s
	}
	runes := []rune(s)
	fits := func(n int) bool { return p.width(string(runes[:n])+"…", size) <= width }
	short, long := 0, len(runes)
	for long-short > 1 {
		if middle := (short + long) / 2; fits(middle) {
			short = middle
		} else {
			long = middle
		}
	}
	return strings.TrimRight(string(runes[:short]), " ,;:(") + "…"
}

// cutMiddle shortens s to the given width by taking out of its middle: versions tend to differ at their ends.
func (p pen) cutMiddle(s string, size float64, width int) string {
	if p.width(s, size) <= width {
		return s
	}
	runes := []rune(s)
	for n := len(runes) - 1; n > 2; n-- {
		if short := string(runes[:n/2]) + "…" + string(runes[len(runes)-(n-n/2):]); p.width(short, size) <= width {
			return short
		}
	}
	return p.cut(s, size, width)
}

// wrap breaks s between words into a first line of the given width and the rest.
func (p pen) wrap(s string, size float64, width int) (first, rest string) {
	words := strings.Split(s, " ")
	for i := len(words); i > 0; i-- {
		if first = strings.Join(words[:i], " "); p.width(first, size) <= width {
			return first, strings.Join(words[i:], " ")
		}
	}
	return s, ""
}

// line joins the points.
func (p pen) line(s stroke, points ...image.Point) {
	p.path(points)
	p.canvas.SetStrokeColor(s.color)
	p.canvas.SetStrokeWidth(s.width)
	p.canvas.SetStrokeDashArray(s.dash)
	p.canvas.Stroke()
}

// area fills what the points enclose.
func (p pen) area(color drawing.Color, points ...image.Point) {
	p.path(points)
	p.canvas.SetFillColor(color)
	p.canvas.Close()
	p.canvas.Fill()
}

// box fills a rectangle.
func (p pen) box(color drawing.Color, r image.Rectangle) {
	p.area(color, r.Min, image.Pt(r.Max.X, r.Min.Y), r.Max, image.Pt(r.Min.X, r.Max.Y))
}

// roundedBox fills a rectangle with round corners.
func (p pen) roundedBox(color drawing.Color, r image.Rectangle, radius int) {
	c := p.canvas
	c.ResetStyle()
	c.SetFont(nil)
	c.SetFillColor(color)
	c.MoveTo(r.Min.X+radius, r.Min.Y)
	c.LineTo(r.Max.X-radius, r.Min.Y)
	c.QuadCurveTo(r.Max.X, r.Min.Y, r.Max.X, r.Min.Y+radius)
	c.LineTo(r.Max.X, r.Max.Y-radius)
	c.QuadCurveTo(r.Max.X, r.Max.Y, r.Max.X-radius, r.Max.Y)
	c.LineTo(r.Min.X+radius, r.Max.Y)
	c.QuadCurveTo(r.Min.X, r.Max.Y, r.Min.X, r.Max.Y-radius)
	c.LineTo(r.Min.X, r.Min.Y+radius)
	c.QuadCurveTo(r.Min.X, r.Min.Y, r.Min.X+radius, r.Min.Y)
	c.Close()
	c.Fill()
}

// dot fills a circle.
func (p pen) dot(color drawing.Color, at image.Point, radius int) {
	p.roundedBox(color, image.Rectangle{at, at}.Inset(-radius), radius)
}

// arrow points up, with its tip at (x, y).
func (p pen) arrow(color drawing.Color, x, y int) {
	p.area(color, image.Pt(x, y), image.Pt(x+8, y+15), image.Pt(x-8, y+15))
}

func (p pen) path(points []image.Point) {
	p.canvas.ResetStyle()
	p.canvas.SetFont(nil) // or SVG repeats it on every path
	for i, at := range points {
		if i == 0 {
			p.canvas.MoveTo(at.X, at.Y)
		} else {
			p.canvas.LineTo(at.X, at.Y)
		}
	}
}

// printable leaves out symbols that the font has no picture of, such as emoji, and replaces letters with a "?". The
// picture has a single font, and both formats keep to it so that they look the same.
func (p pen) printable(s string) string {
	return tidy(strings.Map(func(r rune) rune {
		switch {
		case p.font.Index(r) != 0:
			return r
		case unicode.IsLetter(r), unicode.IsDigit(r):
			return '?'
		default:
			return -1
		}
	}, tidy(s)))
}

// tidy makes one line of s: without control, direction and invalid characters, and with single spaces.
func tidy(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r), unicode.IsControl(r):
			return ' '
		case unicode.IsPrint(r) && r != unicode.ReplacementChar:
			return r
		default:
			return -1
		}
	}, s)
	return strings.Join(strings.Fields(s), " ")
}
