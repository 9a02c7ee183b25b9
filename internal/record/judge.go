package record

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"bellwether/pipeline"
)

// Judge judges candidates against the baselines of their scenarios, all of them together, exactly as a run judges its
// results before it confirms its suspicions. The outcomes are in the order of the candidates.
//
// The noise between runs is learned from the past that a candidate's file tells of when it is judged against the very
// baseline of its report; else from the baselines given alone.
func Judge(baselines, candidates []File) ([]pipeline.Outcome, error) {
	if err := comparable(baselines, candidates); err != nil {
		return nil, err
	}
	comparisons := make([]pipeline.Comparison, len(candidates))
	for i, c := range candidates {
		own := of(baselines, c.Scenario)
		past := pipeline.Past{Results: results(own)}
		if c.repeats(own) {
			past.Results = append(past.Results, c.older()...)
		}
		comparisons[i] = pipeline.Comparison{Thing: c.Thing, Scenario: c.scenario(), Result: c.result(), Past: past, Records: records(c, own)}
	}
	return pipeline.Judge(comparisons), nil
}

// Caveat says how the judgement of one of the candidates may differ from its run's report, in a sentence; empty when it is
// the same.
func Caveat(c File, baselines, candidates []File) string {
	if c.Tool != "" {
		return "" // there was no report
	}
	var missing []string
	for _, scenario := range c.Together {
		if !slices.ContainsFunc(candidates, func(o File) bool { return o.Run == c.Run && o.Scenario == scenario }) {
			missing = append(missing, scenario)
		}
	}
	var differs []string
	if !c.repeats(of(baselines, c.Scenario)) {
		differs = append(differs, "compared it with "+cmp.Or(strings.Join(c.Baseline, ", "), "nothing"))
	}
	if len(missing) > 0 {
		differs = append(differs, "judged "+strings.Join(missing, ", ")+" together with it")
	}
	if own := of(baselines, c.Scenario); len(differs) == 0 && len(own) > 0 && len(own) < enough {
		return fmt.Sprintf("The report of %s judged no latency by fewer than %d earlier runs.", c.Run, enough)
	}
	if len(differs) == 0 {
		return ""
	}
	return fmt.Sprintf("The report of %s %s: with those files too, this is its judgement.", c.Run, strings.Join(differs, ", and "))
}

// of are the files of a scenario, newest first.
func of(files []File, scenario string) []File {
	some := slices.DeleteFunc(slices.Clone(files), func(f File) bool { return f.Scenario != scenario })
	slices.SortStableFunc(some, func(a, b File) int { return b.Start.Compare(a.Start) })
	return some
}

// repeats tells whether these are the baseline that the file was judged against in its report.
func (f File) repeats(baselines []File) bool {
	if len(baselines) != len(f.Baseline) {
		return false
	}
	return !slices.ContainsFunc(baselines, func(b File) bool { return !slices.Contains(f.Baseline, b.Run) })
}

// older are the results of the past that are not in the baseline.
func (f File) older() []pipeline.Result {
	var past []pipeline.Result
	for _, e := range f.Past {
		if slices.Contains(f.Baseline, e.Run) {
			continue
		}
		r := pipeline.Result{Run: e.Run, Hash: e.Hash, Versions: e.Versions, Groups: map[string]pipeline.Summary{}}
		for name, values := range e.Groups {
			r.Groups[name] = pipeline.Summary{Values: values}
		}
		past = append(past, r)
	}
	return past
}

func (f File) scenario() pipeline.Scenario {
	s := pipeline.Scenario{Name: f.Scenario}
	for _, g := range f.Gates {
		s.Gates = append(s.Gates, pipeline.Gate(g))
	}
	return s
}

func results(files []File) []pipeline.Result {
	var all []pipeline.Result
	for _, f := range files {
		all = append(all, f.result())
	}
	return all
}
