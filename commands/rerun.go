package commands

import (
	"context"
	"slices"
	"strings"

	"bellwether/bot"
	"bellwether/pipeline"
)

func (t *turn) rerun(ctx context.Context) (Reply, error) {
	run, err := t.meant(ctx)
	if err == nil {
		err = t.may(ctx, "rerun", aboutRun(run))
	}
	if err != nil {
		return Reply{}, err
	}
	only, err := chosen(run, t.Only)
	if err != nil {
		return Reply{}, err
	}
	receipt, err := t.Submit.Rerun(ctx, run, only, t.who.Name)
	if err = t.accepted(receipt, err); err != nil {
		return Reply{}, err
	}
	return said(bot.Span{Text: t.who.Name + " asked for a rerun of "}, bot.ThreadOf(run.ID), bot.Span{Text: " (" + run.Subject() + ")" + onlyOf(only) + ": "}, bot.ThreadOf(receipt.Run)), nil
}

// chosen are the names of those scenarios of a run that somebody named; all of them when nobody named any.
func chosen(run pipeline.Run, only []string) (names []string, err error) {
	for _, name := range only {
		if name, err = known("scenario", name, run.Selection.Names()); err != nil {
			return nil, err
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names, nil
}

func onlyOf(scenarios []string) string {
	if len(scenarios) == 0 {
		return ""
	}
	return ", only " + strings.Join(scenarios, ", ")
}

func (t *turn) full(ctx context.Context) (Reply, error) {
	environment, err := t.environment(t.Subject)
	if err == nil {
		err = t.may(ctx, "full", t.aboutEnvironment(environment))
	}
	if err != nil {
		return Reply{}, err
	}
	team, _ := t.Catalog().TeamOf(t.who.Channel)
	receipt, err := t.Submit.Full(ctx, environment, t.who.Channel, team.Name, t.who.Name)
	if err = t.accepted(receipt, err); err != nil {
		return Reply{}, err
	}
	t.run = receipt.Run
	return said(bot.Span{Text: t.who.Name + " asked for the full suite on " + environment + ": "}, bot.ThreadOf(receipt.Run)), nil
}

// accepted is nil once a run waits, also when nobody could be told of it: it is told when it begins, and asking again would make
// another one.
func (t *turn) accepted(receipt pipeline.Receipt, err error) error {
	if err == nil || receipt.Run == "" {
		return err
	}
	t.Log.Error("run not announced", "run", receipt.Run, "id", t.id, "error", err)
	return nil
}
