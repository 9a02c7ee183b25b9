package commands

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"bellwether/bot"
	"bellwether/pipeline"
)

// Pins make runs baselines.
type Pins interface {
	// Pin makes a run the baseline of some scenarios; an empty run takes that back.
	Pin(ctx context.Context, environment string, scenarios []string, run string, m pipeline.Mark) error
	Pinned(ctx context.Context, environment string) (map[string]pipeline.Pin, error) // by scenario
}

func (t *turn) pin(ctx context.Context) (Reply, error) {
	run, err := t.named(ctx)
	if err == nil {
		err = t.may(ctx, "baseline", t.aboutScope(run, t.Scope))
	}
	if err != nil {
		return Reply{}, err
	}
	some, err := t.pinnable(run)
	if err != nil {
		return Reply{}, err
	}
	pins, err := t.Pins.Pinned(ctx, run.Environment)
	if err != nil {
		return Reply{}, err
	}
	first := pins[some[0]].Mark.Name
	some = slices.DeleteFunc(some, func(s string) bool { return pins[s].Run == run.ID })
	if len(some) == 0 {
		return Reply{}, mistake("%s is pinned already, by %s.", partOf(run, t.Scope), first)
	}
	if err := t.Pins.Pin(ctx, run.Environment, some, run.ID, t.mark("")); err != nil {
		return Reply{}, err
	}
	m := bot.Message{Body: []bot.Text{{{Text: t.who.Name + " pinned "}, bot.ThreadOf(run.ID), {Text: " (" + run.Subject() + ")"}}}}
	for _, line := range t.byPolicy(some, pins) {
		m.Body = append(m.Body, bot.Plain(fmt.Sprintf("On %s %s judged against it alone, and not against %s.", run.Environment, areOrIs(line.scenarios), line.policy)))
	}
	m.Body = append(m.Body, undo("It stays so until somebody unpins it.", "unpin "+run.ID))
	return Reply{Message: m}, nil
}

// pinnable are those scenarios of a run that were asked for and that others can be judged against.
func (t *turn) pinnable(run pipeline.Run) (some []string, err error) {
	if run.State != pipeline.Done || len(run.Outcomes) == 0 {
		return nil, mistake("%s is no baseline: it %s.", title(run), ended(run))
	}
	scope := ""
	if t.Scope != "" {
		if scope, err = known("scenario", t.Scope, scenarios(run.Outcomes)); err != nil {
			return nil, err
		}
	}
	if word, ok := wordOn(run, scope); ok && word.As == pipeline.Invalidated {
		return nil, mistake("%s was called invalid by %s. To pin it nevertheless, take that back first: reopen %s", partOf(run, scope), word.Mark.Name, run.ID)
	}
	return countable(run, scope)
}

// unpin takes back what was pinned: a run, or whatever a scenario is pinned to.
func (t *turn) unpin(ctx context.Context) (Reply, error) {
	environment, pins, err := t.pinned(ctx)
	if err != nil {
		return Reply{}, err
	}
	some := slices.Sorted(maps.Keys(pins))
	t.run = pins[some[0]].Run
	about, err := t.aboutPins(ctx, environment, pins)
	if err == nil {
		err = t.may(ctx, "baseline", about)
	}
	if err == nil {
		err = t.Pins.Pin(ctx, environment, some, "", t.mark(""))
	}
	if err != nil {
		return Reply{}, err
	}
	m := bot.Message{Body: []bot.Text{{{Text: t.who.Name + " unpinned "}, bot.ThreadOf(t.run)}}}
	for _, line := range t.byPolicy(some, nil) {
		m.Body = append(m.Body, bot.Plain(fmt.Sprintf("On %s %s judged against %s again.", environment, areOrIs(line.scenarios), line.policy)))
	}
	return Reply{Message: m}, nil
}

// pinned are the pins that somebody means, by scenario, and where they are: those to a run, or that of a scenario.
func (t *turn) pinned(ctx context.Context) (environment string, pins map[string]pipeline.Pin, err error) {
	if t.Subject != "" && !numbered(t.Subject, "R") {
		return t.pinnedScenario(ctx)
	}
	if t.Subject == "" && t.who.Run == "" {
		return "", nil, mistake("Which run or scenario? Usage: %s", usage(t.Verb))
	}
	run, err := t.meant(ctx)
	if err != nil {
		return "", nil, err
	}
	pins, err = t.Pins.Pinned(ctx, run.Environment)
	maps.DeleteFunc(pins, func(_ string, p pipeline.Pin) bool { return p.Run != run.ID })
	switch {
	case err != nil:
		return "", nil, err
	case t.On != "" && !strings.EqualFold(t.On, run.Environment):
		return "", nil, mistake("%s ran on %s, and is pinned nowhere else.", title(run), run.Environment)
	case len(pins) == 0:
		return "", nil, mistake("%s is not pinned.", title(run))
	}
	return run.Environment, pins, nil
}

// pinnedScenario is the pin of the scenario that somebody names, in the environment that they name or the only one that has it.
func (t *turn) pinnedScenario(ctx context.Context) (environment string, pins map[string]pipeline.Pin, err error) {
	environments := slices.Sorted(maps.Keys(t.Catalog().Environments))
	if t.On != "" {
		if environment, err = t.environment(t.On); err != nil {
			return "", nil, err
		}
		environments = []string{environment}
	}
	all, names := map[string]map[string]pipeline.Pin{}, slices.Sorted(maps.Keys(t.Catalog().Scenarios))
	for _, e := range environments {
		if all[e], err = t.Pins.Pinned(ctx, e); err != nil {
			return "", nil, err
		}
		names = append(names, slices.Sorted(maps.Keys(all[e]))...) // also those that the catalog has no more
	}
	slices.Sort(names)
	scenario, err := known("scenario", t.Subject, slices.Compact(names))
	if err != nil {
		return "", nil, err
	}
	where := slices.DeleteFunc(environments, func(e string) bool { return all[e][scenario].Run == "" })
	switch {
	case len(where) == 0:
		return "", nil, mistake("%s is not pinned%s.", scenario, on(t.On))
	case len(where) > 1:
		return "", nil, mistake("%s is pinned on %s. Say which: unpin %s on %s", scenario, listed(where), scenario, where[0])
	}
	return where[0], map[string]pipeline.Pin{scenario: all[where[0]][scenario]}, nil
}

func on(environment string) string {
	if environment == "" {
		return ""
	}
	return " on " + environment
}

// aboutPins concerns those who could have pinned that run. Of one that is forgotten it concerns whose services the scenarios test.
func (t *turn) aboutPins(ctx context.Context, environment string, pins map[string]pipeline.Pin) (matter, error) {
	m := matter{name: t.run, environment: environment}
	for scenario := range pins {
		m.teams = append(m.teams, t.Catalog().OwnersOf(scenario)...)
	}
	run, err := t.Runs.Load(ctx, t.run)
	switch {
	case errors.Is(err, bot.ErrNotFound):
		return m, nil
	case err == nil && run.Team != "":
		m.teams = append(m.teams, run.Team)
	}
	return m, err
}

// judgedBy are scenarios that are judged against the same, in words.
type judgedBy struct {
	policy    string
	scenarios []string
}

// byPolicy sorts scenarios by what they are judged against as long as nothing else is pinned than those pins.
func (t *turn) byPolicy(names []string, pins map[string]pipeline.Pin) (lines []judgedBy) {
	for _, name := range names {
		policy := policyOf(t.Catalog().Scenarios[name].Baseline)
		if pin, ok := pins[name]; ok {
			policy = fmt.Sprintf("%s, which %s pinned", pin.Run, pin.Mark.Name)
		}
		i := slices.IndexFunc(lines, func(l judgedBy) bool { return l.policy == policy })
		if i < 0 {
			i, lines = len(lines), append(lines, judgedBy{policy: policy})
		}
		lines[i].scenarios = append(lines[i].scenarios, name)
	}
	return lines
}

func policyOf(p pipeline.Policy) string {
	switch {
	case p.Pinned != "":
		return p.Pinned + ", which the catalog pins"
	case p.Previous:
		return "the release before"
	case p.Last > 0:
		return fmt.Sprintf("the last %d results", p.Last)
	}
	return "the last 10 results"
}

func areOrIs(names []string) string {
	if len(names) == 1 {
		return names[0] + " is"
	}
	return listed(names) + " are"
}
