package ecs

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/stretchr/testify/require"

	"bellwether/internal/peers"
	"bellwether/pipeline"
)

const (
	first  = "registry.example/checkout:1.4.0"
	second = "registry.example/checkout:1.5.0@sha256:0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9"
	pinned = "registry.example/checkout@sha256:0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9"
	proxy  = "registry.example/envoy:1.30"
)

// definition has fields that nobody here knows, as task definitions do.
const definition = `{"family": "checkout", "cpu": "512", "memory": "1024", "networkMode": "awsvpc",
	"executionRoleArn": "arn:aws:iam::123456789012:role/execution", "requiresCompatibilities": ["FARGATE"],
	"ephemeralStorage": {"sizeInGiB": 21}, "runtimePlatform": {"cpuArchitecture": "ARM64", "operatingSystemFamily": "LINUX"},
	"volumes": [{"name": "scratch", "host": {}}],
	"containerDefinitions": [
		{"name": "app", "image": "registry.example/checkout:1.4.0", "essential": true, "cpu": 256,
		 "environment": [{"name": "LOG", "value": "info"}, {"name": "DATABASE", "value": "orders"}],
		 "secrets": [{"name": "PASSWORD", "valueFrom": "arn:aws:ssm:eu-west-1:123456789012:parameter/password"}],
		 "portMappings": [{"containerPort": 8080, "hostPort": 8080, "protocol": "tcp"}],
		 "ulimits": [{"name": "nofile", "softLimit": 1024, "hardLimit": 4096}]},
		{"name": "envoy", "image": "registry.example/envoy:1.30", "essential": true, "cpu": 128}],
	"tags": [{"key": "team", "value": "checkout"}, {"key": "tier", "value": "web"}, {"key": "aws:cloudformation:stack-name", "value": "shop"}]}`

// world is a cluster with the service checkout, and the deployer to try.
type world struct {
	*peers.ECSCluster
	deployer *Deployer
	at       pipeline.Placement
	on       func(action string) // before a request is sent; nil: nothing
}

func newWorld(t *testing.T, service peers.ECSService) *world {
	w := &world{ECSCluster: peers.ECS(t)}
	service.Name, service.TaskDefinition = "checkout", w.Register(definition)
	w.Create(service)
	w.deployer = &Deployer{
		Poll:   time.Millisecond,
		Redact: func(text string) string { return strings.ReplaceAll(text, "hunter2", "***") },
		Load: func(context.Context, string) (aws.Config, error) {
			settings := w.Config()
			settings.HTTPClient = w
			return settings, nil
		},
	}
	w.at = pipeline.Placement{
		Service:     pipeline.Service{Name: "checkout", Deploy: &pipeline.Deploy{ECS: &pipeline.ECSService{Service: "checkout", Container: "app", Timeout: time.Minute}}},
		Environment: pipeline.Environment{Name: "load", ECS: &pipeline.ECSCluster{Cluster: "load", Region: "eu-west-1"}},
	}
	return w
}

func (w *world) Do(r *http.Request) (*http.Response, error) {
	if w.on != nil {
		_, action, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		w.on(action)
	}
	return http.DefaultClient.Do(r)
}

func (w *world) deploy(t *testing.T, image string) error {
	return w.deployer.Deploy(t.Context(), w.at, image)
}

func (w *world) calls(action string) int {
	return len(slices.DeleteFunc(w.Calls(), func(a string) bool { return a != action }))
}

func (w *world) requireRuns(t *testing.T, image string) {
	t.Helper()
	running, err := w.deployer.Running(t.Context(), w.at)
	require.NoError(t, err)
	require.Equal(t, image, running)
}

func steady(desired int) peers.ECSService { return peers.ECSService{Desired: desired} }

func TestDeployRegistersARevisionThatDiffersInTheImage(t *testing.T) {
	w := newWorld(t, steady(2))
	w.requireRuns(t, first)
	require.NoError(t, w.deploy(t, second))
	w.requireRuns(t, pinned)

	revisions := w.Revisions("checkout")
	require.Len(t, revisions, 2)
	was, is := revisions[0], revisions[1]
	app := is["containerDefinitions"].([]any)[0].(map[string]any)
	require.Equal(t, pinned, app["image"])
	app["image"] = first
	slices.Reverse(app["environment"].([]any)) // the double turns it round with every registration
	for _, own := range []string{"revision", "taskDefinitionArn", "registeredAt"} {
		delete(was, own)
		delete(is, own)
	}
	require.Equal(t, was, is)
	require.Equal(t, []any{
		map[string]any{"key": "team", "value": "checkout"}, map[string]any{"key": "tier", "value": "web"},
	}, w.Tags("checkout:2"))
}

func TestDeployWaitsUntilTheOldTasksAreGone(t *testing.T) {
	w := newWorld(t, steady(2))
	w.at.Service.Deploy.ECS.Timeout = 0 // none
	require.NoError(t, w.deploy(t, second))
	require.Equal(t, 1, w.Deployments("checkout"))
}

func TestDeployChangesNothingWhereTheImageRuns(t *testing.T) {
	w := newWorld(t, steady(2))
	require.NoError(t, w.deploy(t, second))
	require.NoError(t, w.deploy(t, second))
	require.Equal(t, 1, w.calls("RegisterTaskDefinition"))
	require.Equal(t, 1, w.calls("UpdateService"))
}

func TestDeployReplacesTasksOfATagThatMayHaveMoved(t *testing.T) {
	w := newWorld(t, steady(2))
	for deployed := range 2 {
		require.NoError(t, w.deploy(t, first))
		require.Equal(t, deployed+1, w.calls("UpdateService"))
	}
	w.requireRuns(t, first)
	require.Len(t, w.Revisions("checkout"), 1)
}

func TestDeployRestoresWithTheRevisionThatRanBefore(t *testing.T) {
	w := newWorld(t, steady(2))
	w.Fate(pinned, crash)
	require.Error(t, w.deploy(t, second))
	require.NoError(t, w.deploy(t, first))
	w.requireRuns(t, first)
	require.Len(t, w.Revisions("checkout"), 2)
}

func TestDeployUsesNoRevisionThatDiffersInMore(t *testing.T) {
	w := newWorld(t, steady(2))
	w.Register(strings.Replace(strings.Replace(definition, first, pinned, 1), `"orders"`, `"replica"`, 1))
	w.Register(strings.Replace(strings.Replace(definition, first, pinned, 1), `"team", "value": "checkout"`, `"team", "value": "shop"`, 1))
	require.NoError(t, w.deploy(t, second))
	require.Len(t, w.Revisions("checkout"), 4)
}

func TestDeployAgainAfterACrashBetweenRegisterAndUpdate(t *testing.T) {
	w := newWorld(t, steady(2))
	ctx, crash := context.WithCancelCause(t.Context())
	w.on = func(action string) {
		if action == "UpdateService" {
			crash(errKilled)
		}
	}
	require.ErrorIs(t, w.deployer.Deploy(ctx, w.at, second), errKilled)
	require.Zero(t, w.calls("UpdateService"))

	w.on = nil
	require.NoError(t, w.deploy(t, second))
	w.requireRuns(t, pinned)
	require.Len(t, w.Revisions("checkout"), 2)
}

var errKilled = errors.New("killed")

func TestDeployAgainAfterACrashWhileWaiting(t *testing.T) {
	w := newWorld(t, steady(2))
	ctx, crash := context.WithCancelCause(t.Context())
	w.on = func(action string) {
		if action == "ListTasks" {
			crash(errKilled)
		}
	}
	require.ErrorIs(t, w.deployer.Deploy(ctx, w.at, second), errKilled)

	w.on = nil
	require.NoError(t, w.deploy(t, second))
	w.requireRuns(t, pinned)
	require.Equal(t, 1, w.calls("UpdateService"))
}

func TestDeployAgainForgetsTheTasksOfBefore(t *testing.T) {
	w := newWorld(t, steady(2))
	w.Fate(pinned, crash)
	ctx, crash := context.WithCancelCause(t.Context())
	w.on = func(action string) {
		if action == "ListTasks" {
			crash(errKilled)
		}
	}
	require.ErrorIs(t, w.deployer.Deploy(ctx, w.at, second), errKilled)

	w.on = nil
	w.Fate(pinned, peers.ECSFate{})
	require.NoError(t, w.deploy(t, second))
}

func TestDeployStartsAFailedDeploymentAgain(t *testing.T) {
	w := newWorld(t, peers.ECSService{Desired: 3, Breaker: true})
	w.Fate(pinned, crash)
	require.ErrorContains(t, w.deploy(t, second), "the deployment of checkout:2 failed")
	w.Fate(pinned, peers.ECSFate{})
	require.NoError(t, w.deploy(t, second))
	require.Len(t, w.Revisions("checkout"), 2)
}

func TestDeployOutlastsThrottling(t *testing.T) {
	for _, code := range []string{"ThrottlingException", "ServerException"} {
		w := newWorld(t, steady(2))
		for _, action := range []string{"DescribeServices", "RegisterTaskDefinition", "UpdateService"} {
			w.Refuse(action, 5, code, "Rate exceeded")
		}
		require.NoError(t, w.deploy(t, second))
		w.requireRuns(t, pinned)
	}
}

func TestDeployNeedsNoStoppedTasksToSucceed(t *testing.T) {
	w := newWorld(t, steady(2))
	w.Deny("ListTasks")
	require.NoError(t, w.deploy(t, second))
}

func TestDeployToleratesAnAnswerThatIsALittleOld(t *testing.T) {
	w := newWorld(t, steady(2))
	w.Stale("checkout", absent-1)
	require.NoError(t, w.deploy(t, second))
	w.requireRuns(t, pinned)
}

func TestDeploySucceedsAfterOneTaskThatStopped(t *testing.T) {
	w := newWorld(t, steady(1))
	w.Fate(pinned, crash)
	w.on = func(action string) {
		if action == "DescribeTasks" {
			w.Fate(pinned, peers.ECSFate{})
		}
	}
	require.NoError(t, w.deploy(t, second))
}

// somebody deploys another revision than Bellwether.
func (w *world) somebodyDeploys(t *testing.T, definition string) {
	_, err := awsecs.NewFromConfig(w.Config()).UpdateService(t.Context(), &awsecs.UpdateServiceInput{
		Cluster: aws.String("load"), Service: aws.String("checkout"), TaskDefinition: &definition,
	})
	require.NoError(t, err)
}
