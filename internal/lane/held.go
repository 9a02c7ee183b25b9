package lane

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/redis/go-redis/v9"
)

// ErrLost is the cause of a work context that ended because the lease did: it
// could not be renewed in time, or somebody else has it.
var ErrLost = errors.New("lane lease lost")

// Held is an item being worked on. Writes made for it carry Fence, see Guard.
type Held struct {
	Lane  string
	Item  Item
	Fence int64 // greater than that of every earlier holder

	deadline time.Time // until when the lease surely holds, by our monotonic clock
}

type later struct{ at time.Time }

func (e later) Error() string { return "not before " + e.at.Format(time.RFC3339) }

// Later is what work returns to have the items behind its own go ahead: the item
// keeps its place, but is not worked on again before at. It then begins anew,
// without failures. Only for work that left nothing half done.
func Later(at time.Time) error { return later{at} }

type pause struct{ until time.Time }

func (e pause) Error() string { return "lane rests until " + e.until.Format(time.RFC3339) }

// Pause is what work returns to have its lane rest as after an error, but until
// a time of its own and without counting a failure; for a chat platform that
// asks us to slow down.
func Pause(until time.Time) error { return pause{until} }

// take returns nil when somebody else has the lane or nothing in it is due.
func (l *Lanes) take(ctx context.Context, lane string) (*Held, error) {
	if ctx.Err() != nil {
		return nil, nil
	}
	return l.taken(ctx, takeScript, lane, l.Prefix, lane, l.Holder, l.lease().Milliseconds())
}

// hold calls work under a lease that is renewed meanwhile. Work has to end when
// two thirds of the lease have gone by without a renewal: the last third is for
// what it must still bring to its end before somebody else may begin. The lease
// counts from before the call that gave it, so it ends here before it ends in
// Redis. The renewing goroutine lives as long as the work; an idle lane has none.
func (l *Lanes) hold(ctx context.Context, held *Held, work Work) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	working, cancel := context.WithCancelCause(ctx)
	watch := time.AfterFunc(time.Until(held.deadline)-l.margin(), func() { cancel(ErrLost) })
	renewing, stop := context.WithCancel(context.WithoutCancel(ctx))
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		l.renew(renewing, held, watch, cancel)
	}()

	err := work(working, held)
	lost := errors.Is(context.Cause(working), ErrLost)
	cancel(nil)
	stop()
	<-stopped
	watch.Stop()
	if err != nil && lost {
		return ErrLost
	}
	return err
}

// renew goes on when ctx of the drain has ended, as work may need time to stop.
// A renewal that fails is tried again until the watch fires.
func (l *Lanes) renew(ctx context.Context, held *Held, watch *time.Timer, cancel context.CancelCauseFunc) {
	tick := time.NewTicker(cmp.Or(l.Renew, l.lease()/5))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		asked := time.Now()
		err := renewScript.Run(ctx, l.Redis, nil, l.Prefix, held.Lane, held.Fence, l.lease().Milliseconds()).Err()
		switch {
		case err == nil || errors.Is(err, redis.Nil):
			watch.Reset(time.Until(asked.Add(l.lease())) - l.margin())
		case redis.HasErrorPrefix(err, lost):
			cancel(ErrLost)
			return
		case ctx.Err() == nil:
			l.log().Warn("lane lease not renewed", "lane", held.Lane, "item", held.Item.ID, "error", err)
		}
	}
}

// settle tells Redis how the work ended. It returns the next item, taken by the
// same script; nil when there is none, ctx has ended, or the item stays begun.
func (l *Lanes) settle(ctx context.Context, held *Held, outcome error) (*Held, error) {
	var yield later
	var rest pause
	switch {
	case outcome == nil:
		return l.next(ctx, finishScript, held)
	case errors.As(outcome, &yield):
		return l.next(ctx, yieldScript, held, millis(yield.at))
	case errors.As(outcome, &rest):
		return nil, l.rest(ctx, held, rest.until, 0)
	case errors.Is(outcome, ErrLost) || ctx.Err() != nil:
		return nil, l.rest(ctx, held, time.Time{}, 0)
	}
	wait := l.backoff(held.Item.Failures)
	l.log().Warn("lane rests, its item failed and will be tried again", "lane", held.Lane, "item", held.Item.ID,
		"failures", held.Item.Failures+1, "wait", wait, "error", outcome)
	return nil, l.rest(ctx, held, l.Time().Add(wait), 1)
}

// rest gives the lane up with the item at its head.
func (l *Lanes) rest(ctx context.Context, held *Held, until time.Time, failures int) error {
	_, err := l.taken(ctx, restScript, held.Lane, l.Prefix, held.Lane, held.Fence, millis(until), failures)
	return err
}

func (l *Lanes) next(ctx context.Context, script *redis.Script, held *Held, more ...any) (*Held, error) {
	lease := l.lease().Milliseconds()
	if ctx.Err() != nil {
		lease = 0
	}
	args := append([]any{l.Prefix, held.Lane, held.Fence, l.Holder, lease}, more...)
	return l.taken(ctx, script, held.Lane, args...)
}

// taken runs a script that may hand out an item. It does so also when ctx has
// ended, so that no reply is missed and no lease left behind. A reply lost on
// the network costs one lease: the item comes again when that has run out.
func (l *Lanes) taken(ctx context.Context, script *redis.Script, lane string, args ...any) (*Held, error) {
	asked := time.Now()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.lease())
	defer cancel()
	reply, err := script.Run(ctx, l.Redis, nil, args...).Slice()
	switch {
	case errors.Is(err, redis.Nil):
		return nil, nil
	case redis.HasErrorPrefix(err, lost):
		return nil, ErrLost
	case err != nil:
		return nil, fmt.Errorf("take or settle lane %s: %w", lane, err)
	}
	return &Held{
		Lane:     lane,
		Item:     Item{ID: reply[0].(string), Failures: int(reply[1].(int64))},
		Fence:    reply[2].(int64),
		deadline: asked.Add(l.lease()),
	}, nil
}

// Time is what Now says, or the machine's clock where there is none.
func (l *Lanes) Time() time.Time {
	if l.Now == nil {
		return time.Now()
	}
	return l.Now()
}

// backoff doubles from 1 s to 1 min, less a random part of up to a half.
func (l *Lanes) backoff(failures int) time.Duration {
	if l.Backoff != nil {
		return l.Backoff(failures)
	}
	wait := min(time.Second<<min(failures, 6), time.Minute)
	return wait - rand.N(wait/2)
}
