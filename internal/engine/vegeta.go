// Package engine puts load on an environment for pipeline and records, second by second, how it answered. An engine
// measures and leaves judging to others: an environment that refuses, stalls or answers nonsense gives a record that
// says so, not an error.
package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"bellwether/pipeline"
)

// catchUp is how long after the load's end requests that are late are still sent.
const catchUp = time.Second

// Vegeta is the embedded engine: an open load model over HTTP/1.1, requests sent on time however slow the answers are.
type Vegeta struct {
	Log *slog.Logger
	// MaxWorkers bounds the requests under way at any time. When all are taken, requests are sent late or not at all,
	// and the record shows that. 0 means 2000.
	MaxWorkers uint64
	// Timeout is how long a request may take, to the last byte of its response; then it counts as one without a response.
	// 0 means 30 s.
	Timeout time.Duration
}

// Measure runs the scenario's load on the environment and returns what it recorded. Only a scenario that cannot be run is
// an error; when ctx ends the load stops at once and the error is ctx's cause. Seen is told of each answer as it comes in.
func (v *Vegeta) Measure(
	ctx context.Context, s pipeline.Scenario, env pipeline.Environment, seen func(failed bool),
) (pipeline.Record, error) {
	plan := newSchedule(s.Load)
	if plan.requests == 0 {
		return pipeline.Record{}, fmt.Errorf("scenario %s: its load sends no request; raise its rate or duration", s.Name)
	}
	requests, err := newTargets(s, env)
	if err != nil {
		return pipeline.Record{}, fmt.Errorf("scenario %s: %w", s.Name, err)
	}
	var first fault
	l := load{
		plan:    plan,
		next:    requests.next,
		workers: cmp.Or(v.MaxWorkers, 2000),
		timeout: cmp.Or(v.Timeout, 30*time.Second),
		broken:  first.note,
	}
	record := newRecorder(s, plan, seen)
	use := newMeter(processorTime)
	start := l.run(ctx, record.add)
	shares := use.finish()
	if ctx.Err() != nil {
		return pipeline.Record{}, context.Cause(ctx)
	}
	finished := record.finish(start)
	for i := range min(len(shares), len(finished.Generator)) {
		finished.Generator[i].CPU = shares[i]
	}
	if finished.Fault = first.text(); finished.Fault != "" {
		v.Log.Warn("requests got no response", "scenario", s.Name, "environment", env.Name, "first", finished.Fault)
	}
	return finished, nil
}

// fault keeps the first transport error of a load.
type fault struct {
	once  sync.Once
	first error
}

func (f *fault) note(err error) { f.once.Do(func() { f.first = err }) }

// text is the fault in words, without the request it happened to. Call it once the load is over.
func (f *fault) text() string {
	if f.first == nil {
		return ""
	}
	if failed, ok := errors.AsType[*net.OpError](f.first); ok {
		return failed.Err.Error()
	}
	return f.first.Error()
}

// load is what Vegeta needs to attack.
type load struct {
	plan    schedule
	next    vegeta.Targeter
	workers uint64
	timeout time.Duration // of a request
	broken  func(error)   // told about requests without a response
}

// run sends the requests and passes each answer to add, in the order in which they arrive, until all are in. It
// returns when the load began.
func (l load) run(ctx context.Context, add func(answer)) time.Time {
	sending, cancel := context.WithTimeout(ctx, l.plan.duration+catchUp)
	defer cancel()
	transport := newTransport(int(l.workers))
	defer transport.CloseIdleConnections()
	pace := &pacer{schedule: l.plan, stop: sending.Done()}
	client := newClient(ctx, pace.awake(transport), l.timeout, l.broken)
	attacker := vegeta.NewAttacker(vegeta.Client(client), vegeta.MaxBody(0), vegeta.MaxWorkers(l.workers))
	defer context.AfterFunc(sending, func() { attacker.Stop() })()
	for r := range attacker.Attack(l.next, pace, 0, "") {
		add(answer{
			request: int(r.Seq),
			target:  marked(r.URL),
			status:  int(r.Code),
			sent:    r.Timestamp.Sub(pace.began),
			took:    r.Latency,
			bytes:   length(r.Headers),
		})
	}
	return pace.began
}
