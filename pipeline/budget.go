package pipeline

import (
	"context"
	"fmt"
	"time"
)

// bounded is a context that ends, with the cause errBudget, when the run has held its environment for as long as it may.
// Deploying and load have to keep to that; what ends a run does not. A deploy may take that long by itself: what came before
// it, an outage of ours or the deploys of others in a batch, is no fault of the change.
func (w *work) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	budget, left := w.budget(), w.run.Started.Add(w.budget()).Sub(w.Now())
	switch {
	case budget == 0:
	case w.run.Stage == StagePrepare:
		return context.WithTimeoutCause(ctx, budget, errBudget)
	case w.run.Stage == StageTest || w.run.Stage == StageConfirm:
		return context.WithTimeoutCause(ctx, left, errBudget)
	}
	return context.WithCancel(ctx)
}

// budget of the run's service; 0 when the run may take as long as it does.
func (w *work) budget() time.Duration { return w.catalog.Services[w.run.Change().Name].Budget }

// exhausted ends what the run is doing, and never with a pass: a deploy is undone, a test is not valid, a suspicion stands.
func (w *work) exhausted(ctx context.Context) error {
	why := fmt.Sprintf("it held %s for its budget of %s", w.run.Environment, Brief(w.budget()))
	switch w.run.Stage {
	case StagePrepare:
		return w.undo(ctx, "the deploy failed: ", Explanation{Reason: why})
	case StageTest:
		w.run.Reason = fmt.Sprintf("%s with %d of %d scenarios tested", why, len(w.run.Results), len(w.run.Selection.Scenarios))
		w.finish(Done, Invalid)
		return nil
	}
	w.remark("could not be confirmed: " + why)
	w.run.Stage = StageReport
	if err := w.comeBack(ctx); err != nil {
		return err
	}
	return w.settle(ctx)
}
