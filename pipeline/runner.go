package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Lease is a runner's right to an environment: every write carries the fence, and fails once another one took over.
type Lease struct {
	Environment string
	Fence       int64
}

// Ledger keeps runs and what is installed where.
type Ledger interface {
	// Load returns an ErrNotFound for a run that is not stored, or not any more.
	Load(ctx context.Context, id string) (Run, error)
	// Save is a checkpoint.
	Save(ctx context.Context, lease Lease, run Run) error
	// Install notes what a thing ("service:checkout") now is in the leased environment, and the run that brought it in.
	Install(ctx context.Context, lease Lease, run, thing string, a Artefact) error
}

// History keeps what was measured.
type History interface {
	// Keep stores a result with its record, once however often it is called.
	Keep(ctx context.Context, lease Lease, result Result, record Record) error
	// Count makes a kept result part of the scenario's past.
	Count(ctx context.Context, lease Lease, result Result) error
	// Past is what results of a scenario are judged against. Results of runs that people called invalid are not in it.
	Past(ctx context.Context, environment string, scenario Scenario) (Past, error)
}

// Regressions keeps what got worse.
type Regressions interface {
	// Standing are those of an environment that have no end.
	Standing(ctx context.Context, environment string) ([]Regression, error)
	// Follow stores new ones and what became of others, once however often it is called, and has the runs that these belong to
	// told. What people ended meanwhile stays ended.
	Follow(ctx context.Context, lease Lease, changed []Regression) error
	// Overtaken tells whether a newer change of what the run tests waits for the same environment.
	Overtaken(ctx context.Context, run Run) (bool, error)
}

// Inventory knows what is installed in an environment, by thing.
type Inventory interface {
	Installed(ctx context.Context, environment string) (map[string]Artefact, error)
}

// Commander runs the catalog's commands. An error of a command that ran, or could not be started, is a StepError.
type Commander interface {
	Run(ctx context.Context, command Command, values Values) (output string, err error)
}

// Holds put environments on hold.
type Holds interface {
	// Unwell puts the leased environment on hold because of hold.Run, once however often it is called for that run. It
	// returns the hold with its id.
	Unwell(ctx context.Context, lease Lease, hold Hold) (Hold, error)
}

// Batches are runs that are tested together.
type Batches interface {
	// Gather takes the changes of services that wait with the leader, and need wait for nothing else, out of its lane:
	// they are now led by it. Of a part it gathers only the rest of that part. It returns the ids of all that the leader
	// leads, once and for ever the same until they are parted.
	Gather(ctx context.Context, lease Lease, leader string) ([]string, error)
	// Part lets runs wait again, before everything that came after them, as a part that will be gathered by the first of
	// them. Those that wait already stay where they are.
	Part(ctx context.Context, lease Lease, leader string, runs []string) error
}

// Values are what a catalog command's templates may name: {{.Image}}.
type Values struct {
	Service     string // the service or stack
	Environment string
	URL         string // of the environment
	Image       string
	Revision    string
	Version     string
}

// Engine runs load.
type Engine interface {
	// Measure tells seen of every answer as it comes in, one at a time. When ctx ends it ends at once with ctx's cause.
	Measure(ctx context.Context, scenario Scenario, environment Environment, seen func(failed bool)) (Record, error)
}

// Runner works off runs, one environment at a time. Each stage ends with a checkpoint, and working off a stage twice does
// no harm: whoever takes a run over goes on where its last checkpoint is.
type Runner struct {
	Catalog     func() *Catalog
	Ledger      Ledger
	History     History
	Regressions Regressions
	Inventory   Inventory
	Commands    Commander
	Deployers   map[string]Deployer // by platform
	Applier     Applier
	Holds       Holds
	Batches     Batches
	Probe       func(ctx context.Context, url string) error // nil when what is there is well
	Engines     map[string]Engine
	Teller      Teller
	Now         func() time.Time
	Watch       time.Duration // how often a run under load looks whether it was cancelled; 0 means 1 s
	Log         *slog.Logger
}

// errCancelled ends the stage of a run that somebody cancelled, errBudget that of one that has used its time up.
var (
	errCancelled = errors.New("cancelled")
	errBudget    = errors.New("the budget is used up")
)

// Work takes the run through its remaining stages. It returns nil when the run is over, and an error when it cannot go on
// now: the run then stays where it is, for whoever comes next.
func (r *Runner) Work(ctx context.Context, id string, fence int64) error {
	run, err := r.Ledger.Load(ctx, id)
	if err != nil {
		return err
	}
	if run.State.Final() {
		return r.Teller.Tell(ctx, run)
	}
	w := &work{Runner: r, catalog: r.Catalog(), run: run, lease: Lease{run.Environment, fence}}
	if w.batched() {
		err = w.together(ctx)
	} else {
		err = w.stages(ctx)
	}
	if err != nil {
		return fmt.Errorf("run %s: %w", id, err)
	}
	return nil
}

// work is one run being worked off by one holder.
type work struct {
	*Runner
	catalog *Catalog
	run     Run
	lease   Lease
}

// stages takes the run through those that are left.
func (w *work) stages(ctx context.Context) error {
	for !w.run.State.Final() {
		err := w.stage(ctx)
		if err == nil {
			err = w.checkpoint(ctx)
		}
		if errors.Is(err, errCancelled) {
			err = w.cancelled(ctx)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// stage takes the run through the one it is in.
func (w *work) stage(ctx context.Context) error {
	stages := map[Stage]func(context.Context) error{
		"": w.begin, StagePrepare: w.prepare, StageTest: w.test, StageJudge: w.judge, StageConfirm: w.confirm, StageReport: w.report,
	}
	stage := w.run.Stage
	bounded, cancel := w.bounded(ctx)
	defer cancel()
	err := stages[stage](bounded)
	if err != nil && ctx.Err() == nil && errors.Is(context.Cause(bounded), errBudget) {
		err = w.exhausted(ctx)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", cmp.Or(stage, "begin"), err)
	}
	return nil
}

// checkpoint stores the run, takes over the marks that others left on it, and tells people. A run that was cancelled goes
// no further than to its next checkpoint.
func (w *work) checkpoint(ctx context.Context) error {
	if err := w.Ledger.Save(ctx, w.lease, w.run); err != nil {
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
// brought to their end. Stop ends the watching.
func (w *work) watched(ctx context.Context) (watched context.Context, stop func()) {
	watched, cancel := context.WithCancelCause(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		w.watch(watched, func() { cancel(errCancelled) })
	}()
	return watched, func() {
		cancel(nil)
		<-ended
	}
}

func (w *work) watch(ctx context.Context, cancel func()) {
	tick := time.NewTicker(cmp.Or(w.Watch, time.Second))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			// An error is no reason to stop: whether the run may go on is for its next checkpoint to find out.
			if run, err := w.Ledger.Load(ctx, w.run.ID); err == nil && run.Cancel != nil {
				cancel()
			}
		}
	}
}

// cancelled ends the run that somebody cancelled, with the new version in the environment.
func (w *work) cancelled(ctx context.Context) error {
	if w.run.Stage == StageConfirm {
		if err := w.comeBack(ctx); err != nil {
			return fmt.Errorf("cancelled: %w", err)
		}
	}
	w.finish(Cancelled, "")
	return w.checkpoint(ctx)
}

// fail ends the run: something broke before anything could be judged.
func (w *work) fail(reason string) error {
	w.run.Reason = reason
	w.finish(Done, Failed)
	return nil
}

func (w *work) finish(state State, verdict Verdict) {
	w.run.State, w.run.Verdict, w.run.Finished = state, verdict, w.Now()
}
