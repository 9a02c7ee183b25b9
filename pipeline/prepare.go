package pipeline

import (
	"context"
	"errors"
	"fmt"
)

// prepare brings the change into the environment.
func (w *work) prepare(ctx context.Context) error {
	w.run.Stage = StageTest
	change := w.run.Change()
	if change.Name == "" || w.installed() {
		return nil
	}
	if w.catalog.Services[change.Name].Image != "" && change.Kind == KindService && change.Image == "" {
		return w.fail(fmt.Errorf("no image of %s at %s arrived in time; was it built and pushed?", change.Name, change.Artefact().Label()))
	}
	err := w.install(ctx, change.Artefact())
	if err == nil || !isCommandError(err) {
		return err
	}
	w.restore(ctx)
	return w.fail(err)
}

// installed tells whether the environment already is what the run wants: then a rerun deploys nothing.
func (w *work) installed() bool {
	return w.run.Cause == CauseRerun && w.run.Before != nil && *w.run.Before == w.run.Change().Artefact()
}

// install deploys or applies an artefact of the run's service or stack, and notes it.
func (w *work) install(ctx context.Context, a Artefact) error {
	if command := w.installer(); command != nil {
		if err := w.execute(ctx, *command, a); err != nil {
			return err
		}
	}
	return w.Ledger.Install(ctx, w.hold, w.thing(), a)
}

func (w *work) installer() *Command {
	change := w.run.Change()
	if change.Kind == KindStack {
		return w.catalog.Stacks[change.Name].Apply
	}
	return w.catalog.Services[change.Name].Deploy
}

// restore sets a service back to what ran before a deploy that failed.
func (w *work) restore(ctx context.Context) {
	before := w.run.Before
	switch {
	case w.run.Change().Kind != KindService:
		w.run.Restored = "a failed apply is not rolled back: the environment may be half changed"
	case before == nil:
		w.run.Restored = "nothing ran before: there was nothing to restore"
	default:
		w.run.Restored = "restored " + before.Label()
		if err := w.install(ctx, *before); err != nil {
			w.run.Restored = "restoring " + before.Label() + " failed too: " + err.Error()
		}
	}
}

func (w *work) values(a Artefact) Values {
	return Values{
		Service: w.run.Change().Name, Environment: w.run.Environment, URL: w.catalog.Environments[w.run.Environment].URL,
		Image: a.Image, Revision: a.Revision, Version: a.Version,
	}
}

func isCommandError(err error) bool {
	var broken CommandError
	return errors.As(err, &broken)
}
