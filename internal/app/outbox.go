package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"bellwether/bot"
	"bellwether/internal/store"
)

type outboxCommand struct {
	List outboxList `cmd:"" default:"withargs" help:"List the messages that a platform refused for good."`
	Send outboxSend `cmd:"" help:"Send such a message again, once what was in its way is mended."`
}

const nothingParked = "Nothing is parked: every message reached its channel, or still will."

type outboxList struct {
	configFlag
	JSON bool `help:"Print JSON."`
}

// parked is a message that nobody could read yet.
type parked struct {
	ID      string    `json:"id"`
	Channel string    `json:"channel"`
	Run     string    `json:"run,omitempty"`
	Title   string    `json:"title"`
	Reason  string    `json:"reason"`
	At      time.Time `json:"at"`
}

func parkedOf(l store.Parked) parked {
	return parked{l.ID, l.Channel.String(), l.Run, l.Message.Title, l.Delivery.Parked, l.At.UTC()}
}

func (c *outboxList) Run(ctx context.Context, p Process) error {
	s, _, err := c.memory(ctx, p)
	if err != nil {
		return err
	}
	defer s.close()
	letters, err := s.store.Parked(ctx)
	if err != nil {
		return unanswered{err}
	}
	all := []parked{}
	for _, l := range letters {
		all = append(all, parkedOf(l))
	}
	if c.JSON {
		return printJSON(p.Out, all)
	}
	if len(all) == 0 {
		fmt.Fprintln(p.Out, nothingParked)
	}
	for _, l := range all {
		fmt.Fprintf(p.Out, "%s\n  %s\n  %s, parked %s\n", l.ID, l.Title, l.Reason, l.At.Format("2 Jan 15:04 UTC"))
	}
	return nil
}

type outboxSend struct {
	configFlag
	ID  []string `arg:"" optional:"" help:"What to send, as listed."`
	All bool     `help:"Everything that is parked."`
}

func (c *outboxSend) Run(ctx context.Context, p Process) error {
	if c.All == (len(c.ID) > 0) {
		return unanswered{errors.New("name the messages to send, or --all; bellwether outbox lists them")}
	}
	s, _, err := c.memory(ctx, p)
	if err != nil {
		return err
	}
	defer s.close()
	ids := c.ID
	if c.All {
		if ids, err = everything(ctx, s.store); err != nil {
			return unanswered{err}
		}
	}
	if len(ids) == 0 {
		fmt.Fprintln(p.Out, nothingParked)
	}
	for _, id := range ids {
		err := s.store.Unpark(ctx, id)
		switch {
		case c.All && errors.Is(err, bot.ErrNotFound): // sent since it was listed
			continue
		case errors.Is(err, bot.ErrNotFound):
			return unanswered{fmt.Errorf("no message %s is parked; bellwether outbox lists those that are", id)}
		case err != nil:
			return unanswered{err}
		}
		fmt.Fprintf(p.Out, "%s is on its way\n", id)
	}
	return nil
}

// everything that is parked, roots first: what belongs into a thread that is still parked would be parked again.
func everything(ctx context.Context, memory *store.Store) (ids []string, err error) {
	letters, err := memory.Parked(ctx)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(letters, func(a, b store.Parked) int { return min(len(a.Root), 1) - min(len(b.Root), 1) })
	for _, l := range letters {
		ids = append(ids, l.ID)
	}
	return ids, nil
}
