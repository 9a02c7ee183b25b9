package chaos

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"syscall"
	"time"

	"bellwether/internal/lane"
)

// disturb does one thing, and returns when the next may be done.
func (w *world) disturb(ctx context.Context, kind Kind) {
	if kind != Kill {
		w.takeovers.Wait() // what follows would spoil what is being measured
	}
	w.awaitReady(ctx)
	w.t.Logf("round %d: %s", w.plan.Number, kind)
	switch kind {
	case Kill:
		w.kill(ctx, kind, w.victim(ctx))
	case KillBoth:
		for _, r := range w.replicas {
			w.kill(ctx, kind, r)
		}
	case Crash:
		w.redis.kill()
		w.sleep(ctx, w.between(0, 3*time.Second))
		w.redis.start()
	case Away:
		w.gate.set([]gateState{shut, silent}[w.rand.IntN(2)])
		w.sleep(ctx, 30*time.Second)
		w.gate.set(open)
	case Stop:
		w.stop(w.victim(ctx))
	case Freeze:
		w.freeze(ctx, w.victim(ctx))
	case Jump:
		w.anyone().shift(w.between(-time.Hour, time.Hour))
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.round.Disturbed[kind]++
}

func (w *world) anyone() *replica { return w.replicas[w.rand.IntN(len(w.replicas))] }

// victim is, three times in four, the replica that has most lanes: it has most to lose.
func (w *world) victim(ctx context.Context) *replica {
	busiest := slices.MaxFunc(w.replicas, func(a, b *replica) int {
		return cmp.Compare(len(w.heldBy(ctx, a.pid())), len(w.heldBy(ctx, b.pid())))
	})
	if w.rand.IntN(4) > 0 {
		return busiest
	}
	return w.anyone()
}

// awaitReady waits until all replicas can take changes in.
func (w *world) awaitReady(ctx context.Context) {
	unready := func(r *replica) bool { return !r.ready() }
	if !w.await(ctx, time.Minute, func() bool { return !slices.ContainsFunc(w.replicas, unready) }) {
		w.wrong(Broken, "not all replicas are ready after a minute")
	}
}

// kill ends the replica without warning; what it held must be taken over in time.
func (w *world) kill(ctx context.Context, kind Kind, r *replica) {
	pid, exit := r.signal(syscall.SIGKILL)
	at := time.Now()
	<-exit
	w.measure(ctx, kind, pid, at)
}

// stop asks the replica to end, which it has to do in order and in time.
func (w *world) stop(r *replica) {
	_, exit := r.signal(syscall.SIGTERM)
	select {
	case code := <-exit:
		if code != 0 {
			w.wrong(Broken, "replica %d ended with %d after SIGTERM", r.number, code)
		}
	case <-time.After(goodbye + 2*time.Second):
		w.wrong(Broken, "replica %d runs on %s after SIGTERM", r.number, goodbye)
		r.signal(syscall.SIGKILL)
	}
}

// freeze stops the replica for longer than its leases last: when it goes on, others have its lanes.
func (w *world) freeze(ctx context.Context, r *replica) {
	pid, _ := r.signal(syscall.SIGSTOP)
	w.measure(ctx, Freeze, pid, time.Now())
	w.sleep(ctx, w.between(12*time.Second, 18*time.Second))
	r.signal(syscall.SIGCONT)
}

// measure, for each lane that the process holds, how long it takes until somebody else goes on with it.
func (w *world) measure(ctx context.Context, kind Kind, pid string, since time.Time) {
	for name, held := range w.heldBy(ctx, pid) {
		w.takeovers.Go(func() {
			switch {
			case w.await(ctx, time.Minute, func() bool { return w.taken(ctx, name, held) }):
			case ctx.Err() != nil:
				return // the round was interrupted
			default:
				w.wrong(Stuck, "lane %s was not taken over a minute after its holder was gone", name)
				return
			}
			took := time.Since(since)
			if took > takeover {
				w.wrong(Slow, "lane %s was taken over after %s", name, took)
			}
			w.mu.Lock()
			defer w.mu.Unlock()
			w.round.Takeovers[kind] = append(w.round.Takeovers[kind], took.Seconds())
		})
	}
}

// heldBy are the lanes that a process has, which need not live any more.
func (w *world) heldBy(ctx context.Context, pid string) map[string]lane.State {
	held := map[string]lane.State{}
	names, err := w.redis.client.ZRange(ctx, prefix+"lanes", 0, -1).Result()
	if err != nil {
		w.wrong(Broken, "list the lanes: %v", err)
	}
	for _, name := range names {
		if state, err := w.lanes.State(ctx, name); err == nil && strings.HasSuffix(state.Holder, "/"+pid) {
			held[name] = state
		}
	}
	return held
}

// taken tells whether somebody went on with a lane since it was seen held: another has it, or had it and is through.
func (w *world) taken(ctx context.Context, name string, before lane.State) bool {
	now, err := w.lanes.State(ctx, name)
	switch {
	case err != nil:
		return false
	case now.Held == nil, now.Held.ID != before.Held.ID, now.Fence > before.Fence, !now.Rest.IsZero():
		return true
	}
	return now.Since.After(before.Since)
}
