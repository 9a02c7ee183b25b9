package engine

import (
	"errors"
	"fmt"
	"sync"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"bellwether/pipeline"
)

// targets hands out the requests of a scenario: targets in exact proportion to their weights and evenly mixed (smooth
// weighted round robin), and for each target the rows of the data file in turn.
type targets struct {
	mu    sync.Mutex
	all   []*target
	total int // sum of the weights
}

type target struct {
	requests
	weight int
	credit int // grows while others are chosen; the target with most is next
	used   int // how often it was chosen
}

// newTargets makes every request once for a try, so that a mistake shows before the load begins.
func newTargets(s pipeline.Scenario, env pipeline.Environment) (*targets, error) {
	if len(s.Targets) == 0 {
		return nil, errors.New("it has no targets; name at least one")
	}
	data, err := readRows(s.Data)
	if err != nil {
		return nil, err
	}
	ts := &targets{}
	for i, t := range s.Targets {
		made, err := newRequests(i, t, env.URL, data)
		if err != nil {
			return nil, fmt.Errorf("target %q: %w", t.Name, err)
		}
		weight := max(1, t.Weight)
		ts.all = append(ts.all, &target{requests: made, weight: weight})
		ts.total += weight
	}
	return ts, nil
}

// next is the vegeta.Targeter. It never fails: every request has been tried.
func (ts *targets) next(out *vegeta.Target) (err error) {
	t, use := ts.choose()
	*out, err = t.request(use)
	return err
}

func (ts *targets) choose() (chosen *target, use int) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	for _, t := range ts.all {
		t.credit += t.weight
		if chosen == nil || t.credit > chosen.credit {
			chosen = t
		}
	}
	chosen.credit -= ts.total
	chosen.used++
	return chosen, chosen.used - 1
}
