package app

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/require"

	"bellwether/internal/peers"
)

// shop is the system under test. It is as slow as what was deployed last: a version called "…-slow" takes its time.
type shop struct {
	URL      string
	Requests atomic.Int64
}

func openShop(t *testing.T, deployed string) *shop {
	t.Helper()
	s := &shop{}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		s.Requests.Add(1)
		takes := 60 * time.Millisecond
		if version, _ := os.ReadFile(deployed); strings.HasSuffix(string(version), "-slow") {
			takes = 180 * time.Millisecond
		}
		select {
		case <-time.After(takes):
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(server.Close)
	s.URL = server.URL
	return s
}

// underLoad waits until the shop is in the middle of a measurement.
func (s *shop) underLoad(t *testing.T) {
	t.Helper()
	before := s.Requests.Load()
	eventually(t, "the shop is under load", func() bool { return s.Requests.Load() > before+20 })
}

// queue is the way of an event: bus, rule, queue, and the dead-letter queue beside it.
type queue struct {
	bus       *peers.Bus
	sqs       *sqs.Client
	url, dead string
}

// listenSQS has the site publish to EventBridge, and listen to what EventBridge forwards to SQS by the rule that users
// deploy. SQS may deliver everything twice, and this one does.
func (s *site) listenSQS(t *testing.T) *queue {
	t.Helper()
	const region = "eu-west-1"
	endpoint := peers.SQS(t)
	q := &queue{sqs: sqs.NewFromConfig(aws.Config{
		Region: region, BaseEndpoint: &endpoint, Credentials: credentials.NewStaticCredentialsProvider("any", "any", ""),
	})}
	q.url, q.dead = q.create(t, "changes"), q.create(t, "changes-dead")
	pattern, err := os.ReadFile("../../deploy/eventbridge/pattern.json")
	require.NoError(t, err)
	q.bus = peers.EventBridge(t, pattern, func(envelope []byte) {
		for range 2 {
			q.send(t, string(envelope))
		}
	})
	s.settings["publish"] = object{"eventbridge": object{"bus": q.bus.Name, "region": q.bus.Region, "endpoint": q.bus.URL}}
	s.settings["intake"].(object)["sqs"] = object{
		"queue_url": q.url, "dead_letter_url": q.dead, "region": region, "endpoint": endpoint,
	}
	s.env = append(s.env, "AWS_ACCESS_KEY_ID="+q.bus.AccessKey, "AWS_SECRET_ACCESS_KEY="+q.bus.SecretKey)
	return q
}

func (q *queue) create(t *testing.T, name string) string {
	t.Helper()
	out, err := q.sqs.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: &name})
	require.NoError(t, err)
	return *out.QueueUrl
}

func (q *queue) send(t *testing.T, body string) {
	if _, err := q.sqs.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &q.url, MessageBody: &body}); err != nil {
		t.Error(err)
	}
}

// empty waits until every message was taken and deleted.
func (q *queue) empty(t *testing.T) {
	t.Helper()
	eventually(t, "the queue is empty", func() bool {
		out, err := q.sqs.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{
			QueueUrl: &q.url, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameAll},
		})
		return err == nil && out.Attributes["ApproximateNumberOfMessages"] == "0" &&
			out.Attributes["ApproximateNumberOfMessagesNotVisible"] == "0"
	})
}

// message is what Slack shows, read and raw.
type message struct {
	peers.SlackMessage
	Raw string
}

// messages of a channel and its threads.
func (s *site) messages(t *testing.T, channel string) []message {
	t.Helper()
	r, err := http.Get(s.slack.URL + "/_control/messages/" + channel)
	require.NoError(t, err)
	defer r.Body.Close()
	var got struct{ Messages []json.RawMessage }
	require.NoError(t, json.NewDecoder(r.Body).Decode(&got))
	all := make([]message, len(got.Messages))
	for i, raw := range got.Messages {
		require.NoError(t, json.Unmarshal(raw, &all[i]))
		all[i].Raw = string(raw)
	}
	return all
}

// intent is what a message of Bellwether's carries: in its first block's id, or its file's name.
func (m message) intent() string {
	switch {
	case len(m.Files) > 0:
		return m.Files[0].Name
	case len(m.Blocks) > 0:
		return m.Blocks[0].ID
	}
	return ""
}

// message of a run, which must be there once.
func (s *site) message(t *testing.T, run, name string) message {
	t.Helper()
	intent := run + "/slack:" + peers.SlackChannel + "/" + name
	file := strings.NewReplacer("/", "-", ":", "-").Replace(intent) + "-"
	var some []message
	for _, m := range s.messages(t, peers.SlackChannel) {
		if m.intent() == intent || strings.HasPrefix(m.intent(), file) {
			some = append(some, m)
		}
	}
	require.Len(t, some, 1, intent)
	return some[0]
}
