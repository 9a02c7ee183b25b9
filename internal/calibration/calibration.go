// Package calibration measures what verdicts are worth, for whoever wants to know how often they are wrong: it plays thousands
// of simulated releases through the rules that judge real ones, and counts false alarms and misses, beside the rules that
// others use. `make calibration` writes the tables of docs/verdicts.md.
package calibration

import (
	"runtime"

	"golang.org/x/sync/errgroup"

	"bellwether/pipeline"
)

// Cell is one world in which releases are simulated.
type Cell struct {
	Noise           float64 // standard deviation of ln(level) between runs
	Baseline        int     // runs that a release is judged against
	Autocorrelation float64 // of ln(latency), from one request to the next
	Scenarios       int     // judged together in each release
	Learned         bool    // whether enough earlier runs are known to learn the noise from
}

// Cells are all worlds of the table.
func Cells(scenarios int) []Cell {
	var cells []Cell
	for _, learned := range []bool{false, true} {
		for _, noise := range []float64{0.02, 0.05, 0.08} {
			for _, baseline := range []int{3, 5, 10} {
				for _, autocorrelation := range []float64{0.5, 0.9} {
					cells = append(cells, Cell{noise, baseline, autocorrelation, scenarios, learned})
				}
			}
		}
	}
	return cells
}

// Share is how often something happened.
type Share struct{ Hits, Of int }

func (s *Share) count(hit bool) {
	s.Of++
	if hit {
		s.Hits++
	}
}

func (s *Share) add(o Share) { s.Hits, s.Of = s.Hits+o.Hits, s.Of+o.Of }

// fraction is 0 of nothing.
func (s Share) fraction() float64 { return float64(s.Hits) / float64(max(1, s.Of)) }

// Alarms are how often a release that changed nothing was suspected, and confirmed to be slower.
type Alarms struct{ Suspected, Confirmed Share }

func (a *Alarms) add(o Alarms) {
	a.Suspected.add(o.Suspected)
	a.Confirmed.add(o.Confirmed)
}

// Tally is what became of the releases of a cell.
type Tally struct {
	Metrics  Alarms // p50, p95 and p99 of each scenario
	Releases Alarms // any metric of any scenario, errors and throughput too
	AtMDE    Alarms // one latency was slower by the MDE that its finding states
	AtTwice  Alarms // by twice that
}

func (t *Tally) add(o Tally) {
	t.Metrics.add(o.Metrics)
	t.Releases.add(o.Releases)
	t.AtMDE.add(o.AtMDE)
	t.AtTwice.add(o.AtTwice)
}

// perChain is how many releases follow each other, each judged against those before it. A new chain begins with new runs.
const perChain = 250

// Calibrate simulates so many releases of every cell, on all processors. The same numbers come out every time.
func Calibrate(cells []Cell, releases int) []Tally {
	chains := (releases + perChain - 1) / perChain
	parts := make([]Tally, len(cells)*chains)
	parallel(len(parts), func(i int) {
		parts[i] = newChain(cells[i/chains], uint64(i)).play(min(perChain, releases-i%chains*perChain))
	})
	tallies := make([]Tally, len(cells))
	for i, part := range parts {
		tallies[i/chains].add(part)
	}
	return tallies
}

func parallel(n int, work func(i int)) {
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i := range n {
		group.Go(func() error {
			work(i)
			return nil
		})
	}
	group.Wait() // none fails
}

// latencies are the metrics that the tables are about.
var latencies = []pipeline.Metric{pipeline.P50, pipeline.P95, pipeline.P99}
