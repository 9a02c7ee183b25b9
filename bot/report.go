package bot

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"bellwether/pipeline"
)

// shownCharts is how many charts a thread gets at most: those of the worst scenarios.
const shownCharts = 5

// report is what a finished run leaves in its thread: one table, a chart for each scenario that matters, and a mention when,
// and only when, something regressed.
func (v voice) report(ctx context.Context) error {
	if v.run.Verdict == pipeline.Failed && v.run.Output != "" {
		if err := v.want(ctx, "output", v.outputMessage()); err != nil {
			return err
		}
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
	if v.run.Verdict == pipeline.Regressed {
		return v.want(ctx, "mention", v.mentionMessage())
	}
	return nil
}

func (v voice) outputMessage() Message {
	var body []Text
	for line := range strings.Lines(v.run.Output) {
		body = append(body, Text{Code(strings.TrimRight(line, "\n"))})
	}
	return Message{Title: "The last lines of its output", Mood: MoodOf(pipeline.Failed), Body: body}
}

func (v voice) resultsMessage() Message {
	m := Message{Title: "Results", Mood: MoodOf(v.run.Verdict), Table: v.table()}
	m.Body = append(m.Body, v.reasons()...)
	m.Footer = v.comparedWith()
	return m
}

// table has the scenarios that matter, worst first: was, now, the band, the previous release.
func (v voice) table() *Table {
	t := &Table{Head: []string{"", "now", "was", "band", "previous"}}
	shown := v.mattering()
	for _, o := range shown {
		t.Rows = append(t.Rows, []string{o.Scenario, word(o.Verdict), "", "", ""})
		for _, f := range o.Findings {
			t.Rows = append(t.Rows, findingRow(o.Scenario, f))
		}
	}
	if rest := len(v.run.Outcomes) - len(shown); rest > 0 {
		t.Rows = append(t.Rows, []string{fmt.Sprintf("and %d more: pass", rest), "", "", "", ""})
	}
	return t
}

func findingRow(scenario string, f pipeline.Finding) []string {
	name := "  " + strings.TrimPrefix(strings.TrimPrefix(f.Group, scenario), "/")
	name = strings.TrimRight(name, " ") + " " + string(f.Metric)
	if f.Group == scenario {
		name = "  " + string(f.Metric)
	}
	now := amount(f.Metric, f.Now)
	if alarming(f.Verdict) {
		now = "! " + now
	}
	if f.Rule == pipeline.RuleNoBaseline {
		return []string{name, now, "–", "–", "–"}
	}
	return []string{name, now, amount(f.Metric, f.Was) + change(f), span(f.Metric, f.BandLow, f.BandHigh), amount(f.Metric, f.Previous)}
}

// reasons are the sentences that explain each outcome.
func (v voice) reasons() []Text {
	var lines []Text
	if v.run.Reason != "" {
		lines = append(lines, Plain(v.run.Reason))
	}
	for _, o := range v.mattering() {
		if o.Reason != "" {
			lines = append(lines, Text{Bold(o.Scenario), {Text: ": " + o.Reason}})
		}
		for _, f := range o.Findings {
			if s := explain(f); s != "" {
				lines = append(lines, Text{Bold(f.Group + " " + string(f.Metric)), {Text: ": " + s}})
			}
		}
	}
	return lines
}

// comparedWith names the baseline and what this run could have seen.
func (v voice) comparedWith() Text {
	for _, o := range v.mattering() {
		if len(o.Baseline) == 0 {
			continue
		}
		t := Plain("Compared with ")
		for i, id := range o.Baseline {
			if i > 0 {
				t = append(t, Span{Text: ", "})
			}
			t = append(t, ThreadOf(id))
		}
		if mde := sensitivity(o); mde > 0 {
			t = append(t, Span{Text: fmt.Sprintf(". This run could have seen a p95 %s.", percent(mde))})
		}
		return t
	}
	return nil
}

func sensitivity(o pipeline.Outcome) float64 {
	for _, f := range o.Findings {
		if f.Group == o.Scenario && f.Metric == pipeline.P95 {
			return f.MDE
		}
	}
	return 0
}

// mattering are the outcomes worth a picture: everything that is no pass, worst first; the first one when all passed.
func (v voice) mattering() []pipeline.Outcome {
	var shown []pipeline.Outcome
	for _, verdict := range []pipeline.Verdict{pipeline.Failed, pipeline.Invalid, pipeline.Regressed, pipeline.Suspect, pipeline.Inconclusive, pipeline.Improved, pipeline.Pass} {
		for _, o := range outcomesOf(v.run, verdict) {
			if len(shown) < shownCharts && (verdict != pipeline.Pass || len(shown) == 0) {
				shown = append(shown, o)
			}
		}
	}
	return shown
}

// chart posts the picture of an outcome, drawn once.
func (v voice) chart(ctx context.Context, o pipeline.Outcome) error {
	if o.Verdict == pipeline.Failed {
		return nil
	}
	record, err := v.Records.Record(ctx, o.Result)
	if errors.Is(err, ErrNotFound) {
		return nil // expired; it was posted long ago
	}
	if err != nil {
		return fmt.Errorf("chart of %s: %w", o.Scenario, err)
	}
	picture := Chart(v.run, o, record, v.Catalog().Scenarios[o.Scenario].Gates)
	p := &Picture{Key: o.Result, Name: o.Scenario + ".png", Alt: picture.Alt()}
	if err := v.draw(ctx, p.Key, picture); err != nil {
		return err
	}
	return v.want(ctx, "chart/"+o.Scenario, Message{Title: picture.Title, Mood: MoodOf(o.Verdict), Picture: p})
}

func (v voice) draw(ctx context.Context, key string, picture interface{ PNG() ([]byte, error) }) error {
	if _, err := v.Pictures.Picture(ctx, key); !errors.Is(err, ErrNotFound) {
		return err
	}
	png, err := picture.PNG()
	if err != nil {
		return fmt.Errorf("draw %s: %w", key, err)
	}
	return v.Pictures.KeepPicture(ctx, key, png)
}

func (v voice) mentionMessage() Message {
	regressed := outcomesOf(v.run, pipeline.Regressed)
	return Message{
		Title:   "Regression: " + headline(regressed),
		Mood:    MoodOf(pipeline.Regressed),
		Body:    []Text{v.mention(v.run.Team, "please look: fix it, roll it back, or acknowledge it")},
		Actions: v.actions(),
	}
}

// mention calls who is on call in the team; the team's name where nobody is.
func (v voice) mention(team, request string) Text {
	if person, ok := v.Catalog().OnCall(team); ok {
		return Text{Call(person), {Text: " " + request + "."}}
	}
	return Plain("Nobody is on call in " + team + ": " + request + ".")
}

// Headline is the one line that says how a run stands, and its mood.
func Headline(run pipeline.Run) (string, Mood) { return voice{run: run}.headline() }

// Rows are an outcome's findings as cells of text: metric, now, was, band, previous.
func Rows(o pipeline.Outcome) [][]string {
	var rows [][]string
	for _, f := range o.Findings {
		rows = append(rows, findingRow(o.Scenario, f))
	}
	return rows
}
