package app

import (
	"context"
	"errors"
	"strings"

	"bellwether/bot"
	"bellwether/internal/lane"
	"bellwether/pipeline"
)

// tick is the work of a timer's lane. What keeps failing is dropped in the end, so that it does not hold up what is behind it;
// errors while Redis is away are none of that, as nobody can note them.
func (s *server) tick(ctx context.Context, held *lane.Held) error {
	failures := held.Item.Failures + 1
	err := s.remember(ctx, held.Item.ID)
	if err != nil && failures >= poisonous {
		s.log.Error("reminder given up", "timer", held.Lane, "reminder", held.Item.ID, "failures", failures, "error", err)
		return nil
	}
	return err
}

// remember tells of a run that waits too long, of a hold or an acknowledgement whose time is over, or soon is, and of what
// somebody did in chat, if they were cut short. What is no longer kept needs no telling.
func (s *server) remember(ctx context.Context, reminder string) (err error) {
	defer survive(&err)
	switch what, id, _ := strings.Cut(reminder, "/"); {
	case what == "wait":
		err = s.overdue(ctx, id)
	case what == "hold":
		err = s.expire(ctx, id)
	case what == "ack":
		err = s.lapse(ctx, id)
	case what == "remind":
		err = s.remind(ctx, id)
	case strings.HasPrefix(id, "H"):
		err = s.tellHold(ctx, id)
	default:
		err = s.tell(ctx, id)
	}
	if errors.Is(err, bot.ErrNotFound) {
		return nil
	}
	return err
}

func (s *server) overdue(ctx context.Context, run string) error {
	late, err := s.store.Overdue(ctx, run)
	if err != nil || late.State != pipeline.Waiting {
		return err
	}
	return s.teller.Tell(ctx, late)
}

// lapse ends acknowledgements. Nobody is called for what is over meanwhile.
func (s *server) lapse(ctx context.Context, id string) error {
	return s.outlive(ctx, id, s.store.Lapse)
}

// remind tells whoever looks after something that their time is soon over.
func (s *server) remind(ctx context.Context, id string) error {
	return s.outlive(ctx, id, s.store.Remind)
}

// outlive does something about acknowledgements of a run, but to those that nobody misses, and tells of it.
func (s *server) outlive(ctx context.Context, id string, do func(context.Context, string, []pipeline.Mark) (pipeline.Run, error)) error {
	run, err := s.store.Load(ctx, id)
	if err != nil {
		return err
	}
	if run, err = do(ctx, id, run.Outlived()); err != nil {
		return err
	}
	return s.teller.Tell(ctx, run)
}

func (s *server) tell(ctx context.Context, id string) error {
	run, err := s.store.Load(ctx, id)
	if err != nil {
		return err
	}
	return s.teller.Tell(ctx, run)
}

func (s *server) expire(ctx context.Context, id string) error {
	if _, err := s.store.Expire(ctx, id); err != nil {
		return err
	}
	return s.tellHold(ctx, id)
}

// tellHold tells of a hold, and of what it means for those that wait.
func (s *server) tellHold(ctx context.Context, id string) error {
	hold, err := s.store.LoadHold(ctx, id)
	if err != nil {
		return err
	}
	if err := s.teller.TellHold(ctx, hold); err != nil {
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
