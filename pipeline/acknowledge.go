package pipeline

import "slices"

// Taken is the mark of whoever looks after a metric of a scenario; an empty metric stands for all of them, an empty scenario for
// the whole run. Of several marks it is the one that says most precisely what it is about.
func (r Run) Taken(scenario string, metric Metric) (Mark, bool) {
	for _, about := range []Mark{{Scope: scenario, Metric: metric}, {Scope: scenario}, {Metric: metric}, {}} {
		if i := slices.IndexFunc(r.Acknowledged, about.same); i >= 0 {
			return r.Acknowledged[i], true
		}
	}
	return Mark{}, false
}

// same tells whether two marks are about the same.
func (m Mark) same(other Mark) bool { return m.Scope == other.Scope && m.Metric == other.Metric }

// Covers tells whether a mark is about a regression of its run.
func (m Mark) Covers(g Regression) bool {
	return (m.Scope == "" || m.Scope == g.Scenario) && (m.Metric == "" || m.Metric == g.Metric)
}

// StateOf one of the run's regressions.
func (r Run) StateOf(g Regression) RegressionState {
	_, taken := r.Taken(g.Scenario, g.Metric)
	switch {
	case g.End != nil && g.End.As == Expected:
		return RegressionAccepted
	case g.End != nil:
		return RegressionResolved
	case taken:
		return RegressionAcknowledged
	}
	return RegressionOpen
}

// Standing are the run's regressions that have no end.
func (r Run) Standing() []Regression {
	return slices.DeleteFunc(slices.Clone(r.Regressions), func(g Regression) bool { return g.End != nil })
}

// Open are those of them that nobody looks after.
func (r Run) Open() []Regression {
	return slices.DeleteFunc(r.Standing(), func(g Regression) bool { return r.StateOf(g) != RegressionOpen })
}

// Alarming are the outcomes that got worse, or may have, and are not over.
func (r Run) Alarming() []Outcome {
	standing := r.Standing()
	var some []Outcome
	for _, o := range r.Outcomes {
		bad := o.Verdict == Regressed || o.Verdict == Suspect
		if bad && slices.ContainsFunc(standing, func(g Regression) bool { return g.Scenario == o.Scenario }) {
			some = append(some, o)
		}
	}
	return some
}

// Outlived are the acknowledgements that are about nothing that still stands: nobody misses them.
func (r Run) Outlived() []Mark {
	standing := r.Standing()
	return slices.DeleteFunc(slices.Clone(r.Acknowledged), func(m Mark) bool { return slices.ContainsFunc(standing, m.Covers) })
}
