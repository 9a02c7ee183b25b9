package kubernetes

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	client "k8s.io/client-go/kubernetes"
	fakeapi "k8s.io/client-go/testing"

	"bellwether/pipeline"
)

// fail has requests fail from one time on to another; verb and resource may be "*".
func (c *cluster) fail(verb, resource string, from, to time.Duration, err error) {
	start := time.Now()
	c.PrependReactor(verb, resource, func(fakeapi.Action) (bool, runtime.Object, error) {
		since := time.Since(start)
		return from <= since && since < to, nil, err
	})
}

// change edits the shop as somebody else would.
func (c *cluster) change(edit func(*appsv1.Deployment)) {
	d := get(c.hands.AppsV1().Deployments(namespace).Get(context.Background(), "shop", metav1.GetOptions{}))
	edit(d)
	get(c.hands.AppsV1().Deployments(namespace).Update(context.Background(), d, metav1.UpdateOptions{}))
}

// recover has the shop's new pod get ready, and the rollout end.
func (c *cluster) recover() {
	ctx := context.Background()
	pod := get(c.hands.CoreV1().Pods(namespace).Get(ctx, "shop"+fresh, metav1.GetOptions{}))
	pod.Status = corev1.PodStatus{Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}}
	get(c.hands.CoreV1().Pods(namespace).Update(ctx, pod, metav1.UpdateOptions{}))
	c.change(func(d *appsv1.Deployment) { d.Status.Replicas, d.Status.UpdatedReplicas = 2, 2 })
}

func TestServing(t *testing.T) {
	serves := appsv1.DeploymentStatus{ObservedGeneration: 7, Replicas: 3, UpdatedReplicas: 3, AvailableReplicas: 3}
	tests := map[string]struct {
		change func(*appsv1.DeploymentStatus)
		want   bool
	}{
		"all":           {func(*appsv1.DeploymentStatus) {}, true},
		"not seen":      {func(s *appsv1.DeploymentStatus) { s.ObservedGeneration = 6 }, false},
		"not updated":   {func(s *appsv1.DeploymentStatus) { s.Replicas, s.UpdatedReplicas = 2, 2 }, false},
		"not available": {func(s *appsv1.DeploymentStatus) { s.AvailableReplicas = 2 }, false},
		"old ones left": {func(s *appsv1.DeploymentStatus) { s.Replicas = 4 }, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			d := &appsv1.Deployment{Spec: appsv1.DeploymentSpec{Replicas: new(int32(3))}, Status: serves}
			d.Generation = 7
			test.change(&d.Status)
			require.Equal(t, test.want, ofDeployment(d).serving())
		})
	}
}

func TestAHiccupOfTheAPIIsWaitedFor(t *testing.T) {
	for _, verb := range []string{"get", "patch", "list"} {
		t.Run(verb, func(t *testing.T) {
			bubble(t, func(t *testing.T, c *cluster, d *Deployer) {
				c.fail(verb, "*", 0, 40*time.Second, apierrors.NewServiceUnavailable("etcd has no leader"))
				require.NoError(t, d.Deploy(t.Context(), place(shop), image("v2")))
			})
		})
	}
}

func TestAnAPIThatStaysAway(t *testing.T) {
	bubble(t, func(t *testing.T, c *cluster, d *Deployer) {
		c.fail("*", "*", time.Second, time.Hour, apierrors.NewServiceUnavailable("etcd has no leader"))
		start := time.Now()
		why := explained(t, d.Deploy(t.Context(), place(shop), image("v2")))
		require.Equal(t, "the Kubernetes API failed: etcd has no leader", why.Reason)
		require.Equal(t, pipeline.FaultEnvironment, why.Fault)
		require.False(t, why.Untouched)
		require.InDelta(t, time.Minute, time.Since(start), float64(15*time.Second))
	})
}

func TestAPatchThatIsTurnedDown(t *testing.T) {
	tests := map[string]struct {
		err       error
		fault     pipeline.Fault
		untouched bool
	}{
		"forbidden":    {apierrors.NewForbidden(appsv1.Resource("deployments"), "shop", errors.New("no patch")), pipeline.FaultEnvironment, true},
		"policy":       {apierrors.NewForbidden(appsv1.Resource("deployments"), "shop", errors.New(`admission webhook "signed" denied the request: not signed`)), pipeline.FaultChange, true},
		"unauthorized": {apierrors.NewUnauthorized("Unauthorized"), pipeline.FaultEnvironment, true},
		"lost":         {context.DeadlineExceeded, pipeline.FaultEnvironment, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, c *cluster, d *Deployer) {
				c.fail("patch", "*", 0, time.Hour, test.err)
				why := explained(t, d.Deploy(t.Context(), place(shop), image("v2")))
				require.Equal(t, test.fault, why.Fault)
				require.Equal(t, test.untouched, why.Untouched)
			})
		})
	}
}

func TestWithoutWatchesItIsLookedAtAgain(t *testing.T) {
	bubble(t, func(t *testing.T, c *cluster, d *Deployer) {
		c.PrependWatchReactor("*", func(fakeapi.Action) (bool, watch.Interface, error) {
			return true, nil, apierrors.NewForbidden(corev1.Resource("pods"), "", errors.New("no watch"))
		})
		start := time.Now()
		require.NoError(t, d.Deploy(t.Context(), place(shop), image("v2")))
		require.Equal(t, relist, time.Since(start))
	})
}

func TestAWatchThatBreaksIsBegunAgain(t *testing.T) {
	bubble(t, func(t *testing.T, c *cluster, d *Deployer) {
		c.PrependWatchReactor("deployments", func(fakeapi.Action) (bool, watch.Interface, error) {
			w := watch.NewFake()
			time.AfterFunc(100*time.Millisecond, w.Stop)
			return true, w, nil
		})
		require.NoError(t, d.Deploy(t.Context(), place(shop), image("v2")))
	})
}

func TestAWatchTellsAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T, c *cluster, d *Deployer) {
		start := time.Now()
		require.NoError(t, d.Deploy(t.Context(), place(shop), image("v2")))
		require.Equal(t, time.Second+gather, time.Since(start))
	})
}

func TestWhatRecoversInTimeIsNoTrouble(t *testing.T) {
	tests := map[string]struct {
		status corev1.PodStatus
		after  time.Duration
	}{
		"registry hiccups": {waiting("ErrImagePull", "503 Service Unavailable"), 15 * time.Second},
		"first crash":      {firstCrash(), 25 * time.Second},
		"a node is added": {corev1.PodStatus{Conditions: []corev1.PodCondition{{
			Type: corev1.PodScheduled, Reason: corev1.PodReasonUnschedulable,
		}}}, 50 * time.Second},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, c *cluster, d *Deployer) {
				c.pods["v2"] = sickness{status: test.status}
				time.AfterFunc(test.after, c.recover)
				require.NoError(t, d.Deploy(t.Context(), place(shop), image("v2")))
			})
		})
	}
}

func firstCrash() corev1.PodStatus {
	s := crashing(corev1.ContainerStateTerminated{ExitCode: 1})
	s.ContainerStatuses[0].RestartCount = 1
	return s
}

func TestTheTimeout(t *testing.T) {
	bubble(t, func(t *testing.T, c *cluster, d *Deployer) {
		at := place(shop)
		at.Service.Deploy.Kubernetes.Timeout = 30 * time.Second
		why := explained(t, d.Deploy(t.Context(), at, image("never-ready")))
		require.Contains(t, why.Reason, "Deployment shop/shop does not serve after 30s (1 of 2 replicas updated, 2 available, 2 old still there): pod shop-7c9d5f6b4d-x7k2p runs, but the readiness probe")
		require.Equal(t, pipeline.FaultChange, why.Fault)
	})
}

func TestControllersThatDoNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, d := begin(t)
		at := place(shop)
		at.Service.Deploy.Kubernetes.Timeout = 30 * time.Second
		time.AfterFunc(time.Second+gather/2, func() { c.change(func(d *appsv1.Deployment) { d.Generation++ }) })
		why := explained(t, d.Deploy(t.Context(), at, image("v2")))
		require.Contains(t, why.Reason, "controllers have not taken the change up")
		require.Equal(t, pipeline.FaultEnvironment, why.Fault)
	})
}

func TestAQuota(t *testing.T) {
	bubble(t, func(t *testing.T, c *cluster, d *Deployer) {
		c.pods["v2"] = sickness{status: corev1.PodStatus{Phase: corev1.PodPending}}
		time.AfterFunc(2*time.Second, func() {
			c.change(func(d *appsv1.Deployment) {
				d.Status.Conditions = []appsv1.DeploymentCondition{{
					Type: appsv1.DeploymentReplicaFailure, Status: corev1.ConditionTrue, Message: "exceeded quota: compute",
				}}
			})
		})
		why := explained(t, d.Deploy(t.Context(), place(shop), image("v2")))
		require.Equal(t, "the cluster creates no more pods: exceeded quota: compute", why.Reason)
		require.Equal(t, pipeline.FaultEnvironment, why.Fault)
	})
}

func TestSomebodyElseMeddles(t *testing.T) {
	tests := map[string]struct {
		edit   func(*appsv1.Deployment)
		reason string
	}{
		"another image": {func(d *appsv1.Deployment) { d.Spec.Template.Spec.Containers[0].Image = image("v3") }, "somebody else set Deployment shop/shop to registry.test/shop:v3 while registry.test/shop:never-ready was rolled out"},
		"scaled to 0":   {func(d *appsv1.Deployment) { d.Spec.Replicas = new(int32(0)) }, "scaled to 0 replicas"},
		"paused":        {func(d *appsv1.Deployment) { d.Spec.Paused = true }, "is paused"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, c *cluster, d *Deployer) {
				time.AfterFunc(5*time.Second, func() { c.change(test.edit) })
				why := explained(t, d.Deploy(t.Context(), place(shop), image("never-ready")))
				require.Contains(t, why.Reason, test.reason)
				require.Equal(t, pipeline.FaultEnvironment, why.Fault)
				require.False(t, why.Untouched)
			})
		})
	}
}

func TestTheEndOfTheContextIsItsCause(t *testing.T) {
	lost := errors.New("the lease is lost")
	for _, after := range []time.Duration{0, 3 * time.Second} {
		bubble(t, func(t *testing.T, c *cluster, d *Deployer) {
			ctx, cancel := context.WithCancelCause(t.Context())
			stop := time.AfterFunc(after, func() { cancel(lost) })
			defer stop.Stop()
			synctest.Wait()
			require.Equal(t, lost, d.Deploy(ctx, place(shop), image("never-ready")))
		})
	}
}

func TestOldPodsThatServeAreLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, d := begin(t)
		set := clause{name: "set", set: true}
		create(t, c, set)
		require.NoError(t, d.Deploy(t.Context(), place(set), image("v1")))
		old := get(c.CoreV1().Pods(namespace).Get(t.Context(), "set-0", metav1.GetOptions{}))
		old.Name, old.UID = "set-1", "set-1"
		must(c.Tracker().Add(old))
		explained(t, d.Deploy(t.Context(), place(set), image("pull-error")))
		_, err := c.CoreV1().Pods(namespace).Get(t.Context(), "set-1", metav1.GetOptions{})
		require.NoError(t, err)
	})
}

func TestStatefulSetsThatKeepTheirPods(t *testing.T) {
	tests := map[string]appsv1.StatefulSetUpdateStrategy{
		"OnDelete":  {Type: appsv1.OnDeleteStatefulSetStrategyType},
		"partition": {RollingUpdate: &appsv1.RollingUpdateStatefulSetStrategy{Partition: new(int32(2))}},
	}
	for word, strategy := range tests {
		t.Run(word, func(t *testing.T) {
			c := newCluster()
			_, err := c.AppsV1().StatefulSets(namespace).Create(t.Context(), &appsv1.StatefulSet{
				ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "shop"},
				Spec: appsv1.StatefulSetSpec{UpdateStrategy: strategy, Template: corev1.PodTemplateSpec{
					Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: image("v1")}}},
				}},
			}, metav1.CreateOptions{})
			require.NoError(t, err)
			d := &Deployer{Connect: func(pipeline.KubernetesCluster) (client.Interface, error) { return c, nil }}
			why := explained(t, d.Deploy(t.Context(), place(clause{name: "shop", set: true}), image("v2")))
			require.Contains(t, why.Reason, word)
			require.True(t, why.Untouched)
		})
	}
}
