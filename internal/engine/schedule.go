package engine

import (
	"math"
	"sort"
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
