package bot

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"bellwether/pipeline"
)

// acknowledged says who looks after what, and for how long.
func acknowledged(m pipeline.Mark) Text {
	return remark("Acknowledged by ", m)
}

// remark is what somebody said of the run, or of a part of it.
func remark(what string, m pipeline.Mark) Text {
	t := append(Text{{Text: what}, Bold(m.Name), {Text: ", "}, At(m.At)}, covering(m)...)
	if m.Because != "" {
		t = append(t, Span{Text: ": " + m.Because})
	}
	return t
}

// lapsed says that the time of an acknowledgement is over.
func lapsed(m pipeline.Mark) Text {
	return append(Text{{Text: "No longer acknowledged by "}, Bold(m.Name)}, covering(m)...)
}

// covering is what an acknowledgement is about, and until when.
func covering(m pipeline.Mark) Text {
	var t Text
	if m.Scope != "" || m.Metric != "" {
		t = append(t, Span{Text: ", for " + scope(m)})
	}
	if !m.Until.IsZero() {
		t = append(t, Span{Text: ", until "}, At(m.Until))
	}
	return t
}

// lapses calls the team once for each acknowledgement that ran out, where it was about an outcome that concerns the team. An
// edit of the root would reach nobody.
func (v voice) lapses(ctx context.Context, team string, outcomes []pipeline.Outcome) error {
	for i, m := range v.run.Lapsed {
		if len(concerned(m, outcomes)) == 0 {
			continue
		}
		if err := v.want(ctx, fmt.Sprintf("lapsed%d", i+1), v.lapse(m, team)); err != nil {
			return err
		}
	}
	return nil
}

// lapse says whose acknowledgement is over. Once everything that it was about is looked after again, it calls nobody.
func (v voice) lapse(m pipeline.Mark, team string) Message {
	said := Text{{Text: "It was about " + scope(m) + ", until "}, At(m.Until)}
	if m.Because != "" {
		said = append(said, Span{Text: ": " + m.Because})
	}
	message := Message{
		Title: "The acknowledgement by " + m.Name + " is over", Mood: v.mood(), Body: []Text{said}, Actions: v.actions(),
	}
	if slices.ContainsFunc(v.run.Open(), m.Covers) {
		message.Body = append(message.Body, v.call(team, "nobody looks after it any more; please fix it, or acknowledge it again."))
	}
	return message
}

// scope names what a mark is about.
func scope(m pipeline.Mark) string {
	switch {
	case m.Scope != "" && m.Metric != "":
		return string(m.Metric) + " of " + m.Scope
	case m.Metric != "":
		return string(m.Metric)
	case m.Scope != "":
		return m.Scope
	}
	return "all that got worse"
}

// reminders ask, before an acknowledgement ends, whoever left it what is to become of it: once for each that concerns the team.
func (v voice) reminders(ctx context.Context, outcomes []pipeline.Outcome) error {
	for i, m := range v.run.Reminded {
		if len(concerned(m, outcomes)) == 0 {
			continue
		}
		if err := v.want(ctx, fmt.Sprintf("reminded%d", i+1), v.reminder(m)); err != nil {
			return err
		}
	}
	return nil
}

func (v voice) reminder(m pipeline.Mark) Message {
	actions := v.actions()
	if len(v.run.Open()) == 0 && len(v.run.Standing()) > 0 {
		again := Action{Label: "Acknowledge again", Command: "ack " + v.run.ID, Primary: true, Form: true}
		actions = append([]Action{again}, actions...)
	}
	ends := Text{caller(m), {Text: " your acknowledgement of " + scope(m) + " ends "}, At(m.Until), {Text: ": please fix it, or acknowledge it again."}}
	return Message{Title: "An acknowledgement ends soon", Body: []Text{ends}, Actions: actions}
}

// caller mentions whoever left a mark, on the platform where they did.
func caller(m pipeline.Mark) Span {
	who := Mention{Name: m.Name}
	switch platform, user, _ := strings.Cut(m.By, ":"); platform {
	case "slack":
		who.Slack = "/" + user // it is not known of which workspace
	case "teams":
		who.Teams = user
	case "web":
		who.Web = user
	}
	return Span{Text: "@" + m.Name, Person: &who}
}

// concerned are those of some outcomes that an acknowledgement is about.
func concerned(m pipeline.Mark, outcomes []pipeline.Outcome) []pipeline.Outcome {
	return slices.DeleteFunc(slices.Clone(outcomes), func(o pipeline.Outcome) bool { return m.Scope != "" && m.Scope != o.Scenario })
}
