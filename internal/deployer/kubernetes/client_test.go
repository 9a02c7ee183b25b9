package kubernetes

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	client "k8s.io/client-go/kubernetes"

	"bellwether/pipeline"
)

const kubeconfig = `apiVersion: v1
kind: Config
clusters: [{name: load, cluster: {server: "https://127.0.0.1:1"}}]
contexts: [{name: load, context: {cluster: load}}]
current-context: load
`

func TestConnect(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config")
	require.NoError(t, os.WriteFile(path, []byte(kubeconfig), 0o600))
	_, err := Connect(pipeline.KubernetesCluster{Kubeconfig: path, Context: "load"})
	require.NoError(t, err)
	_, err = Connect(pipeline.KubernetesCluster{Kubeconfig: path, Context: "laod"})
	require.ErrorContains(t, err, "; did you mean load?")
	t.Setenv("KUBECONFIG", path)
	_, err = Connect(pipeline.KubernetesCluster{})
	require.NoError(t, err)

	at := place(shop)
	at.Environment.Kubernetes.Kubeconfig = path + ".gone"
	why := explained(t, (&Deployer{}).Deploy(t.Context(), at, image("v1")))
	require.Contains(t, why.Reason, "no such file")
	require.Equal(t, pipeline.FaultEnvironment, why.Fault)
	require.True(t, why.Untouched)
}

func TestAClusterThatIsNotTrusted(t *testing.T) {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	at := place(shop)
	at.Environment.Kubernetes.Kubeconfig = filepath.Join(t.TempDir(), "config")
	text := strings.Replace(kubeconfig, "https://127.0.0.1:1", server.URL, 1)
	require.NoError(t, os.WriteFile(at.Environment.Kubernetes.Kubeconfig, []byte(text), 0o600))
	why := explained(t, (&Deployer{}).Deploy(t.Context(), at, image("v1")))
	require.Contains(t, why.Reason, "the Kubernetes cluster load is not trusted: tls: failed to verify certificate")
	require.Equal(t, pipeline.FaultEnvironment, why.Fault)
}

func TestAClusterIsConnectedToOnce(t *testing.T) {
	bubble(t, func(t *testing.T, c *cluster, d *Deployer) {
		connect, calls := d.Connect, 0
		d.Connect = func(k pipeline.KubernetesCluster) (client.Interface, error) { calls++; return connect(k) }
		other := place(shop)
		other.Environment.Kubernetes.Namespace = "other"
		_, err := d.Running(t.Context(), place(shop))
		require.NoError(t, err)
		_, err = d.Running(t.Context(), other)
		require.ErrorContains(t, err, "there is no Deployment other/shop")
		require.Zero(t, calls)
		other.Environment.Kubernetes.Context = "live"
		_, _ = d.Running(t.Context(), other)
		require.Equal(t, 1, calls)
	})
}

func TestRenewedCredentialsAreRead(t *testing.T) {
	bubble(t, func(t *testing.T, c *cluster, d *Deployer) {
		connect, calls := d.Connect, 0
		d.Connect = func(k pipeline.KubernetesCluster) (client.Interface, error) { calls++; return connect(k) }
		at := place(shop)
		at.Environment.Kubernetes.Kubeconfig = filepath.Join(t.TempDir(), "config")
		for _, text := range []string{"", kubeconfig, kubeconfig, kubeconfig + "users: []\n"} {
			require.NoError(t, os.WriteFile(at.Environment.Kubernetes.Kubeconfig, []byte(text), 0o600))
			require.NoError(t, os.Chtimes(at.Environment.Kubernetes.Kubeconfig, time.Now(), time.Now()))
			_, err := d.Running(t.Context(), at)
			require.NoError(t, err)
		}
		require.Equal(t, 3, calls)
		require.NoError(t, os.Chtimes(at.Environment.Kubernetes.Kubeconfig, time.Now(), time.Now().Add(time.Second)))
		_, err := d.Running(t.Context(), at)
		require.NoError(t, err)
		require.Equal(t, 4, calls)
	})
}
