package commands

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"bellwether/bot"
	"bellwether/pipeline"
)

// shownRuns of each group are listed.
const shownRuns = 10

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
	for _, run := range found {
		if len(run.Open()) > 0 {
			m.Actions = append(m.Actions, bot.Action{Label: "Acknowledge " + run.ID, Command: "ack " + run.ID, Form: true})
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

// regressions are the runs that have some that stand and concern the teams, in some environments: those with one that nobody
// looks after first, the newest first.
func (t *turn) regressions(ctx context.Context, teams, environments []string) (found []pipeline.Run, err error) {
	for _, environment := range environments {
		standing, err := t.Trends.Standing(ctx, environment)
		if err != nil {
			return nil, err
		}
		for _, id := range runsOf(standing) {
			run, err := t.Runs.Load(ctx, id)
			if err != nil && !errors.Is(err, bot.ErrNotFound) { // forgotten since
				return nil, err
			}
			if err == nil && t.concerns(run, teams) {
				found = append(found, run)
			}
		}
	}
	slices.SortStableFunc(found, func(a, b pipeline.Run) int {
		if open := len(a.Open()) > 0; open != (len(b.Open()) > 0) {
			return map[bool]int{true: -1, false: 1}[open]
		}
		return b.Submitted.Compare(a.Submitted)
	})
	return found, nil
}

// runsOf regressions, each once, in their order.
func runsOf(some []pipeline.Regression) (ids []string) {
	for _, g := range some {
		if !slices.Contains(ids, g.Run) {
			ids = append(ids, g.Run)
		}
	}
	return ids
}

// concerns tells whether one of the teams brought about what stands of a run, or a scenario of theirs got worse.
func (t *turn) concerns(run pipeline.Run, teams []string) bool {
	concerned := []string{run.Team}
	if thing, ok := t.Catalog().Thing(run.Change().Kind, run.Change().Name); ok {
		concerned = []string{thing.Team} // by now
	}
	for _, g := range run.Standing() {
		concerned = append(concerned, t.Catalog().OwnersOf(g.Scenario)...)
	}
	return slices.ContainsFunc(concerned, func(team string) bool { return slices.Contains(teams, team) })
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

// unresolved is what stands of a run, and who looks after which part of it.
func (t *turn) unresolved(run pipeline.Run) bot.Text {
	standing := run.Standing()
	line := bot.Text{t.name(run), {Text: place(run) + ", " + listed(worst(standing)) + ", since "}, bot.At(run.Finished)}
	if earlier := standing[0].Since; earlier != run.ID {
		line = append(line, bot.Span{Text: ", slow since " + earlier})
	}
	for _, m := range run.Acknowledged {
		if !slices.ContainsFunc(standing, m.Covers) {
			continue
		}
		line = append(line, bot.Span{Text: "; " + m.Name + " looks after " + scopeOf(m)})
		if !m.Until.IsZero() {
			line = append(line, bot.Span{Text: " until "}, bot.At(m.Until))
		}
	}
	return line
}

// worst are the scenarios of some regressions; those of which nothing is certain are called suspected.
func worst(some []pipeline.Regression) (names []string) {
	for _, name := range scenariosOf(some) {
		certain := func(g pipeline.Regression) bool { return g.Scenario == name && !g.Doubtful }
		if !slices.ContainsFunc(some, certain) {
			name += " (suspected)"
		}
		names = append(names, name)
	}
	return names
}

// place is where a run runs, unless its subject says so.
func place(run pipeline.Run) string {
	if run.Change().Name == "" {
		return ""
	}
	return " on " + run.Environment
}

// scopeOf a mark, in words: "it", "cart", "p95", "cart p95".
func scopeOf(m pipeline.Mark) string {
	return cmp.Or(strings.TrimSpace(m.Scope+" "+string(m.Metric)), "it")
}

func (t *turn) doing(run pipeline.Run) bot.Text {
	return bot.Text{t.name(run), {Text: place(run) + ", " + doing(run) + t.left(run)}}
}

func (t *turn) waits(run pipeline.Run) bot.Text {
	return bot.Text{t.name(run), {Text: " for " + run.Environment + ", since "}, bot.At(run.Submitted)}
}
