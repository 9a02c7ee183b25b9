package kubernetes

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	client "k8s.io/client-go/kubernetes"
	fakeapi "k8s.io/client-go/testing"

	"bellwether/pipeline"
)

const digest = "@sha256:b5bb9d8014a0f9b1d61e21e796d78dccdf1352f23cd32812f4850b878ae4944c"

var shop = clause{name: "shop", limit: 60}

// begin is a cluster in which the shop's v1 serves, and its deployer.
func begin(t *testing.T) (*cluster, *Deployer) {
	c := newCluster()
	d := &Deployer{
		Log:     slog.New(slog.DiscardHandler),
		Connect: func(pipeline.KubernetesCluster) (client.Interface, error) { return c, nil },
	}
	create(t, c, shop)
	require.NoError(t, d.Deploy(t.Context(), place(shop), image("v1")))
	return c, d
}

func explained(t *testing.T, err error) pipeline.Explanation {
	t.Helper()
	broken, ok := errors.AsType[pipeline.StepError](err)
	require.True(t, ok, "%v", err)
	return broken.Explain()
}

func bubble(t *testing.T, test func(*testing.T, *cluster, *Deployer)) {
	synctest.Test(t, func(t *testing.T) {
		c, d := begin(t)
		c.ClearActions()
		test(t, c, d)
	})
}

func patches(c *cluster) (n int) {
	for _, action := range c.Actions() {
		if action.GetVerb() == "patch" {
			n++
		}
	}
	return n
}

func TestOnlyTheImageIsChanged(t *testing.T) {
	bubble(t, func(t *testing.T, c *cluster, d *Deployer) {
		require.NoError(t, d.Deploy(t.Context(), place(shop), image("v2")+digest))
		running, err := d.Running(t.Context(), place(shop))
		require.NoError(t, err)
		require.Equal(t, "registry.test/shop"+digest, running)
		now, err := c.AppsV1().Deployments(namespace).Get(t.Context(), "shop", metav1.GetOptions{})
		require.NoError(t, err)
		require.Equal(t, "/healthz", now.Spec.Template.Spec.Containers[0].ReadinessProbe.HTTPGet.Path)
		require.Equal(t, "bellwether: "+running, now.Annotations[cause])
		require.Equal(t, 1, patches(c))
	})
}

func TestWhatRunsAlreadyIsNotChanged(t *testing.T) {
	bubble(t, func(t *testing.T, c *cluster, d *Deployer) {
		for range 2 {
			require.NoError(t, d.Deploy(t.Context(), place(shop), image("v2")+digest))
		}
		require.Equal(t, 1, patches(c))
	})
}

func TestATagThatMayHaveMovedIsRolledOut(t *testing.T) {
	for _, set := range []bool{false, true} {
		bubble(t, func(t *testing.T, c *cluster, d *Deployer) {
			at := clause{name: "moved", set: set}
			create(t, c, at)
			for range 2 {
				require.NoError(t, d.Deploy(t.Context(), place(at), image("v1")))
			}
			require.Equal(t, 2, patches(c))
			var notes map[string]string
			if set {
				notes = get(c.AppsV1().StatefulSets(namespace).Get(t.Context(), "moved", metav1.GetOptions{})).Spec.Template.Annotations
			} else {
				notes = get(c.AppsV1().Deployments(namespace).Get(t.Context(), "moved", metav1.GetOptions{})).Spec.Template.Annotations
			}
			asked, err := time.Parse(time.RFC3339Nano, notes[rolled])
			require.NoError(t, err)
			require.WithinDuration(t, time.Now(), asked, 5*time.Second)
		})
	}
}

func TestARepeatedDeployIsNotUntouched(t *testing.T) {
	bubble(t, func(t *testing.T, c *cluster, d *Deployer) {
		first := explained(t, d.Deploy(t.Context(), place(shop), image("crash-loop")))
		again := explained(t, d.Deploy(t.Context(), place(shop), image("crash-loop")))
		require.Equal(t, first.Reason, again.Reason)
		require.False(t, again.Untouched)
		c.change(func(d *appsv1.Deployment) { d.Spec.Paused = true })
		require.False(t, explained(t, d.Deploy(t.Context(), place(shop), image("crash-loop"))).Untouched)
	})
}

func TestNoImage(t *testing.T) {
	bubble(t, func(t *testing.T, c *cluster, d *Deployer) {
		require.True(t, explained(t, d.Deploy(t.Context(), place(shop), "")).Untouched)
		require.Empty(t, c.Actions())
	})
}

func TestSicknesses(t *testing.T) {
	app := func(state corev1.ContainerState) corev1.PodStatus {
		return corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{Name: "app", Image: image("v2"), State: state}}}
	}
	waits := func(reason, message string) corev1.PodStatus {
		return app(corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}})
	}
	proxy := crashing(corev1.ContainerStateTerminated{ExitCode: 1})
	proxy.ContainerStatuses[0].Name = "proxy"
	both := crashing(corev1.ContainerStateTerminated{ExitCode: 1})
	both.ContainerStatuses = append(both.ContainerStatuses, corev1.ContainerStatus{Name: "proxy", State: waits("ErrImagePull", "").ContainerStatuses[0].State})
	beside := corev1.PodStatus{Phase: corev1.PodRunning, ContainerStatuses: []corev1.ContainerStatus{{Name: "app", Ready: true}, {Name: "proxy"}}}
	ended := crashing(corev1.ContainerStateTerminated{})
	ended.ContainerStatuses[0].State = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 2, Message: "no such flag"}}
	unscheduled := corev1.PodStatus{Conditions: []corev1.PodCondition{{
		Type: corev1.PodScheduled, Reason: corev1.PodReasonUnschedulable, Message: "0/3 nodes are available: 3 Insufficient cpu.",
	}}}
	tests := map[string]struct {
		status corev1.PodStatus
		reason string
		fault  pipeline.Fault
		after  time.Duration // at most
	}{
		"out of memory": {
			crashing(corev1.ContainerStateTerminated{ExitCode: 137, Reason: "OOMKilled"}),
			"took more memory than it may (OOMKilled, limit 256Mi); restarts: 2", pipeline.FaultChange, 2 * time.Second,
		},
		"two at once":       {both, "container app ended", pipeline.FaultChange, 2 * time.Second},
		"sidecar not ready": {beside, "container proxy is not ready", pipeline.FaultEnvironment, 75 * time.Second},
		"ends now":          {ended, "exit code 2: no such flag", pipeline.FaultChange, 2 * time.Second},
		"sidecar":           {proxy, "container proxy ended", pipeline.FaultEnvironment, 75 * time.Second},
		"no name":           {waits("InvalidImageName", "couldn't parse"), "for an image (InvalidImageName): couldn't parse", pipeline.FaultChange, 2 * time.Second},
		"no secret":         {waits("CreateContainerConfigError", `secret "db" not found`), `secret "db" not found`, pipeline.FaultEnvironment, 25 * time.Second},
		"root":              {waits("CreateContainerConfigError", "image will run as root"), "will run as root", pipeline.FaultChange, 25 * time.Second},
		"no program":        {waits("CreateContainerError", "no command specified"), "cannot start its container app", pipeline.FaultChange, 25 * time.Second},
		"registry down":     {waits("ErrImagePull", "dial tcp: i/o timeout"), "cannot pull", pipeline.FaultEnvironment, 25 * time.Second},
		"no room":           {unscheduled, "3 Insufficient cpu", pipeline.FaultEnvironment, 75 * time.Second},
		"evicted":           {corev1.PodStatus{Phase: corev1.PodFailed, Message: "low on memory"}, "was ended: low on memory", pipeline.FaultEnvironment, 75 * time.Second},
		"volume":            {waits("ContainerCreating", ""), "has not started", pipeline.FaultEnvironment, 75 * time.Second},
		"no probe, waits":   {corev1.PodStatus{Phase: corev1.PodRunning}, "runs, but is not ready", pipeline.FaultChange, 75 * time.Second},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, c *cluster, d *Deployer) {
				c.change(func(d *appsv1.Deployment) {
					d.Spec.Template.Spec.Containers[0].Resources.Limits = corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("256Mi")}
				})
				c.pods["v2"] = sickness{status: test.status}
				start := time.Now()
				why := explained(t, d.Deploy(t.Context(), place(shop), image("v2")))
				require.Contains(t, why.Reason, test.reason)
				require.Contains(t, why.Reason, "shop"+fresh)
				require.Equal(t, test.fault, why.Fault)
				require.LessOrEqual(t, time.Since(start), test.after)
			})
		})
	}
}

func TestOnlyItsOwnNewPodsCount(t *testing.T) {
	bubble(t, func(t *testing.T, c *cluster, d *Deployer) {
		sick := crashing(corev1.ContainerStateTerminated{ExitCode: 1})
		labels := map[string]string{"app": "shop"}
		for _, meta := range []metav1.ObjectMeta{
			{Name: "a-stranger", Labels: labels},
			{Name: "an-old-one", Labels: labels, OwnerReferences: owner("shop-1")},
			{Name: "an-ending-one", Labels: labels, OwnerReferences: owner("shop-2"), DeletionTimestamp: new(metav1.Now())},
		} {
			meta.Namespace = namespace
			must(c.Tracker().Add(&corev1.Pod{ObjectMeta: meta, Status: sick}))
		}
		why := explained(t, d.Deploy(t.Context(), place(shop), image("never-ready")))
		require.Contains(t, why.Reason, "pod shop"+fresh+" runs, but")
	})
}

func TestSecretsAreTakenOut(t *testing.T) {
	bubble(t, func(t *testing.T, c *cluster, d *Deployer) {
		c.log = strings.Repeat("noise\n", 30) + "login with hunter2 failed\n"
		c.pods["crash-loop"] = sickness{
			crashing(corev1.ContainerStateTerminated{ExitCode: 1, Message: "bad password\nhunter2\x1b[0m"}), "hunter2 was refused",
		}
		d.Redact = func(text string) string { return strings.ReplaceAll(text, "hunter2", "***") }
		why := explained(t, d.Deploy(t.Context(), place(shop), image("crash-loop")))
		require.Contains(t, why.Reason, "exit code 1: bad password ***; restarts: 2")
		require.Contains(t, why.Output, "noise\nlogin with *** failed\nFailed: *** was refused")
		require.Len(t, strings.Split(why.Output, "\n"), logLines+1)
	})
}

func TestTheLogIsTheOneOfTheCrash(t *testing.T) {
	bubble(t, func(t *testing.T, c *cluster, d *Deployer) {
		explained(t, d.Deploy(t.Context(), place(shop), image("crash-loop")))
		for _, action := range c.Actions() {
			if action.GetSubresource() == "log" {
				asked := action.(fakeapi.GenericAction).GetValue().(*corev1.PodLogOptions)
				require.Equal(t, "app", asked.Container)
				require.True(t, asked.Previous)
				return
			}
		}
		require.Fail(t, "nobody asked for the log")
	})
}
