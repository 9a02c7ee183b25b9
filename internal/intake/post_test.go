package intake

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/require"

	"bellwether/pipeline"
)

// patience is how long a test waits for what must happen.
const patience = 15 * time.Second

// wire is the connection to SQS: it notes every call, and breaks those it is told to.
type wire struct {
	mu    sync.Mutex
	calls []call
	fail  map[string]int // operation: how many of the next ones fail
	open  map[string]int
	most  map[string]int // at the same time
}

type call struct {
	operation string
	at        time.Time // when it began
	deadline  time.Time // zero without one
}

func (w *wire) Do(r *http.Request) (*http.Response, error) {
	operation := strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "AmazonSQS.")
	w.mu.Lock()
	deadline, _ := r.Context().Deadline()
	w.calls = append(w.calls, call{operation, time.Now(), deadline})
	broken := w.fail[operation] > 0
	w.fail[operation]--
	w.open[operation]++
	w.most[operation] = max(w.most[operation], w.open[operation])
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.open[operation]--
	}()
	if broken {
		return nil, errors.New("the line broke")
	}
	return http.DefaultClient.Do(r)
}

func (w *wire) of(operation string) []call {
	w.mu.Lock()
	defer w.mu.Unlock()
	var some []call
	for _, c := range w.calls {
		if c.operation == operation {
			some = append(some, c)
		}
	}
	return some
}

func (w *wire) atOnce(operation string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.most[operation]
}

// post is a queue with its dead-letter queue in SQS, and the desk behind it.
type post struct {
	*Queue
	desk *desk
	wire *wire
	plan *sqs.Client // for the test itself
}

// newPost has queues of its own; a message in hand is hidden for one second.
func newPost(t *testing.T, endpoint string, submit func(ctx context.Context, change pipeline.Change) ([]pipeline.Receipt, error)) *post {
	t.Helper()
	client := func(over aws.HTTPClient) *sqs.Client {
		return sqs.NewFromConfig(aws.Config{
			Region: "eu-west-1", BaseEndpoint: &endpoint, HTTPClient: over, RetryMaxAttempts: 1,
			Credentials: credentials.NewStaticCredentialsProvider("key", "secret", ""),
		})
	}
	p := &post{
		desk: newDesk(submit), plan: client(http.DefaultClient),
		wire: &wire{fail: map[string]int{}, open: map[string]int{}, most: map[string]int{}},
	}
	name := strings.NewReplacer("/", "-", "_", "-").Replace(t.Name())
	t.Cleanup(func() {
		if _, _, _, logged := p.desk.told(); t.Failed() {
			t.Log(logged)
		}
	})
	p.Queue = &Queue{
		Client: client(p.wire), URL: p.create(t, name), DeadLetter: p.create(t, name+"-dead"), LongPoll: time.Second,
		Visibility: time.Second, Intake: p.desk.Intake, Log: p.desk.Log,
	}
	return p
}

func (p *post) create(t *testing.T, name string) string {
	t.Helper()
	out, err := p.plan.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: &name})
	require.NoError(t, err)
	return *out.QueueUrl
}

func (p *post) send(t *testing.T, bodies ...string) {
	t.Helper()
	for _, body := range bodies {
		_, err := p.plan.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &p.URL, MessageBody: &body})
		require.NoError(t, err)
	}
}

// receive works until the test ends or stop is called; ended is closed then.
func (p *post) receive(t *testing.T) (stop func(), ended <-chan struct{}) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.Receive(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return cancel, done
}

// left counts the messages of a queue, hidden ones too.
func (p *post) left(t *testing.T, url string) string {
	t.Helper()
	out, err := p.plan.GetQueueAttributes(context.WithoutCancel(t.Context()), &sqs.GetQueueAttributesInput{
		QueueUrl: &url, AttributeNames: []types.QueueAttributeName{"ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"},
	})
	require.NoError(t, err)
	return out.Attributes["ApproximateNumberOfMessages"] + " and hidden " + out.Attributes["ApproximateNumberOfMessagesNotVisible"]
}

const empty = "0 and hidden 0"

// wait polls until the condition holds.
func wait(t *testing.T, why string, condition func() bool) {
	t.Helper()
	require.Eventually(t, condition, patience, 10*time.Millisecond, why)
}

func (p *post) waitEmpty(t *testing.T) {
	t.Helper()
	wait(t, "the queue empties", func() bool { return p.left(t, p.URL) == empty })
}

func (p *post) submitted() []string {
	submitted, _, _, _ := p.desk.told()
	return submitted
}

func (p *post) counted() []string {
	_, _, counted, _ := p.desk.told()
	return counted
}

// hold waits until the test goes on, or has failed.
func hold(t *testing.T, goOn <-chan struct{}) {
	select {
	case <-goOn:
	case <-t.Context().Done():
	}
}

// numbered is a change with an event id of its own.
func numbered(id string) string { return strings.Replace(change(checkout), "e-1", id, 1) }
