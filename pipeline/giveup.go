package pipeline

import (
	"context"
	"fmt"
	"slices"
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
		if err := w.part(ctx, slices.Clone(run.Batch)); err != nil {
			return err
		}
	}
	if run.Applying && run.Change().Kind == KindStack && run.Stage == StagePrepare {
		if err := w.unsettled(ctx); err != nil {
			return err
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

// unsettled puts the environment on hold in which an apply was given up. There may be no catalog that says who should hear of
// it: the run's own thread does.
func (w *work) unsettled(ctx context.Context) error {
	w.run.Unwell = "the apply of " + w.run.Subject() + " was given up"
	_, err := w.Holds.Unwell(ctx, w.lease, Hold{
		Environment: w.run.Environment, Run: w.run.ID, By: Mark{Name: "Bellwether", At: w.Now(), Because: w.run.Unwell},
	})
	return err
}
