package pipeline_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"bellwether/pipeline"
)

// known is a regression of the flow's p95, from 200 ms; its run could have seen 10 %.
func known(level float64) pipeline.Regression {
	return pipeline.Regression{
		Run: "R7", Since: "R5", Subject: "checkout 1.5.0", Scenario: "flow", Group: "flow", Metric: pipeline.P95, Was: 200, Level: level, MDE: 0.1,
	}
}

// tail is a result of which only the p95 is judged.
func tail(ms float64) pipeline.Result { return only(measured("R9", ms/2, 0), pipeline.P95) }

func TestCourses(t *testing.T) {
	gate := func(limit float64) []pipeline.Gate { return []pipeline.Gate{{Metric: pipeline.P95, Limit: limit}} }
	quiet, wide := history(8, 100, 0.03), history(8, 100, 0.15)
	byGate := known(280)
	byGate.Was = 0
	partly := known(230) // as it is since it got better
	partly.Found = 400
	for name, c := range map[string]struct {
		now     pipeline.Result
		past    []pipeline.Result
		gates   []pipeline.Gate
		known   []pipeline.Regression
		verdict pipeline.Verdict
		rule    string
		course  pipeline.Course
	}{
		"in order":                        {tail(202), quiet, nil, nil, "pass", "history", ""},
		"new":                             {tail(280), quiet, nil, nil, "suspect", "history", "new"},
		"new, by a gate":                  {tail(280), nil, gate(250), nil, "suspect", "gate", "new"},
		"as bad as it was":                {tail(285), quiet, nil, []pipeline.Regression{known(280)}, "pass", "known", "same"},
		"as bad, within what can be seen": {tail(307), quiet, nil, []pipeline.Regression{known(280)}, "pass", "known", "same"},
		"worse":                           {tail(310), quiet, nil, []pipeline.Regression{known(280)}, "suspect", "history", "worse"},
		"better, and not in order":        {tail(280), quiet, nil, []pipeline.Regression{known(400)}, "pass", "known", "better"},
		"recovered":                       {tail(204), quiet, nil, []pipeline.Regression{known(280)}, "pass", "history", "recovered"},
		"better than ever":                {tail(140), quiet, nil, []pipeline.Regression{known(280)}, "improved", "history", "recovered"},
		"in the band, nearer to the level": {
			tail(258), wide, nil, []pipeline.Regression{known(280)}, "pass", "history", "same",
		},
		"in the band, nearer to the baseline": {tail(220), wide, nil, []pipeline.Regression{known(280)}, "pass", "history", "recovered"},
		"in the band, nearer to what is left": {tail(220), wide, nil, []pipeline.Regression{partly}, "pass", "history", "recovered"},
		"beyond a narrow band, by little":     {tail(215), history(8, 100, 0.01), nil, []pipeline.Regression{known(280)}, "pass", "history", "recovered"},
		"gate broken as before":               {tail(285), nil, gate(250), []pipeline.Regression{byGate}, "pass", "known", "same"},
		"gate broken as before, in the band":  {tail(202), quiet, gate(190), []pipeline.Regression{known(205)}, "pass", "known", "same"},
		"gate broken more":                    {tail(340), nil, gate(250), []pipeline.Regression{byGate}, "suspect", "gate", "worse"},
		"gate held again":                     {tail(240), nil, gate(250), []pipeline.Regression{byGate}, "pass", "no-baseline", "recovered"},
		"nothing to hold it against":          {tail(240), nil, nil, []pipeline.Regression{known(280)}, "pass", "no-baseline", ""},
	} {
		t.Run(name, func(t *testing.T) {
			comparison := flow(c.now, c.past)
			comparison.Scenario.Gates, comparison.Known = c.gates, c.known
			o := judge(comparison)
			f := finding(t, o, "flow", pipeline.P95)
			require.Equal(t, c.verdict, f.Verdict)
			require.Equal(t, c.rule, f.Rule)
			require.Equal(t, c.course, f.Course)
			stands := c.course == "same" || c.course == "better" || c.course == "worse"
			require.Equal(t, stands, o.Uncounted)
			if stands || c.course == "recovered" {
				require.Equal(t, []any{"R7", "checkout 1.5.0", c.known[0].Level}, []any{f.Since, f.SinceSubject, f.Level})
			} else {
				require.Empty(t, f.Since)
			}
		})
	}
}

func TestTheErrorsOfAKnownRegression(t *testing.T) {
	errors := known(0.02)
	errors.Metric, errors.Was = pipeline.Errors, 0
	for now, course := range map[int64]pipeline.Course{120: "same", 180: "same", 300: "worse", 50: "better", 3: "recovered"} {
		c := flow(measured("R9", 100, now), history(8, 100, 0.03))
		c.Known = []pipeline.Regression{errors}
		require.Equal(t, course, finding(t, judge(c), "flow", pipeline.Errors).Course, "%d errors", now)
	}
}

func TestTheKnownAreFollowedThroughAConfirmation(t *testing.T) {
	gate := []pipeline.Gate{{Metric: pipeline.P95, Limit: 250}}
	for name, c := range map[string]struct {
		was, now  float64 // p95 of the legs
		gates     []pipeline.Gate
		verdict   pipeline.Verdict
		course    pipeline.Course
		uncounted bool
	}{
		"worse because of this change":         {280, 370, nil, "regressed", "worse", true},
		"worse, and not because of this one":   {360, 370, nil, "suspect", "worse", true},
		"as bad as it was after all":           {280, 285, nil, "pass", "same", true},
		"better":                               {250, 240, nil, "pass", "better", true},
		"it is over":                           {202, 200, nil, "pass", "recovered", false},
		"the gate was broken, and is no worse": {280, 285, gate, "pass", "same", true},
	} {
		t.Run(name, func(t *testing.T) {
			comparison := flow(tail(400), history(8, 100, 0.03))
			comparison.Known, comparison.Scenario.Gates = []pipeline.Regression{known(280)}, c.gates
			before := judge(comparison)
			require.Equal(t, pipeline.Suspect, before.Verdict)
			o := comparison.Confirm(before, legs([]pipeline.Result{tail(c.was)}, []pipeline.Result{tail(c.now)}))
			f := finding(t, o, "flow", pipeline.P95)
			require.Equal(t, c.verdict, f.Verdict)
			require.Equal(t, c.course, f.Course)
			require.Equal(t, "R7", f.Since)
			require.Equal(t, c.uncounted, o.Uncounted)
		})
	}
	c := flow(tail(400), history(8, 100, 0.03))
	o := c.Confirm(judge(c), legs([]pipeline.Result{tail(200)}, []pipeline.Result{tail(201)}))
	require.Empty(t, finding(t, o, "flow", pipeline.P95).Course, "nothing new after all")
}
