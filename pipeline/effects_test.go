package pipeline_test

import (
	"context"
	"strings"
	"time"

	"bellwether/pipeline"
)

// commander runs the commands of the catalog; deploy changes what is live.
type commander struct{ *world }

func (w commander) Run(ctx context.Context, c pipeline.Command, v pipeline.Values) (string, error) {
	effect := strings.TrimSpace(c.Run[0] + " " + v.Image)
	w.before(effect)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.log = append(w.log, effect)
	if ctx.Err() != nil {
		return "", broken{"killed", ""}
	}
	if c.Run[0] == "deploy" {
		w.live[v.Service] = v.Image
	}
	for _, key := range []string{effect, c.Run[0]} {
		if err := w.fails[key]; err != nil {
			return "", err
		}
	}
	return "", nil
}

// engine takes as long as the load does.
type engine struct{ *world }

func (w engine) Measure(
	ctx context.Context, s pipeline.Scenario, env pipeline.Environment, seen func(failed bool),
) (pipeline.Record, error) {
	image := w.live["checkout"]
	if s.Name == "search-flow" || s.Name == "shop-window" && w.latency[w.live["search"]] > w.latency[image] {
		image = w.live["search"]
	}
	w.note("load " + s.Name + " on " + image)
	if !w.answer(ctx, s.Load.Duration(), seen) {
		w.note("load stopped")
		return pipeline.Record{}, ctx.Err()
	}
	rec := load("t", 13, 3, w.latency[image])
	rec.Start = time.Now()
	if n := w.errors[image]; n > 0 {
		rec = failing(rec, "t", "5xx", 0, 13, n)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.sick > 0 {
		w.sick--
		rec.Generator[7].Sent = 0
	}
	w.measured(&rec)
	return rec, nil
}

// answer lets the load take its time; false when ctx ended before.
func (w engine) answer(ctx context.Context, duration time.Duration, seen func(failed bool)) bool {
	tick := time.NewTicker(time.Second / 10)
	defer tick.Stop()
	end := time.After(duration)
	for {
		select {
		case <-ctx.Done():
			return false
		case <-end:
			return true
		case <-tick.C:
			w.stream(seen)
		}
	}
}
