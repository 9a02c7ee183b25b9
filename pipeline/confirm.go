package pipeline

import (
	"math"

	"bellwether/internal/stats"
)

// confirmLevel is the level at which a suspicion counts as confirmed. It is independent of the run that raised it, so
// false alarms of both multiply.
const confirmLevel = 0.05

// Confirmation is what the fresh legs say of a suspected finding; the run that raised the suspicion has no part in it.
type Confirmation struct {
	Legs  int     `json:"legs"`
	Was   float64 `json:"was"` // of the legs with the old version, else of the baseline
	Now   float64 `json:"now"`
	Ratio float64 `json:"ratio"`
	Low   float64 `json:"low"`
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

// Confirm settles the suspicions of a comparison's outcome by its legs.
func (c Comparison) Confirm(o Outcome, legs []Leg) Outcome {
	was, now := legResults(legs, false, o.Scenario), legResults(legs, true, o.Scenario)
	if why := unusable(append(was, now...)); why != "" || len(now) == 0 {
		o.Reason = "could not be confirmed: " + why
		return o
	}
	verdicts := []Verdict{}
	for i := range o.Findings {
		f := &o.Findings[i]
		if f.Verdict == Suspect {
			c.confirm(f, was, now)
		}
		verdicts = append(verdicts, f.Verdict)
	}
	o.Verdict = Worst(verdicts...)
	return o
}

func (c Comparison) confirm(f *Finding, was, now []Result) {
	group := groupKey(c.Scenario.Name, f.Group)
	p, material := c.evidence(f, group, was, now)
	switch {
	case f.Rule == RuleGate:
		f.Verdict = gateVerdict(f, values(was, group, f.Metric), values(now, group, f.Metric))
	case p < confirmLevel && material:
		f.Verdict = Regressed
	default:
		f.Verdict, f.Rule = Pass, RuleUnconfirmed
	}
}

// evidence fills in the confirmation and tells how likely its legs are if nothing changed, and whether they differ enough.
func (c Comparison) evidence(f *Finding, group string, was, now []Result) (p float64, material bool) {
	confirmation := &Confirmation{Legs: len(was) + len(now)}
	f.Confirmation = confirmation
	if f.Metric == Errors {
		before := was
		if len(before) == 0 {
			before = c.baseline()
		}
		test := stats.Proportions(windows(now, group), windows(before, group))
		*confirmation = Confirmation{confirmation.Legs, test.Was, test.Now, 0, test.Low, test.High, test.PMore}
		return test.PMore, stats.MaterialErrors(test.Was, test.Now)
	}
	fresh, history := values(now, group, f.Metric), values(c.baseline(), group, f.Metric)
	test := stats.Predict(fresh, history, c.noise(group, f.Metric))
	if len(was) > 0 {
		test = stats.Paired(values(was, group, f.Metric), fresh, history, c.noise(group, f.Metric))
	}
	mean := geometricMean(fresh)
	*confirmation = Confirmation{confirmation.Legs, mean / test.Ratio, mean, test.Ratio, test.Low, test.High, test.PSlower}
	return test.PSlower, test.Ratio > 1+stats.MinimumEffect(latencies[f.Metric])
}

// gateVerdict: a gate is broken by a change only when every repeat breaks it and the version before holds it.
func gateVerdict(f *Finding, was, now []float64) Verdict {
	for _, v := range now {
		if !f.broken(v) {
			f.Rule = RuleUnconfirmed
			return Pass
		}
	}
	for _, v := range was {
		if f.broken(v) {
			f.Rule = RuleGateBefore
			return Suspect
		}
	}
	return Regressed
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

func unusable(results []Result) string {
	for _, r := range results {
		if r.Failed != "" {
			return r.Failed
		}
		if r.Invalid != "" {
			return r.Invalid
		}
	}
	return ""
}

func geometricMean(xs []float64) float64 {
	var sum float64
	for _, x := range xs {
		sum += math.Log(x)
	}
	return math.Exp(sum / float64(len(xs)))
}
