package pipeline_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/pipeline"
)

// releases are n results each of versions, newest first, of which the first has the level 140 and the others 100.
func releases(n int, versions ...string) []pipeline.Result {
	var past []pipeline.Result
	for v, version := range versions {
		level := 100.0
		if v == 0 {
			level = 140
		}
		for i := range n {
			r := measured(fmt.Sprintf("%s-%d", version, i), level*(1+0.03*ripple[(v*n+i)%len(ripple)]), 0)
			r.Versions = map[string]string{"service:checkout": version}
			r.Start = noon.Add(-time.Duration(v*n+i) * time.Hour)
			past = append(past, r)
		}
	}
	return past
}

// Nine versions of three runs each tell the noise; the newest of them is slower than those before.
func TestTheBaselineThatAPolicyAsksFor(t *testing.T) {
	learned := releases(3, "9", "8", "7", "6", "5", "4", "3", "2", "1")
	other := measured("X1", 100, 0)
	other.Hash = "h9"
	level := []pipeline.Level{{Run: "9-2", From: noon.Add(-2 * time.Hour)}}
	for name, c := range map[string]struct {
		edit     func(*pipeline.Comparison)
		baseline []string
		verdict  pipeline.Verdict // of a p95 of 298 ms
		rule     string
		reason   string
	}{
		"the newest ten": {func(*pipeline.Comparison) {}, []string{
			"9-0", "9-1", "9-2", "8-0", "8-1", "8-2", "7-0", "7-1", "7-2", "6-0",
		}, "pass", "history", ""},
		"last 4":   {func(c *pipeline.Comparison) { c.Scenario.Baseline.Last = 4 }, []string{"9-0", "9-1", "9-2", "8-0"}, "pass", "history", ""},
		"previous": {func(c *pipeline.Comparison) { c.Scenario.Baseline.Previous = true }, []string{"9-0", "9-1", "9-2"}, "pass", "history", ""},
		"previous, of its own version": {func(c *pipeline.Comparison) {
			c.Scenario.Baseline.Previous = true
			c.Result.Versions = map[string]string{"service:checkout": "9"}
		}, []string{"8-0", "8-1", "8-2"}, "suspect", "history", ""},
		"previous, of a full run": {func(c *pipeline.Comparison) {
			c.Scenario.Baseline.Previous, c.Thing = true, ""
		}, []string{"9-0"}, "pass", "history", ""},
		"previous, none": {func(c *pipeline.Comparison) {
			c.Scenario.Baseline.Previous, c.Past.Results = true, []pipeline.Result{other}
		}, []string{}, "pass", "no-baseline", "no baseline yet: no comparable run of another version; earlier ones sent other requests or another load"},
		"previous, one, noise unknown": {func(c *pipeline.Comparison) {
			c.Scenario.Baseline.Previous, c.Past.Results = true, learned[:1]
		}, []string{"9-0"}, "pass", "no-baseline", "how much runs differ by themselves is not known yet, and 1 to compare with cannot tell: latencies were not judged"},
		"pinned": {func(c *pipeline.Comparison) { c.Past.Pin, c.Past.Pinned = "4-0", learned[15:16] }, []string{"4-0"}, "suspect", "history", ""},
		"pinned, not kept": {
			func(c *pipeline.Comparison) { c.Past.Pin = "4-0" },
			[]string{},
			"pass", "no-baseline",
			"no baseline: 4-0 is pinned, and its results are not kept any more",
		},
		"pinned, not comparable": {
			func(c *pipeline.Comparison) { c.Past.Pin, c.Past.Pinned = "X1", []pipeline.Result{other} },
			[]string{},
			"pass", "no-baseline",
			"no baseline: X1 is pinned, and it sent other requests or another load",
		},
		"a level was accepted": {func(c *pipeline.Comparison) { c.Past.Levels = level }, []string{"9-0", "9-1", "9-2"}, "pass", "history", ""},
		"too few since": {func(c *pipeline.Comparison) {
			c.Past.Levels = append(level, pipeline.Level{Run: "9-1", From: noon.Add(-time.Hour)})
		}, []string{"9-0", "9-1"}, "pass", "no-baseline", "no baseline yet: 2 of 3 comparable runs since 9-1 was accepted"},
		"nothing before": {func(c *pipeline.Comparison) {
			c.Scenario.Baseline.Previous, c.Past.Levels = true, []pipeline.Level{{Run: "R0", From: noon.Add(time.Hour)}}
		}, []string{}, "pass", "no-baseline", "no baseline yet: no comparable run of another version since R0 was accepted"},
	} {
		t.Run(name, func(t *testing.T) {
			now := only(measured("R1", 149, 0), pipeline.P95)
			now.Versions = map[string]string{"service:checkout": "10"}
			comparison := flow(now, learned)
			comparison.Thing = "service:checkout"
			c.edit(&comparison)
			o := judge(comparison)
			f := finding(t, o, "flow", pipeline.P95)
			require.Equal(t, c.baseline, o.Baseline)
			require.Equal(t, c.verdict, f.Verdict)
			require.Equal(t, c.rule, f.Rule)
			if o.Verdict != pipeline.Inconclusive {
				require.Equal(t, c.reason, o.Reason)
			}
		})
	}
}

// What people accepted is a step, and a step is no noise.
func TestNoiseIsLearnedWithinALevel(t *testing.T) {
	past := releases(11, "2", "1")
	c := flow(measured("R1", 165, 0), past)
	c.Past.Levels = []pipeline.Level{{Run: "2-10", From: past[10].Start}}
	apart := finding(t, judge(c), "flow", pipeline.P50)
	require.Equal(t, pipeline.Suspect, apart.Verdict)
	require.InDelta(t, 0.13, apart.MDE, 0.04, "by the noise of both levels")
	c.Past.Levels = nil
	require.Equal(t, pipeline.Pass, finding(t, judge(c), "flow", pipeline.P50).Verdict)
}
