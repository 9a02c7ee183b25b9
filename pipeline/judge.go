package pipeline

import (
	"fmt"
	"math"
	"slices"

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
	if len(baseline) < minBaseline {
		o.Reason = fmt.Sprintf("no baseline yet: %d of %d comparable runs", len(baseline), minBaseline)
		if len(baseline) < len(c.Past) {
			o.Reason += "; earlier ones sent other requests or another load"
		}
	}
	return o
}

// baseline is the newest comparable results.
func (c Comparison) baseline() []Result {
	var same []Result
	for _, r := range c.Past {
		if r.Hash == c.Result.Hash && len(same) < maxBaseline {
			same = append(same, r)
		}
	}
	return same
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
			if past := values(c.baseline(), group, metric); len(past) > 0 {
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

// noise between runs of one metric, learned from all results that can be grouped with comparable ones.
func (c Comparison) noise(group string, metric Metric) stats.Noise {
	byHash := map[string][]Result{}
	for _, r := range c.Past {
		byHash[r.Hash] = append(byHash[r.Hash], r)
	}
	var groups [][]float64
	for _, hash := range sortedKeys(byHash) {
		groups = append(groups, values(byHash[hash], group, metric))
	}
	return stats.LearnNoise(groups)
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

// value of a metric, if it was measured: a latency of nothing was not.
func (r Result) value(group string, metric Metric) (v float64, measured bool) {
	v, ok := r.Groups[group].Values[metric]
	return v, ok && !math.IsInf(v, 0) && (v > 0 || v == 0 && metric == Errors)
}

// values of a metric in results, in their order, where it was measured.
func values(results []Result, group string, metric Metric) []float64 {
	var out []float64
	for _, r := range results {
		if v, measured := r.value(group, metric); measured {
			out = append(out, v)
		}
	}
	return out
}

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

func windows(results []Result, group string) []stats.Window {
	var out []stats.Window
	for _, r := range results {
		out = append(out, r.Groups[group].Windows...)
	}
	return out
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
