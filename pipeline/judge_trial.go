package pipeline

import (
	"fmt"
	"math"
	"slices"

	"bellwether/internal/stats"
)

// trial is a finding about to be judged against enough history, together with all others of its release.
type trial struct {
	finding *Finding
	rule    string
	worse   float64 // p of a value this bad if nothing changed
	better  float64
	// same: no variance on either side and no difference. No test could have found anything, so it is not one of the many.
	// Source: Tarone, A modified Bonferroni method for discrete data, Biometrics 46 (1990).
	same bool
	mde  func(m int) float64 // in a release of m metrics
}

func (h hearing) trials(findings []Finding) []*trial {
	var trials []*trial
	for i := range findings {
		f := &findings[i]
		if t := h.trial(f); t != nil {
			trials = append(trials, t)
			continue
		}
		f.Verdict, f.Rule = Pass, RuleNoBaseline
	}
	return trials
}

// trial is nil when there is nothing to judge by: one or two values tell nothing unless it is known how noisy they are.
func (h hearing) trial(f *Finding) *trial {
	group := groupKey(h.Scenario.Name, f.Group)
	past := values(h.baseline, group, f.Metric)
	few := len(past) < minBaseline
	switch {
	case len(past) == 0 || len(past) < h.least:
		return nil
	case f.Metric == Errors:
		return h.errorTrial(f, group, past)
	case few && len(h.Records) > 1:
		return h.resampled(f, group)
	}
	noise := h.noise(group, f.Metric)
	if few && noise.DF == 0 {
		return nil
	}
	return predicted(f, past, noise)
}

// unjudged says that there is a baseline, and that it was no use for any latency.
func (h hearing) unjudged(findings []Finding) string {
	latency := func(f Finding) bool { return f.Metric.latency() }
	judged := func(f Finding) bool { return f.Metric.latency() && f.Rule != RuleNoBaseline }
	none := slices.ContainsFunc(findings, latency) && !slices.ContainsFunc(findings, judged)
	if h.lacking != "" || len(h.baseline) >= minBaseline || !none {
		return ""
	}
	const why = "how much runs differ by themselves is not known yet, and %d to compare with cannot tell: latencies were not judged"
	return fmt.Sprintf(why, len(h.baseline))
}

func predicted(f *Finding, past []float64, noise stats.Noise) *trial {
	test := stats.Predict([]float64{f.Now}, past, noise)
	f.Was, f.Ratio, f.Low, f.High = geometricMean(past), test.Ratio, test.Low, test.High
	// Where the next run would fall, 19 times of 20, if nothing had changed: Low and High are one standard error of
	// prediction, times t, to either side of Ratio.
	f.BandLow, f.BandHigh = f.Was*test.Low/test.Ratio, f.Was*test.High/test.Ratio
	t := &trial{
		finding: f, rule: RuleHistory, worse: test.PSlower, better: test.PFaster,
		same: test.PSlower == 1 && test.PFaster == 1,
		mde:  func(m int) float64 { return f.Metric.detectable(test, m) },
	}
	if f.Metric == Throughput {
		t.worse, t.better = t.better, t.worse
	}
	return t
}

func (h hearing) errorTrial(f *Finding, group string, past []float64) *trial {
	test := stats.Proportions(h.Result.Groups[group].Windows, windows(h.baseline, group))
	f.Was, f.Low, f.High = test.Was, test.Low, test.High
	if len(past) > 1 { // one run shows no width
		f.BandLow, f.BandHigh = slices.Min(past), slices.Max(past)
	}
	if test.Was > 0 {
		f.Ratio = test.Now / test.Was
	}
	return &trial{
		finding: f, rule: RuleHistory, worse: test.PMore, better: test.PFewer,
		same: test.Was == test.Now && (test.Now == 0 || test.Now == 1),
		mde:  unstated, // most rates were 0, of which nothing is so many times as much
	}
}

// resampled judges a latency by the seconds of one or two records. There is no MDE: it would have to know how runs differ.
func (h hearing) resampled(f *Finding, group string) *trial {
	q, ok := latencies[f.Metric]
	if !ok {
		return nil
	}
	now, was := h.Records[0].seconds(group), h.recorded(group)
	test := stats.Bootstrap([][]stats.Histogram{now}, was, q)
	f.Was, f.Ratio, f.Low, f.High = test.Was/1000, test.Ratio, test.Low, test.High
	return &trial{
		finding: f, rule: RuleBootstrap, worse: test.PSlower, better: test.PFaster, same: test.Ratio == 1, mde: unstated,
	}
}

// recorded are the judged seconds of the baseline's records.
func (h hearing) recorded(group string) [][]stats.Histogram {
	var runs [][]stats.Histogram
	for i, r := range h.Past.Results[:min(len(h.Past.Results), len(h.Records)-1)] {
		if slices.ContainsFunc(h.baseline, func(b Result) bool { return b.ID == r.ID && b.Run == r.Run }) {
			runs = append(runs, h.Records[i+1].seconds(group))
		}
	}
	return runs
}

func unstated(int) float64 { return 0 }

// settle judges all trials of a release together.
func settle(trials []*trial) {
	differ := slices.DeleteFunc(slices.Clone(trials), func(t *trial) bool { return t.same })
	worse, better := make([]float64, len(differ)), make([]float64, len(differ))
	for i, t := range differ {
		worse[i], better[i] = t.worse, t.better
	}
	for _, t := range trials {
		f := t.finding
		f.P, f.Rule, f.Verdict, f.MDE = t.worse, t.rule, Pass, t.mde(len(differ))
		zeroUnknown(&f.Was, &f.Ratio, &f.Low, &f.High, &f.BandLow, &f.BandHigh, &f.MDE)
	}
	isWorse := stats.BenjaminiHochberg(worse, falseDiscoveries)
	isBetter := stats.BenjaminiHochberg(better, falseDiscoveries)
	for i, t := range differ {
		switch f := t.finding; {
		case isWorse[i] && f.Metric.material(f.Was, f.Now):
			f.Verdict = Suspect
		case isBetter[i] && f.Metric.material(f.Now, f.Was):
			f.Verdict, f.P = Improved, t.better
		}
	}
}

// latency tells whether the metric is a quantile of latencies.
func (m Metric) latency() bool { return latencies[m] > 0 }

// least is the smallest change for the worse that is worth a word, as a fraction: a rise, of throughput a fall.
func (m Metric) least() float64 {
	if m == Throughput {
		return stats.MinimumFall
	}
	return stats.MinimumEffect(latencies[m])
}

// material tells whether a metric got worse by enough to be worth a word.
func (m Metric) material(was, now float64) bool { return m.worse(was, now, m.least()) }

// worse tells whether a metric got worse by more than a fraction; errors by as much as is worth a word.
func (m Metric) worse(was, now, by float64) bool {
	switch m {
	case Errors:
		return stats.MaterialErrors(was, now)
	case Throughput:
		return now < was*(1-by)
	}
	return now > was*(1+by)
}

// detectable is the change for the worse that a test could have seen in a release of so many metrics: a rise, of throughput a fall.
func (m Metric) detectable(test stats.Test, among int) float64 {
	if m == Throughput {
		rise := stats.MDE(test.SE, test.DF, among, falseDiscoveries, 1/(1-stats.MinimumFall)-1)
		return 1 - 1/(1+rise)
	}
	return stats.MDE(test.SE, test.DF, among, falseDiscoveries, m.least())
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
