package commands

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"bellwether/bot"
	"bellwether/internal/suggest"
	"bellwether/pipeline"
)

// shownWaiting is how many waiting runs of an environment are listed before they are only counted.
const shownWaiting = 10

// mostActions fit under a message on every platform.
const mostActions = 5

// status shows what every environment is busy with, or one of them.
func (t *turn) status(ctx context.Context) (Reply, error) {
	names, err := t.shown(ctx)
	if err != nil {
		return Reply{}, err
	}
	m := bot.Message{Title: "What runs and what waits"}
	for _, name := range names {
		board, err := t.Runs.Board(ctx, name)
		if err != nil {
			return Reply{}, err
		}
		m.Body = append(append(m.Body, t.held(board)), onHold(board)...)
		m.Actions = append(m.Actions, remedies(board)...)
		m.Body = append(m.Body, t.waiting(board.Waiting)...)
	}
	m.Actions = m.Actions[:min(len(m.Actions), mostActions)]
	return Reply{Message: m, Private: true}, nil
}

// shown are the environments that the speaker asks for and may look at.
func (t *turn) shown(ctx context.Context) ([]string, error) {
	names := slices.Sorted(maps.Keys(t.Catalog().Environments))
	if t.Subject != "" {
		name, err := t.environment(t.Subject)
		if err != nil {
			return nil, err
		}
		names = []string{name}
	}
	return t.visible(ctx, names, t.aboutEnvironment)
}

func onHold(b pipeline.Board) []bot.Text {
	if b.Hold == nil {
		return nil
	}
	line := bot.Text{{Text: "on hold since "}, bot.At(b.Hold.By.At), {Text: " by " + b.Hold.By.Name + because(b.Hold.By.Because)}}
	if !b.Hold.Until.IsZero() {
		line = append(line, bot.Span{Text: "; until "}, bot.At(b.Hold.Until))
	}
	return []bot.Text{line}
}

// remedies are what can be done about an environment that keeps others waiting.
func remedies(b pipeline.Board) (actions []bot.Action) {
	if b.Hold != nil {
		actions = append(actions, bot.Action{Label: "Release " + b.Environment, Command: "release " + b.Environment, Primary: true})
	}
	if b.Held != nil && b.Held.Cancel == nil {
		actions = append(actions, bot.Action{Label: "Cancel " + b.Held.ID, Command: "cancel " + b.Held.ID})
	}
	return actions
}

func (d *Desk) held(b pipeline.Board) bot.Text {
	line := bot.Text{bot.Bold(b.Environment)}
	if b.Held == nil {
		return append(line, bot.Span{Text: ": free"})
	}
	line = append(line, bot.Span{Text: ": "}, d.name(*b.Held), bot.Span{Text: ", " + doing(*b.Held)})
	with := ", together with "
	for _, run := range b.Led {
		line = append(line, bot.Span{Text: with}, d.name(run))
		with = ", "
	}
	if !b.Held.Started.IsZero() {
		line = append(line, bot.Span{Text: ", since "}, bot.At(b.Held.Started))
	}
	return append(line, bot.Span{Text: d.left(*b.Held)})
}

func (d *Desk) waiting(runs []pipeline.Run) []bot.Text {
	var lines []bot.Text
	for i, run := range runs {
		if i == shownWaiting {
			return append(lines, bot.Plain(fmt.Sprintf("and %d more", len(runs)-i)))
		}
		line := bot.Text{{Text: fmt.Sprintf("%d. ", i+1)}, d.name(run), {Text: ", waiting since "}, bot.At(run.Submitted)}
		if !run.ImageBy.IsZero() {
			line = append(line, bot.Span{Text: ", for its image until "}, bot.At(run.ImageBy))
		}
		if _, decided := bot.Decision(run); run.Approval != nil && decided == nil {
			line = append(line, bot.Span{Text: ", for an approval until "}, bot.At(run.Approval.Expires))
		}
		lines = append(lines, line)
	}
	return lines
}

// name is the run as a link to its page.
func (d *Desk) name(run pipeline.Run) bot.Span {
	text := title(run)
	if url := d.RunURL(run.ID); url != "" {
		return bot.Link(text, url)
	}
	return bot.Span{Text: text}
}

// left is how long the run still takes, as far as past runs tell.
func (d *Desk) left(run pipeline.Run) string {
	left := run.Expected - d.Now().Sub(run.Started)
	switch {
	case left <= 0:
		return ""
	case left < time.Second:
		return ", " + bot.Roughly(left) + " left"
	}
	return ", about " + bot.Roughly(left) + " left"
}

func doing(run pipeline.Run) string {
	return map[pipeline.Stage]string{
		"": "starting", pipeline.StagePrepare: "deploying", pipeline.StageTest: "under load", pipeline.StageJudge: "comparing",
		pipeline.StageConfirm: "confirming", pipeline.StageApart: "taking it back, to test it apart", pipeline.StageReport: "reporting",
	}[run.Stage]
}

// ended says how a run ended, as the end of a sentence.
func ended(run pipeline.Run) string {
	switch {
	case !run.State.Final():
		return "is still " + string(run.State)
	case run.State != pipeline.Done:
		return "was " + string(run.State)
	}
	switch run.Verdict {
	case pipeline.Pass:
		return "passed"
	case pipeline.Improved, pipeline.Regressed, pipeline.Failed:
		return string(run.Verdict)
	}
	return "is " + string(run.Verdict)
}

// title names a run for people: "R42 (checkout 1.5.0)".
func title(run pipeline.Run) string { return run.ID + " (" + run.Subject() + ")" }

func said(spans ...bot.Span) Reply { return Reply{Message: bot.Message{Body: []bot.Text{spans}}} }

func private(text string) Reply {
	return Reply{Message: bot.Message{Body: []bot.Text{bot.Plain(text)}}, Private: true}
}

// known is the name as it is written in the catalog; people need not mind its case.
func known(what, name string, names []string) (string, error) {
	i := slices.IndexFunc(names, func(n string) bool { return strings.EqualFold(n, name) })
	if i >= 0 {
		return names[i], nil
	}
	if near := suggest.Nearest(name, names); near != "" {
		return "", mistake("There is no %s %q. Did you mean %q?", what, short(name), near)
	}
	return "", mistake("There is no %s %q. There are: %s.", what, short(name), strings.Join(names, ", "))
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return ", because " + reason
}
