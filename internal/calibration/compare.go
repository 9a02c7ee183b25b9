package calibration

import (
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"bellwether/internal/simulate"
	"bellwether/internal/stats"
	"bellwether/pipeline"
)

// Change is how much slower a release is whose regression has to be found.
const Change = 0.20

// Method is a rule that calls a release slower, or does not.
type Method struct {
	Name  string
	alarm func(past []measured, now measured) bool // past has the baseline's runs, newest first; nil: ours
}

// Methods are the rules of others, and ours.
func Methods() []Method {
	return []Method{
		{"p95 over the last run's by 10 %", overLast},
		{"p95 over the average of the last N by 10 % (Keptn)", overAverage},
		{"Mann-Whitney on all latencies against the last run, p < .01", rankSum},
		{"Welch's t on the p95s of 10 s windows against the last run, p < .01", welchWindows},
		{"Bellwether, suspected, noise not learned", nil},
		{"Bellwether, confirmed, noise not learned", nil},
		{"Bellwether, suspected, noise learned", nil},
		{"Bellwether, confirmed, noise learned", nil},
	}
}

// Errors are those of a method: alarms at nothing, and regressions that it missed.
type Errors struct{ False, Missed Share }

// measured is a run as all methods need it.
type measured struct {
	result    pipeline.Result
	p95       float64         // ms
	latencies stats.Histogram // µs
	windows   []float64       // p95 of each ten seconds, ms
}

// Compare lets all methods judge the same releases of each cell: as they are, and slower by Change. Cells have one scenario.
// Errors are by cell and method.
func Compare(cells []Cell, releases int) [][]Errors {
	errors := make([][]Errors, len(cells))
	parallel(len(cells), func(i int) {
		errors[i] = newContest(cells[i], uint64(i)).play(releases)
	})
	return errors
}

// contest is a chain of one scenario, judged by all methods. Its past is that of our rule with the noise learned.
type contest struct {
	*chain
	past   []measured // newest first
	gauges gauges
}

func newContest(cell Cell, seed uint64) *contest {
	cell.Learned, cell.Scenarios = true, 1
	c := &contest{chain: newChain(cell, 1<<32|seed), gauges: newGauges()}
	for range cell.Baseline {
		c.runs++
		c.past = slices.Insert(c.past, 0, c.gauges.measure(c.specs[0], c.meter, c.runs))
		c.chain.past[0] = slices.Insert(c.chain.past[0][:learning-1], 0, c.past[0].result)
	}
	return c
}

func (c *contest) play(releases int) []Errors {
	errors := make([]Errors, len(Methods()))
	for range releases {
		c.runs++
		now := c.gauges.measure(c.specs[0], c.meter, c.runs)
		alarms := c.alarms(now, 0)
		for i, alarm := range alarms {
			errors[i].False.count(alarm)
		}
		for i, alarm := range c.alarms(now.slower(Change), Change) {
			errors[i].Missed.count(!alarm)
		}
		if !alarms[len(alarms)-1] {
			c.past = slices.Insert(c.past[:len(c.past)-1], 0, now)
			c.chain.past[0] = slices.Insert(c.chain.past[0][:learning-1], 0, now.result)
		}
	}
	return errors
}

// alarms are those of each method.
func (c *contest) alarms(now measured, by float64) []bool {
	var alarms []bool
	for _, m := range Methods() {
		if m.alarm != nil {
			alarms = append(alarms, m.alarm(c.past, now))
		}
	}
	for _, known := range []int{c.cell.Baseline, learning} {
		comparison := c.comparisons([]pipeline.Result{now.result})[0]
		comparison.Past.Results = comparison.Past.Results[:known]
		o := pipeline.Judge([]pipeline.Comparison{comparison})[0]
		settled := c.confirm(comparison, o, 0, by, latencies...)
		alarms = append(alarms, o.Verdict == pipeline.Suspect, settled.Verdict == pipeline.Regressed)
	}
	return alarms
}

// slower is the same run with every latency longer by so much.
func (m measured) slower(by float64) measured {
	slow := measured{result: slower(m.result, by, latencies...), p95: m.p95 * (1 + by)}
	for _, bin := range m.latencies {
		slow.latencies = append(slow.latencies, stats.Bin{Value: int64(float64(bin.Value) * (1 + by)), Count: bin.Count})
	}
	for _, p95 := range m.windows {
		slow.windows = append(slow.windows, p95*(1+by))
	}
	return slow
}

// gauges measure a run for the methods of others.
type gauges struct{ all, window *hdrhistogram.Histogram }

func newGauges() gauges { return gauges{newMeter().all, newMeter().all} }

// stretch is long enough for a p95 of 500 requests.
const stretch = 10 * time.Second

func (g gauges) measure(s simulate.Spec, ours meter, n int) measured {
	g.all.Reset()
	g.window.Reset()
	m := measured{result: ours.measure(s, n)}
	for sample := range s.Run(n) {
		if sample.At%stretch == 0 && sample.At > 0 {
			m.windows = append(m.windows, float64(g.window.ValueAtQuantile(95))/1000)
			g.window.Reset()
		}
		if !sample.Failed {
			g.all.RecordValue(sample.Latency.Microseconds())
			g.window.RecordValue(sample.Latency.Microseconds())
		}
	}
	m.windows = append(m.windows, float64(g.window.ValueAtQuantile(95))/1000)
	m.p95, m.latencies = m.result.Groups[""].Values[pipeline.P95], stats.FromHDR(g.all)
	return m
}
