package pipeline

import (
	"time"

	"bellwether/internal/stats"
)

// Metric is something that is judged.
type Metric string

// The metrics: latencies in milliseconds, errors as a fraction of requests, throughput as the fraction of the requests due that
// were sent, or where the load waited for answers (Record.Closed) as answers a second that were no error.
const (
	P50        Metric = "p50"
	P95        Metric = "p95"
	P99        Metric = "p99"
	Errors     Metric = "errors"
	Throughput Metric = "throughput"
)

// Record is what one scenario measured, second by second. Every percentile, interval and chart derives from it.
type Record struct {
	Start     time.Time `json:"start"`
	Warmup    int       `json:"warmup"` // leading seconds that are not judged
	Series    []Series  `json:"series"`
	Generator []Tick    `json:"generator"`       // one entry a second, in order
	Fault     string    `json:"fault,omitempty"` // the first reason why a request got no response, in words
	// Closed: the load waited for answers, or nobody knows how much was wanted, as in the files of other tools. Throughput is then
	// a rate.
	Closed bool `json:"closed,omitempty"`
	// Step is how many seconds each cell and each entry of Generator stand for, where a file was too large to keep second by
	// second; 0 means one. What counts the seconds of a record counts steps then.
	Step int `json:"step,omitempty"`
}

// NoResponse is the class of requests that got none.
const NoResponse = "none"

// Series is one target's responses of one status class.
type Series struct {
	Target string `json:"target"`
	Class  string `json:"class"`  // "2xx" … "5xx", or NoResponse
	Failed bool   `json:"failed"` // a transport failure or a status that the target does not expect
	Cells  []Cell `json:"cells"`  // ascending by Second; seconds without a response are absent
}

// Cell is one second of a series.
type Cell struct {
	Second  int             `json:"s"` // since Start, by the time the request was due
	Bytes   int64           `json:"bytes"`
	Latency stats.Histogram `json:"latency"` // µs; its count is the number of responses
}

// Tick is one second of the generator's own health.
type Tick struct {
	Offered int64           `json:"offered"` // requests that the load profile wanted sent in this second
	Sent    int64           `json:"sent"`
	Lag     stats.Histogram `json:"lag"`           // µs from a request's intended time to its sending
	CPU     float64         `json:"cpu,omitempty"` // the generator's, as a fraction of what it may use; 0 when unknown
}

// Result is what one scenario measured in one run, without the record it came from.
type Result struct {
	ID          string             `json:"id"` // the record is stored under the same id
	Run         string             `json:"run"`
	Scenario    string             `json:"scenario"`
	Environment string             `json:"environment"`
	Hash        string             `json:"hash"` // Scenario.Hash: results with another one are not comparable
	Start       time.Time          `json:"start"`
	Seconds     int                `json:"seconds"` // judged
	Warmup      int                `json:"warmup"`  // seconds of load before those
	Artefact    Artefact           `json:"artefact"`
	Versions    map[string]string  `json:"versions"`          // of everything in the environment
	Groups      map[string]Summary `json:"groups"`            // "" for the whole scenario, else a target's name
	Invalid     string             `json:"invalid,omitempty"` // why the measurement is no good; empty when it is good
	Failed      string             `json:"failed,omitempty"`  // why it could not be measured (set-up, script)
	Stopped     string             `json:"stopped,omitempty"` // why its load was stopped before its end
}

// Summary is the judged part of a record for one group of targets.
type Summary struct {
	Requests int64              `json:"requests"`
	Errors   int64              `json:"errors"`
	Values   map[Metric]float64 `json:"values"`            // absent: not judged (too few samples beyond a percentile)
	Windows  []stats.Window     `json:"windows,omitempty"` // errors and requests, five seconds each
}
