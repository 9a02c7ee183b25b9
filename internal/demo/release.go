package demo

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
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
// about 36 ms (p95 47 ms), of which its one query is 17 ms: a second query makes it 40 % slower.
var releases = map[string]map[string]release{
	"search": {
		"":            {work: latency{30 * time.Millisecond, 4 * time.Millisecond}},
		fasterVersion: {work: latency{20 * time.Millisecond, 3 * time.Millisecond}},
	},
	"checkout": {
		"":            {work: latency{18 * time.Millisecond, 3 * time.Millisecond}, queries: 1},
		slowerVersion: {work: latency{18 * time.Millisecond, 3 * time.Millisecond}, queries: 2},
		brokenVersion: {needs: "ORDERS_DB_URL"},
	},
	"billing": {
		"":             {work: latency{25 * time.Millisecond, 3 * time.Millisecond}, queries: 1},
		failingVersion: {work: latency{25 * time.Millisecond, 3 * time.Millisecond}, queries: 1, failing: 0.05},
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
	mux.HandleFunc("/", p.answer)
	mux.HandleFunc("GET /healthz", func(http.ResponseWriter, *http.Request) {})
	return mux
}

func (p program) answer(w http.ResponseWriter, r *http.Request) {
	err := p.work.spend(r.Context())
	for n := 0; n < p.queries && err == nil; n++ {
		err = p.orders.query(r.Context())
	}
	if err == nil && rand.Float64() < p.failing {
		err = fmt.Errorf("%s has no price for the order", r.URL.Path)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, "{\"service\":%q,\"version\":%q}\n", p.service, p.version)
}
