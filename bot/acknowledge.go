package bot

import (
	"context"
	"fmt"
	"slices"

	"bellwether/pipeline"
)

// acknowledged says who looks after what, and for how long.
func acknowledged(m pipeline.Mark) Text {
	t := append(Text{{Text: "Acknowledged by "}, Bold(m.Name), {Text: ", "}, At(m.At)}, covering(m)...)
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
	if m.Scope != "" {
		t = append(t, Span{Text: ", for " + m.Scope})
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
		about := slices.DeleteFunc(slices.Clone(outcomes), func(o pipeline.Outcome) bool { return m.Scope != "" && m.Scope != o.Scenario })
		if len(about) == 0 {
			continue
		}
		if err := v.want(ctx, fmt.Sprintf("lapsed%d", i+1), v.lapse(m, team, about)); err != nil {
			return err
		}
	}
	return nil
}

// lapse says whose acknowledgement is over. Once everything that it was about is looked after again, it calls nobody.
func (v voice) lapse(m pipeline.Mark, team string, about []pipeline.Outcome) Message {
	said := Text{{Text: "It was about " + scope(m) + ", until "}, At(m.Until)}
	if m.Because != "" {
		said = append(said, Span{Text: ": " + m.Because})
	}
	message := Message{
		Title: "The acknowledgement by " + m.Name + " is over", Mood: MoodOf(v.run.Verdict), Body: []Text{said}, Actions: v.actions(),
	}
	open := func(o pipeline.Outcome) bool {
		_, taken := v.run.Taken(o.Scenario)
		return !taken
	}
	if slices.ContainsFunc(about, open) {
		message.Body = append(message.Body, v.call(team, "nobody looks after it any more; please fix it, or acknowledge it again."))
	}
	return message
}

func scope(m pipeline.Mark) string {
	if m.Scope != "" {
		return m.Scope
	}
	return "all that got worse"
}
