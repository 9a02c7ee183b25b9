package peers

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

const ecsTarget = "AmazonEC2ContainerServiceV20141113."

// ECSCluster is a double of Amazon ECS with one cluster. Time does not pass in it: every DescribeServices takes a service's
// deployments one step further, as the ECSFate of their image has it. Requests are refused as AWS refuses them, in its words.
type ECSCluster struct {
	URL       string
	Name      string
	Region    string
	Account   string
	AccessKey string
	SecretKey string

	mu          sync.Mutex
	now         time.Time // of the cluster's own clock, a second later with every step
	definitions map[string][]ecsDefinition
	services    map[string]*ecsService
	tasks       []*ecsTask
	deployments int
	fates       map[string]ECSFate
	refusals    map[string]*ecsRefusal
	calls       []string
}

type ecsRefusal struct {
	times int
	err   awsError
}

// ECS starts a cluster without any services. It is an http.Handler too, for a test that wants it behind a server of its own.
func ECS(t testing.TB) *ECSCluster {
	t.Helper()
	c := &ECSCluster{
		Name: "load", Region: "eu-west-1", Account: "123456789012", AccessKey: "AKIDBELLWETHERPEER", SecretKey: rand.Text(),
		now:         time.Date(2026, 3, 2, 15, 4, 0, 0, time.UTC),
		definitions: map[string][]ecsDefinition{}, services: map[string]*ecsService{},
		fates: map[string]ECSFate{}, refusals: map[string]*ecsRefusal{},
	}
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	c.URL = server.URL
	return c
}

// Config makes AWS clients of this cluster.
func (c *ECSCluster) Config() aws.Config {
	return aws.Config{
		Region: c.Region, BaseEndpoint: &c.URL,
		Credentials: credentials.NewStaticCredentialsProvider(c.AccessKey, c.SecretKey, ""),
	}
}

// Refuse answers the next calls of an action, so many times, with an error: "ThrottlingException".
func (c *ECSCluster) Refuse(action string, times int, kind, message string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refusals[action] = &ecsRefusal{times, awsError{kind, message}}
}

// Deny takes the permission for an action away.
func (c *ECSCluster) Deny(action string) {
	user := "arn:aws:sts::" + c.Account + ":assumed-role/bellwether/i-0abc"
	c.Refuse(action, 1<<30, "AccessDeniedException", fmt.Sprintf("User: %s is not authorized to perform: ecs:%s on resource: * "+
		"because no identity-based policy allows the ecs:%[2]s action", user, action))
}

// Calls are the actions that were asked for, in order.
func (c *ECSCluster) Calls() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.calls)
}

func (c *ECSCluster) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.Header().Set("X-Amzn-Requestid", uuid())
	c.mu.Lock()
	defer c.mu.Unlock()
	answer, refused := c.serve(r)
	if refused != nil {
		w.WriteHeader(refused.status())
		_ = json.NewEncoder(w).Encode(refused)
		return
	}
	_ = json.NewEncoder(w).Encode(answer)
}

// status is 500 for the one error that ECS calls its own fault.
func (e *awsError) status() int {
	if e.Type == "ServerException" {
		return http.StatusInternalServerError
	}
	return http.StatusBadRequest
}

func (c *ECSCluster) serve(r *http.Request) (any, *awsError) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return nil, &awsError{"SerializationException", err.Error()}
	}
	caller := signature{c.AccessKey, c.SecretKey, c.Region, "ecs"}
	if refused := caller.check(r, body, time.Now()); refused != nil {
		return nil, refused
	}
	action := strings.TrimPrefix(r.Header.Get("X-Amz-Target"), ecsTarget)
	answer, known := c.actions()[action]
	if r.Method != http.MethodPost || r.URL.Path != "/" || !known || r.Header.Get("Content-Type") != "application/x-amz-json-1.1" {
		return nil, &awsError{"UnknownOperationException", ""}
	}
	c.calls = append(c.calls, action)
	if f := c.refusals[action]; f != nil && f.times > 0 {
		f.times--
		return nil, &f.err
	}
	return answer(body)
}

func (c *ECSCluster) actions() map[string]func(body []byte) (any, *awsError) {
	return map[string]func(body []byte) (any, *awsError){
		"RegisterTaskDefinition": c.registerTaskDefinition,
		"DescribeTaskDefinition": inCluster(nil, c.describeTaskDefinition),
		"ListTaskDefinitions":    inCluster(nil, c.listTaskDefinitions),
		"DescribeServices":       inCluster(c, c.describeServices),
		"UpdateService":          inCluster(c, c.updateService),
		"ListServices":           inCluster(c, c.listServices),
		"ListClusters":           inCluster(nil, c.listClusters),
		"ListTasks":              inCluster(c, c.listTasks),
		"DescribeTasks":          inCluster(c, c.describeTasks),
	}
}

// ecsRequest has every field of the actions' requests but RegisterTaskDefinition's.
type ecsRequest struct {
	Cluster, Service, ServiceName, TaskDefinition, FamilyPrefix, Sort, Status, DesiredStatus, NextToken string
	Services, Tasks, Include                                                                            []string
	MaxResults                                                                                          int
	ForceNewDeployment                                                                                  bool
}

// inCluster refuses a request for another cluster than c, unless the action is not a cluster's.
func inCluster(c *ECSCluster, answer func(ecsRequest) (any, *awsError)) func([]byte) (any, *awsError) {
	return func(body []byte) (any, *awsError) {
		var asked ecsRequest
		if err := json.Unmarshal(body, &asked); err != nil {
			return nil, &awsError{"SerializationException", err.Error()}
		}
		if c != nil && asked.Cluster != c.Name && asked.Cluster != c.arn("cluster/"+c.Name) {
			return nil, &awsError{"ClusterNotFoundException", "Cluster not found."}
		}
		return answer(asked)
	}
}

func (c *ECSCluster) arn(resource string) string {
	return "arn:aws:ecs:" + c.Region + ":" + c.Account + ":" + resource
}

func (c *ECSCluster) listClusters(ecsRequest) (any, *awsError) {
	return map[string]any{"clusterArns": []string{c.arn("cluster/" + c.Name)}}, nil
}
