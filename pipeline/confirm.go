package pipeline

import (
	"fmt"
	"slices"

	"bellwether/internal/stats"
)

// How a suspicion is confirmed: by four pairs of legs, with a look half-way.
const (
	// confirmLevel is independent of the run that raised the suspicion, so false alarms of both multiply.
	confirmLevel = 0.05
	lookLegs     = 4
	allLegs      = 8
	repeats      = 2 // of the new version, where nothing old can be measured in turn
	// hopeless is the p at the first look with which a suspicion is dropped: the new version was, if anything, better. Simulated
	// at 2, 5 and 8 % noise that costs at most 0.3 points of power, and half of the false suspicions take four legs instead of
	// eight. The levels do not count on it.
	hopeless = 0.5
)

// firstLevel and lastLevel are what the looks spend of confirmLevel.
var firstLevel, lastLevel = stats.Spend(confirmLevel, float64(lookLegs)/allLegs)

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
		return []bool{false, true, true, false, false, true, true, false}
	}
	return []bool{true, true}
}

// Undecided tells whether more legs are needed to settle the suspicions of a comparison's outcome. They are looked at after two
// pairs and after four. One that is confirmed settles the scenario: it is worse, and what else is worse in it can wait.
func (c Comparison) Undecided(o Outcome, legs []Leg) bool {
	was, now := legResults(legs, false, o.Scenario), legResults(legs, true, o.Scenario)
	switch n := len(was) + len(now); {
	case o.Verdict != Suspect:
		return false
	case n == 0:
		return true
	case c.spoilt(was, now) != "":
		return false
	case len(was) == 0:
		return n < repeats
	case n != lookLegs:
		return n < allLegs
	}
	looked := c.Confirm(o, legs)
	open := func(f Finding) bool { return f.Verdict == Suspect && f.Rule == RuleHistory && f.Confirmation != nil }
	return looked.Verdict != Regressed && slices.ContainsFunc(looked.Findings, open)
}

// Confirm settles the suspicions of a comparison's outcome by its legs. One that they cannot settle stands.
func (c Comparison) Confirm(o Outcome, legs []Leg) Outcome {
	was, now := legResults(legs, false, o.Scenario), legResults(legs, true, o.Scenario)
	if why := c.unusable(was, now); why != "" {
		o.remark("could not be confirmed: " + why)
		return o
	}
	h := c.hearing()
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
		h.confirm(f, was, now)
		switch {
		case f.Verdict == Regressed && len(was) == 0 && len(o.AlsoChanged) > 0:
			f.Verdict, ambiguous = Suspect, true
		case f.Rule == RuleUnconfirmed && h.worseBefore(*f, was):
			worseBefore = true
		}
		c.follow(f)
	}
	o.conclude()
	worseBefore = worseBefore && o.passed()
	o.Uncounted = o.Uncounted || worseBefore
	o.explain(ambiguous, worseBefore)
	return o
}

// explain says what the legs could not tell, or told of the environment.
func (o *Outcome) explain(ambiguous, worseBefore bool) {
	switch {
	case ambiguous:
		o.remark("worse when measured again, too, but other things changed since the baseline as well: the cause cannot be told")
	case worseBefore:
		o.remark("the version before is as bad: something else changed since the baseline, and this run does not become part of it")
	}
}

// worseBefore tells whether the old version, measured again, is worse than the baseline as well: both surely and by enough.
func (h hearing) worseBefore(f Finding, was []Result) bool {
	past := values(h.baseline, groupKey(h.Scenario.Name, f.Group), f.Metric)
	if len(was) == 0 || len(past) < h.least || !f.outside(f.Confirmation.Was) {
		return false
	}
	return f.Metric.material(f.Was, f.Confirmation.Was)
}

// outside tells whether a value is beyond the worse end of the band.
func (f Finding) outside(v float64) bool {
	if f.Metric == Throughput {
		return v < f.BandLow
	}
	return v > f.BandHigh
}

// unusable says why the legs settle nothing.
func (c Comparison) unusable(was, now []Result) string {
	if len(now) == 0 {
		return "it was not measured again"
	}
	return c.spoilt(was, now)
}

func (c Comparison) spoilt(was, now []Result) string {
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

// confirm settles one suspicion, or leaves it as it is for the next look.
func (h hearing) confirm(f *Finding, was, now []Result) {
	group := groupKey(h.Scenario.Name, f.Group)
	level, last := h.level(*f, was)
	confirmation := h.fresh(f.Metric, group, was, now)
	confirmation.Legs = len(was) + len(now)
	zeroUnknown(&confirmation.Was, &confirmation.Ratio, &confirmation.Low, &confirmation.High)
	f.Confirmation = &confirmation
	verdict, rule := Pass, RuleUnconfirmed
	if limit, gated := h.gate(*f); gated && f.Now > limit {
		verdict, rule = gateVerdict(limit, values(h.before(was), group, f.Metric), values(now, group, f.Metric))
	}
	switch worse := confirmation.P < level && f.Metric.material(confirmation.Was, confirmation.Now); {
	case worse && f.Rule == RuleHistory:
		verdict, rule = Regressed, RuleHistory
	case verdict != Regressed && f.Rule == RuleHistory && !last && confirmation.P < hopeless:
		return
	}
	f.Verdict, f.Rule = verdict, rule
}

// level is what a p must be under at this look, and whether it is the last. Until it is known how much runs differ there is only
// that one, and what is no better than before need not wait for it.
func (h hearing) level(f Finding, was []Result) (level float64, last bool) {
	learned := f.Metric == Errors || h.noise(groupKey(h.Scenario.Name, f.Group), f.Metric).DF > 0
	last = len(was) == 0 || 2*len(was) >= allLegs
	switch {
	case len(was) == 0, last && !learned:
		return confirmLevel, true
	case last:
		return lastLevel, true
	case learned:
		return firstLevel, false
	}
	return 0, false
}

// fresh compares what the legs say of a metric: new with old ones, or with the baseline where there is nothing old.
func (h hearing) fresh(metric Metric, group string, was, now []Result) Confirmation {
	if metric == Errors {
		before := was
		if len(was) == 0 {
			before = h.baseline
		}
		test := stats.Proportions(windows(now, group), windows(before, group))
		return Confirmation{Was: test.Was, Now: test.Now, Ratio: test.Now / test.Was, Low: test.Low, High: test.High, P: test.PMore}
	}
	old, again, history := values(was, group, metric), values(now, group, metric), values(h.baseline, group, metric)
	noise := h.noise(group, metric)
	test, before := stats.Predict(again, history, noise), history
	if len(old) > 0 {
		test, before = stats.Paired(old, again, history, noise), old
	}
	c := Confirmation{
		Was: geometricMean(before), Now: geometricMean(again), Ratio: test.Ratio, Low: test.Low, High: test.High, P: test.PSlower,
	}
	if metric == Throughput {
		c.P = test.PFaster
	}
	return c
}

// before is what tells whether a gate was broken before the change: the old legs, else the newest run of the baseline.
func (h hearing) before(was []Result) []Result {
	if len(was) > 0 {
		return was
	}
	return h.baseline[:min(1, len(h.baseline))]
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
