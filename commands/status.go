package commands

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"bellwether/bot"
	"bellwether/internal/suggest"
	"bellwether/pipeline"
)

// shownWaiting is how many waiting runs of an environment are listed before they are only counted.
const shownWaiting = 10

// status shows what every environment is busy with, or one of them.
func (d *Desk) status(ctx context.Context, c Command) (Reply, error) {
	names := []string{c.Subject}
	if c.Subject == "" {
		names = names[:0]
		for name := range d.Catalog().Environments {
			names = append(names, name)
		}
		slices.Sort(names)
	} else if _, err := d.environment(c.Subject); err != nil {
		return Reply{}, err
	}
	m := bot.Message{Title: "What runs and what waits"}
	for _, name := range names {
		board, err := d.Runs.Board(ctx, name)
		if err != nil {
			return Reply{}, err
		}
		m.Body = append(m.Body, d.describe(board)...)
	}
	return Reply{Message: m, Private: true}, nil
}

func (d *Desk) describe(b pipeline.Board) []bot.Text {
	head := bot.Text{bot.Bold(b.Environment), {Text: ": free"}}
	if b.Held != nil {
		head = bot.Text{bot.Bold(b.Environment), {Text: ": "}, d.name(*b.Held), {Text: ", " + doing(*b.Held) + ", since "}, bot.At(b.Held.Started), {Text: d.left(*b.Held)}}
	}
	lines := []bot.Text{head}
	for i, run := range b.Waiting {
		if i == shownWaiting {
			lines = append(lines, bot.Plain(fmt.Sprintf("and %d more", len(b.Waiting)-i)))
			break
		}
		line := bot.Text{{Text: fmt.Sprintf("%d. ", i+1)}, d.name(run), {Text: ", waits since "}, bot.At(run.Submitted)}
		if !run.ImageBy.IsZero() {
			line = append(line, bot.Span{Text: ", for its image until "}, bot.At(run.ImageBy))
		}
		lines = append(lines, line)
	}
	return lines
}

// name is the run as a link to its page.
func (d *Desk) name(run pipeline.Run) bot.Span {
	text := run.ID + " (" + run.Subject() + ")"
	if url := d.RunURL(run.ID); url != "" {
		return bot.Link(text, url)
	}
	return bot.Span{Text: text}
}

// left is how long the run still takes, as far as past runs tell.
func (d *Desk) left(run pipeline.Run) string {
	left := run.Expected - d.Now().Sub(run.Started)
	if run.Expected == 0 || left <= 0 {
		return ""
	}
	return ", about " + left.Round(time.Second).String() + " left"
}

func doing(run pipeline.Run) string {
	return map[pipeline.Stage]string{
		"": "starting", pipeline.StagePrepare: "deploying", pipeline.StageTest: "under load", pipeline.StageJudge: "comparing",
		pipeline.StageConfirm: "confirming", pipeline.StageReport: "reporting",
	}[run.Stage]
}

// ended says how a run ended, as the end of a sentence.
func ended(run pipeline.Run) string {
	switch {
	case !run.State.Final():
		return "is still " + string(run.State)
	case run.State != pipeline.Done:
		return "was " + string(run.State)
	case run.Verdict == pipeline.Pass:
		return "passed"
	}
	return "is " + string(run.Verdict)
}

func said(text bot.Text) Reply { return Reply{Message: bot.Message{Body: []bot.Text{text}}} }

func private(text string) Reply {
	return Reply{Message: bot.Message{Body: []bot.Text{bot.Plain(text)}}, Private: true}
}

func unknown(what, name string, known []string) error {
	if near := suggest.Nearest(name, known); near != "" {
		return mistake("I don't know %s %q. Did you mean %q?", what, name, near)
	}
	return mistake("I don't know %s %q. There are: %s.", what, name, list(known))
}

func list(names []string) string {
	slices.Sort(names)
	return strings.Join(names, ", ")
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return ", because " + reason
}
