package ecs

import (
	"context"
	"encoding/pem"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/stretchr/testify/require"

	"bellwether/internal/peers"
	"bellwether/pipeline"
)

func TestClientTrustsTheBundleThatAWSToolsDo(t *testing.T) {
	cluster := peers.ECS(t)
	cluster.Create(peers.ECSService{Name: "checkout", TaskDefinition: cluster.Register(definition), Desired: 1})
	server := httptest.NewTLSServer(cluster)
	defer server.Close()
	bundle := filepath.Join(t.TempDir(), "ca.pem")
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	require.NoError(t, os.WriteFile(bundle, certificate, 0o600))
	t.Setenv("AWS_CA_BUNDLE", bundle)
	t.Setenv("AWS_ACCESS_KEY_ID", cluster.AccessKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", cluster.SecretKey)
	t.Setenv("AWS_REGION", "us-east-1")
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(t.TempDir(), "none"))

	at := pipeline.Placement{
		Service:     pipeline.Service{Deploy: &pipeline.Deploy{ECS: &pipeline.ECSService{Service: "checkout", Container: "app"}}},
		Environment: pipeline.Environment{ECS: &pipeline.ECSCluster{Cluster: "load", Region: "eu-west-1", Endpoint: server.URL}},
	}
	running, err := new(Deployer).Running(t.Context(), at)
	require.NoError(t, err)
	require.Equal(t, first, running)
}

func TestClientIsMadeOnce(t *testing.T) {
	w := newWorld(t, steady(1))
	load, loads := w.deployer.Load, 0
	w.deployer.Load = func(ctx context.Context, region string) (aws.Config, error) {
		loads++
		return load(ctx, region)
	}
	w.requireRuns(t, first)
	w.requireRuns(t, first)
	require.Equal(t, 1, loads)
	w.at.Environment.ECS.Endpoint = w.URL
	w.requireRuns(t, first)
	require.Equal(t, 2, loads)
}
