package bot

import (
	"cmp"
	"fmt"
	"slices"

	"bellwether/pipeline"
)

// Headline is the one line that says how a run stands, and its mood.
func Headline(run pipeline.Run) (string, Mood) { return voice{run: run}.headline() }

// headline is the one line that a reader needs.
func (v voice) headline() (string, Mood) {
	subject := v.run.Subject()
	if v.run.Change().Name == "" {
		subject = capital(subject)
	}
	switch v.run.State {
	case pipeline.Waiting:
		return subject + ": " + v.waiting(), MoodWaiting
	case pipeline.Running:
		return subject + v.progress(), MoodRunning
	case pipeline.Superseded:
		return subject + " was superseded before it ran", MoodSuperseded
	case pipeline.Cancelled:
		return subject + ": " + cmp.Or(v.run.Reason, "the load test was cancelled"), MoodCancelled
	}
	return subject + v.finding() + v.since(), MoodOf(v.run.Verdict)
}

func (v voice) waiting() string {
	what := "the load test"
	if len(v.run.Selection.Scenarios) == 0 {
		what = "its deployment"
	}
	if v.run.Change().Kind == pipeline.KindStack && v.run.Plan == nil {
		what = "the apply"
	}
	decision, _ := Decision(v.run)
	switch {
	case decision == "rejected":
		return "the plan was rejected"
	case decision == "approved":
		return "the plan is approved and will be applied when " + v.run.Environment + " is free"
	case v.run.Approval != nil:
		return "the plan waits for approval"
	case v.run.Leader != "":
		return what + " starts, together with others"
	case v.run.Hold != nil:
		return what + " waits, because " + v.run.Environment + " is on hold"
	case !v.run.ImageBy.IsZero():
		return what + " starts when its image arrives"
	case v.run.Position > 0 && v.run.Round == 0:
		return what + " starts after " + count(v.run.Position, "other run")
	case v.run.Round > 0, v.run.Overdue:
		return what + " waits for its turn"
	}
	return what + " is starting"
}

// progress is what a run is doing, put behind its subject.
func (v voice) progress() string {
	tested, total := len(v.run.Results), len(v.run.Selection.Scenarios)
	switch stage := v.run.Stage; {
	case v.run.Cancel != nil:
		return ": stopping"
	case stage == pipeline.StagePrepare:
		return ": " + v.preparing()
	case stage == pipeline.StageTest && tested < total:
		return ": testing " + v.run.Selection.Scenarios[tested].Scenario + v.position(tested+1, total)
	case stage == pipeline.StageConfirm:
		return fmt.Sprintf("%s; measuring again to be sure (%d done)", v.claim(pipeline.Suspect), len(v.run.Legs))
	}
	if v.run.Stage == pipeline.StageApart {
		return ": will be tested apart from the others"
	}
	return ": comparing with earlier runs"
}

func (v voice) preparing() string {
	switch kind := v.run.Change().Kind; {
	case kind == pipeline.KindService:
		return "deploying"
	case kind == pipeline.KindStack && !v.run.Applying:
		return "planning"
	case kind == pipeline.KindStack:
		return "applying the change"
	}
	return "starting"
}

// position of n among several.
func (v voice) position(n, total int) string {
	if total == 1 {
		return ""
	}
	return fmt.Sprintf(" (%d of %d)", n, total)
}

// finding is what the verdict found, put behind the subject.
func (v voice) finding() string {
	worst := outcomesOf(v.run, v.run.Verdict)
	switch v.run.Verdict {
	case pipeline.Regressed, pipeline.Suspect:
		return v.claim(v.run.Verdict)
	case pipeline.Improved:
		return v.claim(v.run.Verdict) + besides(v.run)
	case pipeline.Invalid:
		if v.run.Reason != "" {
			return " could not be tested: " + v.run.Reason
		}
		return " could not be judged: the measurement is not valid" + v.part(worst)
	case pipeline.Inconclusive:
		return " could not be judged: too little was measured" + v.part(worst)
	case pipeline.Failed:
		return v.failed(worst)
	}
	if known := v.known(); known != "" {
		return known
	}
	return " " + v.passed()
}

// claim is what the outcomes of a verdict mean for the subject, if it is the subject that they are about.
func (v voice) claim(verdict pipeline.Verdict) string {
	outcomes := outcomesOf(v.run, verdict)
	f, _ := gravest(outcomes)
	blameless := f.Verdict == pipeline.Suspect && f.Course == pipeline.CourseWorse
	if v.run.Change().Kind == pipeline.KindService && !blameless {
		return " " + claim(outcomes)
	}
	return ": " + effect(outcomes)
}

// part names the scenarios of a verdict that is not everybody's.
func (v voice) part(outcomes []pipeline.Outcome) string {
	if len(outcomes) == 0 || len(v.run.Outcomes) == 1 {
		return ""
	}
	return " in " + outcomes[0].Scenario + others(len(outcomes)-1)
}

func (v voice) failed(outcomes []pipeline.Outcome) string {
	switch {
	case v.run.Stopped != "":
		return " failed under load: " + v.run.Stopped
	case v.run.Reason != "":
		return " could not be tested: " + v.run.Reason
	case len(outcomes) == 0:
		return " could not be tested"
	}
	broken := outcomes[0].Scenario + others(len(outcomes)-1) + " failed"
	if len(outcomes) < len(v.run.Outcomes) {
		return " was tested only in part: " + broken
	}
	return " could not be tested: " + broken
}

func (v voice) passed() string {
	switch n := len(v.run.Outcomes); {
	case n == 0:
		return v.untested()
	case n == 2:
		return "passed in both scenarios" + v.withoutBaseline()
	case n > 2:
		return fmt.Sprintf("passed in all %d scenarios", n) + v.withoutBaseline()
	}
	f, ok := telling(v.run.Outcomes[0])
	switch {
	case ok && Compared(f):
		return fmt.Sprintf("passed: %s %s, was %s", f.Metric, Amount(f.Metric, f.Now), Amount(f.Metric, f.Was))
	case ok:
		return "passed: " + breath(f) + v.withoutBaseline()
	}
	return "passed"
}

// untested says that the change is in, and that this is all.
func (v voice) untested() string {
	switch {
	case v.run.Plan != nil && v.run.Plan.Empty():
		return "changes nothing: the plan is empty, and there is nothing to test"
	case v.run.Plan != nil && len(v.run.Plan.Resources) == 0:
		return "is applied: " + planned(*v.run.Plan) + "; there is nothing to test"
	case v.run.Change().Kind == pipeline.KindStack:
		return "is applied; there is nothing to test"
	}
	return "is deployed; there is nothing to test"
}

// withoutBaseline says when nothing at all could be compared.
func (v voice) withoutBaseline() string {
	for _, o := range v.run.Outcomes {
		if slices.ContainsFunc(o.Findings, Compared) {
			return ""
		}
	}
	return "; there is no baseline yet"
}
