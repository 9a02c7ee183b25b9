// Package lane keeps durable ordered lanes in Redis, each drained by one worker
// in the whole cluster.
//
// Environments (runs), channels (outgoing messages) and timers are lanes. An
// item is only an id; what it stands for is kept by whoever pushed it. An item
// is worked on at least once, and by one holder at a time: the holder of a lane
// has a lease with a fence, which every write made on its behalf must carry
// (see Guard). One Redis primary is assumed, not a cluster.
package lane

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Item is one thing waiting in a lane.
type Item struct {
	ID      string    // unique within the lane
	Due     time.Time // not to be worked on before; zero means at once, also once that time has passed
	Attempt int       // how often the item was taken before without being finished; ignored by Push
}

// Lanes gives access to all lanes under one prefix. Its zero fields mean the
// defaults named; only Redis is needed.
type Lanes struct {
	Redis  redis.UniversalClient
	Prefix string // of every key
	Holder string // who we are, for State

	Lease time.Duration // how long a holder may be silent; 10 s
	Renew time.Duration // between two renewals; three tenths of Lease
	Sweep time.Duration // between two looks for lanes whose wake-up was missed; 1 s

	Backoff func(attempt int) time.Duration // wait after a failed attempt, counted from 0; 1 s doubling to 1 min, with jitter
	Now     func() time.Time                // time.Now
	Log     *slog.Logger                    // slog.Default()
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

// Supersede appends the item in place of those old ones that still wait, and
// returns their ids. Items already being worked on stay.
func (l *Lanes) Supersede(ctx context.Context, lane string, old []string, item Item) ([]string, error) {
	args := []any{l.Prefix, lane, item.ID, millis(item.Due)}
	for _, id := range old {
		args = append(args, id)
	}
	removed, err := supersedeScript.Run(ctx, l.Redis, nil, args...).StringSlice()
	if err != nil {
		return nil, fmt.Errorf("supersede by %s in lane %s: %w", item.ID, lane, err)
	}
	return removed, nil
}

// Remove takes a waiting item out; false when it has begun or is not there.
func (l *Lanes) Remove(ctx context.Context, lane, id string) (bool, error) {
	removed, err := removeScript.Run(ctx, l.Redis, nil, l.Prefix, lane, id).Bool()
	if err != nil {
		return false, fmt.Errorf("remove %s from lane %s: %w", id, lane, err)
	}
	return removed, nil
}

// Names lists the lanes starting with prefix that have anything in them, sorted.
func (l *Lanes) Names(ctx context.Context, prefix string) ([]string, error) {
	names, err := l.Redis.ZRange(ctx, l.Prefix+"lanes", 0, -1).Result()
	if err != nil {
		return nil, fmt.Errorf("list lanes %s: %w", prefix, err)
	}
	names = slices.DeleteFunc(names, func(name string) bool { return !strings.HasPrefix(name, prefix) })
	slices.Sort(names)
	return names, nil
}

// State is a lane at one moment.
type State struct {
	Held    *Item     // the item that has begun, or nil
	Holder  string    // who works on it; empty while nobody has a valid lease
	Since   time.Time // when Held was last taken
	Fence   int64     // of the holder; 0 without one
	Rest    time.Time // the lane is paused until then; zero when it is not
	Waiting []Item    // in order of their places, due or not
}

// Position is how many items of the lane come before this one, not asking
// whether they are due; false when the id is not in the lane.
func (s State) Position(id string) (int, bool) {
	ahead := 0
	if s.Held != nil {
		if s.Held.ID == id {
			return 0, true
		}
		ahead = 1
	}
	at := slices.IndexFunc(s.Waiting, func(item Item) bool { return item.ID == id })
	return ahead + at, at >= 0
}

// State reads a lane; one that does not exist is empty.
func (l *Lanes) State(ctx context.Context, lane string) (State, error) {
	pipe := l.Redis.TxPipeline()
	now := pipe.Time(ctx)
	lease := pipe.HGetAll(ctx, l.key(lane, "lease"))
	rest := pipe.MGet(ctx, l.key(lane, "rest"))
	places := pipe.HGetAll(ctx, l.key(lane, "place"))
	tries := pipe.HGetAll(ctx, l.key(lane, "tries"))
	later := pipe.ZRangeWithScores(ctx, l.key(lane, "later"), 0, -1)
	if _, err := pipe.Exec(ctx); err != nil {
		return State{}, fmt.Errorf("read lane %s: %w", lane, err)
	}
	state := held(lease.Val(), now.Val())
	if ms, paused := rest.Val()[0].(string); paused && moment(ms).After(now.Val()) {
		state.Rest = moment(ms)
	}
	state.Waiting = waiting(places.Val(), tries.Val(), later.Val())
	return state, nil
}

func held(lease map[string]string, now time.Time) State {
	id, begun := lease["item"]
	if !begun {
		return State{}
	}
	state := State{Held: &Item{ID: id, Attempt: int(number(lease["tries"])) - 1}, Since: moment(lease["since"])}
	if moment(lease["deadline"]).After(now) {
		state.Holder, state.Fence = lease["holder"], number(lease["fence"])
	}
	return state
}

func waiting(places, tries map[string]string, later []redis.Z) []Item {
	due := make(map[string]time.Time, len(later))
	for _, z := range later {
		due[z.Member.(string)] = time.UnixMilli(int64(z.Score))
	}
	var items []Item
	for id := range places {
		items = append(items, Item{ID: id, Due: due[id], Attempt: int(number(tries[id]))})
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
