package pipeline

import (
	"cmp"
	"math"
	"slices"

	"bellwether/internal/stats"
)

// follow says of a finding what became of the regression that it is, or was. One that is no worse than people know is no
// suspicion.
func (c Comparison) follow(f *Finding) {
	known, is := c.known(*f)
	switch bad := f.Verdict == Suspect || f.Verdict == Regressed; {
	case is:
		known.follow(f)
	case bad:
		f.Course = CourseNew
	default:
		f.Course = ""
	}
}

func (c Comparison) known(f Finding) (Regression, bool) {
	i := slices.IndexFunc(c.Known, func(g Regression) bool { return g.Group == f.Group && g.Metric == f.Metric })
	if i < 0 {
		return Regression{}, false
	}
	return c.Known[i], true
}

// follow goes by the fresh measurements as soon as there are any. Where they are worse than the regression was, but not because
// of this change, the suspicion stays.
func (g Regression) follow(f *Finding) {
	now, suspected := f.level(), f.Verdict == Suspect || f.Confirmation != nil
	f.Since, f.SinceSubject, f.Level = g.Run, g.Subject, g.Level
	switch {
	case f.Verdict == Regressed:
		f.Course = CourseWorse
	case suspected && g.exceeded(now):
		f.Verdict, f.Course = Suspect, CourseWorse
	case f.Verdict == Suspect && g.Doubtful && f.Confirmation == nil: // nobody knows it yet: perhaps this run finds out
		f.Course = CourseSame
	case f.Verdict == Suspect:
		f.Verdict, f.Rule, f.Course = Pass, RuleKnown, g.standing(now)
	case !g.told(*f): // there is nothing to hold it against: nobody can say
		f.Since, f.SinceSubject, f.Level, f.Course = "", "", 0, ""
	case g.over(*f):
		f.Course = CourseRecovered
	default:
		f.Course = g.standing(now)
	}
}

// exceeded tells whether a value is worse than the regression is known to be, by more than its run could have missed.
func (g Regression) exceeded(now float64) bool { return g.Metric.worse(g.Level, now, g.news()) }

// standing is the course of a regression that is there and got no worse.
func (g Regression) standing(now float64) Course {
	if g.Metric.worse(now, g.Level, g.news()) {
		return CourseBetter
	}
	return CourseSame
}

// news is the fraction by which it has to change to be news.
func (g Regression) news() float64 { return max(g.MDE, g.Metric.least()) }

// told tells whether a finding can say that the regression is over: by its baseline, or by its gate where that alone found it.
func (g Regression) told(f Finding) bool { return f.Rule != RuleNoBaseline || g.Was == 0 && f.Gate > 0 }

// over tells whether a value is back within the band, or too little beyond it to be worth a word, and nearer to the baseline
// than to what was found: a wide band has room for both.
func (g Regression) over(f Finding) bool {
	now, found := f.level(), cmp.Or(g.Found, g.Level) // not yet noted of old ones
	switch {
	case f.Rule == RuleNoBaseline:
		return now <= f.Gate
	case g.Metric == Errors:
		return !stats.MaterialErrors(f.Was, now) && math.Abs(now-f.Was) < math.Abs(now-found)
	case f.outside(now) && g.Metric.material(f.Was, now):
		return false
	}
	return math.Abs(math.Log(now/f.Was)) < math.Abs(math.Log(now/found))
}

// stands tells whether a finding is a regression that people know, and is not over.
func (f Finding) stands() bool {
	return f.Course == CourseSame || f.Course == CourseBetter || f.Course == CourseWorse
}
