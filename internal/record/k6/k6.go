// Package k6 reads what k6 records of a load: the files of `--out csv` and of `--out json`.
//
// A latency is k6's http_req_duration: sending, waiting and receiving, without the time to connect. It is stamped with the end of
// the request. An error is what k6 itself counts as one: expected_response is false, or http_req_failed is not 0; of a version
// that knows neither, a status from 400 on, or 0. Formats: https://grafana.com/docs/k6/latest/results-output/real-time/csv
// and …/json.
package k6

import (
	"errors"
	"fmt"
	"time"

	"bellwether/internal/record/tally"
)

// errNothing is why a file has no result.
var errNothing = errors.New("k6 recorded no finished request in it (no http_req_duration)")

// point is one sample of one metric, as it is written in the file.
type point struct {
	metric, time, value                []byte
	scenario, group, name, url, status []byte // tags; nil where there is none
	expected, failure                  []byte // expected_response; error_code
}

// reader sums points up.
type reader struct {
	tally tally.Tally
	// pending is the request whose http_req_failed may follow.
	pending tally.Request
	target  *tally.Target // nil: none is pending
	stamp   int64         // when it ended
}

// add counts a point; an error says what is wrong with it.
func (r *reader) add(p *point) error {
	switch string(p.metric) {
	case "http_req_duration":
		return r.request(p)
	case "http_req_failed":
		return r.failed(p)
	case "iterations", "dropped_iterations":
		return r.iterations(p)
	}
	return nil
}

func interesting(metric []byte) bool {
	switch string(metric) {
	case "http_req_duration", "http_req_failed", "iterations", "dropped_iterations":
		return true
	}
	return false
}

// request is the end of one, which waits until k6 has said whether it failed.
func (r *reader) request(p *point) error {
	if err := r.flush(); err != nil {
		return err
	}
	ended, unit, err := instant(p.time)
	if err != nil {
		return err
	}
	took, err := micros(p.value)
	if err != nil {
		return err
	}
	status, _ := whole(p.status) // none, or none that HTTP knows
	r.target, r.stamp = r.of(p), ended
	r.pending = tally.Request{
		Start:  ended + unit/2 - took*int64(time.Microsecond), // within a unit nobody knows when
		Took:   took,
		Status: int(status),
		Failed: failed(p, status),
	}
	if status == 0 && len(p.failure) > 0 {
		r.tally.Fault(append([]byte("k6's error code "), p.failure...))
	}
	return r.tally.Reach(r.pending.Start) // while its line is known
}

func failed(p *point, status int64) bool {
	if len(p.expected) > 0 {
		return string(p.expected) == "false"
	}
	return len(p.status) > 0 && (status == 0 || status >= 400)
}

// of is the target of a point.
func (r *reader) of(p *point) *tally.Target {
	group, name := p.group, p.name
	if len(group) >= 2 && group[0] == ':' && group[1] == ':' {
		group = group[2:]
	}
	if len(name) == 0 {
		name = p.url
	}
	return r.tally.Target(p.scenario, group, name)
}

// failed takes k6's own word on the request that is pending: the samples of one request stand together.
func (r *reader) failed(p *point) error {
	rate, err := number(p.value)
	if err != nil {
		return err
	}
	if r.target == nil || rate == 0 && r.pending.Failed == (string(p.expected) == "false") {
		return nil
	}
	if ended, _, err := instant(p.time); err != nil || ended != r.stamp || r.of(p) != r.target {
		return err
	}
	r.pending.Failed = rate != 0
	return nil
}

func (r *reader) flush() error {
	if r.target == nil {
		return nil
	}
	target := r.target
	r.target = nil
	return r.tally.Add(target, r.pending)
}

func (r *reader) iterations(p *point) error {
	n, err := number(p.value)
	if err != nil || n < 0 || n > 1e9 {
		return fmt.Errorf("%s is %q, and no number of them", p.metric, p.value)
	}
	if string(p.metric) == "iterations" {
		r.tally.Iterate(int64(n))
		return nil
	}
	at, _, err := instant(p.time)
	if err != nil {
		return err
	}
	return r.tally.Drop(at, int64(n))
}

// finish is what was read, at the end of the file.
func (r *reader) finish() (*tally.Tally, error) {
	if err := r.flush(); err != nil {
		return nil, err
	}
	if r.tally.Requests() == 0 {
		return nil, errNothing
	}
	return &r.tally, nil
}
