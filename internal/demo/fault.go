package demo

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"
)

// fault is what is wrong with a version besides its work.
type fault struct {
	slower  float64       // its answers take that much longer, as a fraction of what they take
	item    string        // if set, only requests for this item do ("/orders?item=7")
	cold    time.Duration // if set, they do only for so long after it started
	failing float64       // share of requests that fail in one second of five
	locked  time.Duration // every ten seconds, so long, nobody gets an answer
}

// Of the seconds that pass while a version with a fault runs.
const (
	burstEvery = 5 * time.Second
	burst      = time.Second
	lockEvery  = 10 * time.Second
)

// Versions that every service has, with which real load tells whether verdicts are right. No story has them.
const (
	Slower5      = "0.0.5"  // 5 % slower
	Slower10     = "0.0.10" // and so on
	Slower20     = "0.0.20"
	Slower40     = "0.0.40"
	Bursting     = "0.1.0" // half of its answers are errors in one second of five
	Locking      = "0.2.0" // stands still for 600 ms every ten seconds
	SlowEndpoint = "0.3.0" // 40 % slower for item 7
	ColdStart    = "0.4.0" // half as slow again in its first 1.5 s
)

var faults = map[string]fault{
	Slower5:      {slower: 0.05},
	Slower10:     {slower: 0.10},
	Slower20:     {slower: 0.20},
	Slower40:     {slower: 0.40},
	Bursting:     {failing: 0.5},
	Locking:      {locked: 600 * time.Millisecond},
	SlowEndpoint: {slower: 0.40, item: "7"},
	ColdStart:    {slower: 0.50, cold: 1500 * time.Millisecond},
}

var errBurst = errors.New("too many orders at once")

// faulty is a program with a fault.
type faulty struct {
	fault
	program
	first sync.Once
	began time.Time // of the first request: nobody notices what is wrong before that
}

// answer does what the program does, and what is wrong with it.
func (f *faulty) answer(w http.ResponseWriter, r *http.Request) {
	f.first.Do(func() { f.began = time.Now() })
	arrived := time.Now()
	up := arrived.Sub(f.began)
	err := pause(r.Context(), f.locked-(up+lockEvery/2)%lockEvery)
	worked := time.Now()
	if err == nil {
		err = f.serve(r)
	}
	if err == nil && f.slows(r, up) {
		err = pause(r.Context(), time.Duration(f.slower*float64(time.Since(worked))))
	}
	if err == nil && up%burstEvery >= burstEvery-burst && rand.Float64() < f.failing {
		err = errBurst
	}
	f.reply(w, err)
}

func (f *faulty) slows(r *http.Request, up time.Duration) bool {
	return (f.item == "" || f.item == r.URL.Query().Get("item")) && (f.cold == 0 || up < f.cold)
}

// pause lets that time pass, if any, unless ctx ends first.
func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	return latency{floor: d}.spend(ctx)
}
