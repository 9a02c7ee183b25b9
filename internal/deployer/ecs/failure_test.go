package ecs

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/stretchr/testify/require"

	"bellwether/internal/peers"
	"bellwether/pipeline"
)

var update = flag.Bool("update", false, "write the golden files anew")

var crash = peers.ECSFate{StopCode: "EssentialContainerExited", StoppedReason: "Essential container in task exited", ExitCode: 1}

func failsToStart(reason string) peers.ECSFate {
	return peers.ECSFate{StopCode: "TaskFailedToStart", StoppedReason: "Task failed to start", Reason: reason}
}

// failures have a golden file each with what people read.
var failures = map[string]struct {
	service peers.ECSService // desired: 2
	fate    peers.ECSFate
	image   string // second
	arrange func(w *world)
}{
	"bad image": {fate: failsToStart("CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref " + pinned + ": not found")},
	"crash":     {fate: crash},
	"secret": {fate: peers.ECSFate{
		StopCode: "EssentialContainerExited", ExitCode: 2, Reason: "panic: dial postgres://app:hunter2@orders:\n\tno such table",
	}},
	"out of memory": {fate: peers.ECSFate{
		StopCode: "EssentialContainerExited", StoppedReason: "OutOfMemoryError: container killed", ExitCode: 137,
		Reason: "OutOfMemoryError: Container killed due to memory usage",
	}},
	"unhealthy": {fate: peers.ECSFate{
		StopCode:      "ServiceSchedulerInitiated",
		StoppedReason: "Task failed ELB health checks in (target-group arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/checkout/0abc)",
	}},
	"registry unreachable": {fate: failsToStart("CannotPullContainerError: failed to resolve ref " + pinned + ": dial tcp 10.0.0.7:443: i/o timeout")},
	"secrets unreadable": {fate: peers.ECSFate{
		StopCode:      "TaskFailedToStart",
		StoppedReason: "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed",
	}},
	"rolled back": {service: peers.ECSService{Desired: 3, Breaker: true, Rollback: true}, fate: crash},
	"rolled back, tasks unreadable": {
		service: peers.ECSService{Desired: 3, Breaker: true, Rollback: true}, fate: crash,
		arrange: func(w *world) { w.Deny("ListTasks") },
	},
	"failed":         {service: peers.ECSService{Desired: 3, Breaker: true}, fate: crash},
	"no room":        {fate: noRoom, arrange: soon},
	"slow":           {fate: peers.ECSFate{Pending: true}, arrange: soon},
	"one by one":     {service: steady(1), fate: crash},
	"sidecar":        {arrange: func(w *world) { w.Fate(proxy, crash) }},
	"throttled":      {arrange: func(w *world) { w.Refuse("DescribeServices", 1000, "ThrottlingException", "Rate exceeded") }},
	"update unknown": {arrange: func(w *world) { w.Refuse("UpdateService", 1000, "ServerException", "Service Unavailable") }},
	"may not update": {arrange: func(w *world) { w.Deny("UpdateService") }},
	"may not pass a role": {arrange: func(w *world) {
		w.Refuse("RegisterTaskDefinition", 1, "AccessDeniedException", "User: arn:aws:sts::123456789012:assumed-role/bellwether/i-0abc is not "+
			"authorized to perform: iam:PassRole on resource: arn:aws:iam::123456789012:role/execution")
	}},
	"expired": {arrange: func(w *world) {
		w.Refuse("DescribeServices", 1, "ExpiredTokenException", "The security token included in the request is expired\nx-amz-security-token:s3cret")
	}},
	"unreachable":         {arrange: func(w *world) { w.at.Environment.ECS.Endpoint = "http://127.0.0.1:1" }},
	"settings unreadable": {arrange: func(w *world) { w.deployer.Load = unreadable }},
	"no such service":     {arrange: func(w *world) { w.at.Service.Deploy.ECS.Service = "chekout" }},
	"service not listed":  {arrange: func(w *world) { w.Deny("ListServices"); w.at.Service.Deploy.ECS.Service = "chekout" }},
	"service deleted":     {arrange: func(w *world) { w.Delete("checkout") }},
	"no such cluster":     {arrange: func(w *world) { w.at.Environment.ECS.Cluster = "lod" }},
	"no cluster":          {arrange: func(w *world) { w.at.Environment.ECS = nil }},
	"no such container":   {arrange: func(w *world) { w.at.Service.Deploy.ECS.Container = "ap" }},
	"which container":     {arrange: func(w *world) { w.at.Service.Deploy.ECS.Container = "" }},
	"CodeDeploy":          {service: peers.ECSService{Desired: 2, Controller: "CODE_DEPLOY"}},
	"scaled to none":      {service: peers.ECSService{Desired: -1}},
	"no name of an image": {image: "registry.example/{{checkout}}"},
}

var noRoom = peers.ECSFate{Event: "was unable to place a task because no container instance met all of its requirements. The closest matching " +
	"(container-instance 0c1d2e3f) has insufficient memory available."}

func soon(w *world) { w.at.Service.Deploy.ECS.Timeout = 100 * time.Millisecond }

func unreadable(context.Context, string) (aws.Config, error) {
	return aws.Config{}, errors.New("failed to get shared config profile, load")
}

func TestDeploySaysWhyItFailed(t *testing.T) {
	for name, test := range failures {
		t.Run(name, func(t *testing.T) {
			test.service.Desired = max(0, cmp.Or(test.service.Desired, 2))
			w := newWorld(t, test.service)
			w.Fate(pinned, test.fate)
			if test.arrange != nil {
				test.arrange(w)
			}
			requireGolden(t, name, w.deploy(t, cmp.Or(test.image, second)))
			for _, action := range w.Calls() {
				require.Contains(t, Actions, "ecs:"+action)
			}
		})
	}
}

func TestDeploySaysThatSomebodyElseDeploys(t *testing.T) {
	w := newWorld(t, steady(2))
	w.Fate(pinned, peers.ECSFate{Pending: true})
	other := w.Register(strings.Replace(definition, first, "registry.example/checkout:1.4.1", 1))
	w.on = func(action string) {
		if action == "ListTasks" {
			w.on = nil
			w.somebodyDeploys(t, other)
		}
	}
	requireGolden(t, "somebody else deploys", w.deploy(t, second))
}

func TestRunningSaysWhyItIsNotKnown(t *testing.T) {
	w := newWorld(t, steady(2))
	w.at.Service.Deploy.ECS.Service = "chekout"
	_, err := w.deployer.Running(t.Context(), w.at)
	requireGolden(t, "no such service", err)
}

func TestExplanationKeepsToItsOwnDeployment(t *testing.T) {
	w := newWorld(t, steady(2))
	w.Fate(pinned, crash)
	require.ErrorContains(t, w.deploy(t, second), "2 tasks of checkout:2 stopped")
	w.Fate(first, peers.ECSFate{Pending: true})
	soon(w)
	err := w.deploy(t, first)
	require.EqualError(t, err, "checkout:1 was not steady after 100ms: 0 of 2 tasks run, 2 pending")
}

func TestFallsAreTasksOfTheDeploymentThatBroke(t *testing.T) {
	since := time.Date(2026, 3, 2, 15, 4, 0, 0, time.UTC)
	w := watch{target: &target{container: "app", redact: strings.ToLower}, id: "ecs-svc/2", since: since}
	broken := types.Task{
		TaskArn: aws.String("arn:aws:ecs:eu-west-1:123456789012:task/load/0a1b"), StartedBy: &w.id, StoppedAt: &since,
		StopCode: types.TaskStopCodeEssentialContainerExited, StoppedReason: aws.String("Essential container in task exited"),
	}
	require.Equal(t, []fall{{since, "0a1b", "essential container in task exited", pipeline.FaultChange}}, w.falls([]types.Task{broken}))

	for name, change := range map[string]func(*types.Task){
		"of another deployment": func(t *types.Task) { t.StartedBy = aws.String("ecs-svc/1") },
		"of before":             func(t *types.Task) { t.StoppedAt = aws.Time(since.Add(-time.Second)) },
		"by somebody":           func(t *types.Task) { t.StopCode = types.TaskStopCodeUserInitiated },
		"with its instance":     func(t *types.Task) { t.StopCode = types.TaskStopCodeSpotInterruption },
		"by scaling": func(t *types.Task) {
			t.StopCode = types.TaskStopCodeServiceSchedulerInitiated
			t.StoppedReason = aws.String("Scaling activity initiated by (deployment ecs-svc/2)")
		},
	} {
		task := broken
		change(&task)
		require.Empty(t, w.falls([]types.Task{task}), name)
	}
}

func TestWhenADeploymentIsHopeless(t *testing.T) {
	now := time.Date(2026, 3, 2, 15, 4, 0, 0, time.UTC)
	falls := func(fault pipeline.Fault, apart time.Duration, n int) (all []fall) {
		for i := range n {
			all = append(all, fall{at: now.Add(-apart * time.Duration(i)), fault: fault})
		}
		return all
	}
	const change, environment = pipeline.FaultChange, pipeline.FaultEnvironment
	for name, test := range map[string]struct {
		desired, most, running int32
		stopped                []fall
		want                   bool
	}{
		"bad luck":                {1, 0, 0, falls(change, 0, 1), false},
		"twice":                   {1, 0, 0, falls(change, 0, 2), true},
		"two of twenty":           {20, 18, 18, falls(change, time.Minute, 2), false},
		"ten of twenty":           {20, 10, 10, falls(change, 0, 10), true},
		"while more come up":      {20, 9, 10, falls(change, 0, 10), false},
		"a hiccup":                {2, 0, 0, falls(environment, hiccup-1, 2), false},
		"more than a hiccup":      {2, 0, 0, falls(environment, hiccup, 2), true},
		"a hiccup, and the image": {2, 0, 0, append(falls(environment, 0, 2), falls(change, 0, 2)...), true},
	} {
		t.Run(name, func(t *testing.T) {
			w := watch{target: &target{}, id: "ecs-svc/2", most: test.most, stopped: test.stopped, service: &types.Service{
				DesiredCount: test.desired, Deployments: []types.Deployment{{Id: aws.String("ecs-svc/2"), RunningCount: test.running}},
			}}
			require.Equal(t, test.want, w.hopeless())
		})
	}
}

func TestWhoseFaultAnImageThatIsNotPulledIs(t *testing.T) {
	for said, want := range map[string]bool{
		"CannotPullContainerError: pull image manifest has been retried 1 time(s): net/http: TLS handshake timeout": true,
		"CannotPullContainerError: failed to resolve ref x: unexpected status from HEAD request: 403 Forbidden":     true,
		"CannotPullContainerError: failed to resolve ref x: not found":                                              false,

		"panic: lookup orders: no such host": false,
	} {
		require.Equal(t, want, environmental(said), said)
	}
}

func TestLineRedactsBeforeItCuts(t *testing.T) {
	w := target{redact: func(text string) string { return strings.ReplaceAll(text, "hunter2", "***") }}
	require.NotContains(t, w.line(strings.Repeat("x", longest-3)+"hunter2"), "hun")
	require.Equal(t, strings.Repeat("x", longest)+"…", w.line(strings.Repeat("x", longest+1)))
	require.Equal(t, "one two", w.line("one\r\n\x1b[1m t\u202ewo"))
}

var changing = regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d`)

// requireGolden compares what people read of an error with testdata/name.txt.
func requireGolden(t *testing.T, name string, err error) {
	t.Helper()
	var step pipeline.StepError
	require.ErrorAs(t, err, &step)
	e := step.Explain()
	require.NotContains(t, e.Reason, "\n")
	text := fmt.Sprintf("%s\n\n%s\n\nnext: %s\nfault: %s\nuntouched: %t\n", e.Reason, e.Output, e.Next, cmp.Or(string(e.Fault), "change"), e.Untouched)
	text = changing.ReplaceAllString(text, "2026-03-02 15:04:05")
	path := filepath.Join("testdata", strings.ReplaceAll(strings.ReplaceAll(name, ",", ""), " ", "_")+".txt")
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), text)
}
