package commands

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"bellwether/bot"
	"bellwether/pipeline"
)

// Holds keeps environments from starting runs.
type Holds interface {
	// Hold lets the first hold win; the one returned is in force.
	Hold(ctx context.Context, h pipeline.Hold) (pipeline.Hold, error)
	// Release ends the hold of an environment and returns it; bot.ErrNotFound when there is none.
	Release(ctx context.Context, environment string, m pipeline.Mark) (pipeline.Hold, error)
}

func (t *turn) hold(ctx context.Context) (Reply, error) {
	environment, err := t.environment(t.Subject)
	if err == nil {
		err = t.may(ctx, "hold", t.aboutEnvironment(environment))
	}
	if err != nil {
		return Reply{}, err
	}
	board, err := t.Runs.Board(ctx, environment)
	if err != nil {
		return Reply{}, err
	}
	wanted := pipeline.Hold{Environment: environment, By: t.mark(t.Because), Channels: t.concerned(t.who, board)}
	if t.For > 0 {
		wanted.Until = t.Now().Add(t.For)
	}
	hold, err := t.Holds.Hold(ctx, wanted)
	if err != nil {
		return Reply{}, err
	}
	if err := t.tellHold(ctx, hold, board); err != nil {
		return Reply{}, err
	}
	if hold.By.By != wanted.By.By || !hold.By.At.Equal(wanted.By.At) {
		return Reply{}, mistake("%s is on hold already, by %s%s. Release it first.", environment, hold.By.Name, because(hold.By.Because))
	}
	return answer("%s is on hold%s. What runs goes on; what waits was told.", environment, lasting(t.For)), nil
}

func lasting(d time.Duration) string {
	if d == 0 {
		return " until somebody releases it"
	}
	return " for " + bot.Roughly(d)
}

func (t *turn) release(ctx context.Context) (Reply, error) {
	environment, err := t.heldAs(ctx, t.Subject)
	if err == nil {
		err = t.may(ctx, "hold", t.aboutEnvironment(environment))
	}
	if err != nil {
		return Reply{}, err
	}
	hold, err := t.Holds.Release(ctx, environment, t.mark(t.Because))
	if errors.Is(err, bot.ErrNotFound) {
		return Reply{}, mistake("%s is not on hold.", environment)
	}
	if err != nil {
		return Reply{}, err
	}
	board, err := t.Runs.Board(ctx, environment)
	if err != nil {
		return Reply{}, err
	}
	if err := t.tellHold(ctx, hold, board); err != nil {
		return Reply{}, err
	}
	return answer("%s is released. %s", environment, next(board)), nil
}

// heldAs is the environment that a release is about. A hold's own button names the hold: once another one took its place,
// because the environment is not well, the button must not release that one.
func (d *Desk) heldAs(ctx context.Context, subject string) (string, error) {
	environments := d.Catalog().Environments
	if _, known := environments[subject]; known || !numbered(subject, "H") {
		return d.environment(subject)
	}
	for _, name := range slices.Sorted(maps.Keys(environments)) {
		board, err := d.Runs.Board(ctx, name)
		if err != nil {
			return "", err
		}
		if board.Hold != nil && strings.EqualFold(board.Hold.ID, subject) {
			return name, nil
		}
	}
	return "", mistake("The hold %s is over, or another one took its place; status tells.", short(subject))
}

func next(b pipeline.Board) string {
	switch n := len(b.Waiting); n {
	case 0:
		return "Nothing waits there."
	case 1:
		return "One run waits there."
	default:
		return fmt.Sprintf("%d runs wait there.", n)
	}
}

// concerned are the channels to which a hold matters: of those who look after the environment, of those who wait for it,
// and the one it was asked for in.
func (d *Desk) concerned(who Caller, b pipeline.Board) []pipeline.Channel {
	catalog := d.Catalog()
	channels := append([]pipeline.Channel{who.Channel}, catalog.Channels(catalog.Environments[b.Environment].Team)...)
	for _, run := range b.Waiting {
		channels = append(channels, catalog.Channels(run.Team)...)
	}
	var each []pipeline.Channel
	for _, ch := range channels {
		if !slices.Contains(each, ch) {
			each = append(each, ch)
		}
	}
	return each
}

// tellHold says that an environment is held, or free again, and what that means for every run that waits there.
func (d *Desk) tellHold(ctx context.Context, hold pipeline.Hold, b pipeline.Board) error {
	if err := d.Teller.TellHold(ctx, hold); err != nil {
		return err
	}
	for _, waiting := range b.Waiting {
		run, err := d.Runs.Load(ctx, waiting.ID)
		if err == nil {
			err = d.Teller.Tell(ctx, run)
		}
		if err != nil && !errors.Is(err, bot.ErrNotFound) {
			return err
		}
	}
	return nil
}

func answer(format string, args ...any) Reply { return private(fmt.Sprintf(format, args...)) }
