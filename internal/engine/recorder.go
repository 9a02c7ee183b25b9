package engine

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"bellwether/internal/stats"
	"bellwether/pipeline"
)

const longest = time.Minute // what takes longer counts as this

// tolerance is how late a request may be sent without anybody noticing: timers and a busy generator cost a few
// milliseconds. See recorder.add.
const tolerance = 10 * time.Millisecond

// answer is what became of one request that was sent.
type answer struct {
	request int           // its number in the schedule
	target  int           // index in the scenario
	status  int           // 0 when no response came
	sent    time.Duration // since the load began
	took    time.Duration // from sending to the last byte
	bytes   int64
}

// recorder turns answers into a pipeline.Record. It holds the values of those seconds only that still wait for
// answers, and closes a second into sparse histograms as soon as all its requests have one.
type recorder struct {
	schedule schedule
	targets  []pipeline.Target
	seen     func(failed bool)
	record   pipeline.Record
	series   map[key]*pipeline.Series
	open     []*second // the first one is number closed
	closed   int
	scratch  *hdrhistogram.Histogram // reused for every histogram that is closed
}

// key tells series apart.
type key struct {
	target, class int // class is the status's first digit
	failed        bool
}

// second collects the answers to the requests that were due in one second of the load.
type second struct {
	lags  []int64 // µs
	cells map[key]*cell
}

type cell struct {
	bytes     int64
	latencies []int64 // µs
}

func newRecorder(s pipeline.Scenario, plan schedule, seen func(failed bool)) *recorder {
	return &recorder{
		schedule: plan,
		targets:  s.Targets,
		seen:     seen,
		record:   pipeline.Record{Warmup: seconds(s.Load.Warmup), Generator: plan.ticks()},
		series:   map[key]*pipeline.Series{},
		scratch:  hdrhistogram.New(1, longest.Microseconds(), 3),
	}
}

// add files an answer under the second in which its request was due, so that a stalled environment cannot thin out
// its own worst second. A request that was sent noticeably late had to wait for a free worker; whoever stood behind it
// would have waited as well, so its latency counts from when it was due.
func (r *recorder) add(a answer) {
	due := r.schedule.due(a.request)
	lag := max(0, a.sent-due)
	if lag > tolerance {
		a.took += lag
	}
	failed := a.status == 0 || !r.targets[a.target].Expects(a.status)
	s := r.second(int(due / time.Second))
	s.lags = append(s.lags, micros(lag))
	s.cell(key{a.target, a.status / 100, failed}).add(a)
	r.closeAnswered()
	r.seen(failed)
}

// second returns the open second with that number. A second is closed only after the last answer to it.
func (r *recorder) second(number int) *second {
	for r.closed+len(r.open) <= number {
		r.open = append(r.open, &second{cells: map[key]*cell{}})
	}
	return r.open[number-r.closed]
}

func (s *second) cell(k key) *cell {
	c, ok := s.cells[k]
	if !ok {
		c = &cell{}
		s.cells[k] = c
	}
	return c
}

func (c *cell) add(a answer) {
	c.bytes += a.bytes
	c.latencies = append(c.latencies, micros(a.took))
}

// micros is d in µs, from 1 to longest.
func micros(d time.Duration) int64 { return max(1, min(d, longest).Microseconds()) }

func (r *recorder) closeAnswered() {
	for len(r.open) > 0 && int64(len(r.open[0].lags)) >= r.record.Generator[r.closed].Offered {
		r.close()
	}
}

// close moves the first open second into the record.
func (r *recorder) close() {
	s := r.open[0]
	tick := &r.record.Generator[r.closed]
	tick.Sent, tick.Lag = int64(len(s.lags)), r.histogram(s.lags)
	for k, c := range s.cells {
		series := r.of(k)
		series.Cells = append(series.Cells, pipeline.Cell{Second: r.closed, Bytes: c.bytes, Latency: r.histogram(c.latencies)})
	}
	r.open, r.closed = r.open[1:], r.closed+1
}

func (r *recorder) of(k key) *pipeline.Series {
	series, ok := r.series[k]
	if !ok {
		series = &pipeline.Series{Target: r.targets[k.target].Name, Class: k.name(), Failed: k.failed}
		r.series[k] = series
	}
	return series
}

// compare orders series by target, then class, what was expected first.
func (k key) compare(other key) int {
	order := cmp.Or(cmp.Compare(k.target, other.target), cmp.Compare(k.class, other.class))
	switch {
	case order != 0 || k.failed == other.failed:
		return order
	case other.failed:
		return -1
	}
	return 1
}

func (k key) name() string {
	if k.class == 0 {
		return "none"
	}
	return strconv.Itoa(k.class) + "xx"
}

func (r *recorder) histogram(values []int64) stats.Histogram {
	r.scratch.Reset()
	for _, v := range values {
		_ = r.scratch.RecordValue(v) // fails only out of range, and micros keeps to it
	}
	return slices.Clone(stats.FromHDR(r.scratch)) // which drops the room it had to grow
}

// finish closes what is still open and returns the record, its series in the order of the targets.
func (r *recorder) finish(start time.Time) pipeline.Record {
	for len(r.open) > 0 {
		r.close()
	}
	for _, k := range slices.SortedFunc(maps.Keys(r.series), key.compare) {
		r.record.Series = append(r.record.Series, *r.series[k])
	}
	r.record.Start = start
	return r.record
}
