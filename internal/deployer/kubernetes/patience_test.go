package kubernetes

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes/fake"

	"bellwether/pipeline"
)

// brokers are the pods of a StatefulSet in the middle of a rollout.
type brokers struct {
	*rollout
	t *testing.T
}

func newBrokers(t *testing.T) brokers {
	return brokers{&rollout{memory: newMemory(), target: &target{
		api: fake.NewClientset(), cluster: pipeline.KubernetesCluster{Namespace: namespace},
		workload: pipeline.KubernetesWorkload{Kind: statefulSet, Name: "kafka"},
	}}, t}
}

// set has pods of a revision be ready from now on, or not.
func (b brokers) set(revision string, is corev1.ConditionStatus, names ...string) {
	for _, name := range names {
		pod := &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: namespace, Name: name, UID: types.UID(name + revision), OwnerReferences: owner("kafka"),
				Labels: map[string]string{"app": "kafka", appsv1.ControllerRevisionHashLabelKey: revision},
			},
			Status: corev1.PodStatus{Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: is, LastTransitionTime: metav1.Now()}}},
		}
		tracker := b.api.(*fake.Clientset).Tracker()
		_ = tracker.Delete(corev1.SchemeGroupVersion.WithResource("pods"), namespace, name) // there is none at first
		must(tracker.Add(runtime.Object(pod)))
	}
}

// look is for a time what the rollout does every relist, and returns the pods that are left.
func (b brokers) look(during time.Duration) (names []string) {
	now := state{uid: "kafka", revision: "new", taken: true, selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "kafka"}}}
	for end := time.Now().Add(during); ; time.Sleep(min(relist, time.Until(end))) {
		_, err := b.freshPods(b.t.Context(), now)
		require.NoError(b.t, err)
		if !time.Now().Before(end) {
			break
		}
	}
	for _, pod := range get(b.api.CoreV1().Pods(namespace).List(context.Background(), metav1.ListOptions{})).Items {
		names = append(names, pod.Name)
	}
	return names
}

func TestABlipOfOldPodsIsNoReasonToReplaceThem(t *testing.T) {
	all := []string{"kafka-0", "kafka-1", "kafka-2"}
	tests := map[string]func(b brokers){
		"again, after two minutes": func(b brokers) {
			b.look(0)
			b.set("old", corev1.ConditionTrue, "kafka-0", "kafka-1")
			b.look(2 * time.Minute)
			b.set("old", corev1.ConditionFalse, "kafka-0", "kafka-1")
		},
		"again, unseen": func(b brokers) {
			b.look(stalePatience - 1)
			time.Sleep(time.Nanosecond)
			b.set("old", corev1.ConditionFalse, "kafka-0", "kafka-1")
		},
		"while a new one starts": func(b brokers) {
			b.set("new", corev1.ConditionFalse, "kafka-2")
			b.look(time.Minute)
		},
	}
	for name, happens := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBrokers(t)
				b.set("new", corev1.ConditionTrue, "kafka-2")
				b.set("old", corev1.ConditionFalse, "kafka-0", "kafka-1")
				happens(b)
				require.Equal(t, all, b.look(stalePatience-1))
			})
		})
	}
}

func TestOldPodsThatBlockAStatefulSetAreReplacedOneByOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBrokers(t)
		b.set("new", corev1.ConditionTrue, "kafka-2")
		b.set("old", corev1.ConditionFalse, "kafka-0", "kafka-1")
		require.Equal(t, []string{"kafka-1", "kafka-2"}, b.look(stalePatience))
		b.set("new", corev1.ConditionFalse, "kafka-0")
		require.Len(t, b.look(time.Minute), 3)
		b.set("new", corev1.ConditionTrue, "kafka-0")
		require.Equal(t, []string{"kafka-0", "kafka-2"}, b.look(stalePatience))
	})
}

// retried has an init container that was tried often in front of a container that starts.
func retried(state corev1.ContainerState) corev1.PodStatus {
	return corev1.PodStatus{
		Phase: corev1.PodRunning, ContainerStatuses: []corev1.ContainerStatus{{Name: "app", Started: new(true)}},
		InitContainerStatuses: []corev1.ContainerStatus{{Name: "wait-for-db", RestartCount: 5, State: state}},
	}
}

func TestInitContainersMayTryForAWhile(t *testing.T) {
	backsOff := corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}}
	for name, test := range map[string]struct {
		state corev1.ContainerState
		want  time.Duration
	}{
		"through":   {corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: "Completed"}}, 10 * time.Minute},
		"still not": {backsOff, longPatience},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, c *cluster, d *Deployer) {
				c.change(func(d *appsv1.Deployment) { d.Spec.ProgressDeadlineSeconds = new(int32(3600)) })
				c.pods["v2"] = sickness{status: retried(test.state)}
				at := place(shop)
				at.Service.Deploy.Kubernetes.Timeout = 10 * time.Minute
				start := time.Now()
				explained(t, d.Deploy(t.Context(), at, image("v2")))
				require.InDelta(t, test.want, time.Since(start), float64(relist))
			})
		})
	}
}

func TestRestartsOfBeforeDoNotCount(t *testing.T) {
	r := &rollout{target: &target{}, memory: newMemory()}
	pod := corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "kafka-0", UID: "kafka-0"}, Status: corev1.PodStatus{
		ContainerStatuses: []corev1.ContainerStatus{{Name: "app", RestartCount: 7}},
		Conditions:        []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}},
	}}
	r.note([]corev1.Pod{pod})
	crashed := pod
	for restarts, want := range map[int32]string{8: "starting", 9: "crash"} {
		crashed.Status = crashing(corev1.ContainerStateTerminated{ExitCode: 1})
		crashed.Status.ContainerStatuses[0].RestartCount = restarts
		require.Equal(t, want, r.trouble(crashed, "app").kind)
	}
	another := crashed
	another.UID = "kafka-1"
	another.Status.ContainerStatuses[0].RestartCount = 2
	r.note([]corev1.Pod{another})
	require.Contains(t, r.trouble(another, "app").reason, "restarts: 2")
}

func TestATroubleThatReturnsHasItsPatienceAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		require.False(t, m.lasts("pull", shortPatience))
		for range shortPatience / relist {
			time.Sleep(relist)
			_ = m.lasts("pull", shortPatience)
		}
		require.True(t, m.lasts("pull", shortPatience))
		time.Sleep(calm + 1)
		require.False(t, m.lasts("pull", shortPatience))
	})
}

func TestABackOffHasTheFaultOfWhatWasSaidBefore(t *testing.T) {
	const bare = `Back-off pulling image "registry.test/shop:v2"`
	for said, want := range map[string]struct {
		fault  pipeline.Fault
		reason string
	}{
		"reg/shop:v2: not found":                {pipeline.FaultChange, "(ImagePullBackOff): reg/shop:v2: not found"},
		"HEAD request: 403 Forbidden":           {pipeline.FaultEnvironment, "(ImagePullBackOff): HEAD request: 403 Forbidden"},
		`Head "https://reg/v2/": EOF`:           {pipeline.FaultEnvironment, "EOF"},
		"":                                      {pipeline.FaultEnvironment, "nothing says why"},
		bare + ": ErrImagePull: 504 Gateway":    {pipeline.FaultEnvironment, "504 Gateway"},
		bare + ": ErrImagePull: reg: not found": {pipeline.FaultChange, "not found"},
	} {
		r := &rollout{target: &target{}, memory: newMemory()}
		pod := corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "shop-1", UID: "shop-1"}, Status: waiting("ErrImagePull", said)}
		r.trouble(pod, "app")
		pod.Status = waiting("ImagePullBackOff", bare)
		why := r.trouble(pod, "app")
		require.Equal(t, want.fault, why.fault, said)
		require.Contains(t, why.reason, want.reason)
	}
}

func TestAPolicyThatRefusesPodsRefusesTheImage(t *testing.T) {
	r := &rollout{target: &target{}, memory: newMemory()}
	for said, want := range map[string]pipeline.Fault{
		`admission webhook "verify.kyverno" denied the request: image reg/shop:2 is not signed`: pipeline.FaultChange,
		"exceeded quota: compute": pipeline.FaultEnvironment,
	} {
		why := r.troubles(state{taken: true, short: said}, nil)[0]
		require.Equal(t, want, why.fault)
		require.Contains(t, why.reason, said)
	}
}

func TestWithoutATimeoutTheContextDecides(t *testing.T) {
	bubble(t, func(t *testing.T, c *cluster, d *Deployer) {
		c.change(func(d *appsv1.Deployment) { d.Spec.ProgressDeadlineSeconds = new(int32(7200)) })
		at := place(shop)
		at.Service.Deploy.Kubernetes.Timeout = 0
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		require.ErrorIs(t, d.Deploy(ctx, at, image("never-ready")), context.DeadlineExceeded)
	})
}

func TestAWatchThatEndedHoldsNothing(t *testing.T) {
	var held context.Context
	w := opened(t.Context(), func(ctx context.Context) (watch.Interface, error) {
		held = ctx
		return watch.NewFake(), nil
	})
	require.NoError(t, held.Err())
	require.Nil(t, kept(w, false))
	require.Error(t, held.Err())
}

func TestCommandsNameTheKubeconfig(t *testing.T) {
	to := target{cluster: pipeline.KubernetesCluster{Kubeconfig: "/etc/load.yaml", Context: "load"}}
	require.Equal(t, "kubectl --kubeconfig /etc/load.yaml --context load get pods", to.kubectl("get %s", "pods"))
}
