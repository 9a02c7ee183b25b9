package ecs

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"bellwether/pipeline"
)

const (
	enough  = 2                // tasks that stopped with an error, at least: one may have been bad luck
	hiccup  = 20 * time.Second // how long a registry or the network may have tasks fail before that counts
	absent  = 3                // looks in a row in which another deployment was primary: ECS' answers may be a little old
	parting = 30 * time.Second // for reading why a deployment took too long
)

// watch follows one deployment.
type watch struct {
	*target
	id      string
	began   time.Time      // the deployment, maybe long ago: ECS may take an old one up again
	since   time.Time      // tasks that stopped before are no concern of this watch
	service *types.Service // as it was last seen; nil before
	stopped []fall         // tasks of the deployment that failed, newest first
	unread  error          // why they could not be read the last time
	lost    int            // looks in a row in which it was not primary
	most    int32          // tasks of the deployment that ran at a look
}

// wait returns nil once the deployment is steady.
func (t *target) wait(ctx context.Context, deployment types.Deployment, poll time.Duration) error {
	limited := ctx
	if t.timeout > 0 {
		var cancel context.CancelFunc
		limited, cancel = context.WithTimeout(ctx, t.timeout)
		defer cancel()
	}
	w := &watch{
		target: t, id: aws.ToString(deployment.Id),
		began: aws.ToTime(deployment.CreatedAt), since: aws.ToTime(deployment.UpdatedAt),
	}
	for {
		steady, err := w.look(limited)
		if limited.Err() == nil && (steady || err != nil) {
			return err
		}
		select {
		case <-limited.Done():
			return w.slow(ctx)
		case <-time.After(poll):
		}
	}
}

// look tells whether the deployment is steady; the error says why it never will be.
func (w *watch) look(ctx context.Context) (steady bool, err error) {
	service, err := w.describe(ctx)
	if err != nil {
		return false, err
	}
	w.service = service
	if w.lost++; aws.ToString(primary(service).Id) == w.id {
		w.lost = 0
	}
	if w.lost == 0 && w.steady() {
		return true, nil
	}
	w.read(ctx)
	return false, w.broken()
}

// steady tells whether all of the deployment's tasks and no others run. ECS leaves the rollout state out for services behind
// a Classic Load Balancer.
func (w *watch) steady() bool {
	d := primary(w.service)
	return len(w.service.Deployments) == 1 && w.service.DesiredCount > 0 &&
		(d.RolloutState == types.DeploymentRolloutStateCompleted || d.RolloutState == "") &&
		d.RunningCount == d.DesiredCount && d.DesiredCount == w.service.DesiredCount && d.PendingCount == 0
}

// broken is why the deployment will not become steady any more, if that is so.
func (w *watch) broken() error {
	ours := w.deployment()
	revision, now := name(aws.ToString(ours.TaskDefinition)), primary(w.service)
	failed := ours.RolloutState == types.DeploymentRolloutStateFailed
	switch {
	case failed && w.lost > 0:
		return w.because(fmt.Sprintf("ECS rolled %s back from %s to %s (%s)", w.target.service, revision,
			name(aws.ToString(now.TaskDefinition)), aws.ToString(ours.RolloutStateReason)))
	case failed:
		return w.because(fmt.Sprintf("the deployment of %s failed (%s)", revision, aws.ToString(ours.RolloutStateReason)))
	case w.lost >= absent:
		return w.replaced(now)
	case w.hopeless():
		return w.because(fmt.Sprintf("%d tasks of %s stopped", len(w.stopped), revision))
	case w.service.DesiredCount == 0:
		return w.noTasks()
	}
	return nil
}

// hopeless tells whether so many tasks failed that the others will too. It is not while more run than ever before.
func (w *watch) hopeless() bool {
	if running := w.deployment().RunningCount; running > w.most {
		w.most = running
		return false
	}
	return w.counting() >= max(enough, int(w.service.DesiredCount)/2)
}

// counting is how many tasks failed, without those that the environment had fail within one hiccup, by ECS' clock.
func (w *watch) counting() int {
	others := slices.DeleteFunc(slices.Clone(w.stopped), func(f fall) bool { return f.fault != pipeline.FaultEnvironment })
	if n := len(others); n > 0 && others[0].at.Sub(others[n-1].at) < hiccup {
		return len(w.stopped) - n
	}
	return len(w.stopped)
}

// replaced is what to say of a deployment that is gone: by a rollback that was over before it was seen, or by somebody.
func (w *watch) replaced(now types.Deployment) error {
	what := fmt.Sprintf("another deployment, of %s, took the place of ours", name(aws.ToString(now.TaskDefinition)))
	failure := w.because(what)
	if len(w.stopped) == 0 {
		failure.Explanation.Fault = pipeline.FaultEnvironment
		failure.Explanation.Next = "find out who else deploys " + w.target.service + "; " + failure.Explanation.Next
	}
	return failure
}

// slow is what to say of a deployment whose time is over.
func (w *watch) slow(ctx context.Context) error {
	if w.service == nil {
		return w.environment(fmt.Sprintf("nothing was heard of %s for %s", w.target.service, pipeline.Brief(w.timeout)), w.next())
	}
	ctx, cancel := context.WithTimeout(ctx, parting)
	defer cancel()
	w.read(ctx)
	d := w.deployment()
	return w.because(fmt.Sprintf("%s was not steady after %s: %d of %d tasks run, %d pending", name(aws.ToString(d.TaskDefinition)),
		pipeline.Brief(w.timeout), d.RunningCount, w.service.DesiredCount, d.PendingCount))
}

// deployment is the one that is watched, as it was last seen.
func (w *watch) deployment() types.Deployment {
	for _, d := range w.service.Deployments {
		if aws.ToString(d.Id) == w.id {
			return d
		}
	}
	return types.Deployment{}
}

// because is a failure that says what happened and, where ECS tells it, why.
func (w *watch) because(what string) *Failure {
	e := pipeline.Explanation{Reason: what, Output: w.output(), Next: w.next()}
	if len(w.stopped) > 0 {
		last := w.stopped[0]
		e.Reason, e.Fault = fmt.Sprintf("%s; task %s: %s", what, last.task, last.why), last.fault
	} else if event := w.shortage(); event != "" {
		e.Reason, e.Fault = what+"; "+event, pipeline.FaultEnvironment
	}
	return &Failure{e}
}

// next is where a person can see more.
func (w *watch) next() string {
	next := w.cli("describe-services", "--services "+w.target.service)
	if len(w.stopped) > 0 {
		next += "; " + w.cli("describe-tasks", "--tasks "+w.stopped[0].task)
	}
	return next
}
