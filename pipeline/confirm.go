package pipeline

import (
	"fmt"
	"slices"

	"bellwether/internal/stats"
)

// confirmLevel is the level at which a suspicion counts as confirmed. It is independent of the run that raised it, so
// false alarms of both multiply.
const confirmLevel = 0.05

// Confirmation is what the fresh legs say of a suspected finding; the run that raised the suspicion has no part in it.
type Confirmation struct {
	Legs  int     `json:"legs"`
	Was   float64 `json:"was"` // of the legs with the old version, else of the baseline; 0 when there is neither
	Now   float64 `json:"now"`
	Ratio float64 `json:"ratio"` // now over was; 0 when there is nothing to compare with
	Low   float64 `json:"low"`   // 95 % interval of the ratio (of the difference for errors)
	High  float64 `json:"high"`
	P     float64 `json:"p"`
}

// Order of the legs: which of them measure the new version. Old and new are interleaved so that a drift of the environment
// meets both alike; where nothing old can be deployed only the new version is repeated.
func Order(oldAvailable bool) []bool {
	if oldAvailable {
		return []bool{false, true, true, false}
	}
	return []bool{true, true}
}

// Confirm settles the suspicions of a comparison's outcome by its legs. One that they cannot settle stands.
func (c Comparison) Confirm(o Outcome, legs []Leg) Outcome {
	was, now := legResults(legs, false, o.Scenario), legResults(legs, true, o.Scenario)
	if why := c.unusable(was, now); why != "" {
		o.remark("could not be confirmed: " + why)
		return o
	}
	o.Findings = slices.Clone(o.Findings)
	var ambiguous, worseBefore bool
	for i := range o.Findings {
		f := &o.Findings[i]
		if f.Verdict != Suspect {
			continue
		}
		if !c.measured(*f, was, now) {
			o.Reason = fmt.Sprintf("%s of %s could not be confirmed: too few answers", f.Metric, f.Group)
			continue
		}
		c.confirm(f, was, now)
		switch {
		case f.Verdict == Regressed && len(was) == 0 && len(o.AlsoChanged) > 0:
			f.Verdict, ambiguous = Suspect, true
		case f.Rule == RuleUnconfirmed && c.worseBefore(*f, was):
			worseBefore = true
		}
	}
	o.conclude()
	o.Uncounted = worseBefore && o.passed()
	o.explain(ambiguous)
	return o
}

// explain says what the legs could not tell, or told of the environment.
func (o *Outcome) explain(ambiguous bool) {
	switch {
	case ambiguous:
		o.remark("worse when measured again, too, but other things changed since the baseline as well: the cause cannot be told")
	case o.Uncounted:
		o.remark("the version before is as bad: something else changed since the baseline, and this run does not become part of it")
	}
}

// worseBefore tells whether the old version, measured again, is worse than the baseline as well: both surely and by enough.
func (c Comparison) worseBefore(f Finding, was []Result) bool {
	past := values(c.baseline(), groupKey(c.Scenario.Name, f.Group), f.Metric)
	if len(was) == 0 || len(past) < minBaseline || f.Confirmation.Was <= f.BandHigh {
		return false
	}
	if f.Metric == Errors {
		return stats.MaterialErrors(f.Was, f.Confirmation.Was)
	}
	return f.Confirmation.Was > f.Was*(1+stats.MinimumEffect(latencies[f.Metric]))
}

// unusable says why the legs settle nothing.
func (c Comparison) unusable(was, now []Result) string {
	if len(now) == 0 {
		return "it was not measured again"
	}
	for _, r := range slices.Concat(was, now) {
		switch {
		case r.Failed != "":
			return r.Failed
		case r.Invalid != "":
			return r.Invalid
		case r.Hash != c.Result.Hash:
			return "the scenario was changed meanwhile"
		}
	}
	return ""
}

// measured tells whether every leg has the metric of the finding.
func (c Comparison) measured(f Finding, was, now []Result) bool {
	legs := slices.Concat(was, now)
	return len(values(legs, groupKey(c.Scenario.Name, f.Group), f.Metric)) == len(legs)
}

func (c Comparison) confirm(f *Finding, was, now []Result) {
	group := groupKey(c.Scenario.Name, f.Group)
	compare := c.slower
	if f.Metric == Errors {
		compare = c.lessReliable
	}
	confirmation, worse := compare(group, f.Metric, was, now)
	confirmation.Legs = len(was) + len(now)
	zeroUnknown(&confirmation.Was, &confirmation.Ratio, &confirmation.Low, &confirmation.High)
	f.Confirmation = &confirmation
	switch limit, gated := c.gate(*f); {
	case worse && f.Rule == RuleHistory:
		f.Verdict = Regressed
	case gated && f.Now > limit:
		f.Verdict, f.Rule = gateVerdict(limit, values(c.before(was), group, f.Metric), values(now, group, f.Metric))
	default:
		f.Verdict, f.Rule = Pass, RuleUnconfirmed
	}
}

// slower compares a latency of the legs, and tells whether it is worse both surely and by enough.
func (c Comparison) slower(group string, metric Metric, was, now []Result) (Confirmation, bool) {
	old, fresh, history := values(was, group, metric), values(now, group, metric), values(c.baseline(), group, metric)
	noise := c.noise(group, metric)
	test, before := stats.Predict(fresh, history, noise), history
	if len(old) > 0 {
		test, before = stats.Paired(old, fresh, history, noise), old
	}
	worse := test.PSlower < confirmLevel && test.Ratio > 1+stats.MinimumEffect(latencies[metric])
	return Confirmation{
		Was: geometricMean(before), Now: geometricMean(fresh), Ratio: test.Ratio, Low: test.Low, High: test.High, P: test.PSlower,
	}, worse
}

// lessReliable does the same for errors.
func (c Comparison) lessReliable(group string, _ Metric, was, now []Result) (Confirmation, bool) {
	before := was
	if len(was) == 0 {
		before = c.baseline()
	}
	test := stats.Proportions(windows(now, group), windows(before, group))
	worse := test.PMore < confirmLevel && stats.MaterialErrors(test.Was, test.Now)
	return Confirmation{
		Was: test.Was, Now: test.Now, Ratio: test.Now / test.Was, Low: test.Low, High: test.High, P: test.PMore,
	}, worse
}

// before is what tells whether a gate was broken before the change: the old legs, else the newest run of the baseline.
func (c Comparison) before(was []Result) []Result {
	if len(was) > 0 {
		return was
	}
	baseline := c.baseline()
	return baseline[:min(1, len(baseline))]
}

// gateVerdict: a gate is broken by a change only when every repeat breaks it and the version before held it.
func gateVerdict(limit float64, was, now []float64) (Verdict, string) {
	broken := func(v float64) bool { return v > limit }
	switch {
	case slices.ContainsFunc(now, func(v float64) bool { return !broken(v) }):
		return Pass, RuleUnconfirmed
	case slices.ContainsFunc(was, broken):
		return Suspect, RuleGateBefore
	}
	return Regressed, RuleGate
}

func legResults(legs []Leg, fresh bool, scenario string) []Result {
	var out []Result
	for _, leg := range legs {
		for _, r := range leg.Results {
			if leg.New == fresh && r.Scenario == scenario {
				out = append(out, r)
			}
		}
	}
	return out
}
