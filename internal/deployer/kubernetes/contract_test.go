package kubernetes

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/intstr"
	client "k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/rest"
	fakeapi "k8s.io/client-go/testing"
	"k8s.io/client-go/tools/clientcmd"

	"bellwether/pipeline"
)

var update = flag.Bool("update", false, "renew the golden files")

const namespace = "shop"

// clause is what a cluster and the deployer do when a tag is deployed over v1. What the team reads then is in the golden
// of its name; when nothing is to be said the image serves.
type clause struct {
	name  string // of the workload
	set   bool   // it is a StatefulSet
	tag   string
	quiet bool
	limit int32                        // seconds without progress; 0: 600
	spoil func(*appsv1.DeploymentSpec) // what is the matter with the workload from the beginning
	asks  string                       // for another workload
	as    account
}

// account is with whose eyes the cluster is seen.
type account string

const (
	nobody  account = "nobody"  // without any permission
	outside account = "outside" // where the cluster cannot be reached
)

var contract = []clause{
	{name: "good", tag: "v2", quiet: true},
	{name: "same", tag: "v1", quiet: true},
	{name: "goodset", set: true, tag: "v2", quiet: true},
	{name: "bad-image", tag: "pull-error"},
	{name: "stuck", tag: "never-ready", limit: 5},
	{name: "crashing", tag: "crash-loop"},
	{name: "badset", set: true, tag: "pull-error"},
	{name: "paused", tag: "v2", spoil: func(s *appsv1.DeploymentSpec) { s.Paused = true }},
	{name: "none", tag: "v2", spoil: func(s *appsv1.DeploymentSpec) { s.Replicas = new(int32(0)) }},
	{name: "two", tag: "v2", spoil: func(s *appsv1.DeploymentSpec) {
		s.Template.Spec.Containers = append(s.Template.Spec.Containers, corev1.Container{Name: "proxy", Image: "registry.test/proxy:1"})
	}},
	{name: "missing", asks: "mising", tag: "v2"},
	{name: "forbidden", as: nobody, tag: "v2"},
	{name: "unreachable", as: outside, tag: "v2"},
}

// world is a cluster and how accounts get into it.
type world struct {
	api     client.Interface // as its administrator
	connect map[account]func(pipeline.KubernetesCluster) (client.Interface, error)
	golden  func(t *testing.T, name, said string)
}

func TestContractWithTheFake(t *testing.T) {
	for _, c := range contract {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { keep(t, fakeWorld(), c) })
		})
	}
}

func TestContractWithARealControlPlane(t *testing.T) {
	path := os.Getenv("BELLWETHER_TEST_KUBECONFIG")
	if path == "" {
		t.Skip("BELLWETHER_TEST_KUBECONFIG is not set; make test-kubernetes sets it")
	}
	w := realWorld(t, path)
	for _, c := range contract {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			keep(t, w, c)
		})
	}
}

// keep holds a world to the clause.
func keep(t *testing.T, w world, c clause) {
	ctx := t.Context()
	create(t, w.api, c)
	admin := &Deployer{Log: slog.New(slog.DiscardHandler), Connect: w.connect[""]}
	at := place(c)
	if c.spoil == nil {
		require.NoError(t, admin.Deploy(ctx, place(clause{name: c.name, set: c.set}), image("v1")))
	}
	subject := &Deployer{Log: admin.Log, Connect: w.connect[c.as]}
	err := subject.Deploy(ctx, at, image(c.tag))
	if c.quiet {
		require.NoError(t, err)
		requireRunning(t, admin, at, c.tag)
		return
	}
	broken, ok := errors.AsType[pipeline.StepError](err)
	require.True(t, ok, "%v", err)
	w.golden(t, c.name, render(broken.Explain()))
	at.Service.Deploy.Kubernetes.Name, at.Service.Deploy.Kubernetes.Container = c.name, "app"
	if broken.Explain().Untouched {
		requireRunning(t, admin, at, "v1")
		return
	}
	requireRunning(t, admin, at, c.tag)
	require.NoError(t, admin.Deploy(ctx, at, image("v1")), "restore")
	requireRunning(t, admin, at, "v1")
}

func requireRunning(t *testing.T, d *Deployer, at pipeline.Placement, tag string) {
	t.Helper()
	running, err := d.Running(t.Context(), at)
	require.NoError(t, err)
	require.Equal(t, image(tag), running)
}

func image(tag string) string { return "registry.test/shop:" + tag }

func place(c clause) pipeline.Placement {
	kind := "Deployment"
	if c.set {
		kind = statefulSet
	}
	return pipeline.Placement{
		Service: pipeline.Service{Name: "shop", Deploy: &pipeline.Deploy{Kubernetes: &pipeline.KubernetesWorkload{
			Kind: kind, Name: cmp.Or(c.asks, c.name), Timeout: 2 * time.Minute,
		}}},
		Environment: pipeline.Environment{Name: "load", Kubernetes: &pipeline.KubernetesCluster{Context: "load", Namespace: namespace}},
	}
}

// create makes the clause's workload at v1.
func create(t *testing.T, api client.Interface, c clause) {
	labels := map[string]string{"app": c.name}
	meta := metav1.ObjectMeta{Namespace: namespace, Name: c.name}
	spec := appsv1.DeploymentSpec{
		Replicas: new(int32(2)), ProgressDeadlineSeconds: new(cmp.Or(c.limit, 600)),
		Selector: &metav1.LabelSelector{MatchLabels: labels},
		Template: corev1.PodTemplateSpec{
			ObjectMeta: metav1.ObjectMeta{Labels: labels},
			Spec: corev1.PodSpec{Containers: []corev1.Container{{
				Name: "app", Image: image("v1"),
				ReadinessProbe: &corev1.Probe{ProbeHandler: corev1.ProbeHandler{
					HTTPGet: &corev1.HTTPGetAction{Path: "/healthz", Port: intstr.FromInt32(8080)},
				}},
			}}},
		},
	}
	if c.spoil != nil {
		c.spoil(&spec)
	}
	var err error
	if c.set {
		_, err = api.AppsV1().StatefulSets(namespace).Create(t.Context(), &appsv1.StatefulSet{ObjectMeta: meta, Spec: appsv1.StatefulSetSpec{
			Replicas: new(int32(1)), Selector: spec.Selector, Template: spec.Template,
		}}, metav1.CreateOptions{})
	} else {
		_, err = api.AppsV1().Deployments(namespace).Create(t.Context(), &appsv1.Deployment{ObjectMeta: meta, Spec: spec}, metav1.CreateOptions{})
	}
	require.NoError(t, err)
}

// render is an explanation as a text; what was printed comes last.
func render(e pipeline.Explanation) string {
	return fmt.Sprintf("reason: %s\nfault: %s\nuntouched: %t\nnext: %s\noutput:\n%s\n",
		e.Reason, cmp.Or(e.Fault, "change"), e.Untouched, e.Next, e.Output)
}

func golden(t *testing.T, name string) string {
	want, err := os.ReadFile(filepath.Join("testdata", name+".txt"))
	require.NoError(t, err)
	return string(want)
}

func fakeWorld() world {
	c := newCluster()
	c.log = "\x1b[31mpanic: no database\x1b[0m\ngoroutine 1 [running]\n"
	failing := func(err error) func(pipeline.KubernetesCluster) (client.Interface, error) {
		broken := fake.NewClientset()
		broken.PrependReactor("*", "*", func(fakeapi.Action) (bool, runtime.Object, error) { return true, nil, err })
		return func(pipeline.KubernetesCluster) (client.Interface, error) { return broken, nil }
	}
	return world{
		api: c,
		connect: map[account]func(pipeline.KubernetesCluster) (client.Interface, error){
			"": func(pipeline.KubernetesCluster) (client.Interface, error) { return c, nil },
			nobody: failing(apierrors.NewForbidden(schema.GroupResource{Group: "apps", Resource: "deployments"}, "forbidden",
				errors.New(`User "nobody" cannot get resource "deployments" in API group "apps" in the namespace "shop"`))),
			outside: failing(&url.Error{Op: "Get", URL: "https://127.0.0.1:1/apis/apps/v1", Err: &net.OpError{
				Op: "dial", Net: "tcp", Addr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1},
				Err: os.NewSyscallError("connect", syscall.ECONNREFUSED),
			}}),
		},
		golden: func(t *testing.T, name, said string) {
			if *update {
				require.NoError(t, os.WriteFile(filepath.Join("testdata", name+".txt"), []byte(said), 0o644))
			}
			require.Equal(t, golden(t, name), said)
		},
	}
}

// podName is the end of the name of a Deployment's pod: hash and suffix.
var podName = regexp.MustCompile(`-[bcdfghjklmnpqrstvwxz2456789]{5,10}-[bcdfghjklmnpqrstvwxz2456789]{5}\b`)

func realWorld(t *testing.T, kubeconfig string) world {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	require.NoError(t, err)
	as := func(change func(*rest.Config)) func(pipeline.KubernetesCluster) (client.Interface, error) {
		return func(pipeline.KubernetesCluster) (client.Interface, error) {
			config := rest.CopyConfig(config)
			change(config)
			return client.NewForConfig(config)
		}
	}
	admin, err := Connect(pipeline.KubernetesCluster{Kubeconfig: kubeconfig, Context: "load"})
	require.NoError(t, err)
	_, err = admin.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}, metav1.CreateOptions{})
	require.NoError(t, err)
	allow(t, admin)
	t.Cleanup(func() {
		require.NoError(t, admin.CoreV1().Namespaces().Delete(context.Background(), namespace, metav1.DeleteOptions{}))
	})
	return world{
		api: admin,
		connect: map[account]func(pipeline.KubernetesCluster) (client.Interface, error){
			"":      as(func(c *rest.Config) { c.Impersonate.UserName = "bellwether" }),
			nobody:  as(func(c *rest.Config) { c.Impersonate.UserName = "nobody" }),
			outside: as(func(c *rest.Config) { c.Host = "https://127.0.0.1:1" }),
		},
		golden: func(t *testing.T, name, said string) {
			want, _, _ := strings.Cut(golden(t, name), "output:") // kwok's pods print nothing
			got, _, _ := strings.Cut(said, "output:")
			require.Equal(t, want, podName.ReplaceAllString(got, fresh))
		},
	}
}

// allow gives the user bellwether what the package's documentation asks for, and nothing else.
func allow(t *testing.T, admin client.Interface) {
	meta := metav1.ObjectMeta{Name: "bellwether"}
	_, err := admin.RbacV1().Roles(namespace).Create(t.Context(), &rbacv1.Role{ObjectMeta: meta, Rules: []rbacv1.PolicyRule{
		{APIGroups: []string{"apps"}, Resources: []string{"deployments", "statefulsets"}, Verbs: []string{"get", "list", "watch", "patch"}},
		{APIGroups: []string{"apps"}, Resources: []string{"replicasets"}, Verbs: []string{"list"}},
		{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"list", "watch", "delete"}},
		{APIGroups: []string{""}, Resources: []string{"pods/log"}, Verbs: []string{"get"}},
		{APIGroups: []string{""}, Resources: []string{"events"}, Verbs: []string{"list"}},
	}}, metav1.CreateOptions{})
	require.NoError(t, err)
	_, err = admin.RbacV1().RoleBindings(namespace).Create(t.Context(), &rbacv1.RoleBinding{
		ObjectMeta: meta,
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: meta.Name},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: "bellwether"}},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
}
