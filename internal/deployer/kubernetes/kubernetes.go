// Package kubernetes brings images into Kubernetes clusters for pipeline: it changes the image of one container of a
// Deployment or StatefulSet and waits until nothing but that image serves. When a rollout cannot succeed it does not
// wait for the timeout, but tells the team which pod is stuck, why, and what its container and the cluster said last.
//
// Its role in the environment's namespace needs: get, list, watch, patch of deployments and statefulsets (apps); list of
// replicasets (apps); list, watch, delete of pods; get of pods/log; list of events.
package kubernetes

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	client "k8s.io/client-go/kubernetes"

	"bellwether/internal/deployer"
	"bellwether/pipeline"
)

var _ pipeline.Deployer = (*Deployer)(nil)

// Deployer deploys services whose catalog entry names a Kubernetes workload.
type Deployer struct {
	Log    *slog.Logger
	Redact func(string) string // takes secrets out of a text; nil when there are none

	// Connect makes the client of a cluster; nil means Connect of this package. Each cluster is connected to once, and
	// again after its kubeconfig has changed.
	Connect func(pipeline.KubernetesCluster) (client.Interface, error)

	mu      sync.Mutex
	clients map[pipeline.KubernetesCluster]connection
}

// connection is a client and the edition of the kubeconfig that it was made with.
type connection struct {
	api     client.Interface
	edition string
}

// Running is the image in the workload's template: what its pods have, or are about to have. An error that is not ctx's
// is a *Failure.
func (d *Deployer) Running(ctx context.Context, at pipeline.Placement) (string, error) {
	t, err := d.target(at)
	if err != nil {
		return "", d.failure(at, err, true)
	}
	now, err := t.look(ctx)
	if err != nil {
		return "", d.failure(at, err, true)
	}
	return now.image, nil
}

// Deploy sets the image, by digest where it names one, and returns once every replica of the workload has it and is
// available. Where the workload has an image without a digest already its pods are replaced: the tag may have been moved
// since they pulled it. Nodes that have pulled the tag before look at it again only with imagePullPolicy: Always.
// An error that is not ctx's cause is a *Failure.
func (d *Deployer) Deploy(ctx context.Context, at pipeline.Placement, image string) error {
	untouched, err := d.deploy(ctx, at, pipeline.Pinned(image))
	if err != nil {
		return d.failure(at, err, untouched)
	}
	return nil
}

// deploy also tells whether the workload is certainly as it was before. It is not certain when the image was there
// already: a replica of Bellwether that is no more may have set it.
func (d *Deployer) deploy(ctx context.Context, at pipeline.Placement, image string) (untouched bool, err error) {
	if image == "" {
		return true, &trouble{reason: "there is no image to deploy"}
	}
	t, err := d.target(at)
	if err != nil {
		return true, err
	}
	now, err := t.look(ctx)
	if err != nil {
		return true, err
	}
	if err := t.hindrance(now); err != nil {
		return now.image != image, err
	}
	if was := now; was.image != image || deployer.Movable(image) {
		d.Log.Info("an image is rolled out", "workload", t.String(), "from", was.image, "to", image)
		if now, err = t.set(ctx, was, image); err != nil {
			return was.image != image && refused(err), err
		}
	}
	r := rollout{
		target: t, image: now.image, selector: metav1.FormatLabelSelector(now.selector), began: time.Now(), memory: newMemory(),
	}
	return false, r.follow(ctx)
}

// target is the workload of a placement, in a cluster that was connected to before or is now.
func (d *Deployer) target(at pipeline.Placement) (*target, error) {
	cluster, workload := at.Environment.Kubernetes, at.Service.Deploy.Kubernetes
	if cluster == nil {
		return nil, &trouble{
			reason: fmt.Sprintf("environment %s has no Kubernetes cluster", at.Environment.Name),
			next:   "name it in the catalog: kubernetes: {context: load, namespace: shop}",
			fault:  pipeline.FaultEnvironment,
		}
	}
	api, err := d.client(*cluster)
	if err != nil {
		return nil, err
	}
	return &target{api: api, cluster: *cluster, workload: *workload}, nil
}

func (d *Deployer) client(cluster pipeline.KubernetesCluster) (client.Interface, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	cluster.Namespace = "" // one client is enough for all of a cluster's namespaces
	read := edition(cluster)
	if had, ok := d.clients[cluster]; ok && had.edition == read {
		return had.api, nil
	}
	connect := d.Connect
	if connect == nil {
		connect = Connect
	}
	api, err := connect(cluster)
	if err != nil {
		return nil, &trouble{
			reason: "the Kubernetes cluster cannot be connected to: " + err.Error(),
			next:   "look at the environment's kubernetes.kubeconfig and kubernetes.context in the catalog; kubectl config get-contexts lists what there is",
			fault:  pipeline.FaultEnvironment, err: err,
		}
	}
	if d.clients == nil {
		d.clients = map[pipeline.KubernetesCluster]connection{}
	}
	d.clients[cluster] = connection{api, read}
	return api, nil
}
