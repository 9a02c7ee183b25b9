package tally

import (
	"slices"

	"bellwether/internal/stats"
)

// fewest is how many steps are kept as long as targets can be given up instead: with fewer, two results can hardly be compared.
const fewest = 120

func (t *Tally) fit() {
	if t.spent > budget {
		t.shrink()
	}
}

// shrink gives up detail until everything fits into half of its budget: first the third digit of latencies, then steps grow to
// twice their length; when they are few, the targets that came last are summed up with the others; when there is one target, steps
// grow on.
func (t *Tally) shrink() {
	for t.spent = t.weigh(); t.spent > budget/2; t.spent = t.weigh() {
		steps := (t.last - t.first) / t.step
		switch {
		case t.precision > rough:
			t.round()
		case steps < fewest && len(t.order) > 1:
			t.giveUp()
		case steps > 0:
			t.double()
		default:
			return // one cell a class: it cannot grow further
		}
	}
}

// weigh is how many bytes the cells take, about.
func (t *Tally) weigh() int {
	spent := int((t.last-t.first)/t.step) * perStep
	t.each(func(s *series) {
		for _, c := range s.cells {
			spent += perCell + cap(c.bins)*perBin
		}
	})
	return spent
}

// each visits all series.
func (t *Tally) each(visit func(*series)) {
	for _, target := range t.order {
		for _, s := range target.series {
			if s != nil {
				visit(s)
			}
		}
	}
}

func (t *Tally) round() {
	t.precision = rough
	t.each(func(s *series) {
		s.file()
		for _, c := range s.cells {
			var rounded stats.Histogram
			for _, b := range c.bins {
				value, last := bin(b.Value, rough), len(rounded)-1
				if last >= 0 && rounded[last].Value == value {
					rounded[last].Count += b.Count
					continue
				}
				rounded = append(rounded, stats.Bin{Value: value, Count: b.Count})
			}
			c.bins = slices.Clone(rounded) // which drops the room that it had to grow
		}
	})
}

func (t *Tally) double() {
	t.step *= 2
	dropped := map[int64]int64{}
	for step, n := range t.dropped {
		dropped[floor(step, 2)] += n
	}
	t.dropped = dropped
	t.each(func(s *series) { s.regroup(func(step int64) int64 { return floor(step, 2) }, s) })
}

// giveUp sums half of the targets up with the others.
func (t *Tally) giveUp() {
	rest := t.other()
	t.limit = max(1, min(t.limit, len(t.order))/2)
	kept := make([]*Target, 0, t.limit+1)
	for _, target := range t.order {
		if target == rest {
			continue
		}
		if len(kept) < t.limit && len(t.order) > 2 {
			kept = append(kept, target)
			continue
		}
		rest.take(target)
	}
	t.order = append(kept, rest)
}

func (t *Target) take(other *Target) {
	for class, s := range other.series {
		switch {
		case s == nil:
		case t.series[class] == nil:
			t.series[class] = s
		default:
			s.regroup(func(step int64) int64 { return step }, t.series[class])
		}
	}
	other.series, other.into = [classes]*series{}, t
}

// regroup moves all cells into those of another series, or of the same, whose steps are others.
func (s *series) regroup(at func(step int64) int64, into *series) {
	s.file()
	into.file()
	old := s.cells
	if s == into {
		s.cells = make(map[int64]*cell, len(old)/2+1)
	}
	for step, c := range old {
		there, ok := into.cells[at(step)]
		if !ok {
			into.cells[at(step)] = c
			continue
		}
		there.bytes += c.bytes
		there.bins = slices.Clone(there.bins.Merge(c.bins)) // which drops the room that merging took
	}
	into.current = nil
}
