package charts

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Releases is one picture: a percentile of a scenario from run to run, oldest first, against what each was judged by.
type Releases struct {
	Title    string // the finding: "checkout-flow: p95 +38 % in 30 days (312 ms, was 226 ms)"; wrapped to two lines, then cut
	Subtitle string // environment, period, number of runs; cut to one line
	Metric   string // the percentile: "p95"

	Runs   []Release
	Shifts []Shift
	Gates  []Gate
}

// Release is one run.
type Release struct {
	Label     string   // the version; of neighbours with the same the first is labelled
	Value     float64  // ms; NaN, infinite and negative numbers mean that nothing was measured, which leaves a gap
	Low, High float64  // the baseline's band as it then was, in ms; 0 and 0 for none
	Standing  Standing // of what it found
}

// Standing is what there is to know about a run at a glance.
type Standing string

// The standings, as the picture names them. The empty one is a run without anything to tell.
const (
	Regressed    Standing = "regressed" // and nobody looks after it
	Suspected    Standing = "suspected" // neither confirmed nor refuted
	Acknowledged Standing = "acknowledged"
	Accepted     Standing = "accepted" // as the new level
	Resolved     Standing = "resolved"
	Invalid      Standing = "invalid" // not joined with others, whatever it measured
)

// standings in the order in which they are explained.
var standings = []Standing{Regressed, Suspected, Acknowledged, Accepted, Resolved, Invalid}

// Shift is a lasting change of level between the runs At-1 and At.
type Shift struct {
	At            int
	Before, After float64 // ms
}

// PNG draws the picture for chat platforms, 1000 px wide, with transparent corners.
func (r Releases) PNG() ([]byte, error) { return sketch(r.draw).png() }

// SVG draws the same picture for web pages, with Alt as its title element.
func (r Releases) SVG() ([]byte, error) { return sketch(r.draw).svg(r.Alt()) }

// measured is the value of a run that counts, else NaN.
func (r Release) measured() float64 {
	if r.Standing == Invalid || !plausible(r.Value, maxLatency) {
		return math.NaN()
	}
	return r.Value
}

// banded tells whether the run was judged by a band.
func (r Release) banded() bool {
	return plausible(r.Low, maxLatency) && plausible(r.High, maxLatency) && r.High > 0 && r.Low <= r.High
}

// values of the runs that count, oldest first.
func (r Releases) values() (values []float64) {
	for _, run := range r.Runs {
		if v := run.measured(); !math.IsNaN(v) {
			values = append(values, v)
		}
	}
	return values
}

// shifts that lie between runs of the picture.
func (r Releases) shifts() []Shift {
	return slices.DeleteFunc(slices.Clone(r.Shifts), func(s Shift) bool {
		return s.At < 1 || s.At >= len(r.Runs) || !plausible(s.Before, maxLatency) || !plausible(s.After, maxLatency) || s.Before == 0 || s.After == 0
	})
}

// change is how much the level changed: "+38 %", with a real minus sign.
func (s Shift) change() string {
	percent := math.Round((s.After/s.Before - 1) * 100)
	return strings.Replace(fmt.Sprintf("%+.0f %%", percent), "-", "−", 1)
}

// size is the same for as many times slower and faster.
func (s Shift) size() float64 { return math.Abs(math.Log(s.After / s.Before)) }

// latencyAxis reaches the largest number that is at most 2.5 times what is typical, as that of a Latency does: a lone spike
// must not press the line flat. The newest run, and what regressed, is never a spike: it is what people look for.
func (r Releases) latencyAxis() axis {
	var typical, top float64
	if values := r.values(); len(values) > 0 {
		typical = max(values[len(values)-1], quantile(slices.Sorted(slices.Values(values)), 0.95))
	}
	for _, run := range r.Runs {
		if run.banded() {
			typical = max(typical, run.High)
		}
		if v := run.measured(); !math.IsNaN(v) && run.Standing != "" {
			typical = max(typical, v)
		}
	}
	for _, v := range r.values() {
		if v <= 2.5*typical {
			top = max(top, v)
		}
	}
	for _, run := range r.Runs {
		if run.banded() {
			top = max(top, run.High)
		}
	}
	for _, g := range r.Gates {
		if plausible(g.Value, 2.5*typical) {
			top = max(top, g.Value)
		}
	}
	return newAxis(top)
}

// mostNamed is how many versions Alt names of a kind.
const mostNamed = 5

// Alt says in words and numbers what the picture shows, for those who cannot see it: the finding, the first and the last run
// and their extremes, the last band, who regressed, where the level changed, and the gates.
func (r Releases) Alt() string {
	facts := append([]string{r.altValues(), r.altBand()}, r.altStandings()...)
	for _, s := range r.shifts() {
		at := tidy(r.Runs[s.At].Label)
		facts = append(facts, fmt.Sprintf("%s from %s on (%s, was %s)", s.change(), at, formatLatency(s.After), formatLatency(s.Before)))
	}
	for _, g := range r.Gates {
		if plausible(g.Value, maxLatency) {
			facts = append(facts, "gate "+g.text())
		}
	}
	sentence := fmt.Sprintf("%s from run to run: %s.", tidy(r.Metric), strings.Join(facts, "; "))
	if title := tidy(r.Title); title != "" {
		return title + ". " + sentence
	}
	return sentence
}

func (r Releases) altValues() string {
	values := r.values()
	switch len(values) {
	case 0:
		return "nothing measured"
	case 1:
		return "one run, " + formatLatency(values[0])
	}
	return fmt.Sprintf("%d runs, first %s, last %s, lowest %s, highest %s", len(values), formatLatency(values[0]),
		formatLatency(values[len(values)-1]), formatLatency(slices.Min(values)), formatLatency(slices.Max(values)))
}

func (r Releases) altBand() string {
	for _, run := range slices.Backward(r.Runs) {
		if run.banded() {
			return fmt.Sprintf("last baseline %s to %s", formatLatency(run.Low), formatLatency(run.High))
		}
	}
	return "no baseline"
}

func (r Releases) altStandings() (facts []string) {
	for _, s := range standings {
		var names []string
		for _, run := range r.Runs {
			if run.Standing == s {
				names = append(names, tidy(run.Label))
			}
		}
		if more := len(names) - mostNamed; more > 0 {
			names = append(names[:mostNamed], fmt.Sprintf("and %d more", more))
		}
		if len(names) > 0 {
			facts = append(facts, string(s)+": "+strings.Join(names, ", "))
		}
	}
	return facts
}
