// Package lane keeps durable ordered lanes in Redis, each drained by one worker
// in the whole cluster.
//
// Environments (runs), channels (outgoing messages) and timers are lanes. An
// item is only an id; what it stands for is kept by whoever pushed it. An item
// is worked on at least once, and by one holder at a time: the holder of a lane
// has a lease with a fence, which every write made on its behalf must carry
// (see Guard). A lane can be put on hold: what has begun goes on, nothing else is
// taken (see Append). One Redis primary is assumed, not a cluster.
package lane

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// Item is one thing waiting in a lane.
type Item struct {
	ID       string    // unique within the lane
	Due      time.Time // not to be worked on before; zero means at once, also once that time has passed
	Failures int       // how often work on it ended in an error since it began; ignored by Push
}

// Lanes gives access to all lanes under one prefix. Its zero fields mean the
// defaults named; only Redis is needed.
type Lanes struct {
	Redis  redis.UniversalClient
	Prefix string // of every key
	Holder string // who we are, for State

	Lease time.Duration // how long a holder may be silent; 10 s
	Renew time.Duration // between two renewals; a fifth of Lease
	Sweep time.Duration // between two looks for lanes whose wake-up was missed; 1 s

	Backoff func(failures int) time.Duration // rest after an error, by how many came before it; 1 s doubling to 1 min, with jitter
	Now     func() time.Time                 // time.Now
	Log     *slog.Logger                     // slog.Default()
}

// Push appends the item. One that already waits keeps its place and only gets
// the new due time; one that is being worked on will be worked on once more.
func (l *Lanes) Push(ctx context.Context, lane string, item Item) error {
	err := pushScript.Run(ctx, l.Redis, nil, l.Prefix, lane, item.ID, millis(item.Due)).Err()
	if err != nil && !errors.Is(err, redis.Nil) {
		return fmt.Errorf("push %s to lane %s: %w", item.ID, lane, err)
	}
	return nil
}

// State is a lane at one moment.
type State struct {
	Held    *Item     // the item that has begun, or nil
	Holder  string    // who works on it; empty while nobody has a valid lease
	Since   time.Time // when Held was last taken
	Fence   int64     // of the holder; 0 without one
	Rest    time.Time // nobody goes on with Held before; zero when the lane does not rest
	Waiting []Item    // in order of their places, due or not
	OnHold  bool      // nothing of Waiting is taken; Held goes on
	Until   time.Time // when the hold ends; zero when it has to be released
}

// State reads a lane; one that does not exist is empty.
func (l *Lanes) State(ctx context.Context, lane string) (State, error) {
	pipe := l.Redis.TxPipeline()
	now := pipe.Time(ctx)
	lease := pipe.HGetAll(ctx, l.key(lane, "lease"))
	places := pipe.HGetAll(ctx, l.key(lane, "place"))
	later := pipe.ZRangeWithScores(ctx, l.key(lane, "later"), 0, -1)
	hold := pipe.Get(ctx, l.key(lane, "hold"))
	if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
		return State{}, fmt.Errorf("read lane %s: %w", lane, err)
	}
	state := held(lease.Val(), now.Val())
	state.Waiting = waiting(places.Val(), later.Val())
	state.OnHold, state.Until = onHold(hold.Val(), now.Val())
	return state, nil
}

// onHold reads the time at which a hold ends: empty without one, 0 for one that has to be released.
func onHold(ms string, now time.Time) (on bool, until time.Time) {
	if ms == "0" {
		return true, time.Time{}
	}
	if until = moment(ms); until.After(now) {
		return true, until
	}
	return false, time.Time{}
}

func held(lease map[string]string, now time.Time) State {
	id, begun := lease["item"]
	if !begun {
		return State{}
	}
	state := State{Held: &Item{ID: id, Failures: int(number(lease["failures"]))}, Since: moment(lease["since"])}
	if moment(lease["deadline"]).After(now) {
		state.Holder, state.Fence = lease["holder"], number(lease["fence"])
	}
	if rest := moment(lease["rest"]); rest.After(now) {
		state.Rest = rest
	}
	return state
}

func waiting(places map[string]string, later []redis.Z) []Item {
	due := make(map[string]time.Time, len(later))
	for _, z := range later {
		due[z.Member.(string)] = time.UnixMilli(int64(z.Score))
	}
	var items []Item
	for id := range places {
		items = append(items, Item{ID: id, Due: due[id]})
	}
	slices.SortFunc(items, func(a, b Item) int {
		return cmp.Compare(number(places[a.ID]), number(places[b.ID]))
	})
	return items
}

func (l *Lanes) key(lane, part string) string {
	return l.Prefix + "lane:{" + lane + "}:" + part
}

// millis rounds up, so that nothing is taken before its time.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Add(time.Millisecond - time.Nanosecond).UnixMilli()
}

func moment(ms string) time.Time { return time.UnixMilli(number(ms)) }

// number reads what our own scripts wrote; a missing field is 0.
func number(s string) int64 {
	n, _ := strconv.ParseInt(s, 10, 64)
	return n
}
