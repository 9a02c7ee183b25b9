package commands

import (
	"context"
	"slices"
	"strings"
	"time"

	"bellwether/bot"
	"bellwether/pipeline"
)

func (t *turn) ack(ctx context.Context) (Reply, error) {
	run, err := t.named(ctx)
	if err == nil {
		err = t.may(ctx, "ack", t.aboutRegression(run))
	}
	if err != nil {
		return Reply{}, err
	}
	mark, err := t.answering(ctx, run)
	if err != nil {
		return Reply{}, err
	}
	if own, _ := run.Taken(mark.Scope, mark.Metric); own.By == mark.By && alike(own, mark) && t.bare() {
		return Reply{}, t.taken(ctx, run, own)
	}
	if run, err = t.Marks.Acknowledge(ctx, run.ID, mark); err != nil {
		return Reply{}, err
	}
	if first, _ := run.Taken(mark.Scope, mark.Metric); !same(first, mark) { // somebody was faster
		return Reply{}, t.taken(ctx, run, first)
	}
	if err := t.Teller.Tell(ctx, run); err != nil {
		return Reply{}, err
	}
	return Reply{Message: bot.Message{Body: []bot.Text{looksAfter(run, mark)}}}, nil
}

// answering is the mark that the command wants to leave, if there is anything to leave it on.
func (t *turn) answering(ctx context.Context, run pipeline.Run) (mark pipeline.Mark, err error) {
	standing := run.Standing()
	if len(standing) == 0 {
		return mark, t.nothing(ctx, run, "")
	}
	mark = t.mark(t.Because)
	if mark.Scope, mark.Metric, err = part(t.Scope, standing); err == nil {
		mark.Until, err = t.until()
	}
	return mark, err
}

// part is what of some regressions a scope names: a scenario, a metric, or both as in "cart:p95".
func part(scope string, of []pipeline.Regression) (scenario string, metric pipeline.Metric, err error) {
	first, last, both := strings.Cut(scope, ":")
	switch {
	case scope == "":
		return "", "", nil
	case both:
		if scenario, err = known("slower scenario", first, scenariosOf(of)); err != nil {
			return "", "", err
		}
		of = slices.DeleteFunc(slices.Clone(of), func(g pipeline.Regression) bool { return g.Scenario != scenario })
		name, err := known("slower metric", last, metricsOf(of))
		return scenario, pipeline.Metric(name), err
	}
	name, err := known("slower scenario or metric", scope, slices.Concat(scenariosOf(of), metricsOf(of)))
	if err == nil && slices.Contains(scenariosOf(of), name) {
		return name, "", nil
	}
	return "", pipeline.Metric(name), err
}

// scenariosOf regressions, each once, in their order.
func scenariosOf(some []pipeline.Regression) (names []string) {
	for _, g := range some {
		if !slices.Contains(names, g.Scenario) {
			names = append(names, g.Scenario)
		}
	}
	return names
}

// metricsOf regressions, each once, in their order.
func metricsOf(some []pipeline.Regression) (names []string) {
	for _, g := range some {
		if name := string(g.Metric); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// bare tells whether nothing but the run, or the scenario, was named: that changes nothing of what was said before.
func (t *turn) bare() bool { return t.For == 0 && t.Until.IsZero() && t.Because == "" }

// morning is the hour at which a day begins for whoever names only the day.
const morning = 9

// until is when the acknowledgement ends: after a time, or on the morning of a day where the speaker is.
func (t *turn) until() (end time.Time, err error) {
	switch {
	case t.For > 0 && !t.Until.IsZero():
		return end, mistake("Say either for how long or until when. Usage: %s", usage(t.Verb))
	case t.For > 0:
		return t.Now().Add(t.For), nil
	case t.Until.IsZero():
		return end, nil
	}
	end = time.Date(t.Until.Year(), t.Until.Month(), t.Until.Day(), morning, 0, 0, 0, t.zone())
	switch {
	case !end.After(t.Now()):
		return end, mistake("%s is over. Name a later day.", t.Until.Format("2 January"))
	case end.Sub(t.Now()) > longest:
		return end, mistake("%s is too far away: at most %d days.", t.Until.Format("2 January"), int(longest.Hours()/24))
	}
	return end, nil
}

// zone the speaker is in, as far as anybody knows.
func (t *turn) zone() *time.Location {
	if person, ok := t.Catalog().PersonOf(t.who.Channel.Platform, t.who.Workspace, t.who.User); ok && person.Zone != nil {
		return person.Zone
	}
	if t.who.Zone != nil {
		return t.who.Zone
	}
	return time.UTC
}

// same tells whether two marks are one; alike, whether they are about the same.
func same(a, b pipeline.Mark) bool { return a.By == b.By && alike(a, b) && a.At.Equal(b.At) }

func alike(a, b pipeline.Mark) bool { return a.Scope == b.Scope && a.Metric == b.Metric }

// taken says who was first, and in the thread once more: whoever took that mark may have crashed before saying so.
func (t *turn) taken(ctx context.Context, run pipeline.Run, first pipeline.Mark) error {
	if err := t.Teller.Tell(ctx, run); err != nil {
		return err
	}
	switch own := first.By == t.mark("").By; {
	case own && t.Scope != "" && first.Scope == "" && first.Metric == "":
		return mistake("You look after all of %s already.", title(run))
	case own:
		return mistake("You look after %s already%s. Say until when, or because of what, to change that.", title(run), because(first.Because))
	}
	return mistake("%s was acknowledged by %s already.", title(run), first.Name)
}

func looksAfter(run pipeline.Run, m pipeline.Mark) bot.Text {
	t := bot.Text{{Text: m.Name + " looks after "}, bot.ThreadOf(run.ID), {Text: " (" + run.Subject() + ")"}}
	if m.Scope != "" {
		t = append(t, bot.Span{Text: ", scenario " + m.Scope})
	}
	if m.Metric != "" {
		t = append(t, bot.Span{Text: ", " + string(m.Metric) + " only"})
	}
	if !m.Until.IsZero() {
		t = append(t, bot.Span{Text: ", until "}, bot.At(m.Until))
	}
	return append(t, bot.Span{Text: because(m.Because)})
}

func scenarios(outcomes []pipeline.Outcome) (names []string) {
	for _, o := range outcomes {
		names = append(names, o.Scenario)
	}
	return names
}
