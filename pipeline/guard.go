package pipeline

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
)

const (
	heartbeat  = 500 * time.Millisecond // between two looks at an environment under load, and the most that one may take
	faintAfter = 2                      // so many bad looks in a row: once may be chance
)

// guard stops load that does more harm than good: too many errors for too long, or an environment that is not well.
type guard struct {
	abort           Abort
	answers, errors atomic.Int64 // since the last look

	bad time.Time // since when there were too many errors; zero when there are not
}

// seen counts one answer.
func (g *guard) seen(failed bool) {
	g.answers.Add(1)
	if failed {
		g.errors.Add(1)
	}
}

// look tells whether the load has to stop. A time in which nothing was answered changes nothing.
func (g *guard) look(now time.Time) (why string) {
	answers, errors := g.answers.Swap(0), g.errors.Swap(0)
	switch {
	case g.abort.For == 0:
		return ""
	case answers > 0 && float64(errors) <= g.abort.Errors*float64(answers):
		g.bad = time.Time{}
	case answers > 0 && g.bad.IsZero():
		g.bad = now.Add(-heartbeat) // those answers came in since the last look
	}
	if g.bad.IsZero() || now.Sub(g.bad) < g.abort.For {
		return ""
	}
	return fmt.Sprintf("more than %g %% of the requests failed for %s", g.abort.Errors*100, Brief(g.abort.For))
}

// guarded calls stop, with the reason, once the load must not go on; at the latest when ctx ends it returns.
func (w *work) guarded(ctx context.Context, g *guard, stop func(why string)) {
	url, faint := w.catalog.Environments[w.run.Environment].Health, 0
	tick := time.NewTicker(heartbeat)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		why := g.look(time.Now())
		if sick := w.sick(ctx, url); sick == nil {
			faint = 0
		} else if faint++; faint >= faintAfter && why == "" {
			why = fmt.Sprintf("the environment is not well: %v", sick)
		}
		if why != "" {
			stop(why)
			return
		}
	}
}

// sick is what is wrong with the environment; nil when nothing is, or nobody can tell.
func (w *work) sick(ctx context.Context, url string) error {
	if url == "" {
		return nil
	}
	return w.look(ctx, url, heartbeat)
}
