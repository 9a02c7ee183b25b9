package bot

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"bellwether/pipeline"
)

// table has what was measured: now, in earlier runs (their mean and their band), and in the previous release; nil when
// nothing was.
func table(shown []pipeline.Outcome) *Table {
	if !slices.ContainsFunc(shown, func(o pipeline.Outcome) bool { return len(o.Findings) > 0 }) {
		return nil
	}
	t := &Table{Head: []string{"", "now", "was", "band", "prev"}}
	if len(shown) == 1 {
		t.Head[0] = shown[0].Scenario
	}
	for _, o := range shown {
		if len(shown) > 1 {
			t.Rows = append(t.Rows, titleRow(o))
		}
		for _, f := range o.Findings {
			if tabled(o, f) {
				t.Rows = append(t.Rows, findingRow(o.Scenario, f))
			}
		}
	}
	return t
}

// tabled are findings of the whole scenario, and of its targets what is worth a word. Throughput is only that when it is missing.
func tabled(o pipeline.Outcome, f pipeline.Finding) bool {
	whole := f.Group == o.Scenario && f.Metric != pipeline.Throughput
	return whole || f.Verdict != pipeline.Pass || f.Course != ""
}

func titleRow(o pipeline.Outcome) []string {
	row := []string{o.Scenario, "", "", "", ""}
	if len(o.Findings) == 0 {
		row[1] = word(o.Verdict)
	}
	return row
}

func findingRow(scenario string, f pipeline.Finding) []string {
	in := unit(f.Metric, f.Now, f.Was)
	row := []string{label(scenario, f) + " " + in, warning(f) + number(in, f.Now), "–", "–", "–"}
	if Compared(f) {
		row[2] = number(in, f.Was)
	}
	if Compared(f) && f.Rule != pipeline.RuleBootstrap { // which knows nothing of the noise between runs
		row[3] = number(in, f.BandLow) + "–" + number(in, f.BandHigh)
	}
	if Compared(f) || f.Previous > 0 {
		row[4] = number(in, f.Previous)
	}
	return row
}

// warning marks what is worse, and of what was before.
func warning(f pipeline.Finding) string {
	switch {
	case alarming(f.Verdict):
		return "! "
	case f.Course == pipeline.CourseSame || f.Course == pipeline.CourseBetter:
		return "~ "
	}
	return ""
}

// Rows are an outcome's findings as cells of text: metric with its unit, now, was, band, previous release.
func Rows(o pipeline.Outcome) [][]string {
	var rows [][]string
	for _, f := range o.Findings {
		rows = append(rows, findingRow(o.Scenario, f))
	}
	return rows
}

// SideBySide is what was measured of the scenarios that both runs have: now, then, and how far that is apart; nil when there
// is none. Of many scenarios those whose p95 moved furthest are shown; left says how many are not.
func SideBySide(now, then pipeline.Run) (t *Table, left int) {
	var both []string
	for _, name := range measured(now) {
		if slices.Contains(measured(then), name) {
			both = append(both, name)
		}
	}
	slices.SortStableFunc(both, func(a, b string) int { return cmp.Compare(moved(now, then, b), moved(now, then, a)) })
	if left = len(both) - shownOutcomes; left > 0 {
		both = both[:shownOutcomes]
	}
	for i, name := range both {
		switch {
		case i == 0 && len(both) == 1:
			t = &Table{Head: []string{name, now.ID, then.ID, "change"}}
		case i == 0:
			t = &Table{Head: []string{"", now.ID, then.ID, "change"}}
		}
		if len(both) > 1 {
			t.Rows = append(t.Rows, []string{name, "", "", ""})
		}
		t.Rows = append(t.Rows, sideRows(name, now, then)...)
	}
	return t, max(0, left)
}

// measured are the scenarios of a run that have numbers, in its order.
func measured(run pipeline.Run) (names []string) {
	for _, o := range run.Outcomes {
		if len(o.Findings) > 0 {
			names = append(names, o.Scenario)
		}
	}
	return names
}

// moved is by what factor the p95 of a scenario differs; 0 when one of them has none.
func moved(now, then pipeline.Run, scenario string) float64 {
	a, b := valueOf(now, scenario, pipeline.P95), valueOf(then, scenario, pipeline.P95)
	if !(a > 0 && b > 0) { // NaN neither
		return 0
	}
	return max(a/b, b/a)
}

func sideRows(scenario string, now, then pipeline.Run) (rows [][]string) {
	for _, m := range []pipeline.Metric{pipeline.P50, pipeline.P95, pipeline.P99, pipeline.Errors} {
		a, b := valueOf(now, scenario, m), valueOf(then, scenario, m)
		if math.IsNaN(a) && math.IsNaN(b) {
			continue
		}
		in := unit(m)
		rows = append(rows, []string{string(m) + " " + in, number(in, a), number(in, b), apart(m, a, b)})
	}
	return rows
}

// valueOf a whole scenario's metric; NaN when it was not judged.
func valueOf(run pipeline.Run, scenario string, m pipeline.Metric) float64 {
	for _, o := range run.Outcomes {
		for _, f := range o.Findings {
			if o.Scenario == scenario && f.Group == scenario && f.Metric == m {
				return f.Now
			}
		}
	}
	return math.NaN()
}

// apart is how far a value moved: of errors in percentage points.
func apart(m pipeline.Metric, now, then float64) string {
	switch {
	case math.IsNaN(now) || math.IsNaN(then):
		return "–"
	case m == pipeline.Errors:
		return fmt.Sprintf("%s pp", Points(now-then))
	case then == 0:
		return "–"
	}
	return Percent(now/then - 1)
}
