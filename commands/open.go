package commands

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"bellwether/bot"
	"bellwether/pipeline"
)

// lookedAt are the newest runs of a thing in which regressions are looked for, and shownRuns of each group are listed.
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
	if err := t.may(ctx, "status", aboutTeams(teams)); err != nil {
		return Reply{}, err
	}
	found, err := t.regressions(ctx, teams)
	if err != nil {
		return Reply{}, err
	}
	running, waiting, err := t.underWay(ctx, teams)
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

func aboutTeams(teams []string) matter {
	if len(teams) == 1 {
		return aboutTeam(teams[0])
	}
	return matter{name: "teams " + listed(teams), teams: teams}
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

// regressions that concern the teams: those that nobody looks after first, the newest first.
func (t *turn) regressions(ctx context.Context, teams []string) (found []regression, err error) {
	for _, thing := range t.Catalog().Things() {
		own := slices.Contains(teams, thing.Team)
		if !own && thing.Kind != pipeline.KindStack { // whose changes others suffer from
			continue
		}
		runs, err := t.Runs.Newest(ctx, thing.Name, lookedAt)
		if err != nil {
			return nil, err
		}
		for _, r := range unsettled(runs) {
			if r.run.Change().Kind == thing.Kind && (own || t.concerns(r, teams)) {
				found = append(found, r)
			}
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

// concerns tells whether a scenario of one of the teams got worse.
func (t *turn) concerns(r regression, teams []string) bool {
	return slices.ContainsFunc(r.outcomes, func(o pipeline.Outcome) bool {
		owners := t.Catalog().OwnersOf(o.Scenario)
		return slices.ContainsFunc(owners, func(owner string) bool { return slices.Contains(teams, owner) })
	})
}

// unsettled are the newest things known of each scenario in each environment, as far as they are bad. The runs are those of one
// service or stack, newest first.
func unsettled(runs []pipeline.Run) (found []regression) {
	settled := map[[2]string]bool{}
	for _, run := range runs {
		r := regression{run: run}
		for _, o := range run.Outcomes {
			place := [2]string{run.Environment, o.Scenario}
			bad := slices.ContainsFunc(run.Alarming(), func(a pipeline.Outcome) bool { return a.Scenario == o.Scenario })
			told := bad || o.Verdict == pipeline.Pass || o.Verdict == pipeline.Improved // others could not tell
			if run.State != pipeline.Done || !told || settled[place] {
				continue
			}
			settled[place] = true
			if bad {
				r.outcomes = append(r.outcomes, o)
			}
		}
		if len(r.outcomes) > 0 {
			found = append(found, r)
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

// underWay is what runs and what waits of the teams.
func (t *turn) underWay(ctx context.Context, teams []string) (running, waiting []pipeline.Run, err error) {
	for _, environment := range slices.Sorted(maps.Keys(t.Catalog().Environments)) {
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
	line := append(bot.Text{t.name(r.run)}, bot.Span{Text: " on " + r.run.Environment + ", " + listed(scenarios(r.outcomes)) + ", since "}, bot.At(r.run.Finished))
	for _, m := range r.run.Acknowledged {
		line = append(line, bot.Span{Text: "; " + m.Name + " looks after " + scopeOf(m)})
		if !m.Until.IsZero() {
			line = append(line, bot.Span{Text: " until "}, bot.At(m.Until))
		}
	}
	return line
}

func scopeOf(m pipeline.Mark) string {
	if m.Scope == "" {
		return "it"
	}
	return m.Scope
}

func (t *turn) doing(run pipeline.Run) bot.Text {
	return bot.Text{t.name(run), {Text: " on " + run.Environment + ", " + doing(run) + t.left(run)}}
}

func (t *turn) waits(run pipeline.Run) bot.Text {
	return bot.Text{t.name(run), {Text: " for " + run.Environment + ", since "}, bot.At(run.Submitted)}
}
