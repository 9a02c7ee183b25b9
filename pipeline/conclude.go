package pipeline

import (
	"context"
	"fmt"
	"slices"
)

// judge compares what was measured with the past.
func (w *work) judge(ctx context.Context) error {
	comparisons, err := w.comparisons(ctx)
	if err != nil {
		return err
	}
	w.run.Outcomes = Judge(comparisons)
	w.sum()
	w.run.Stage = StageReport
	if len(w.suspects()) > 0 && w.run.Stopped == "" {
		w.run.Stage = StageConfirm
	}
	return nil
}

func (w *work) comparisons(ctx context.Context) ([]Comparison, error) {
	standing, err := w.Regressions.Standing(ctx, w.run.Environment)
	if err != nil {
		return nil, fmt.Errorf("regressions in %s: %w", w.run.Environment, err)
	}
	var comparisons []Comparison
	for _, result := range w.run.Results {
		c := Comparison{Thing: w.thing(), Scenario: w.scenario(result.Scenario), Result: result}
		if c.Past, err = w.History.Past(ctx, w.run.Environment, c.Scenario); err != nil {
			return nil, fmt.Errorf("past of %s: %w", result.Scenario, err)
		}
		c.Known = slices.DeleteFunc(slices.Clone(standing), func(g Regression) bool { return g.Scenario != result.Scenario })
		comparisons = append(comparisons, c)
	}
	return comparisons, nil
}

// thing that the run tests; empty for a full run.
func (w *work) thing() string {
	if w.run.Change().Name == "" {
		return ""
	}
	return w.run.Change().thing()
}

// scenario of the catalog; the name alone once it is gone from there.
func (w *work) scenario(name string) Scenario {
	if s, ok := w.catalog.Scenarios[name]; ok {
		return s
	}
	return Scenario{Name: name}
}

func (w *work) sum() {
	verdicts := make([]Verdict, len(w.run.Outcomes))
	for i, o := range w.run.Outcomes {
		verdicts[i] = o.Verdict
	}
	w.run.Verdict = Worst(verdicts...)
	if len(w.run.Results) < len(w.run.Selection.Scenarios) && Worst(w.run.Verdict, Invalid) == Invalid {
		w.run.Verdict = Invalid
		w.remark("not every scenario was tested")
	}
}

// confirm measures the suspected scenarios afresh, the old version and the new one interleaved, and settles the suspicions that
// it can. The others stand, where a version could not be deployed again or there was no time. In the end the new version is
// installed.
func (w *work) confirm(ctx context.Context) error {
	broken := w.legs(ctx)
	if isBroken(broken) {
		w.remark("could not be confirmed: " + broken.Error())
	} else if broken != nil {
		return broken
	}
	if err := w.comeBack(ctx); err != nil {
		return err
	}
	w.run.Stage = StageReport
	return w.settle(ctx)
}

// canGoBack tells whether there is an old version that we can deploy in turn with the new one.
func (w *work) canGoBack() bool {
	c := w.run.Change()
	return c.Kind == KindService && w.installs() && w.run.Before != nil && *w.run.Before != c.Artefact()
}

// comeBack installs the new version again, whatever the last leg left behind.
func (w *work) comeBack(ctx context.Context) error {
	if !w.canGoBack() {
		return nil
	}
	err := w.install(ctx, w.run.Change().Artefact())
	if isBroken(err) {
		why := "the environment was not set back to " + w.run.Change().Artefact().Label() + ": " + err.Error()
		w.remark(why)
		return w.unwell(ctx, why)
	}
	return err
}

func (w *work) remark(reason string) {
	if w.run.Reason != "" {
		reason = w.run.Reason + "; " + reason
	}
	w.run.Reason = reason
}

func (w *work) suspects() []string {
	var names []string
	for _, o := range w.run.Outcomes {
		if o.Verdict == Suspect {
			names = append(names, o.Scenario)
		}
	}
	return names
}

// settle judges the suspicions for which there are legs enough.
func (w *work) settle(ctx context.Context) error {
	comparisons, err := w.comparisons(ctx)
	if err != nil {
		return err
	}
	for i, c := range comparisons {
		if o := w.run.Outcomes[i]; o.Verdict == Suspect && !c.Undecided(o, w.run.Legs) {
			w.run.Outcomes[i] = c.Confirm(o, w.run.Legs)
		}
	}
	w.sum()
	return nil
}

// takeBack brings back what ran before, where the catalog wants that of a version that regressed, or broke under load.
func (w *work) takeBack(ctx context.Context) error {
	bad := w.run.Verdict == Regressed || w.run.Stopped != ""
	if !bad || !w.catalog.Services[w.run.Change().Name].Restore || !w.canGoBack() {
		return nil
	}
	return w.restore(ctx, false)
}

// report counts what passed for the runs to come, and ends the run. A run that only was unlucky, and passed once it was
// measured again, counts with its high values: baselines without them would be too low.
func (w *work) report(ctx context.Context) error {
	for i, o := range w.run.Outcomes {
		if o.passed() && !o.Uncounted {
			if err := w.History.Count(ctx, w.lease, w.run.Results[i]); err != nil {
				return err
			}
		}
	}
	if err := w.takeBack(ctx); err != nil {
		return err
	}
	w.finish(Done, w.run.Verdict)
	return w.follow(ctx)
}

// follow keeps the regressions that the run found, and what became of others.
func (w *work) follow(ctx context.Context) error {
	standing, err := w.Regressions.Standing(ctx, w.run.Environment)
	if err != nil {
		return fmt.Errorf("regressions in %s: %w", w.run.Environment, err)
	}
	changed := Follow(w.run, standing)
	if len(changed) == 0 {
		return nil
	}
	return w.Regressions.Follow(ctx, w.lease, changed)
}
