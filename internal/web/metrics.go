package web

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"bellwether/pipeline"
)

// Metrics counts what an operator watches. The zero Metrics is of no use: see NewMetrics.
type Metrics struct {
	registry *prometheus.Registry
	events   *prometheus.CounterVec
	runs     *prometheus.CounterVec
	duration prometheus.Histogram
}

// NewMetrics registers them, with Go's own.
func NewMetrics() *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "bellwether_events_total", Help: "Events, by what became of them: taken, repeat, ignored, refused, error.",
		}, []string{"outcome"}),
		runs: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "bellwether_runs_total", Help: "Runs that ended, by verdict, or by state when they were not judged.",
		}, []string{"verdict"}),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "bellwether_run_duration_seconds", Help: "From a run's start to its end.",
			Buckets: prometheus.ExponentialBuckets(10, 2, 10),
		}),
	}
	m.registry.MustRegister(m.events, m.runs, m.duration, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Parked tells how many messages are parked whenever somebody asks; -1 when that is not known.
func (m *Metrics) Parked(count func() float64) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "bellwether_messages_parked", Help: "Messages that a platform refused for good and nobody sent again; see bellwether outbox.",
	}, count))
}

// Event counts one event by what became of it.
func (m *Metrics) Event(outcome string) { m.events.WithLabelValues(outcome).Inc() }

// Ended counts a run that is over, and how long it took if it was ever started.
func (m *Metrics) Ended(run pipeline.Run) {
	label := string(run.Verdict)
	if run.State != pipeline.Done {
		label = string(run.State)
	}
	m.runs.WithLabelValues(label).Inc()
	if !run.Started.IsZero() {
		m.duration.Observe(run.Finished.Sub(run.Started).Seconds())
	}
}

// Handler serves them in Prometheus' format.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}
