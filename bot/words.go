package bot

import (
	"fmt"
	"math"
	"time"

	"bellwether/pipeline"
)

func outcomesOf(run pipeline.Run, verdict pipeline.Verdict) []pipeline.Outcome {
	var some []pipeline.Outcome
	for _, o := range run.Outcomes {
		if o.Verdict == verdict {
			some = append(some, o)
		}
	}
	return some
}

// headline is the most telling finding of the first outcome, and how many more there are.
func headline(outcomes []pipeline.Outcome) string {
	if len(outcomes) == 0 {
		return "see the thread"
	}
	o := outcomes[0]
	s := o.Scenario
	if f, ok := telling(o); ok {
		s = f.Group + " " + sentence(f)
	}
	if more := len(outcomes) - 1; more > 0 {
		s += fmt.Sprintf(", and %s", count(more, "more scenario"))
	}
	return s
}

// worse says in which way outcomes are worse.
func worse(outcomes []pipeline.Outcome) string {
	if f, ok := telling(outcomes[0]); ok && f.Metric == pipeline.Errors {
		return "less reliable"
	}
	return "slower"
}

// telling is the finding that stands for an outcome: of those with its verdict the whole scenario's before a target's, p95
// before the others.
func telling(o pipeline.Outcome) (pipeline.Finding, bool) {
	order := []pipeline.Metric{pipeline.P95, pipeline.Errors, pipeline.P99, pipeline.P50}
	for _, whole := range []bool{true, false} {
		for _, metric := range order {
			for _, f := range o.Findings {
				if f.Verdict == o.Verdict && f.Metric == metric && (f.Group == o.Scenario) == whole {
					return f, true
				}
			}
		}
	}
	return pipeline.Finding{}, false
}

// sentence is a finding in one breath: "p95 +38 % (312 ms, was 226 ms)".
func sentence(f pipeline.Finding) string {
	s := string(f.Metric)
	switch {
	case f.Rule == pipeline.RuleGate || f.Rule == pipeline.RuleGateBefore:
		return fmt.Sprintf("%s %s, the gate is %s", s, amount(f.Metric, f.Now), amount(f.Metric, f.Gate))
	case f.Rule == pipeline.RuleNoBaseline:
		return fmt.Sprintf("%s %s", s, amount(f.Metric, f.Now))
	case f.Metric == pipeline.Errors:
		return fmt.Sprintf("%s %s (was %s)", s, amount(f.Metric, f.Now), amount(f.Metric, f.Was))
	}
	return fmt.Sprintf("%s %s (%s, was %s)", s, percent(f.Ratio-1), amount(f.Metric, f.Now), amount(f.Metric, f.Was))
}

// explain says how sure a finding is; empty for a plain pass.
func explain(f pipeline.Finding) string {
	if c := f.Confirmation; c != nil {
		return explainConfirmation(f, *c)
	}
	switch {
	case f.Rule == pipeline.RuleGate:
		return fmt.Sprintf("%s is over the gate of %s", amount(f.Metric, f.Now), amount(f.Metric, f.Gate))
	case f.Verdict == pipeline.Suspect || f.Verdict == pipeline.Improved:
		return fmt.Sprintf("%s, 95 %% interval %s", sentence(f), interval(f.Metric, f.Low, f.High))
	}
	return ""
}

func explainConfirmation(f pipeline.Finding, c pipeline.Confirmation) string {
	measured := fmt.Sprintf("%s fresh measurements gave %s, was %s", spelled(c.Legs), amount(f.Metric, c.Now), amount(f.Metric, c.Was))
	switch {
	case f.Rule == pipeline.RuleGateBefore:
		return measured + "; the gate was broken before this change too"
	case f.Rule == pipeline.RuleGate:
		return fmt.Sprintf("%s; all of the new version break the gate of %s", measured, amount(f.Metric, f.Gate))
	case f.Verdict == pipeline.Regressed:
		return fmt.Sprintf("confirmed: %s (95 %% interval %s)", measured, interval(f.Metric, c.Low, c.High))
	}
	return "looked slower, not confirmed: " + measured
}

// amount is a metric's value with its unit.
func amount(m pipeline.Metric, v float64) string {
	if m == pipeline.Errors || m == pipeline.Throughput {
		return trimmed(v*100) + " %"
	}
	if v >= 10_000 {
		return trimmed(v/1000) + " s"
	}
	return trimmed(v) + " ms"
}

// trimmed has three significant digits at most, and no more than two decimals.
func trimmed(v float64) string {
	switch a := math.Abs(v); {
	case v == 0:
		return "0"
	case a >= 100:
		return fmt.Sprintf("%.0f", v)
	case a >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

// change is how far now is from was, in brackets; empty where a ratio says nothing.
func change(f pipeline.Finding) string {
	if f.Metric == pipeline.Errors || f.Ratio == 0 {
		return ""
	}
	return " (" + percent(f.Ratio-1) + ")"
}

func span(m pipeline.Metric, low, high float64) string {
	return amount(m, low) + " – " + amount(m, high)
}

func interval(m pipeline.Metric, low, high float64) string {
	if m == pipeline.Errors {
		return fmt.Sprintf("%+.1f to %+.1f points", low*100, high*100)
	}
	return percent(low-1) + " to " + percent(high-1)
}

func percent(fraction float64) string {
	if math.Abs(fraction) < 0.005 {
		return "±0 %"
	}
	return fmt.Sprintf("%+.0f %%", fraction*100)
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
	return fmt.Sprint(n)
}

// roughly is a duration as people say it.
func roughly(d time.Duration) string {
	switch {
	case d < 90*time.Second:
		return fmt.Sprintf("%d s", int(math.Round(d.Seconds())))
	case d < 90*time.Minute:
		return fmt.Sprintf("%d min", int(math.Round(d.Minutes())))
	}
	return fmt.Sprintf("%.1f h", d.Hours())
}

// word is a verdict as people read it.
func word(v pipeline.Verdict) string {
	if v == pipeline.Invalid {
		return "no good"
	}
	return string(v)
}
