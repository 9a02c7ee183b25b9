package ecs

import (
	"cmp"
	"context"
	"reflect"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"bellwether/pipeline"
)

// recent is how many of a family's newest revisions may be used again.
const recent = 10

// revision is a task definition that is like the current one but for the image. One that was registered before is used
// again: when the service is set back, and when Bellwether ended between registering and deploying it.
func (t *target) revision(ctx context.Context, now *state, image string) (arn string, err error) {
	wanted := again(now.definition)
	wanted.ContainerDefinitions[now.container].Image = &image
	newest, err := t.client.ListTaskDefinitions(ctx, &awsecs.ListTaskDefinitionsInput{
		FamilyPrefix: wanted.Family, Sort: types.SortOrderDesc, MaxResults: aws.Int32(recent),
	})
	if err != nil {
		return "", err
	}
	for _, arn := range newest.TaskDefinitionArns {
		had, err := t.definition(ctx, arn)
		if err != nil {
			return "", err
		}
		if same(again(had), wanted) {
			return arn, nil
		}
	}
	registered, err := t.client.RegisterTaskDefinition(ctx, wanted)
	if err != nil {
		return "", err
	}
	return aws.ToString(registered.TaskDefinition.TaskDefinitionArn), nil
}

// again is what registers a task definition once more. Tags of AWS' own cannot be registered.
func again(had *awsecs.DescribeTaskDefinitionOutput) *awsecs.RegisterTaskDefinitionInput {
	d := had.TaskDefinition
	return &awsecs.RegisterTaskDefinitionInput{
		ContainerDefinitions:    slices.Clone(d.ContainerDefinitions),
		Cpu:                     d.Cpu,
		EnableFaultInjection:    d.EnableFaultInjection,
		EphemeralStorage:        d.EphemeralStorage,
		ExecutionRoleArn:        d.ExecutionRoleArn,
		Family:                  d.Family,
		InferenceAccelerators:   d.InferenceAccelerators, //lint:ignore SA1019 whoever still has them keeps them
		IpcMode:                 d.IpcMode,
		Memory:                  d.Memory,
		NetworkMode:             d.NetworkMode,
		PidMode:                 d.PidMode,
		PlacementConstraints:    d.PlacementConstraints,
		ProxyConfiguration:      d.ProxyConfiguration,
		RequiresCompatibilities: d.RequiresCompatibilities,
		RuntimePlatform:         d.RuntimePlatform,
		Tags:                    slices.DeleteFunc(slices.Clone(had.Tags), func(t types.Tag) bool { return strings.HasPrefix(aws.ToString(t.Key), "aws:") }),
		TaskRoleArn:             d.TaskRoleArn,
		Volumes:                 d.Volumes,
	}
}

// same tells whether two task definitions do the same.
func same(a, b *awsecs.RegisterTaskDefinitionInput) bool {
	return reflect.DeepEqual(normal(a), normal(b))
}

// normal is a task definition with images as they are deployed and in order what ECS keeps in none.
func normal(in *awsecs.RegisterTaskDefinitionInput) awsecs.RegisterTaskDefinitionInput {
	out := *in
	out.Tags = slices.SortedFunc(slices.Values(in.Tags), func(a, b types.Tag) int { return compare(a.Key, b.Key) })
	out.ContainerDefinitions = slices.Clone(in.ContainerDefinitions)
	for i := range out.ContainerDefinitions {
		c := &out.ContainerDefinitions[i]
		c.Image = aws.String(pipeline.Pinned(aws.ToString(c.Image)))
		c.Environment = slices.SortedFunc(slices.Values(c.Environment), func(a, b types.KeyValuePair) int { return compare(a.Name, b.Name) })
		c.Secrets = slices.SortedFunc(slices.Values(c.Secrets), func(a, b types.Secret) int { return compare(a.Name, b.Name) })
	}
	return out
}

func compare(a, b *string) int { return cmp.Compare(aws.ToString(a), aws.ToString(b)) }
