package peers

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// breakerThreshold is how many tasks of a small service have to fail before ECS' circuit breaker ends a deployment.
const breakerThreshold = 3

// ECSService is what a test wants of one.
type ECSService struct {
	Name           string
	TaskDefinition string // family:revision, as Register returned it
	Desired        int
	Controller     string // empty: ECS
	Breaker        bool
	Rollback       bool // by the circuit breaker
}

// ECSFate is what becomes of the tasks that a deployment starts; the zero one is that they run.
type ECSFate struct {
	StopCode, StoppedReason string // of tasks that stop; all of them do
	ExitCode                int    // of the container; 0: it never ran
	Reason                  string // of the container
	Event                   string // instead of tasks: "was unable to place a task because …"
	Pending                 bool   // for ever
}

// Written as the API writes them; times are seconds since 1970.
type (
	ecsService struct {
		ServiceArn              string           `json:"serviceArn"`
		ServiceName             string           `json:"serviceName"`
		ClusterArn              string           `json:"clusterArn"`
		Status                  string           `json:"status"`
		DesiredCount            int              `json:"desiredCount"`
		RunningCount            int              `json:"runningCount"`
		PendingCount            int              `json:"pendingCount"`
		LaunchType              string           `json:"launchType"`
		SchedulingStrategy      string           `json:"schedulingStrategy"`
		TaskDefinition          string           `json:"taskDefinition"`
		DeploymentController    map[string]any   `json:"deploymentController"`
		DeploymentConfiguration map[string]any   `json:"deploymentConfiguration"`
		Deployments             []*ecsDeployment `json:"deployments"`
		Events                  []ecsEvent       `json:"events"`

		wanted ECSService
		stale  int             // answers that are to be old still
		old    json.RawMessage // what they are
	}
	ecsDeployment struct {
		ID                 string  `json:"id"`
		Status             string  `json:"status"`
		TaskDefinition     string  `json:"taskDefinition"`
		DesiredCount       int     `json:"desiredCount"`
		PendingCount       int     `json:"pendingCount"`
		RunningCount       int     `json:"runningCount"`
		FailedTasks        int     `json:"failedTasks"`
		CreatedAt          float64 `json:"createdAt"`
		UpdatedAt          float64 `json:"updatedAt"`
		RolloutState       string  `json:"rolloutState"`
		RolloutStateReason string  `json:"rolloutStateReason"`
	}
	ecsEvent struct {
		ID        string  `json:"id"`
		CreatedAt float64 `json:"createdAt"`
		Message   string  `json:"message"`
	}
)

// Create makes a service that is steady already.
func (c *ECSCluster) Create(s ECSService) {
	c.mu.Lock()
	defer c.mu.Unlock()
	controller := "ECS"
	if s.Controller != "" {
		controller = s.Controller
	}
	c.services[s.Name] = &ecsService{
		ServiceArn: c.arn("service/" + c.Name + "/" + s.Name), ServiceName: s.Name, ClusterArn: c.arn("cluster/" + c.Name),
		Status: "ACTIVE", LaunchType: "FARGATE", SchedulingStrategy: "REPLICA", DesiredCount: s.Desired, RunningCount: s.Desired,
		DeploymentController: map[string]any{"type": controller},
		DeploymentConfiguration: map[string]any{
			"deploymentCircuitBreaker": map[string]any{"enable": s.Breaker, "rollback": s.Rollback},
		},
		wanted: s,
	}
	c.deploy(c.services[s.Name], c.arn("task-definition/"+s.TaskDefinition))
	first := c.services[s.Name].Deployments[0]
	first.RunningCount, first.RolloutState = s.Desired, "COMPLETED"
}

// Stale lets so many answers about a service be older than its next update, as ECS' reads are eventually consistent.
func (c *ECSCluster) Stale(service string, answers int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.services[service].stale = answers
}

// Delete leaves a service that is no longer active, as ECS does for a while.
func (c *ECSCluster) Delete(service string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.services[service].Status = "INACTIVE"
}

// Fate says what becomes of an image from now on.
func (c *ECSCluster) Fate(image string, f ECSFate) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fates[image] = f
}

func (c *ECSCluster) describeServices(asked ecsRequest) (any, *awsError) {
	services, failures := []any{}, []map[string]any{}
	for _, name := range asked.Services {
		name = name[strings.LastIndex(name, "/")+1:]
		s, ok := c.services[name]
		if !ok {
			failures = append(failures, map[string]any{"arn": c.arn("service/" + c.Name + "/" + name), "reason": "MISSING"})
			continue
		}
		services = append(services, c.answer(s))
	}
	return map[string]any{"services": services, "failures": failures}, nil
}

// answer is the service as it is now, or as it was before it was updated.
func (c *ECSCluster) answer(s *ecsService) any {
	if s.old != nil && s.stale > 0 {
		s.stale--
		return s.old
	}
	c.step(s)
	return s
}

func (c *ECSCluster) listServices(asked ecsRequest) (any, *awsError) {
	var arns []string
	for _, s := range c.services {
		if s.Status == "ACTIVE" {
			arns = append(arns, s.ServiceArn)
		}
	}
	slices.Sort(arns)
	return ecsPage("serviceArns", arns, asked, 10), nil
}

func (c *ECSCluster) updateService(asked ecsRequest) (any, *awsError) {
	s, known := c.services[asked.Service]
	d, registered := c.find(asked.TaskDefinition)
	switch {
	case !known:
		return nil, &awsError{"ServiceNotFoundException", "Service not found."}
	case s.Status != "ACTIVE":
		return nil, &awsError{"ServiceNotActiveException", "Service was not ACTIVE."}
	case s.DeploymentController["type"] != "ECS":
		return nil, &awsError{"InvalidParameterException", "Unable to update task definition on services with a CODE_DEPLOY deployment controller. Use AWS CodeDeploy to trigger a new deployment."}
	case !registered:
		return nil, &awsError{"ClientException", "TaskDefinition not found."}
	}
	if arn := d.fields["taskDefinitionArn"].(string); arn != s.TaskDefinition || asked.ForceNewDeployment {
		s.old, _ = json.Marshal(s)
		c.deploy(s, arn)
	}
	return map[string]any{"service": s}, nil
}

// deploy makes a new primary deployment.
func (c *ECSCluster) deploy(s *ecsService, definition string) {
	c.tick()
	for _, d := range s.Deployments {
		d.Status = "ACTIVE"
	}
	c.deployments++
	s.TaskDefinition = definition
	s.Deployments = slices.Insert(s.Deployments, 0, &ecsDeployment{
		ID: fmt.Sprintf("ecs-svc/%019d", c.deployments), Status: "PRIMARY", TaskDefinition: definition, DesiredCount: s.wanted.Desired,
		CreatedAt: c.epoch(), UpdatedAt: c.epoch(), RolloutState: "IN_PROGRESS", RolloutStateReason: "ECS deployment in progress.",
	})
}

// step takes the primary deployment one step further.
func (c *ECSCluster) step(s *ecsService) {
	c.tick()
	d := s.Deployments[0]
	switch {
	case d.RolloutState == "COMPLETED" && len(s.Deployments) > 1:
		s.Deployments = s.Deployments[:1]
		c.event(s, "has reached a steady state.")
		return
	case d.RolloutState != "IN_PROGRESS":
		return
	}
	d.UpdatedAt = c.epoch()
	fate, name := c.fate(d)
	switch {
	case fate.StopCode != "":
		c.fail(s, d, fate, name)
	case fate.Event != "":
		c.event(s, fate.Event)
	case d.PendingCount+d.RunningCount == 0:
		d.PendingCount = d.DesiredCount
		c.event(s, fmt.Sprintf("has started %d tasks.", d.DesiredCount))
	case d.PendingCount > 0 && !fate.Pending:
		d.PendingCount, d.RunningCount = 0, d.DesiredCount
	case !fate.Pending:
		d.RolloutState, d.RolloutStateReason = "COMPLETED", "ECS deployment "+d.ID+" completed."
		c.event(s, "(deployment "+d.ID+") deployment completed.")
	}
	s.RunningCount, s.PendingCount = 0, 0
	for _, d := range s.Deployments {
		s.RunningCount += d.RunningCount
		s.PendingCount += d.PendingCount
	}
}

// fate of a deployment's tasks, and the container that has it.
func (c *ECSCluster) fate(d *ecsDeployment) (ECSFate, string) {
	definition, _ := c.find(d.TaskDefinition)
	for _, one := range containersOf(definition.fields) {
		if fate := c.fates[one["image"].(string)]; fate != (ECSFate{}) {
			return fate, one["name"].(string)
		}
	}
	return ECSFate{}, ""
}

// fail starts the deployment's tasks and stops them, and ends the deployment when the circuit breaker has seen enough.
func (c *ECSCluster) fail(s *ecsService, d *ecsDeployment, fate ECSFate, name string) {
	c.event(s, fmt.Sprintf("has started %d tasks.", d.DesiredCount))
	for range d.DesiredCount {
		c.tick()
		c.tasks = append(c.tasks, c.stopped(s, d, fate, name))
	}
	d.FailedTasks += d.DesiredCount
	c.tick()
	if s.wanted.Breaker && d.FailedTasks >= breakerThreshold {
		c.breakCircuit(s, d)
	}
}

func (c *ECSCluster) breakCircuit(s *ecsService, d *ecsDeployment) {
	d.RolloutState, d.RolloutStateReason = "FAILED", "ECS deployment circuit breaker: tasks failed to start."
	c.event(s, "(deployment "+d.ID+") deployment failed: tasks failed to start.")
	if !s.wanted.Rollback || len(s.Deployments) < 2 {
		return
	}
	last := s.Deployments[1]
	c.event(s, "rolling back to (deployment "+last.ID+").")
	d.Status, last.Status = "ACTIVE", "PRIMARY"
	last.RolloutState, last.RolloutStateReason = "IN_PROGRESS", "ECS deployment circuit breaker: rolling back to deploymentId "+last.ID
	s.Deployments[0], s.Deployments[1], s.TaskDefinition = last, d, last.TaskDefinition
}

// event is written with the service's name before it, unless it was the last one already; the newest is first.
func (c *ECSCluster) event(s *ecsService, message string) {
	message = "(service " + s.ServiceName + ") " + message
	if len(s.Events) == 0 || s.Events[0].Message != message {
		s.Events = slices.Insert(s.Events, 0, ecsEvent{uuid(), c.epoch(), message})
	}
}

func (c *ECSCluster) epoch() float64 { return float64(c.now.UnixMilli()) / 1000 }

// tick lets a second pass.
func (c *ECSCluster) tick() { c.now = c.now.Add(time.Second) }

// Deployments is how many of a service there are: one, once it is steady.
func (c *ECSCluster) Deployments(service string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.services[service].Deployments)
}
