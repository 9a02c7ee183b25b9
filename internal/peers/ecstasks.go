package peers

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// definition is a task definition as the API writes it, with whatever fields it was registered with.
type ecsDefinition struct {
	fields map[string]any
	tags   []any
}

// Written as the API writes them; times are seconds since 1970.
type (
	ecsTask struct {
		TaskArn           string         `json:"taskArn"`
		TaskDefinitionArn string         `json:"taskDefinitionArn"`
		StartedBy         string         `json:"startedBy"`
		Group             string         `json:"group"`
		LastStatus        string         `json:"lastStatus"`
		DesiredStatus     string         `json:"desiredStatus"`
		StopCode          string         `json:"stopCode"`
		StoppedReason     string         `json:"stoppedReason"`
		StoppedAt         float64        `json:"stoppedAt"`
		Containers        []ecsContainer `json:"containers"`
	}
	ecsContainer struct {
		Name       string `json:"name"`
		Image      string `json:"image"`
		LastStatus string `json:"lastStatus"`
		ExitCode   *int   `json:"exitCode,omitempty"`
		Reason     string `json:"reason,omitempty"`
	}
)

// Revisions are the task definitions of a family, oldest first, as the API writes them.
func (c *ECSCluster) Revisions(family string) []map[string]any {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []map[string]any
	for _, d := range c.definitions[family] {
		all = append(all, maps.Clone(d.fields))
	}
	return all
}

// Tags are those of a family:revision.
func (c *ECSCluster) Tags(definition string) []any {
	c.mu.Lock()
	defer c.mu.Unlock()
	d, _ := c.find(definition)
	return d.tags
}

// Register registers a task definition, as the API would have it, and returns its family:revision.
func (c *ECSCluster) Register(definition string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, refused := c.registerTaskDefinition([]byte(definition)); refused != nil {
		panic(refused)
	}
	var named struct{ Family string }
	_ = json.Unmarshal([]byte(definition), &named) // it was read just now
	return fmt.Sprintf("%s:%d", named.Family, len(c.definitions[named.Family]))
}

func (c *ECSCluster) registerTaskDefinition(body []byte) (any, *awsError) {
	var fields map[string]any
	if err := json.Unmarshal(body, &fields); err != nil {
		return nil, &awsError{"SerializationException", err.Error()}
	}
	tags, _ := fields["tags"].([]any)
	delete(fields, "tags")
	for _, tag := range tags {
		if key, _ := tag.(map[string]any)["key"].(string); strings.HasPrefix(key, "aws:") && len(c.calls) > 0 {
			return nil, &awsError{"InvalidParameterException", "aws: prefixed tag key names are not allowed for external use."}
		}
	}
	for _, one := range containersOf(fields) {
		if image, _ := one["image"].(string); image == "" || strings.ContainsAny(image, " {}") {
			return nil, &awsError{"ClientException", "Container.image contains invalid characters."}
		}
		if environment, ok := one["environment"].([]any); ok {
			slices.Reverse(environment) // ECS keeps no order there
		}
	}
	slices.Reverse(tags) // nor here
	family, _ := fields["family"].(string)
	revision := len(c.definitions[family]) + 1
	maps.Copy(fields, map[string]any{
		"taskDefinitionArn": fmt.Sprintf("%s:%d", c.arn("task-definition/"+family), revision), "revision": revision,
		"status": "ACTIVE", "registeredAt": c.epoch(), "registeredBy": "arn:aws:iam::" + c.Account + ":root",
		"compatibilities": []string{"EC2", "FARGATE"},
	})
	c.definitions[family] = append(c.definitions[family], ecsDefinition{fields, tags})
	return map[string]any{"taskDefinition": fields, "tags": tags}, nil
}

func containersOf(fields map[string]any) []map[string]any {
	list, _ := fields["containerDefinitions"].([]any)
	var all []map[string]any
	for _, one := range list {
		all = append(all, one.(map[string]any))
	}
	return all
}

// find is a task definition by its ARN or family:revision; ok is false when there is none.
func (c *ECSCluster) find(name string) (d ecsDefinition, ok bool) {
	family, number, _ := strings.Cut(name[strings.LastIndex(name, "/")+1:], ":")
	revision, err := strconv.Atoi(number)
	if err != nil || revision < 1 || revision > len(c.definitions[family]) {
		return ecsDefinition{}, false
	}
	return c.definitions[family][revision-1], true
}

func (c *ECSCluster) describeTaskDefinition(asked ecsRequest) (any, *awsError) {
	d, ok := c.find(asked.TaskDefinition)
	if !ok {
		return nil, &awsError{"ClientException", "Unable to describe task definition."}
	}
	answer := map[string]any{"taskDefinition": d.fields}
	if slices.Contains(asked.Include, "TAGS") {
		answer["tags"] = d.tags
	}
	return answer, nil
}

func (c *ECSCluster) listTaskDefinitions(asked ecsRequest) (any, *awsError) {
	var arns []string
	for _, d := range c.definitions[asked.FamilyPrefix] {
		arns = append(arns, d.fields["taskDefinitionArn"].(string))
	}
	if asked.Sort == "DESC" {
		slices.Reverse(arns)
	}
	return ecsPage("taskDefinitionArns", arns, asked, 100), nil
}

// ecsPage is one page of a list; the token is where the next one begins.
func ecsPage(name string, all []string, asked ecsRequest, size int) map[string]any {
	from, _ := strconv.Atoi(asked.NextToken)
	if asked.MaxResults > 0 {
		size = asked.MaxResults
	}
	to := min(len(all), from+size)
	answer := map[string]any{name: all[from:to]}
	if to < len(all) {
		answer["nextToken"] = strconv.Itoa(to)
	}
	return answer
}

func (c *ECSCluster) stopped(s *ecsService, d *ecsDeployment, fate ECSFate, failing string) *ecsTask {
	task := &ecsTask{
		TaskArn: c.arn("task/" + c.Name + "/" + ecsTaskID(len(c.tasks))), TaskDefinitionArn: d.TaskDefinition, StartedBy: d.ID,
		Group: "service:" + s.ServiceName, LastStatus: "STOPPED", DesiredStatus: "STOPPED",
		StopCode: fate.StopCode, StoppedReason: fate.StoppedReason, StoppedAt: c.epoch(),
	}
	definition, _ := c.find(d.TaskDefinition)
	for _, one := range containersOf(definition.fields) {
		container := ecsContainer{Name: one["name"].(string), Image: one["image"].(string), LastStatus: "STOPPED"}
		if container.Name == failing {
			container.Reason = fate.Reason
		}
		if fate.ExitCode != 0 && container.Name == failing {
			container.ExitCode = &fate.ExitCode
		}
		task.Containers = append(task.Containers, container)
	}
	return task
}

func (c *ECSCluster) listTasks(asked ecsRequest) (any, *awsError) {
	if _, ok := c.services[asked.ServiceName]; !ok {
		return nil, &awsError{"ServiceNotFoundException", "Service not found."}
	}
	var arns []string
	for _, t := range c.tasks {
		if t.Group == "service:"+asked.ServiceName && t.DesiredStatus == asked.DesiredStatus {
			arns = append(arns, t.TaskArn)
		}
	}
	return ecsPage("taskArns", arns, asked, 100), nil
}

func (c *ECSCluster) describeTasks(asked ecsRequest) (any, *awsError) {
	if len(asked.Tasks) == 0 || len(asked.Tasks) > 100 {
		return nil, &awsError{"InvalidParameterException", "Tasks cannot be empty or more than 100."}
	}
	var tasks []*ecsTask
	for _, t := range c.tasks {
		if slices.Contains(asked.Tasks, t.TaskArn) {
			tasks = append(tasks, t)
		}
	}
	return map[string]any{"tasks": tasks, "failures": []any{}}, nil
}

// ecsTaskID is the id of the n-th task, of 32 hexadecimal digits.
func ecsTaskID(n int) string {
	return fmt.Sprintf("%x", sha256.Sum256(fmt.Append(nil, "task", n)))[:32]
}
