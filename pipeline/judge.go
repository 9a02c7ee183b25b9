package pipeline

import (
	"slices"
	"strings"
)

// What the judge holds itself to; docs/calibration.md has the simulations behind the numbers.
const (
	falseDiscoveries = 0.035 // Benjamini-Hochberg's q over one release's metrics
	maxBaseline      = 10    // comparable runs, the newest
	minBaseline      = 3     // fewer are no baseline
)

// The rules a finding can be judged by.
const (
	RuleHistory     = "history"       // prediction t-test against the baseline, or two proportions for errors
	RuleBootstrap   = "bootstrap"     // against one or two records alone: no more than a suspicion
	RuleNoBaseline  = "no-baseline"   // too few comparable results, or too little known of their noise
	RuleGate        = "gate"          // the absolute limit of the scenario is broken
	RuleGateBefore  = "gate-before"   // the gate was broken before this change too
	RuleKnown       = "known"         // worse than its baseline, and no worse than people know
	RuleUnconfirmed = "not-confirmed" // suspected, and the confirmation did not find it
)

// Comparison is one result and what came before it in that environment.
type Comparison struct {
	Thing    string // what is tested: "service:checkout"; empty for a full run
	Scenario Scenario
	Result   Result
	Past     Past
	Known    []Regression // of the scenario, that have no end
	// Records are what Result and then each of Past.Results measured second by second, as far as there are any. With them one or
	// two baselines are enough for a suspicion, as on the command line; a run of the pipeline has none.
	Records []Record
}

// hearing is a comparison with what its result is held against.
type hearing struct {
	Comparison
	reference
}

func (c Comparison) hearing() hearing { return hearing{c, c.reference()} }

// Judge compares results with their past. The metrics of all of them are judged together, so that a release with many
// scenarios raises no more false alarms than one with few.
func Judge(comparisons []Comparison) []Outcome {
	outcomes := make([]Outcome, len(comparisons))
	hearings := make([]hearing, len(comparisons))
	var pending []*trial
	for i, c := range comparisons {
		hearings[i] = c.hearing()
		outcomes[i] = hearings[i].outcome()
		if o := &outcomes[i]; o.Verdict == "" {
			pending = append(pending, hearings[i].trials(o.Findings)...)
		}
	}
	settle(pending)
	for i, h := range hearings {
		if o := &outcomes[i]; o.Verdict == "" {
			o.remark(h.unjudged(o.Findings))
			h.applyGates(o.Findings)
			for j := range o.Findings {
				h.follow(&o.Findings[j])
			}
			o.remark(h.unchecked())
			o.conclude()
		}
	}
	return outcomes
}

// outcome is decided without any comparison when there is no good measurement; else its findings are stated, unjudged.
func (h hearing) outcome() Outcome {
	o := Outcome{Scenario: h.Scenario.Name, Result: h.Result.ID, Findings: []Finding{}, Baseline: []string{}}
	switch {
	case h.Result.Failed != "":
		o.Verdict, o.Reason = Failed, h.Result.Failed
		return o
	case h.Result.Invalid != "":
		o.Verdict, o.Reason = Invalid, h.Result.Invalid
		return o
	}
	for _, r := range h.baseline {
		o.Baseline = append(o.Baseline, r.Run)
	}
	o.AlsoChanged, o.Reason, o.Findings = h.alsoChanged(), h.lacking, h.findings()
	return o
}

// findings states every measured metric with its past, unjudged.
func (h hearing) findings() []Finding {
	findings := []Finding{}
	for _, group := range sortedKeys(h.Result.Groups) {
		for _, metric := range []Metric{P50, P95, P99, Errors, Throughput} {
			now, measured := h.Result.value(group, metric)
			if !measured {
				continue
			}
			f := Finding{
				Group: groupName(h.Scenario.Name, group), Metric: metric, Now: now, Samples: h.Result.Groups[group].Requests, P: 1,
			}
			f.Gate, _ = h.gate(f)
			for _, r := range h.others {
				if v, measured := r.value(group, metric); measured {
					f.Previous = v
					break
				}
			}
			findings = append(findings, f)
		}
	}
	return findings
}

// applyGates suspects whatever breaks its gate. A suspicion that history raised keeps its rule, and with it the chance of
// being confirmed though repeats scatter about the gate.
func (c Comparison) applyGates(findings []Finding) {
	for i := range findings {
		f := &findings[i]
		if limit, gated := c.gate(*f); gated && f.Now > limit && f.Verdict != Suspect {
			f.Verdict, f.Rule = Suspect, RuleGate
		}
	}
}

// unchecked names the gates on what could not be measured.
func (c Comparison) unchecked() string {
	var metrics []string
	for _, g := range c.Scenario.Gates {
		if _, measured := c.Result.value("", g.Metric); !measured {
			metrics = append(metrics, string(g.Metric))
		}
	}
	if len(metrics) == 0 {
		return ""
	}
	return "the " + strings.Join(metrics, " and ") + " gate was not checked: too few requests"
}

// remark adds to the reason.
func (o *Outcome) remark(reason string) {
	if o.Reason != "" && reason != "" {
		reason = "; " + reason
	}
	o.Reason += reason
}

// gate is the limit of a finding. Gates are about whole scenarios.
func (c Comparison) gate(f Finding) (limit float64, gated bool) {
	if f.Group != c.Scenario.Name {
		return 0, false
	}
	for _, g := range c.Scenario.Gates {
		if g.Metric == f.Metric {
			return g.Limit, true
		}
	}
	return 0, false
}

// conclude sums the findings up. Error rates and throughput alone cannot let a scenario pass.
func (o *Outcome) conclude() {
	o.Verdict, o.Uncounted = Pass, false
	if !slices.ContainsFunc(o.Findings, func(f Finding) bool { return f.Metric.latency() }) {
		o.Verdict, o.Reason = Inconclusive, "too few answers to judge any latency"
	}
	for _, f := range o.Findings {
		o.Verdict = Worst(o.Verdict, f.Verdict)
		o.Uncounted = o.Uncounted || f.stands()
	}
}

func (o *Outcome) passed() bool { return o.Verdict == Pass || o.Verdict == Improved }

func groupName(scenario, group string) string {
	if group == "" {
		return scenario
	}
	return scenario + "/" + group
}

func groupKey(scenario, name string) string {
	if name == scenario {
		return ""
	}
	return name[len(scenario)+1:]
}
