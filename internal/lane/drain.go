package lane

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Work does what one item stands for. Its context ends when Drain's does, or
// with the cause ErrLost when the lane is about to belong to somebody else, a
// third of Lanes.Lease before it may: work must be over by then.
//
// It returns nil when the item is done. After an error the whole lane rests for
// Lanes.Backoff, and whoever takes it then goes on with this item, so that what
// is half done is never overtaken; see Pause and Later for other ways.
type Work func(ctx context.Context, held *Held) error

// Drain works the lanes whose name starts with prefix until ctx ends, one item
// of a lane after the other, different lanes at the same time. It then waits for
// the work under way and gives its lanes back, each with its item at the head.
// The only error is that Redis could not be reached at the start; later
// failures are logged and made good by the sweep.
func (l *Lanes) Drain(ctx context.Context, prefix string, work Work) error {
	wakes := l.Redis.Subscribe(ctx, l.Prefix+"lanes:wake")
	defer wakes.Close()
	if _, err := wakes.ReceiveTimeout(ctx, l.lease()); err != nil && ctx.Err() == nil {
		return fmt.Errorf("listen for wake-ups of lanes %s: %w", prefix, err)
	}
	d := &drain{lanes: l, prefix: prefix, work: work, busy: map[string]bool{}, ended: make(chan string)}
	d.loop(ctx, wakes.Channel())
	d.wait()
	return nil
}

// drain is one call of Drain. Only its loop touches busy: the lanes that have a
// worker here, and whether they were woken again meanwhile. A worker that finds
// its lane empty and a wake-up may cross; the worker's end then starts another.
type drain struct {
	lanes  *Lanes
	prefix string
	work   Work
	busy   map[string]bool
	ended  chan string
}

func (d *drain) loop(ctx context.Context, wakes <-chan *redis.Message) {
	sweep := time.NewTicker(cmp.Or(d.lanes.Sweep, time.Second))
	defer sweep.Stop()
	d.sweep(ctx)
	for {
		select {
		case <-ctx.Done():
			return
		case <-sweep.C:
			d.sweep(ctx)
		case wake, open := <-wakes:
			if !open { // somebody closed the client before ctx ended
				wakes = nil
			} else if strings.HasPrefix(wake.Payload, d.prefix) {
				d.start(ctx, wake.Payload)
			}
		case lane := <-d.ended:
			again := d.busy[lane]
			delete(d.busy, lane)
			if again {
				d.start(ctx, lane)
			}
		}
	}
}

func (d *drain) wait() {
	for len(d.busy) > 0 {
		delete(d.busy, <-d.ended)
	}
}

func (d *drain) sweep(ctx context.Context) {
	due, err := dueScript.Run(ctx, d.lanes.Redis, nil, d.lanes.Prefix, d.prefix).StringSlice()
	if err != nil && ctx.Err() == nil {
		d.lanes.log().Warn("looking for due lanes failed, will look again", "lanes", d.prefix, "error", err)
	}
	for _, lane := range due {
		d.start(ctx, lane)
	}
}

func (d *drain) start(ctx context.Context, lane string) {
	if _, busy := d.busy[lane]; busy {
		d.busy[lane] = true
		return
	}
	d.busy[lane] = false
	go func() {
		d.lanes.drain(ctx, lane, d.work)
		d.ended <- lane
	}()
}

// drain takes the lane and works it until it is empty, resting or lost.
func (l *Lanes) drain(ctx context.Context, lane string, work Work) {
	held, err := l.take(ctx, lane)
	for held != nil && err == nil {
		held, err = l.settle(ctx, held, l.hold(ctx, held, work))
	}
	if err != nil {
		l.log().Warn("lane left, will be taken again when its lease has run out", "lane", lane, "error", err)
	}
}

func (l *Lanes) lease() time.Duration { return cmp.Or(l.Lease, 10*time.Second) }

// margin is how long before the end of its lease work is told that it is lost.
func (l *Lanes) margin() time.Duration { return l.lease() / 3 }

func (l *Lanes) log() *slog.Logger { return cmp.Or(l.Log, slog.Default()) }
