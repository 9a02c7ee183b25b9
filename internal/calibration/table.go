package calibration

import (
	"fmt"
	"strings"
)

// CalibrationTable is Markdown: a row a cell, in percent.
func CalibrationTable(cells []Cell, tallies []Tally) string {
	var b strings.Builder
	b.WriteString("| scenarios | noise learned | noise | N | autocorrelation | metrics suspected | confirmed | releases suspected | confirmed " +
		"| MDE suspected | confirmed | 2 MDE suspected | confirmed |\n|--:|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n")
	for i, c := range cells {
		t := tallies[i]
		fmt.Fprintf(&b, "| %d | %s | %.0f %% | %d | %.1f |", c.Scenarios, yes(c.Learned), 100*c.Noise, c.Baseline, c.Autocorrelation)
		for _, s := range []Share{t.Metrics.Suspected, t.Metrics.Confirmed, t.Releases.Suspected, t.Releases.Confirmed} {
			fmt.Fprintf(&b, " %.2f |", 100*s.fraction())
		}
		for _, s := range []Share{t.AtMDE.Suspected, t.AtMDE.Confirmed, t.AtTwice.Suspected, t.AtTwice.Confirmed} {
			fmt.Fprintf(&b, " %.1f |", 100*s.fraction())
		}
		b.WriteString("\n")
	}
	return b.String()
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// ContestTable is Markdown: a row a method, and in the column of each cell its false alarms and its misses, in percent.
func ContestTable(cells []Cell, errors [][]Errors) string {
	var b strings.Builder
	b.WriteString("| false alarms / misses of +20 %, in % |")
	for _, c := range cells {
		fmt.Fprintf(&b, " noise %.0f %%, N %d, autocorrelation %.1f |", 100*c.Noise, c.Baseline, c.Autocorrelation)
	}
	b.WriteString("\n|---|" + strings.Repeat("--:|", len(cells)) + "\n")
	for j, m := range Methods() {
		b.WriteString("| " + m.Name + " |")
		for i := range cells {
			e := errors[i][j]
			fmt.Fprintf(&b, " %.1f / %.1f |", 100*e.False.fraction(), 100*e.Missed.fraction())
		}
		b.WriteString("\n")
	}
	return b.String()
}
