package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// batch is several changes that are tested together by the holder of the first one's run, the leader. Each stays a run of
// its own, with its own verdict on the scenarios that it selects. When something seems slower, those that it may be due to
// are taken back and wait again, in two halves: so the one at fault is found in few tests, and judged alone.
type batch struct {
	leader *work
	runs   []*work // that are still together; the leader is the last: it is over when all are
	all    []*work // that were
}

// batched tells whether the run leads others, or may.
func (w *work) batched() bool {
	c := w.run.Change()
	begins := w.run.Stage == "" && w.run.Cause == CauseChange && c.Kind == KindService && w.installs() && w.catalog.Environments[w.run.Environment].Batch
	return begins || len(w.run.Batch) > 0 || w.run.Stage == StageApart
}

// together works the run off with those that it leads; alone when there are none. One that was parted from others begins
// again, but not in an environment that is not well.
func (w *work) together(ctx context.Context) error {
	for !w.run.State.Final() {
		b, err := w.gather(ctx)
		if err != nil {
			return err
		}
		if len(b.runs) == 1 && w.run.Stage != StageApart {
			return w.stages(ctx)
		}
		if err := b.stages(ctx); err != nil {
			return err
		}
		if b.unwell() && !w.run.State.Final() {
			return &Postponed{w.Now()}
		}
	}
	return nil
}

func (w *work) gather(ctx context.Context) (*batch, error) {
	b := &batch{leader: w}
	ids, err := w.Batches.Gather(ctx, w.lease, w.run.ID)
	if err != nil {
		return nil, fmt.Errorf("gather what waits with it: %w", err)
	}
	for _, id := range ids {
		run, err := w.Ledger.Load(ctx, id)
		if err == nil && run.State.Final() { // whoever ended it may have crashed before saying so
			err = w.Teller.Tell(ctx, run)
		}
		if err != nil {
			return nil, err
		}
		b.runs = append(b.runs, &work{Runner: w.Runner, catalog: w.catalog, run: run, lease: w.lease})
	}
	b.runs = append(b.runs, w)
	b.all = slices.Clone(b.runs)
	w.run.Batch = ids
	return b, nil
}

// unwell tells whether one of the runs left the environment so.
func (b *batch) unwell() bool {
	return slices.ContainsFunc(b.all, func(w *work) bool { return w.run.Unwell != "" })
}

// stages takes all runs through what is left, the one that is furthest behind first, until all are over or were released:
// nothing goes on in an environment that is not well.
func (b *batch) stages(ctx context.Context) error {
	for live := b.live(); len(live) > 0; live = b.live() {
		if b.unwell() {
			return b.release(ctx, live)
		}
		if err := b.step(ctx, live); err != nil {
			return err
		}
	}
	return nil
}

func (b *batch) live() []*work {
	return slices.DeleteFunc(slices.Clone(b.runs), func(w *work) bool { return w.run.State.Final() })
}

// order of the stages.
var order = []Stage{"", StagePrepare, StageTest, StageJudge, StageConfirm, StageApart, StageReport}

func (b *batch) step(ctx context.Context, live []*work) error {
	behind := func(x, y *work) int { return slices.Index(order, x.run.Stage) - slices.Index(order, y.run.Stage) }
	switch first := slices.MinFunc(live, behind); first.run.Stage {
	case StageTest:
		return b.test(ctx)
	case StageConfirm, StageApart:
		return b.bisect(ctx, live)
	default:
		return b.advance(ctx, first)
	}
}

// advance takes one run through its stage. The leader is never over before the others: those it leaves behind wait again.
func (b *batch) advance(ctx context.Context, w *work) error {
	err := w.stage(ctx)
	if err == nil && w == b.leader && w.run.State.Final() {
		return b.abandon(ctx, w.checkpoint)
	}
	if err == nil {
		err = w.checkpoint(ctx)
	}
	return b.cancelled(ctx, w, err)
}

// cancelled ends the run whose error says that somebody cancelled it; other errors stand.
func (b *batch) cancelled(ctx context.Context, w *work, err error) error {
	switch {
	case !errors.Is(err, errCancelled):
		return err
	case w == b.leader:
		return b.abandon(ctx, w.cancelled)
	}
	return w.cancelled(ctx)
}

// abandon has the others wait again, and ends the leader.
func (b *batch) abandon(ctx context.Context, end func(context.Context) error) error {
	others := slices.DeleteFunc(b.live(), func(w *work) bool { return w == b.leader })
	if err := b.release(ctx, others); err != nil {
		return err
	}
	return end(ctx)
}

// test measures every scenario that one of the runs selects, once, for all that do, until all are measured, the time is up
// or load had to be stopped. Those that are not through then, or whose load was stopped, are tested apart.
func (b *batch) test(ctx context.Context) error {
	bounded, cancel := b.leader.bounded(ctx)
	defer cancel()
	for name := b.next(); name != ""; name = b.next() {
		err := b.measure(bounded, name)
		if err != nil && ctx.Err() == nil && errors.Is(context.Cause(bounded), errBudget) {
			break
		}
		if err != nil {
			return b.cancelled(ctx, b.leader, err)
		}
		if err := b.refresh(ctx); err != nil {
			return err
		}
	}
	live := b.live()
	return b.each(ctx, live, func(w *work) {
		slices.SortFunc(w.run.Results, w.run.Selection.inOrder)
		w.run.Stage = StageJudge
		if len(live) > 1 && (w.run.Stopped != "" || len(w.run.Results) < len(w.run.Selection.Scenarios)) {
			w.run.Stage = StageApart
		}
	})
}

// next is a scenario that a run still needs, the leader's first; empty when there is none, or load was stopped.
func (b *batch) next() string {
	live := b.live()
	if slices.ContainsFunc(live, func(w *work) bool { return w.run.Stopped != "" }) {
		return ""
	}
	for _, w := range slices.Backward(live) {
		for _, name := range w.run.Selection.Names() {
			if w.resultOf(name) == nil {
				return name
			}
		}
	}
	return ""
}

// refresh ends the runs that somebody cancelled meanwhile.
func (b *batch) refresh(ctx context.Context) error {
	for _, w := range b.live() {
		run, err := w.Ledger.Load(ctx, w.run.ID)
		if err == nil && run.Cancel != nil {
			w.run.Cancel = run.Cancel
			err = errCancelled
		}
		if err := b.cancelled(ctx, w, err); err != nil {
			return err
		}
	}
	return nil
}

// each does something to every run, and stores it.
func (b *batch) each(ctx context.Context, runs []*work, do func(*work)) error {
	for _, w := range runs {
		do(w)
		if err := b.cancelled(ctx, w, w.checkpoint(ctx)); err != nil {
			return err
		}
	}
	return nil
}

// measure gives a scenario's result to every run that selects it: the one that another run has already, after a crash.
func (b *batch) measure(ctx context.Context, name string) error {
	var result Result
	live := b.live()
	for _, w := range live {
		if known := w.resultOf(name); known != nil {
			result = *known
		}
	}
	if result.ID == "" {
		var err error
		result, err = b.leader.measure(ctx, name, b.leader.resultID(name), b.leader.run.Change().Artefact())
		if err != nil {
			return err
		}
	}
	for _, w := range live {
		if slices.Contains(w.run.Selection.Names(), name) && w.resultOf(name) == nil {
			w.add(result)
			if err := b.cancelled(ctx, w, w.checkpoint(ctx)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *work) resultOf(scenario string) *Result {
	i := slices.IndexFunc(w.run.Results, func(r Result) bool { return r.Scenario == scenario })
	if i < 0 {
		return nil
	}
	return &w.run.Results[i]
}

// bisect lets those whose scenarios are under suspicion wait again, half by half. The others are through.
func (b *batch) bisect(ctx context.Context, live []*work) error {
	var suspected []*work
	for _, w := range slices.Backward(live) { // so that the leader, where it is one of them, is in the half that goes first
		switch {
		case w.run.Stage == StageConfirm || w.run.Stage == StageApart:
			suspected = append(suspected, w)
		case w == b.leader: // over when the others are
		default:
			if err := b.advance(ctx, w); err != nil {
				return err
			}
		}
	}
	half := (len(suspected) + 1) / 2
	if err := b.release(ctx, suspected[half:]); err != nil {
		return err
	}
	return b.release(ctx, suspected[:half])
}

// release takes out what the runs brought in, and has them wait again for a test without the rest. Of the leader that
// means that it begins again.
func (b *batch) release(ctx context.Context, runs []*work) error {
	if len(runs) == 0 {
		return nil
	}
	var ids []string
	for _, w := range runs {
		if err := w.startOver(ctx); err != nil {
			return err
		}
		ids = append(ids, w.run.ID)
	}
	if err := b.leader.part(ctx, ids); err != nil {
		return err
	}
	b.runs = slices.DeleteFunc(b.runs, func(w *work) bool { return slices.Contains(runs, w) })
	return nil
}

// part has runs wait again as a part of their own, and tells that.
func (w *work) part(ctx context.Context, ids []string) error {
	if err := w.Batches.Part(ctx, w.lease, w.run.ID, ids); err != nil {
		return fmt.Errorf("part %v: %w", ids, err)
	}
	for _, id := range ids {
		run, err := w.Ledger.Load(ctx, id)
		if err == nil {
			err = w.Teller.Tell(ctx, run)
		}
		if err != nil {
			return fmt.Errorf("tell that %s was parted: %w", id, err)
		}
	}
	return nil
}

// startOver leaves the run, and its service if anything was done to it, as they were when it came.
func (w *work) startOver(ctx context.Context) error {
	if w.run.Applying {
		if err := w.restore(ctx, false); err != nil {
			return err
		}
	}
	w.run.State, w.run.Stage, w.run.Verdict, w.run.Restored, w.run.Stopped = Waiting, "", "", "", ""
	w.run.Results, w.run.Outcomes, w.run.Applying = []Result{}, nil, false
	w.run.Round++
	return w.Ledger.Save(ctx, w.lease, w.run)
}
