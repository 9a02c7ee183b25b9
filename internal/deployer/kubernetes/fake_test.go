package kubernetes

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"
	fakeapi "k8s.io/client-go/testing"
)

// fresh is the end of the names of pods that a rollout creates; with a Deployment.
const fresh = "-7c9d5f6b4d-x7k2p"

// cluster is client-go's fake with controllers and a kubelet: a second after a workload is created or changed its pods
// are replaced, and what a pod does then is what its image's tag says.
type cluster struct {
	*fake.Clientset
	hands fake.Clientset      // what the controllers work with: it never fails
	pods  map[string]sickness // by tag; without one a pod is ready
	log   string              // what containers print
	turn  sync.Mutex          // one controller works at a time

	warnings int // events so far
}

// sickness is what a pod does instead of getting ready, and what its node warns of.
type sickness struct {
	status  corev1.PodStatus
	warning string
}

func newCluster() *cluster {
	running := corev1.PodStatus{Phase: corev1.PodRunning, ContainerStatuses: []corev1.ContainerStatus{{Name: "app", Started: new(true)}}}
	c := &cluster{Clientset: fake.NewClientset(), pods: map[string]sickness{
		"never-ready": {running, "Readiness probe failed: HTTP probe failed with statuscode: 503"},
		"pull-error": {
			waiting("ImagePullBackOff", fmt.Sprintf("Back-off pulling image %q: ErrImagePull: not found", image("pull-error"))),
			"Failed to pull image: not found",
		},
		"crash-loop": {crashing(corev1.ContainerStateTerminated{ExitCode: 3, Reason: "Error"}), "Back-off restarting failed container app"},
	}}
	c.PrependReactor("get", "pods/log", func(fakeapi.Action) (bool, runtime.Object, error) {
		return true, &runtime.Unknown{Raw: []byte(c.log)}, nil
	})
	react := fakeapi.ObjectReaction(c.Tracker())
	c.hands.AddReactor("*", "*", react)
	for verb, resource := range map[string]string{"create": "*", "patch": "*", "delete": "pods"} {
		c.PrependReactor(verb, resource, func(action fakeapi.Action) (bool, runtime.Object, error) {
			handled, object, err := react(action)
			if err == nil {
				c.changed(object, action)
			}
			return handled, object, err
		})
	}
	return c
}

func waiting(reason, message string) corev1.PodStatus {
	return corev1.PodStatus{Phase: corev1.PodPending, ContainerStatuses: []corev1.ContainerStatus{{
		Name: "app", Image: image("pull-error"),
		State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}},
	}}}
}

func crashing(ended corev1.ContainerStateTerminated) corev1.PodStatus {
	s := waiting("CrashLoopBackOff", "back-off 20s restarting failed container")
	s.ContainerStatuses[0].RestartCount = 2
	s.ContainerStatuses[0].LastTerminationState.Terminated = &ended
	return s
}

// changed does what the API server does at once, and has the controllers do the rest.
func (c *cluster) changed(object runtime.Object, action fakeapi.Action) {
	switch o := object.(type) {
	case *appsv1.Deployment:
		o.Generation++
		o.UID = types.UID(o.Name)
		must(c.Tracker().Update(action.GetResource(), o, o.Namespace))
		time.AfterFunc(time.Second, func() { c.roll(o.Namespace, o.Name) })
	case *appsv1.StatefulSet:
		o.Generation++
		o.UID = types.UID(o.Name)
		must(c.Tracker().Update(action.GetResource(), o, o.Namespace))
		time.AfterFunc(time.Second, func() { c.rollSet(o.Namespace, o.Name) })
	case nil: // a pod was deleted
		set, _, _ := strings.Cut(action.(fakeapi.DeleteAction).GetName(), "-")
		time.AfterFunc(time.Second, func() { c.rollSet(action.GetNamespace(), set) })
	}
}

// roll is the Deployment controller.
func (c *cluster) roll(namespace, name string) {
	c.turn.Lock()
	defer c.turn.Unlock()
	ctx := context.Background()
	d := get(c.hands.AppsV1().Deployments(namespace).Get(ctx, name, metav1.GetOptions{}))
	wanted := replicas(d.Spec.Replicas)
	sets := get(c.hands.AppsV1().ReplicaSets(namespace).List(ctx, metav1.ListOptions{})).Items
	revision := strconv.Itoa(len(sets) + 1)
	metav1.SetMetaDataAnnotation(&d.ObjectMeta, revisionOf, revision)
	uid := types.UID(name + "-" + revision)
	must(c.Tracker().Add(&appsv1.ReplicaSet{ObjectMeta: metav1.ObjectMeta{
		Namespace: namespace, Name: string(uid), UID: uid, Labels: d.Spec.Template.Labels,
		Annotations: map[string]string{revisionOf: revision}, OwnerReferences: owner(d.UID),
	}}))
	bad := c.start(d.Spec.Template, namespace, name+fresh, uid)
	d.Status = appsv1.DeploymentStatus{ObservedGeneration: d.Generation, Replicas: wanted + 1, UpdatedReplicas: 1, AvailableReplicas: wanted}
	if !bad {
		d.Status.Replicas, d.Status.UpdatedReplicas = wanted, wanted
	}
	get(c.hands.AppsV1().Deployments(namespace).Update(ctx, d, metav1.UpdateOptions{}))
	if bad {
		time.AfterFunc(time.Duration(*d.Spec.ProgressDeadlineSeconds)*time.Second, func() { c.stall(namespace, name, d.Generation) })
	}
}

func (c *cluster) stall(namespace, name string, generation int64) {
	d := get(c.hands.AppsV1().Deployments(namespace).Get(context.Background(), name, metav1.GetOptions{}))
	if d.Generation != generation {
		return
	}
	d.Status.Conditions = []appsv1.DeploymentCondition{{
		Type: appsv1.DeploymentProgressing, Status: corev1.ConditionFalse, Reason: "ProgressDeadlineExceeded",
	}}
	get(c.hands.AppsV1().Deployments(namespace).Update(context.Background(), d, metav1.UpdateOptions{}))
}

// rollSet is the StatefulSet controller, for one replica: it does not go on before its pod is ready or deleted.
func (c *cluster) rollSet(namespace, name string) {
	c.turn.Lock()
	defer c.turn.Unlock()
	ctx := context.Background()
	s := get(c.hands.AppsV1().StatefulSets(namespace).Get(ctx, name, metav1.GetOptions{}))
	revision := name + "-" + tag(s.Spec.Template.Spec)
	s.Status.ObservedGeneration, s.Status.UpdateRevision, s.Status.Replicas = s.Generation, revision, 1
	s.Status.UpdatedReplicas, s.Status.AvailableReplicas = 0, 0
	pod, err := c.hands.CoreV1().Pods(namespace).Get(ctx, name+"-0", metav1.GetOptions{})
	if err != nil || ready(*pod) {
		template := s.Spec.Template
		template.Labels = map[string]string{"app": name, appsv1.ControllerRevisionHashLabelKey: revision}
		s.Status.UpdatedReplicas = 1
		if bad := c.start(template, namespace, name+"-0", s.UID); !bad {
			s.Status.AvailableReplicas, s.Status.CurrentRevision = 1, revision
		}
	}
	get(c.hands.AppsV1().StatefulSets(namespace).Update(ctx, s, metav1.UpdateOptions{}))
}

// start replaces the pod of that name, and tells whether it will not get ready.
func (c *cluster) start(template corev1.PodTemplateSpec, namespace, name string, of types.UID) (bad bool) {
	sick, bad := c.pods[tag(template.Spec)]
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace, Name: name, Labels: template.Labels, OwnerReferences: owner(of),
			UID: types.UID(name + tag(template.Spec)),
		},
		Spec: template.Spec, Status: sick.status,
	}
	if !bad {
		pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
	}
	resource := corev1.SchemeGroupVersion.WithResource("pods")
	_ = c.Tracker().Delete(resource, namespace, name) // there is none at first
	must(c.Tracker().Create(resource, pod, namespace))
	if sick.warning != "" {
		c.warnings++
		must(c.Tracker().Add(&corev1.Event{
			ObjectMeta:    metav1.ObjectMeta{Namespace: namespace, Name: fmt.Sprintf("%s-%d", pod.UID, c.warnings)},
			LastTimestamp: metav1.Now(), Type: corev1.EventTypeWarning, Reason: "Failed", Message: sick.warning,
		}))
	}
	return bad
}

func owner(uid types.UID) []metav1.OwnerReference {
	return []metav1.OwnerReference{{UID: uid, Controller: new(true)}}
}

func tag(spec corev1.PodSpec) string {
	_, tag, _ := strings.Cut(spec.Containers[0].Image, ":")
	return tag
}

// get and must are for controllers, which have no test to fail.
func get[T any](value T, err error) T {
	must(err)
	return value
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
