package pipeline

import (
	"context"
	"fmt"
	"slices"
)

// legs measures those that are left; each is a checkpoint.
func (w *work) legs(ctx context.Context) error {
	order := Order(w.canGoBack())
	for i := len(w.run.Legs); i < len(order); i++ {
		scenarios, err := w.again(ctx)
		if err != nil || len(scenarios) == 0 {
			return err
		}
		if err := w.mayGoOn(ctx, len(order)); err != nil {
			return err
		}
		leg, err := w.leg(ctx, i, order[i], scenarios)
		if err != nil {
			return err
		}
		w.run.Legs = append(w.run.Legs, leg)
		if err := w.checkpoint(ctx); err != nil {
			return err
		}
	}
	return nil
}

// again are the scenarios of the next leg: between looks those of the one before, after a look those that it did not decide.
func (w *work) again(ctx context.Context) ([]string, error) {
	legs := w.run.Legs
	switch {
	case len(legs) == 0:
		return w.suspects(), nil
	case len(legs) != lookLegs:
		var names []string
		for _, r := range legs[len(legs)-1].Results {
			names = append(names, r.Scenario)
		}
		return names, nil
	}
	comparisons, err := w.comparisons(ctx)
	if err != nil {
		return nil, err
	}
	var names []string
	for i, c := range comparisons {
		if c.Undecided(w.run.Outcomes[i], legs) {
			names = append(names, c.Result.Scenario)
		}
	}
	return names, nil
}

// mayGoOn is a tooLate when the suspicions had their time, counted from the first leg on, or a newer change makes them
// pointless: once, or nothing would ever be settled where changes never cease.
func (w *work) mayGoOn(ctx context.Context, all int) error {
	done, budget := len(w.run.Legs), w.catalog.Environments[w.run.Environment].Confirm
	if done == 0 {
		return nil
	}
	first := slices.MinFunc(w.run.Legs[0].Results, func(a, b Result) int { return a.Start.Compare(b.Start) })
	if budget > 0 && w.Now().Sub(first.Start) >= budget {
		return tooLate(fmt.Sprintf("the %s for confirming were used up after %d of %d measurements", Brief(budget), done, all))
	}
	if doubted(w.run) {
		return nil
	}
	overtaken, err := w.Regressions.Overtaken(ctx, w.run)
	if err != nil {
		return fmt.Errorf("newer changes of %s: %w", w.run.Subject(), err)
	}
	if overtaken {
		return tooLate(fmt.Sprintf("a newer change of %s waits; measured again %d of %d times", w.run.Change().Name, done, all))
	}
	return nil
}

// doubted tells whether an earlier run already suspected what this one does, and did not find out.
func doubted(run Run) bool {
	known := func(f Finding) bool { return f.Verdict == Suspect && f.Course == CourseSame }
	return slices.ContainsFunc(run.Outcomes, func(o Outcome) bool { return slices.ContainsFunc(o.Findings, known) })
}

// tooLate is the StepError of a confirmation that there is no more time for.
type tooLate string

func (l tooLate) Error() string        { return string(l) }
func (l tooLate) Explain() Explanation { return Explanation{Reason: string(l)} }

// leg measures scenarios once more, on the new version or the old one.
func (w *work) leg(ctx context.Context, number int, fresh bool, scenarios []string) (Leg, error) {
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
	for _, name := range scenarios {
		result, err := w.measure(ctx, name, fmt.Sprintf("%s/%s/leg%d", w.run.ID, name, number+1), artefact)
		if err != nil {
			return Leg{}, err
		}
		if result.Stopped != "" {
			return Leg{}, w.fainted(fresh, result.Stopped)
		}
		leg.Results = append(leg.Results, result)
	}
	return leg, nil
}

// fainted is the end of a confirmation whose load was stopped. Only the new version's load tells something about that.
func (w *work) fainted(fresh bool, why string) error {
	if !fresh {
		return &sickness{Explanation{Reason: "the load on " + w.run.Before.Label() + " was stopped: " + why}}
	}
	w.run.Stopped = why
	return &sickness{Explanation{Reason: "the load was stopped: " + why}}
}
