package pipeline

import "slices"

// Taken is the mark of whoever looks after a scenario of the run, or after all of it for an empty one. A mark without a scope is
// about all that no other one is about.
func (r Run) Taken(scenario string) (Mark, bool) {
	for _, scope := range []string{scenario, ""} {
		if i := slices.IndexFunc(r.Acknowledged, func(m Mark) bool { return m.Scope == scope }); i >= 0 {
			return r.Acknowledged[i], true
		}
	}
	return Mark{}, false
}

// Open are the outcomes that got worse, or may have, and that nobody looks after.
func (r Run) Open() []Outcome {
	return slices.DeleteFunc(r.Alarming(), func(o Outcome) bool {
		_, taken := r.Taken(o.Scenario)
		return taken
	})
}

// Settled tells whether what the run found of a scenario is history: one of some later runs in the same environment saw it in
// order, or one of the same series saw it at all.
func (r Run) Settled(scenario string, runs []Run) bool {
	return slices.ContainsFunc(runs, func(later Run) bool {
		if later.State != Done || later.Environment != r.Environment || !later.Submitted.After(r.Submitted) {
			return false
		}
		tell := []Verdict{Pass, Improved}
		if later.Series() == r.Series() && later.Change().Kind == r.Change().Kind {
			tell = append(tell, Suspect, Regressed)
		}
		return slices.ContainsFunc(later.Outcomes, func(o Outcome) bool { return o.Scenario == scenario && slices.Contains(tell, o.Verdict) })
	})
}

// Outlived are the scopes of the acknowledgements that are about nothing but what is settled: nobody misses them.
func (r Run) Outlived(runs []Run) (scopes []string) {
	for _, m := range r.Acknowledged {
		unsettled := func(o Outcome) bool { return (m.Scope == "" || m.Scope == o.Scenario) && !r.Settled(o.Scenario, runs) }
		if !slices.ContainsFunc(r.Alarming(), unsettled) {
			scopes = append(scopes, m.Scope)
		}
	}
	return scopes
}

// Alarming are the outcomes that got worse, or may have.
func (r Run) Alarming() []Outcome {
	var some []Outcome
	for _, o := range r.Outcomes {
		if o.Verdict == Regressed || o.Verdict == Suspect {
			some = append(some, o)
		}
	}
	return some
}
