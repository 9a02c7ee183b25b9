package bot

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"bellwether/pipeline"
)

// shownScenarios is how many scenarios a message names before it only counts them.
const shownScenarios = 5

// root is the message that lives as long as its run: posted at intake, edited to the end.
func (v voice) root(ctx context.Context) error {
	title, mood := v.headline()
	m := Message{Title: title, Mood: mood, Body: v.origin(), Facts: v.facts(), Actions: v.actions()}
	m.Body = append(m.Body, v.marks()...)
	return v.want(ctx, "root", m)
}

// headline is the one line that a reader needs.
func (v voice) headline() (string, Mood) {
	subject := v.run.Subject()
	switch v.run.State {
	case pipeline.Waiting:
		return subject + ": " + v.waiting(), MoodWaiting
	case pipeline.Running:
		return subject + ": " + v.progress(), MoodRunning
	case pipeline.Superseded:
		return subject + " was superseded before it ran", MoodSuperseded
	case pipeline.Cancelled:
		return subject + ": the load test was cancelled", MoodCancelled
	}
	return subject + " " + v.finding(), MoodOf(v.run.Verdict)
}

func (v voice) waiting() string {
	switch {
	case !v.run.ImageBy.IsZero():
		return "a load test will start when its image arrives"
	case v.run.Position > 0:
		return fmt.Sprintf("a load test will start after %s", count(v.run.Position, "other run"))
	}
	return "a load test is starting"
}

func (v voice) progress() string {
	tested, total := len(v.run.Results), len(v.run.Selection.Scenarios)
	switch v.run.Stage {
	case pipeline.StagePrepare:
		if v.run.Change().Kind == pipeline.KindStack {
			return "applying the change"
		}
		return "deploying"
	case pipeline.StageTest:
		if tested < total {
			return fmt.Sprintf("running %s (%d of %d)", v.run.Selection.Scenarios[tested].Scenario, tested+1, total)
		}
	case pipeline.StageConfirm:
		return fmt.Sprintf("looks slower; measuring again to be sure (%s so far)", count(len(v.run.Legs), "leg"))
	}
	return "comparing with earlier runs"
}

// finding is what the verdict found, as the end of a sentence that starts with the subject.
func (v voice) finding() string {
	worst := outcomesOf(v.run, v.run.Verdict)
	switch v.run.Verdict {
	case pipeline.Regressed:
		return "is " + worse(worst) + ": " + headline(worst)
	case pipeline.Suspect:
		return "may be " + worse(worst) + ": " + headline(worst)
	case pipeline.Improved:
		return "is faster: " + headline(worst)
	case pipeline.Invalid:
		return "could not be judged: the measurement is no good"
	case pipeline.Inconclusive:
		return "could not be judged: too little was measured"
	case pipeline.Failed:
		return "could not be tested: " + v.failure()
	}
	switch {
	case len(v.run.Outcomes) == 0:
		return "is deployed; there is nothing to test"
	case v.withoutBaseline():
		return "passed; there is no baseline yet"
	}
	return "passed"
}

func (v voice) failure() string {
	if v.run.Reason != "" {
		return v.run.Reason
	}
	for _, o := range outcomesOf(v.run, pipeline.Failed) {
		return o.Scenario + ": " + o.Reason
	}
	return "see the thread"
}

func (v voice) withoutBaseline() bool {
	for _, o := range v.run.Outcomes {
		for _, f := range o.Findings {
			if f.Rule != pipeline.RuleNoBaseline {
				return false
			}
		}
	}
	return true
}

// origin says who changed what; nothing for a full run.
func (v voice) origin() []Text {
	c := v.run.Change()
	var line Text
	switch {
	case c.URL != "":
		line = Text{Link(cmp.Or(c.Title, c.URL), c.URL)}
	case c.Title != "":
		line = Plain(c.Title)
	}
	if c.Author != "" {
		line = append(line, Span{Text: " by " + c.Author})
	}
	if len(line) == 0 {
		return nil
	}
	line[0].Text = strings.TrimSpace(line[0].Text)
	return []Text{line}
}

func (v voice) facts() []Fact {
	facts := []Fact{{"Run", v.runLink()}}
	if v.run.Cause == pipeline.CauseRerun {
		facts = append(facts, Fact{"Repeats", Text{ThreadOf(v.run.Parent), {Text: ", asked for by " + v.run.By}}})
	}
	facts = append(facts, Fact{"Environment", Plain(v.run.Environment)}, Fact{"Scenarios", v.scenarios()})
	switch v.run.State {
	case pipeline.Waiting:
		if !v.run.ImageBy.IsZero() {
			facts = append(facts, Fact{"Waits until", Text{At(v.run.ImageBy)}})
		}
		facts = append(facts, Fact{"Takes", Plain(v.expected())})
	case pipeline.Running:
		facts = append(facts, Fact{"Started", Text{At(v.run.Started)}}, Fact{"Takes", Plain(v.expected())})
	case pipeline.Done, pipeline.Cancelled:
		facts = append(facts, Fact{"Finished", Text{At(v.run.Finished)}})
	}
	return facts
}

// scenarios names what runs, and the way that led there.
func (v voice) scenarios() Text {
	sel := v.run.Selection
	if len(sel.Scenarios) == 0 {
		return Plain("none: " + sel.Reason + ", and no scenario has that tag")
	}
	if sel.Full {
		return Plain(fmt.Sprintf("all %d (%s)", len(sel.Scenarios), sel.Reason))
	}
	var ways []string
	for i, s := range sel.Scenarios {
		if i == shownScenarios {
			ways = append(ways, fmt.Sprintf("%d more", len(sel.Scenarios)-i))
			break
		}
		ways = append(ways, s.String())
	}
	return Plain(strings.Join(ways, ", "))
}

func (v voice) expected() string {
	if v.run.Expected == 0 {
		return "unknown"
	}
	return "about " + roughly(v.run.Expected)
}

// marks are what people and later runs did to this one.
func (v voice) marks() []Text {
	var lines []Text
	r := v.run
	if r.State == pipeline.Superseded {
		lines = append(lines, Text{{Text: "Superseded by "}, ThreadOf(r.Successor)})
	}
	for _, id := range r.Supersedes {
		lines = append(lines, Text{{Text: "Supersedes "}, ThreadOf(id)})
	}
	for _, id := range r.Reruns {
		lines = append(lines, Text{{Text: "Repeated as "}, ThreadOf(id)})
	}
	if r.State == pipeline.Cancelled && r.Cancel != nil {
		lines = append(lines, marked("Cancelled by ", *r.Cancel))
	}
	if r.Acknowledged != nil {
		lines = append(lines, marked("Acknowledged by ", *r.Acknowledged))
	}
	if r.State == pipeline.Done && r.Verdict == pipeline.Failed && r.Restored != "" {
		lines = append(lines, Plain("The environment: "+r.Restored+"."))
	}
	return lines
}

func marked(what string, m pipeline.Mark) Text {
	t := Text{{Text: what}, Bold(m.Name), {Text: ", "}, At(m.At)}
	if m.Because != "" {
		t = append(t, Span{Text: ": " + m.Because})
	}
	return t
}

// actions are the commands that make sense for the run as it stands.
func (v voice) actions() []Action {
	id := v.run.ID
	switch {
	case v.run.State == pipeline.Superseded:
		return nil
	case !v.run.State.Final():
		return []Action{{Label: "Cancel", Command: "cancel " + id}}
	case v.run.State == pipeline.Cancelled:
		return []Action{{Label: "Rerun", Command: "rerun " + id}}
	}
	var actions []Action
	if alarming(v.run.Verdict) && v.run.Acknowledged == nil {
		actions = append(actions, Action{Label: "Acknowledge", Command: "ack " + id, Primary: true})
	}
	return append(actions, Action{Label: "Rerun", Command: "rerun " + id})
}

func alarming(verdict pipeline.Verdict) bool {
	return verdict == pipeline.Regressed || verdict == pipeline.Suspect
}

func (v voice) runLink() Text {
	if url := v.RunURL(v.run.ID); url != "" {
		return Text{Link(v.run.ID, url)}
	}
	return Plain(v.run.ID)
}
