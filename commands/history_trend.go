package commands

import (
	"fmt"
	"math"
	"slices"
	"time"

	"bellwether/bot"
	"bellwether/charts"
	"bellwether/internal/stats"
	"bellwether/pipeline"
)

// trend is how the p95 of a scenario went from run to run, in milliseconds.
type trend struct {
	scenario string
	period   time.Duration
	runs     []pipeline.Run // that measured it, oldest first
	values   []float64      // theirs; NaN of a run that does not count
	changes  []stats.ChangePoint
	standing []pipeline.Regression // of the scenario, oldest first
	gates    []pipeline.Gate
}

// newTrend takes what failed before it measured anything out of the runs.
func newTrend(scenario pipeline.Scenario, period time.Duration, runs []pipeline.Run, standing []pipeline.Regression) trend {
	tr := trend{scenario: scenario.Name, period: period, gates: scenario.Gates}
	for _, run := range runs {
		if o := outcome(run, scenario.Name); o.Verdict != "" && o.Verdict != pipeline.Failed {
			tr.runs = append(tr.runs, run)
			tr.values = append(tr.values, counted(run, scenario.Name))
		}
	}
	tr.changes = stats.ChangePoints(tr.values)
	for _, g := range standing {
		if g.Scenario == scenario.Name {
			tr.standing = append(tr.standing, g)
		}
	}
	slices.SortStableFunc(tr.standing, func(a, b pipeline.Regression) int { return a.At.Compare(b.At) })
	return tr
}

// outcome of a scenario; the zero Outcome when the run has none.
func outcome(run pipeline.Run, scenario string) pipeline.Outcome {
	i := slices.IndexFunc(run.Outcomes, func(o pipeline.Outcome) bool { return o.Scenario == scenario })
	if i < 0 {
		return pipeline.Outcome{}
	}
	return run.Outcomes[i]
}

// p95 is what was found of the whole scenario; false when too little was measured.
func p95(o pipeline.Outcome) (pipeline.Finding, bool) {
	i := slices.IndexFunc(o.Findings, func(f pipeline.Finding) bool { return f.Group == o.Scenario && f.Metric == pipeline.P95 })
	if i < 0 {
		return pipeline.Finding{}, false
	}
	return o.Findings[i], true
}

// void tells whether a measurement is no good, by its verdict or because people said so.
func void(run pipeline.Run, scenario string) bool {
	return outcome(run, scenario).Verdict == pipeline.Invalid || slices.ContainsFunc(run.Triaged, func(e pipeline.End) bool {
		return e.As == pipeline.Invalidated && e.Mark != nil && (e.Mark.Scope == "" || e.Mark.Scope == scenario)
	})
}

// counted is the run's p95, NaN when there is none that counts.
func counted(run pipeline.Run, scenario string) float64 {
	f, ok := p95(outcome(run, scenario))
	if !ok || void(run, scenario) {
		return math.NaN()
	}
	return f.Now
}

// measured are the values that count, oldest first.
func (tr trend) measured() []float64 {
	return slices.DeleteFunc(slices.Clone(tr.values), math.IsNaN)
}

// levels are where the scenario stood when the period began, and where it stands: by the change points, or by a regression
// that is too young to be one.
func (tr trend) levels() (was, now float64) {
	values := tr.measured()
	slices.Sort(values)
	if len(values) > 0 {
		was = values[len(values)/2]
		now = was
	}
	young := -1 // the newest run of the level before
	if n := len(tr.changes); n > 0 {
		was, now, young = tr.changes[0].Before, tr.changes[n-1].After, tr.changes[n-1].Index
	}
	for _, g := range tr.standing {
		i := slices.IndexFunc(tr.runs, func(r pipeline.Run) bool { return r.ID == g.Run })
		if g.Group != tr.scenario || g.Metric != pipeline.P95 || i <= young+1 || g.Was == 0 {
			continue
		}
		if now = g.Level; len(tr.changes) == 0 {
			was = g.Was
		}
	}
	return was, now
}

// moved is by how much the level changed, as a fraction; 0 without measurements.
func (tr trend) moved() float64 {
	was, now := tr.levels()
	if was == 0 {
		return 0
	}
	return now/was - 1
}

// steady is how little a level has to change for it to be the same to people, as a fraction.
const steady = 0.02

// fewest runs tell a trend: fewer have no change points, whatever they measured.
const fewest = 7

// finding is what there is to say in a line.
func (tr trend) finding() string {
	values, period := tr.measured(), bot.Roughly(tr.period)
	was, now := tr.levels()
	amount := func(v float64) string { return bot.Amount(pipeline.P95, v) }
	switch {
	case len(values) == 0:
		return fmt.Sprintf("%s: no valid run in %s", tr.scenario, period)
	case math.Abs(tr.moved()) >= steady:
		return fmt.Sprintf("%s: p95 %s in %s (%s, was %s)", tr.scenario, bot.Percent(tr.moved()), period, amount(now), amount(was))
	case len(values) == 1:
		return fmt.Sprintf("%s: p95 %s, the only run in %s", tr.scenario, amount(values[0]), period)
	case len(tr.changes) > 0:
		return fmt.Sprintf("%s: p95 %s, as %s ago", tr.scenario, amount(now), period)
	case len(values) < fewest:
		return fmt.Sprintf("%s: p95 %s to %s in %d runs", tr.scenario, amount(slices.Min(values)), amount(slices.Max(values)), len(values))
	}
	return fmt.Sprintf("%s: p95 steady at %s", tr.scenario, amount(now))
}

// called are the regressions of the scenario that were found where its level rose: in the first runs of the new level, or in
// the last of the old one, since a change point may be off by one.
func (tr trend) called(c stats.ChangePoint) (found []pipeline.Regression) {
	for _, run := range tr.runs[max(0, c.Index-1):min(len(tr.runs), c.Index+2)] {
		for _, g := range run.Regressions {
			if g.Scenario == tr.scenario {
				found = append(found, g)
			}
		}
	}
	return found
}

// taken is who looks after a regression, as far as its run is in the period.
func (tr trend) taken(g pipeline.Regression) (pipeline.Mark, bool) {
	i := slices.IndexFunc(tr.runs, func(r pipeline.Run) bool { return r.ID == g.Run })
	if i < 0 {
		return pipeline.Mark{}, false
	}
	return tr.runs[i].Taken(g.Scenario, g.Metric)
}

// crept is how far the level rose without any release being called for it, as a fraction, and the first run above the level
// it began with. It is 0 when a release was called, and when the level came down again.
func (tr trend) crept() (rise float64, since pipeline.Run) {
	level := 1.0
	for _, c := range tr.changes {
		if c.After > c.Before && len(tr.called(c)) > 0 {
			return 0, since
		}
		if level *= c.After / c.Before; since.ID == "" && c.After > c.Before {
			since = tr.runs[c.Index]
		}
	}
	if level-1 < steady {
		return 0, since
	}
	return level - 1, since
}

// picture of the trend.
func (tr trend) picture(environment string) charts.Releases {
	p := charts.Releases{Title: tr.finding(), Subtitle: tr.subtitle(environment), Metric: string(pipeline.P95)}
	for i, run := range tr.runs {
		r := charts.Release{Label: tr.version(run), Value: tr.values[i], Standing: standing(run, tr.scenario)}
		if f, ok := p95(outcome(run, tr.scenario)); ok {
			r.Value, r.Low, r.High = f.Now, f.BandLow, f.BandHigh
		}
		p.Runs = append(p.Runs, r)
	}
	for _, c := range tr.changes {
		p.Shifts = append(p.Shifts, charts.Shift{At: c.Index, Before: c.Before, After: c.After})
	}
	for _, g := range tr.gates {
		if g.Metric == pipeline.P95 {
			p.Gates = append(p.Gates, charts.Gate{Name: string(g.Metric), Value: g.Limit})
		}
	}
	return p
}

func (tr trend) subtitle(environment string) string {
	from, till := tr.runs[0].Finished.UTC().Format("2 Jan"), tr.runs[len(tr.runs)-1].Finished.UTC().Format("2 Jan")
	if from != till {
		from += " to " + till
	}
	runs := fmt.Sprintf("%d runs", len(tr.runs))
	if len(tr.runs) == 1 {
		runs = "1 run"
	}
	return environment + " · " + from + " · " + runs
}

// version is what the run is called on the axis: the release, with its service where there are several.
func (tr trend) version(run pipeline.Run) string {
	change := run.Change()
	label := change.Artefact().Label()
	of := func(r pipeline.Run) bool { return r.Change().Name != "" && r.Change().Name != change.Name }
	switch {
	case change.Name == "" || label == "":
		return run.ID
	case slices.ContainsFunc(tr.runs, of):
		return change.Name + " " + label
	}
	return label
}

// standing of what the run found in a scenario, the gravest.
func standing(run pipeline.Run, scenario string) charts.Standing {
	if void(run, scenario) {
		return charts.Invalid
	}
	var found []charts.Standing
	for _, g := range run.Regressions {
		if g.Scenario == scenario {
			found = append(found, stateOf(run, g))
		}
	}
	for _, s := range []charts.Standing{charts.Regressed, charts.Suspected, charts.Acknowledged, charts.Accepted} {
		if slices.Contains(found, s) {
			return s
		}
	}
	if len(found) > 0 {
		return charts.Resolved
	}
	return ""
}

func stateOf(run pipeline.Run, g pipeline.Regression) charts.Standing {
	switch state := run.StateOf(g); {
	case state == pipeline.RegressionOpen && g.Doubtful:
		return charts.Suspected
	case state == pipeline.RegressionOpen:
		return charts.Regressed
	case state == pipeline.RegressionAcknowledged:
		return charts.Acknowledged
	case state == pipeline.RegressionAccepted:
		return charts.Accepted
	}
	return charts.Resolved
}
