package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Hold is a runner's right to an environment: every write carries the fence, and fails once another one took over.
type Hold struct {
	Environment string
	Fence       int64
}

// Ledger keeps runs and what is installed where.
type Ledger interface {
	Load(ctx context.Context, id string) (Run, error)
	// Save is a checkpoint.
	Save(ctx context.Context, hold Hold, run Run) error
	// Install notes what a thing ("service:checkout") now is in the held environment.
	Install(ctx context.Context, hold Hold, thing string, a Artefact) error
}

// History keeps what was measured.
type History interface {
	// Keep stores a result with its record, once however often it is called.
	Keep(ctx context.Context, hold Hold, result Result, record Record) error
	// Count makes a kept result part of the scenario's past.
	Count(ctx context.Context, hold Hold, result Result) error
	// Past lists counted results of a scenario, newest first.
	Past(ctx context.Context, environment, scenario string) ([]Result, error)
}

// Inventory knows what is installed in an environment, by thing.
type Inventory interface {
	Installed(ctx context.Context, environment string) (map[string]Artefact, error)
}

// Commander runs the catalog's commands. An error of a command that ran, or could not be started, is a CommandError.
type Commander interface {
	Run(ctx context.Context, command Command, values Values) (output string, err error)
}

// CommandError is what a failing command says to people: one line why, and its last lines, redacted.
type CommandError interface {
	error
	Explain() (reason, output string)
}

// Engine runs load.
type Engine interface {
	Measure(ctx context.Context, scenario Scenario, environment Environment) (Record, error)
}

// Runner works off runs, one environment at a time. Each stage ends with a checkpoint, and working off a stage twice does
// no harm: whoever takes a run over goes on where its last checkpoint is.
type Runner struct {
	Catalog   func() *Catalog
	Ledger    Ledger
	History   History
	Inventory Inventory
	Commands  Commander
	Engines   map[string]Engine
	Teller    Teller
	Now       func() time.Time
	Watch     time.Duration // how often a run looks whether it was cancelled
	Log       *slog.Logger
}

// errCancelled ends the stage of a run that somebody cancelled.
var errCancelled = errors.New("cancelled")

// Work takes the run through its remaining stages. It returns nil when the run is over, and an error when it cannot go on
// now: the run then stays where it is, for whoever comes next.
func (r *Runner) Work(ctx context.Context, id string, fence int64) error {
	run, err := r.Ledger.Load(ctx, id)
	if err != nil {
		return err
	}
	w := &work{Runner: r, catalog: r.Catalog(), run: run, hold: Hold{run.Environment, fence}}
	if run.State.Final() {
		return r.Teller.Tell(ctx, run)
	}
	err = w.stages(ctx)
	switch {
	case errors.Is(err, errCancelled):
		return w.cancelled(ctx)
	case err != nil:
		return fmt.Errorf("run %s, %s: %w", id, w.run.Stage, err)
	}
	return nil
}

// work is one run being worked off by one holder.
type work struct {
	*Runner
	catalog *Catalog
	run     Run
	hold    Hold
}

func (w *work) stages(ctx context.Context) error {
	stages := map[Stage]func(context.Context) error{
		"": w.begin, StagePrepare: w.prepare, StageTest: w.test, StageJudge: w.judge, StageConfirm: w.confirm, StageReport: w.report,
	}
	for !w.run.State.Final() {
		if err := stages[w.run.Stage](ctx); err != nil {
			return err
		}
		if err := w.checkpoint(ctx); err != nil {
			return err
		}
	}
	return nil
}

// checkpoint stores the run, takes over the marks that others left on it, and tells people. A run that was cancelled goes
// no further than to its next checkpoint.
func (w *work) checkpoint(ctx context.Context) error {
	if err := w.Ledger.Save(ctx, w.hold, w.run); err != nil {
		return err
	}
	run, err := w.Ledger.Load(ctx, w.run.ID)
	if err != nil {
		return err
	}
	w.run = run
	if run.Cancel != nil && !run.State.Final() {
		return errCancelled
	}
	return w.Teller.Tell(ctx, run)
}

// watched is a context that ends when somebody cancels the run: load stops at once, deploys and other commands are
// brought to their end.
func (w *work) watched(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		tick := time.NewTicker(w.Watch)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				if run, err := w.Ledger.Load(ctx, w.run.ID); err == nil && run.Cancel != nil {
					cancel(errCancelled)
				}
			}
		}
	}()
	return ctx, func() { cancel(nil) }
}

// begin notes what the change replaces, before anything is touched.
func (w *work) begin(ctx context.Context) error {
	w.run.State, w.run.Started, w.run.Stage = Running, w.Now(), StagePrepare
	installed, err := w.Inventory.Installed(ctx, w.run.Environment)
	if before, ok := installed[w.thing()]; ok {
		w.run.Before = &before
	}
	return err
}

func (w *work) thing() string {
	c := w.run.Change()
	return string(c.Kind) + ":" + c.Name
}

func (w *work) cancelled(ctx context.Context) error {
	w.finish(Cancelled, "")
	return w.checkpoint(ctx)
}

// fail ends the run: something broke before anything could be judged.
func (w *work) fail(err error) error {
	w.run.Reason = err.Error()
	var broken CommandError
	if errors.As(err, &broken) {
		w.run.Reason, w.run.Output = broken.Explain()
	}
	w.finish(Done, Failed)
	return nil
}

func (w *work) finish(state State, verdict Verdict) {
	w.run.State, w.run.Verdict, w.run.Finished = state, verdict, w.Now()
}
