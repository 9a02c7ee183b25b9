package charts

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// releases are n runs around the given p95 in ms, each against a band of 7 %.
func releases(title string, n int, p95 float64) Releases {
	r := Releases{Title: title, Subtitle: fmt.Sprintf("staging · 24 Oct to 23 Nov · %d runs", n), Metric: "p95", Gates: []Gate{{"p95", 400}}}
	for i := range n {
		v := p95 * (1 + 0.02*math.Sin(1.7*float64(i)) + 0.015*math.Cos(4.1*float64(i)))
		r.Runs = append(r.Runs, Release{Label: fmt.Sprintf("2.%d.%d", i/10, i%10), Value: math.Round(10*v) / 10, Low: p95 * 0.93, High: p95 * 1.07})
	}
	r.Runs[0].Low, r.Runs[0].High = 0, 0
	return r
}

// stepped is raised from run i on.
func (r Releases) stepped(i int, factor float64) Releases {
	for k := i; k < len(r.Runs); k++ {
		r.Runs[k].Value *= factor
	}
	return r
}

func regression() Releases {
	r := releases("checkout-flow: p95 +38 % in 30 days (312 ms, was 226 ms)", 14, 226).stepped(10, 1.38)
	r.Runs[10].Standing = Regressed
	r.Shifts = []Shift{{10, 226, 312}}
	return r
}

func manyReleases() Releases {
	r := releases("checkout-flow: p95 +21 % in 30 days (273 ms, was 226 ms)", 60, 226).stepped(18, 1.3).stepped(25, 1/1.3).stepped(33, 1.12).stepped(48, 1.08)
	for i := 34; i < 60; i++ {
		r.Runs[i].Low, r.Runs[i].High = 235, 271
	}
	r.Runs[18].Standing, r.Runs[33].Standing, r.Runs[48].Standing, r.Runs[51].Standing = Resolved, Accepted, Acknowledged, Suspected
	r.Runs[40], r.Runs[41] = Release{Label: "2.4.0", Value: none, Standing: Invalid}, Release{Label: "2.4.1", Value: 390, Standing: Invalid}
	r.Runs[9].Value = 800
	r.Runs[59].Standing = Regressed
	r.Shifts = []Shift{{18, 226, 294}, {25, 294, 226}, {33, 226, 253}, {48, 253, 273}}
	return r
}

func longNames() Releases {
	r := regression()
	r.Title = "a-scenario-with-a-rather-long-name/and-its-target: p95 +38 % in 30 days (312 ms, was 226 ms)"
	for i := range r.Runs {
		r.Runs[i].Label = fmt.Sprintf("release-2026.11.%02d-feature-checkout-%07x", i+1, 0xabc1234+i*7919)
	}
	return r
}

func hugeJump() Releases {
	r := releases("checkout-flow: p95 22 times as long (4.97 s, was 226 ms)", 20, 226).stepped(19, 22)
	r.Runs[19].Standing = Regressed
	return r
}

func allInvalid() Releases {
	r := releases("checkout-flow: no valid run in 30 days", 5, 226)
	for i := range r.Runs {
		r.Runs[i].Standing, r.Runs[i].Value, r.Runs[i].Low, r.Runs[i].High = Invalid, none, 0, 0
	}
	return r
}

var histories = map[string]Releases{
	"regression":  regression(),
	"many":        manyReleases(),
	"steady":      releases("checkout-flow: p95 steady at 226 ms", 22, 226),
	"two":         releases("checkout-flow: p95 226 ms", 2, 226),
	"one":         releases("checkout-flow: p95 226 ms, the only run in 30 days", 1, 226),
	"huge-jump":   hugeJump(),
	"long-names":  longNames(),
	"all-invalid": allInvalid(),
	"no-runs":     {Title: "checkout-flow: not tested in 30 days", Subtitle: "staging"},
}

func TestReleasesLookAsBefore(t *testing.T) {
	for name, r := range histories {
		t.Run(name, func(t *testing.T) {
			svg, err := r.SVG()
			require.NoError(t, err)
			golden := filepath.Join("testdata", "releases-"+name+".svg")
			if *update {
				require.NoError(t, os.WriteFile(golden, svg, 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			require.True(t, bytes.Equal(want, svg), "%s differs; if it should: go test ./charts -update, then git diff and look at it", golden)
		})
	}
}

func TestReleasesSuitChat(t *testing.T) {
	for _, name := range []string{"many", "huge-jump", "all-invalid"} {
		r := histories[name]
		encoded, err := r.PNG()
		require.NoError(t, err)
		require.LessOrEqual(t, len(encoded), 60_000, name)
		again, err := r.PNG()
		require.NoError(t, err)
		require.Equal(t, encoded, again, "%s is the same every time", name)
		picture, err := png.Decode(bytes.NewReader(encoded))
		require.NoError(t, err)
		require.Equal(t, image.Rect(0, 0, 1000, 560), picture.Bounds())
	}
}

func TestReleasesSay(t *testing.T) {
	spike := releases("t", 20, 200)
	spike.Runs[5].Value, spike.Gates = 2900, []Gate{{"p95", 2000}}
	for name, c := range map[string]struct {
		r       Releases
		says    []string
		saysNot []string
	}{
		"regression": {
			r:       regression(),
			says:    []string{"2.1.0", "2.0.0", "2.1.3", "+38 %", "last 306 ms", "baseline", "p95 ≤ 400 ms", "regressed", "400 ms", "0"},
			saysNot: []string{"acknowledged", "invalid", "2.0.9"},
		},
		"every kind": {
			r:    manyReleases(),
			says: []string{"regressed", "suspected", "acknowledged", "accepted", "resolved", "invalid", "+30 %", "+12 %", "2.1.8", "2.3.3", "2.5.9"},
		},
		"the newest is no spike": {r: hugeJump(), says: []string{"5 s", "last 4.99 s", "2.1.9"}},
		"an old spike is one":    {r: spike, says: []string{"2.9 s", "200 ms", "p95 ≤ 2 s"}, saysNot: []string{"3 s"}},
		"one":                    {r: histories["one"], says: []string{"2.0.0", "last 229 ms"}, saysNot: []string{"baseline"}},
		"long names":             {r: longNames(), says: []string{"release…abd478a"}},
		"nothing that counts":    {r: allInvalid(), says: []string{"nothing measured that counts", "invalid"}, saysNot: []string{"p95 ≤ 400 ms", "0"}},
		"no runs":                {r: Releases{Title: "t"}, says: []string{"t", "no runs"}, saysNot: []string{"0"}},
	} {
		t.Run(name, func(t *testing.T) {
			svg, err := c.r.SVG()
			require.NoError(t, err)
			said := texts(t, svg)
			require.Subset(t, said, c.says)
			for _, text := range c.saysNot {
				require.NotContains(t, said, text)
			}
		})
	}
}

// Of neighbours with the same version the first is labelled: the others would say nothing new.
func TestAVersionIsLabelledOnce(t *testing.T) {
	r := releases("t", 6, 200)
	for i := range r.Runs {
		r.Runs[i].Label = []string{"1.4.0", "1.5.0"}[i/3]
	}
	svg, err := r.SVG()
	require.NoError(t, err)
	require.Equal(t, 1, bytes.Count(svg, []byte(">1.4.0<")))
	require.Equal(t, 1, bytes.Count(svg, []byte(">1.5.0<")))
}

func TestInvalidRunsAreNotJoined(t *testing.T) {
	r := releases("t", 5, 200)
	whole, err := r.SVG()
	require.NoError(t, err)
	r.Runs[2].Standing = Invalid
	parted, err := r.SVG()
	require.NoError(t, err)
	line := []byte("stroke:rgba(0,114,178,1.0)")
	require.Equal(t, bytes.Count(whole, line)+1, bytes.Count(parted, line), "two lines instead of one")
}

func TestAltOfReleases(t *testing.T) {
	for name, want := range map[string]string{
		"regression":  "checkout-flow: p95 +38 % in 30 days (312 ms, was 226 ms). p95 from run to run: 14 runs, first 229 ms, last 306 ms, lowest 220 ms, highest 320 ms; last baseline 210 ms to 242 ms; regressed: 2.1.0; +38 % from 2.1.0 on (312 ms, was 226 ms); gate p95 ≤ 400 ms.",
		"one":         "checkout-flow: p95 226 ms, the only run in 30 days. p95 from run to run: one run, 229 ms; no baseline; gate p95 ≤ 400 ms.",
		"all-invalid": "checkout-flow: no valid run in 30 days. p95 from run to run: nothing measured; no baseline; invalid: 2.0.0, 2.0.1, 2.0.2, 2.0.3, 2.0.4; gate p95 ≤ 400 ms.",
	} {
		require.Equal(t, want, histories[name].Alt(), name)
	}
}

// Whatever it is given, a picture is valid XML, and all that it draws is on the card.
func TestAnyHistoryGivesAPicture(t *testing.T) {
	ms := rapid.OneOf(rapid.Float64(), rapid.Float64Range(0, 500), rapid.SampledFrom([]float64{none, math.Inf(1), math.Inf(-1), -1, 0, 1e-300, math.MaxFloat64, 1e9}))
	release := rapid.Custom(func(t *rapid.T) Release {
		standing := rapid.SampledFrom(append([]Standing{"", "?"}, standings...)).Draw(t, "standing")
		return Release{rapid.String().Draw(t, "label"), ms.Draw(t, "value"), ms.Draw(t, "low"), ms.Draw(t, "high"), standing}
	})
	shift := rapid.Custom(func(t *rapid.T) Shift {
		return Shift{rapid.IntRange(-2, 50).Draw(t, "at"), ms.Draw(t, "before"), ms.Draw(t, "after")}
	})
	coordinates := regexp.MustCompile(`[ML] (-?\d+) (-?\d+)`)
	rapid.Check(t, func(t *rapid.T) {
		r := Releases{
			Title: rapid.String().Draw(t, "title"), Subtitle: rapid.String().Draw(t, "subtitle"), Metric: rapid.String().Draw(t, "metric"),
			Runs: rapid.SliceOfN(release, 0, 60).Draw(t, "runs"), Shifts: rapid.SliceOfN(shift, 0, 5).Draw(t, "shifts"),
			Gates: []Gate{{rapid.String().Draw(t, "gate"), ms.Draw(t, "limit")}},
		}
		svg, err := r.SVG()
		require.NoError(t, err)
		texts(t, svg)
		for _, at := range coordinates.FindAllStringSubmatch(string(svg), -1) {
			x, _ := strconv.Atoi(at[1])
			y, _ := strconv.Atoi(at[2])
			require.True(t, image.Pt(x, y).In(image.Rect(0, 0, width+1, height+1)), at[0])
		}
	})
}
