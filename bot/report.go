package bot

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"bellwether/pipeline"
)

// shownOutcomes is how many scenarios a report has in its table, and how many charts a thread gets: the worst ones.
const shownOutcomes = 5

// report is what a finished run leaves in its thread: one table, a chart for each scenario that matters, and a mention when,
// and only when, something got worse.
func (v voice) report(ctx context.Context) error {
	if err := v.output(ctx); err != nil {
		return err
	}
	if len(v.run.Outcomes) == 0 {
		return nil
	}
	if err := v.want(ctx, "results", v.resultsMessage()); err != nil {
		return err
	}
	for _, o := range v.mattering() {
		if err := v.chart(ctx, o); err != nil {
			return err
		}
	}
	if len(worsened(v.run)) > 0 {
		if err := v.want(ctx, "mention", v.mentionMessage()); err != nil {
			return err
		}
	}
	found := slices.DeleteFunc(slices.Clone(v.run.Outcomes), func(o pipeline.Outcome) bool { return !alarming(o.Verdict) })
	return v.later(ctx, v.run.Team, found)
}

// later is what came of what the run found: acknowledgements that end, regressions that end or get worse.
func (v voice) later(ctx context.Context, team string, found []pipeline.Outcome) error {
	if err := v.reminders(ctx, found); err != nil {
		return err
	}
	if err := v.lapses(ctx, team, found); err != nil {
		return err
	}
	return v.aftermath(ctx)
}

// output is what the step that broke printed.
func (v voice) output(ctx context.Context) error {
	if v.run.Verdict != pipeline.Failed && v.run.Verdict != pipeline.Invalid || v.run.Output == "" {
		return nil
	}
	return v.want(ctx, "output", v.outputMessage())
}

func (v voice) outputMessage() Message {
	var body []Text
	for line := range strings.Lines(v.run.Output) {
		if line = strings.TrimSpace(line); line != "" {
			body = append(body, Text{Code(line)})
		}
	}
	return Message{Title: "The last lines of its output", Mood: MoodOf(pipeline.Failed), Body: body}
}

func (v voice) resultsMessage() Message {
	shown, rest := v.shown()
	return Message{
		Title: "Results", Mood: MoodOf(v.run.Verdict), Body: append(v.reasons(shown, rest), v.reproducer(shown)...), Facts: append(comparedWith(shown), alsoChanged(shown)...),
		Table: table(shown), Footer: v.legend(shown), Actions: v.comparisons(),
	}
}

// comparisons are for runs that have numbers.
func (v voice) comparisons() []Action {
	if !slices.ContainsFunc(v.run.Outcomes, func(o pipeline.Outcome) bool { return len(o.Findings) > 0 }) {
		return nil
	}
	return []Action{{Label: "Compare with…", Command: "compare " + v.run.ID, Form: true}}
}

// shown are the outcomes that a report tells of, worst first, and those it only counts.
func (v voice) shown() (shown, rest []pipeline.Outcome) {
	order := []pipeline.Verdict{
		pipeline.Failed, pipeline.Invalid, pipeline.Regressed, pipeline.Suspect, pipeline.Inconclusive, pipeline.Improved, pipeline.Pass,
	}
	for _, verdict := range order {
		shown = append(shown, eventful(outcomesOf(v.run, verdict))...)
	}
	n := min(len(shown), shownOutcomes)
	return shown[:n], shown[n:]
}

// mattering are the outcomes worth a picture: everything that is no pass; the first one when all passed.
func (v voice) mattering() []pipeline.Outcome {
	shown, _ := v.shown()
	passed := slices.IndexFunc(shown, func(o pipeline.Outcome) bool { return o.Verdict == pipeline.Pass })
	if passed < 0 {
		return shown
	}
	return shown[:max(1, passed)]
}

// reasons explain the outcomes; those that share an explanation share a line.
func (v voice) reasons(shown, rest []pipeline.Outcome) []Text {
	var lines []Text
	if v.run.Reason != "" {
		lines = append(lines, Plain(capital(stopped(v.run.Reason))))
	}
	var said, names []string
	for _, o := range shown {
		s := strings.Join(Explain(v.run, o), " ")
		if i := slices.Index(said, s); i >= 0 {
			names[i] += ", " + o.Scenario
		} else if s != "" {
			said, names = append(said, s), append(names, o.Scenario)
		}
	}
	for i, s := range said {
		if len(v.run.Outcomes) == 1 {
			lines = append(lines, Plain(s))
			continue
		}
		lines = append(lines, Text{Bold(names[i]), {Text: ": " + s}})
	}
	if len(rest) > 0 {
		lines = append(lines, Plain("Not shown: "+tally(rest)+"."))
	}
	return lines
}

// tally counts outcomes by verdict: "2 regressed, 3 passed". They are in the order of their verdicts.
func tally(outcomes []pipeline.Outcome) string {
	var counts []string
	for len(outcomes) > 0 {
		n := slices.IndexFunc(outcomes, func(o pipeline.Outcome) bool { return o.Verdict != outcomes[0].Verdict })
		if n < 0 {
			n = len(outcomes)
		}
		counts = append(counts, fmt.Sprintf("%d %s", n, word(outcomes[0].Verdict)))
		outcomes = outcomes[n:]
	}
	return strings.Join(counts, ", ")
}

// comparedWith names the runs of each baseline, and its scenarios where there are several baselines.
func comparedWith(shown []pipeline.Outcome) []Fact {
	var baselines [][]string
	scenarios := map[string][]string{}
	for _, o := range shown {
		key := strings.Join(o.Baseline, " ")
		if len(o.Baseline) == 0 || !slices.ContainsFunc(o.Findings, Compared) {
			continue
		}
		if scenarios[key] == nil {
			baselines = append(baselines, o.Baseline)
		}
		scenarios[key] = append(scenarios[key], o.Scenario)
	}
	var facts []Fact
	for _, runs := range baselines {
		value := listed(runs)
		if len(baselines) > 1 {
			value = append(value, Span{Text: " for " + strings.Join(scenarios[strings.Join(runs, " ")], ", ")})
		}
		facts = append(facts, Fact{"Compared with", value})
	}
	return facts
}

// alsoChanged names what other than the tested is new since the baselines.
func alsoChanged(shown []pipeline.Outcome) []Fact {
	var changed []string
	for _, o := range shown {
		changed = append(changed, o.AlsoChanged...)
	}
	slices.Sort(changed)
	if changed = slices.Compact(changed); len(changed) == 0 {
		return nil
	}
	return []Fact{{"Also changed since", Plain(strings.Join(changed, ", "))}}
}

// listed names runs, of many the newest three and the oldest.
func listed(runs []string) Text {
	const newest = 3
	var t Text
	for i, id := range runs {
		switch {
		case i == 0:
		case len(runs) > newest+1 && i == len(runs)-1:
			t = append(t, Span{Text: " … "})
		case len(runs) > newest+1 && i >= newest:
			continue
		default:
			t = append(t, Span{Text: ", "})
		}
		t = append(t, ThreadOf(id))
	}
	if len(runs) > newest+1 {
		t = append(t, Span{Text: fmt.Sprintf(" (%d runs)", len(runs))})
	}
	return t
}

// legend explains the table, and says what this run could have seen.
func (v voice) legend(shown []pipeline.Outcome) Text {
	var worse, known, past bool
	var mde float64
	for _, o := range shown {
		for _, f := range o.Findings {
			worse, known = worse || alarming(f.Verdict), known || warning(f) == "~ "
			past = past || Compared(f)
			if f.Group == o.Scenario && f.Metric == pipeline.P95 {
				mde = max(mde, f.MDE)
			}
		}
	}
	var parts []string
	if worse {
		parts = append(parts, "! worse, or over its gate")
	}
	if known {
		parts = append(parts, "~ worse, as it was before")
	}
	if past {
		parts = append(parts, "band: where 19 of 20 unchanged runs land; of errors, the range of those runs", "prev: "+v.previous())
	}
	if mde > 0 {
		parts = append(parts, fmt.Sprintf("a p95 rise of %s %% would likely be noticed", trimmed(math.Round(mde*100))))
	}
	if len(parts) == 0 {
		return nil
	}
	return Plain(strings.Join(parts, " · "))
}

func (v voice) mentionMessage() Message {
	title := "Regression"
	if v.run.Verdict != pipeline.Regressed {
		title = "Worse than known"
	}
	if f, ok := gravest(worsened(v.run)); ok {
		title += ": " + change(f) + " in " + f.Group
	}
	return Message{Title: title, Mood: v.mood(), Body: []Text{v.mention(v.run.Team)}, Actions: v.actions()}
}

// mention calls who is on call in the team.
func (v voice) mention(team string) Text {
	switch {
	case fate(v.run) == "" && v.run.Verdict != pipeline.Regressed:
		return v.call(team, "please look into it, or acknowledge it.")
	case fate(v.run) != "":
		return v.called(team)
	case len(v.run.Open()) == 0:
		return v.call(team, "please fix it or roll it back.")
	}
	return v.call(team, "please fix it, roll it back or acknowledge it.")
}

// called is what is left of a call once there is nothing more to do: it names whom it called, and calls nobody.
func (v voice) called(team string) Text {
	if person, ok := v.Catalog().OnCall(team); ok {
		return Plain(Call(person).Text + " was called; nothing is left to do.")
	}
	return Plain("Nothing is left to do.")
}

// call asks who is on call in the team, or else whoever reads it.
func (v voice) call(team, request string) Text {
	if person, ok := v.Catalog().OnCall(team); ok {
		return Text{Call(person), {Text: " " + request}}
	}
	if team == "" {
		return Plain(capital(request))
	}
	return Plain("Nobody is on call in team " + team + ": " + request)
}
