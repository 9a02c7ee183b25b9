package pipeline

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"bellwether/internal/stats"
)

// What the judge holds itself to; verdict.md has the simulations behind the numbers.
const (
	falseDiscoveries = 0.05 // Benjamini-Hochberg's q over one release's metrics
	maxBaseline      = 10   // comparable runs, the newest
	minBaseline      = 3    // fewer are no baseline
)

// The rules a finding can be judged by.
const (
	RuleHistory     = "history"       // prediction t-test against the baseline, or two proportions for errors
	RuleNoBaseline  = "no-baseline"   // fewer than three comparable results
	RuleGate        = "gate"          // the absolute limit of the scenario is broken
	RuleGateBefore  = "gate-before"   // the gate was broken before this change too
	RuleUnconfirmed = "not-confirmed" // suspected, and the confirmation did not find it
)

// Comparison is one result and what came before it: earlier passing results of that scenario in that environment, newest
// first, comparable or not.
type Comparison struct {
	Thing    string // what is tested: "service:checkout"; empty for a full run
	Scenario Scenario
	Result   Result
	Past     []Result
}

// Judge compares results with their past. The metrics of all of them are judged together, so that a release with many
// scenarios raises no more false alarms than one with few.
func Judge(comparisons []Comparison) []Outcome {
	outcomes := make([]Outcome, len(comparisons))
	var pending []*trial
	for i, c := range comparisons {
		outcomes[i] = c.outcome()
		if outcomes[i].Verdict == "" {
			outcomes[i].Findings = c.findings()
			pending = append(pending, c.trials(outcomes[i].Findings)...)
		}
	}
	settle(pending)
	for i, c := range comparisons {
		if o := &outcomes[i]; o.Verdict == "" {
			c.applyGates(o.Findings)
			o.remark(c.unchecked())
			o.conclude()
		}
	}
	return outcomes
}

// outcome is decided without any comparison when there is no good measurement.
func (c Comparison) outcome() Outcome {
	o := Outcome{Scenario: c.Scenario.Name, Result: c.Result.ID, Findings: []Finding{}, Baseline: []string{}}
	switch {
	case c.Result.Failed != "":
		o.Verdict, o.Reason = Failed, c.Result.Failed
		return o
	case c.Result.Invalid != "":
		o.Verdict, o.Reason = Invalid, c.Result.Invalid
		return o
	}
	baseline := c.baseline()
	for _, r := range baseline {
		o.Baseline = append(o.Baseline, r.Run)
	}
	o.AlsoChanged = c.alsoChanged()
	if len(baseline) < minBaseline {
		o.Reason = fmt.Sprintf("no baseline yet: %d of %d comparable runs", len(baseline), minBaseline)
		if len(baseline) < len(c.Past) {
			o.Reason += "; earlier ones sent other requests or another load"
		}
	}
	return o
}

// findings states every measured metric with its past, unjudged.
func (c Comparison) findings() []Finding {
	findings := []Finding{}
	for _, group := range sortedKeys(c.Result.Groups) {
		for _, metric := range []Metric{P50, P95, P99, Errors} {
			now, measured := c.Result.value(group, metric)
			if !measured {
				continue
			}
			f := Finding{
				Group: groupName(c.Scenario.Name, group), Metric: metric, Now: now, Samples: c.Result.Groups[group].Requests, P: 1,
			}
			f.Gate, _ = c.gate(f)
			if past := values(c.released(), group, metric); len(past) > 0 {
				f.Previous = past[0]
			}
			findings = append(findings, f)
		}
	}
	return findings
}

// trial is a finding about to be judged against enough history, together with all others of its release.
type trial struct {
	finding  *Finding
	worse    float64 // p of a value this bad if nothing changed
	better   float64
	material func(was, now float64) bool // a change of this size is worth a word
	mde      func(m int) float64
}

func (c Comparison) trials(findings []Finding) []*trial {
	baseline := c.baseline()
	var trials []*trial
	for i := range findings {
		f := &findings[i]
		group := groupKey(c.Scenario.Name, f.Group)
		switch past := values(baseline, group, f.Metric); {
		case len(past) < minBaseline:
			f.Verdict, f.Rule = Pass, RuleNoBaseline
		case f.Metric == Errors:
			trials = append(trials, c.errorTrial(f, group, baseline))
		default:
			trials = append(trials, c.latencyTrial(f, group, past))
		}
	}
	return trials
}

func (c Comparison) latencyTrial(f *Finding, group string, past []float64) *trial {
	test := stats.Predict([]float64{f.Now}, past, c.noise(group, f.Metric))
	f.Was, f.Ratio, f.Low, f.High = geometricMean(past), test.Ratio, test.Low, test.High
	// Where the next run would fall, 19 times of 20, if nothing had changed: Low and High are one standard error of
	// prediction, times t, to either side of Ratio.
	f.BandLow, f.BandHigh = f.Was*test.Low/test.Ratio, f.Was*test.High/test.Ratio
	least := stats.MinimumEffect(latencies[f.Metric])
	return &trial{
		finding: f, worse: test.PSlower, better: test.PFaster,
		material: func(was, now float64) bool { return now > was*(1+least) },
		mde:      func(m int) float64 { return stats.MDE(test.SE, test.DF, m, falseDiscoveries, least) },
	}
}

func (c Comparison) errorTrial(f *Finding, group string, baseline []Result) *trial {
	test := stats.Proportions(c.Result.Groups[group].Windows, windows(baseline, group))
	past := values(baseline, group, Errors)
	f.Was, f.Low, f.High = test.Was, test.Low, test.High
	f.BandLow, f.BandHigh = slices.Min(past), slices.Max(past)
	if test.Was > 0 {
		f.Ratio = test.Now / test.Was
	}
	return &trial{
		finding: f, worse: test.PMore, better: test.PFewer,
		material: stats.MaterialErrors,
		mde:      func(int) float64 { return 0 },
	}
}

// settle judges all trials of a release together.
func settle(trials []*trial) {
	worse, better := make([]float64, len(trials)), make([]float64, len(trials))
	for i, t := range trials {
		worse[i], better[i] = t.worse, t.better
	}
	isWorse := stats.BenjaminiHochberg(worse, falseDiscoveries)
	isBetter := stats.BenjaminiHochberg(better, falseDiscoveries)
	for i, t := range trials {
		f := t.finding
		f.P, f.Rule, f.Verdict, f.MDE = t.worse, RuleHistory, Pass, t.mde(len(trials))
		switch {
		case isWorse[i] && t.material(f.Was, f.Now):
			f.Verdict = Suspect
		case isBetter[i] && t.material(f.Now, f.Was):
			f.Verdict, f.P = Improved, t.better
		}
		zeroUnknown(&f.Was, &f.Ratio, &f.Low, &f.High, &f.BandLow, &f.BandHigh, &f.MDE)
	}
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

// conclude sums the findings up. Error rates alone cannot let a scenario pass.
func (o *Outcome) conclude() {
	o.Verdict = Pass
	if !slices.ContainsFunc(o.Findings, func(f Finding) bool { return f.Metric != Errors }) {
		o.Verdict, o.Reason = Inconclusive, "too few answers to judge any latency"
	}
	for _, f := range o.Findings {
		o.Verdict = Worst(o.Verdict, f.Verdict)
	}
}

func (o *Outcome) passed() bool { return o.Verdict == Pass || o.Verdict == Improved }

// zeroUnknown makes 0 of what cannot be stated as a number: JSON has neither infinities nor NaN.
func zeroUnknown(xs ...*float64) {
	for _, x := range xs {
		if math.IsInf(*x, 0) || math.IsNaN(*x) {
			*x = 0
		}
	}
}

func geometricMean(xs []float64) float64 {
	var sum float64
	for _, x := range xs {
		sum += math.Log(x)
	}
	return math.Exp(sum / float64(len(xs)))
}

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
