//go:build long

package app

import (
	"context"
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/stretchr/testify/require"

	"bellwether/internal/deployer/ecs"
	"bellwether/internal/intake"
	"bellwether/internal/peers"
	"bellwether/pipeline"
)

const image = "registry.example/checkout:"

// runsOnECS has the site deploy to a cluster at an address, where checkout 1.0.0 runs.
func (s *site) runsOnECS(t *testing.T, address string) *peers.ECSCluster {
	t.Helper()
	cluster := peers.ECS(t)
	definition := cluster.Register(`{"family": "checkout", "containerDefinitions": [{"name": "app", "image": "` + image + `1.0.0"}]}`)
	cluster.Create(peers.ECSService{Name: "checkout", TaskDefinition: definition, Desired: 1})
	if address == "" {
		address = cluster.URL
	}
	s.env = append(s.env, "AWS_ACCESS_KEY_ID="+cluster.AccessKey, "AWS_SECRET_ACCESS_KEY="+cluster.SecretKey)
	s.looksAfter(t, fmt.Sprintf("ecs: {cluster: load, region: eu-west-1, endpoint: %q}, ", address),
		`{command: {run: [./deploy.sh, "{{.Version}}"], timeout: 1m}}`, "{ecs: {service: checkout, container: app}}",
		"    tags: [service:checkout]\n    deploy", "    tags: [service:checkout]\n    image: registry.example/checkout\n    deploy")
	return cluster
}

// deploys a version and returns how its run ended.
func (s *site) deploys(t *testing.T, version string) intake.RunStatus {
	t.Helper()
	return s.ended(t, s.submit(t, version, "--image", image+version))
}

// requireRuns: the cluster has it so, not only Bellwether's notes.
func requireRuns(t *testing.T, cluster *peers.ECSCluster, version string, revisions int) {
	t.Helper()
	require.Len(t, cluster.Revisions("checkout"), revisions)
	require.Equal(t, 1, cluster.Deployments("checkout"), "the service is steady")
	deployer := &ecs.Deployer{Load: func(context.Context, string) (aws.Config, error) { return cluster.Config(), nil }}
	running, err := deployer.Running(t.Context(), pipeline.Placement{
		Service:     pipeline.Service{Deploy: &pipeline.Deploy{ECS: &pipeline.ECSService{Service: "checkout"}}},
		Environment: pipeline.Environment{ECS: &pipeline.ECSCluster{Cluster: cluster.Name, Region: cluster.Region}},
	})
	require.NoError(t, err)
	require.Equal(t, image+version, running)
}

// A good image serves. A broken one is taken back, and its owner is told why and what to do.
func TestLongECS(t *testing.T) {
	t.Parallel()
	s := newWebSite(t)
	cluster := s.runsOnECS(t, "")
	s.serve(t)
	require.NotContains(t, []pipeline.Verdict{pipeline.Failed, ""}, s.deploys(t, "1.1.0").Verdict)
	requireRuns(t, cluster, "1.1.0", 2)

	cluster.Fate(image+"1.2.0", peers.ECSFate{
		StopCode: "EssentialContainerExited", StoppedReason: "Essential container in task exited", ExitCode: 137,
		Reason: "OutOfMemoryError: Container killed due to memory usage",
	})
	broken := s.deploys(t, "1.2.0")
	require.Equal(t, pipeline.Failed, broken.Verdict)
	s.quiet(t)
	root := s.root(t, broken)
	for _, said := range []string{"the deploy failed", "2 tasks of checkout:3 stopped", "OutOfMemoryError", "Next step", "restored 1.1.0"} {
		require.Contains(t, root.Text, said)
	}
	requireRuns(t, cluster, "1.1.0", 3)
	require.Empty(t, s.notes(t, "infra"), "it is no fault of the environment's")
}

// A cluster that cannot be reached says nothing about an image: those who look after the environment are told.
func TestLongECSUnreachable(t *testing.T) {
	t.Parallel()
	s := newWebSite(t)
	nowhere, err := freePort("127.0.0.1:0")
	require.NoError(t, err)
	cluster := s.runsOnECS(t, "http://"+nowhere)
	s.serve(t)
	end := s.deploys(t, "1.1.0")
	require.Equal(t, pipeline.Invalid, end.Verdict)
	s.quiet(t)
	root, told := s.root(t, end), s.notes(t, "infra")
	require.Contains(t, root.Text, "load was not ready before anything was changed")
	require.NotEmpty(t, told)
	require.Contains(t, told[0].Text, "load could not take checkout 1.1.0")
	require.Contains(t, told[0].Text, "Next step")
	require.Empty(t, cluster.Calls())
}
