package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
)

// test measures every selected scenario that has no result yet; each is a checkpoint. Load that had to be stopped is not
// followed by more.
func (w *work) test(ctx context.Context) error {
	for i, selected := range w.run.Selection.Scenarios {
		if i < len(w.run.Results) || w.run.Stopped != "" {
			continue
		}
		result, err := w.measure(ctx, selected.Scenario, w.resultID(selected.Scenario), w.run.Change().Artefact())
		if err != nil {
			return err
		}
		w.add(result)
		if err := w.checkpoint(ctx); err != nil {
			return err
		}
	}
	w.run.Stage = StageJudge
	return nil
}

func (w *work) add(result Result) {
	w.run.Results = append(w.run.Results, result)
	if result.Stopped != "" {
		w.run.Stopped = result.Stopped
	}
}

// resultID tells the rounds of a run apart.
func (w *work) resultID(scenario string) string {
	if w.run.Round == 0 {
		return w.run.ID + "/" + scenario
	}
	return fmt.Sprintf("%s/%s/round%d", w.run.ID, scenario, w.run.Round+1)
}

// measure runs one scenario and keeps its result. An unwell generator gets a second chance before the result is invalid.
func (w *work) measure(ctx context.Context, name, id string, a Artefact) (Result, error) {
	result, record, err := w.attempt(ctx, name, id, a)
	if err == nil && result.Invalid != "" {
		w.Log.Warn("measurement repeated", "run", w.run.ID, "scenario", name, "reason", result.Invalid)
		result, record, err = w.attempt(ctx, name, id, a)
	}
	if err != nil {
		return Result{}, err
	}
	return result, w.History.Keep(ctx, w.lease, result, record)
}

func (w *work) attempt(ctx context.Context, name, id string, a Artefact) (Result, Record, error) {
	result := Result{
		ID: id, Run: w.run.ID, Scenario: name, Environment: w.run.Environment, Start: w.Now(), Artefact: a,
		Groups: map[string]Summary{},
	}
	scenario, ok := w.catalog.Scenarios[name]
	if !ok {
		result.Failed = "the scenario is no longer in the catalog"
		return result, Record{}, nil
	}
	versions, err := w.versions(ctx)
	if err != nil {
		return result, Record{}, err
	}
	result.Hash, result.Versions = scenario.Hash(), versions
	record, err := w.load(ctx, scenario, a)
	if ctx.Err() != nil || errors.Is(err, errCancelled) {
		return result, record, cmp.Or(context.Cause(ctx), err)
	}
	if err != nil {
		result.Failed = err.Error()
		if sick, ok := errors.AsType[*sickness](err); ok {
			result.Stopped, result.Failed = sick.why.Reason, "the load was stopped: "+sick.why.Reason
		} else if broken, ok := errors.AsType[StepError](err); ok {
			w.run.Output = broken.Explain().Output
		}
		return result, record, nil
	}
	result.Start, result.Warmup = record.Start, min(record.Warmup, record.Seconds())
	result.Seconds = record.Seconds() - result.Warmup
	if result.Failed = unanswered(record, w.catalog.Environments[w.run.Environment]); result.Failed == "" {
		result.Groups, result.Invalid = Summarise(record), Unwell(record)
	}
	return result, record, nil
}

// unanswered says that not one request got a response: then there is nothing to judge. Empty otherwise.
func unanswered(record Record, environment Environment) string {
	answered := func(s Series) bool { return s.Class != NoResponse }
	if record.Fault == "" || slices.ContainsFunc(record.Series, answered) {
		return ""
	}
	where := environment.Name
	if address, err := url.Parse(environment.URL); err == nil {
		where = address.Redacted()
	}
	return fmt.Sprintf("nothing answered at %s: %s; is it running?", where, record.Fault)
}

// load resets the environment, sets the scenario up, runs it and always tears it down: after a set-up that broke half-way
// too, but not once ctx has ended, for then the environment may be somebody else's, who repeats the stage.
func (w *work) load(ctx context.Context, s Scenario, a Artefact) (record Record, err error) {
	environment := w.catalog.Environments[w.run.Environment]
	if err := w.command(ctx, "reset of the environment", environment.Reset, a); err != nil {
		return Record{}, err
	}
	defer func() { err = cmp.Or(err, w.command(ctx, "teardown", s.Teardown, a)) }()
	if err := w.command(ctx, "set-up", s.Setup, a); err != nil {
		return Record{}, err
	}
	engine, ok := w.Engines[s.Engine]
	if !ok {
		return Record{}, fmt.Errorf("no engine %q is configured", s.Engine)
	}
	watched, stop := w.watched(ctx)
	defer stop()
	return w.underLoad(watched, engine, s)
}

// underLoad measures, and stops when the environment does not bear it.
func (w *work) underLoad(ctx context.Context, engine Engine, s Scenario) (Record, error) {
	loading, cancel := context.WithCancelCause(ctx)
	environment := w.catalog.Environments[w.run.Environment]
	g, ended := &guard{abort: environment.Abort}, make(chan struct{})
	go func() {
		defer close(ended)
		w.guarded(loading, g, func(why string) { cancel(&sickness{Explanation{Reason: why}}) })
	}()
	record, err := engine.Measure(loading, s, environment, g.seen)
	stopped := context.Cause(loading)
	cancel(nil)
	<-ended
	if stopped != nil {
		return Record{}, stopped
	}
	return record, err
}

func (w *work) command(ctx context.Context, what string, command *Command, a Artefact) error {
	if command == nil {
		return nil
	}
	if err := w.execute(ctx, *command, a); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// execute runs a command, unless ctx has ended. One that was stopped because ctx ended is nobody's failure.
func (w *work) execute(ctx context.Context, command Command, a Artefact) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	_, err := w.Commands.Run(ctx, command, w.values(a))
	return cmp.Or(context.Cause(ctx), err)
}

func (w *work) versions(ctx context.Context) (map[string]string, error) {
	installed, err := w.Inventory.Installed(ctx, w.run.Environment)
	versions := map[string]string{}
	for thing, a := range installed {
		versions[thing] = a.Label()
	}
	return versions, err
}
