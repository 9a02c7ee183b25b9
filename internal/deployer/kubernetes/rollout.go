package kubernetes

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"

	"bellwether/pipeline"
)

const (
	relist = 5 * time.Second        // how often the cluster is looked at when it tells nothing by itself
	gather = 300 * time.Millisecond // what changes within it is looked at together
)

// How long a trouble may last before the rollout is given up. It is also how certain the trouble is to be the cause:
// the less patience, the more certain.
const (
	stalePatience = 10 * time.Second // what a controller said of the rollout before goes away within it
	shortPatience = 20 * time.Second // a registry that hiccups is asked again within it, a controller comes round
	longPatience  = 3 * time.Minute  // a cluster that grows adds a node within it
	forever       = math.MaxInt64    // until the timeout
)

// rollout is a target on its way to an image.
type rollout struct {
	*target
	image    string
	selector string // of the workload's pods
	began    time.Time
	memory

	workloads, pods watch.Interface // what tells of changes; nil when it does not
}

// follow waits until the image serves. A watch only says when to look again: what is found is always the whole state,
// so nothing is lost when a watch breaks, or is not allowed.
func (r *rollout) follow(ctx context.Context) error {
	watched, cancel := context.WithCancel(ctx)
	defer cancel()
	defer r.hush()
	for {
		r.listen(watched)
		now, err := r.look(ctx)
		if err != nil {
			return err
		}
		if err := r.disturbed(now); err != nil {
			return err
		}
		if now.serving() {
			return nil
		}
		if err := r.obstacle(ctx, now); err != nil {
			return err
		}
		if err := r.changed(ctx); err != nil {
			return err
		}
	}
}

// left is how long the rollout may still take.
func (r *rollout) left() time.Duration {
	if r.workload.Timeout == 0 {
		return forever
	}
	return r.workload.Timeout - time.Since(r.began)
}

// disturbed is what somebody else did to the workload meanwhile.
func (r *rollout) disturbed(now state) error {
	if now.image == r.image {
		return r.hindrance(now)
	}
	return &trouble{
		reason: fmt.Sprintf("somebody else set %s to %s while %s was rolled out", r, now.image, r.image),
		next:   "see who did: " + r.local("get %s -o yaml --show-managed-fields", r.arg()),
		fault:  pipeline.FaultEnvironment,
	}
}

// obstacle is what the rollout is given up for; nil while there is hope.
func (r *rollout) obstacle(ctx context.Context, now state) error {
	fresh, err := r.freshPods(ctx, now)
	if err != nil {
		return err
	}
	found := r.troubles(now, fresh)
	why := slices.MinFunc(found, func(a, b *trouble) int { return cmp.Compare(a.patience, b.patience) })
	switch {
	case r.left() <= 0:
		why.reason = fmt.Sprintf("%s does not serve after %s (%s): %s", r, pipeline.Brief(r.workload.Timeout), now, why.reason)
	case now.stalled != "" && r.lasts(now.stalled, stalePatience):
		why.reason = fmt.Sprintf("%s makes no progress (%s; %s): %s", r, now.stalled, now, why.reason)
	default:
		i := slices.IndexFunc(found, func(t *trouble) bool { return r.lasts(t.pod+" "+t.kind, t.patience) })
		if i < 0 {
			return nil
		}
		why = found[i]
	}
	why.output = r.evidence(ctx, why)
	return cmp.Or(context.Cause(ctx), error(why))
}

// listen has changes told that are not told yet. What cannot be watched is looked at every relist instead.
func (r *rollout) listen(ctx context.Context) {
	if r.workloads == nil {
		r.workloads = opened(ctx, r.watchWorkload)
	}
	if r.pods == nil {
		r.pods = opened(ctx, r.watchPods)
	}
}

// opened is the watch, or nil when there is none soon.
func opened(ctx context.Context, open func(context.Context) (watch.Interface, error)) watch.Interface {
	ctx, cancel := context.WithCancel(ctx)
	patience := time.AfterFunc(attemptTimeout, cancel)
	defer patience.Stop()
	w, err := open(ctx)
	if err != nil {
		cancel()
		return nil
	}
	return stream{w, cancel}
}

// stream is a watch with what it needs as long as it lasts.
type stream struct {
	watch.Interface
	release context.CancelFunc
}

// Stop ends the watch.
func (s stream) Stop() {
	s.Interface.Stop()
	s.release()
}

// changed waits until there is something new to look at, but not for longer than what is left.
func (r *rollout) changed(ctx context.Context) error {
	due, gathering := time.After(max(0, min(relist, r.left()))), false
	for {
		var open bool
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-due:
			return nil
		case _, open = <-events(r.workloads):
			r.workloads = kept(r.workloads, open)
		case _, open = <-events(r.pods):
			r.pods = kept(r.pods, open)
		}
		if !gathering {
			due, gathering = time.After(gather), true
		}
	}
}

// hush ends what listen began.
func (r *rollout) hush() {
	for _, w := range []watch.Interface{r.workloads, r.pods} {
		if w != nil {
			w.Stop()
		}
	}
}

// kept is the watch, unless the cluster ended it.
func kept(w watch.Interface, open bool) watch.Interface {
	if !open {
		w.Stop()
		return nil
	}
	return w
}

func events(w watch.Interface) <-chan watch.Event {
	if w == nil {
		return nil
	}
	return w.ResultChan()
}

// watchPods tells of changes of the workload's pods.
func (r *rollout) watchPods(ctx context.Context) (watch.Interface, error) {
	return r.api.CoreV1().Pods(r.cluster.Namespace).Watch(ctx, metav1.ListOptions{LabelSelector: r.selector})
}

// freshPods are the workload's pods that have the template as it is now, by number or name. A pod that keeps a StatefulSet
// from going on is replaced.
func (r *rollout) freshPods(ctx context.Context, now state) (fresh []corev1.Pod, err error) {
	if !now.taken {
		return nil, nil
	}
	err = persist(ctx, func(ctx context.Context) error {
		pods, err := r.listPods(ctx, now)
		if err != nil {
			return err
		}
		fresh = slices.DeleteFunc(slices.Clone(pods), func(p corev1.Pod) bool { return p.DeletionTimestamp != nil || !r.updated(p, now) })
		return r.unblock(ctx, pods, now)
	})
	if err != nil {
		return nil, r.unanswered(ctx, err)
	}
	r.note(fresh)
	return fresh, nil
}

// unblock deletes the pod that a StatefulSet waits for, because it would do so for ever ("Forced rollback" in the
// documentation of StatefulSets): nothing would ever be restored. A pod that was ready in between has its patience anew.
func (r *rollout) unblock(ctx context.Context, pods []corev1.Pod, now state) error {
	pod := r.blocking(pods, now)
	if pod == nil || !r.lasts("old "+string(pod.UID)+condition(*pod, corev1.PodReady).LastTransitionTime.String(), stalePatience) {
		return nil
	}
	err := r.api.CoreV1().Pods(pod.Namespace).Delete(ctx, pod.Name, metav1.DeleteOptions{
		Preconditions: &metav1.Preconditions{UID: &pod.UID},
	})
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) { // it is gone, or another one by now
		return nil
	}
	return err
}

// blocking is the pod of an older template that a StatefulSet waits for: the first that is not ready. It is nil while
// another one ends or starts: the StatefulSet waits for that then, and old pods may be ready again once it is there.
func (r *rollout) blocking(pods []corev1.Pod, now state) (first *corev1.Pod) {
	for _, pod := range pods {
		switch {
		case pod.DeletionTimestamp != nil:
			return nil
		case ready(pod):
		case r.updated(pod, now):
			return nil
		case first == nil:
			first = &pod
		}
	}
	return first
}
