package commands

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"bellwether/bot"
	"bellwether/pipeline"
)

// compare shows what two runs measured, side by side. It is a look at numbers, and no verdict.
func (t *turn) compare(ctx context.Context) (Reply, error) {
	run, err := t.compared(ctx)
	if err != nil {
		return Reply{}, err
	}
	other, err := t.other(ctx, run)
	if err != nil {
		return Reply{}, err
	}
	table, left := bot.SideBySide(run, other)
	m := bot.Message{
		Title: run.ID + " beside " + other.ID, Table: table, Facts: []bot.Fact{{Name: run.ID, Value: t.about(run)}, {Name: other.ID, Value: t.about(other)}},
		Footer: bot.Plain("This is what was measured, and no verdict: that needs more than two runs. · pp: percentage points"),
	}
	for _, line := range differences(run, other) {
		m.Body = append(m.Body, bot.Plain(line))
	}
	if left > 0 {
		m.Body = append(m.Body, bot.Plain(fmt.Sprintf("Not shown: %d more scenarios, whose p95 moved less.", left)))
	}
	return Reply{Message: m, Private: true}, nil
}

// compared is the run that somebody wants to compare.
func (t *turn) compared(ctx context.Context) (pipeline.Run, error) {
	run, err := t.named(ctx)
	if err == nil {
		err = t.may(ctx, "status", aboutRun(run))
	}
	if err == nil && !judged(run) {
		err = mistake("%s has no numbers to compare: it %s.", title(run), ended(run))
	}
	return run, err
}

// other is the run to compare with: the one that was named, or the newest earlier one.
func (t *turn) other(ctx context.Context, run pipeline.Run) (pipeline.Run, error) {
	if t.With == "" {
		return t.before(ctx, run)
	}
	other, err := t.find(ctx, t.With)
	if err == nil {
		err = t.may(ctx, "status", aboutRun(other))
	}
	switch {
	case err != nil:
		return other, err
	case other.ID == run.ID:
		return other, mistake("%s is the same run. Name another one.", title(run))
	case !judged(other):
		return other, mistake("%s has no numbers to compare with: it %s.", title(other), ended(other))
	}
	return other, nil
}

// lookedThrough are the newest runs of a thing that are looked at to find some.
const lookedThrough = 50

func (t *turn) before(ctx context.Context, run pipeline.Run) (pipeline.Run, error) {
	others, err := t.others(ctx, run)
	if err != nil {
		return pipeline.Run{}, err
	}
	for _, other := range others {
		if other.Submitted.Before(run.Submitted) {
			return other, nil
		}
	}
	return pipeline.Run{}, mistake("There is no earlier run of the same on %s. Name one: compare %s with RUN.", run.Environment, run.ID)
}

// others are the judged runs of the same thing in the same environment, newest first.
func (t *turn) others(ctx context.Context, run pipeline.Run) ([]pipeline.Run, error) {
	runs, err := t.Runs.Newest(ctx, run.Series(), lookedThrough)
	return slices.DeleteFunc(runs, func(r pipeline.Run) bool {
		return r.ID == run.ID || r.Environment != run.Environment || r.Change().Kind != run.Change().Kind || !judged(r)
	}), err
}

// judged tells whether there are numbers of a run.
func judged(run pipeline.Run) bool {
	return run.State == pipeline.Done && slices.ContainsFunc(run.Outcomes, measured)
}

func measured(o pipeline.Outcome) bool { return len(o.Findings) > 0 }

// about says in a line which run that was.
func (t *turn) about(run pipeline.Run) bot.Text {
	line := bot.Text{{Text: run.Subject() + ", "}, {Text: ended(run) + ", "}, bot.At(run.Finished)}
	if url := t.RunURL(run.ID); url != "" {
		line[0] = bot.Link(run.Subject(), url)
		line[1].Text = ", " + line[1].Text
	}
	return line
}

// differences are what makes the numbers of two runs say little about each other.
func differences(a, b pipeline.Run) (lines []string) {
	if a.Environment != b.Environment {
		lines = append(lines, fmt.Sprintf("They ran in different environments: %s on %s, %s on %s.", a.ID, a.Environment, b.ID, b.Environment))
	}
	for _, pair := range [][2]pipeline.Run{{a, b}, {b, a}} {
		if only := lacking(pair[0], pair[1]); len(only) > 0 {
			lines = append(lines, fmt.Sprintf("Measured in %s only: %s.", pair[0].ID, listed(only)))
		}
	}
	if changed := otherLoad(a, b); len(changed) > 0 {
		lines = append(lines, fmt.Sprintf("The load or the requests were not the same in: %s.", listed(changed)))
	}
	return lines
}

// lacking are the scenarios with numbers that another run does not have.
func lacking(run, other pipeline.Run) (names []string) {
	for _, o := range run.Outcomes {
		has := func(p pipeline.Outcome) bool { return p.Scenario == o.Scenario && measured(p) }
		if measured(o) && !slices.ContainsFunc(other.Outcomes, has) {
			names = append(names, o.Scenario)
		}
	}
	return names
}

// otherLoad are the scenarios that were changed between two runs.
func otherLoad(a, b pipeline.Run) (names []string) {
	for _, r := range a.Results {
		changed := func(q pipeline.Result) bool { return q.Scenario == r.Scenario && q.Hash != r.Hash }
		if slices.ContainsFunc(b.Results, changed) {
			names = append(names, r.Scenario)
		}
	}
	return names
}

// inShort is a run in a list to choose from: "R40, checkout 1.4.0, passed, 21 Nov".
func inShort(run pipeline.Run) string {
	return strings.Join([]string{run.ID, run.Subject(), ended(run), run.Finished.UTC().Format("2 Jan")}, ", ")
}
