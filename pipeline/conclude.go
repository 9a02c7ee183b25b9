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
	w.run.Stage = StageReport
	if w.sum(); w.run.Verdict == Suspect {
		w.run.Stage = StageConfirm
	}
	return nil
}

func (w *work) comparisons(ctx context.Context) ([]Comparison, error) {
	var comparisons []Comparison
	for _, result := range w.run.Results {
		past, err := w.History.Past(ctx, w.run.Environment, result.Scenario)
		if err != nil {
			return nil, fmt.Errorf("past of %s: %w", result.Scenario, err)
		}
		comparisons = append(comparisons, Comparison{w.scenario(result.Scenario), result, past})
	}
	return comparisons, nil
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
}

// confirm measures the suspected scenarios afresh, the old version and the new one interleaved, and settles the suspicion.
// Each leg is a checkpoint; in the end the new version is installed again.
func (w *work) confirm(ctx context.Context) error {
	for i, fresh := range Order(w.canGoBack()) {
		if i < len(w.run.Legs) {
			continue
		}
		leg, err := w.leg(ctx, i, fresh)
		if err != nil {
			return w.unconfirmed(err)
		}
		w.run.Legs = append(w.run.Legs, leg)
		if err := w.checkpoint(ctx); err != nil {
			return err
		}
	}
	if w.canGoBack() {
		if err := w.install(ctx, w.run.Change().Artefact()); err != nil {
			return w.unconfirmed(err)
		}
	}
	return w.settle(ctx)
}

// canGoBack tells whether there is an old version that can be deployed beside the new one.
func (w *work) canGoBack() bool {
	c := w.run.Change()
	return c.Kind == KindService && w.run.Before != nil && *w.run.Before != c.Artefact()
}

func (w *work) leg(ctx context.Context, number int, fresh bool) (Leg, error) {
	artefact := w.run.Change().Artefact()
	if !fresh {
		artefact = *w.run.Before
	}
	if w.canGoBack() {
		if err := w.install(ctx, artefact); err != nil {
			return Leg{}, err
		}
	}
	leg := Leg{New: fresh}
	for _, name := range w.suspects() {
		result, err := w.measure(ctx, name, fmt.Sprintf("%s/%s/leg%d", w.run.ID, name, number+1), artefact)
		if err != nil {
			return Leg{}, err
		}
		leg.Results = append(leg.Results, result)
	}
	return leg, nil
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

// settle judges the legs.
func (w *work) settle(ctx context.Context) error {
	comparisons, err := w.comparisons(ctx)
	if err != nil {
		return err
	}
	for i, c := range comparisons {
		if w.run.Outcomes[i].Verdict == Suspect {
			w.run.Outcomes[i] = c.Confirm(w.run.Outcomes[i], w.run.Legs)
		}
	}
	w.sum()
	w.run.Stage = StageReport
	return nil
}

// unconfirmed leaves the suspicion standing when a version could not be deployed again; other errors are not its business.
func (w *work) unconfirmed(err error) error {
	if !isCommandError(err) {
		return err
	}
	w.run.Reason = "could not be confirmed: " + err.Error()
	w.run.Stage = StageReport
	return nil
}

// report counts what passed for the runs to come, and ends the run.
func (w *work) report(ctx context.Context) error {
	for i, o := range w.run.Outcomes {
		if slices.Contains([]Verdict{Pass, Improved}, o.Verdict) {
			if err := w.History.Count(ctx, w.hold, w.run.Results[i]); err != nil {
				return err
			}
		}
	}
	w.finish(Done, w.run.Verdict)
	return nil
}
