package commands

import (
	"context"
	"maps"
	"slices"
	"time"

	"bellwether/pipeline"
)

// found are the regressions of a run as it found them: of outcomes without findings, of their p95.
func found(run pipeline.Run) (all []pipeline.Regression) {
	for _, o := range run.Outcomes {
		if o.Verdict != pipeline.Regressed && o.Verdict != pipeline.Suspect {
			continue
		}
		metrics := []pipeline.Metric{}
		for _, f := range o.Findings {
			if f.Group == o.Scenario {
				metrics = append(metrics, f.Metric)
			}
		}
		if len(metrics) == 0 {
			metrics = append(metrics, pipeline.P95)
		}
		for _, m := range metrics {
			all = append(all, pipeline.Regression{
				ID: run.ID + "/" + o.Scenario + "/" + string(m), Run: run.ID, Subject: run.Subject(), Environment: run.Environment, Scenario: o.Scenario,
				Group: o.Scenario, Metric: m, At: run.Finished, Since: run.ID, Doubtful: o.Verdict == pipeline.Suspect,
			})
		}
	}
	return all
}

func (l *ledger) Standing(ctx context.Context, environment string) (all []pipeline.Regression, err error) {
	for _, id := range slices.Sorted(maps.Keys(l.runs)) {
		if run, _ := l.Load(ctx, id); run.Environment == environment && run.State == pipeline.Done {
			all = append(all, run.Standing()...)
		}
	}
	return all, l.broken
}

func (l *ledger) Trend(context.Context, string, string, time.Time) ([]pipeline.Run, error) {
	return nil, l.broken
}

func (l *ledger) Triage(ctx context.Context, id string, as pipeline.Ending, m pipeline.Mark) (pipeline.Run, error) {
	run, _ := l.Load(ctx, id)
	if _, said := wordOn(run, m.Scope); said {
		return run, l.broken
	}
	end := pipeline.End{As: as, At: m.At, Mark: &m}
	run.Regressions = slices.Clone(run.Regressions)
	for i, g := range run.Regressions {
		if g.End == nil && (m.Scope == "" || m.Scope == g.Scenario) {
			run.Regressions[i].End = &end
		}
	}
	run.Triaged = append(slices.Clone(run.Triaged), end)
	l.runs[id] = run
	return run, l.broken
}

func (l *ledger) Reopen(ctx context.Context, id string, _ pipeline.Mark) (pipeline.Run, error) {
	run, _ := l.Load(ctx, id)
	run.Triaged, run.Regressions = nil, slices.Clone(run.Regressions)
	for i, g := range run.Regressions {
		if g.End != nil && g.End.Mark != nil {
			run.Regressions[i].End = nil
		}
	}
	l.runs[id] = run
	return run, l.broken
}

func (l *ledger) Pin(_ context.Context, environment string, scenarios []string, run string, m pipeline.Mark) error {
	if l.pins[environment] == nil {
		l.pins[environment] = map[string]pipeline.Pin{}
	}
	for _, s := range scenarios {
		l.pins[environment][s] = pipeline.Pin{Run: run, Mark: m}
		if run == "" {
			delete(l.pins[environment], s)
		}
	}
	return l.broken
}

func (l *ledger) Pinned(_ context.Context, environment string) (map[string]pipeline.Pin, error) {
	return maps.Clone(l.pins[environment]), l.broken
}
