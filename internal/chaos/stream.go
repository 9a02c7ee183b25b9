package chaos

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/require"

	"bellwether/internal/peers"
)

const region = "eu-west-1"

// stream sends changes through SQS: new versions, some of them broken, the same event again, and an older change after a
// newer one.
type stream struct {
	t        testing.TB
	sqs      *sqs.Client
	endpoint string
	url      string // of the queue
	rand     *rand.Rand
	number   int // of the last version
	sent     []change
	events   int // messages in all, repeats too
}

// change is one that must be reported once in each environment of its service.
type change struct {
	service, version string
	body             string
}

// newStream makes a queue of its own.
func newStream(ctx context.Context, t testing.TB, seed uint64) *stream {
	s := &stream{t: t, endpoint: peers.SQS(t), rand: rand.New(rand.NewPCG(seed, 2))}
	s.sqs = sqs.NewFromConfig(aws.Config{
		Region: region, BaseEndpoint: &s.endpoint, Credentials: credentials.NewStaticCredentialsProvider("any", "any", ""),
	})
	out, err := s.sqs.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("changes")})
	require.NoError(t, err)
	s.url = *out.QueueUrl
	return s
}

// run sends something every few seconds until ctx ends.
func (s *stream) run(ctx context.Context) {
	for ctx.Err() == nil {
		s.some()
		select {
		case <-ctx.Done():
		case <-time.After(time.Second + time.Duration(s.rand.Int64N(int64(4*time.Second)))):
		}
	}
}

func (s *stream) some() {
	names := slices.Sorted(maps.Keys(services))
	service, now := names[s.rand.IntN(len(names))], time.Now()
	switch chance := s.rand.Float64(); {
	case chance < 0.2 && len(s.sent) > 0:
		s.send(s.sent[s.rand.IntN(len(s.sent))])
	case chance < 0.35:
		older, newer := s.change(service, "v", now.Add(-10*time.Second)), s.change(service, "v", now)
		s.first(newer)
		s.first(older)
	case chance < 0.5:
		c := s.change(service, "v", now)
		s.first(c)
		s.send(c)
	case chance < 0.6:
		s.first(s.change(service, "b", now))
	default:
		s.first(s.change(service, "v", now))
	}
}

// last sends a change of every service, newer than all before, so that it is known which version each environment has in
// the end.
func (s *stream) last() {
	for _, name := range slices.Sorted(maps.Keys(services)) {
		s.first(s.change(name, "v", time.Now().Add(5*time.Second)))
	}
}

// empty is the queue when everything was taken, stored and deleted.
func (s *stream) empty(ctx context.Context) bool {
	out, err := s.sqs.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
		QueueUrl: &s.url, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameAll},
	})
	return err == nil && out.Attributes["ApproximateNumberOfMessages"] == "0" &&
		out.Attributes["ApproximateNumberOfMessagesNotVisible"] == "0"
}

// latest is the newest good version of a service.
func (s *stream) latest(service string) (version string) {
	for _, c := range s.sent {
		if c.service == service && c.version > version {
			version = c.version
		}
	}
	return version
}

// change makes the next version of a service, good (v) or broken (b), merged at a time. Versions have the same length, so
// that none is in another.
func (s *stream) change(service, letter string, at time.Time) change {
	s.number++
	version := fmt.Sprintf("%s%04d", letter, s.number)
	body, err := json.Marshal(object{
		"id": fmt.Sprintf("event-%s", version), "detail-type": "Bellwether Change", "source": "ci", "time": at.UTC().Format(time.RFC3339Nano),
		"detail": object{"kind": "service", "name": service, "revision": "r-" + version, "version": version, "title": "Release " + version},
	})
	require.NoError(s.t, err)
	return change{service, version, string(body)}
}

func (s *stream) first(c change) {
	s.sent = append(s.sent, c)
	s.send(c)
}

func (s *stream) send(c change) {
	s.events++
	if _, err := s.sqs.SendMessage(context.Background(), &sqs.SendMessageInput{QueueUrl: &s.url, MessageBody: &c.body}); err != nil {
		s.t.Errorf("send to the local SQS: %v", err)
	}
}
