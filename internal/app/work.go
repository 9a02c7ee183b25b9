package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"
	"time"

	"bellwether/bot"
	"bellwether/internal/lane"
	"bellwether/pipeline"
)

// So many failures of an item are enough: with the rests in between, the first is some minutes and the second half a day.
const (
	poisonous = 10
	hopeless  = 1000
)

// environmentLanes are where runs wait, one lane for each environment.
const environmentLanes = "environment/"

// workRun takes one run through its stages. One that keeps failing is ended, so that the environment is free for others; errors
// while Redis is away are none of them, as nobody can note them.
func (s *server) workRun(ctx context.Context, held *lane.Held) (err error) {
	defer survive(&err)
	id, failures := held.Item.ID, held.Item.Failures
	switch {
	case failures >= 2*poisonous:
		s.log.Error("run dropped: it could not even be ended as failed", "run", id, "failures", failures)
		return s.store.Drop(ctx, pipeline.Lease{Environment: strings.TrimPrefix(held.Lane, environmentLanes), Fence: held.Fence}, id)
	case failures >= poisonous:
		reason := fmt.Sprintf("it broke %d times; Bellwether's log says why, look for %s", failures, id)
		err = s.runner.GiveUp(ctx, id, held.Fence, reason)
	default:
		err = s.runner.Work(ctx, id, held.Fence)
	}
	if postponed, ok := errors.AsType[*pipeline.Postponed](err); ok {
		return lane.Later(postponed.Until)
	}
	return err
}

// register counts and logs each run once it is over. It is a teller, for no run ends without being told: one that was tested
// along with another, or never ran, neither.
type register struct {
	pipeline.Teller
	First func(ctx context.Context, key string, ttl time.Duration) (bool, error) // call with a key
	Count func(pipeline.Run)
	Log   *slog.Logger
}

// Tell tells of the run, and registers its end. It may be called again and again with a run that is over.
func (r *register) Tell(ctx context.Context, run pipeline.Run) error {
	if err := r.Teller.Tell(ctx, run); err != nil || !run.State.Final() {
		return err
	}
	first, err := r.First(ctx, "ended/"+run.ID, keepCompleted)
	if err != nil {
		return fmt.Errorf("register the end of %s: %w", run.ID, err)
	}
	if first {
		r.Count(run)
		r.Log.Info("run ended", "run", run.ID, "subject", run.Subject(), "environment", run.Environment, "state", run.State,
			"verdict", run.Verdict, "reason", run.Reason, "took", took(run).Round(time.Second).String())
	}
	return nil
}

// took is how long a run took; 0 when it never ran.
func took(run pipeline.Run) time.Duration {
	if run.Started.IsZero() {
		return 0
	}
	return run.Finished.Sub(run.Started)
}

// deliver makes one message visible. After an error the whole channel rests, so that order is kept; a platform that wants a
// rest says for how long. A message is parked when it breaks Bellwether itself, or has stood in the way for half a day.
func (s *server) deliver(ctx context.Context, held *lane.Held) error {
	id, failures := held.Item.ID, held.Item.Failures+1
	err := s.post(ctx, held)
	if err == nil {
		return nil
	}
	unsent, rests := errors.AsType[*bot.NotSent](err)
	_, broke := errors.AsType[*panicked](err)
	switch {
	case rests:
		s.log.Warn("channel rests", "channel", held.Lane, "for", unsent.After, "reason", unsent.Err)
		return lane.Pause(s.clock.Now().Add(cmp.Or(unsent.After, time.Second)))
	case broke && failures >= poisonous, failures >= hopeless:
		s.log.Error("message given up", "channel", held.Lane, "intent", id, "failures", failures, "error", err)
		return s.postman.Park(ctx, id, held.Fence, fmt.Errorf("it could not be delivered %d times", failures))
	case s.postman.Waits(ctx, id):
		return lane.Later(s.clock.Now().Add(time.Second))
	}
	return err
}

func (s *server) post(ctx context.Context, held *lane.Held) (err error) {
	defer survive(&err)
	return s.postman.Deliver(ctx, held.Item.ID, held.Fence)
}

// panicked is the error that a panic becomes.
type panicked struct {
	reason any
	stack  []byte
}

func (e *panicked) Error() string { return fmt.Sprintf("panic: %v\n%s", e.reason, e.stack) }

// survive turns a panic into an error, so that one poisoned item stops its own lane at most, and not for ever.
func survive(err *error) {
	if reason := recover(); reason != nil {
		*err = &panicked{reason, debug.Stack()}
	}
}
