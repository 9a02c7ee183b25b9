package lane

import (
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
)

func TestTheClockIsRedisOwn(t *testing.T) {
	server := miniredis.RunT(t)
	client := redis.NewClient(&redis.Options{Addr: server.Addr(), MaxRetries: -1})
	defer client.Close()
	c := &Clock{Redis: client, Every: time.Millisecond}

	ahead := time.Now().Add(time.Hour)
	server.SetTime(ahead)
	require.NoError(t, c.Ask(t.Context()))
	require.WithinDuration(t, ahead, c.Now(), 5*time.Second)
	go c.Follow(t.Context())

	behind := time.Now().Add(-time.Hour)
	server.SetTime(behind)
	require.Eventually(t, func() bool { return c.Now().Before(ahead) }, 5*time.Second, time.Millisecond, "it follows")
	require.WithinDuration(t, behind, c.Now(), 5*time.Second)

	server.Close()
	require.Error(t, c.Ask(t.Context()))
	before := c.Now()
	require.Eventually(t, func() bool { return c.Now().After(before) }, 5*time.Second, time.Millisecond, "it counts on")
}
