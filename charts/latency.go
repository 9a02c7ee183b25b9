// Package charts draws what load tests measured as one picture for a chat thread, for the engineer who glances at a
// phone and asks: is this release slower, where, by how much (Latency)? And since which one (Releases)?
//
// It draws with go-chart's renderers, as PNG for the chat platforms and as SVG for web pages. It knows nothing of runs:
// whoever calls it brings the numbers and the finding that stands above them. The same input gives the same bytes.
package charts

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/xml"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"

	chart "github.com/wcharczuk/go-chart/v2"
)

// Latency is one picture: a scenario's latency over time against its baseline, errors beneath on the same time axis.
//
// The series are parallel: element i of each belongs to the second that starts at Seconds[i]. A series may be shorter
// or nil. NaN, infinite and negative numbers mean that there were no samples, which leaves a gap.
type Latency struct {
	Title    string // the finding: "checkout-flow: p95 +38 % (312 ms, was 226 ms)"; wrapped to two lines, then cut
	Subtitle string // version, environment, baseline used; cut to one line

	Seconds       []float64 // s since the start
	P50, P95, P99 []float64 // ms
	Band          Band
	Errors        []float64 // failed requests as a fraction of all, 0 to 1; nil: not measured

	Gates     []Gate
	ErrorGate float64 // highest allowed fraction of errors; 0: none
	Warmup    float64 // s at the start that are not judged, and greyed
}

// Band is where the baseline's p95 lay, in ms: a single Low and High for the whole run, or one of each per second in
// parallel with Latency.Seconds. The zero Band is no baseline.
type Band struct {
	Low, High []float64
}

// Gate is a limit on a percentile of latency.
type Gate struct {
	Name  string  // the percentile: "p95"
	Value float64 // ms
}

// PNG draws the picture for chat platforms, 1000 px wide, with transparent corners.
func (l Latency) PNG() ([]byte, error) { return sketch(l.draw).png() }

// SVG draws the same picture for web pages, with Alt as its title element.
func (l Latency) SVG() ([]byte, error) { return sketch(l.draw).svg(l.Alt()) }

// sketch writes a picture to w in the format of the canvas; escape makes text safe for that format.
type sketch func(canvas chart.Renderer, escape func(string) string, w io.Writer) error

func (draw sketch) png() ([]byte, error) {
	canvas, err := chart.PNG(width, height)
	if err != nil {
		return nil, fmt.Errorf("prepare a PNG: %w", err)
	}
	var pixels collector
	if err := draw(canvas, func(s string) string { return s }, &pixels); err != nil {
		return nil, fmt.Errorf("draw a PNG: %w", err)
	}
	encoded, err := encode(pixels.picture)
	if err != nil {
		return nil, fmt.Errorf("encode a PNG: %w", err)
	}
	return encoded, nil
}

func (draw sketch) svg(title string) ([]byte, error) {
	canvas, err := chart.SVG(width, height)
	if err != nil {
		return nil, fmt.Errorf("prepare an SVG: %w", err)
	}
	var svg bytes.Buffer
	if err := draw(canvas, escape, &svg); err != nil {
		return nil, fmt.Errorf("draw an SVG: %w", err)
	}
	return finish(svg.Bytes(), title), nil
}

// finish gives go-chart's SVG what it lacks: a size, without which a page shows the picture as large as it can, a title,
// round joins, and a font family that browsers know (go-chart names the one face that it embeds).
func finish(svg []byte, title string) []byte {
	root := fmt.Sprintf(` width="%d" height="%d" role="img" stroke-linejoin="round"><title>%s</title>`, width, height, escape(title))
	svg = bytes.Replace(svg, []byte(">"), []byte(root), 1)
	return bytes.ReplaceAll(svg, []byte("'Roboto Medium',sans-serif"), []byte("Roboto,'Helvetica Neue',Arial,sans-serif;font-weight:500"))
}

// escape makes s safe as XML text; what XML cannot hold becomes U+FFFD.
func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a strings.Builder never fails
	return b.String()
}

// collector takes the pixels that go-chart's PNG renderer would otherwise encode in full colour.
type collector struct {
	bytes.Buffer
	picture *image.RGBA
}

// SetRGBA makes a collector a chart.RGBACollector.
func (c *collector) SetRGBA(picture *image.RGBA) {
	c.picture = picture
}

// encode writes the picture with a palette of 256 colours: text and lines have thousands of shades at their edges,
// which would double the size and please nobody.
func encode(picture *image.RGBA) ([]byte, error) {
	palette, index := reduce(picture.Pix)
	paletted := image.NewPaletted(picture.Rect, palette)
	rest := paletted.Pix
	for c, n := range runs(picture.Pix) {
		for i, nearest := 0, index[c]; i < n; i++ {
			rest[i] = nearest
		}
		rest = rest[n:]
	}
	var encoded bytes.Buffer
	err := png.Encode(&encoded, paletted)
	return encoded.Bytes(), err
}

// reduce picks the 256 most frequent colours, and for every colour the index of the nearest of them. The few translucent
// colours come first: nothing opaque could stand for them at the round corners.
func reduce(pix []uint8) (color.Palette, map[uint32]uint8) {
	count := map[uint32]int{}
	for c, n := range runs(pix) {
		count[c] += n
	}
	colors := slices.SortedFunc(maps.Keys(count), func(a, b uint32) int {
		return cmp.Or(cmp.Compare(alpha(a), alpha(b)), cmp.Compare(count[b], count[a]), cmp.Compare(a, b))
	})
	var palette color.Palette
	for _, c := range colors[:min(256, len(colors))] {
		palette = append(palette, rgba(c))
	}
	index := map[uint32]uint8{}
	for _, c := range colors {
		index[c] = uint8(palette.Index(rgba(c)))
	}
	return palette, index
}

// runs yields each colour with the number of neighbouring pixels that share it: most of a picture is ground.
func runs(pix []uint8) iter.Seq2[uint32, int] {
	return func(yield func(color uint32, pixels int) bool) {
		for from, to := 0, 0; from < len(pix); from = to {
			color := binary.BigEndian.Uint32(pix[from:])
			for to = from + 4; to < len(pix) && binary.BigEndian.Uint32(pix[to:]) == color; {
				to += 4
			}
			if !yield(color, (to-from)/4) {
				return
			}
		}
	}
}

func rgba(c uint32) color.RGBA {
	return color.RGBA{R: uint8(c >> 24), G: uint8(c >> 16), B: uint8(c >> 8), A: alpha(c)}
}

func alpha(c uint32) uint8 {
	return uint8(c)
}

// Alt says in words and numbers what the picture shows, for those who cannot see it: the finding, the typical (median)
// second of the judged part, the baseline's band, errors and gates.
func (l Latency) Alt() string {
	var facts []string
	for _, line := range []struct {
		name   string
		values []float64
	}{{"p50", l.P50}, {"p95", l.P95}, {"p99", l.P99}} {
		if values := l.judged(line.values); len(values) > 0 {
			facts = append(facts, line.name+" "+formatLatency(quantile(values, 0.5)))
		}
	}
	latency := "no latency samples"
	if len(facts) > 0 {
		latency = "typical second " + strings.Join(facts, ", ")
	}
	sentence := strings.Join(append([]string{latency, l.altBand(), l.altErrors()}, l.altGates()...), "; ") + "."
	if title := tidy(l.Title); title != "" {
		return title + ". Latency over time: " + sentence
	}
	return "Latency over time: " + sentence
}

func (l Latency) altBand() string {
	low, high := l.judged(l.Band.Low), l.judged(l.Band.High)
	if len(low) == 0 || len(high) == 0 {
		return "no baseline"
	}
	return fmt.Sprintf("baseline p95 %s to %s", formatLatency(quantile(low, 0.5)), formatLatency(quantile(high, 0.5)))
}

func (l Latency) altErrors() string {
	switch remark := l.errorRemark(); remark {
	case noErrors, errorsNotMeasured:
		return remark
	default:
		return "errors " + remark
	}
}

func (l Latency) altGates() []string {
	var gates []string
	for _, g := range l.Gates {
		if plausible(g.Value, maxLatency) {
			gates = append(gates, "gate "+g.text())
		}
	}
	if l.gatesErrors() {
		gates = append(gates, "gate errors ≤ "+formatPercent(l.ErrorGate))
	}
	return gates
}
