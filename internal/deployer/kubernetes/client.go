package kubernetes

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	client "k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"bellwether/internal/suggest"
	"bellwether/pipeline"
)

const (
	attemptTimeout = 10 * time.Second // for one answer of the API
	persistence    = time.Minute      // how long an API that does not answer is asked again
)

// Connect makes the client of a cluster as kubectl would: from the cluster's kubeconfig, else from $KUBECONFIG or
// ~/.kube/config, else with the service account of the pod that this is. It does not ask the cluster anything.
func Connect(cluster pipeline.KubernetesCluster) (client.Interface, error) {
	loader := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules(cluster),
		&clientcmd.ConfigOverrides{CurrentContext: cluster.Context})
	config, err := loader.ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("%w%s", err, meant(cluster.Context, loader))
	}
	config.UserAgent = "bellwether"
	config.QPS, config.Burst = 20, 40
	config.WarningHandler = rest.NoWarnings{} // about deprecated fields of manifests that are not ours
	return client.NewForConfig(config)
}

// rules are where a cluster's kubeconfig is looked for.
func rules(cluster pipeline.KubernetesCluster) *clientcmd.ClientConfigLoadingRules {
	r := clientcmd.NewDefaultClientConfigLoadingRules()
	r.ExplicitPath = cluster.Kubeconfig
	return r
}

// edition is another text once a file that a cluster is connected with has changed: credentials are renewed there.
func edition(cluster pipeline.KubernetesCluster) (text string) {
	for _, path := range rules(cluster).GetLoadingPrecedence() {
		if file, err := os.Stat(path); err == nil {
			text += fmt.Sprintln(path, file.Size(), file.ModTime().UnixNano())
		}
	}
	return text
}

// meant lists the contexts that there are instead of one that there is not.
func meant(name string, loader clientcmd.ClientConfig) string {
	raw, err := loader.RawConfig()
	if err != nil || name == "" || raw.Contexts[name] != nil {
		return ""
	}
	return suggest.Hint(name, slices.Sorted(maps.Keys(raw.Contexts)))
}

// persist asks the API until it answers: for up to a minute, unless the answer is that it will not. The error is ctx's
// cause or the last one of ask.
func persist(ctx context.Context, ask func(context.Context) error) error {
	deadline := time.Now().Add(persistence)
	for pause := time.Second; ; pause = min(2*pause, attemptTimeout) {
		attempt, cancel := context.WithTimeout(ctx, attemptTimeout)
		err := ask(attempt)
		cancel()
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err == nil || !transient(err) || time.Now().Add(pause).After(deadline) {
			return err
		}
		if err := sleep(ctx, pause); err != nil {
			return err
		}
	}
}

func sleep(ctx context.Context, pause time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(pause):
		return nil
	}
}

// transient tells whether the same request may succeed in a moment.
func transient(err error) bool {
	if status, ok := errors.AsType[*apierrors.StatusError](err); ok {
		passing := []int32{http.StatusRequestTimeout, http.StatusConflict, http.StatusTooManyRequests}
		return status.ErrStatus.Code >= http.StatusInternalServerError || slices.Contains(passing, status.ErrStatus.Code)
	}
	return !distrusted(err)
}

// distrusted tells whether the two sides cannot agree on TLS.
func distrusted(err error) bool {
	_, certificate := errors.AsType[*tls.CertificateVerificationError](err)
	_, record := errors.AsType[tls.RecordHeaderError](err)
	_, alert := errors.AsType[tls.AlertError](err)
	return certificate || record || alert
}

// refused tells whether the API turned a request down, so that it certainly changed nothing.
func refused(err error) bool {
	status, ok := errors.AsType[*apierrors.StatusError](err)
	return ok && status.ErrStatus.Code >= 400 && !transient(err)
}

// unanswered is the trouble of a request that the API did not fulfil, or ctx's cause when that is why.
func (t *target) unanswered(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	why := &trouble{fault: pipeline.FaultEnvironment, err: err, next: t.kubectl("get --raw /readyz") + " shows whether the cluster is there"}
	status, answered := errors.AsType[*apierrors.StatusError](err)
	switch {
	case denied(err.Error()): // by an admission policy, which read what was to be changed: the image
		why.reason, why.fault = "the cluster's policy refuses the image: "+status.ErrStatus.Message, pipeline.FaultChange
		why.next = allowed
	case apierrors.IsForbidden(err):
		why.reason = "Bellwether may not do this in the cluster: " + status.ErrStatus.Message
		why.next = "give its account a Role with that permission in namespace " + t.cluster.Namespace
	case apierrors.IsUnauthorized(err):
		why.reason = "the cluster does not accept Bellwether's credentials: " + status.ErrStatus.Message
		why.next = "renew the credentials of " + t.where()
	case answered:
		why.reason = "the Kubernetes API failed: " + status.ErrStatus.Message
	case distrusted(err):
		why.reason = t.where() + " is not trusted: " + plain(err)
		why.next = "look at certificate-authority of the kubeconfig"
	default:
		why.reason = "cannot reach " + t.where() + ": " + plain(err)
	}
	return why
}

const allowed = "use an image that the policy allows"

// denied tells whether an admission policy said so.
func denied(said string) bool {
	return strings.Contains(said, "denied the request") || // a webhook
		strings.Contains(said, "denied request") // a ValidatingAdmissionPolicy
}

// plain is the error without the address that was asked, which only repeats what is known.
func plain(err error) string {
	if asked, ok := errors.AsType[*url.Error](err); ok {
		err = asked.Err
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return "no answer within " + attemptTimeout.String()
	}
	return err.Error()
}
