package tally

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"bellwether/pipeline"
)

// Everything is the scenario of a file that names several, or none.
const Everything = "all"

// Scenario is what the file measured as a whole.
func (t *Tally) Scenario() string {
	if t.scenarios || t.scenario == "" {
		return Everything
	}
	return clean([]byte(t.scenario))
}

// Record is what was read. The tally must not be used after it.
func (t *Tally) Record() pipeline.Record {
	if t.requests == 0 {
		return pipeline.Record{}
	}
	start := t.at(t.first)
	r := pipeline.Record{Start: time.Unix(t.origin+start*t.step, 0).UTC(), Closed: true, Fault: t.fault}
	if t.step > 1 {
		r.Step = int(t.step)
	}
	r.Generator = make([]pipeline.Tick, t.at(t.last)-start+1)
	for _, target := range t.order {
		for class, s := range target.series {
			if s != nil {
				r.Series = append(r.Series, s.finish(t.full(target), class, start, r.Generator))
			}
		}
	}
	t.offer(r.Generator, start)
	return r
}

// offer says how much load was wanted: as far as anybody knows what was sent, and what the rounds that were dropped would have
// sent.
func (t *Tally) offer(ticks []pipeline.Tick, start int64) {
	for i := range ticks {
		ticks[i].Offered = ticks[i].Sent
	}
	each := 1.0 // requests a round
	if t.iterations > 0 {
		each = float64(t.requests) / float64(t.iterations)
	}
	for step, n := range t.dropped {
		ticks[step-start].Offered += int64(math.Ceil(float64(n) * each))
	}
}

// finish is the series as a record has it; what it sent is added to the ticks.
func (s *series) finish(target string, class int, start int64, ticks []pipeline.Tick) pipeline.Series {
	s.file()
	done := pipeline.Series{Target: target, Class: pipeline.NoResponse, Failed: class >= statuses}
	if hundreds := class % statuses; hundreds > 0 {
		done.Class = strconv.Itoa(hundreds) + "xx"
	}
	done.Cells = make([]pipeline.Cell, 0, len(s.cells))
	for _, step := range slices.Sorted(maps.Keys(s.cells)) {
		c := s.cells[step]
		ticks[step-start].Sent += c.bins.Count()
		done.Cells = append(done.Cells, pipeline.Cell{Second: int(step - start), Bytes: c.bytes, Latency: c.bins})
	}
	return done
}

// full is the name of a target within the scenario of the file: empty parts are left out.
func (t *Tally) full(target *Target) string {
	parts := []string{target.group, target.name}
	if t.scenarios {
		parts = append([]string{target.scenario}, parts...)
	}
	parts = slices.DeleteFunc(parts, func(part string) bool { return part == "" })
	if len(parts) == 0 {
		return "unnamed"
	}
	return strings.Join(parts, "/")
}

// Notes say what of the file is not told apart, for people.
func (t *Tally) Notes() (notes []string) {
	switch _, some := t.targets[Other]; {
	case some && len(t.order) == 1:
		notes = append(notes, "It is large: its targets are not told apart.")
	case some:
		notes = append(notes, fmt.Sprintf("Only %d of its targets are told apart; the rest is summed up as %s.", len(t.order)-1, Other))
	}
	if t.step > 1 {
		notes = append(notes, fmt.Sprintf("It is large: it was measured in steps of %d s, and latencies to 0.8 %%.", t.step))
	} else if t.precision == rough {
		notes = append(notes, "It is large: latencies were measured to 0.8 %.")
	}
	return notes
}
