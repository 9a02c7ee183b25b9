package pipeline

import (
	"context"
	"fmt"
)

// GiveUp ends a run as failed that Work could not bring to its end, so that its environment is free for others. What the run
// left there stays. The reason is for people. An error means that not even this was possible; calling it again does no harm.
func (r *Runner) GiveUp(ctx context.Context, id string, fence int64, reason string) error {
	run, err := r.Ledger.Load(ctx, id)
	if err != nil {
		return err
	}
	if run.State.Final() {
		return r.Teller.Tell(ctx, run)
	}
	w := &work{Runner: r, run: run, hold: Hold{run.Environment, fence}}
	if err := w.fail(reason); err != nil {
		return err
	}
	if err := w.checkpoint(ctx); err != nil {
		return fmt.Errorf("run %s, given up: %w", id, err)
	}
	return nil
}
