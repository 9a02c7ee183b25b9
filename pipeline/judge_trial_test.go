package pipeline_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"bellwether/pipeline"
)

// rate is a result of which only the throughput is known, beside a latency that never changes.
func rate(v float64) pipeline.Result {
	r := only(measured("R1", 100, 0), pipeline.P50)
	r.Groups[""].Values[pipeline.Throughput] = v
	return r
}

func TestThroughputIsWorseWhenItFalls(t *testing.T) {
	rates := func(noise float64) []pipeline.Result {
		var past []pipeline.Result
		for _, r := range ripple[:8] {
			past = append(past, rate(500*(1+noise*r)))
		}
		return past
	}
	for name, c := range map[string]struct {
		now     float64
		past    []pipeline.Result
		verdict pipeline.Verdict
	}{
		"as it was":           {501, rates(0.01), "pass"},
		"-20 %":               {400, rates(0.01), "suspect"},
		"-4 % is immaterial":  {480, rates(0.001), "pass"},
		"+20 %":               {600, rates(0.01), "improved"},
		"-10 % of a noisy":    {450, rates(0.1), "pass"},
		"no variance, as was": {500, rates(0), "pass"},
	} {
		t.Run(name, func(t *testing.T) {
			f := finding(t, judge(flow(rate(c.now), c.past)), "flow", pipeline.Throughput)
			require.Equal(t, c.verdict, f.Verdict)
			require.InDelta(t, c.now/500, f.Ratio, 0.02)
			require.True(t, 0.05 <= f.MDE && f.MDE < 1, "a fall cannot be of more than all: %g", f.MDE)
		})
	}
	c := flow(rate(400), rates(0.01))
	o := c.Confirm(judge(c), legs([]pipeline.Result{rate(500), rate(503)}, []pipeline.Result{rate(401), rate(403)}))
	require.Equal(t, pipeline.Regressed, o.Verdict)
	f := finding(t, o, "flow", pipeline.Throughput)
	require.InDelta(t, 0.8, f.Confirmation.Ratio, 0.01)
	require.Less(t, f.Confirmation.P, 0.01)
}

// What never varies and did not change could not have been found different: it must not make the others harder to find.
func TestWhatNeverVariesIsNotOneOfTheMany(t *testing.T) {
	past := history(8, 100, 0.03)
	for i := range past {
		past[i] = only(past[i], pipeline.P95)
	}
	alone := finding(t, judge(flow(only(measured("R1", 110, 0), pipeline.P95), past)), "flow", pipeline.P95)
	now := measured("R1", 110, 0)
	delete(now.Groups[""].Values, pipeline.P50)
	delete(now.Groups[""].Values, pipeline.P99)
	with := history(8, 100, 0.03)
	beside := judge(flow(now, with))
	require.Equal(t, alone.MDE, finding(t, beside, "flow", pipeline.P95).MDE)
	for _, metric := range []pipeline.Metric{pipeline.Errors, pipeline.Throughput} {
		f := finding(t, beside, "flow", metric)
		require.Equal(t, []any{pipeline.Pass, pipeline.RuleHistory, 1.0}, []any{f.Verdict, f.Rule, f.P})
	}
}

// recorded is the comparison of a record with others, as of two files.
func recorded(now pipeline.Record, before ...pipeline.Record) pipeline.Comparison {
	result := func(run string, rec pipeline.Record) pipeline.Result {
		return pipeline.Result{ID: run, Run: run, Scenario: "flow", Hash: "h1", Groups: pipeline.Summarise(rec)}
	}
	c := flow(result("now", now), nil)
	c.Records = []pipeline.Record{now}
	for i, rec := range before {
		c.Past.Results = append(c.Past.Results, result([]string{"A", "B", "C"}[i], rec))
		c.Records = append(c.Records, rec)
	}
	return c
}

func TestOneOrTwoRecordsAreEnoughForASuspicion(t *testing.T) {
	for name, c := range map[string]struct {
		comparison pipeline.Comparison
		verdict    pipeline.Verdict
		rule       string
	}{
		"slower than one":          {recorded(load("cart", 60, 0, 60), load("cart", 60, 0, 40)), "suspect", "bootstrap"},
		"slower than two":          {recorded(load("cart", 60, 0, 60), load("cart", 60, 0, 40), load("cart", 60, 0, 42)), "suspect", "bootstrap"},
		"quicker":                  {recorded(load("cart", 60, 0, 40), load("cart", 60, 0, 60)), "improved", "bootstrap"},
		"the same":                 {recorded(load("cart", 60, 0, 40), load("cart", 60, 0, 40)), "pass", "bootstrap"},
		"three are judged by them": {recorded(load("cart", 60, 0, 40), load("cart", 60, 0, 40), load("cart", 60, 0, 40), load("cart", 60, 0, 40)), "pass", "history"},
		"nothing to compare with":  {recorded(load("cart", 60, 0, 40)), "pass", "no-baseline"},
	} {
		t.Run(name, func(t *testing.T) {
			o := judge(c.comparison)
			require.Equal(t, c.verdict, o.Verdict)
			f := finding(t, o, "flow", pipeline.P95)
			require.Equal(t, c.rule, f.Rule)
			require.Equal(t, c.rule == "history", f.MDE > 0, "how runs differ is not known")
			if c.rule != "bootstrap" {
				return
			}
			require.Empty(t, o.Reason)
			require.InDelta(t, f.Now/f.Was, f.Ratio, 1e-9)
			require.True(t, f.Low <= f.Ratio && f.Ratio <= f.High)
			require.Equal(t, pipeline.RuleHistory, finding(t, o, "flow", pipeline.Errors).Rule)
		})
	}
	other := recorded(load("cart", 60, 0, 60), load("cart", 60, 0, 60), load("cart", 60, 0, 40))
	other.Past.Results[0].Hash = "h2"
	f := finding(t, judge(other), "flow", pipeline.P50)
	require.InEpsilon(t, 1.5, f.Ratio, 0.02, "with the record of the other load left out")
}
