package bot

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"bellwether/pipeline"
)

// fates are what became of a run's regressions, in a word behind its finding.
var fates = map[pipeline.Ending]string{
	pipeline.Recovered: "resolved", pipeline.Worsened: "worse since", pipeline.Refuted: "not seen again", pipeline.Expected: "accepted",
	pipeline.Environmental: "put down to the environment", pipeline.Fixed: "called fixed", pipeline.Invalidated: "called invalid",
}

// fate is what became of all that a run found, and "" while something of it stands.
func fate(run pipeline.Run) pipeline.Ending {
	switch {
	case slices.ContainsFunc(run.Triaged, func(e pipeline.End) bool { return e.As == pipeline.Invalidated && e.Mark.Scope == "" }):
		return pipeline.Invalidated
	case len(run.Regressions) == 0 || len(run.Standing()) > 0:
		return ""
	}
	as := run.Regressions[0].End.As
	for _, g := range run.Regressions {
		if g.End.As != as {
			as = pipeline.Recovered
		}
	}
	return as
}

// since says it behind the finding.
func (v voice) since() string {
	if word := fates[fate(v.run)]; word != "" {
		return "; " + word
	}
	return ""
}

// mood of a run that is over: nobody need be alarmed by what is.
func (v voice) mood() Mood {
	switch as := fate(v.run); {
	case as == pipeline.Invalidated:
		return MoodOf(pipeline.Invalid)
	case as == pipeline.Expected:
		return MoodAccepted
	case as != "" && as != pipeline.Worsened:
		return MoodResolved
	}
	return MoodOf(v.run.Verdict)
}

// endings are what became of the run's regressions, oldest first: what people said of it, and what later runs saw.
func (v voice) endings() (lines []Text) {
	for _, e := range v.run.Triaged {
		lines = append(lines, remark(judgements[e.As], *e.Mark))
	}
	for _, some := range v.endedBy() {
		lines = append(lines, v.ended(some))
	}
	return lines
}

// judgements are what people say of a run.
var judgements = map[pipeline.Ending]string{
	pipeline.Expected: "Accepted by ", pipeline.Environmental: "Put down to the environment by ",
	pipeline.Fixed: "Called fixed by ", pipeline.Invalidated: "Called invalid, and in no baseline any more, by ",
}

// endedBy are the run's regressions that later runs ended, those that one run ended together, apart from those that it found
// worse, in the order of their ends.
func (v voice) endedBy() (groups [][]pipeline.Regression) {
	var over []pipeline.Regression
	for _, g := range v.run.Regressions {
		if g.End != nil && g.End.Run != "" {
			over = append(over, g)
		}
	}
	slices.SortStableFunc(over, func(a, b pipeline.Regression) int { return a.End.At.Compare(b.End.At) })
	worse := func(g pipeline.Regression) bool { return g.End.As == pipeline.Worsened }
	for _, g := range over {
		i := slices.IndexFunc(groups, func(some []pipeline.Regression) bool {
			return some[0].End.Run == g.End.Run && worse(some[0]) == worse(g)
		})
		if i < 0 {
			groups = append(groups, []pipeline.Regression{g})
			continue
		}
		groups[i] = append(groups[i], g)
	}
	return groups
}

// ended says which run ended some regressions, and how.
func (v voice) ended(some []pipeline.Regression) Text {
	says := map[pipeline.Ending]string{
		pipeline.Recovered: "Resolved by ", pipeline.Worsened: "Got worse with ", pipeline.Refuted: "Not seen again with ",
	}[some[0].End.As]
	end := some[0].End
	t := Text{{Text: says + end.Subject + " ("}, ThreadOf(end.Run), {Text: "), "}, At(end.At)}
	if part := v.partly(some); part != "" {
		t = append(t, Span{Text: ", for " + part})
	}
	return t
}

// partly names what some regressions are about, unless it is all of the run's.
func (v voice) partly(some []pipeline.Regression) string {
	if len(some) == len(v.run.Regressions) {
		return ""
	}
	var parts []string
	for _, scenario := range scenariosOf(some) {
		metrics := metricsOf(some, scenario)
		if len(metrics) == len(metricsOf(v.run.Regressions, scenario)) {
			parts = append(parts, scenario)
			continue
		}
		parts = append(parts, strings.Join(metrics, ", ")+" of "+scenario)
	}
	return firstOf(parts)
}

func scenariosOf(some []pipeline.Regression) (names []string) {
	for _, g := range some {
		if !slices.Contains(names, g.Scenario) {
			names = append(names, g.Scenario)
		}
	}
	return names
}

// metricsOf a scenario, those of its targets with their names: "p95", "cart p95".
func metricsOf(some []pipeline.Regression, scenario string) (labels []string) {
	for _, g := range some {
		if g.Scenario == scenario {
			labels = append(labels, label(scenario, pipeline.Finding{Group: g.Group, Metric: g.Metric}))
		}
	}
	return labels
}

// aftermath says in the thread, once for each run that brought it about, that scenarios are in order again, and that what
// somebody looked after is worse than they know.
func (v voice) aftermath(ctx context.Context) error {
	for _, some := range v.endedBy() {
		by := some[0].End.Run
		if over := v.resolved(some); len(over) > 0 {
			if err := v.want(ctx, "resolved/"+by, v.resolution(over)); err != nil {
				return err
			}
		}
		if mark, taken := v.overtaken(some); taken {
			if err := v.want(ctx, "worse/"+by, v.rearmed(some, mark)); err != nil {
				return err
			}
		}
	}
	return nil
}

// resolved are those of some regressions that were the last of their scenarios' to end, while none of these got worse.
func (v voice) resolved(some []pipeline.Regression) []pipeline.Regression {
	unresolved := func(g pipeline.Regression) bool {
		return g.End == nil || g.End.As == pipeline.Worsened || g.End.At.After(some[0].End.At)
	}
	return slices.DeleteFunc(slices.Clone(some), func(g pipeline.Regression) bool {
		return slices.ContainsFunc(v.run.Regressions, func(other pipeline.Regression) bool { return other.Scenario == g.Scenario && unresolved(other) })
	})
}

func (v voice) resolution(over []pipeline.Regression) Message {
	end, scenarios := over[0].End, scenariosOf(over)
	title, is := "Resolved: ", " is in order again"
	if end.As == pipeline.Refuted {
		title = "Not seen again: "
	}
	if len(scenarios) > 1 {
		is = " are in order again"
	}
	return Message{
		Title: title + firstOf(scenarios) + is + " since " + end.Subject + bracketed(end.Run), Mood: MoodResolved,
		Body:  []Text{Plain("Now " + figures(over, len(scenarios) > 1, amountOf) + ".")},
		Facts: []Fact{{"Run", v.linkTo(end.Run)}},
	}
}

// overtaken is the acknowledgement that some regressions outgrew, if there was any.
func (v voice) overtaken(some []pipeline.Regression) (m pipeline.Mark, taken bool) {
	for _, g := range some {
		m, taken = v.run.Taken(g.Scenario, g.Metric)
		if taken && g.End.As == pipeline.Worsened && m.At.Before(g.End.At) {
			return m, true
		}
	}
	return m, false
}

func (v voice) rearmed(some []pipeline.Regression, m pipeline.Mark) Message {
	named := len(scenariosOf(v.run.Regressions)) > 1
	return Message{
		Title: "Got worse in " + some[0].End.Run + ": " + figures(some, named, distanceOf), Mood: MoodOf(pipeline.Regressed),
		Body:  []Text{{{Text: "The acknowledgement by "}, Bold(m.Name), {Text: " no longer holds for it."}}},
		Facts: []Fact{{"Run", v.linkTo(some[0].End.Run)}},
	}
}

// figures are what the ends of some regressions measured, and what that was before: "p95 228 ms (was 312 ms)".
func figures(some []pipeline.Regression, named bool, figure func(g pipeline.Regression, v float64) string) string {
	var parts []string
	for _, g := range some {
		name := label(g.Scenario, pipeline.Finding{Group: g.Group, Metric: g.Metric})
		if named {
			name = g.Scenario + " " + name
		}
		parts = append(parts, fmt.Sprintf("%s %s (was %s)", name, figure(g, g.End.Level), figure(g, g.Level)))
	}
	return firstOf(parts)
}

func amountOf(g pipeline.Regression, v float64) string { return Amount(g.Metric, v) }

func distanceOf(g pipeline.Regression, v float64) string { return distance(g.Metric, g.Was, v) }
