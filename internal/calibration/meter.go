package calibration

import (
	"fmt"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"bellwether/internal/simulate"
	"bellwether/internal/stats"
	"bellwether/pipeline"
)

// meter measures simulated runs: what pipeline.Summarise makes of their records, without making records. A test holds the two
// to the same numbers.
type meter struct{ all *hdrhistogram.Histogram }

func newMeter() meter { return meter{hdrhistogram.New(1, time.Minute.Microseconds(), 3)} }

// window is that of pipeline.Summary.
const window = 5 * time.Second

// measure is the result of run n.
func (m meter) measure(s simulate.Spec, n int) pipeline.Result {
	m.all.Reset()
	sum := pipeline.Summary{Values: map[pipeline.Metric]float64{}, Windows: make([]stats.Window, (s.Duration+window-1)/window)}
	for sample := range s.Run(n) {
		w := &sum.Windows[sample.At/window]
		w.Requests++
		if sample.Failed {
			w.Errors++
			continue
		}
		m.all.RecordValue(min(sample.Latency.Microseconds(), time.Minute.Microseconds()))
	}
	for _, w := range sum.Windows {
		sum.Requests += w.Requests
		sum.Errors += w.Errors
	}
	for metric, q := range map[pipeline.Metric]float64{pipeline.P50: 0.50, pipeline.P95: 0.95, pipeline.P99: 0.99} {
		if stats.Judgeable(m.all.TotalCount(), q) {
			sum.Values[metric] = float64(m.all.ValueAtQuantile(100*q)) / 1000
		}
	}
	sum.Values[pipeline.Errors] = float64(sum.Errors) / float64(sum.Requests)
	sum.Values[pipeline.Throughput] = 1
	return pipeline.Result{
		Run: fmt.Sprintf("R%d", n), Scenario: scenario, Hash: "same", Groups: map[string]pipeline.Summary{"": sum},
	}
}

// scenario is the name of all of them: each is compared with its own past alone.
const scenario = "flow"

// slower is a result whose metrics are so much worse: a shift of the samples by a factor shifts every quantile by it.
func slower(r pipeline.Result, by float64, metrics ...pipeline.Metric) pipeline.Result {
	sum := r.Groups[""]
	values := map[pipeline.Metric]float64{}
	for metric, value := range sum.Values {
		values[metric] = value
	}
	for _, metric := range metrics {
		values[metric] *= 1 + by
	}
	sum.Values = values
	r.Groups = map[string]pipeline.Summary{"": sum}
	return r
}
