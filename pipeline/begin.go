package pipeline

import (
	"cmp"
	"context"
	"errors"
)

// begin notes what the change replaces, before anything is touched, and announces the run: whoever took it in may have
// crashed before doing so, or is about to. An environment that cannot be looked at, or is not well, says nothing about any
// change.
func (w *work) begin(ctx context.Context) error {
	if err := announce(ctx, w.Ledger.Load, w.Teller, w.run); err != nil {
		return err
	}
	if w.unwanted() {
		return nil
	}
	w.run.State, w.run.Started, w.run.Stage, w.run.Unwell = Running, w.Now(), StagePrepare, ""
	before, err := w.found(ctx)
	if err == nil {
		w.replaces(before)
		err = w.healthy(ctx)
	}
	if broken, ok := errors.AsType[StepError](err); ok {
		why := broken.Explain()
		why.Fault = FaultEnvironment
		return w.broke(w.run.Environment+" was not ready before anything was changed: ", why)
	}
	return err
}

// replaces notes what ran before the change. A run that begins again may find what it brought in itself.
func (w *work) replaces(found *Artefact) {
	if w.run.Applying && found != nil && *found == w.run.Change().Artefact() {
		return
	}
	w.run.Before = found
}

// found is what of the run's service or stack the environment has: as its platform says, where there is one, else as we
// noted; nil when it has nothing of it.
func (w *work) found(ctx context.Context) (*Artefact, error) {
	installed, err := w.Inventory.Installed(ctx, w.run.Environment)
	if err != nil {
		return nil, err
	}
	var noted *Artefact
	if a, ok := installed[w.run.Change().thing()]; ok {
		noted = &a
	}
	deployer, at, err := w.deployer()
	if deployer == nil || err != nil {
		return noted, err
	}
	image, err := deployer.Running(ctx, at)
	switch {
	case err != nil:
		return nil, cmp.Or(context.Cause(ctx), err)
	case image == "":
		return nil, nil
	case noted != nil && Pinned(noted.Image) == Pinned(image):
		return noted, nil
	}
	return &Artefact{Image: image}, nil
}
