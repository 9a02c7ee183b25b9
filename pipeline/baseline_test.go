package pipeline_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"bellwether/pipeline"
)

func TestThePreviousReleaseIsAnotherVersion(t *testing.T) {
	now, past := measured("R1", 100, 0), history(5, 100, 0.03)
	for i, version := range []string{"1.5.0", "1.5.0", "1.4.0", "1.4.0", "1.3.0"} {
		past[i].Versions = map[string]string{"service:checkout": version}
	}
	now.Versions = map[string]string{"service:checkout": "1.5.0"}
	c := flow(now, past)
	require.InDelta(t, past[0].Groups[""].Values["p95"], finding(t, judge(c), "flow", "p95").Previous, 1e-9, "a full run: the run before")
	c.Thing = "service:checkout"
	require.InDelta(t, past[2].Groups[""].Values["p95"], finding(t, judge(c), "flow", "p95").Previous, 1e-9)
	for i := range past {
		past[i].Versions = now.Versions
	}
	require.Zero(t, finding(t, judge(c), "flow", "p95").Previous)
}

func TestWhatElseChangedSinceTheNewestBaselineRun(t *testing.T) {
	now, past := measured("R1", 100, 0), history(5, 100, 0.03)
	now.Versions = map[string]string{"service:checkout": "1.5.0", "service:search": "2.1.0", "stack:orders": "7", "service:new": "0.1.0"}
	past[0].Hash, past[0].Versions = "h0", now.Versions
	past[1].Versions = map[string]string{"service:checkout": "1.4.0", "service:search": "2.0.0", "stack:orders": "7"}
	past[2].Versions = map[string]string{"stack:orders": "6"}
	c := flow(now, past)
	c.Thing = "service:checkout"
	require.Equal(t, []string{"new 0.1.0 (new)", "search 2.0.0 → 2.1.0"}, judge(c).AlsoChanged)
	c.Past = pipeline.Past{}
	require.Empty(t, judge(c).AlsoChanged)
}

func TestTheRegressionOfOthersIsNotBlamedOnWhatCannotBeInterleaved(t *testing.T) {
	now, past := measured("R1", 140, 0), history(8, 100, 0.03)
	now.Versions = map[string]string{"service:checkout": "1.5.0", "stack:orders": "8"}
	past[0].Versions = map[string]string{"service:checkout": "1.4.0", "stack:orders": "7"}
	c := flow(now, past)
	c.Thing = "stack:orders"
	o := c.Confirm(judge(c), legs(nil, twice(138, 140)))
	require.Equal(t, pipeline.Suspect, o.Verdict)
	require.Equal(t, pipeline.Suspect, finding(t, o, "flow", pipeline.P95).Verdict)
	require.Contains(t, o.Reason, "the cause cannot be told")

	o = c.Confirm(judge(c), legs(twice(100, 103), twice(141, 138)))
	require.Equal(t, pipeline.Regressed, o.Verdict, "old and new in turn tell the cause")
	require.Empty(t, o.Reason)
	c.Past.Results[0].Versions["service:checkout"] = "1.5.0"
	require.Equal(t, pipeline.Regressed, c.Confirm(judge(c), legs(nil, twice(138, 140))).Verdict)
}

func TestAnEnvironmentThatIsWorseForAnotherReasonIsNoBaseline(t *testing.T) {
	past := history(8, 100, 0.03)
	gate := []pipeline.Gate{{Metric: pipeline.P95, Limit: 250}}
	for name, c := range map[string]struct {
		now       pipeline.Result
		past      []pipeline.Result
		gates     []pipeline.Gate
		legs      []pipeline.Leg
		uncounted bool
	}{
		"all legs slow":             {measured("R1", 140, 0), past, nil, legs(twice(140, 141), twice(141, 142)), true},
		"unlucky once":              {measured("R1", 140, 0), past, nil, legs(twice(100, 103), twice(99, 102)), false},
		"old legs within the band":  {measured("R1", 200, 0), history(8, 100, 0.1), nil, legs(twice(115, 115), twice(115, 115)), false},
		"old legs hardly slower":    {measured("R1", 140, 0), history(8, 100, 0.001), nil, legs(twice(103, 103), twice(103, 103)), false},
		"all legs with errors":      {measured("R1", 100, 300), past, nil, legs(withErrors(300, 240), withErrors(300, 240)), true},
		"an error now and then":     {measured("R1", 100, 300), past, nil, legs(withErrors(12, 0), withErrors(0, 0)), false},
		"stack: nothing old":        {measured("R1", 140, 0), past, nil, legs(nil, twice(99, 102)), false},
		"gate without a baseline":   {measured("R1", 140, 0), nil, gate, legs(twice(120, 120), twice(120, 120)), false},
		"errors without a baseline": {measured("R1", 100, 300), nil, []pipeline.Gate{{Metric: pipeline.Errors, Limit: 0.01}}, legs(withErrors(30, 30), withErrors(30, 30)), false},
	} {
		t.Run(name, func(t *testing.T) {
			comparison := flow(c.now, c.past)
			comparison.Scenario.Gates = c.gates
			o := comparison.Confirm(judge(comparison), c.legs)
			require.Equal(t, pipeline.Pass, o.Verdict)
			require.Equal(t, c.uncounted, o.Uncounted)
			const why = "the version before is as bad: something else changed since the baseline"
			require.Equal(t, c.uncounted, strings.Contains(o.Reason, why), o.Reason)
		})
	}
}

func TestRunsAfterSomebodyElsesRegression(t *testing.T) {
	stack := func(r *pipeline.Run) {
		r.Changes[0] = pipeline.Change{Kind: pipeline.KindStack, Name: "orders", Revision: "s9"}
	}
	full := func(r *pipeline.Run) { r.Cause, r.Changes = pipeline.CauseFull, nil }
	const untold = "worse when measured again, too, but other things changed since the baseline as well: the cause cannot be told"
	for name, c := range map[string]struct {
		run     func(*pipeline.Run)
		latency float64 // of the new version; the old one's, since search changed, is 56 ms instead of 40 ms
		verdict pipeline.Verdict
		reason  string
	}{
		"a stack":    {stack, 0, pipeline.Suspect, untold},
		"a full run": {full, 0, pipeline.Suspect, untold},
		"a service": {
			func(*pipeline.Run) {}, 56, pipeline.Pass,
			"the version before is as bad: something else changed since the baseline, and this run does not become part of it",
		},
		"a service that is slower itself": {func(*pipeline.Run) {}, 80, pipeline.Regressed, ""},
	} {
		inTime(t, name, func(t *testing.T) {
			w := newWorld()
			w.latency[oldImage], w.latency[newImage] = 56, c.latency
			w.installed["service:search"] = pipeline.Artefact{Revision: "s2"}
			w.change(c.run)
			run := w.work(t)
			require.Equal(t, c.verdict, run.Verdict)
			require.Equal(t, c.reason, run.Outcomes[0].Reason)
			require.Equal(t, []string{"search s1 → s2"}, run.Outcomes[0].AlsoChanged)
			require.Len(t, w.past["checkout-flow"], 5, "it is no baseline")
		})
	}
}
