package ecs

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"bellwether/internal/deployer"
	"bellwether/pipeline"
)

// How much of what ECS tells a reader is shown.
const (
	shownEvents = 5
	shownTasks  = 3
)

// fall is a task that stopped with an error.
type fall struct {
	at    time.Time
	task  string // its id
	why   string
	fault pipeline.Fault
}

// read lists the deployment's tasks that stopped with an error, as far as ECS remembers them (an hour). That it cannot is no
// failure of the deployment.
func (w *watch) read(ctx context.Context) {
	falls, err := w.fallen(ctx)
	if w.unread = err; err == nil {
		w.stopped = falls
	}
}

// fallen are the tasks that stopped with an error, newest first.
func (w *watch) fallen(ctx context.Context) ([]fall, error) {
	var arns []string
	pages := awsecs.NewListTasksPaginator(w.client, &awsecs.ListTasksInput{
		Cluster: &w.cluster, ServiceName: &w.target.service, DesiredStatus: types.DesiredStatusStopped,
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		arns = append(arns, page.TaskArns...)
	}
	var falls []fall
	for some := range slices.Chunk(arns, 100) { // as many as ECS describes at once
		answer, err := w.client.DescribeTasks(ctx, &awsecs.DescribeTasksInput{Cluster: &w.cluster, Tasks: some})
		if err != nil {
			return nil, err
		}
		falls = append(falls, w.falls(answer.Tasks)...)
	}
	slices.SortStableFunc(falls, func(a, b fall) int { return b.at.Compare(a.at) })
	return falls, nil
}

func (w *watch) falls(tasks []types.Task) []fall {
	var falls []fall
	for _, task := range tasks {
		at := aws.ToTime(task.StoppedAt)
		why, fault := w.cause(task)
		if aws.ToString(task.StartedBy) == w.id && !at.Before(w.since) && why != "" {
			falls = append(falls, fall{at, name(aws.ToString(task.TaskArn)), w.line(why), fault})
		}
	}
	return falls
}

// cause is the error that a task stopped with, and whose it is; empty when it was stopped on purpose, or by an instance that
// was taken away.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html
func (w *watch) cause(task types.Task) (why string, fault pipeline.Fault) {
	reason := aws.ToString(task.StoppedReason)
	switch task.StopCode {
	case types.TaskStopCodeTaskFailedToStart, types.TaskStopCodeEssentialContainerExited:
		container, why := w.culprit(task)
		why = cmp.Or(why, reason, string(task.StopCode))
		if environmental(why) || environmental(reason) || container != "" && !w.deploys(container) {
			return why, pipeline.FaultEnvironment
		}
		return why, pipeline.FaultChange
	case types.TaskStopCodeServiceSchedulerInitiated:
		if strings.Contains(reason, "health check") {
			return reason, pipeline.FaultChange
		}
	}
	return "", ""
}

// environmental tells whether no other image would mend an error: AWS, the registry or the network refused something.
func environmental(said string) bool {
	return refusals.MatchString(said) || strings.Contains(said, "CannotPull") && deployer.RegistryTrouble(said)
}

// refusals are AWS' words for that.
var refusals = regexp.MustCompile(`(?i)ResourceInitializationError|AccessDenied|not authorized|no space left|unable to assume|network interface|^RESOURCE:`)

// culprit is the container that a task stopped for, and what became of it: the one that is deployed, if anything did.
func (w *watch) culprit(task types.Task) (container, why string) {
	for _, c := range task.Containers {
		end := ended(c)
		if end != "" && (why == "" || w.deploys(aws.ToString(c.Name))) {
			container, why = aws.ToString(c.Name), end
		}
	}
	return container, why
}

// deploys tells whether a container of a task with several is the one whose image is changed.
func (w *watch) deploys(container string) bool {
	return w.container == "" || w.container == container
}

// ended is what became of a container; empty when it ended well or never ran.
func ended(c types.Container) string {
	name, reason, code := aws.ToString(c.Name), aws.ToString(c.Reason), aws.ToInt32(c.ExitCode)
	switch {
	case reason != "" && code != 0:
		return fmt.Sprintf("%s: %s (exit code %d)", name, reason, code)
	case reason != "":
		return name + ": " + reason
	case code != 0:
		return fmt.Sprintf("%s exited with code %d", name, code)
	}
	return ""
}

// shortage is the newest event by which ECS says that it cannot start tasks at all; empty when there is none.
func (w *watch) shortage() string {
	for _, e := range w.events() {
		if message := aws.ToString(e.Message); strings.Contains(message, "unable to") || strings.Contains(message, "failed to launch") {
			return w.line(message)
		}
	}
	return ""
}

// events since the deployment began, newest first, as ECS has them.
func (w *watch) events() []types.ServiceEvent {
	return slices.DeleteFunc(slices.Clone(w.service.Events), func(e types.ServiceEvent) bool { return aws.ToTime(e.CreatedAt).Before(w.began) })
}

// output is the newest of what ECS tells, in the order in which it happened.
func (w *watch) output() string {
	type told struct {
		at   time.Time
		text string
	}
	var all []told
	events := w.events()
	for _, e := range events[:min(shownEvents, len(events))] {
		all = append(all, told{aws.ToTime(e.CreatedAt), w.line(aws.ToString(e.Message))})
	}
	for _, f := range w.stopped[:min(shownTasks, len(w.stopped))] {
		all = append(all, told{f.at, "task " + f.task + " stopped: " + f.why})
	}
	slices.Reverse(all)
	slices.SortStableFunc(all, func(a, b told) int { return a.at.Compare(b.at) })
	var lines []string
	for _, one := range all {
		lines = append(lines, one.at.UTC().Format(time.DateTime)+" "+one.text)
	}
	if w.unread != nil {
		lines = append(lines, "the stopped tasks cannot be read: "+w.refused(w.unread).Error())
	}
	return strings.Join(lines, "\n")
}
