package pipeline_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"bellwether/internal/stats"
	"bellwether/pipeline"
)

// ripple is how eleven runs differ though nothing changed: their logarithms deviate by 1, normally.
var ripple = []float64{0.2, -1.1, 0.7, -0.3, 1.3, -0.8, 1.0, -1.2, 0.4, -0.2, 0}

// measured is a result of a scenario whose p50 is ms, with errors out of 6000 requests.
func measured(run string, ms float64, errors int64) pipeline.Result {
	s := pipeline.Summary{
		Requests: 6000, Errors: errors,
		Values: map[pipeline.Metric]float64{
			pipeline.P50: ms, pipeline.P95: 2 * ms, pipeline.P99: 3 * ms, pipeline.Errors: float64(errors) / 6000, pipeline.Throughput: 1,
		},
	}
	for range 12 {
		s.Windows = append(s.Windows, stats.Window{Errors: errors / 12, Requests: 500})
	}
	return pipeline.Result{
		ID: run + "/flow", Run: run, Scenario: "flow", Environment: "load", Hash: "h1",
		Groups: map[string]pipeline.Summary{"": s},
	}
}

// history is n results about ms, newest first, with that noise between runs.
func history(n int, ms, noise float64) []pipeline.Result {
	var past []pipeline.Result
	for i := range n {
		past = append(past, measured(fmt.Sprintf("P%d", i+1), ms*(1+noise*ripple[i%len(ripple)]), 0))
	}
	return past
}

func flow(now pipeline.Result, past []pipeline.Result) pipeline.Comparison {
	return pipeline.Comparison{Scenario: pipeline.Scenario{Name: "flow"}, Result: now, Past: pipeline.Past{Results: past}}
}

// only leaves one metric of a result.
func only(r pipeline.Result, metric pipeline.Metric) pipeline.Result {
	s := r.Groups[""]
	s.Values = map[pipeline.Metric]float64{metric: s.Values[metric]}
	r.Groups = map[string]pipeline.Summary{"": s}
	return r
}

func judge(c pipeline.Comparison) pipeline.Outcome {
	return pipeline.Judge([]pipeline.Comparison{c})[0]
}

func finding(t *testing.T, o pipeline.Outcome, group string, metric pipeline.Metric) pipeline.Finding {
	t.Helper()
	for _, f := range o.Findings {
		if f.Group == group && f.Metric == metric {
			return f
		}
	}
	require.Failf(t, "no finding", "%s of %s in %+v", metric, group, o.Findings)
	return pipeline.Finding{}
}

func TestVerdicts(t *testing.T) {
	gated := func(now pipeline.Result, past []pipeline.Result, gates ...pipeline.Gate) pipeline.Comparison {
		c := flow(now, past)
		c.Scenario.Gates = gates
		return c
	}
	errors := func(was, now int64) pipeline.Comparison {
		var past []pipeline.Result
		for i := range 5 {
			past = append(past, measured(fmt.Sprint("P", i), 100*(1+0.03*ripple[i]), was))
		}
		return flow(measured("R1", 100, now), past)
	}
	invalid, failed, thin := measured("R1", 140, 0), measured("R1", 140, 0), only(measured("R1", 100, 0), pipeline.Errors)
	invalid.Invalid, failed.Failed = "generator late", "set-up: exit status 1"
	for name, c := range map[string]struct {
		comparison pipeline.Comparison
		metric     pipeline.Metric // the finding that is looked at
		verdict    pipeline.Verdict
		rule       string
		outcome    pipeline.Verdict
		reason     string
	}{
		"unchanged":             {flow(measured("R1", 101, 0), history(5, 100, 0.03)), pipeline.P95, "pass", "history", "pass", ""},
		"+40 %":                 {flow(measured("R1", 140, 0), history(5, 100, 0.03)), pipeline.P95, "suspect", "history", "suspect", ""},
		"+3 % is immaterial":    {flow(measured("R1", 103, 0), history(10, 100, 0.001)), pipeline.P50, "pass", "history", "pass", ""},
		"+40 % of a noisy one":  {flow(measured("R1", 140, 0), history(5, 100, 0.25)), pipeline.P95, "pass", "history", "pass", ""},
		"-30 %":                 {flow(measured("R1", 70, 0), history(5, 100, 0.03)), pipeline.P50, "improved", "history", "improved", ""},
		"no variance, the same": {flow(measured("R1", 100, 0), history(5, 100, 0)), pipeline.P50, "pass", "history", "pass", ""},
		"no variance, slower":   {flow(measured("R1", 120, 0), history(5, 100, 0)), pipeline.P50, "suspect", "history", "suspect", ""},
		"first run":             {flow(measured("R1", 140, 0), nil), pipeline.P95, "pass", "no-baseline", "pass", "no baseline yet: 0 of 3 comparable runs"},
		"two runs":              {flow(measured("R1", 140, 0), history(2, 100, 0.03)), pipeline.P95, "pass", "no-baseline", "pass", "no baseline yet: 2 of 3 comparable runs"},
		"errors from none":      {errors(0, 300), pipeline.Errors, "suspect", "history", "suspect", ""},
		"errors doubled":        {errors(60, 180), pipeline.Errors, "suspect", "history", "suspect", ""},
		"a few errors more":     {errors(60, 72), pipeline.Errors, "pass", "history", "pass", ""},
		"errors gone":           {errors(300, 0), pipeline.Errors, "improved", "history", "improved", ""},
		"gate held":             {gated(measured("R1", 100, 0), nil, pipeline.Gate{Metric: pipeline.P95, Limit: 200}), pipeline.P95, "pass", "no-baseline", "pass", "no baseline yet: 0 of 3 comparable runs"},
		"gate broken":           {gated(measured("R1", 101, 0), nil, pipeline.Gate{Metric: pipeline.P95, Limit: 200}), pipeline.P95, "suspect", "gate", "suspect", "no baseline yet: 0 of 3 comparable runs"},
		"gate broken, unchanged": {
			gated(measured("R1", 101, 0), history(5, 100, 0.03), pipeline.Gate{Metric: pipeline.P95, Limit: 201}), pipeline.P95, "suspect", "gate", "suspect", "",
		},
		"gate broken, improved": {
			gated(measured("R1", 70, 0), history(5, 100, 0.03), pipeline.Gate{Metric: pipeline.P95, Limit: 100}), pipeline.P95, "suspect", "gate", "suspect", "",
		},
		"slower and over the gate": {
			gated(measured("R1", 140, 0), history(5, 100, 0.03), pipeline.Gate{Metric: pipeline.P95, Limit: 250}), pipeline.P95, "suspect", "history", "suspect", "",
		},
		"no error allowed": {gated(measured("R1", 100, 12), nil, pipeline.Gate{Metric: pipeline.Errors, Limit: 0}), pipeline.Errors, "suspect", "gate", "suspect", "no baseline yet: 0 of 3 comparable runs"},
		"no error made":    {gated(measured("R1", 100, 0), nil, pipeline.Gate{Metric: pipeline.Errors, Limit: 0}), pipeline.Errors, "pass", "no-baseline", "pass", "no baseline yet: 0 of 3 comparable runs"},
		"invalid":          {flow(invalid, history(5, 100, 0.03)), "", "", "", "invalid", "generator late"},
		"failed":           {flow(failed, history(5, 100, 0.03)), "", "", "", "failed", "set-up: exit status 1"},
		"too few answers":  {flow(thin, history(5, 100, 0.03)), pipeline.Errors, "pass", "history", "inconclusive", "too few answers to judge any latency"},
		"no answer at all": {flow(pipeline.Result{Hash: "h1"}, history(5, 100, 0.03)), "", "", "", "inconclusive", "too few answers to judge any latency"},
	} {
		t.Run(name, func(t *testing.T) {
			o := judge(c.comparison)
			require.Equal(t, c.outcome, o.Verdict)
			require.Equal(t, c.reason, o.Reason)
			require.NotNil(t, o.Findings)
			if c.metric == "" {
				require.Empty(t, o.Findings)
				return
			}
			f := finding(t, o, "flow", c.metric)
			require.Equal(t, c.verdict, f.Verdict)
			require.Equal(t, c.rule, f.Rule)
		})
	}
}

func TestAFindingExplainsItself(t *testing.T) {
	c := flow(measured("R1", 140, 0), history(10, 100, 0.03))
	c.Scenario.Gates = []pipeline.Gate{{Metric: pipeline.P95, Limit: 500}}
	o := judge(c)
	require.Equal(t, "R1/flow", o.Result)
	require.Equal(t, []string{"P1", "P2", "P3", "P4", "P5", "P6", "P7", "P8", "P9", "P10"}, o.Baseline)
	f := finding(t, o, "flow", pipeline.P95)
	require.InDelta(t, 200, f.Was, 1)
	require.Equal(t, 280.0, f.Now)
	require.InDelta(t, 201.2, f.Previous, 0.01)
	require.InDelta(t, 1.4, f.Ratio, 0.01)
	require.True(t, 1.2 < f.Low && f.Low < f.Ratio && f.Ratio < f.High && f.High < 1.6, "%+v", f)
	require.True(t, 180 < f.BandLow && f.BandLow < f.Was && f.Was < f.BandHigh && f.BandHigh < 220, "%+v", f)
	require.InDelta(t, f.Ratio/f.Low, f.BandHigh/f.Was, 1e-9, "the band is as wide as the interval")
	require.Less(t, f.P, 1e-4)
	require.InDelta(t, 0.15, f.MDE, 0.05)
	require.Equal(t, 500.0, f.Gate)
	require.EqualValues(t, 6000, f.Samples)
	require.Zero(t, finding(t, o, "flow", pipeline.P99).Gate)
	e := finding(t, o, "flow", pipeline.Errors)
	require.Equal(t, []float64{0, 0, 0, 0, 1}, []float64{e.Was, e.Now, e.Ratio, e.MDE, e.P})
}

func TestAGateThatCannotBeCheckedIsSaid(t *testing.T) {
	now := measured("R1", 100, 0)
	delete(now.Groups[""].Values, pipeline.P99)
	c := flow(now, history(5, 100, 0.03))
	c.Scenario.Gates = []pipeline.Gate{{Metric: pipeline.P95, Limit: 250}, {Metric: pipeline.P99, Limit: 400}}
	o := judge(c)
	require.Equal(t, pipeline.Pass, o.Verdict)
	require.Equal(t, "the p99 gate was not checked: too few requests", o.Reason)
	c.Past = pipeline.Past{}
	require.Equal(t, "no baseline yet: 0 of 3 comparable runs; the p99 gate was not checked: too few requests", judge(c).Reason)
}

func TestWithoutABaselineNothingIsClaimed(t *testing.T) {
	f := finding(t, judge(flow(measured("R1", 140, 0), history(2, 100, 0.03))), "flow", pipeline.P50)
	require.InDelta(t, 100.6, f.Previous, 0.01)
	f.Previous = 0
	require.Equal(t, pipeline.Finding{
		Group: "flow", Metric: pipeline.P50, Now: 140, P: 1, Samples: 6000, Verdict: pipeline.Pass, Rule: pipeline.RuleNoBaseline,
	}, f)
}

func TestOnlyComparableResultsAreABaseline(t *testing.T) {
	past := history(5, 100, 0.03)
	for i := range past[:3] {
		past[i].Hash = "h0"
	}
	o := judge(flow(measured("R1", 140, 0), past))
	require.Equal(t, pipeline.Pass, o.Verdict)
	require.Equal(t, "no baseline yet: 2 of 3 comparable runs; earlier ones sent other requests or another load", o.Reason)
	require.Equal(t, []string{"P4", "P5"}, o.Baseline)
}

func TestTheBaselineIsTheNewestTen(t *testing.T) {
	past := append(history(10, 140, 0.03), history(30, 100, 0.03)...)
	o := judge(flow(measured("R1", 140, 0), past))
	require.Len(t, o.Baseline, 10)
	require.Equal(t, pipeline.Pass, o.Verdict, "forty percent slower than what is no longer the baseline")
}

// Twenty earlier runs tell how noisy a metric is, better than three that happened to agree.
func TestNoiseIsLearnedFromOtherLoads(t *testing.T) {
	past := history(3, 100, 0.002)
	require.Equal(t, pipeline.Suspect, judge(flow(measured("R1", 112, 0), past)).Verdict)
	for _, r := range history(20, 70, 0.12) {
		r.Hash = "h0"
		past = append(past, r)
	}
	require.Equal(t, pipeline.Pass, judge(flow(measured("R1", 112, 0), past)).Verdict)
}

func TestTargetsAreJudgedOnTheirOwn(t *testing.T) {
	with := func(r pipeline.Result, ms float64) pipeline.Result {
		r.Groups["order"] = measured("", ms, 0).Groups[""]
		return r
	}
	var past []pipeline.Result
	for _, r := range history(8, 100, 0.03) {
		past = append(past, with(r, r.Groups[""].Values[pipeline.P50]))
	}
	c := flow(with(measured("R1", 100, 0), 150), past)
	c.Scenario.Gates = []pipeline.Gate{{Metric: pipeline.P95, Limit: 250}}
	o := judge(c)
	require.Equal(t, pipeline.Suspect, o.Verdict)
	require.Equal(t, pipeline.Pass, finding(t, o, "flow", pipeline.P95).Verdict)
	f := finding(t, o, "flow/order", pipeline.P95)
	require.Equal(t, pipeline.RuleHistory, f.Rule)
	require.Zero(t, f.Gate, "a gate is about the scenario as a whole")
}

// What is suspect alone is what one of many metrics is likely to look like.
func TestManyScenariosRaiseNoMoreAlarms(t *testing.T) {
	past := history(10, 100, 0.08)
	for i := range past {
		past[i] = only(past[i], pipeline.P95)
	}
	odd := flow(only(measured("R1", 122, 0), pipeline.P95), past)
	require.Equal(t, pipeline.Suspect, judge(odd).Verdict)

	release := []pipeline.Comparison{odd}
	for range 30 {
		release = append(release, flow(only(measured("R1", 100, 0), pipeline.P95), past))
	}
	outcomes := pipeline.Judge(release)
	require.Len(t, outcomes, 31)
	require.Equal(t, pipeline.Pass, outcomes[0].Verdict)
	f := outcomes[0].Findings[0]
	require.Equal(t, judge(odd).Findings[0].P, f.P, "it is as likely as before")
	require.Greater(t, f.MDE, judge(odd).Findings[0].MDE, "and the report says that less could be seen")
}

func TestJudgeReturnsAnOutcomeForEachComparisonInOrder(t *testing.T) {
	require.Empty(t, pipeline.Judge(nil))
	broken := measured("R1", 100, 0)
	broken.Failed = "no"
	outcomes := pipeline.Judge([]pipeline.Comparison{
		flow(broken, nil), flow(measured("R1", 140, 0), history(5, 100, 0.03)), flow(measured("R1", 100, 0), nil),
	})
	require.Equal(t, []pipeline.Verdict{"failed", "suspect", "pass"}, []pipeline.Verdict{outcomes[0].Verdict, outcomes[1].Verdict, outcomes[2].Verdict})
}

func TestOutcomesMarshalWithoutNulls(t *testing.T) {
	text, err := json.Marshal(judge(flow(pipeline.Result{Invalid: "late"}, nil)))
	require.NoError(t, err)
	require.JSONEq(t, `{"scenario":"flow","verdict":"invalid","reason":"late","findings":[],"baseline":[],"result":""}`, string(text))
}

func TestWorst(t *testing.T) {
	require.Equal(t, pipeline.Pass, pipeline.Worst())
	order := []pipeline.Verdict{"pass", "improved", "inconclusive", "suspect", "invalid", "failed", "regressed"}
	for i := range order {
		require.Equal(t, order[i], pipeline.Worst(order[:i+1]...))
		require.Equal(t, order[i], pipeline.Worst(order[i], order[0]))
	}
}
