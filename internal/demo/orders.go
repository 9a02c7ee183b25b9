package demo

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// queryTime is how long the orders database works on a query.
var queryTime = latency{14500 * time.Microsecond, 2500 * time.Microsecond}

// settings of the orders database, which the infrastructure team changes.
type settings struct {
	connections int
	timeout     time.Duration // of a statement, the wait for a connection included
}

// The releases of the stack that holds the orders database.
var stackReleases = map[string]settings{
	"41":           {connections: 20, timeout: 250 * time.Millisecond},
	widerVersion:   {connections: 40, timeout: 250 * time.Millisecond},
	starvedVersion: {connections: 3, timeout: 250 * time.Millisecond},
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
