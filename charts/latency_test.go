package charts

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestSVGLooksAsBefore(t *testing.T) {
	for name, l := range pictures {
		t.Run(name, func(t *testing.T) {
			svg, err := l.SVG()
			require.NoError(t, err)
			golden := filepath.Join("testdata", name+".svg")
			if *update {
				require.NoError(t, os.WriteFile(golden, svg, 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			require.True(t, bytes.Equal(want, svg), "%s differs; if it should: go test ./charts -update, then git diff and look at it", golden)
		})
	}
}

func TestPNGSuitsChat(t *testing.T) {
	for _, name := range []string{"regressed", "four-seconds", "hostile", "soak", "no-samples"} {
		t.Run(name, func(t *testing.T) {
			encoded, err := pictures[name].PNG()
			require.NoError(t, err)
			require.LessOrEqual(t, len(encoded), 60_000)

			picture, err := png.Decode(bytes.NewReader(encoded))
			require.NoError(t, err)
			require.Equal(t, image.Rect(0, 0, 1000, 560), picture.Bounds())
			require.Equal(t, color.RGBA{}, color.RGBAModel.Convert(picture.At(0, 0)), "a round corner shows the page")
			require.Equal(t, color.RGBA{255, 255, 255, 255}, color.RGBAModel.Convert(picture.At(12, 280)), "the card hides the page")
		})
	}
}

func TestPNGIsTheSameEveryTime(t *testing.T) {
	first, err := regressed().PNG()
	require.NoError(t, err)
	second, err := regressed().PNG()
	require.NoError(t, err)
	require.Equal(t, first, second)
}

func TestPictureSays(t *testing.T) {
	coldStart := passed()
	coldStart.Errors[2] = 0.5
	for _, c := range []struct {
		name    string
		l       Latency
		says    []string
		saysNot []string
	}{
		{
			name: "regressed", l: regressed(),
			says:    []string{"checkout-flow: p95 +38 % (312 ms, was 226 ms)", "p50", "p95", "p99", "baseline", "p95 ≤ 300 ms", "warm-up", "no errors", "errors ≤ 1 %", "0", "00:00", "01:00"},
			saysNot: []string{"no samples"},
		},
		{name: "no baseline", l: noBaseline(), says: []string{"errors"}, saysNot: []string{"baseline", "warm-up"}},
		{name: "errors", l: errorBurst(), says: []string{"20 %", "up to 12 %"}, saysNot: []string{"no errors"}},
		{name: "errors in warm-up", l: coldStart, says: []string{"50 %", "in warm-up only"}, saysNot: []string{"no errors"}},
		{name: "clipped", l: clipped(), says: []string{"3.2 s", "p99 ≤ 2 s", "300 ms"}},
		{name: "one second", l: run("ping", 1, 0.6), says: []string{"800 µs", "00:01"}},
		{name: "all failed", l: allFailed(), says: []string{"no latency samples", "100 %", "up to 100 %"}, saysNot: []string{"p95"}},
		{name: "no samples", l: Latency{Title: "t"}, says: []string{"t", "no samples"}, saysNot: []string{"00:00", "no errors"}},
		{name: "errors unknown", l: Latency{Seconds: []float64{0}, P95: []float64{5}}, says: []string{"errors not measured"}, saysNot: []string{"no errors"}},
		{name: "soak", l: soak(), says: []string{"each point: worst of 45 s", "30 s", "1:00:00", "3 s"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			svg, err := c.l.SVG()
			require.NoError(t, err)
			said := texts(t, svg)
			require.Subset(t, said, c.says)
			for _, text := range c.saysNot {
				require.NotContains(t, said, text)
			}
		})
	}
}

// texts lists what an SVG says, its title element excepted.
func texts(t require.TestingT, svg []byte) []string {
	var said []string
	within := ""
	for decoder := xml.NewDecoder(bytes.NewReader(svg)); ; {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return said
		}
		require.NoError(t, err, "must be valid XML")
		switch token := token.(type) {
		case xml.StartElement:
			within = token.Name.Local
		case xml.EndElement:
			within = ""
		case xml.CharData:
			if within == "text" {
				said = append(said, string(token))
			}
		}
	}
}

func TestTitles(t *testing.T) {
	for title, want := range map[string][]string{
		"short":                                 {"short"},
		"two\nlines\tof  text":                  {"two lines of text"},
		"reversed \u202etxet\u2069 and\x00 nul": {"reversed txet and nul"},
		"a rocket 🚀 & <b>":                      {"a rocket & <b>"},
		"名 is no Roboto letter":                 {"? is no Roboto letter"},
		strings.TrimSpace(strings.Repeat("word ", 14)): {
			strings.TrimSpace(strings.Repeat("word ", 12)), "word word",
		},
		strings.Repeat("x", 200): {strings.Repeat("x", 60) + "…"},
		strings.TrimSpace(strings.Repeat("word ", 40)): {
			strings.TrimSpace(strings.Repeat("word ", 12)), strings.Repeat("word ", 12) + "w…",
		},
	} {
		svg, err := Latency{Title: title}.SVG()
		require.NoError(t, err)
		require.Equal(t, append(want, "no samples"), texts(t, svg), title)
	}
}

func TestAlt(t *testing.T) {
	for name, want := range map[string]string{
		"regressed":    "checkout-flow: p95 +38 % (312 ms, was 226 ms). Latency over time: typical second p50 140 ms, p95 312 ms, p99 421 ms; baseline p95 210 ms to 242 ms; no errors; gate p95 ≤ 300 ms; gate errors ≤ 1 %.",
		"no-baseline":  "search: p95 224 ms, no baseline yet. Latency over time: typical second p50 101 ms, p95 224 ms, p99 301 ms; no baseline; no errors.",
		"error-burst":  "checkout-flow: 1.6 % errors, gate 1 %. Latency over time: typical second p50 102 ms, p95 226 ms, p99 309 ms; baseline p95 210 ms to 242 ms; errors up to 12 %; gate p95 ≤ 300 ms; gate errors ≤ 1 %.",
		"all-failed":   "checkout-flow: every request failed. Latency over time: no latency samples; no baseline; errors up to 100 %; gate errors ≤ 1 %.",
		"no-samples":   "checkout-flow: nothing measured. Latency over time: no latency samples; no baseline; errors not measured.",
		"four-seconds": "checkout-flow: p95 +40 % (31 ms, was 22 ms). Latency over time: typical second p50 13.8 ms, p95 30.7 ms, p99 41.2 ms; baseline p95 20.5 ms to 23.5 ms; no errors; gate p95 ≤ 50 ms.",
	} {
		require.Equal(t, want, pictures[name].Alt(), name)
	}
}

// Whatever it is given, a picture is valid XML, and all that it draws is on the card.
func TestAnyInputGivesAPicture(t *testing.T) {
	series := rapid.SliceOfN(rapid.Float64(), 0, 40)
	odd := rapid.SampledFrom([]float64{none, math.Inf(1), math.Inf(-1), -1, 0, 1e-300, math.MaxFloat64, 1e9, 250})
	oddSeries := rapid.OneOf(series, rapid.SliceOfN(odd, 0, 40), rapid.SliceOfN(rapid.Float64Range(0, 500), 0, 60))
	coordinates := regexp.MustCompile(`[ML] (-?\d+) (-?\d+)`)
	rapid.Check(t, func(t *rapid.T) {
		l := Latency{
			Title:     rapid.String().Draw(t, "title"),
			Subtitle:  rapid.String().Draw(t, "subtitle"),
			Seconds:   oddSeries.Draw(t, "seconds"),
			P50:       oddSeries.Draw(t, "p50"),
			P95:       oddSeries.Draw(t, "p95"),
			P99:       oddSeries.Draw(t, "p99"),
			Band:      Band{oddSeries.Draw(t, "low"), oddSeries.Draw(t, "high")},
			Errors:    oddSeries.Draw(t, "errors"),
			Gates:     []Gate{{rapid.String().Draw(t, "gate"), rapid.OneOf(odd, rapid.Float64()).Draw(t, "limit")}},
			ErrorGate: odd.Draw(t, "error gate"),
			Warmup:    odd.Draw(t, "warm-up"),
		}
		svg, err := l.SVG()
		require.NoError(t, err)
		texts(t, svg)
		for _, at := range coordinates.FindAllStringSubmatch(string(svg), -1) {
			x, _ := strconv.Atoi(at[1])
			y, _ := strconv.Atoi(at[2])
			require.True(t, image.Pt(x, y).In(image.Rect(0, 0, width+1, height+1)), at[0])
		}
	})
}

func BenchmarkPNG(b *testing.B) {
	for _, name := range []string{"four-seconds", "regressed", "clipped", "soak"} {
		b.Run(name, func(b *testing.B) {
			var size int
			for b.Loop() {
				picture, err := pictures[name].PNG()
				require.NoError(b, err)
				size = len(picture)
			}
			b.ReportMetric(float64(size), "bytes")
		})
	}
}
