package bot

import (
	"slices"
	"time"

	"bellwether/pipeline"
)

// saidOfKnown are the kinds of run there are to speak of once something is known to be worse, and what becomes of that.
var saidOfKnown = map[string]pipeline.Run{
	"known-still":           patch(known("checkout-flow", pipeline.CourseSame, 312, 433)),
	"known-still-many":      patch(steady("basket"), known("checkout-flow", pipeline.CourseSame, 312, 433), known("refunds", pipeline.CourseSame, 312, 433)),
	"known-errors":          patch(knownErrors("checkout-flow")),
	"known-full":            full(known("checkout-flow", pipeline.CourseSame, 312, 433), steady("search-page")),
	"known-improved":        patch(known("checkout-flow", pipeline.CourseSame, 312, 433), faster("refunds")),
	"better":                patch(known("checkout-flow", pipeline.CourseBetter, 264, 362)),
	"recovered":             patch(known("checkout-flow", pipeline.CourseRecovered, 228, 299)),
	"recovered-part":        patch(known("checkout-flow", pipeline.CourseRecovered, 228, 299), known("refunds", pipeline.CourseSame, 312, 433)),
	"recovered-rerun":       with(patch(known("checkout-flow", pipeline.CourseRecovered, 228, 299)), func(r *pipeline.Run) { r.Changes[0].Version = "1.5.0" }),
	"worse":                 with(patch(confirmed(worseThan("checkout-flow", pipeline.Regressed), 8)), measuredAgain),
	"worse-elsewhere":       with(patch(worseThan("checkout-flow", pipeline.Suspect)), measuredAgain),
	"worse-rearmed":         with(regressedRun(), acknowledge, then(with(patch(confirmed(worseThan("checkout-flow", pipeline.Regressed), 8)), measuredAgain))),
	"worse-unnoticed":       with(regressedRun(), then(patch(worseThan("checkout-flow", pipeline.Regressed)))),
	"resolved":              with(regressedRun(), then(patch(known("checkout-flow", pipeline.CourseRecovered, 228, 299)))),
	"resolved-acknowledged": with(regressedRun(), acknowledge, then(patch(known("checkout-flow", pipeline.CourseRecovered, 228, 299)))),
	"resolved-part": with(done(confirmed(slower("checkout-flow", pipeline.Regressed), 4), confirmed(slower("refunds", pipeline.Regressed), 4)), measuredAgain,
		then(patch(known("checkout-flow", pipeline.CourseRecovered, 228, 299)))),
	"resolved-elsewhere": with(stack(confirmed(slower("checkout-flow", pipeline.Regressed), 2)), then(patch(known("checkout-flow", pipeline.CourseRecovered, 228, 299)))),
	"refuted":            with(done(slower("checkout-flow", pipeline.Suspect)), then(patch(known("checkout-flow", pipeline.CourseRecovered, 228, 299)))),
	"accepted":           with(regressedRun(), triage(pipeline.Expected, "", "the new pricing engine")),
	"accepted-part": with(done(confirmed(slower("checkout-flow", pipeline.Regressed), 4), confirmed(slower("refunds", pipeline.Regressed), 4)), measuredAgain,
		triage(pipeline.Expected, "refunds", "")),
	"invalid-run":         with(regressedRun(), triage(pipeline.Invalidated, "", "somebody else loaded the database")),
	"invalid-run-passed":  with(done(steady("checkout-flow")), triage(pipeline.Invalidated, "", "somebody else loaded the database")),
	"triaged-environment": with(regressedRun(), triage(pipeline.Environmental, "", "the node was replaced")),
	"triaged-fixed":       with(regressedRun(), triage(pipeline.Fixed, "", "")),
	"reminder":            with(regressedRun(), acknowledge, remind),
	"reminder-part": with(regressedRun(), acknowledge, func(r *pipeline.Run) {
		r.Acknowledged[0].Scope, r.Acknowledged[0].Metric = "checkout-flow", pipeline.P95
	}, remind),
	"throughput": with(done(confirmed(starved("checkout-flow"), 4)), measuredAgain),
}

func init() {
	for name, run := range saidOfKnown {
		said[name] = run
	}
}

// regressedRun found what the others know.
func regressedRun() pipeline.Run {
	return with(done(confirmed(slower("checkout-flow", pipeline.Regressed), 4)), measuredAgain)
}

// patch is checkout 1.6.0, the day after.
func patch(outcomes ...pipeline.Outcome) pipeline.Run {
	r := done(outcomes...)
	r.ID, r.Changes[0].Version, r.Changes[0].Title, r.Changes[0].URL = "R45", "1.6.0", "Look the stock up once", "https://github.com/innerscale/checkout/pull/438"
	r.Before.Version = "1.5.0"
	r.Submitted, r.Started, r.Finished = r.Submitted.AddDate(0, 0, 1), r.Started.AddDate(0, 0, 1), r.Finished.AddDate(0, 0, 1)
	for i := range r.Outcomes {
		r.Outcomes[i].Result = "R45/" + r.Outcomes[i].Scenario
	}
	return followed(r)
}

// known is an outcome whose p95 and p99 R42 found to be worse, and took a course.
func known(scenario string, course pipeline.Course, p95, p99 float64) pipeline.Outcome {
	o := steady(scenario)
	o.Findings[1] = latency(scenario, pipeline.P95, 226, p95, pipeline.Pass)
	o.Findings[2] = latency(scenario, pipeline.P99, 301, p99, pipeline.Pass)
	for i, level := range map[int]float64{1: 312, 2: 433} {
		f := &o.Findings[i]
		f.Course, f.Since, f.SinceSubject, f.Level, f.Previous = course, "R42", "checkout 1.5.0", level, level
		if course != pipeline.CourseRecovered {
			f.Rule = pipeline.RuleKnown
		}
	}
	return o
}

func knownErrors(scenario string) pipeline.Outcome {
	o := steady(scenario)
	f := failures(scenario, 0.0004, 0.0493, pipeline.Pass)
	f.Rule, f.Course, f.Since, f.SinceSubject, f.Level = pipeline.RuleKnown, pipeline.CourseSame, "R42", "checkout 1.5.0", 0.05
	o.Findings[3] = f
	return o
}

// worseThan is an outcome whose p95 is worse than R42 found it.
func worseThan(scenario string, verdict pipeline.Verdict) pipeline.Outcome {
	o := known(scenario, pipeline.CourseSame, 362, 433)
	f := &o.Findings[1]
	o.Verdict, f.Verdict, f.Course, f.Rule = verdict, verdict, pipeline.CourseWorse, pipeline.RuleHistory
	if verdict == pipeline.Suspect {
		f.Rule, f.Confirmation = pipeline.RuleUnconfirmed, &pipeline.Confirmation{Legs: 8, Was: 358, Now: 361, Ratio: 1.01, Low: 0.96, High: 1.06, P: 0.4}
	}
	return o
}

// starved is an outcome of another tool's load, which a slower service got less of.
func starved(scenario string) pipeline.Outcome {
	o := steady(scenario)
	f := latency(scenario, pipeline.Throughput, 500, 412, pipeline.Regressed)
	o.Verdict, o.Findings = pipeline.Regressed, append(o.Findings, f)
	return o
}

// then is what a later run made of what a run found.
func then(later pipeline.Run) func(*pipeline.Run) {
	return func(r *pipeline.Run) {
		for _, g := range pipeline.Follow(later, r.Regressions) {
			if i := slices.IndexFunc(r.Regressions, func(old pipeline.Regression) bool { return old.ID == g.ID }); i >= 0 {
				r.Regressions[i] = g
			}
		}
		r.Rev++
	}
}

// triage is what somebody said of a run the same afternoon.
func triage(as pipeline.Ending, scope, because string) func(*pipeline.Run) {
	mark := pipeline.Mark{By: "slack:U0DEVSG", Name: "dev-sg", At: noon.Add(2 * time.Hour), Scope: scope, Because: because}
	end := pipeline.End{As: as, At: mark.At, Mark: &mark}
	return func(r *pipeline.Run) {
		r.Rev, r.Triaged = r.Rev+1, append(r.Triaged, end)
		for i, g := range r.Regressions {
			if mark.Covers(g) && g.End == nil {
				r.Regressions[i].End = &end
			}
		}
	}
}

// remind of an acknowledgement that ends in three days.
func remind(r *pipeline.Run) {
	r.Acknowledged[0].Until = noon.Add(72 * time.Hour)
	r.Rev, r.Reminded = r.Rev+1, r.Acknowledged
}
