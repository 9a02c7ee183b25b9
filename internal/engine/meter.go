package engine

import (
	"runtime"
	"time"
)

// meter measures how much this process computes while it sends: a generator without a processor sends late, and takes for a
// slow answer what it was slow to read itself.
type meter struct {
	used   func() time.Duration // processor time of this process since it began
	shares []float64            // of what it may use, second by second
	stop   chan struct{}
	done   chan struct{}
}

// newMeter begins to measure.
func newMeter(used func() time.Duration) *meter {
	m := &meter{used: used, stop: make(chan struct{}), done: make(chan struct{})}
	go m.run()
	return m
}

// partial is how much of its last second a load must have had for a share that means something.
const partial = 100 * time.Millisecond

func (m *meter) run() {
	defer close(m.done)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	since, used := time.Now(), m.used()
	measure := func() {
		now, total := time.Now(), m.used()
		m.shares = append(m.shares, (total-used).Seconds()/now.Sub(since).Seconds()/float64(runtime.GOMAXPROCS(0)))
		since, used = now, total
	}
	for {
		select {
		case <-tick.C:
			measure()
		case <-m.stop:
			if time.Since(since) >= partial {
				measure()
			}
			return
		}
	}
}

// finish stops measuring and returns the share of each second: 1 when the process used all that GOMAXPROCS allows it, 0
// when that is not known.
func (m *meter) finish() []float64 {
	close(m.stop)
	<-m.done
	return m.shares
}
