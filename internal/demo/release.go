package demo

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync/atomic"
	"time"
)

// release is how one version of a service behaves.
type release struct {
	work    latency // its own work on a request
	queries int     // that it asks of the orders database for one request
	failing float64 // share of requests that it answers with status 500
	needs   string  // an environment variable without which it does not start; the shop sets none
}

// The releases that differ from what the service normally does, which is the release without a version. A checkout takes
// about 75 ms (p95 93 ms), of which its one query is 34 ms: a second query makes it 40 % slower. Answers take that long so
// that the few milliseconds which a busy machine adds hardly count.
var releases = map[string]map[string]release{
	"search": {
		"":            {work: latency{60 * time.Millisecond, 8 * time.Millisecond}},
		fasterVersion: {work: latency{40 * time.Millisecond, 6 * time.Millisecond}},
	},
	"checkout": {
		"":            {work: latency{36 * time.Millisecond, 6 * time.Millisecond}, queries: 1},
		slowerVersion: {work: latency{36 * time.Millisecond, 6 * time.Millisecond}, queries: 2},
		brokenVersion: {needs: "ORDERS_DB_URL"},
	},
	"billing": {
		"":             {work: latency{50 * time.Millisecond, 6 * time.Millisecond}, queries: 1},
		failingVersion: {work: latency{50 * time.Millisecond, 6 * time.Millisecond}, queries: 1, failing: 0.05},
	},
}

// The versions that stand out.
const (
	fasterVersion  = "2.2.0" // of search
	slowerVersion  = "1.5.0" // of checkout
	brokenVersion  = "1.6.0" // of checkout
	failingVersion = "3.1.0" // of billing
)

// latency is how long something takes: never less than floor, and an exponentially distributed tail of that mean.
type latency struct{ floor, tail time.Duration }

// spend lets that time pass, unless ctx ends first.
func (l latency) spend(ctx context.Context) error {
	timer := time.NewTimer(l.floor + time.Duration(float64(l.tail)*rand.ExpFloat64()))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// program is a version of a service, as its HTTP server knows it.
type program struct {
	release
	service, version string
	orders           *orders
}

// newProgram panics when the version lacks something that it needs.
func newProgram(service, version string, db *orders) http.Handler {
	r, ok := releases[service][version]
	if !ok {
		r = releases[service][""]
	}
	if r.needs != "" {
		panic("missing " + r.needs)
	}
	p := program{r, service, version, db}
	mux := http.NewServeMux()
	if f, ok := faults[version]; ok {
		mux.HandleFunc("/", (&faulty{fault: f, program: p}).answer)
	} else {
		mux.HandleFunc("/", p.answer)
	}
	mux.HandleFunc("GET /healthz", func(http.ResponseWriter, *http.Request) {})
	return mux
}

func (p program) answer(w http.ResponseWriter, r *http.Request) { p.reply(w, p.serve(r)) }

// serve does the work of a request.
func (p program) serve(r *http.Request) error {
	err := p.work.spend(r.Context())
	for n := 0; n < p.queries && err == nil; n++ {
		err = p.orders.query(r.Context())
	}
	if err == nil && rand.Float64() < p.failing {
		err = fmt.Errorf("%s has no price for the order", r.URL.Path)
	}
	return err
}

// reply answers a request whose work is done, or was not possible.
func (p program) reply(w http.ResponseWriter, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, "{\"service\":%q,\"version\":%q}\n", p.service, p.version)
}

// queryTime is how long the orders database works on a query.
var queryTime = latency{29 * time.Millisecond, 5 * time.Millisecond}

// settings of the orders database, which the infrastructure team changes.
type settings struct {
	connections int
	timeout     time.Duration // of a statement, the wait for a connection included
}

// The releases of the stack that holds the orders database.
var stackReleases = map[string]settings{
	"41":           {connections: 20, timeout: 250 * time.Millisecond},
	widerVersion:   {connections: 40, timeout: 250 * time.Millisecond},
	starvedVersion: {connections: 6, timeout: 250 * time.Millisecond},
}

const (
	widerVersion   = "42"
	starvedVersion = "43"
)

// orders is the database of checkout and billing: as many queries at a time as it has connections.
type orders struct{ pool atomic.Pointer[pool] }

type pool struct {
	settings
	taken chan struct{} // one entry for each connection in use
}

func newOrders() *orders {
	o := &orders{}
	o.configure(stackReleases["41"])
	return o
}

// configure changes the settings and returns those before. Queries under way end on the connections they have.
func (o *orders) configure(s settings) settings {
	fresh := &pool{settings: s, taken: make(chan struct{}, s.connections)}
	if old := o.pool.Swap(fresh); old != nil {
		return old.settings
	}
	return settings{}
}

// apply brings a release of the stack into effect and tells each setting.
func (o *orders) apply(version string, tell func(format string, args ...any)) error {
	now, ok := stackReleases[version]
	if !ok {
		return fmt.Errorf("the stack has no release %q", version)
	}
	was := o.configure(now)
	tell("orders database: connections %d, were %d", now.connections, was.connections)
	tell("orders database: statement timeout %s, was %s", now.timeout, was.timeout)
	return nil
}

var errTimeout = errors.New("orders database: statement timeout")

// query takes a connection and the time of one query.
func (o *orders) query(ctx context.Context) error {
	p := o.pool.Load()
	ctx, cancel := context.WithTimeoutCause(ctx, p.timeout, errTimeout)
	defer cancel()
	select {
	case p.taken <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { <-p.taken }()
	if err := queryTime.spend(ctx); err != nil {
		return context.Cause(ctx)
	}
	return nil
}
