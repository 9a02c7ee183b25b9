// Package ecs brings images of services into Amazon ECS clusters for pipeline, and says why one does not serve there.
//
// A new revision of the service's task definition differs from the current one in one container's image only. The count of
// tasks, the network, the load balancer stay what they are: they belong to whoever looks after the environment.
package ecs

import (
	"cmp"
	"context"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"bellwether/internal/deployer"
	"bellwether/pipeline"
)

var _ pipeline.Deployer = (*Deployer)(nil)

// Actions are all that Bellwether's role has to be allowed. ListServices and ListClusters only make errors more helpful;
// PassRole is for the task role and the execution role of the task definitions (iam:PassedToService: ecs-tasks.amazonaws.com),
// TagResource for those that have tags.
var Actions = []string{
	"ecs:DescribeServices", "ecs:DescribeTaskDefinition", "ecs:DescribeTasks", "ecs:ListClusters", "ecs:ListServices",
	"ecs:ListTaskDefinitions", "ecs:ListTasks", "ecs:RegisterTaskDefinition", "ecs:TagResource", "ecs:UpdateService", "iam:PassRole",
}

const (
	defaultPoll   = 5 * time.Second
	answerTimeout = 30 * time.Second // for one request
)

// Deployer deploys to the ECS clusters of any region. Its zero value finds AWS's settings as the AWS CLI does.
type Deployer struct {
	Load   func(ctx context.Context, region string) (aws.Config, error) // AWS's settings for a region; nil: from the environment
	Poll   time.Duration                                                // between two looks at a deployment; 0: 5 s
	Redact func(string) string                                          // takes secrets out of a text; nil when there are none

	mu      sync.Mutex
	clients map[endpoint]*awsecs.Client
}

type endpoint struct{ region, url string }

// Running is the image that the service's newest deployment has.
func (d *Deployer) Running(ctx context.Context, at pipeline.Placement) (string, error) {
	t, err := d.target(ctx, at)
	if err != nil {
		return "", d.untouched(ctx, t, err)
	}
	now, err := t.look(ctx)
	if err != nil {
		return "", d.untouched(ctx, t, err)
	}
	return now.image(), nil
}

// Deploy has the service run the image, by its digest where that is known, and returns once its deployment is steady: ECS
// calls it completed, and all of its tasks and no others run. Where the service has an image without a digest already its tasks
// are replaced: the tag may have been moved since they pulled it.
func (d *Deployer) Deploy(ctx context.Context, at pipeline.Placement, image string) error {
	t, err := d.target(ctx, at)
	if err != nil {
		return d.untouched(ctx, t, err)
	}
	deployment, err := t.begin(ctx, pipeline.Pinned(image))
	if err != nil {
		return d.untouched(ctx, t, err)
	}
	if err := t.wait(ctx, deployment, cmp.Or(d.Poll, defaultPoll)); err != nil {
		return d.failure(ctx, t, err)
	}
	return nil
}

// target is the service that a placement means.
func (d *Deployer) target(ctx context.Context, at pipeline.Placement) (*target, error) {
	cluster, wanted := at.Environment.ECS, at.Service.Deploy.ECS
	if cluster == nil {
		return nil, &Failure{pipeline.Explanation{
			Reason: "the environment " + at.Environment.Name + " has no ECS cluster",
			Next:   "name it in the catalog: ecs: {cluster: …, region: …}", Fault: pipeline.FaultEnvironment,
		}}
	}
	client, err := d.client(ctx, endpoint{cluster.Region, cluster.Endpoint})
	if err != nil {
		return nil, err
	}
	return &target{
		client: client, cluster: cluster.Cluster, service: wanted.Service, container: wanted.Container,
		endpoint: cluster.Endpoint, timeout: wanted.Timeout, redact: d.redact,
	}, nil
}

func (d *Deployer) client(ctx context.Context, at endpoint) (*awsecs.Client, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if client, ok := d.clients[at]; ok {
		return client, nil
	}
	load := d.Load
	if load == nil {
		load = fromEnvironment
	}
	settings, err := load(ctx, at.region)
	if err != nil {
		return nil, &Failure{pipeline.Explanation{
			Reason: "the AWS settings cannot be read: " + oneLine(d.redact(err.Error())),
			Next:   "look at Bellwether's AWS_ variables and ~/.aws", Fault: pipeline.FaultEnvironment,
		}}
	}
	client := awsecs.NewFromConfig(settings, func(o *awsecs.Options) {
		o.Retryer = d.retryer()
		if at.url != "" {
			o.BaseEndpoint = &at.url
		}
	})
	if d.clients == nil {
		d.clients = map[endpoint]*awsecs.Client{}
	}
	d.clients[at] = client
	return client, nil
}

// fromEnvironment reads the settings as AWS' tools do, AWS_CA_BUNDLE too.
func fromEnvironment(ctx context.Context, region string) (aws.Config, error) {
	return awsconfig.LoadDefaultConfig(ctx, func(o *awsconfig.LoadOptions) error {
		o.Region = cmp.Or(region, o.Region)
		o.HTTPClient = awshttp.NewBuildableClient().WithTimeout(answerTimeout)
		return nil
	})
}

// retryer repeats what was throttled or did not get through for about a minute: six times, at most three polls apart.
func (d *Deployer) retryer() aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = 7
		o.Backoff = retry.NewExponentialJitterBackoff(3 * cmp.Or(d.Poll, defaultPoll))
		o.RateLimiter = ratelimit.None // one busy environment must not use up the retries of another
	})
}

// begin starts a deployment of the image, unless one is under way or done, and returns it.
func (t *target) begin(ctx context.Context, image string) (types.Deployment, error) {
	now, err := t.look(ctx)
	switch {
	case err != nil:
		return types.Deployment{}, err
	case now.service.DesiredCount == 0:
		return types.Deployment{}, t.noTasks()
	case pipeline.Pinned(now.image()) != image:
		return t.update(ctx, now, image)
	case deployer.Movable(image), now.primary.RolloutState == types.DeploymentRolloutStateFailed: // ECS starts no more tasks of it by itself
		return t.start(ctx, aws.ToString(now.primary.TaskDefinition), true)
	}
	return now.primary, nil
}

// update starts a deployment of a task definition with the image.
func (t *target) update(ctx context.Context, now *state, image string) (types.Deployment, error) {
	definition, err := t.revision(ctx, now, image)
	if err != nil {
		return types.Deployment{}, err
	}
	return t.start(ctx, definition, false)
}

func (t *target) start(ctx context.Context, definition string, force bool) (types.Deployment, error) {
	updated, err := t.client.UpdateService(ctx, &awsecs.UpdateServiceInput{
		Cluster: &t.cluster, Service: &t.service, TaskDefinition: &definition, ForceNewDeployment: force,
	})
	if err != nil {
		return types.Deployment{}, err
	}
	return primary(updated.Service), nil
}
