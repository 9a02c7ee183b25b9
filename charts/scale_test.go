package charts

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestAxisIsRoundAndShort(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		top := math.Pow(10, rapid.Float64Range(-5, 8).Draw(t, "power"))
		a := newAxis(top)
		require.Greater(t, a.max, top)
		require.Less(t, a.max, 1.05*top, "no height is wasted")
		ticks := a.ticks()
		require.LessOrEqual(t, len(ticks), 6)
		require.GreaterOrEqual(t, len(ticks), 3)
		require.Zero(t, ticks[0])
		digit := a.step / math.Pow(10, math.Floor(math.Log10(a.step)+1e-9))
		require.Contains(t, []int{1, 2, 5}, int(math.Round(digit)))
	})
}

func TestTicks(t *testing.T) {
	for top, want := range map[float64][]string{
		0:      {"0", "0.2", "0.4", "0.6", "0.8", "1.0 ms"},
		0.85:   {"0", "200", "400", "600", "800 µs"},
		1.2:    {"0", "0.5", "1.0 ms"},
		31:     {"0", "10", "20", "30 ms"},
		480:    {"0", "100", "200", "300", "400 ms"},
		1500:   {"0", "500", "1000", "1500 ms"},
		2000:   {"0", "0.5", "1.0", "1.5", "2.0 s"},
		30_000: {"0", "10", "20", "30 s"},
	} {
		a := newAxis(top)
		var got []string
		for _, v := range a.ticks() {
			got = append(got, a.tick(v))
		}
		require.Equal(t, want, got, "%g ms", top)
	}
}

func TestLatencyAxisIgnoresLoneOutliers(t *testing.T) {
	for name, c := range map[string]struct {
		l           Latency
		least, most float64
	}{
		"reaches the highest":                {regressed(), 440, 520},
		"spikes and generous gates":          {clipped(), 300, 400},
		"a lasting change is no outlier":     {lasting(), 5000, 8000},
		"a gate just above":                  {gateAt(560), 560, 600},
		"four seconds have no outliers":      {Latency{Seconds: []float64{0, 1, 2, 3}, P99: []float64{10, 10, 200, 10}}, 200, 210},
		"the warm-up does not stretch it":    {Latency{Seconds: []float64{0, 1}, P95: []float64{900, 10}, Warmup: 1}, 10, 11},
		"unless there is nothing but warmup": {Latency{Seconds: []float64{0}, P95: []float64{900}, Warmup: 5}, 900, 950},
	} {
		top := c.l.latencyAxis().max
		require.GreaterOrEqual(t, top, c.least, name)
		require.LessOrEqual(t, top, c.most, name)
	}
}

func lasting() Latency {
	l := passed()
	for i := 40; i < 60; i++ {
		l.P99[i] = 5000 + float64(i)
	}
	return l
}

func gateAt(ms float64) Latency {
	l := passed()
	l.Gates = []Gate{{"p99", ms}}
	return l
}

func TestTimeAxis(t *testing.T) {
	for end, want := range map[float64]float64{1: 1, 4: 1, 10: 2, 60: 15, 90: 30, 600: 120, 3600: 900, 10_800: 3600, 864_000: 172_800} {
		require.Equal(t, want, timeStep(end, 5), "%g s", end)
	}
	for seconds, want := range map[float64]string{0: "00:00", 75: "01:15", 3599: "59:59", 3600: "1:00:00", 10_861: "3:01:01"} {
		require.Equal(t, want, formatTime(seconds))
	}
}

func TestNumbersAreShort(t *testing.T) {
	for ms, want := range map[float64]string{
		0: "0 µs", 0.0123: "12.3 µs", 0.85: "850 µs", 0.9999: "1 ms", 1.234: "1.23 ms", 31.04: "31 ms", 99.97: "100 ms",
		311.6: "312 ms", 999.7: "1 s", 1250: "1.25 s", 32_400: "32.4 s", 120_000: "120 s",
	} {
		require.Equal(t, want, formatLatency(ms))
	}
	for fraction, want := range map[float64]string{0.0004: "0.04 %", 0.0125: "1.25 %", 0.123: "12.3 %", 1: "100 %"} {
		require.Equal(t, want, formatPercent(fraction))
	}
}
