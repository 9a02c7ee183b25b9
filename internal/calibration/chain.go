package calibration

import (
	"math/rand/v2"
	"slices"
	"time"

	"bellwether/internal/simulate"
	"bellwether/pipeline"
)

// learning is how many earlier runs are known where the noise is learned.
const learning = 30

// chain is a service that is released again and again, while nothing about it changes.
type chain struct {
	cell   Cell
	specs  []simulate.Spec // of its scenarios
	past   [][]pipeline.Result
	runs   int // so far
	random *rand.Rand
	meter  meter
}

func newChain(cell Cell, seed uint64) *chain {
	c := &chain{cell: cell, random: rand.New(rand.NewPCG(seed, 5)), meter: newMeter(), past: make([][]pipeline.Result, cell.Scenarios)}
	for i := range cell.Scenarios {
		c.specs = append(c.specs, spec(cell, seed<<8|uint64(i)))
	}
	for range c.known() {
		for i, r := range c.run() {
			c.past[i] = slices.Insert(c.past[i], 0, r)
		}
	}
	return c
}

// spec is the load that the tables are about: 6,000 requests of 200 ms.
func spec(cell Cell, seed uint64) simulate.Spec {
	return simulate.Spec{
		Seed: seed, Rate: 50, Duration: 2 * time.Minute, Median: 200 * time.Millisecond, Tail: 0.4, Noise: cell.Noise,
		Autocorrelation: cell.Autocorrelation, Errors: 0.001, Targets: []string{"checkout"},
	}
}

// known is how many earlier runs there are.
func (c *chain) known() int {
	if c.cell.Learned {
		return learning
	}
	return c.cell.Baseline
}

// run measures every scenario once.
func (c *chain) run() []pipeline.Result {
	c.runs++
	results := make([]pipeline.Result, len(c.specs))
	for i, s := range c.specs {
		results[i] = c.meter.measure(s, c.runs)
	}
	return results
}

// play releases so many times.
func (c *chain) play(releases int) Tally {
	var t Tally
	for range releases {
		c.release(&t)
	}
	return t
}

// release judges a run in which nothing changed, and then as if one of its latencies had.
func (c *chain) release(t *Tally) {
	comparisons := c.comparisons(c.run())
	outcomes := pipeline.Judge(comparisons)
	c.countPower(t, comparisons, outcomes)
	var suspected, confirmed bool
	for i, o := range outcomes {
		settled := c.confirm(comparisons[i], o, i, 0)
		for j, f := range o.Findings {
			suspected = suspected || f.Verdict == pipeline.Suspect
			confirmed = confirmed || settled.Findings[j].Verdict == pipeline.Regressed
			if slices.Contains(latencies, f.Metric) {
				t.Metrics.Suspected.count(f.Verdict == pipeline.Suspect)
				t.Metrics.Confirmed.count(settled.Findings[j].Verdict == pipeline.Regressed)
			}
		}
		if counts(settled) {
			c.past[i] = slices.Insert(c.past[i][:c.known()-1], 0, comparisons[i].Result)
		}
	}
	t.Releases.Suspected.count(suspected)
	t.Releases.Confirmed.count(confirmed)
}

// counts tells whether a result becomes part of the baselines to come.
func counts(o pipeline.Outcome) bool {
	return !o.Uncounted && (o.Verdict == pipeline.Pass || o.Verdict == pipeline.Improved)
}

func (c *chain) comparisons(results []pipeline.Result) []pipeline.Comparison {
	comparisons := make([]pipeline.Comparison, len(results))
	for i, r := range results {
		comparisons[i] = pipeline.Comparison{
			Scenario: pipeline.Scenario{Name: scenario, Baseline: pipeline.Policy{Last: c.cell.Baseline}},
			Result:   r, Past: pipeline.Past{Results: slices.Clone(c.past[i])},
		}
	}
	return comparisons
}

// countPower slows one latency of one scenario down by its own MDE, and by twice that.
func (c *chain) countPower(t *Tally, comparisons []pipeline.Comparison, outcomes []pipeline.Outcome) {
	i, metric := c.random.IntN(len(outcomes)), latencies[c.random.IntN(len(latencies))]
	mde := finding(outcomes[i], metric).MDE
	c.shift(&t.AtMDE, comparisons, i, metric, mde)
	c.shift(&t.AtTwice, comparisons, i, metric, 2*mde)
}

// shift counts whether it is found that one metric of one scenario is worse by so much.
func (c *chain) shift(found *Alarms, comparisons []pipeline.Comparison, i int, metric pipeline.Metric, by float64) {
	changed := slices.Clone(comparisons)
	changed[i].Result = slower(changed[i].Result, by, metric)
	o := pipeline.Judge(changed)[i]
	found.Suspected.count(finding(o, metric).Verdict == pipeline.Suspect)
	found.Confirmed.count(finding(c.confirm(changed[i], o, i, by, metric), metric).Verdict == pipeline.Regressed)
}

func finding(o pipeline.Outcome, metric pipeline.Metric) pipeline.Finding {
	return o.Findings[slices.IndexFunc(o.Findings, func(f pipeline.Finding) bool { return f.Metric == metric })]
}

// confirm measures a suspect scenario again as a run would, old and new in turn, with what got worse worse by so much. Every
// leg has the whole noise between runs: real ones, minutes apart, differ less.
func (c *chain) confirm(comparison pipeline.Comparison, o pipeline.Outcome, i int, by float64, metrics ...pipeline.Metric) pipeline.Outcome {
	if o.Verdict != pipeline.Suspect {
		return o
	}
	var legs []pipeline.Leg
	for _, fresh := range pipeline.Order(true) {
		if !comparison.Undecided(o, legs) {
			break
		}
		c.runs++
		r := c.meter.measure(c.specs[i], c.runs)
		if fresh {
			r = slower(r, by, metrics...)
		}
		legs = append(legs, pipeline.Leg{New: fresh, Results: []pipeline.Result{r}})
	}
	return comparison.Confirm(o, legs)
}
