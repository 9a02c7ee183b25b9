package pipeline

import "slices"

// Follow tells what a run changes of the regressions that stand in its environment: those that it found, and what became of
// others. It goes by the courses of the run's findings alone, so that following twice makes no difference.
func Follow(run Run, standing []Regression) (changed []Regression) {
	for _, o := range run.Outcomes {
		for _, f := range o.Findings {
			known := find(standing, o.Scenario, f)
			if known != nil && known.Run == run.ID { // we were here before
				continue
			}
			changed = append(changed, follow(run, o.Scenario, f, known)...)
		}
	}
	return changed
}

func find(standing []Regression, scenario string, f Finding) *Regression {
	i := slices.IndexFunc(standing, func(g Regression) bool {
		return g.Scenario == scenario && g.Group == f.Group && g.Metric == f.Metric
	})
	if i < 0 {
		return nil
	}
	known := standing[i]
	return &known
}

func follow(run Run, scenario string, f Finding, known *Regression) []Regression {
	switch {
	case f.Course == CourseNew || f.Course == CourseWorse: // though somebody may have ended meanwhile what it is worse than
		return append(ended(run, f, known, Worsened), found(run, scenario, f, known))
	case known == nil:
		return nil
	case f.Course == CourseBetter:
		known.Level = f.level()
		return []Regression{*known}
	case f.Course == CourseRecovered && known.Doubtful:
		return ended(run, f, known, Refuted)
	case f.Course == CourseRecovered:
		return ended(run, f, known, Recovered)
	}
	return nil
}

func ended(run Run, f Finding, known *Regression, as Ending) []Regression {
	if known == nil {
		return nil
	}
	known.End = &End{As: as, At: run.Finished, Run: run.ID, Subject: run.Subject(), Level: f.level()}
	return []Regression{*known}
}

// found is the regression that a run found, in succession to one that it found worse.
func found(run Run, scenario string, f Finding, before *Regression) Regression {
	g := Regression{
		ID: run.ID + "/" + f.Group + "/" + string(f.Metric), Run: run.ID, Subject: run.Subject(), Environment: run.Environment,
		Scenario: scenario, Group: f.Group, Metric: f.Metric, At: run.Finished, Since: run.ID,
		Was: f.Was, Found: f.level(), Level: f.level(), MDE: f.MDE, Doubtful: f.Verdict == Suspect,
	}
	if before != nil {
		g.Since = before.Since
	}
	return g
}

// level is what the fresh measurements said, if there were any.
func (f Finding) level() float64 {
	if f.Confirmation != nil {
		return f.Confirmation.Now
	}
	return f.Now
}
