package bot

import (
	"slices"
	"strings"

	"bellwether/pipeline"
)

// took are an outcome's findings of regressions that took one of some courses, the most telling first.
func took(o pipeline.Outcome, courses ...pipeline.Course) []pipeline.Finding {
	return slices.DeleteFunc(ranked(o), func(f pipeline.Finding) bool { return !slices.Contains(courses, f.Course) })
}

// standing are the outcomes that passed, but of which something is worse than its baseline, and was before.
func standing(run pipeline.Run) []pipeline.Outcome {
	return slices.DeleteFunc(slices.Clone(run.Outcomes), func(o pipeline.Outcome) bool {
		return alarming(o.Verdict) || len(took(o, pipeline.CourseSame, pipeline.CourseBetter)) == 0
	})
}

// recovered are the outcomes that are in order again.
func recovered(run pipeline.Run) []pipeline.Outcome {
	return slices.DeleteFunc(slices.Clone(run.Outcomes), func(o pipeline.Outcome) bool {
		left := len(took(o, pipeline.CourseNew, pipeline.CourseWorse, pipeline.CourseSame, pipeline.CourseBetter)) > 0
		return left || len(took(o, pipeline.CourseRecovered)) == 0
	})
}

// worsened are the outcomes that people are called for: something regressed, or is worse than it was known to be.
func worsened(run pipeline.Run) []pipeline.Outcome {
	return slices.DeleteFunc(slices.Clone(run.Outcomes), func(o pipeline.Outcome) bool {
		return o.Verdict != pipeline.Regressed && len(took(o, pipeline.CourseWorse)) == 0
	})
}

// eventful begins with the outcomes in which a known regression took its course.
func eventful(outcomes []pipeline.Outcome) []pipeline.Outcome {
	plain := func(o pipeline.Outcome) int {
		if slices.ContainsFunc(o.Findings, func(f pipeline.Finding) bool { return f.Course != "" }) {
			return 0
		}
		return 1
	}
	return slices.SortedStableFunc(slices.Values(outcomes), func(a, b pipeline.Outcome) int { return plain(a) - plain(b) })
}

// known says of a run that made nothing worse what it found of known regressions, behind its subject: nobody shall take
// that for all clear, nor miss that something is mended. Empty without any.
func (v voice) known() string {
	still, over := standing(v.run), recovered(v.run)
	switch {
	case len(over) > 0:
		return v.mended(over) + besides(v.run)
	case len(still) == 0:
		return ""
	case better(still):
		return " passed: " + remains(still)
	case v.run.Change().Name == "":
		return " passed: nothing got " + worse(still) + "; " + remains(still)
	}
	return " passed: it made nothing " + worse(still) + "; " + remains(still)
}

// besides is what is still not in order of a run that found something better.
func besides(run pipeline.Run) string {
	still := standing(run)
	if len(still) == 0 {
		return ""
	}
	return "; " + remains(still)
}

// mended says which scenarios are in order again, and whose work that is, if it is anybody's.
func (v voice) mended(over []pipeline.Outcome) string {
	what := several(over, " is in order again", " are in order again")
	f := took(over[0], pipeline.CourseRecovered)[0]
	if v.mends(f) {
		return " passed, and resolved what " + f.Since + " found: " + what
	}
	return " passed: " + what
}

// mends tells whether the run is of something else than the run that found the regression.
func (v voice) mends(f pipeline.Finding) bool {
	return v.run.Change().Name != "" && f.Since != "" && f.SinceSubject != v.run.Subject()
}

// remains says what is still not in order, and since when: "checkout-flow is still slower, since R42".
func remains(still []pipeline.Outcome) string {
	f := took(still[0], pipeline.CourseSame, pipeline.CourseBetter)[0]
	switch {
	case better(still):
		return several(still, " is better than it was", " are better than they were") + ", and not yet in order" + since(still)
	case f.Metric == pipeline.Errors:
		return several(still, " still has", " still have") + " more errors" + since(still)
	}
	return several(still, " is", " are") + " still " + worse(still) + since(still)
}

// better tells whether nothing is as bad as it was.
func better(still []pipeline.Outcome) bool {
	return !slices.ContainsFunc(still, func(o pipeline.Outcome) bool { return len(took(o, pipeline.CourseSame)) > 0 })
}

// several names the first of some scenarios, and counts the others.
func several(outcomes []pipeline.Outcome, one, many string) string {
	switch len(outcomes) {
	case 1:
		return outcomes[0].Scenario + one
	case 2:
		return outcomes[0].Scenario + " and " + outcomes[1].Scenario + many
	}
	return outcomes[0].Scenario + others(len(outcomes)-1) + many
}

// since names the runs that found what is still there.
func since(still []pipeline.Outcome) string {
	var runs []string
	for _, o := range still {
		for _, f := range took(o, pipeline.CourseSame, pipeline.CourseBetter) {
			if f.Since != "" && !slices.Contains(runs, f.Since) {
				runs = append(runs, f.Since)
			}
		}
	}
	if len(runs) == 0 {
		return ""
	}
	return ", since " + strings.Join(runs, " and ")
}

// worse is what the outcomes are: slower, when it is about latencies.
func worse(outcomes []pipeline.Outcome) string {
	for _, o := range outcomes {
		if f := took(o, pipeline.CourseSame, pipeline.CourseBetter)[0]; f.Metric == pipeline.Errors || f.Metric == pipeline.Throughput {
			return "worse"
		}
	}
	return "slower"
}

// courses says what became of known regressions, a sentence for each course.
func (v voice) courses(o pipeline.Outcome) (said []string) {
	for _, course := range []pipeline.Course{pipeline.CourseWorse, pipeline.CourseSame, pipeline.CourseBetter, pipeline.CourseRecovered} {
		if some := took(o, course); len(some) > 0 {
			said = append(said, v.course(o.Scenario, course, some))
		}
	}
	return said
}

// course says how far some findings are from their baselines, and how far they were when their regression was found.
func (v voice) course(scenario string, course pipeline.Course, some []pipeline.Finding) string {
	f := some[0]
	switch course {
	case pipeline.CourseWorse:
		return "worse than " + finder(f) + ": " + every(scenario, some, farther) + v.blameless(f)
	case pipeline.CourseBetter:
		return "better than " + finder(f) + ", and not yet in order: " + every(scenario, some, farther)
	case pipeline.CourseRecovered:
		credit := ""
		if v.mends(f) {
			credit = ": " + v.run.Subject() + " resolved what " + f.Since + bracketed(f.SinceSubject) + " found"
		}
		return "in order again, " + every(scenario, some, back) + credit
	}
	since := ""
	if f.Since != "" {
		since = ", since " + f.Since + bracketed(f.SinceSubject)
	}
	return "still " + behind(f) + since + ": " + every(scenario, some, far)
}

// finder is who knows how bad it was.
func finder(f pipeline.Finding) string {
	if f.Since == "" {
		return "it was"
	}
	return f.Since + bracketed(f.SinceSubject) + " found it"
}

// blameless says that it is not the change that made it worse, once that is measured.
func (v voice) blameless(f pipeline.Finding) string {
	if f.Verdict != pipeline.Suspect || f.Confirmation == nil {
		return ""
	}
	return "; " + v.measurements(f.Confirmation.Legs) + " did not find this change to blame"
}

// behind is in which way a finding is worse than its baseline.
func behind(f pipeline.Finding) string {
	switch {
	case !Compared(f) && f.Gate > 0:
		return "over its gate of " + Amount(f.Metric, f.Gate)
	case f.Metric == pipeline.Errors:
		return "more errors than its baseline"
	case f.Metric == pipeline.Throughput:
		return "less throughput than its baseline"
	}
	return "slower than its baseline"
}

// every finding with a figure of it: "p95 +38 %, p99 +42 %".
func every(scenario string, some []pipeline.Finding, figure func(f pipeline.Finding) string) string {
	var parts []string
	for _, f := range some {
		parts = append(parts, label(scenario, f)+" "+figure(f))
	}
	return strings.Join(parts, ", ")
}

// latest is what the fresh measurements said of a finding, if there were any.
func latest(f pipeline.Finding) float64 {
	if f.Confirmation != nil {
		return f.Confirmation.Now
	}
	return f.Now
}

// far is how far a finding is from its baseline.
func far(f pipeline.Finding) string { return distance(f.Metric, f.Was, latest(f)) }

// farther is how far it is now, and was when its regression was found.
func farther(f pipeline.Finding) string {
	if f.Level == 0 {
		return far(f)
	}
	return far(f) + bracketed("was "+distance(f.Metric, f.Was, f.Level))
}

// back is its value now, and when its regression was found.
func back(f pipeline.Finding) string {
	if f.Level == 0 {
		return Amount(f.Metric, latest(f))
	}
	return Amount(f.Metric, latest(f)) + bracketed("was "+Amount(f.Metric, f.Level))
}

// distance of a value from the baseline's; the value itself where that says nothing.
func distance(m pipeline.Metric, was, v float64) string {
	if m == pipeline.Errors || !(was > 0) { // NaN neither
		return Amount(m, v)
	}
	return Percent(v/was - 1)
}
