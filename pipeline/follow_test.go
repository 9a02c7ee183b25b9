package pipeline_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"bellwether/pipeline"
)

// judged is the nth run of checkout, n hours after noon, with these findings of cart.
func judged(n int, findings ...pipeline.Finding) pipeline.Run {
	run := pipeline.Run{
		ID: fmt.Sprint("R", n), Environment: "load", Finished: time.Date(2026, 11, 23, 12+n, 0, 0, 0, time.UTC),
		Changes: []pipeline.Change{{Kind: pipeline.KindService, Name: "checkout", Version: fmt.Sprint("1.", n)}},
	}
	for _, f := range findings {
		run.Outcomes = append(run.Outcomes, pipeline.Outcome{Scenario: "cart", Verdict: f.Verdict, Findings: []pipeline.Finding{f}})
	}
	return run
}

// p95 of cart took a course, to so many milliseconds.
func p95(course pipeline.Course, now float64) pipeline.Finding {
	return pipeline.Finding{Group: "cart", Metric: pipeline.P95, Was: 200, Now: now, MDE: 0.1, Course: course}
}

// regressions are stored as they are by a store.
type regressions map[string]pipeline.Regression

func (r regressions) standing() (all []pipeline.Regression) {
	for _, id := range slices.Sorted(maps.Keys(r)) {
		if r[id].End == nil {
			all = append(all, r[id])
		}
	}
	return all
}

func (r regressions) follow(run pipeline.Run) (changed []pipeline.Regression) {
	changed = pipeline.Follow(run, r.standing())
	for _, g := range changed {
		r[g.ID] = g
	}
	return changed
}

func TestTheLifeOfARegression(t *testing.T) {
	stored := regressions{}
	first := judged(1, p95(pipeline.CourseNew, 300))
	stored.follow(first)
	found := pipeline.Regression{
		ID: "R1/cart/p95", Run: "R1", Subject: "checkout 1.1", Environment: "load", Scenario: "cart", Group: "cart", Metric: pipeline.P95,
		At: first.Finished, Since: "R1", Was: 200, Found: 300, Level: 300, MDE: 0.1,
	}
	require.Equal(t, regressions{"R1/cart/p95": found}, stored)

	require.Empty(t, stored.follow(judged(2, p95(pipeline.CourseSame, 305))), "it is as bad as it was")
	require.Empty(t, stored.follow(judged(3, p95("", 300))), "nobody said anything of it")
	stored.follow(judged(4, p95(pipeline.CourseBetter, 250)))
	found.Level = 250
	require.Equal(t, regressions{"R1/cart/p95": found}, stored)

	worse := p95(pipeline.CourseWorse, 390)
	worse.Confirmation = &pipeline.Confirmation{Now: 400}
	fifth := judged(5, worse)
	stored.follow(fifth)
	found.End = &pipeline.End{As: pipeline.Worsened, At: fifth.Finished, Run: "R5", Subject: "checkout 1.5", Level: 400}
	require.Equal(t, found, stored["R1/cart/p95"])
	again := stored["R5/cart/p95"]
	require.Equal(t, 400.0, again.Level, "what was measured afresh")
	require.Equal(t, "R1", again.Since, "it is older than its run")

	sixth := judged(6, p95(pipeline.CourseRecovered, 203))
	stored.follow(sixth)
	require.Equal(t, &pipeline.End{As: pipeline.Recovered, At: sixth.Finished, Run: "R6", Subject: "checkout 1.6", Level: 203}, stored["R5/cart/p95"].End)
	require.Empty(t, stored.standing())
	require.Empty(t, stored.follow(judged(7, p95(pipeline.CourseRecovered, 203))), "there is nothing to end")
}

func TestADoubtfulOneIsRefuted(t *testing.T) {
	stored := regressions{}
	suspect := p95(pipeline.CourseNew, 300)
	suspect.Verdict = pipeline.Suspect
	stored.follow(judged(1, suspect))
	require.True(t, stored["R1/cart/p95"].Doubtful)
	stored.follow(judged(2, p95(pipeline.CourseRecovered, 200)))
	require.Equal(t, pipeline.Refuted, stored["R1/cart/p95"].End.As)
}

// What is worse than a regression that somebody ended while it was measured is news all the same.
func TestWorseThanWhatWasEndedMeanwhile(t *testing.T) {
	changed := pipeline.Follow(judged(5, p95(pipeline.CourseWorse, 400)), nil)
	require.Len(t, changed, 1)
	require.Equal(t, "R5", changed[0].Since)
	require.Nil(t, changed[0].End)
}

// Who acknowledged a regression did not acknowledge a worse one.
func TestWorseIsNotAcknowledged(t *testing.T) {
	stored := regressions{}
	run := judged(1, p95(pipeline.CourseNew, 300))
	stored.follow(run)
	run.Acknowledged = []pipeline.Mark{{Name: "siti"}}
	require.Equal(t, pipeline.RegressionAcknowledged, run.StateOf(stored["R1/cart/p95"]))
	later := judged(2, p95(pipeline.CourseWorse, 400))
	stored.follow(later)
	require.Equal(t, pipeline.RegressionOpen, later.StateOf(stored["R2/cart/p95"]))
	require.Equal(t, pipeline.RegressionResolved, run.StateOf(stored["R1/cart/p95"]))
}

// Whatever runs find, and whatever people say meanwhile: at most one regression of a metric stands, every regression belongs to
// the run in its name, what ended stays ended, and a run that is followed again changes nothing.
func TestFollowingAnyRuns(t *testing.T) {
	courses := []pipeline.Course{"", pipeline.CourseNew, pipeline.CourseWorse, pipeline.CourseSame, pipeline.CourseBetter, pipeline.CourseRecovered}
	anyFinding := rapid.Custom(func(t *rapid.T) pipeline.Finding {
		f := p95(rapid.SampledFrom(courses).Draw(t, "course"), rapid.Float64Range(1, 1000).Draw(t, "now"))
		f.Verdict = rapid.SampledFrom([]pipeline.Verdict{pipeline.Pass, pipeline.Suspect, pipeline.Regressed}).Draw(t, "verdict")
		f.Group = rapid.SampledFrom([]string{"cart", "cart/order"}).Draw(t, "group")
		f.Metric = rapid.SampledFrom([]pipeline.Metric{pipeline.P95, pipeline.Errors}).Draw(t, "metric")
		return f
	})
	key := func(f pipeline.Finding) string { return f.Group + "/" + string(f.Metric) }
	rapid.Check(t, func(t *rapid.T) {
		stored := regressions{}
		for n := range rapid.IntRange(1, 12).Draw(t, "runs") {
			run := judged(n, rapid.SliceOfNDistinct(anyFinding, 0, 4, key).Draw(t, "findings")...)
			before := maps.Clone(stored)
			stored.follow(run)
			after := maps.Clone(stored)
			stored.follow(run)
			require.Equal(t, after, stored)

			standing := map[string]bool{}
			for _, g := range stored.standing() {
				about := g.Scenario + " " + g.Group + " " + string(g.Metric)
				require.False(t, standing[about], about)
				standing[about] = true
			}
			for id, g := range stored {
				require.Equal(t, id, g.Run+"/"+g.Group+"/"+string(g.Metric))
				if old, known := before[id]; known && old.End != nil {
					require.Equal(t, old, g)
				}
			}
			if said := stored.standing(); len(said) > 0 && rapid.Bool().Draw(t, "somebody knows") {
				said[0].End = &pipeline.End{As: rapid.SampledFrom(pipeline.Triage()).Draw(t, "word")}
				stored[said[0].ID] = said[0]
			}
		}
	})
}
