package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"bellwether/bot"
	"bellwether/internal/lane"
	"bellwether/internal/peers"
	"bellwether/pipeline"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// onBoth runs the test on miniredis and on a real redis-server.
func onBoth(t *testing.T, test func(t *testing.T, s *Store)) {
	t.Run("miniredis", func(t *testing.T) { test(t, open(t, miniredis.RunT(t).Addr())) })
	t.Run("redis", func(t *testing.T) { test(t, open(t, peers.Redis(t))) })
}

func open(t testing.TB, addr string) *Store {
	client := redis.NewClient(&redis.Options{Addr: addr})
	t.Cleanup(func() { _ = client.Close() })
	return &Store{Lanes: &lane.Lanes{Redis: client, Prefix: "bw:", Holder: t.Name(), Sweep: 10 * time.Millisecond}}
}

// holder takes the items of a lane as the test tells it to.
type holder struct {
	t     testing.TB
	began chan *lane.Held
	ended chan error
}

func drain(t testing.TB, s *Store, name string) *holder {
	h := &holder{t, make(chan *lane.Held), make(chan error)}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- s.Lanes.Drain(ctx, name, func(ctx context.Context, held *lane.Held) error {
			select {
			case h.began <- held:
			case <-ctx.Done():
				return ctx.Err()
			}
			select {
			case err := <-h.ended:
				return err
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-done)
	})
	return h
}

// take waits until the holder has this item, and returns its fence.
func (h *holder) take(id string) int64 {
	h.t.Helper()
	select {
	case held := <-h.began:
		require.Equal(h.t, id, held.Item.ID)
		return held.Fence
	case <-time.After(10 * time.Second):
		require.FailNow(h.t, "nothing was taken", id)
		panic("unreachable")
	}
}

func (h *holder) end(err error) { h.ended <- err }

// hold has the run taken, which must be the first of environment load.
func hold(t testing.TB, s *Store, id string) (pipeline.Lease, *holder) {
	t.Helper()
	h := drain(t, s, "environment/load")
	return pipeline.Lease{Environment: "load", Fence: h.take(id)}, h
}

func stale(h pipeline.Lease) pipeline.Lease {
	return pipeline.Lease{Environment: h.Environment, Fence: h.Fence - 1}
}

// dump is everything in Redis that is not of the lanes.
func dump(t *testing.T, s *Store) map[string]any {
	t.Helper()
	keys, err := s.redis().Keys(t.Context(), "*").Result()
	require.NoError(t, err)
	all := map[string]any{}
	for _, key := range keys {
		switch s.redis().Type(t.Context(), key).Val() {
		case "string":
			all[key] = s.redis().Get(t.Context(), key).Val()
		case "zset":
			all[key] = s.redis().ZRange(t.Context(), key, 0, -1).Val()
		case "hash":
			all[key] = s.redis().HGetAll(t.Context(), key).Val()
		}
	}
	delete(all, "bw:lanes:counter")
	return all
}

// trips counts the calls to Redis.
type trips struct{ n atomic.Int64 }

func (c *trips) DialHook(next redis.DialHook) redis.DialHook { return next }

func (c *trips) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (c *trips) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		c.n.Add(1)
		return next(ctx, cmd)
	}
}

func TestHolderThatLostItsLaneWritesNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		run := accept(t, s, change("checkout", "k1"))
		channel := pipeline.Channel{Platform: "web", ID: "team"}
		require.NoError(t, s.Want(ctx, bot.Outgoing{ID: "m", Channel: channel, Version: 1}, time.Time{}))
		held, _ := hold(t, s, run.ID)
		speaking := bot.Lease{Channel: channel, Fence: drain(t, s, "channel/").take("m")}
		result := pipeline.Result{ID: "R1/cart", Scenario: "cart", Environment: "load"}
		before := dump(t, s)

		run.State = pipeline.Running
		speaking.Fence--
		other := pipeline.Lease{Environment: "elsewhere", Fence: held.Fence}
		for name, err := range map[string]error{
			"save":         s.Save(ctx, stale(held), run),
			"save, other":  s.Save(ctx, other, run),
			"install":      s.Install(ctx, stale(held), "R1", "service:checkout", pipeline.Artefact{Image: "a"}),
			"keep":         s.Keep(ctx, stale(held), result, pipeline.Record{}),
			"count":        s.Count(ctx, stale(held), result),
			"follow":       s.Follow(ctx, stale(held), []pipeline.Regression{{Run: "R1", Group: "cart", Metric: pipeline.P95}}),
			"gather":       errOf(s.Gather(ctx, stale(held), "R1")),
			"part":         s.Part(ctx, stale(held), "R1", []string{"R1"}),
			"unwell":       errOf(s.Unwell(ctx, stale(held), pipeline.Hold{Environment: "load", Run: "R1"})),
			"drop":         s.Drop(ctx, stale(held), "R1"),
			"note":         s.Note(ctx, speaking, "m", bot.Delivery{Ref: "1"}),
			"note, no one": s.Note(ctx, bot.Lease{Channel: pipeline.Channel{Platform: "web", ID: "x"}}, "m", bot.Delivery{}),
		} {
			require.ErrorIs(t, err, ErrFenced, name)
		}
		require.Equal(t, before, dump(t, s))
		require.NoError(t, s.Save(ctx, held, run))
	})
}

func TestFirst(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		var firsts atomic.Int32
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if first, err := s.First(t.Context(), "slack/Ev1", time.Minute); err == nil && first {
					firsts.Add(1)
				}
			})
		}
		wg.Wait()
		require.EqualValues(t, 1, firsts.Load())
		first, err := s.First(t.Context(), "slack/Ev2", time.Minute)
		require.NoError(t, err)
		require.True(t, first)
		require.Equal(t, time.Minute, s.redis().TTL(t.Context(), "bw:first:slack/Ev2").Val())
	})
}

func TestCheck(t *testing.T) {
	for name, test := range map[string]struct {
		flags   []string
		durable bool
		want    []string
	}{
		"good":         {[]string{"--appendonly", "yes", "--appendfsync", "always"}, true, nil},
		"every second": {[]string{"--appendonly", "yes"}, false, nil},
		"cache": {[]string{"--maxmemory-policy", "allkeys-lru"}, false, []string{
			"redis: maxmemory-policy is allkeys-lru: runs and messages may be evicted when memory is full; set it to noeviction",
			"redis: appendonly is no: what was accepted last is lost when Redis restarts; set it to yes",
		}},
		"managed": {[]string{"--rename-command", "CONFIG", ""}, false, []string{
			"redis: maxmemory-policy could not be checked (ERR unknown command 'config', with args beginning with: 'get' 'maxmemory-policy' ): make sure that it is noeviction",
			"redis: appendonly could not be checked (ERR unknown command 'config', with args beginning with: 'get' 'appendonly' ): make sure that it is yes",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, peers.Redis(t, test.flags...))
			warnings, err := s.Check(t.Context())
			require.NoError(t, err)
			require.Equal(t, test.want, warnings)
			require.Equal(t, test.durable, s.Durable(t.Context()))
		})
	}
}

func TestCheckUnreachable(t *testing.T) {
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", Password: "s3cret", MaxRetries: -1, DialerRetries: 1})
	defer client.Close()
	s := &Store{Lanes: &lane.Lanes{Redis: client}}
	_, err := s.Check(t.Context())
	require.ErrorContains(t, err, "redis: cannot be reached: dial tcp 127.0.0.1:1")
	require.ErrorContains(t, err, "the setting redis")
	require.NotContains(t, err.Error(), "s3cret")
	require.False(t, s.Durable(t.Context()))
}

func errOf(_ any, err error) error { return err }

func TestErrorsNameWhatWasTried(t *testing.T) {
	server := miniredis.RunT(t)
	s := open(t, server.Addr())
	server.SetError("LOADING")
	ctx := t.Context()
	held := pipeline.Lease{Environment: "load"}
	for want, err := range map[string]error{
		"enqueue a run of checkout k1":                errOf(s.Enqueue(ctx, change("checkout", "k1"))),
		"load run R1":                                 errOf(s.Load(ctx, "R1")),
		"overhead of service:checkout in load":        errOf(s.Overhead(ctx, "load", "service:checkout")),
		"newest runs of checkout":                     errOf(s.Newest(ctx, "checkout", 1)),
		"board of load":                               errOf(s.Board(ctx, "load")),
		"mark run R1":                                 errOf(s.Cancel(ctx, "R1", pipeline.Mark{})),
		"save run R1":                                 s.Save(ctx, held, pipeline.Run{ID: "R1"}),
		"note that service:checkout is k1 in load":    s.Install(ctx, held, "R1", "service:checkout", pipeline.Artefact{Revision: "k1"}),
		"what is installed in load":                   errOf(s.Installed(ctx, "load")),
		"keep result R1/cart":                         s.Keep(ctx, held, pipeline.Result{ID: "R1/cart"}, pipeline.Record{}),
		"count result R1/cart":                        s.Count(ctx, held, pipeline.Result{ID: "R1/cart"}),
		"past of cart in load":                        errOf(s.Past(ctx, "load", pipeline.Scenario{Name: "cart"})),
		"regressions in load":                         errOf(s.Standing(ctx, "load")),
		"keep regressions in load":                    s.Follow(ctx, pipeline.Lease{Environment: "load"}, nil),
		"look for a change newer than that of run R1": errOf(s.Overtaken(ctx, pipeline.Run{ID: "R1"})),
		"load run R4":                                 errOf(s.Triage(ctx, "R4", pipeline.Fixed, pipeline.Mark{})),
		"load run R5":                                 errOf(s.Reopen(ctx, "R5", pipeline.Mark{})),
		"change what is pinned in load":               s.Pin(ctx, "load", []string{"cart"}, "", pipeline.Mark{}),
		"what is pinned in load":                      errOf(s.Pinned(ctx, "load")),
		"trend of cart in load":                       errOf(s.Trend(ctx, "load", "cart", noon)),
		"remind of acknowledgements of run R1":        errOf(s.Remind(ctx, "R1", nil)),
		"record R1/cart":                              errOf(s.Record(ctx, "R1/cart")),
		"want message m":                              s.Want(ctx, bot.Outgoing{ID: "m"}, noon),
		"message m":                                   errOf(s.Open(ctx, "m")),
		"note what became of message m":               s.Note(ctx, bot.Lease{}, "m", bot.Delivery{}),
		"run of thread 1.2 in web:team":               errOf(s.RunOf(ctx, pipeline.Channel{Platform: "web", ID: "team"}, "1.2")),
		"picture p":                                   errOf(s.Picture(ctx, "p")),
		"keep picture p":                              s.KeepPicture(ctx, "p", nil),
		"claim e":                                     errOf(s.First(ctx, "e", time.Minute)),
		"mark run R2":                                 errOf(s.Acknowledge(ctx, "R2", pipeline.Mark{})),
		"load run R3":                                 errOf(s.Approve(ctx, "R3", pipeline.Mark{})),
		"note that run R1 is overdue":                 errOf(s.Overdue(ctx, "R1")),
		"end acknowledgements of run R1":              errOf(s.Lapse(ctx, "R1", nil)),
		"keep the installation in team T":             s.KeepInstallation(ctx, bot.Installation{Team: "T"}),
		"installation in team T":                      errOf(s.Installation(ctx, "T")),
		"read tokens a1":                              errOf(s.Tokens(ctx, "a1")),
		"keep tokens a1":                              errOf(s.SwapTokens(ctx, "a1", nil, []byte("b"))),
		"hold load":                                   errOf(s.Hold(ctx, pipeline.Hold{Environment: "load"})),
		"hold load, which R1 left unwell":             errOf(s.Unwell(ctx, held, pipeline.Hold{Environment: "load", Run: "R1"})),
		"release load":                                errOf(s.Release(ctx, "load", pipeline.Mark{})),
		"hold of load":                                errOf(s.Held(ctx, "load")),
		"load hold H1":                                errOf(s.LoadHold(ctx, "H1")),
		"gather what waits with run R1":               errOf(s.Gather(ctx, held, "R1")),
		"part the batch of run R1":                    s.Part(ctx, held, "R1", nil),
		"drop run R1":                                 s.Drop(ctx, held, "R1"),
		"upgrade what Redis has":                      s.Upgrade(ctx),
		"count parked messages":                       errOf(s.ParkedCount(ctx)),
		"list parked messages":                        errOf(s.Parked(ctx)),
		"send message m again":                        s.Unpark(ctx, "m"),
		"redis: cannot be reached":                    errOf(s.Check(ctx)),
	} {
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, err, "LOADING", want)
		require.False(t, errors.Is(err, bot.ErrNotFound), fmt.Sprint(err))
	}
}
