package bot

import (
	"cmp"
	"context"
	"strings"

	"bellwether/pipeline"
)

// root is the message that lives as long as its run: posted at intake, edited to the end.
func (v voice) root(ctx context.Context) error {
	title, mood := v.headline()
	if v.run.State == pipeline.Done {
		mood = v.mood()
	}
	m := Message{Title: title, Mood: mood, Body: v.origin(), Facts: v.facts(), Actions: v.actions()}
	m.Body = append(m.Body, v.marks()...)
	return v.want(ctx, "root", m)
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
	switch {
	case c.Author != "" && len(line) > 0:
		line = append(line, Span{Text: ", by " + c.Author})
	case c.Author != "":
		line = Plain("By " + c.Author)
	}
	if len(line) == 0 {
		return nil
	}
	return []Text{line}
}

func (v voice) facts() []Fact {
	r := v.run
	facts := []Fact{{"Run", v.runLink()}}
	if r.Cause == pipeline.CauseRerun {
		facts = append(facts, Fact{"Repeats", Text{ThreadOf(r.Parent), {Text: ", asked for by " + r.By}}})
	}
	if r.Cause == pipeline.CauseFull {
		facts = append(facts, Fact{"Asked for by", Plain(r.By)})
	}
	if label := v.replaced(); label != "" {
		facts = append(facts, Fact{"Replaces", Plain(label)})
	}
	if r.Change().Name != "" { // the subject of a full run names its environment
		facts = append(facts, Fact{"Environment", v.environment()})
	}
	if r.Plan != nil && !r.Plan.Empty() {
		facts = append(facts, Fact{"Plan", Plain(planned(*r.Plan))})
	}
	facts = append(facts, Fact{"Scenarios", Plain(v.scenarios())})
	if r.Next != "" {
		facts = append(facts, Fact{"Next step", Plain(r.Next)})
	}
	return append(facts, v.times()...)
}

// replaced is what the change takes the place of; "" when it came to nothing.
func (v voice) replaced() string {
	r := v.run
	nothing := r.State.Final() && (!r.Applying || r.Restored == untouched)
	if nothing || r.Before == nil || *r.Before == r.Change().Artefact() {
		return ""
	}
	return r.Before.Label()
}

// untouched is what Run.Restored says of an environment that a failed step left as it was.
const untouched = "nothing was changed"

// environment is where it runs, and in what state a failed deploy left that.
func (v voice) environment() Text {
	parts := []string{v.run.Environment}
	if v.run.Restored != "" {
		parts = append(parts, v.run.Restored)
	}
	if v.run.Unwell != "" {
		parts = append(parts, "on hold until somebody releases it")
	}
	return Plain(strings.Join(parts, "; "))
}

func (v voice) times() []Fact {
	r := v.run
	var facts []Fact
	if r.State == pipeline.Waiting && !r.ImageBy.IsZero() {
		facts = append(facts, Fact{"Waits until", Text{At(r.ImageBy)}})
	}
	if v.asked() {
		facts = append(facts, Fact{"Waits until", Text{At(r.Approval.Expires)}})
	}
	if r.State == pipeline.Running {
		facts = append(facts, Fact{"Started", Text{At(r.Started)}})
	}
	if !r.State.Final() && r.Expected > 0 {
		facts = append(facts, Fact{"Takes", Plain("about " + Roughly(r.Expected))})
	}
	if r.State == pipeline.Done || r.State == pipeline.Cancelled {
		finished := Text{At(r.Finished)}
		if !r.Started.IsZero() {
			finished = append(finished, Span{Text: ", after " + Roughly(r.Finished.Sub(r.Started))})
		}
		facts = append(facts, Fact{"Finished", finished})
	}
	return facts
}

func (v voice) runLink() Text { return v.linkTo(v.run.ID) }
