package app

import (
	"context"
	"errors"
	"strings"

	"bellwether/bot"
	"bellwether/internal/lane"
	"bellwether/pipeline"
)

// tick is the work of a timer's lane: it tells of a run that waits too long, and of a hold whose time is over. What has
// long ended in another way needs no telling.
func (s *server) tick(ctx context.Context, held *lane.Held) (err error) {
	defer survive(&err)
	what, id, _ := strings.Cut(held.Item.ID, "/")
	if what == "wait" {
		err = s.remind(ctx, id)
	} else {
		err = s.expire(ctx, id)
	}
	if errors.Is(err, bot.ErrNotFound) {
		return nil
	}
	return err
}

func (s *server) remind(ctx context.Context, run string) error {
	late, err := s.store.Overdue(ctx, run)
	if err != nil || late.State != pipeline.Waiting {
		return err
	}
	return s.teller.Tell(ctx, late)
}

func (s *server) expire(ctx context.Context, id string) error {
	hold, err := s.store.Expire(ctx, id)
	if err != nil {
		return err
	}
	if err := s.teller.TellHold(ctx, hold); err != nil || hold.Released == nil {
		return err
	}
	board, err := s.store.Board(ctx, hold.Environment)
	if err != nil {
		return err
	}
	for _, run := range board.Waiting {
		if err := s.teller.Tell(ctx, run); err != nil {
			return err
		}
	}
	return nil
}
