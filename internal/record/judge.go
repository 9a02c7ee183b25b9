package record

import (
	"cmp"
	"errors"
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
		past := results(own)
		if c.repeats(own) {
			past = append(past, c.older()...)
		}
		comparisons[i] = pipeline.Comparison{Thing: c.Thing, Scenario: c.scenario(), Result: c.result(), Past: past}
	}
	return pipeline.Judge(comparisons), nil
}

// Caveat says how the judgement of one of the candidates may differ from its run's report, in a sentence; empty when it is
// the same.
func Caveat(c File, baselines, candidates []File) string {
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
	if len(differs) == 0 {
		return ""
	}
	return fmt.Sprintf("The report of %s %s: with those files too, this is its judgement.", c.Run, strings.Join(differs, ", and "))
}

// comparable refuses baselines that cannot be one, rather than to compare what differs.
func comparable(baselines, candidates []File) error {
	if len(candidates) == 0 {
		return errors.New("there is no candidate")
	}
	seen := map[string]bool{}
	for _, f := range slices.Concat(baselines, candidates) {
		if seen[f.id()] {
			return fmt.Errorf("%s is given twice", f.id())
		}
		seen[f.id()] = true
	}
	for _, b := range baselines {
		if len(of(candidates, b.Scenario)) == 0 {
			return fmt.Errorf("baseline %s: no candidate is of scenario %s", b.id(), b.Scenario)
		}
		for _, c := range of(candidates, b.Scenario) {
			if c.Environment != b.Environment {
				return fmt.Errorf("baseline %s was measured in %s and %s in %s: what differs between them may be the environment", b.id(), b.Environment, c.id(), c.Environment)
			}
		}
	}
	return nil
}

func (f File) id() string { return f.Run + "/" + f.Scenario }

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

// result sums the record up anew: nothing is believed but what was measured.
func (f File) result() pipeline.Result {
	return pipeline.Result{
		ID: f.id(), Run: f.Run, Scenario: f.Scenario, Environment: f.Environment, Hash: f.Hash, Start: f.Start,
		Seconds: f.Record.Seconds() - f.Record.Warmup, Warmup: f.Record.Warmup, Versions: f.Versions,
		Groups: pipeline.Summarise(f.Record), Invalid: pipeline.Unwell(f.Record),
	}
}
