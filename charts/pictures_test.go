package charts

import (
	"math"
	"strings"
)

var none = math.NaN()

// run measures n seconds around the given p95 in ms, without errors.
func run(title string, n int, p95 float64) Latency {
	l := Latency{
		Title:    title,
		Subtitle: "v2.4.1 on staging · baseline: 8 runs of v2.4.0",
		Errors:   make([]float64, n),
	}
	for i := range n {
		wave := 1 + 0.04*math.Sin(1.7*float64(i)) + 0.03*math.Cos(4.1*float64(i))
		l.Seconds = append(l.Seconds, float64(i))
		l.P50 = append(l.P50, math.Round(450*p95*wave)/1000)
		l.P95 = append(l.P95, math.Round(1000*p95*wave)/1000)
		l.P99 = append(l.P99, math.Round(1350*p95*wave*wave)/1000)
	}
	return l
}

func regressed() Latency {
	l := run("checkout-flow: p95 +38 % (312 ms, was 226 ms)", 60, 312)
	l.Band = Band{Low: []float64{210}, High: []float64{242}}
	l.Gates = []Gate{{"p95", 300}}
	l.ErrorGate, l.Warmup = 0.01, 5
	return l
}

func passed() Latency {
	l := regressed()
	l.Title = "checkout-flow: p95 226 ms, as before"
	for _, line := range [][]float64{l.P50, l.P95, l.P99} {
		for i := range line {
			line[i] *= 226.0 / 312
		}
	}
	return l
}

func noBaseline() Latency {
	l := run("search: p95 224 ms, no baseline yet", 60, 224)
	l.Subtitle = "v7 on staging · no baseline yet"
	return l
}

func errorBurst() Latency {
	l := passed()
	l.Title = "checkout-flow: 1.6 % errors, gate 1 %"
	for i := 30; i < 38; i++ {
		l.Errors[i], l.P99[i] = 0.12, 520
	}
	return l
}

func gaps() Latency {
	l := passed()
	for _, i := range []int{25, 26, 27, 28, 41, 43} {
		l.P50[i], l.P95[i], l.P99[i], l.Errors[i] = none, math.Inf(1), none, none
	}
	return l
}

func clipped() Latency {
	l := passed()
	l.P99[0], l.P99[30], l.P99[31], l.P95[31] = 2400, 2900, 3200, 900
	l.Gates = append(l.Gates, Gate{"p99", 2000})
	return l
}

func fourSeconds() Latency {
	l := run("checkout-flow: p95 +40 % (31 ms, was 22 ms)", 4, 31)
	l.Band = Band{Low: []float64{20, 20.5, 20.5, 20}, High: []float64{23, 24, 23.5, 23}}
	l.Gates, l.Warmup = []Gate{{"p95", 50}}, 1
	return l
}

func allFailed() Latency {
	l := run("checkout-flow: every request failed", 20, none)
	for i := range l.Errors {
		l.Errors[i] = 1
	}
	l.ErrorGate, l.Warmup = 0.01, 5
	return l
}

func hostile() Latency {
	l := regressed()
	l.Title = "<script>alert(1)</script> 🚀 & \"שלום\" \x00\u202e\xff 漢字 " + strings.Repeat("no-blank-", 20) + "]]> end"
	l.Subtitle = strings.Repeat("a long subtitle, ", 20)
	l.Gates = append(l.Gates, Gate{"<b>" + strings.Repeat("gate", 20), 250}, Gate{"p50", none}, Gate{"p50", 0})
	return l
}

func soak() Latency {
	l := run("soak: p95 2.3 s, as before", 3*60*60, 2300)
	l.Band = Band{Low: []float64{2200}, High: []float64{2500}}
	l.P99[5000] = 30_000
	l.Warmup = 300
	return l
}

var pictures = map[string]Latency{
	"regressed":    regressed(),
	"passed":       passed(),
	"no-baseline":  noBaseline(),
	"error-burst":  errorBurst(),
	"gaps":         gaps(),
	"clipped":      clipped(),
	"four-seconds": fourSeconds(),
	"one-second":   run("ping: p95 850 µs", 1, 0.85),
	"all-failed":   allFailed(),
	"no-samples":   {Title: "checkout-flow: nothing measured", Subtitle: "v2.4.1 on staging"},
	"hostile":      hostile(),
	"soak":         soak(),
	"ten-minutes":  run("checkout-flow: p95 226 ms, as before", 600, 226),
}
