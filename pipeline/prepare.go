package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
)

// prepare brings the change into the environment.
func (w *work) prepare(ctx context.Context) error {
	if why := w.missing(); why != nil {
		return w.fail(why.Error())
	}
	if w.installed() {
		w.run.Stage = StageTest
		return nil
	}
	if stack := w.catalog.Stacks[w.run.Change().Name]; w.run.Change().Kind == KindStack && stack.planned() {
		return w.terraform(ctx, stack)
	}
	again := w.run.Applying
	if err := w.applying(ctx); err != nil {
		return err
	}
	err := w.install(ctx, w.run.Change().Artefact())
	if broken, ok := errors.AsType[StepError](err); ok {
		what := map[Kind]string{KindService: "the deploy failed: ", KindStack: "the apply failed: "}[w.run.Change().Kind]
		return w.unapplied(ctx, what, broken.Explain(), again)
	}
	if err != nil {
		return err
	}
	w.run.Stage = StageTest
	return nil
}

// applying notes that the change is about to be brought in: from then on it may have been, by whoever takes the run over.
func (w *work) applying(ctx context.Context) error {
	if w.run.Applying {
		return nil
	}
	w.run.Applying = true
	return w.checkpoint(ctx)
}

// unapplied ends the run. Once an earlier holder may have brought something in nothing can be called untouched any more.
func (w *work) unapplied(ctx context.Context, what string, why Explanation, again bool) error {
	why.Untouched = why.Untouched && !again
	return w.undo(ctx, what, why)
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

// install brings an artefact of the run's service or stack in, waits until the environment is well with it, and notes it.
func (w *work) install(ctx context.Context, a Artefact) error {
	if err := w.bring(ctx, a); err != nil {
		return err
	}
	if err := w.healthy(ctx); err != nil {
		return err
	}
	return w.Ledger.Install(ctx, w.lease, w.run.ID, w.run.Change().thing(), a)
}

// bring does nothing when the catalog leaves deploying to others.
func (w *work) bring(ctx context.Context, a Artefact) error {
	if command := w.installer(); command != nil {
		return w.execute(ctx, *command, a)
	}
	deployer, at, err := w.deployer()
	if deployer == nil || err != nil {
		return err
	}
	return cmp.Or(context.Cause(ctx), deployer.Deploy(ctx, at, a.Image))
}

// installer is the command that installs, if it is one.
func (w *work) installer() *Command {
	change := w.run.Change()
	deploy, apply := w.catalog.Services[change.Name].Deploy, w.catalog.Stacks[change.Name].Apply
	switch {
	case change.Kind == KindStack && apply != nil:
		return apply.Command
	case change.Kind == KindService && deploy != nil:
		return deploy.Command
	}
	return nil
}

// deployer of the run's service; nil when it is deployed by a command, or not by us.
func (w *work) deployer() (Deployer, Placement, error) {
	change := w.run.Change()
	at := Placement{w.catalog.Services[change.Name], w.catalog.Environments[w.run.Environment]}
	platform := at.Service.Deploy.Platform()
	if change.Kind != KindService || platform == "" {
		return nil, at, nil
	}
	deployer, ok := w.Deployers[platform]
	if !ok {
		return nil, at, fmt.Errorf("no deployer %q is configured", platform)
	}
	return deployer, at, nil
}

// installs tells whether the run's service or stack is brought in by us.
func (w *work) installs() bool {
	return w.installer() != nil || w.catalog.Services[w.run.Change().Name].Deploy.Platform() != ""
}

func (w *work) values(a Artefact) Values {
	return Values{
		Service: w.run.Change().Name, Environment: w.run.Environment, URL: w.catalog.Environments[w.run.Environment].URL,
		Image: a.Image, Revision: a.Revision, Version: a.Version,
	}
}

func isBroken(err error) bool {
	_, ok := errors.AsType[StepError](err)
	return ok
}
