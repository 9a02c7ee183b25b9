// Package tally sums requests up into a pipeline.Record while a file of another tool is read, in constant memory however
// many there are.
package tally

import (
	"bytes"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

const (
	maxTargets = 100                // that are told apart; the others are summed up
	maxName    = 250                // bytes of a target's name
	maxSpan    = 7 * 24 * time.Hour // from the first request to the last
	budget     = 10 << 20           // bytes that the cells may take; then they stand for longer
)

// Other is the target of all requests that are not told apart.
const Other = "other"

// Request is one request as its tool recorded it.
type Request struct {
	Start  int64 // when it was sent: Unix time in ns
	Took   int64 // µs
	Status int   // 0 without a response
	Failed bool
	Bytes  int64 // received
}

// Tally is what was read so far. Its zero value is empty.
type Tally struct {
	targets     map[string]*Target // by key; several keys may share Other
	order       []*Target
	limit       int // targets that are told apart
	key         []byte
	scenario    string // of the first request
	scenarios   bool   // there are several
	step        int64  // seconds that a cell stands for
	precision   int    // bits of a latency that are kept
	origin      int64  // Unix seconds; cells are counted from here
	first, last int64  // seconds of the first and the last request
	spent       int    // bytes, about
	requests    int64
	iterations  int64
	dropped     map[int64]int64 // by step
	fault       string
}

// Target is what requests are grouped by.
type Target struct {
	scenario, group, name string
	series                [classes]*series
	into                  *Target // it was given up for this one
}

// Target returns the target of that name, whose parts may be empty; the slices are not kept.
func (t *Tally) Target(scenario, group, name []byte) *Target {
	scenario, group, name = start(scenario), start(group), start(name)
	t.key = append(append(append(append(append(t.key[:0], scenario...), 0), group...), 0), name...)
	if target, ok := t.targets[string(t.key)]; ok {
		return target.now()
	}
	if t.targets == nil {
		t.targets, t.limit, t.scenario = map[string]*Target{}, maxTargets, string(scenario)
	}
	t.scenarios = t.scenarios || string(scenario) != t.scenario
	if len(t.order) >= t.limit {
		return t.other()
	}
	target := &Target{scenario: clean(scenario), group: clean(group), name: clean(name)}
	t.targets[string(t.key)] = target
	t.order = append(t.order, target)
	return target
}

// other is the target of the rest. Its key is none that a file can have.
func (t *Tally) other() *Target {
	target, ok := t.targets[Other]
	if !ok {
		target = &Target{name: Other}
		t.targets[Other] = target
		t.order = append(t.order, target)
	}
	return target
}

// now is the target that counts for this one.
func (t *Target) now() *Target {
	for t.into != nil {
		t = t.into
	}
	return t
}

// start is as much of a name as is kept.
func start(name []byte) []byte { return name[:min(len(name), maxName)] }

// clean is a name that may be shown: without control characters.
func clean(name []byte) string {
	name = bytes.ToValidUTF8(name, []byte("�"))
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return utf8.RuneError
		}
		return r
	}, string(name))
}

// Add counts a request of a target. It fails when no load lasts as long as this one would.
func (t *Tally) Add(target *Target, r Request) error {
	second := floor(r.Start, int64(time.Second))
	if err := t.extend(second); err != nil {
		return err
	}
	t.requests++
	t.spent += target.now().of(r).add(t.at(second), r.Bytes, bin(r.Took, t.precision))
	t.fit()
	return nil
}

// Reach says that a request at that time (Unix, ns) will be added. It fails as Add will.
func (t *Tally) Reach(at int64) error { return t.extend(floor(at, int64(time.Second))) }

// extend is called with the second of every request. It fails when that is absurd.
func (t *Tally) extend(second int64) error {
	if t.step == 0 {
		t.origin, t.first, t.last, t.step, t.precision = second, second, second, 1, fine
	}
	first, last := min(t.first, second), max(t.last, second)
	if span := time.Duration(last-first) * time.Second; span > maxSpan {
		return fmt.Errorf("a request at %s, and others at %s: no load lasts longer than %d days",
			time.Unix(last, 0).UTC().Format(time.DateTime), time.Unix(first, 0).UTC().Format(time.DateTime), maxSpan/(24*time.Hour))
	}
	t.spent += int((last-first)-(t.last-t.first)) * perStep / int(t.step)
	t.first, t.last = first, last
	return nil
}

// at is the step that a second belongs to.
func (t *Tally) at(second int64) int64 { return floor(second-t.origin, t.step) }

// Iterate counts rounds of a script.
func (t *Tally) Iterate(n int64) { t.iterations += n }

// Drop counts rounds of a script that the tool should have begun at some time (Unix, ns) and did not. It fails as Add does.
func (t *Tally) Drop(at, n int64) error {
	second := floor(at, int64(time.Second))
	if err := t.extend(second); err != nil {
		return err
	}
	if t.dropped == nil {
		t.dropped = map[int64]int64{}
	}
	t.dropped[t.at(second)] += n
	t.fit()
	return nil
}

// Fault remembers the first reason why a request got no response.
func (t *Tally) Fault(why []byte) {
	if t.fault == "" {
		t.fault = clean(start(why))
	}
}

// Requests is how many were counted.
func (t *Tally) Requests() int64 { return t.requests }

// floor is a/b, rounded down.
func floor(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
