package kubernetes

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"bellwether/internal/deployer"
	"bellwether/pipeline"
)

// crashes are the restarts after which a container is given up; the first may be for a dependency that was not up yet.
const crashes = 2

// troubles are what keeps pods from being created and from serving; at least one.
func (r *rollout) troubles(now state, fresh []corev1.Pod) (found []*trouble) {
	if now.short != "" {
		found = append(found, r.shortage(now.short))
	}
	for _, pod := range fresh {
		if why := r.trouble(pod, now.container); why != nil {
			found = append(found, why)
		}
	}
	if len(found) == 0 {
		found = append(found, r.silence(now, len(fresh)))
	}
	return found
}

// shortage is the trouble of a controller that cannot create pods.
func (r *rollout) shortage(said string) *trouble {
	why := &trouble{kind: "short", patience: shortPatience}
	if denied(said) {
		why.reason, why.next = "the cluster's policy refuses the pods: "+said, allowed
		return why
	}
	why.reason, why.fault = "the cluster creates no more pods: "+said, pipeline.FaultEnvironment
	why.next = r.local("describe resourcequotas")
	return why
}

// silence is the trouble when no pod has one.
func (r *rollout) silence(now state, fresh int) *trouble {
	why := &trouble{
		kind: "silence", reason: "replicas of the old image do not end", patience: forever,
		next: r.local("describe %s", r.arg()), fault: pipeline.FaultEnvironment,
	}
	switch {
	case !now.taken:
		why.reason = "the cluster's controllers have not taken the change up"
	case fresh == 0:
		why.reason = "no pod with the new image was created"
	case !now.old:
		why.reason = "its pods are ready, but not for long enough yet (minReadySeconds)"
	}
	return why
}

func ready(pod corev1.Pod) bool {
	return condition(pod, corev1.PodReady).Status == corev1.ConditionTrue
}

// condition of a pod; zero when nothing is known of it.
func condition(pod corev1.Pod, kind corev1.PodConditionType) corev1.PodCondition {
	for _, c := range pod.Status.Conditions {
		if c.Type == kind {
			return c
		}
	}
	return corev1.PodCondition{}
}

// trouble is what keeps a pod from serving; nil when it serves. What another container than the deployed one has is
// not the fault of the image, and may end when something that it waits for comes up.
func (r *rollout) trouble(pod corev1.Pod, deployed string) *trouble {
	if ready(pod) {
		return nil
	}
	why := r.starting(pod)
	if why.container != "" && why.container != deployed {
		why.fault = pipeline.FaultEnvironment
	}
	for _, c := range slices.Concat(unfinished(pod.Status.InitContainerStatuses), pod.Status.ContainerStatuses) {
		found := cmp.Or(r.crash(pod, c), r.waiting(pod, c))
		if found == nil {
			continue
		}
		if c.Name != deployed {
			found.fault = pipeline.FaultEnvironment
		}
		if c.Name != deployed && found.kind == "crash" {
			found.patience = longPatience
		}
		if found.patience < why.patience {
			why = found
		}
	}
	why.pod = pod.Name
	why.next = cmp.Or(why.next, r.local("describe pod %s", pod.Name))
	return why
}

// unfinished are the init containers that have not done their work yet, however often they had to try.
func unfinished(all []corev1.ContainerStatus) []corev1.ContainerStatus {
	return slices.DeleteFunc(slices.Clone(all), func(c corev1.ContainerStatus) bool {
		return c.State.Terminated != nil && c.State.Terminated.ExitCode == 0
	})
}

// starting is the trouble of a pod whose containers have none.
func (t *target) starting(pod corev1.Pod) *trouble {
	why := &trouble{kind: "starting", patience: forever}
	scheduled := condition(pod, corev1.PodScheduled)
	switch {
	case scheduled.Reason == corev1.PodReasonUnschedulable:
		why.kind, why.patience, why.fault = "unschedulable", longPatience, pipeline.FaultEnvironment
		why.reason = fmt.Sprintf("pod %s finds no node to run on: %s", pod.Name, scheduled.Message)
	case pod.Status.Phase == corev1.PodRunning:
		why.reason, why.container = unready(pod)
	case pod.Status.Phase == corev1.PodFailed:
		why.fault = pipeline.FaultEnvironment
		why.reason = fmt.Sprintf("pod %s was ended: %s", pod.Name, cmp.Or(pod.Status.Message, pod.Status.Reason, "nobody says why"))
	default:
		why.fault = pipeline.FaultEnvironment
		why.reason = fmt.Sprintf("pod %s has not started", pod.Name)
	}
	return why
}

// unready is what a running pod waits for, and its container that does not get ready.
func unready(pod corev1.Pod) (why, container string) {
	for _, c := range pod.Status.ContainerStatuses {
		if c.Ready {
			continue
		}
		name, probe := "readiness", specOf(pod, c.Name).ReadinessProbe
		if startup := specOf(pod, c.Name).StartupProbe; startup != nil && (c.Started == nil || !*c.Started) {
			name, probe = "startup", startup
		}
		if probe == nil {
			return fmt.Sprintf("pod %s runs, but its container %s is not ready", pod.Name, c.Name), c.Name
		}
		return fmt.Sprintf("pod %s runs, but the %s probe of its container %s does not pass (%s)", pod.Name, name, c.Name, asks(probe)), c.Name
	}
	return fmt.Sprintf("pod %s runs, but is not ready", pod.Name), ""
}

func specOf(pod corev1.Pod, container string) corev1.Container {
	for _, c := range pod.Spec.Containers {
		if c.Name == container {
			return c
		}
	}
	return corev1.Container{}
}

// asks is what a probe does. A command is not shown: its arguments may be secret.
func asks(probe *corev1.Probe) string {
	switch {
	case probe.HTTPGet != nil:
		path, _, _ := strings.Cut(probe.HTTPGet.Path, "?")
		return "GET :" + probe.HTTPGet.Port.String() + path
	case probe.TCPSocket != nil:
		return "TCP :" + probe.TCPSocket.Port.String()
	case probe.GRPC != nil:
		return fmt.Sprintf("gRPC :%d", probe.GRPC.Port)
	}
	return "a command"
}

// crash is the trouble of a container that ends again and again; nil when it does not.
func (r *rollout) crash(pod corev1.Pod, c corev1.ContainerStatus) *trouble {
	backsOff := c.State.Waiting != nil && c.State.Waiting.Reason == "CrashLoopBackOff"
	restarts := r.restarted(pod, c)
	if restarts < crashes || !backsOff && c.State.Terminated == nil {
		return nil
	}
	ended, previous := c.State.Terminated, ""
	if ended == nil {
		ended, previous = c.LastTerminationState.Terminated, " --previous"
	}
	return &trouble{
		kind:      "crash",
		reason:    fmt.Sprintf("pod %s crashes: container %s %s; restarts: %d", pod.Name, c.Name, ending(ended, specOf(pod, c.Name)), restarts),
		next:      r.local("logs %s -c %s%s", pod.Name, c.Name, previous),
		container: c.Name, previous: previous != "",
	}
}

// ending is how a container ended.
func ending(e *corev1.ContainerStateTerminated, spec corev1.Container) string {
	if e == nil {
		return "ended"
	}
	text := fmt.Sprintf("ended with exit code %d", e.ExitCode)
	if e.Reason == "OOMKilled" {
		text = "was killed, it took more memory than it may (OOMKilled"
		if limit := spec.Resources.Limits.Memory(); !limit.IsZero() {
			text += ", limit " + limit.String()
		}
		return text + ")"
	}
	if e.Reason != "" && e.Reason != "Error" {
		text += " (" + e.Reason + ")"
	}
	if e.Message != "" {
		text += ": " + e.Message
	}
	return text
}

// waiting is the trouble of a container that cannot be started; nil when it is on its way.
func (r *rollout) waiting(pod corev1.Pod, c corev1.ContainerStatus) *trouble {
	if c.State.Waiting == nil {
		return nil
	}
	why := &trouble{kind: "waiting", patience: shortPatience}
	reason, said := c.State.Waiting.Reason, cmp.Or(c.State.Waiting.Message, "nothing more is said")
	switch reason {
	case "InvalidImageName":
		why.patience = 0
		why.reason = fmt.Sprintf("pod %s cannot have %q for an image (%s): %s", pod.Name, c.Image, reason, said)
	case "ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "ImageInspectError", "RegistryUnavailable":
		why.kind, said = "pull", r.refusal(pod, c)
		if said == "" || deployer.RegistryTrouble(said) { // unknown: nothing says that the image is to blame
			why.fault = pipeline.FaultEnvironment
		}
		said = cmp.Or(said, "nothing says why")
		why.reason = fmt.Sprintf("pod %s cannot pull %s (%s): %s", pod.Name, c.Image, reason, said)
	case "CreateContainerConfigError":
		if strings.Contains(said, "not found") || strings.Contains(said, "couldn't find key") { // a secret or config map of the template
			why.fault = pipeline.FaultEnvironment
		}
		why.reason = fmt.Sprintf("pod %s cannot be configured (%s): %s", pod.Name, reason, said)
	case "CreateContainerError", "RunContainerError", "PreCreateHookError", "PreStartHookError", "PostStartHookError":
		why.reason = fmt.Sprintf("pod %s cannot start its container %s (%s): %s", pod.Name, c.Name, reason, said)
	default:
		return nil
	}
	return why
}
