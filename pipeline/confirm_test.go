package pipeline_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"bellwether/pipeline"
)

// legs are measured in the order old, new, new, old, twice over, each version the given results in turn; only the new ones when
// there is no old version.
func legs(was, now []pipeline.Result) []pipeline.Leg {
	return legsOf(len(pipeline.Order(len(was) > 0)), was, now)
}

// legsOf are the first n of them.
func legsOf(n int, was, now []pipeline.Result) []pipeline.Leg {
	var all []pipeline.Leg
	measured := map[bool]int{}
	for _, fresh := range pipeline.Order(len(was) > 0)[:n] {
		side := was
		if fresh {
			side = now
		}
		i := measured[fresh] % len(side)
		all = append(all, pipeline.Leg{New: fresh, Results: side[i : i+1]})
		measured[fresh]++
	}
	return all
}

func twice(a, b float64) []pipeline.Result {
	return []pipeline.Result{measured("R1", a, 0), measured("R1", b, 0)}
}

func withErrors(a, b int64) []pipeline.Result {
	return []pipeline.Result{measured("R1", 100, a), measured("R1", 100, b)}
}

func TestOrder(t *testing.T) {
	require.Equal(t, []bool{false, true, true, false, false, true, true, false}, pipeline.Order(true))
	require.Equal(t, []bool{true, true}, pipeline.Order(false))
}

func TestConfirm(t *testing.T) {
	slow := measured("R1", 140, 0)
	past := history(8, 100, 0.03)
	p95 := []pipeline.Gate{{Metric: pipeline.P95, Limit: 250}}
	for name, c := range map[string]struct {
		now      pipeline.Result
		past     []pipeline.Result
		gates    []pipeline.Gate
		legs     []pipeline.Leg
		metric   pipeline.Metric
		verdict  pipeline.Verdict
		rule     string
		was, got float64 // of the confirmation
	}{
		"confirmed":              {slow, past, nil, legs(twice(100, 103), twice(141, 138)), "p95", "regressed", "history", 202.98, 278.98},
		"not confirmed":          {slow, past, nil, legs(twice(100, 103), twice(99, 102)), "p95", "pass", "not-confirmed", 202.98, 200.98},
		"all legs drifted alike": {slow, past, nil, legs(twice(140, 141), twice(141, 142)), "p95", "pass", "not-confirmed", 281, 283},
		"sure but immaterial":    {slow, past, nil, legs(twice(100, 100), twice(104, 104)), "p95", "pass", "not-confirmed", 200, 208},
		"stack: against history": {slow, past, nil, legs(nil, twice(138, 140)), "p95", "regressed", "history", 199.78, 277.99},
		"stack: not confirmed":   {slow, past, nil, legs(nil, twice(99, 102)), "p95", "pass", "not-confirmed", 199.78, 200.98},
		"errors":                 {measured("R1", 100, 300), past, nil, legs(withErrors(0, 0), withErrors(300, 240)), "errors", "regressed", "history", 0, 0.045},
		"errors gone":            {measured("R1", 100, 300), past, nil, legs(withErrors(0, 0), withErrors(0, 0)), "errors", "pass", "not-confirmed", 0, 0},
		"errors before too":      {measured("R1", 100, 300), past, nil, legs(withErrors(300, 240), withErrors(300, 240)), "errors", "pass", "not-confirmed", 0.045, 0.045},
		"stack: errors":          {measured("R1", 100, 300), past, nil, legs(nil, withErrors(300, 240)), "errors", "regressed", "history", 0, 0.045},
		"gate":                   {slow, nil, p95, legs(twice(100, 100), twice(140, 140)), "p95", "regressed", "gate", 200, 280},
		"gate held once, and slower, but never suspected of that": {
			slow, past[:2], p95, legs(twice(100, 100), twice(140, 124)), "p95", "pass", "not-confirmed", 200, 263.51,
		},
		"gate held once":           {slow, nil, p95, legs(twice(100, 100), twice(140, 120)), "p95", "pass", "not-confirmed", 200, 259.23},
		"gate broken before too":   {slow, nil, p95, legs(twice(140, 100), twice(140, 140)), "p95", "suspect", "gate-before", 236.64, 280},
		"gate, first of all":       {slow, nil, p95, legs(nil, twice(140, 140)), "p95", "regressed", "gate", 0, 280},
		"gate, stack, held before": {slow, past[:2], p95, legs(nil, twice(140, 140)), "p95", "regressed", "gate", 197.26, 280},
		"gate, stack, broken before": {
			measured("R1", 141, 0), history(8, 140, 0.03), p95, legs(nil, twice(140, 140)), "p95", "suspect", "gate-before", 279.69, 280,
		},
		"slower, and about the gate": {slow, past, p95, legs(twice(100, 103), twice(141, 124)), "p95", "regressed", "history", 202.98, 264.45},
		"quicker again, but over the gate like before": {
			slow, past, p95, legs(twice(126, 127), twice(127, 128)), "p95", "suspect", "gate-before", 253, 255,
		},
	} {
		t.Run(name, func(t *testing.T) {
			comparison := flow(c.now, c.past)
			comparison.Scenario.Gates = c.gates
			before := judge(comparison)
			require.Equal(t, pipeline.Suspect, before.Verdict)
			o := comparison.Confirm(before, c.legs)
			f := finding(t, o, "flow", c.metric)
			require.Equal(t, c.verdict, f.Verdict)
			require.Equal(t, c.rule, f.Rule)
			require.Equal(t, pipeline.Worst(c.verdict), o.Verdict)
			require.Equal(t, len(c.legs), f.Confirmation.Legs)
			require.InDelta(t, c.was, f.Confirmation.Was, 0.02)
			require.InDelta(t, c.got, f.Confirmation.Now, 0.02)
			if c.was > 0 {
				require.InDelta(t, c.got/c.was, f.Confirmation.Ratio, 0.01)
			}
			require.Nil(t, finding(t, before, "flow", c.metric).Confirmation, "the outcome that went in stays as it was")
		})
	}
}

func TestConfirmLeavesWhatWasNotSuspected(t *testing.T) {
	mixed := measured("R1", 100, 0)
	mixed.Groups[""].Values[pipeline.P95] = 300
	c := flow(mixed, history(8, 100, 0.03))
	before := judge(c)
	o := c.Confirm(before, legs(twice(100, 100), twice(150, 150)))
	require.Equal(t, pipeline.Regressed, finding(t, o, "flow", pipeline.P95).Verdict)
	require.Equal(t, finding(t, before, "flow", pipeline.P50), finding(t, o, "flow", pipeline.P50))
}

func TestTheRaisingRunHasNoPartInItsConfirmation(t *testing.T) {
	past := history(8, 100, 0.03)
	fresh := legs(twice(100, 103), twice(141, 138))
	modest, extreme := flow(measured("R1", 140, 0), past), flow(measured("R1", 900, 0), past)
	a, b := modest.Confirm(judge(modest), fresh), extreme.Confirm(judge(extreme), fresh)
	require.Equal(t, finding(t, a, "flow", pipeline.P95).Confirmation, finding(t, b, "flow", pipeline.P95).Confirmation)
}

func TestLegsThatSettleNothing(t *testing.T) {
	c := flow(measured("R1", 140, 0), history(8, 100, 0.03))
	spoil := func(edit func(*pipeline.Result)) []pipeline.Leg {
		now := twice(141, 138)
		edit(&now[1])
		return legs(twice(100, 103), now)
	}
	for name, l := range map[string]struct {
		legs   []pipeline.Leg
		reason string
	}{
		"invalid":      {spoil(func(r *pipeline.Result) { r.Invalid = "generator late" }), "could not be confirmed: generator late"},
		"failed":       {spoil(func(r *pipeline.Result) { r.Failed = "set-up: exit status 1" }), "could not be confirmed: set-up: exit status 1"},
		"other load":   {spoil(func(r *pipeline.Result) { r.Hash = "h2" }), "could not be confirmed: the scenario was changed meanwhile"},
		"no legs":      {nil, "could not be confirmed: it was not measured again"},
		"another's":    {spoil(func(r *pipeline.Result) { r.Scenario = "other" })[6:7], "could not be confirmed: it was not measured again"},
		"few answers":  {spoil(func(r *pipeline.Result) { *r = only(*r, pipeline.Errors) }), "p99 of flow could not be confirmed: too few answers"},
		"only the old": {legs(twice(100, 103), twice(1, 1))[:1], "could not be confirmed: it was not measured again"},
	} {
		t.Run(name, func(t *testing.T) {
			o := c.Confirm(judge(c), l.legs)
			require.Equal(t, pipeline.Suspect, o.Verdict)
			require.Equal(t, l.reason, o.Reason)
			require.Equal(t, pipeline.RuleHistory, finding(t, o, "flow", pipeline.P95).Rule)
			require.Nil(t, finding(t, o, "flow", pipeline.P95).Confirmation)
		})
	}
}

func TestAFailingScenarioWithoutLatenciesIsNoPassOnceItRecovers(t *testing.T) {
	down := only(measured("R1", 1, 6000), pipeline.Errors)
	c := flow(down, history(8, 100, 0.03))
	before := judge(c)
	require.Equal(t, pipeline.Suspect, before.Verdict)
	o := c.Confirm(before, legs(withErrors(0, 0), withErrors(0, 0)))
	require.Equal(t, pipeline.Inconclusive, o.Verdict)
	require.Equal(t, "too few answers to judge any latency", o.Reason)
}

// learned is ten results about ms, and as many of another load: enough to know how noisy they are.
func learned(ms, noise float64) []pipeline.Result {
	past := history(10, ms, noise)
	for _, r := range history(11, ms, noise) {
		r.Hash = "h0"
		past = append(past, r)
	}
	return past
}

func TestLooks(t *testing.T) {
	unknown, quiet := history(8, 100, 0.03), learned(100, 0.03)
	gate := []pipeline.Gate{{Metric: pipeline.P50, Limit: 120}}
	spoilt := measured("R1", 140, 0)
	spoilt.Invalid = "generator late"
	one := func(ms float64) []pipeline.Result {
		return []pipeline.Result{only(measured("R1", ms, 0), pipeline.P50)}
	}
	for name, c := range map[string]struct {
		past     []pipeline.Result
		was, now []pipeline.Result
		gates    []pipeline.Gate
		legs     int              // that are needed
		verdict  pipeline.Verdict // in the end
	}{
		"plainly worse":                   {quiet, one(100), one(140), nil, 4, "regressed"},
		"no worse":                        {quiet, one(100), one(99), nil, 4, "pass"},
		"hard to tell":                    {quiet, one(100), one(104), nil, 8, "pass"},
		"noise unknown, worse":            {unknown, one(100), one(140), nil, 8, "regressed"},
		"noise unknown, no worse":         {unknown, one(100), one(99), nil, 4, "pass"},
		"nothing old":                     {quiet, nil, one(140), nil, 2, "regressed"},
		"spoilt":                          {quiet, []pipeline.Result{spoilt}, one(140), nil, 1, "suspect"},
		"a gate needs no noise":           {nil, one(100), one(140), gate, 4, "regressed"},
		"gate held, and perhaps slower":   {quiet, one(100), one(104), gate, 8, "pass"},
		"gate broken in every repeat":     {unknown, one(100), one(140), gate, 4, "regressed"},
		"gate broken before and no worse": {quiet, one(130), one(128), gate, 4, "suspect"},
	} {
		t.Run(name, func(t *testing.T) {
			comparison := flow(one(150)[0], c.past)
			comparison.Scenario.Gates = c.gates
			o := judge(comparison)
			require.Equal(t, pipeline.Suspect, o.Verdict)
			n := 0
			for n < len(pipeline.Order(c.was != nil)) && comparison.Undecided(o, legsOf(n, c.was, c.now)) {
				n++
			}
			require.Equal(t, c.legs, n)
			all := legsOf(n, c.was, c.now)
			require.False(t, comparison.Undecided(o, all))
			if n > 1 {
				o = comparison.Confirm(o, all)
			}
			require.Equal(t, c.verdict, o.Verdict)
		})
	}
}

// What else is worse in a scenario that is confirmed to be is not followed up further; it stays a suspicion.
func TestOneConfirmedMetricSettlesItsScenario(t *testing.T) {
	now := measured("R1", 140, 0)
	c := flow(now, learned(100, 0.03))
	hazy := func(p99 float64) pipeline.Result {
		r := measured("R1", 140, 0)
		r.Groups[""].Values[pipeline.P99] = p99
		return r
	}
	first := legsOf(4, twice(100, 101), []pipeline.Result{hazy(305), hazy(330)})
	require.False(t, c.Undecided(judge(c), first))
	o := c.Confirm(judge(c), first)
	require.Equal(t, pipeline.Regressed, o.Verdict)
	require.Equal(t, pipeline.Regressed, finding(t, o, "flow", pipeline.P95).Verdict)
	f := finding(t, o, "flow", pipeline.P99)
	require.Equal(t, pipeline.Suspect, f.Verdict)
	require.Equal(t, pipeline.CourseNew, f.Course)
	require.Equal(t, 4, f.Confirmation.Legs)
}
