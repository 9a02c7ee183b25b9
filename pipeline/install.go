package pipeline

import (
	"context"
	"time"
)

// Deploy is how a service is brought into an environment: exactly one of the three.
type Deploy struct {
	Command    *Command
	Kubernetes *KubernetesWorkload // in the environment's Kubernetes cluster
	ECS        *ECSService         // in the environment's ECS cluster
}

// KubernetesWorkload is what of a cluster a service is.
type KubernetesWorkload struct {
	Kind      string // Deployment or StatefulSet
	Name      string
	Container string        // the one whose image is changed; empty: the only one
	Timeout   time.Duration // for a rollout
}

// ECSService is what of an Amazon ECS cluster a service is.
type ECSService struct {
	Service   string
	Container string        // the one whose image is changed; empty: the only one
	Timeout   time.Duration // for a deployment to become steady
}

// KubernetesCluster is where an environment's Kubernetes workloads are.
type KubernetesCluster struct {
	Kubeconfig string // a path; empty: as kubectl finds it, or the service account of the pod that Bellwether runs in
	Context    string // empty: the current one
	Namespace  string
}

// ECSCluster is where an environment's ECS services are.
type ECSCluster struct {
	Cluster  string
	Region   string
	Endpoint string // another ECS, for tests; empty: AWS
}

// Platforms that deploy, as Runner.Deployers names them.
const (
	PlatformKubernetes = "kubernetes"
	PlatformECS        = "ecs"
)

// Platform is the key of the Deployer that a service needs; empty when a command or nobody deploys it.
func (d *Deploy) Platform() string {
	switch {
	case d != nil && d.Kubernetes != nil:
		return PlatformKubernetes
	case d != nil && d.ECS != nil:
		return PlatformECS
	}
	return ""
}

// Placement is a service in an environment.
type Placement struct {
	Service     Service
	Environment Environment
}

// Deployer brings images of services into an environment. Errors that are not ctx's are StepErrors.
type Deployer interface {
	// Running is the image that the service has now; empty when it has none yet.
	Running(ctx context.Context, at Placement) (image string, err error)
	// Deploy returns once the image really serves. Deploying what runs already changes nothing, but waits all the same.
	Deploy(ctx context.Context, at Placement, image string) error
}

// Apply is how a stack is applied: one of the two.
type Apply struct {
	Command   *Command
	Terraform *Terraform
}

// Terraform applies a stack from its repository.
type Terraform struct {
	Dir         string        // of the root module, within the repository
	Binary      string        // terraform or tofu, or a path
	Protect     []string      // globs over addresses and resource types that are never destroyed or replaced
	MaxChanges  int           // resources that one plan may change; 0: any number
	Providers   []string      // those that may be used, "hashicorp/aws" or the full address; empty: any
	Approve     time.Duration // how long an approval is waited for; 0: none is needed
	Resources   []ResourceTags
	LockTimeout time.Duration // for the state's lock
	Timeout     time.Duration // for each of plan and apply
}

// ResourceTags says what resources are, where their own tags do not.
type ResourceTags struct {
	Address string // a glob: "aws_db_instance.orders*"
	Tags    []string
}

// Plan is what an apply changes: no values, only what people may read anywhere.
type Plan struct {
	Resources []Resource `json:"resources"`            // those that change, by address
	Outputs   []string   `json:"outputs"`              // names of those that change
	Refused   []string   `json:"refused"`              // what the stack's policy forbids of it, a sentence each
	StateOnly bool       `json:"state_only,omitempty"` // it also imports, moves or forgets resources
}

// Resource is one that a plan changes.
type Resource struct {
	Address string   `json:"address"`
	Type    string   `json:"type"`
	Action  string   `json:"action"` // create, update, replace or delete
	Tags    []string `json:"tags"`   // key:value, before and after
}

// Empty tells whether applying the plan would change nothing.
func (p Plan) Empty() bool { return p.idle() && !p.StateOnly }

// idle tells whether nothing outside the state would change.
func (p Plan) idle() bool { return len(p.Resources) == 0 && len(p.Outputs) == 0 }

// Applier plans stacks. Errors that are not ctx's are StepErrors.
type Applier interface {
	// Plan checks the stack out at the change's revision and plans. Somebody has to close what it returns.
	Plan(ctx context.Context, stack Stack, environment Environment, change Change) (Planned, error)
}

// Planned is a plan that can be applied, once.
type Planned interface {
	Plan() Plan
	// Apply applies just this plan; it fails when the state has changed since.
	Apply(ctx context.Context) error
	// Close deletes whatever the plan left on the machine.
	Close() error
}

// Fault says who has to look after something that broke.
type Fault string

// The faults.
const (
	FaultChange      Fault = ""            // what was brought in is broken: its owner
	FaultEnvironment Fault = "environment" // what it was brought into is: whoever looks after that
)

// Explanation is what a broken step says to people. Nothing of it is secret.
type Explanation struct {
	Reason    string // one line
	Output    string // the last lines of what it printed
	Next      string // what the reader can do about it; empty when nothing better is known than to mend it
	Fault     Fault
	Untouched bool // the environment is as it was before the step
}

// StepError is why a step that brings something into an environment broke: a command, a deploy, a plan, an apply.
type StepError interface {
	error
	Explain() Explanation
}
