package record

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

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
		if err := b.baselineOf(candidates); err != nil {
			return err
		}
	}
	return nil
}

func (f File) baselineOf(candidates []File) error {
	for _, c := range candidates {
		if c.Tool != f.Tool {
			return fmt.Errorf("%s is %s and %s is %s: their clocks start and stop at different moments of a request, so the numbers cannot be compared", f.id(), f.maker(), c.id(), c.maker())
		}
	}
	own := of(candidates, f.Scenario)
	if len(own) == 0 {
		return fmt.Errorf("baseline %s: no candidate is of scenario %s%s", f.id(), f.Scenario, others(candidates))
	}
	for _, c := range own {
		if c.Environment != f.Environment {
			return fmt.Errorf("baseline %s was measured in %s and %s in %s: what differs between them may be the environment", f.id(), f.Environment, c.id(), c.Environment)
		}
		if c.Hash != f.Hash {
			return fmt.Errorf("baseline %s sent other requests, or another load, than %s: what differs between them may be that", f.id(), c.id())
		}
	}
	return nil
}

// maker says who made a file.
func (f File) maker() string {
	if f.Tool == "" {
		return "Bellwether's own"
	}
	return f.Tool + "'s"
}

// others says what files of other tools are of, for their names do not.
func others(files []File) string {
	var names []string
	for _, f := range files {
		if f.Tool != "" {
			names = append(names, fmt.Sprintf("%s is of %s", f.Run, f.Scenario))
		}
	}
	if len(names) == 0 {
		return ""
	}
	return "; " + strings.Join(names, ", ")
}

// id names a file: the run and scenario that measured it, or where it lies.
func (f File) id() string {
	if f.Tool != "" {
		return f.Run
	}
	return f.Run + "/" + f.Scenario
}

// Unmatched says which targets only the candidate has, and which only its baselines, in sentences. They have nothing to be
// compared with.
func Unmatched(c File, baselines []File) (sentences []string) {
	now, was := c.targets(), map[string]bool{}
	for _, b := range of(baselines, c.Scenario) {
		maps.Copy(was, b.targets())
	}
	if len(was) == 0 {
		return nil
	}
	if fresh := without(now, was); len(fresh) > 0 {
		sentences = append(sentences, "Not in the baseline: "+listed(fresh)+".")
	}
	if gone := without(was, now); len(gone) > 0 {
		sentences = append(sentences, "Only in the baseline: "+listed(gone)+".")
	}
	return sentences
}

// targets are the names of what was measured.
func (f File) targets() map[string]bool {
	names := map[string]bool{}
	for name := range f.result().Groups {
		names[name] = true
	}
	for _, s := range f.Record.Series {
		names[s.Target] = true // also of the only one, which is no group
	}
	delete(names, "")
	return names
}

func without(names, others map[string]bool) (left []string) {
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if !others[name] {
			left = append(left, name)
		}
	}
	return left
}

// shownTargets are named in a sentence.
const shownTargets = 5

func listed(names []string) string {
	if more := len(names) - shownTargets; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:shownTargets], ", "), more)
	}
	return strings.Join(names, ", ")
}
