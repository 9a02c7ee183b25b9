package bot

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"bellwether/pipeline"
)

// Amount is a metric's value with its unit: "312 ms", "12.5 s", "0.4 %", "450 /s".
func Amount(m pipeline.Metric, v float64) string {
	in := unit(m, v)
	if in == "ms" && v >= 10_000 {
		return trimmed(v/1000) + " s"
	}
	return number(in, v) + " " + in
}

// number is a metric's value in a unit.
func number(unit string, v float64) string {
	if unit == "%" {
		v *= 100
	}
	return trimmed(v)
}

// unit of a metric's values. Throughput is a fraction of what was offered, which is never more than all of it, or, in the
// files of other tools, requests a second.
func unit(m pipeline.Metric, values ...float64) string {
	rate := m == pipeline.Throughput && slices.ContainsFunc(values, func(v float64) bool { return v > 1 })
	switch {
	case rate:
		return "/s"
	case m == pipeline.Errors || m == pipeline.Throughput:
		return "%"
	}
	return "ms"
}

// trimmed has two decimals at most, fewer for larger numbers, and no zeros at its end.
func trimmed(v float64) string {
	decimals := 0
	switch a := math.Abs(v); {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return "–"
	case v > 0 && v < 0.01:
		return "<0.01"
	case a < 10:
		decimals = 2
	case a < 100:
		decimals = 1
	}
	s := strconv.FormatFloat(v, 'f', decimals, 64)
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}

// Percent is a relative change with its sign: "+38 %".
func Percent(fraction float64) string {
	if math.Abs(fraction) < 0.005 {
		return "±0 %"
	}
	return signed(fraction*100, 0) + " %"
}

// Points is a difference of fractions in percentage points, with its sign: "+0.25".
func Points(difference float64) string {
	if math.Abs(difference) < 0.00005 {
		return "±0"
	}
	return signed(difference*100, 2)
}

// signed writes a real minus sign.
func signed(v float64, decimals int) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return "–"
	}
	return strings.Replace(fmt.Sprintf("%+.*f", decimals, v), "-", "−", 1)
}

// Interval is the 95 % interval of a change: of a ratio, or of the difference for errors.
func Interval(m pipeline.Metric, low, high float64) string {
	if m == pipeline.Errors {
		return Points(low) + " to " + Points(high) + " percentage points"
	}
	return Percent(low-1) + " to " + Percent(high-1)
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func spelled(n int) string {
	words := []string{"no", "one", "two", "three", "four", "five", "six", "seven", "eight"}
	if n < len(words) {
		return words[n]
	}
	return strconv.Itoa(n)
}

// Roughly is a duration as people say it: "70 s", "4 min", "2.5 h", "3 days".
func Roughly(d time.Duration) string {
	switch {
	case d < time.Second:
		return "less than 1 s"
	case d < 90*time.Second:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < 90*time.Minute:
		return fmt.Sprintf("%.0f min", d.Minutes())
	}
	if d >= 48*time.Hour {
		return fmt.Sprintf("%.0f days", d.Hours()/24)
	}
	return strings.TrimSuffix(fmt.Sprintf("%.1f", d.Hours()), ".0") + " h"
}

// word is what a verdict says of a scenario.
func word(v pipeline.Verdict) string {
	if v == pipeline.Pass {
		return "passed"
	}
	return string(v)
}

// capital begins with a capital letter.
func capital(s string) string {
	first, size := utf8.DecodeRuneInString(s)
	if size == 0 {
		return ""
	}
	return string(unicode.ToUpper(first)) + s[size:]
}

// stopped ends with one full stop.
func stopped(s string) string { return strings.TrimRight(s, ".") + "." }

// label names a finding within its scenario: "p95", or "cart p95" for a target.
func label(scenario string, f pipeline.Finding) string {
	target := strings.TrimPrefix(strings.TrimPrefix(f.Group, scenario), "/")
	return strings.TrimSpace(target + " " + string(cmp.Or(f.Metric, "?")))
}
