package lane

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// Clock tells Redis's time without asking it each time, so that whatever one replica writes down as a time means the same
// to the next one: a machine's own clock may be wrong, and may jump. Between two answers it counts on by the monotonic
// clock, which does not.
type Clock struct {
	Redis redis.UniversalClient
	Every time.Duration // between two questions of Follow

	mu           sync.Mutex
	theirs, ours time.Time // the same moment, by Redis's clock and by the monotonic one
}

// Ask sets the clock. It must have succeeded once before Now is called.
func (c *Clock) Ask(ctx context.Context) error {
	asked := time.Now()
	theirs, err := c.Redis.Time(ctx).Result()
	if err != nil {
		return fmt.Errorf("ask Redis for the time: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.theirs, c.ours = theirs, asked.Add(time.Since(asked)/2) // the answer was given half-way, as far as anybody can know
	return nil
}

// Follow asks again and again until ctx ends. While Redis does not answer, the clock counts on.
func (c *Clock) Follow(ctx context.Context) {
	tick := time.NewTicker(c.Every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			_ = c.Ask(ctx) // whoever needs Redis finds out, and says so
		}
	}
}

// Now is Redis's time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.theirs.Add(time.Since(c.ours))
}
