package pipeline_test

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"bellwether/pipeline"
)

// call is one call of the store or the chat; an effect is what it does to the world, empty when it only reads.
func (w *world) call(ctx context.Context, effect string, do func() error) error {
	if effect != "" {
		w.before(effect)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	w.calls = append(w.calls, effect)
	hit := len(w.calls) == w.crashAt
	if hit && w.mishap == breaksBefore {
		return errCrash
	}
	if err := do(); err != nil {
		return err
	}
	if effect != "" {
		w.log = append(w.log, effect)
	}
	if hit {
		return w.suffer()
	}
	return nil
}

func (w *world) suffer() error {
	w.lostAt, w.lostStore = len(w.log), w.stored()
	switch w.mishap {
	case loses:
		w.fence++
		w.lose(errLost)
	case stalls:
		w.fence++
	default:
		return errCrash
	}
	return nil
}

func (w *world) fenced(lease pipeline.Lease, do func()) func() error {
	return func() error {
		if lease != (pipeline.Lease{Environment: "load", Fence: w.fence}) {
			return errFenced
		}
		do()
		return nil
	}
}

func (w *world) Load(ctx context.Context, id string) (run pipeline.Run, err error) {
	err = w.call(ctx, "", func() error {
		raw, ok := w.runs[id]
		if !ok {
			return fmt.Errorf("run %s: %w", id, pipeline.ErrNotFound)
		}
		run = parsed[pipeline.Run](raw)
		run.Cancel, run.Approved, run.Rejected = w.marks[id], w.approved, w.rejected
		run.Batch = w.batches[id]
		run.Regressions = w.regressions(func(g pipeline.Regression) bool { return g.Run == id })
		return nil
	})
	return run, err
}

func (w *world) Save(ctx context.Context, lease pipeline.Lease, run pipeline.Run) error {
	return w.call(ctx, fmt.Sprintf("save %s %s", run.State, run.Stage), w.fenced(lease, func() {
		if !parsed[pipeline.Run](w.runs[run.ID]).State.Final() {
			w.runs[run.ID] = text(run)
		}
	}))
}

func (w *world) Install(ctx context.Context, lease pipeline.Lease, _, thing string, a pipeline.Artefact) error {
	return w.call(ctx, "install "+a.Label(), w.fenced(lease, func() { w.installed[thing] = a }))
}

func (w *world) Keep(ctx context.Context, lease pipeline.Lease, r pipeline.Result, rec pipeline.Record) error {
	return w.call(ctx, "keep "+r.ID, w.fenced(lease, func() {
		w.kept[r.ID] = parsed[pipeline.Result](text(r))
	}))
}

func (w *world) Count(ctx context.Context, lease pipeline.Lease, r pipeline.Result) error {
	return w.call(ctx, "count "+r.ID, w.fenced(lease, func() {
		if !slices.ContainsFunc(w.past[r.Scenario], func(p pipeline.Result) bool { return p.ID == r.ID }) {
			w.past[r.Scenario] = append([]pipeline.Result{parsed[pipeline.Result](text(r))}, w.past[r.Scenario]...)
		}
	}))
}

func (w *world) Past(ctx context.Context, environment string, scenario pipeline.Scenario) (past pipeline.Past, err error) {
	err = w.call(ctx, "", func() error { past.Results = slices.Clone(w.past[scenario.Name]); return nil })
	return past, err
}

// regressions are those of some kind, by id.
func (w *world) regressions(some func(pipeline.Regression) bool) (all []pipeline.Regression) {
	for _, id := range slices.Sorted(maps.Keys(w.found)) {
		if g := parsed[pipeline.Regression](w.found[id]); some(g) {
			all = append(all, g)
		}
	}
	return all
}

func (w *world) Standing(ctx context.Context, environment string) (all []pipeline.Regression, err error) {
	err = w.call(ctx, "", func() error {
		all = w.regressions(func(g pipeline.Regression) bool { return g.Environment == environment && g.End == nil })
		return nil
	})
	return all, err
}

func (w *world) Follow(ctx context.Context, lease pipeline.Lease, changed []pipeline.Regression) error {
	return w.call(ctx, fmt.Sprintf("follow %d", len(changed)), w.fenced(lease, func() {
		for _, g := range changed {
			if raw, ok := w.found[g.ID]; !ok || parsed[pipeline.Regression](raw).End == nil {
				w.found[g.ID] = text(g)
			}
		}
	}))
}

func (w *world) Overtaken(ctx context.Context, run pipeline.Run) (overtaken bool, err error) {
	err = w.call(ctx, "", func() error { overtaken = w.overtaken; return nil })
	return overtaken, err
}

func (w *world) Installed(ctx context.Context, _ string) (all map[string]pipeline.Artefact, err error) {
	err = w.call(ctx, "", func() error { all = maps.Clone(w.installed); return nil })
	return all, err
}

func (w *world) Tell(ctx context.Context, run pipeline.Run) error {
	return w.call(ctx, fmt.Sprintf("tell %s %s", run.State, run.Stage), func() error {
		w.told = append(w.told, run)
		if run.State.Final() {
			w.ended[text(run)] = true
		}
		return nil
	})
}

// stored is the content of the store.
func (w *world) stored() string { return text([]any{w.runs, w.installed, w.past, w.kept, w.found}) }

func (w *world) TellHold(ctx context.Context, hold pipeline.Hold) error {
	return w.call(ctx, "tell hold "+hold.Environment, func() error { return nil })
}

// Unwell keeps the first hold because of a run.
func (w *world) Unwell(ctx context.Context, lease pipeline.Lease, hold pipeline.Hold) (pipeline.Hold, error) {
	err := w.call(ctx, "hold "+hold.Environment+": "+hold.By.Because, w.fenced(lease, func() {}))
	hold.ID = "H1"
	return hold, err
}
