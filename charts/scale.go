package charts

import (
	"fmt"
	"math"
	"strconv"
)

// axis runs from zero to max. Its ticks are a step apart: 1, 2 or 5 times a power of ten.
type axis struct {
	max, step float64
}

// newAxis holds top, with a little air above it, and has at most six ticks.
func newAxis(top float64) axis {
	if top < 1e-6 { // ms: under a nanosecond there is nothing to see
		top = 1
	}
	top *= 1.04
	power := math.Pow(10, math.Floor(math.Log10(top/6)))
	step := power
	for _, m := range []float64{2, 5, 10} {
		if top/step >= 6 {
			step = m * power
		}
	}
	return axis{max: top, step: step}
}

// ticks lists the steps from zero to max.
func (a axis) ticks() []float64 {
	var ticks []float64
	for i := range int(a.max/a.step) + 1 {
		ticks = append(ticks, float64(i)*a.step)
	}
	return ticks
}

// latencyAxis reaches the largest number that is at most 2.5 times what is typical: a lone spike or a generous gate
// must not press the lines flat. What lies beyond is clipped, and marked.
func (l Latency) latencyAxis() axis {
	var typical, top float64
	reach := func(values []float64, q float64) {
		if judged := l.judged(values); len(judged) > 0 {
			typical = max(typical, quantile(judged, q))
		}
	}
	reach(l.P50, 0.95)
	reach(l.P95, 0.95)
	reach(l.P99, 0.9)
	reach(l.Band.High, 1)
	include := func(v float64) {
		if plausible(v, 2.5*typical) {
			top = max(top, v)
		}
	}
	for _, values := range [][]float64{l.P50, l.P95, l.P99, l.Band.High} {
		for _, v := range values {
			include(v)
		}
	}
	for _, g := range l.Gates {
		include(g.Value)
	}
	return newAxis(top)
}

// unit is how the ticks of a latency axis are written.
type unit struct {
	name string
	ms   float64
}

// unit keeps the numbers on the axis short.
func (a axis) unit() unit {
	switch {
	case a.max < 1:
		return unit{"µs", 1e-3}
	case a.max < 2000:
		return unit{"ms", 1}
	default:
		return unit{"s", 1e3}
	}
}

// tick writes v, in ms, with no more decimals than the axis' step needs. Only the highest tick names the unit.
func (a axis) tick(v float64) string {
	u := a.unit()
	decimals := max(0, int(-math.Floor(math.Log10(a.step/u.ms)+1e-9)))
	switch text := strconv.FormatFloat(v/u.ms, 'f', decimals, 64); {
	case v == 0:
		return "0"
	case v+a.step > a.max:
		return text + " " + u.name
	default:
		return text
	}
}

// timeStep is the round number of seconds that cuts end into at most the given number of steps.
func timeStep(end float64, steps int) float64 {
	for _, s := range []float64{1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600} {
		if end/s <= float64(steps) {
			return s
		}
	}
	return 86400 * math.Ceil(end/86400/float64(steps))
}

// formatTime writes mm:ss, or h:mm:ss from an hour on.
func formatTime(seconds float64) string {
	s := int(seconds)
	if s < 3600 {
		return fmt.Sprintf("%02d:%02d", s/60, s%60)
	}
	return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
}

// formatLatency writes ms with three digits and the unit that suits: "850 µs", "1.2 ms", "312 ms", "1.25 s".
func formatLatency(ms float64) string {
	switch {
	case ms < 0.9995:
		return threeDigits(ms*1e3) + " µs"
	case ms < 999.5:
		return threeDigits(ms) + " ms"
	default:
		return threeDigits(ms/1e3) + " s"
	}
}

// formatPercent writes a fraction: 0.0125 as "1.25 %".
func formatPercent(fraction float64) string {
	return threeDigits(fraction*100) + " %"
}

// threeDigits rounds to three significant digits and to two decimals, without trailing zeros.
func threeDigits(v float64) string {
	decimals := 0
	if v < 99.95 {
		decimals = 1
	}
	if v < 9.995 {
		decimals = 2
	}
	round := math.Pow(10, float64(decimals))
	return strconv.FormatFloat(math.Round(v*round)/round, 'f', -1, 64)
}

func (g Gate) text() string {
	return tidy(g.Name) + " ≤ " + formatLatency(g.Value)
}
