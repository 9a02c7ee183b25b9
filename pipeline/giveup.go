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
	w := &work{Runner: r, run: run, lease: Lease{run.Environment, fence}}
	if len(run.Batch) > 0 {
		if err := r.Batches.Part(ctx, w.lease, id, run.Batch); err != nil {
			return fmt.Errorf("part %s from %v: %w", id, run.Batch, err)
		}
	}
	if err := w.fail(reason); err != nil {
		return err
	}
	if err := w.checkpoint(ctx); err != nil {
		return fmt.Errorf("run %s, given up: %w", id, err)
	}
	return nil
}
