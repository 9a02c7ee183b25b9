package pipeline

import (
	"context"
	"errors"
	"fmt"
)

// prepare brings the change into the environment.
func (w *work) prepare(ctx context.Context) error {
	if why := w.missing(); why != nil {
		return w.fail(why.Error())
	}
	if !w.installed() {
		err := w.install(ctx, w.run.Change().Artefact())
		if broken, ok := errors.AsType[CommandError](err); ok {
			return w.undo(ctx, broken)
		}
		if err != nil {
			return err
		}
	}
	w.run.Stage = StageTest
	return nil
}

// missing says what there is not, so that the run cannot begin.
func (w *work) missing() error {
	change := w.run.Change()
	_, here := w.catalog.Environments[w.run.Environment]
	_, known := w.catalog.Thing(change.Kind, change.Name)
	needsImage := change.Kind == KindService && w.catalog.Services[change.Name].Image != ""
	switch {
	case !here:
		return fmt.Errorf("the environment %s is no longer in the catalog", w.run.Environment)
	case w.installed():
		return nil
	case !known:
		return fmt.Errorf("the %s %s is no longer in the catalog", change.Kind, change.Name)
	case needsImage && change.Image == "":
		return fmt.Errorf("no image of %s at %s arrived in time; was it built and pushed?", change.Name, change.Artefact().Label())
	}
	return nil
}

// installed tells whether the environment already is what the run wants: a full run takes it as it is, and a rerun deploys
// nothing twice.
func (w *work) installed() bool {
	change := w.run.Change()
	return change.Name == "" || w.run.Cause == CauseRerun && w.run.Before != nil && *w.run.Before == change.Artefact()
}

// install deploys or applies an artefact of the run's service or stack, and notes it.
func (w *work) install(ctx context.Context, a Artefact) error {
	if command := w.installer(); command != nil {
		if err := w.execute(ctx, *command, a); err != nil {
			return err
		}
	}
	return w.Ledger.Install(ctx, w.hold, w.run.Change().thing(), a)
}

// installer is nil when the catalog leaves deploying to others.
func (w *work) installer() *Command {
	change := w.run.Change()
	if change.Kind == KindStack {
		return w.catalog.Stacks[change.Name].Apply
	}
	return w.catalog.Services[change.Name].Deploy
}

// undo sets a service back to what ran before a deploy that broke, and ends the run.
func (w *work) undo(ctx context.Context, broken CommandError) error {
	before, what := w.run.Before, "the deploy failed"
	switch {
	case w.run.Change().Kind != KindService:
		what = "the apply failed"
		w.run.Restored = "a failed apply is not rolled back: the environment may be half changed"
	case before == nil:
		w.run.Restored = "nothing ran before: there was nothing to restore"
	default:
		w.run.Restored = "restored " + before.Label()
		if err := w.install(ctx, *before); isCommandError(err) {
			w.run.Restored = "restoring " + before.Label() + " failed too: " + err.Error()
		} else if err != nil {
			return err
		}
	}
	reason, output := broken.Explain()
	w.run.Output = output
	return w.fail(what + ": " + reason)
}

func (w *work) values(a Artefact) Values {
	return Values{
		Service: w.run.Change().Name, Environment: w.run.Environment, URL: w.catalog.Environments[w.run.Environment].URL,
		Image: a.Image, Revision: a.Revision, Version: a.Version,
	}
}

func isCommandError(err error) bool {
	_, ok := errors.AsType[CommandError](err)
	return ok
}
