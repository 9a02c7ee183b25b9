package pipeline

import "slices"

// Taken is the mark of whoever looks after a scenario of the run. A mark without a scope is about all of them.
func (r Run) Taken(scenario string) (Mark, bool) {
	i := slices.IndexFunc(r.Acknowledged, func(m Mark) bool { return m.Scope == "" || m.Scope == scenario })
	if i < 0 {
		return Mark{}, false
	}
	return r.Acknowledged[i], true
}

// Open are the outcomes that got worse, or may have, and that nobody looks after.
func (r Run) Open() []Outcome {
	return slices.DeleteFunc(r.Alarming(), func(o Outcome) bool {
		_, taken := r.Taken(o.Scenario)
		return taken
	})
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
