package commands

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"bellwether/bot"
	"bellwether/pipeline"
)

// lookedAt are the newest runs of a series in which regressions are looked for, and shownRuns of each group are listed.
const (
	lookedAt  = 10
	shownRuns = 10
)

// regression is a run after which some scenarios were not seen in order again.
type regression struct {
	run      pipeline.Run
	outcomes []pipeline.Outcome
}

// open shows what is open of a team, or of the teams that the speaker is a member of: regressions, and what runs and waits.
func (t *turn) open(ctx context.Context) (Reply, error) {
	teams, err := t.teams()
	if err != nil {
		return Reply{}, err
	}
	environments, err := t.visible(ctx, slices.Sorted(maps.Keys(t.Catalog().Environments)), aboutTeams(teams))
	if err != nil {
		return Reply{}, err
	}
	found, err := t.regressions(ctx, teams, environments)
	if err != nil {
		return Reply{}, err
	}
	running, waiting, err := t.underWay(ctx, teams, environments)
	if err != nil {
		return Reply{}, err
	}
	m := bot.Message{Title: "Open for " + listed(teams)}
	m.Body = append(m.Body, group("Regressions", found, t.unresolved)...)
	m.Body = append(m.Body, group("Running", running, t.doing)...)
	m.Body = append(m.Body, group("Waiting", waiting, t.waits)...)
	if len(m.Body) == 0 {
		m.Title, m.Body = "", []bot.Text{bot.Plain("Nothing is open for " + listed(teams) + ".")}
	}
	for _, r := range found {
		if r.open() {
			m.Actions = append(m.Actions, bot.Action{Label: "Acknowledge " + r.run.ID, Command: "ack " + r.run.ID, Form: true})
		}
	}
	m.Actions = m.Actions[:min(len(m.Actions), mostActions)]
	return Reply{Message: m, Private: true}, nil
}

// aboutTeams is what teams do in an environment.
func aboutTeams(teams []string) func(environment string) matter {
	name := "team " + teams[0]
	if len(teams) > 1 {
		name = "the teams " + listed(teams)
	}
	return func(environment string) matter { return matter{name: name, environment: environment, teams: teams} }
}

// teams that somebody means: the one they name, those they are in, or the one whose channel they speak in.
func (t *turn) teams() ([]string, error) {
	catalog := t.Catalog()
	all := slices.Sorted(maps.Keys(catalog.Teams))
	if t.Subject != "" {
		name, err := known("team", t.Subject, all)
		return []string{name}, err
	}
	if team, ok := catalog.TeamOf(t.who.Channel); ok {
		return []string{team.Name}, nil
	}
	person, _ := catalog.PersonOf(t.who.Channel.Platform, t.who.Workspace, t.who.User)
	mine := slices.DeleteFunc(all, func(name string) bool {
		team := catalog.Teams[name]
		return person.Name == "" || !slices.Contains(team.Members, person.Name) && !slices.Contains(team.OnCall, person.Name)
	})
	if len(mine) == 0 {
		return nil, mistake("Of which team? Usage: %s", usage(t.Verb))
	}
	return mine, nil
}

// regressions in some environments that concern the teams: those that nobody looks after first, the newest first.
func (t *turn) regressions(ctx context.Context, teams, environments []string) (found []regression, err error) {
	var runs []pipeline.Run
	for _, series := range t.series(teams, environments) {
		some, err := t.Runs.Newest(ctx, series, lookedAt)
		if err != nil {
			return nil, err
		}
		runs = append(runs, some...)
	}
	for _, r := range unsettled(runs) {
		if slices.Contains(environments, r.run.Environment) && t.concerns(r, teams) {
			found = append(found, r)
		}
	}
	slices.SortStableFunc(found, func(a, b regression) int {
		if a.open() != b.open() {
			return map[bool]int{true: -1, false: 1}[a.open()]
		}
		return b.run.Submitted.Compare(a.run.Submitted)
	})
	return found, nil
}

// series in which something can be that concerns the teams: their own, and those of what others suffer from.
func (t *turn) series(teams, environments []string) (names []string) {
	for _, thing := range t.Catalog().Things() {
		if slices.Contains(teams, thing.Team) || thing.Kind == pipeline.KindStack {
			names = append(names, thing.Name)
		}
	}
	for _, environment := range environments {
		names = append(names, pipeline.Suite(environment))
	}
	slices.Sort(names)
	return slices.Compact(names) // a service and a stack may have the same
}

// concerns tells whether one of the teams brought it about, or a scenario of theirs got worse.
func (t *turn) concerns(r regression, teams []string) bool {
	concerned := []string{r.run.Team}
	if thing, ok := t.Catalog().Thing(r.run.Change().Kind, r.run.Change().Name); ok {
		concerned = []string{thing.Team} // by now
	}
	for _, o := range r.outcomes {
		concerned = append(concerned, t.Catalog().OwnersOf(o.Scenario)...)
	}
	return slices.ContainsFunc(concerned, func(team string) bool { return slices.Contains(teams, team) })
}

// unsettled are those of some runs that found something bad which no later one saw again.
func unsettled(runs []pipeline.Run) (found []regression) {
	for _, run := range runs {
		bad := slices.DeleteFunc(run.Alarming(), func(o pipeline.Outcome) bool { return run.Settled(o.Scenario, runs) })
		if run.State == pipeline.Done && len(bad) > 0 {
			found = append(found, regression{run, bad})
		}
	}
	return found
}

// open tells whether there is something that nobody looks after.
func (r regression) open() bool {
	return slices.ContainsFunc(r.outcomes, func(o pipeline.Outcome) bool {
		_, taken := r.run.Taken(o.Scenario)
		return !taken
	})
}

// underWay is what runs and what waits of the teams in some environments.
func (t *turn) underWay(ctx context.Context, teams, environments []string) (running, waiting []pipeline.Run, err error) {
	for _, environment := range environments {
		board, err := t.Runs.Board(ctx, environment)
		if err != nil {
			return nil, nil, err
		}
		if board.Held != nil {
			running = append(running, *board.Held)
		}
		running, waiting = append(running, board.Led...), append(waiting, board.Waiting...)
	}
	others := func(r pipeline.Run) bool { return !slices.Contains(teams, r.Team) }
	return slices.DeleteFunc(running, others), slices.DeleteFunc(waiting, others), nil
}

// group is a heading and a line for each of some; nothing when there are none.
func group[T any](heading string, some []T, line func(T) bot.Text) []bot.Text {
	if len(some) == 0 {
		return nil
	}
	lines := []bot.Text{{bot.Bold(heading)}}
	for i, one := range some {
		if i == shownRuns {
			return append(lines, bot.Plain(fmt.Sprintf("and %d more", len(some)-i)))
		}
		lines = append(lines, line(one))
	}
	return lines
}

func (t *turn) unresolved(r regression) bot.Text {
	line := append(bot.Text{t.name(r.run)}, bot.Span{Text: place(r.run) + ", " + listed(scenarios(r.outcomes)) + ", since "}, bot.At(r.run.Finished))
	for _, m := range r.run.Acknowledged {
		line = append(line, bot.Span{Text: "; " + m.Name + " looks after " + scopeOf(m)})
		if !m.Until.IsZero() {
			line = append(line, bot.Span{Text: " until "}, bot.At(m.Until))
		}
	}
	return line
}

// place is where a run runs, unless its subject says so.
func place(run pipeline.Run) string {
	if run.Change().Name == "" {
		return ""
	}
	return " on " + run.Environment
}

func scopeOf(m pipeline.Mark) string {
	if m.Scope == "" {
		return "it"
	}
	return m.Scope
}

func (t *turn) doing(run pipeline.Run) bot.Text {
	return bot.Text{t.name(run), {Text: place(run) + ", " + doing(run) + t.left(run)}}
}

func (t *turn) waits(run pipeline.Run) bot.Text {
	return bot.Text{t.name(run), {Text: " for " + run.Environment + ", since "}, bot.At(run.Submitted)}
}
