package kubernetes

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	client "k8s.io/client-go/kubernetes"

	"bellwether/internal/suggest"
	"bellwether/pipeline"
)

const (
	statefulSet = "StatefulSet"
	manager     = "bellwether"                 // of the fields that are changed
	cause       = "kubernetes.io/change-cause" // what kubectl rollout history shows
	rolled      = "bellwether.dev/rolled"      // when pods of the same image were asked for last, as kubectl rollout restart does
)

// target is a workload in a cluster.
type target struct {
	api      client.Interface
	cluster  pipeline.KubernetesCluster
	workload pipeline.KubernetesWorkload
}

// String is the workload as kubectl writes it, with its namespace.
func (t *target) String() string {
	return fmt.Sprintf("%s %s/%s", t.workload.Kind, t.cluster.Namespace, t.workload.Name)
}

// where is the cluster, for people.
func (t *target) where() string {
	if t.cluster.Context == "" {
		return "the Kubernetes cluster"
	}
	return "the Kubernetes cluster " + t.cluster.Context
}

// kubectl is a command that people can run as it stands.
func (t *target) kubectl(format string, args ...any) string {
	command := "kubectl"
	if t.cluster.Kubeconfig != "" {
		command += " --kubeconfig " + t.cluster.Kubeconfig
	}
	if t.cluster.Context != "" {
		command += " --context " + t.cluster.Context
	}
	return command + " " + fmt.Sprintf(format, args...)
}

// local is a kubectl command in the workload's namespace.
func (t *target) local(format string, args ...any) string {
	return t.kubectl("-n %s "+format, append([]any{t.cluster.Namespace}, args...)...)
}

// arg is the workload as an argument of kubectl.
func (t *target) arg() string { return strings.ToLower(t.workload.Kind) + "/" + t.workload.Name }

// look is the workload as it is.
func (t *target) look(ctx context.Context) (now state, err error) {
	err = persist(ctx, func(ctx context.Context) error {
		now, err = t.read(ctx)
		return err
	})
	if apierrors.IsNotFound(err) {
		return state{}, t.missing(ctx)
	}
	if err != nil {
		return state{}, t.unanswered(ctx, err)
	}
	err = t.choose(&now)
	return now, err
}

func (t *target) read(ctx context.Context) (state, error) {
	if t.workload.Kind == statefulSet {
		set, err := t.api.AppsV1().StatefulSets(t.cluster.Namespace).Get(ctx, t.workload.Name, metav1.GetOptions{})
		if err != nil {
			return state{}, err
		}
		return ofStatefulSet(set), nil
	}
	deployment, err := t.api.AppsV1().Deployments(t.cluster.Namespace).Get(ctx, t.workload.Name, metav1.GetOptions{})
	if err != nil {
		return state{}, err
	}
	return ofDeployment(deployment), nil
}

// missing is the trouble of a workload that the cluster does not have.
func (t *target) missing(ctx context.Context) error {
	var names []string
	err := persist(ctx, func(ctx context.Context) (err error) {
		names, err = t.names(ctx)
		return err
	})
	if err != nil {
		names = nil // the account may read this workload only
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return &trouble{
		reason: fmt.Sprintf("there is no %s%s", t, suggest.Hint(t.workload.Name, names)),
		next:   "mend deploy.kubernetes of the service or kubernetes.namespace of the environment in the catalog; " + t.local("get deployments,statefulsets") + " lists what there is",
		fault:  pipeline.FaultEnvironment,
	}
}

// names of what the namespace has of the workload's kind.
func (t *target) names(ctx context.Context) (names []string, err error) {
	if t.workload.Kind == statefulSet {
		sets, err := t.api.AppsV1().StatefulSets(t.cluster.Namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return nil, err
		}
		for _, s := range sets.Items {
			names = append(names, s.Name)
		}
		return names, nil
	}
	deployments, err := t.api.AppsV1().Deployments(t.cluster.Namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	for _, d := range deployments.Items {
		names = append(names, d.Name)
	}
	return names, nil
}

// set changes the container's image, and nothing else of what runs. When the image is there already its pods are replaced.
func (t *target) set(ctx context.Context, was state, image string) (now state, err error) {
	template := map[string]any{"spec": map[string]any{"containers": []map[string]string{{"name": was.container, "image": image}}}}
	if was.image == image {
		template["metadata"] = map[string]any{"annotations": map[string]string{rolled: time.Now().UTC().Format(time.RFC3339Nano)}}
	}
	patch, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"annotations": map[string]string{cause: "bellwether: " + image}},
		"spec":     map[string]any{"template": template},
	})
	if err != nil {
		return state{}, err
	}
	err = persist(ctx, func(ctx context.Context) error {
		now, err = t.patch(ctx, patch)
		return err
	})
	if err != nil {
		return state{}, t.unanswered(ctx, err)
	}
	err = t.choose(&now)
	return now, err
}

func (t *target) patch(ctx context.Context, patch []byte) (state, error) {
	options := metav1.PatchOptions{FieldManager: manager}
	if t.workload.Kind == statefulSet {
		set, err := t.api.AppsV1().StatefulSets(t.cluster.Namespace).Patch(ctx, t.workload.Name, types.StrategicMergePatchType, patch, options)
		if err != nil {
			return state{}, err
		}
		return ofStatefulSet(set), nil
	}
	deployment, err := t.api.AppsV1().Deployments(t.cluster.Namespace).Patch(ctx, t.workload.Name, types.StrategicMergePatchType, patch, options)
	if err != nil {
		return state{}, err
	}
	return ofDeployment(deployment), nil
}

// watchWorkload tells of changes of the workload.
func (t *target) watchWorkload(ctx context.Context) (watch.Interface, error) {
	options := metav1.ListOptions{FieldSelector: "metadata.name=" + t.workload.Name}
	if t.workload.Kind == statefulSet {
		return t.api.AppsV1().StatefulSets(t.cluster.Namespace).Watch(ctx, options)
	}
	return t.api.AppsV1().Deployments(t.cluster.Namespace).Watch(ctx, options)
}

// listPods are the pods of a StatefulSet, or of the Deployment's newest template.
func (t *target) listPods(ctx context.Context, now state) ([]corev1.Pod, error) {
	options := metav1.ListOptions{LabelSelector: metav1.FormatLabelSelector(now.selector)}
	owner := now.uid
	if t.workload.Kind != statefulSet {
		set, err := t.replicaSet(ctx, now, options)
		if err != nil {
			return nil, err
		}
		owner = set
	}
	pods, err := t.api.CoreV1().Pods(t.cluster.Namespace).List(ctx, options)
	if err != nil {
		return nil, err
	}
	ours := slices.DeleteFunc(pods.Items, func(p corev1.Pod) bool { return !controls(owner, &p) })
	slices.SortFunc(ours, func(a, b corev1.Pod) int { // set-2 before set-10
		return cmp.Or(cmp.Compare(len(a.Name), len(b.Name)), cmp.Compare(a.Name, b.Name))
	})
	return ours, nil
}

// replicaSet is the one of the Deployment's template; empty before it is there.
func (t *target) replicaSet(ctx context.Context, now state, options metav1.ListOptions) (types.UID, error) {
	sets, err := t.api.AppsV1().ReplicaSets(t.cluster.Namespace).List(ctx, options)
	if err != nil {
		return "", err
	}
	for _, s := range sets.Items {
		if controls(now.uid, &s) && s.Annotations[revisionOf] == now.revision {
			return s.UID, nil
		}
	}
	return "", nil
}

func controls(owner types.UID, object metav1.Object) bool {
	controller := metav1.GetControllerOf(object)
	return controller != nil && controller.UID == owner
}

// updated tells whether a pod that was listed has the template as it is now.
func (t *target) updated(pod corev1.Pod, now state) bool {
	return t.workload.Kind != statefulSet || pod.Labels[appsv1.ControllerRevisionHashLabelKey] == now.revision
}
