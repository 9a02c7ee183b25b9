package engine

import (
	"math"
	"net/http"
	"sort"
	"sync/atomic"
	"time"

	"bellwether/pipeline"
)

// schedule says when each request of a load is due. The n-th request, counted from 0, is due when the integral of the
// rate reaches n + 1/2: evenly spread, never on the edge between two stages or seconds of an even rate.
type schedule struct {
	stages   []stage
	duration time.Duration
	requests int
}

// stage is a piece of the load in which the rate changes evenly.
type stage struct {
	start float64 // seconds since the load began
	sent  float64 // the integral of the rate until then
	rate  float64 // requests per second at the start
	slope float64 // change of the rate per second
}

func newSchedule(load pipeline.Load) schedule {
	s := schedule{duration: load.Duration()}
	var start, sent float64
	for _, l := range load.Stages {
		over := l.Over.Seconds()
		if over <= 0 {
			continue
		}
		s.stages = append(s.stages, stage{start: start, sent: sent, rate: l.From, slope: (l.To - l.From) / over})
		start, sent = start+over, sent+over*(l.From+l.To)/2
	}
	s.requests = int(math.Round(sent))
	return s
}

// due returns when the n-th request is due, from the load's beginning. Within a stage the integral is
// rate*t + slope*t²/2; its inverse is written so that it also holds for slope 0 and for rate 0.
func (s schedule) due(n int) time.Duration {
	sent := float64(n) + 0.5
	i := sort.Search(len(s.stages), func(i int) bool { return s.stages[i].sent >= sent }) - 1
	g := s.stages[max(i, 0)]
	left := sent - g.sent
	t := g.start + 2*left/(g.rate+math.Sqrt(max(0, g.rate*g.rate+2*g.slope*left)))
	return min(time.Duration(t*float64(time.Second)), s.duration-1)
}

// ticks returns one entry for each begun second of the load, with the requests that are due in it.
func (s schedule) ticks() []pipeline.Tick {
	ticks := make([]pipeline.Tick, seconds(s.duration))
	begun := 0 // requests that are due before the second
	for i := range ticks {
		end := time.Duration(i+1) * time.Second
		before := sort.Search(s.requests, func(n int) bool { return s.due(n) >= end })
		ticks[i].Offered = int64(before - begun)
		begun = before
	}
	return ticks
}

// seconds rounds up to whole seconds.
func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

// brief is a wait that may be left to Vegeta, which cannot be interrupted in it.
const brief = 100 * time.Millisecond

// pacer is the vegeta.Pacer that has each request of a schedule sent when it is due. It waits itself when the wait is
// long: a load that holds at zero for five minutes could not be stopped otherwise.
type pacer struct {
	schedule schedule
	stop     <-chan struct{}
	began    time.Time // as Vegeta counts; set before the first request is sent

	due atomic.Int64 // when the newest request is due, in ns since then
}

// Pace returns how long to wait for request number hits, and ends the load after the last one or when it is stopped. A
// request that is late is sent at once.
func (p *pacer) Pace(elapsed time.Duration, hits uint64) (wait time.Duration, stop bool) {
	if p.began.IsZero() {
		p.began = time.Now().Add(-elapsed)
	}
	if hits >= uint64(p.schedule.requests) {
		return 0, true
	}
	due := p.schedule.due(int(hits))
	p.due.Store(int64(due))
	wait = due - elapsed
	if wait <= brief {
		return wait, p.stopped()
	}
	select {
	case <-time.After(wait):
		return 0, false
	case <-p.stop:
		return 0, true
	}
}

// awake has a request that is long overdue wait a moment. A process that stood still (SIGSTOP, a machine put to sleep) goes on
// before the timers that ran out meanwhile have fired: it would send into an environment that is somebody else's by now.
func (p *pacer) awake(transport http.RoundTripper) http.RoundTripper {
	return sender(func(r *http.Request) (*http.Response, error) {
		if time.Since(p.began)-time.Duration(p.due.Load()) > catchUp {
			select {
			case <-r.Context().Done():
			case <-time.After(10 * time.Millisecond):
			}
		}
		return transport.RoundTrip(r)
	})
}

func (p *pacer) stopped() bool {
	select {
	case <-p.stop:
		return true
	default:
		return false
	}
}

// Rate is asked by nobody but Vegeta's own command line.
func (p *pacer) Rate(time.Duration) float64 { return 0 }
