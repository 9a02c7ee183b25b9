package kubernetes

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"bellwether/internal/suggest"
	"bellwether/pipeline"
)

// revisionOf is the annotation that numbers the templates of a Deployment, on it and on its ReplicaSets.
const revisionOf = "deployment.kubernetes.io/revision"

// state is what of a Deployment or StatefulSet tells how a rollout goes.
type state struct {
	uid       types.UID
	selector  *metav1.LabelSelector
	pod       corev1.PodSpec
	container string // the one that is deployed
	image     string // of it
	revision  string // of the template: revisionOf's number, or a StatefulSet's update revision
	taken     bool   // its controller has seen the template
	old       bool   // there are replicas of an older template
	held      string // why its controller would not replace pods
	release   string // the kubectl command against that
	stalled   string // what its controller says when nothing moves on
	short     string // what its controller says when it cannot create pods

	wanted, total, updated, available int32 // replicas
}

// serving tells whether nothing but the template's image serves.
func (s state) serving() bool {
	return s.taken && !s.old && s.updated == s.wanted && s.available == s.wanted
}

// String is how far the rollout is.
func (s state) String() string {
	text := fmt.Sprintf("%d of %d replicas updated, %d available", s.updated, s.wanted, s.available)
	if old := s.total - s.updated; old > 0 {
		text += fmt.Sprintf(", %d old still there", old)
	}
	return text
}

func ofDeployment(d *appsv1.Deployment) state {
	s := state{
		uid: d.UID, selector: d.Spec.Selector, pod: d.Spec.Template.Spec, revision: d.Annotations[revisionOf],
		taken: d.Status.ObservedGeneration >= d.Generation, old: d.Status.Replicas > d.Status.UpdatedReplicas,
		wanted: replicas(d.Spec.Replicas), total: d.Status.Replicas,
		updated: d.Status.UpdatedReplicas, available: d.Status.AvailableReplicas,
	}
	if d.Spec.Paused {
		s.held, s.release = "is paused", "rollout resume"
	}
	for _, c := range d.Status.Conditions {
		switch {
		case c.Type == appsv1.DeploymentProgressing && c.Reason == "ProgressDeadlineExceeded":
			s.stalled = c.Reason
		case c.Type == appsv1.DeploymentReplicaFailure && c.Status == corev1.ConditionTrue:
			s.short = c.Message
		}
	}
	return s
}

func ofStatefulSet(d *appsv1.StatefulSet) state {
	s := state{
		uid: d.UID, selector: d.Spec.Selector, pod: d.Spec.Template.Spec, revision: d.Status.UpdateRevision,
		taken: d.Status.ObservedGeneration >= d.Generation, old: d.Status.CurrentRevision != d.Status.UpdateRevision,
		wanted: replicas(d.Spec.Replicas), total: d.Status.Replicas,
		updated: d.Status.UpdatedReplicas, available: d.Status.AvailableReplicas,
	}
	strategy := d.Spec.UpdateStrategy
	switch rolling := strategy.RollingUpdate; {
	case strategy.Type == appsv1.OnDeleteStatefulSetStrategyType:
		s.held = "replaces pods only when somebody deletes them (updateStrategy OnDelete)"
	case rolling != nil && rolling.Partition != nil && *rolling.Partition > 0:
		s.held = fmt.Sprintf("keeps pods below number %d as they are (updateStrategy.rollingUpdate.partition)", *rolling.Partition)
	}
	if s.held != "" {
		s.release = "edit"
	}
	return s
}

// replicas that are wanted; Kubernetes takes 1 when none are named.
func replicas(n *int32) int32 {
	if n == nil {
		return 1
	}
	return *n
}

// choose finds the container that is deployed.
func (t *target) choose(s *state) error {
	var names []string
	for _, c := range s.pod.Containers {
		names = append(names, c.Name)
		if c.Name == t.workload.Container || t.workload.Container == "" && len(s.pod.Containers) == 1 {
			s.container, s.image = c.Name, c.Image
			return nil
		}
	}
	why := &trouble{
		reason: fmt.Sprintf("%s has no container %s%s", t, t.workload.Container, suggest.Hint(t.workload.Container, names)),
		next:   "mend deploy.kubernetes.container of the service in the catalog",
		fault:  pipeline.FaultEnvironment,
	}
	if t.workload.Container == "" {
		why.reason = fmt.Sprintf("%s has several containers: %s", t, strings.Join(names, ", "))
		why.next = "name one in the catalog: deploy.kubernetes.container"
	}
	return why
}

// hindrance is why an image would not be rolled out, or not serve; nil when nothing is known against it.
func (t *target) hindrance(s state) error {
	switch {
	case s.wanted == 0:
		return &trouble{
			reason: t.String() + " is scaled to 0 replicas: nothing would serve",
			next:   t.local("scale %s --replicas=1", t.arg()),
			fault:  pipeline.FaultEnvironment,
		}
	case s.held != "":
		return &trouble{
			reason: fmt.Sprintf("%s %s: nothing would be rolled out", t, s.held),
			next:   t.local("%s %s", s.release, t.arg()),
			fault:  pipeline.FaultEnvironment,
		}
	}
	return nil
}

// calm is how long a trouble has to be away for its return to be a new one: a container that crashes again and again runs
// between two crashes, and is not forgiven for it.
const calm = 2 * relist

// memory is what a rollout has seen so far.
type memory struct {
	spells   map[string]spell  // by trouble
	restarts map[string]int32  // by container of the pods that served before the rollout; nil before they were looked at
	refusals map[string]string // what a registry said, by container
}

// spell is from when to when a trouble was seen.
type spell struct{ first, last time.Time }

func newMemory() memory {
	return memory{spells: map[string]spell{}, refusals: map[string]string{}}
}

// lasts tells whether a trouble has been there for so long.
func (m *memory) lasts(trouble string, patience time.Duration) bool {
	now := time.Now()
	s, known := m.spells[trouble]
	if !known || now.Sub(s.last) > calm {
		s.first = now
	}
	s.last = now
	m.spells[trouble] = s
	return now.Sub(s.first) >= patience
}

// note keeps, at the first look at the pods, how often those that serve were restarted in their lives: that is no trouble
// of the rollout's.
func (m *memory) note(pods []corev1.Pod) {
	if m.restarts != nil {
		return
	}
	m.restarts = map[string]int32{}
	for _, pod := range slices.DeleteFunc(slices.Clone(pods), func(p corev1.Pod) bool { return !ready(p) }) {
		for _, c := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
			m.restarts[keyOf(pod, c)] = c.RestartCount
		}
	}
}

// restarted is how often a container was restarted since the rollout began.
func (m *memory) restarted(pod corev1.Pod, c corev1.ContainerStatus) int32 {
	return c.RestartCount - m.restarts[keyOf(pod, c)]
}

// silent is what a pod that pulls no image says when it does not say why.
var silent = regexp.MustCompile(`^(Back-off pulling image "[^"]*")?$`)

// refusal is why a container's image cannot be pulled; empty when nothing says so. Older clusters do not repeat it while they
// back off.
func (m *memory) refusal(pod corev1.Pod, c corev1.ContainerStatus) string {
	if said := c.State.Waiting.Message; !silent.MatchString(said) {
		m.refusals[keyOf(pod, c)] = said
	}
	return m.refusals[keyOf(pod, c)]
}

// keyOf a container is unique in a namespace and for all time.
func keyOf(pod corev1.Pod, c corev1.ContainerStatus) string { return string(pod.UID) + "/" + c.Name }
