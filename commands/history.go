package commands

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"bellwether/bot"
	"bellwether/pipeline"
)

// Trends knows how scenarios fared.
type Trends interface {
	// Trend are the runs that are over and measured a scenario in an environment since then, oldest first.
	Trend(ctx context.Context, environment, scenario string, since time.Time) ([]pipeline.Run, error)
	// Standing are the regressions of an environment that nothing ended yet.
	Standing(ctx context.Context, environment string) ([]pipeline.Regression, error)
}

const (
	usualPeriod = 30 * 24 * time.Hour // that a history shows when none is named
	shownTrends = 20                  // in a table
	shownLines  = 5                   // about a scenario
)

// scope is what somebody wants the history of.
type scope struct {
	name      string
	thing     pipeline.Thing // zero for a scenario
	scenarios []string
	teams     []string
}

// history shows how a scenario fared from run to run, or the one that moved most of those that test a service.
func (t *turn) history(ctx context.Context) (Reply, error) {
	t.For = cmp.Or(t.For, usualPeriod)
	s, environment, err := t.past(ctx)
	if err != nil {
		return Reply{}, err
	}
	if err := t.may(ctx, "status", matter{name: s.name, environment: environment, teams: s.teams}); err != nil {
		return Reply{}, err
	}
	trends, err := t.trends(ctx, environment, s.scenarios)
	if err != nil {
		return Reply{}, err
	}
	if len(trends) == 0 {
		return private(fmt.Sprintf("%s was not tested on %s in the last %s.", s.name, environment, bot.Roughly(t.For))), nil
	}
	return t.charted(ctx, s.name, environment, trends)
}

// past is what the words, or the thread they are said in, are about, and where.
func (t *turn) past(ctx context.Context) (s scope, environment string, err error) {
	if t.Subject == "" && t.who.Run != "" {
		run, err := t.meant(ctx)
		if err != nil {
			return s, "", err
		}
		t.Subject, environment = run.Change().Name, run.Environment
	}
	if t.Subject == "" {
		return s, "", mistake("Of which scenario or service? Usage: %s", usage(t.Verb))
	}
	if s, err = t.scope(t.Subject); err != nil {
		return s, "", err
	}
	if t.On == "" && environment == "" && len(s.thing.Environments) == 1 {
		environment = s.thing.Environments[0]
	}
	if t.On != "" || environment == "" {
		environment, err = t.environment(t.On)
	}
	return s, environment, err
}

// scope is the scenario, or the service or stack, of that name.
func (t *turn) scope(name string) (scope, error) {
	catalog := t.Catalog()
	scenarios := slices.Sorted(maps.Keys(catalog.Scenarios))
	name, err := known("scenario, service or stack", name, append(scenarios, catalog.Names()...))
	if err != nil {
		return scope{}, err
	}
	if _, ok := catalog.Scenarios[name]; ok {
		return scope{name: name, scenarios: []string{name}, teams: catalog.OwnersOf(name)}, nil
	}
	for _, thing := range catalog.Things() {
		if thing.Name == name {
			selected := catalog.Select(pipeline.Change{Kind: thing.Kind, Name: name}).Names()
			return scope{name: name, thing: thing, scenarios: selected, teams: []string{thing.Team}}, nil
		}
	}
	return scope{}, fmt.Errorf("the catalog names %s and does not have it", name)
}

// trends of those scenarios that were tested, the one that moved most first.
func (t *turn) trends(ctx context.Context, environment string, scenarios []string) (trends []trend, err error) {
	standing, err := t.Trends.Standing(ctx, environment)
	if err != nil {
		return nil, err
	}
	for _, name := range scenarios {
		runs, err := t.Trends.Trend(ctx, environment, name, t.Now().Add(-t.For))
		if err != nil {
			return nil, err
		}
		if tr := newTrend(t.Catalog().Scenarios[name], t.For, runs, standing); len(tr.runs) > 0 {
			trends = append(trends, tr)
		}
	}
	slices.SortStableFunc(trends, func(a, b trend) int {
		return cmp.Compare(math.Abs(math.Log1p(b.moved())), math.Abs(math.Log1p(a.moved())))
	})
	return trends, nil
}

// charted is the reply: the picture of the first trend, what it means, and a table when there are several.
func (t *turn) charted(ctx context.Context, name, environment string, trends []trend) (Reply, error) {
	first := trends[0]
	chart := first.picture(environment)
	png, err := chart.PNG()
	if err != nil {
		return Reply{}, fmt.Errorf("draw the history of %s: %w", first.scenario, err)
	}
	sum := sha256.Sum256(png)
	key := "history/" + hex.EncodeToString(sum[:16])
	if err := t.Pictures.KeepPicture(ctx, key, png); err != nil {
		return Reply{}, err
	}
	m := bot.Message{
		Title: first.finding(), Body: t.explained(first),
		Picture: &bot.Picture{Key: key, Name: first.scenario + ".png", Alt: chart.Alt()},
	}
	if len(trends) > 1 {
		m.Table = compared(trends[:min(len(trends), shownTrends)])
		m.Body = append([]bot.Text{bot.Plain(moving(name, environment, trends))}, m.Body...)
	}
	if len(first.changes) > 0 {
		m.Footer = bot.Plain("A level changes where the runs before and after differ as a whole; a verdict is about one run.")
	}
	return Reply{Message: m, Private: true, Picture: png}, nil
}

// moving says how many scenarios there are, and which one the picture shows.
func moving(name, environment string, trends []trend) string {
	say := fmt.Sprintf("%d scenarios test %s on %s; %s moved most.", len(trends), name, environment, trends[0].scenario)
	if math.Abs(trends[0].moved()) < steady {
		say = fmt.Sprintf("%d scenarios test %s on %s, and none of them moved.", len(trends), name, environment)
	}
	if more := len(trends) - shownTrends; more > 0 {
		say += fmt.Sprintf(" Not shown: %d that moved less.", more)
	}
	return say
}

// compared are the trends in short.
func compared(trends []trend) *bot.Table {
	number := func(v float64) string {
		if v == 0 {
			return "–"
		}
		return strings.TrimSuffix(bot.Amount(pipeline.P95, v), " ms")
	}
	table := &bot.Table{Head: []string{"p95 ms", "was", "now", "change", "open since"}}
	for _, tr := range trends {
		was, now := tr.levels()
		change, since := bot.Percent(tr.moved()), ""
		if was == 0 {
			change = "–"
		}
		if len(tr.standing) > 0 {
			since = tr.standing[0].Since
		}
		table.Rows = append(table.Rows, []string{tr.scenario, number(was), number(now), change, since})
	}
	return table
}

// explained are the lines below the title: a drift that nobody was told of, where the level changed, what is still open, and
// what was left out.
func (t *turn) explained(tr trend) (lines []bot.Text) {
	rise, since := tr.crept()
	if rise > 0 {
		lines = append(lines, bot.Text{{Text: fmt.Sprintf("p95 crept up %.0f %% since ", rise*100)}, t.name(since), {Text: ", and no single release was called for it."}})
	}
	changes := tr.changes
	if more := len(changes) - shownLines; more > 0 {
		lines = append(lines, bot.Plain(fmt.Sprintf("The level changed %d times; the latest %d:", len(changes), shownLines)))
		changes = changes[more:]
	}
	for _, c := range changes {
		line := bot.Text{{Text: bot.Percent(c.After/c.Before-1) + " from "}, t.name(tr.runs[c.Index]), {Text: " on: " + fromTo(c.Before, c.After)}}
		if rise == 0 && c.After > c.Before && len(tr.called(c)) == 0 {
			line = append(line, bot.Span{Text: "; no release was called"})
		}
		lines = append(lines, line)
	}
	lines = append(lines, t.standing(tr)...)
	if left := len(tr.values) - len(tr.measured()); left > 0 {
		lines = append(lines, bot.Plain(fmt.Sprintf("Left out: %d of %d runs, which are invalid or measured too little.", left, len(tr.runs))))
	}
	return lines
}

// standing are the regressions of the scenario that are not over, those of the whole scenario before those of its targets.
func (t *turn) standing(tr trend) (lines []bot.Text) {
	for i, g := range tr.standing {
		if i == shownLines {
			return append(lines, bot.Plain(fmt.Sprintf("and %d more", len(tr.standing)-i)))
		}
		what := string(g.Metric)
		if target, ok := strings.CutPrefix(g.Group, g.Scenario+"/"); ok {
			what = target + " " + what
		}
		state := "Open"
		if g.Doubtful {
			state = "Suspected"
		}
		if what += " " + bot.Amount(g.Metric, g.Level); g.Was > 0 {
			what += ", was " + bot.Amount(g.Metric, g.Was)
		}
		if m, taken := tr.taken(g); taken {
			what += "; " + m.Name + " looks after it"
		}
		lines = append(lines, bot.Text{{Text: state + " since "}, t.linked(g), {Text: ": " + what}})
	}
	return lines
}

// linked is the run that found a regression first, as a link to its page.
func (t *turn) linked(g pipeline.Regression) bot.Span {
	if url := t.RunURL(g.Since); url != "" {
		return bot.Link(g.Since, url)
	}
	return bot.Span{Text: g.Since}
}

func fromTo(was, now float64) string {
	return bot.Amount(pipeline.P95, now) + ", was " + bot.Amount(pipeline.P95, was)
}
