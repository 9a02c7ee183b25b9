package bot

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

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

// ranked are an outcome's findings, the most telling first: the whole scenario before a target, p95 before the others.
func ranked(o pipeline.Outcome) []pipeline.Finding {
	order := []pipeline.Metric{pipeline.P95, pipeline.Errors, pipeline.P99, pipeline.P50, pipeline.Throughput}
	rank := func(f pipeline.Finding) int {
		r := slices.Index(order, f.Metric)
		if f.Group != o.Scenario {
			r += len(order)
		}
		return r
	}
	return slices.SortedStableFunc(slices.Values(o.Findings), func(a, b pipeline.Finding) int { return cmp.Compare(rank(a), rank(b)) })
}

// telling is the finding that stands for an outcome: the first one with its verdict.
func telling(o pipeline.Outcome) (pipeline.Finding, bool) {
	for _, f := range ranked(o) {
		if f.Verdict == o.Verdict {
			return f, true
		}
	}
	return pipeline.Finding{}, false
}

// gravest is the finding that stands for several outcomes: the one that is furthest from what it should be.
func gravest(outcomes []pipeline.Outcome) (worst pipeline.Finding, found bool) {
	for _, o := range outcomes {
		if f, ok := telling(o); ok && (!found || excess(f) > excess(worst)) {
			worst, found = f, true
		}
	}
	return worst, found
}

// fewErrors is a fraction of errors that nobody minds.
const fewErrors = 0.001

// excess is how many times too large a finding is, or too small.
func excess(f pipeline.Finding) float64 {
	switch {
	case overGate(f):
		return f.Now / f.Gate
	case f.Metric == pipeline.Errors: // which may rise from nothing
		return (f.Now + fewErrors) / (f.Was + fewErrors)
	case f.Ratio > 0:
		return max(f.Ratio, 1/f.Ratio)
	}
	return 0
}

func overGate(f pipeline.Finding) bool {
	return f.Rule == pipeline.RuleGate || f.Rule == pipeline.RuleGateBefore
}

// Compared tells whether a finding has a past. A gate, and a suspicion that was not confirmed, hide the rule it was first
// judged by; a comparison then shows in its numbers.
func Compared(f pipeline.Finding) bool {
	switch f.Rule {
	case pipeline.RuleHistory:
		return true
	case pipeline.RuleNoBaseline:
		return false
	}
	return f.Ratio != 0 || f.High != 0
}

// claim is what outcomes of one verdict mean for a service, as the end of a sentence that starts with it: "is slower: p95
// +38 % in checkout-flow (312 ms, was 226 ms) and 1 more scenario".
func claim(outcomes []pipeline.Outcome) string {
	f, ok := gravest(outcomes)
	if !ok {
		return "is worse: see the thread"
	}
	return manner(f) + ": " + figure(f) + " in " + f.Group + bracketed(detail(f)) + others(len(outcomes)-1)
}

// effect is the same said of a scenario: what was tested is not what changed.
func effect(outcomes []pipeline.Outcome) string {
	f, ok := gravest(outcomes)
	if !ok {
		return "something is worse: see the thread"
	}
	return f.Group + " " + manner(f) + ", " + figure(f) + bracketed(detail(f)) + others(len(outcomes)-1)
}

// figure is the change without a name that was said already.
func figure(f pipeline.Finding) string {
	if overGate(f) {
		return change(f)
	}
	return strings.TrimPrefix(change(f), string(pipeline.Errors)+" ")
}

func bracketed(s string) string {
	if s == "" {
		return ""
	}
	return " (" + s + ")"
}

func others(n int) string {
	if n <= 0 {
		return ""
	}
	return " and " + count(n, "more scenario")
}

// manner is in which way a finding differs from what it should be.
func manner(f pipeline.Finding) string {
	latency, errors, throughput := "", "", ""
	switch f.Verdict {
	case pipeline.Regressed:
		latency, errors, throughput = "is slower", "has more errors", "handles less load"
	case pipeline.Suspect:
		latency, errors, throughput = "may be slower", "may have more errors", "may handle less load"
	case pipeline.Improved:
		latency, errors, throughput = "is faster", "has fewer errors", "handles more load"
	}
	switch {
	case f.Rule == pipeline.RuleGateBefore:
		return "is over its gate, as the version before was"
	case f.Rule == pipeline.RuleGate:
		return "is over its gate"
	case f.Verdict == pipeline.Suspect && f.Course == pipeline.CourseWorse:
		return "is worse than it was known to be"
	case f.Metric == pipeline.Errors:
		return errors
	case f.Metric == pipeline.Throughput:
		return throughput
	}
	return latency
}

// change is the number that matters most: how far a latency moved; the value itself where there is nothing to compare it
// with, or a ratio says nothing.
func change(f pipeline.Finding) string {
	if overGate(f) || !Compared(f) || f.Metric == pipeline.Errors {
		return fmt.Sprintf("%s %s", f.Metric, Amount(f.Metric, f.Now))
	}
	return fmt.Sprintf("%s %s", f.Metric, Percent(f.Ratio-1))
}

// detail is what the change is measured by.
func detail(f pipeline.Finding) string {
	switch {
	case overGate(f):
		return "gate " + Amount(f.Metric, f.Gate)
	case !Compared(f):
		return ""
	case f.Metric == pipeline.Errors:
		return "was " + Amount(f.Metric, f.Was)
	}
	return Amount(f.Metric, f.Now) + ", was " + Amount(f.Metric, f.Was)
}

// breath is a finding in one: "p95 +38 % (312 ms, was 226 ms)".
func breath(f pipeline.Finding) string { return change(f) + bracketed(detail(f)) }

// Explain says in sentences why an outcome is what it is, and how sure that is. Nothing of a plain pass.
func Explain(run pipeline.Run, o pipeline.Outcome) []string {
	v := voice{run: run}
	var said []string
	for _, s := range append([]string{o.Reason, v.against(o), gates(o), v.confirmed(o), v.unconfirmed(o)}, v.courses(o)...) {
		if s != "" {
			said = append(said, capital(stopped(s)))
		}
	}
	return said
}

// against is how far an outcome is from earlier runs, and from the release before.
func (v voice) against(o pipeline.Outcome) string {
	f, ok := telling(o)
	if !ok || o.Verdict == pipeline.Pass || f.Ratio == 0 || f.Previous == 0 || f.Metric == pipeline.Errors {
		return ""
	}
	sure := ""
	if f.Confirmation == nil && f.Low > 0 {
		sure = "95 % interval " + Interval(f.Metric, f.Low, f.High)
	}
	return fmt.Sprintf("against earlier runs %s %s%s, against the %s %s",
		label(o.Scenario, f), Percent(f.Ratio-1), bracketed(sure), v.previous(), Percent(f.Now/f.Previous-1))
}

// previous is what Finding.Previous is of: a full run tests no release.
func (v voice) previous() string {
	if v.run.Change().Name == "" {
		return "previous run"
	}
	return "previous release"
}

// gates are those that are broken, though not by this change, or nobody knows by what.
func gates(o pipeline.Outcome) string {
	for _, f := range ranked(o) {
		name, limit := label(o.Scenario, f), Amount(f.Metric, f.Gate)
		switch {
		case f.Rule == pipeline.RuleGateBefore:
			return fmt.Sprintf("the version before breaks the %s gate of %s too", name, limit)
		case f.Rule == pipeline.RuleGate && f.Confirmation == nil:
			return fmt.Sprintf("over its gate of %s: %s", limit, name)
		}
	}
	return ""
}

// confirmed lists what fresh measurements confirmed, and how sure the first of it is.
func (v voice) confirmed(o pipeline.Outcome) string {
	var found []string
	legs := 0
	for _, f := range ranked(o) {
		c := f.Confirmation
		if c == nil || f.Verdict != pipeline.Regressed {
			continue
		}
		s := fresh(o.Scenario, f, *c)
		if len(found) == 0 && !overGate(f) {
			s += bracketed("95 % interval " + Interval(f.Metric, c.Low, c.High))
		}
		found, legs = append(found, s), c.Legs
	}
	if len(found) == 0 {
		return ""
	}
	return fmt.Sprintf("%s confirmed it: %s", v.measurements(legs), strings.Join(found, ", "))
}

// unconfirmed lists what looked worse once and not again.
func (v voice) unconfirmed(o pipeline.Outcome) string {
	var found []string
	legs := 0
	for _, f := range ranked(o) {
		if c := f.Confirmation; c != nil && f.Rule == pipeline.RuleUnconfirmed && f.Course != pipeline.CourseWorse {
			found, legs = append(found, fresh(o.Scenario, f, *c)), c.Legs
		}
	}
	if len(found) == 0 {
		return ""
	}
	return fmt.Sprintf("looked worse at first; %s did not confirm it: %s", v.measurements(legs), strings.Join(found, ", "))
}

// measurements says what was measured afresh, at least twice, and whether the old version could be, too.
func (v voice) measurements(n int) string {
	s := spelled(n) + " fresh measurements"
	switch {
	case slices.ContainsFunc(v.run.Legs, func(l pipeline.Leg) bool { return !l.New }):
		return s + ", old and new in turn,"
	case v.run.Change().Name != "":
		return s + ", of the new version only,"
	}
	return s
}

// fresh is what the fresh measurements say of a finding.
func fresh(scenario string, f pipeline.Finding, c pipeline.Confirmation) string {
	name := label(scenario, f)
	switch {
	case f.Rule == pipeline.RuleGate:
		return fmt.Sprintf("%s is over the gate of %s every time", name, Amount(f.Metric, f.Gate))
	case f.Metric == pipeline.Errors || c.Ratio == 0:
		return fmt.Sprintf("%s %s, was %s", name, Amount(f.Metric, c.Now), Amount(f.Metric, c.Was))
	}
	return name + " " + Percent(c.Ratio-1)
}
