package ecs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"bellwether/internal/suggest"
	"bellwether/pipeline"
)

// target is one service of a cluster.
type target struct {
	client    *awsecs.Client
	cluster   string
	service   string
	container string        // empty: the only one
	endpoint  string        // empty: AWS' own
	timeout   time.Duration // 0: none
	redact    func(string) string
}

// state is a service at one moment.
type state struct {
	service    *types.Service
	primary    types.Deployment
	definition *awsecs.DescribeTaskDefinitionOutput // of the primary deployment
	container  int                                  // index of the one that is deployed
}

func (s *state) image() string {
	return aws.ToString(s.definition.TaskDefinition.ContainerDefinitions[s.container].Image)
}

// look reads the service and its task definition, and refuses what cannot be deployed to.
func (t *target) look(ctx context.Context) (*state, error) {
	service, err := t.describe(ctx)
	if err != nil {
		return nil, err
	}
	if c := service.DeploymentController; c != nil && c.Type != types.DeploymentControllerTypeEcs {
		return nil, t.environment(fmt.Sprintf("the service %s has the deployment controller %s; Bellwether deploys to services with ECS' own only", t.service, c.Type),
			"deploy it with a command, or change its deployment controller to ECS")
	}
	now := &state{service: service, primary: primary(service)}
	if now.definition, err = t.definition(ctx, aws.ToString(now.primary.TaskDefinition)); err != nil {
		return nil, err
	}
	now.container, err = t.find(now.definition.TaskDefinition)
	return now, err
}

func (t *target) describe(ctx context.Context) (*types.Service, error) {
	answer, err := t.client.DescribeServices(ctx, &awsecs.DescribeServicesInput{Cluster: &t.cluster, Services: []string{t.service}})
	if _, missing := errors.AsType[*types.ClusterNotFoundException](err); missing {
		return nil, t.noCluster(ctx)
	}
	if err != nil {
		return nil, err
	}
	if len(answer.Services) == 0 || aws.ToString(answer.Services[0].Status) != "ACTIVE" {
		return nil, t.noService(ctx) // a deleted one is described as INACTIVE for a while
	}
	return &answer.Services[0], nil
}

func (t *target) definition(ctx context.Context, arn string) (*awsecs.DescribeTaskDefinitionOutput, error) {
	return t.client.DescribeTaskDefinition(ctx, &awsecs.DescribeTaskDefinitionInput{
		TaskDefinition: &arn, Include: []types.TaskDefinitionField{types.TaskDefinitionFieldTags},
	})
}

// primary is the newest deployment of a service.
func primary(service *types.Service) types.Deployment {
	for _, d := range service.Deployments {
		if aws.ToString(d.Status) == "PRIMARY" {
			return d
		}
	}
	return types.Deployment{TaskDefinition: service.TaskDefinition}
}

// find is the index of the container that is deployed.
func (t *target) find(definition *types.TaskDefinition) (int, error) {
	var names []string
	for _, c := range definition.ContainerDefinitions {
		names = append(names, aws.ToString(c.Name))
	}
	i := slices.Index(names, t.container)
	revision := fmt.Sprintf("the task definition %s:%d", aws.ToString(definition.Family), definition.Revision)
	const next = "name the container in the catalog: deploy: {ecs: {container: …}}"
	switch {
	case t.container == "" && len(names) == 1:
		return 0, nil
	case t.container == "":
		return 0, t.environment(fmt.Sprintf("%s has %d containers: %s", revision, len(names), strings.Join(names, ", ")), next)
	case i < 0:
		return 0, t.environment(fmt.Sprintf("%s has no container %q%s", revision, t.container, suggest.Hint(t.container, names)), next)
	}
	return i, nil
}

func (t *target) noTasks() error {
	return t.environment(fmt.Sprintf("the service %s is scaled to 0 tasks, so nothing would serve", t.service),
		"scale it up: "+t.cli("update-service", "--service "+t.service+" --desired-count 1"))
}

func (t *target) noService(ctx context.Context) error {
	var arns []string
	pages := awsecs.NewListServicesPaginator(t.client, &awsecs.ListServicesInput{Cluster: &t.cluster, MaxResults: aws.Int32(100)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			break // the names would only be a help
		}
		arns = append(arns, page.ServiceArns...)
	}
	return t.environment(fmt.Sprintf("the cluster %s has no service %q%s", t.cluster, t.service, suggest.Hint(t.service, names(arns))),
		"look at deploy.ecs.service in the catalog, and at "+t.cli("list-services", ""))
}

func (t *target) noCluster(ctx context.Context) error {
	region, known := t.client.Options().Region, []string(nil)
	if answer, err := t.client.ListClusters(ctx, &awsecs.ListClustersInput{}); err == nil {
		known = names(answer.ClusterArns)
	}
	return t.environment(fmt.Sprintf("there is no cluster %q in %s%s", t.cluster, region, suggest.Hint(t.cluster, known)),
		"look at the environment's ecs.cluster and ecs.region in the catalog")
}

// environment is a failure that whoever looks after the environment has to mend.
func (t *target) environment(reason, next string) *Failure {
	return &Failure{pipeline.Explanation{Reason: reason, Next: next, Fault: pipeline.FaultEnvironment}}
}

// cli is a command of the AWS CLI about the cluster.
func (t *target) cli(action, options string) string {
	command := "aws ecs " + action + " --cluster " + t.cluster
	if options != "" {
		command += " " + options
	}
	if region := t.client.Options().Region; region != "" {
		command += " --region " + region
	}
	if t.endpoint != "" {
		command += " --endpoint-url " + t.endpoint
	}
	return command
}

func names(arns []string) []string {
	short := make([]string, len(arns))
	for i, arn := range arns {
		short[i] = name(arn)
	}
	return short
}

// name is the last part of an ARN: family:revision of a task definition, the id of a task.
func name(arn string) string { return arn[strings.LastIndex(arn, "/")+1:] }
