package pipeline

import (
	"context"
	"errors"
	"fmt"
)

// undo ends a run whose change could not be brought in: a service is set back to what ran before. An environment that
// cannot be left as it was found is put on hold.
func (w *work) undo(ctx context.Context, what string, why Explanation) error {
	if err := w.restore(ctx, why.Untouched); err != nil {
		return err
	}
	return w.broke(what, why)
}

// restore brings back what ran before, and notes how that went.
func (w *work) restore(ctx context.Context, untouched bool) error {
	before := w.run.Before
	switch {
	case untouched:
		w.run.Restored = "nothing was changed"
		return nil
	case w.run.Change().Kind != KindService:
		w.run.Restored = "a failed apply is not rolled back: the environment may be half changed"
		return w.unwell(ctx, fmt.Sprintf("the apply of %s broke half-way", w.run.Subject()))
	case before == nil:
		w.run.Restored = "nothing ran before: there was nothing to restore"
		return nil
	}
	err := w.install(ctx, *before)
	if broken, ok := errors.AsType[StepError](err); ok {
		w.run.Restored = "restoring " + before.Label() + " failed too: " + broken.Explain().Reason
		return w.unwell(ctx, fmt.Sprintf("%s could not be set back to %s: %s", w.run.Change().Name, before.Label(), broken.Explain().Reason))
	}
	if err == nil {
		w.run.Restored = "restored " + before.Label()
	}
	return err
}

// unwell puts the environment on hold until somebody releases it, and tells those who look after it.
func (w *work) unwell(ctx context.Context, why string) error {
	w.run.Unwell = why
	environment := w.catalog.Environments[w.run.Environment]
	hold, err := w.Holds.Unwell(ctx, w.lease, Hold{
		Environment: w.run.Environment, Run: w.run.ID, By: Mark{Name: "Bellwether", At: w.Now(), Because: why},
		Channels: w.catalog.Channels(environment.Team),
	})
	if err != nil {
		return fmt.Errorf("put %s on hold: %w", w.run.Environment, err)
	}
	return w.Teller.TellHold(ctx, hold)
}

// broke ends the run for a reason that is the change's, or the environment's: then nothing is said about the change.
func (w *work) broke(what string, why Explanation) error {
	w.run.Output, w.run.Next, w.run.Fault, w.run.Reason = why.Output, why.Next, why.Fault, what+why.Reason
	verdict := Failed
	if why.Fault == FaultEnvironment {
		verdict = Invalid
	}
	w.finish(Done, verdict)
	return nil
}
