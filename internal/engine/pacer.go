package engine

import "time"

// pacer lets Vegeta send each request of a schedule when it is due. It waits itself, because Vegeta's own wait cannot
// be interrupted: a load that holds at zero for five minutes would go on for as long after it was stopped.
type pacer struct {
	schedule schedule
	stop     <-chan struct{}
	timer    *time.Timer
	began    time.Time // as Vegeta counts; set before the first request is sent
}

func newPacer(s schedule, stop <-chan struct{}) *pacer {
	return &pacer{schedule: s, stop: stop, timer: time.NewTimer(0)}
}

// Pace returns when request number hits is due; it ends the load after the last one or when it is stopped. A request
// that is late is sent at once: the load catches up, and nobody waits less than planned.
func (p *pacer) Pace(elapsed time.Duration, hits uint64) (time.Duration, bool) {
	if p.began.IsZero() {
		p.began = time.Now().Add(-elapsed)
	}
	if hits >= uint64(p.schedule.requests) {
		return 0, true
	}
	p.timer.Reset(p.schedule.due(int(hits)) - elapsed)
	select {
	case <-p.timer.C:
		return 0, false
	case <-p.stop:
		return 0, true
	}
}

// Rate is asked by nobody but Vegeta's own command line.
func (p *pacer) Rate(time.Duration) float64 { return 0 }
