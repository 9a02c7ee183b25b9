package bot

import (
	"context"
	"fmt"
	"slices"

	"bellwether/pipeline"
)

// TellHold makes a hold visible in each of its channels: one root message, edited when the environment is released.
func (b *Bot) TellHold(ctx context.Context, hold pipeline.Hold) error {
	version := int64(1)
	if hold.Released != nil {
		version = 2
	}
	for _, channel := range hold.Channels {
		o := Outgoing{ID: fmt.Sprintf("%s/%s/root", hold.ID, channel), Channel: channel, Version: version, Message: b.holdMessage(hold)}
		if err := b.Outbox.Want(ctx, o, b.Now()); err != nil {
			return err
		}
	}
	return nil
}

func (b *Bot) holdMessage(hold pipeline.Hold) Message {
	m := Message{
		Title: hold.Environment + " is on hold", Mood: MoodWaiting,
		Body:    []Text{marked("Held by ", hold.By)},
		Footer:  Plain("What runs there goes on; nothing else starts until it is released."),
		Actions: []Action{{Label: "Release", Command: "release " + hold.ID, Primary: true}},
	}
	if hold.Run != "" {
		m.Title, m.Mood = hold.Environment+" is not well and on hold", MoodOf(pipeline.Failed)
		m.Facts = append(m.Facts, Fact{"Left so by", b.linkTo(hold.Run)})
		m.Footer = Plain("Nothing else starts there. Look after it, then release it.")
	}
	if !hold.Until.IsZero() {
		m.Facts = append(m.Facts, Fact{"Until", Text{At(hold.Until)}})
	}
	if hold.Released != nil {
		m.Title, m.Mood, m.Actions, m.Footer = hold.Environment+" was on hold, and is released", MoodNone, nil, nil
		m.Body = append(m.Body, released(*hold.Released))
	}
	return m
}

// released by somebody, or by time.
func released(m pipeline.Mark) Text {
	if m.By == "" {
		return Text{{Text: capital(m.Name) + ", "}, At(m.At)}
	}
	return marked("Released by ", m)
}

// tellEnvironment posts a root where an environment is looked after, when it is to blame for what became of a run.
func (b *Bot) tellEnvironment(ctx context.Context, run pipeline.Run) error {
	if run.State != pipeline.Done || run.Fault != pipeline.FaultEnvironment || run.Unwell != "" { // of which the hold tells
		return nil
	}
	for _, channel := range b.Catalog().Channels(b.Catalog().Environments[run.Environment].Team) {
		if slices.ContainsFunc(b.channels(run), channel.Same) {
			continue
		}
		v := voice{Bot: b, run: run, channel: channel}
		if err := v.want(ctx, "root", v.trouble()); err != nil {
			return err
		}
		if err := v.output(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (v voice) trouble() Message {
	known := "Nothing is known about the change."
	if v.run.Team != "" {
		known = "Nothing is known about the change; team " + v.run.Team + " was told so."
	}
	m := Message{
		Title: fmt.Sprintf("%s could not take %s", v.run.Environment, v.run.Subject()), Mood: MoodOf(pipeline.Invalid),
		Body:    []Text{Plain(capital(stopped(v.run.Reason))), Plain(known)},
		Facts:   []Fact{{"Run", v.runLink()}},
		Actions: []Action{{Label: "Rerun", Command: "rerun " + v.run.ID}},
	}
	if v.run.Next != "" {
		m.Facts = append(m.Facts, Fact{"Next step", Plain(v.run.Next)})
	}
	return m
}

// overdue is the name of the message that says so; the root says it as well.
const overdue = "overdue"

// remind says in the thread that a run waits longer than its environment wants runs to.
func (v voice) remind(ctx context.Context) error {
	if !v.run.Overdue || v.run.State != pipeline.Waiting {
		return nil
	}
	return v.want(ctx, overdue, Message{
		Title: v.run.Subject() + " still waits for " + v.run.Environment, Mood: MoodWaiting,
		Body:    []Text{{{Text: "Since "}, At(v.run.Submitted), {Text: ", which is longer than runs should wait there."}}},
		Actions: []Action{{Label: "What is it waiting for?", Command: "status " + v.run.Environment}},
	})
}

func (b *Bot) linkTo(run string) Text {
	if url := b.RunURL(run); url != "" {
		return Text{Link(run, url)}
	}
	return Plain(run)
}
