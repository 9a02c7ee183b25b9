package pipeline_test

import (
	"context"
	"slices"

	"bellwether/pipeline"
)

// cluster is a platform that deploys images.
type cluster struct{ *world }

func (w cluster) Running(_ context.Context, at pipeline.Placement) (string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.cluster[at.Service.Name], w.fails["look"]
}

func (w cluster) Deploy(ctx context.Context, at pipeline.Placement, image string) error {
	return w.call(ctx, "roll "+image, func() error {
		if err := w.fails["roll "+image]; err != nil {
			return err
		}
		w.cluster[at.Service.Name], w.live[at.Service.Name] = image, image
		return nil
	})
}

// onCluster has checkout deployed by the platform.
func (w *world) onCluster() {
	checkout := w.catalog.Services["checkout"]
	checkout.Deploy = &pipeline.Deploy{Kubernetes: &pipeline.KubernetesWorkload{Kind: "Deployment", Name: "checkout"}}
	w.catalog.Services["checkout"] = checkout
	w.cluster["checkout"] = oldImage
}

// trouble is a step that broke for reasons of the environment's.
type trouble struct {
	broken
	untouched bool
}

func (t trouble) Explain() pipeline.Explanation {
	return pipeline.Explanation{Reason: t.reason, Next: "look at it", Fault: pipeline.FaultEnvironment, Untouched: t.untouched}
}

// cloud is what Terraform would change.
type cloud struct{ *world }

func (w cloud) Plan(ctx context.Context, _ pipeline.Stack, _ pipeline.Environment, _ pipeline.Change) (pipeline.Planned, error) {
	var p planned
	err := w.call(ctx, "", func() error {
		p = planned{w.world, pipeline.Plan{Resources: slices.Clone(w.cloud), Outputs: []string{}, Refused: w.refused}}
		return w.fails["plan"]
	})
	return p, err
}

type planned struct {
	*world
	plan pipeline.Plan
}

func (p planned) Plan() pipeline.Plan { return p.plan }

func (p planned) Apply(ctx context.Context) error {
	return p.call(ctx, "apply", func() error {
		if err := p.fails["apply"]; err != nil {
			p.world.cloud = p.world.cloud[1:] // half of it
			return err
		}
		p.world.cloud = nil
		return nil
	})
}

func (p planned) Close() error { return nil }

// Gather has all that waits, or the rest of the leader's part.
func (w *world) Gather(ctx context.Context, lease pipeline.Lease, leader string) (ids []string, err error) {
	if known, gathered := w.batches[leader]; gathered {
		return known, nil
	}
	err = w.call(ctx, "", w.fenced(lease, func() {
		other := func(id string) bool { return w.parts[id] != w.parts[leader] }
		ids = slices.DeleteFunc(slices.Clone(w.waiting), other)
		w.waiting = slices.DeleteFunc(w.waiting, func(id string) bool { return !other(id) })
		w.batches[leader] = ids
	}))
	return ids, err
}

func (w *world) Part(ctx context.Context, lease pipeline.Lease, leader string, runs []string) error {
	return w.call(ctx, "part "+text(runs), w.fenced(lease, func() {
		for _, id := range runs {
			w.parts[id] = runs[0]
		}
		in := func(id string) bool { return slices.Contains(runs, id) }
		w.batches[leader] = slices.DeleteFunc(slices.Clone(w.batches[leader]), in)
		if in(leader) {
			delete(w.batches, leader)
		}
		w.waiting = append(slices.DeleteFunc(slices.Clone(runs), func(id string) bool { return id == leader }), w.waiting...)
	}))
}
