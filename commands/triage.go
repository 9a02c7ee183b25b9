package commands

import (
	"context"
	"fmt"
	"slices"

	"bellwether/bot"
	"bellwether/pipeline"
)

// Triage keeps what people say of runs.
type Triage interface {
	// Triage ends the regressions of a run, or those of the mark's scope, as people say. The first word on a scope stays until
	// Reopen; the run returned carries it.
	Triage(ctx context.Context, id string, as pipeline.Ending, m pipeline.Mark) (pipeline.Run, error)
	// Reopen takes back all that people said of a run, and returns it as it then is.
	Reopen(ctx context.Context, id string, m pipeline.Mark) (pipeline.Run, error)
}

// endings are what is said of a run, and what that means for its scenarios in its environment.
var endings = map[pipeline.Ending]struct{ said, means string }{
	pipeline.Expected:      {"accepted", "From here on it is the baseline of %s on %s, and nothing from before is."},
	pipeline.Environmental: {"put down to the environment", "The regression of %s on %s is over, and its baseline stays."},
	pipeline.Fixed:         {"called fixed", "The regression of %s on %s is over, and its baseline stays: if it is slow again, that is told as new."},
	pipeline.Invalidated:   {"called invalid", "What it measured of %s on %s is in no baseline."},
}

func (t *turn) accept(ctx context.Context) (Reply, error) { return t.settle(ctx, pipeline.Expected) }

func (t *turn) invalid(ctx context.Context) (Reply, error) {
	return t.settle(ctx, pipeline.Invalidated)
}

func (t *turn) triage(ctx context.Context) (Reply, error) {
	if t.As == "" {
		return Reply{}, mistake("As what? Usage: %s", usage("triage"))
	}
	return t.settle(ctx, t.As)
}

// settle says what a run, or a scenario of it, was.
func (t *turn) settle(ctx context.Context, as pipeline.Ending) (Reply, error) {
	run, err := t.named(ctx)
	if err == nil {
		err = t.may(ctx, "baseline", t.aboutScope(run, t.Scope))
	}
	if err != nil {
		return Reply{}, err
	}
	mark, some, err := t.settling(ctx, run, as)
	if err != nil {
		return Reply{}, err
	}
	if run, err = t.Triage.Triage(ctx, run.ID, as, mark); err != nil {
		return Reply{}, err
	}
	if first, ok := wordOn(run, mark.Scope); ok && (first.As != as || !same(*first.Mark, mark)) { // somebody was faster
		return Reply{}, t.already(ctx, run, first)
	}
	if err := t.Teller.Tell(ctx, run); err != nil {
		return Reply{}, err
	}
	return t.settled(run, as, mark, some), nil
}

// settling is the mark to leave, and the scenarios that it is about; a mistake when there is nothing to leave it on.
func (t *turn) settling(ctx context.Context, run pipeline.Run, as pipeline.Ending) (mark pipeline.Mark, some []string, err error) {
	if run.State != pipeline.Done || len(run.Outcomes) == 0 {
		return mark, nil, mistake("%s has nothing to %s: it %s.", title(run), acts[t.Verb], ended(run))
	}
	mark = t.mark(t.Because)
	if t.Scope != "" {
		if mark.Scope, err = known("scenario", t.Scope, scenarios(run.Outcomes)); err != nil {
			return mark, nil, err
		}
	}
	if first, ok := wordOn(run, mark.Scope); ok {
		return mark, nil, t.already(ctx, run, first)
	}
	if as == pipeline.Invalidated {
		some, err = countable(run, mark.Scope)
		if some = unspoken(run, some); err == nil && len(some) == 0 {
			err = t.already(ctx, run, run.Triaged[0])
		}
		return mark, some, err
	}
	if some = worse(run, mark.Scope); len(some) == 0 {
		err = t.nothing(ctx, run, mark.Scope)
	}
	return mark, some, err
}

// worse are the scenarios with a regression of the run that stands; with a scope, that one alone.
func worse(run pipeline.Run, scope string) []string {
	return scenariosOf(slices.DeleteFunc(run.Standing(), func(g pipeline.Regression) bool { return scope != "" && g.Scenario != scope }))
}

// unspoken are those scenarios of the run of which nobody has said anything.
func unspoken(run pipeline.Run, some []string) []string {
	return slices.DeleteFunc(some, func(name string) bool {
		_, said := wordOn(run, name)
		return said
	})
}

// countable are the scenarios whose results could be in a baseline; with a scope, that one alone.
func countable(run pipeline.Run, scope string) (names []string, err error) {
	for _, o := range run.Outcomes {
		if (scope == "" || o.Scenario == scope) && o.Verdict != pipeline.Invalid && o.Verdict != pipeline.Failed {
			names = append(names, o.Scenario)
		}
	}
	if len(names) == 0 {
		err = mistake("%s is in no baseline anyway: it %s.", partOf(run, scope), ended(narrowed(run, scope)))
	}
	return names, err
}

// nothing tells why nothing that got worse stands of a run, or of a scenario of it, and which other run has it if one does.
func (t *turn) nothing(ctx context.Context, run pipeline.Run, scope string) error {
	name, act := partOf(run, scope), acts[t.Verb]
	for _, g := range run.Regressions {
		within := scope == "" || g.Scenario == scope
		switch {
		case !within || g.End == nil:
		case g.End.Mark != nil:
			return t.already(ctx, run, *g.End)
		case g.End.As == pipeline.Worsened:
			return mistake("%s has nothing to %s any more: %s (%s) found it worse. Say it of that run.", name, act, g.End.Run, g.End.Subject)
		default:
			return mistake("%s has nothing to %s any more: %s (%s) found it in order.", name, act, g.End.Run, g.End.Subject)
		}
	}
	standing, err := t.Trends.Standing(ctx, run.Environment)
	if err != nil {
		return err
	}
	for _, g := range standing {
		if slices.Contains(scenarios(run.Outcomes), g.Scenario) && (scope == "" || g.Scenario == scope) && g.At.Before(run.Finished) {
			return mistake("%s has nothing to %s of its own: %s is slower since %s (%s). Say it of that run.", name, act, g.Scenario, g.Run, g.Subject)
		}
	}
	return mistake("%s has nothing to %s: it %s.", name, act, ended(narrowed(run, scope)))
}

// partOf names a run, or a scenario of it, for people: "cart of R42 (checkout 1.5.0)".
func partOf(run pipeline.Run, scope string) string {
	if scope == "" {
		return title(run)
	}
	return scope + " of " + title(run)
}

// narrowed is a run with the verdict of one of its scenarios.
func narrowed(run pipeline.Run, scope string) pipeline.Run {
	if i := slices.IndexFunc(run.Outcomes, func(o pipeline.Outcome) bool { return o.Scenario == scope }); i >= 0 {
		run.Verdict = run.Outcomes[i].Verdict
	}
	return run
}

// wordOn is what people said of a scenario of the run, or of all of it.
func wordOn(run pipeline.Run, scope string) (pipeline.End, bool) {
	for _, about := range []string{scope, ""} {
		if i := slices.IndexFunc(run.Triaged, func(e pipeline.End) bool { return e.Mark.Scope == about }); i >= 0 {
			return run.Triaged[i], true
		}
	}
	return pipeline.End{}, false
}

// already says who was first, and in the thread once more: whoever said it may have crashed before telling so.
func (t *turn) already(ctx context.Context, run pipeline.Run, first pipeline.End) error {
	if err := t.Teller.Tell(ctx, run); err != nil {
		return err
	}
	return mistake("%s was %s by %s already. To say something else, take that back first: reopen %s",
		partOf(run, first.Mark.Scope), endings[first.As].said, first.Mark.Name, run.ID)
}

// settled says what was said, what that means, and how to take it back.
func (t *turn) settled(run pipeline.Run, as pipeline.Ending, m pipeline.Mark, some []string) Reply {
	line := bot.Text{bot.ThreadOf(run.ID), {Text: " (" + run.Subject() + ")"}}
	if m.Scope != "" {
		line = append(line, bot.Span{Text: ", scenario " + m.Scope + ","})
	}
	line = append(line, bot.Span{Text: " was " + endings[as].said + " by " + m.Name + because(m.Because)})
	means := fmt.Sprintf(endings[as].means, listed(some), run.Environment)
	return Reply{Message: bot.Message{Body: []bot.Text{line, undo(means, "reopen "+run.ID)}}}
}

// undo is what something means, and what to say to take it back.
func undo(means, command string) bot.Text {
	return bot.Text{{Text: means + " To take that back: "}, bot.Code(command)}
}

// reopen takes back all that people said of a run.
func (t *turn) reopen(ctx context.Context) (Reply, error) {
	run, err := t.named(ctx)
	if err == nil {
		err = t.may(ctx, "baseline", t.aboutScope(run, ""))
	}
	if err == nil && len(run.Triaged) == 0 {
		err = mistake("%s has nothing to take back: nobody has said what it was.", title(run))
	}
	if err != nil {
		return Reply{}, err
	}
	before := run.Triaged
	if run, err = t.Triage.Reopen(ctx, run.ID, t.mark(t.Because)); err != nil {
		return Reply{}, err
	}
	if err := t.Teller.Tell(ctx, run); err != nil {
		return Reply{}, err
	}
	m := bot.Message{Body: []bot.Text{{{Text: t.who.Name + " reopened "}, bot.ThreadOf(run.ID), {Text: " (" + run.Subject() + ")" + because(t.Because)}}}}
	for _, e := range before {
		m.Body = append(m.Body, bot.Plain("Taken back: "+partOf(run, e.Mark.Scope)+" was "+endings[e.As].said+" by "+e.Mark.Name+because(e.Mark.Because)))
	}
	return Reply{Message: m}, nil
}
