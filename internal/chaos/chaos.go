// Package chaos does to Bellwether what may happen to it: for tests, and for the table in the docs that says what it
// survived. A round runs two replicas of the real program on a real Redis, a local SQS and a Slack that fails at random,
// sends changes, disturbs everything, and then looks whether what people see is what a quiet day would have shown them.
package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"bellwether/internal/lane"
	"bellwether/internal/peers"
)

// Kind of a disturbance.
type Kind string

// The disturbances.
const (
	Kill     Kind = "kill -9 of a replica"
	KillBoth Kind = "kill -9 of both replicas"
	Crash    Kind = "kill -9 of Redis"
	Away     Kind = "Redis unreachable for 30 s"
	Stop     Kind = "SIGTERM"
	Freeze   Kind = "SIGSTOP longer than the lease"
	Jump     Kind = "a jump of a replica's clock"
)

// What is promised, and how long a test waits for what is not.
const (
	takeover = 15 * time.Second // of a lane, once its holder was killed
	goodbye  = 10 * time.Second // of a replica that is asked to stop
	drained  = 5 * time.Minute  // until nothing is left to do or to say, once everything is well
)

// Plan of a round.
type Plan struct {
	Number       int
	Seed         uint64
	Dir          string // for everything the round writes
	Disturbances []Kind
	Between      time.Duration // rest between two disturbances, on average
}

// world is everything that takes part in a round.
type world struct {
	t        testing.TB
	plan     Plan
	rand     *rand.Rand // of the disturbances alone, so that a seed repeats them
	gate     *gate      // on the way to Redis
	redis    *redisServer
	lanes    *lane.Lanes // as the replicas see them, past the gate
	slack    *peers.FlakySlack
	shop     *shop
	stream   *stream
	replicas []*replica

	takeovers sync.WaitGroup // that are still measured
	mu        sync.Mutex
	round     Round
}

// Play plays a round and returns what came of it. What keeps it from being played ends the test, and so does the end of ctx.
func Play(ctx context.Context, t testing.TB, plan Plan) Round {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	w := newWorld(ctx, t, plan)
	defer w.close()
	w.awaitReady(ctx)

	streaming, enough := context.WithCancel(ctx)
	var sending sync.WaitGroup
	sending.Go(func() { w.stream.run(streaming) })
	defer sending.Wait()
	defer enough()
	for _, kind := range plan.Disturbances {
		w.sleep(ctx, w.between(plan.Between/4, plan.Between*7/4))
		w.disturb(ctx, kind)
	}
	w.takeovers.Wait()
	enough()
	sending.Wait()

	w.heal()
	w.stream.last()
	w.awaitQuiet(ctx)
	w.awaitReady(ctx)
	w.audit(ctx)
	for _, r := range w.replicas {
		w.stop(r)
	}
	w.round.Took = time.Since(w.round.Began)
	return w.round
}

func newWorld(ctx context.Context, t testing.TB, plan Plan) *world {
	w := &world{
		t: t, plan: plan, rand: rand.New(rand.NewPCG(plan.Seed, 1)),
		slack: peers.NewFlakySlack(channels()...), shop: openShop(t, plan.Dir),
		round: Round{
			Number: plan.Number, Seed: plan.Seed, Began: time.Now(), Disturbed: map[Kind]int{}, Takeovers: map[Kind][]float64{},
		},
	}
	w.slack.Fail(flakiness(plan.Seed))
	w.redis = startRedis(t, plan.Dir)
	w.gate = openGate(t, w.redis.address)
	w.lanes = &lane.Lanes{Redis: w.redis.client, Prefix: prefix}
	w.stream = newStream(ctx, t, plan.Seed)
	for i := range 2 {
		w.replicas = append(w.replicas, w.startReplica(ctx, i+1))
	}
	return w
}

func (w *world) close() {
	w.takeovers.Wait()
	for _, r := range w.replicas {
		r.end()
	}
	w.gate.close()
	w.redis.close()
	w.shop.Close()
	w.slack.Close()
}

// flakiness of Slack: about one request in seven goes wrong, half of these without telling whether it was accepted.
func flakiness(seed uint64) func(string) *peers.Fault {
	return peers.Random(seed,
		peers.Odds{Share: 0.03, Fault: peers.Status(500)},
		peers.Odds{Share: 0.02, Fault: peers.Status(500).Accepted()},
		peers.Odds{Share: 0.03, Fault: peers.Limited(time.Second)},
		peers.Odds{Share: 0.02, Fault: peers.Cut()},
		peers.Odds{Share: 0.02, Fault: peers.Cut().Accepted()},
		peers.Odds{Share: 0.01, Fault: peers.Cut().AcceptedLate(5 * time.Second)},
		peers.Odds{Share: 0.005, Fault: peers.Stall(20 * time.Second)},
		peers.Odds{Share: 0.005, Fault: peers.Stall(20 * time.Second).Accepted()},
	)
}

// heal ends every disturbance, also of Slack.
func (w *world) heal() {
	w.slack.Fail(nil)
	for _, r := range w.replicas {
		r.shift(0)
	}
}

// awaitQuiet waits until every event was taken and every lane is empty; one that is not by then is stuck.
func (w *world) awaitQuiet(ctx context.Context) {
	if !w.await(ctx, drained, func() bool { return w.stream.empty(ctx) }) {
		w.wrong(Stuck, "there are events in the queue %s after everything was well", drained)
	}
	var busy []string
	w.await(ctx, drained, func() bool {
		var err error
		busy, err = w.redis.client.ZRange(ctx, prefix+"lanes", 0, -1).Result()
		return err == nil && len(busy) == 0
	})
	for _, name := range busy {
		w.wrong(Stuck, "lane %s is not empty %s after everything was well", name, drained)
	}
}

// await polls until the condition holds, for so long at most.
func (w *world) await(ctx context.Context, longest time.Duration, condition func() bool) bool {
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
	return true
}

// sleep ends the test when ctx ends, and with it everything that was started.
func (w *world) sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
		w.t.SkipNow()
	case <-time.After(d):
	}
}

func (w *world) between(least, most time.Duration) time.Duration {
	return least + time.Duration(w.rand.Int64N(int64(most-least)+1))
}

// wrong notes that something promised did not hold.
func (w *world) wrong(what Fault, format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.round.Wrong = append(w.round.Wrong, Wrong{what, time.Now(), fmt.Sprintf(format, args...)})
	w.t.Logf("round %d: %s: %s", w.plan.Number, what, fmt.Sprintf(format, args...))
}
