package intake

import (
	"cmp"
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"golang.org/x/sync/semaphore"
)

// How messages are received.
const (
	batch      = 10              // messages at once; AWS allows no more
	inHand     = 100             // messages that one receiver has in hand at most
	retryDelay = 2 * time.Second // after a failed receive
	grace      = 5 * time.Second // for the answer to a long poll to arrive
)

// Queue receives events from SQS.
type Queue struct {
	Client     *sqs.Client
	URL        string
	DeadLetter string        // URL; empty: what is refused stays for the queue's redrive policy
	Receivers  int           // default 1
	LongPoll   time.Duration // whole seconds, at most 20; default 20 s
	Visibility time.Duration // for how long a message in hand is hidden from others, time and again; whole seconds; default 30 s
	Settle     time.Duration // how long to wait between storing a run and deleting its message
	Intake     *Intake
	Log        *slog.Logger
}

// Receive works until ctx ends, and returns once everything in hand is finished.
func (q *Queue) Receive(ctx context.Context) {
	var work sync.WaitGroup
	for range max(1, q.Receivers) {
		work.Go(func() { q.poll(ctx, &work) })
	}
	work.Wait()
}

// poll takes each message in its own goroutine, so that a slow one holds up no other. It receives only when there is room
// for a whole batch: a message that waited here for room would not be kept hidden.
func (q *Queue) poll(ctx context.Context, work *sync.WaitGroup) {
	room := semaphore.NewWeighted(inHand)
	for ctx.Err() == nil && room.Acquire(ctx, batch) == nil {
		messages, err := q.receive(ctx)
		room.Release(int64(batch - len(messages)))
		if err != nil && ctx.Err() == nil {
			q.Log.Error("receive from SQS failed", "error", err)
			pause(ctx, retryDelay)
		}
		for _, m := range messages {
			work.Go(func() {
				defer room.Release(1)
				q.take(ctx, m)
			})
		}
	}
}

// receive is one long poll, ended from here when the connection has gone dead.
func (q *Queue) receive(ctx context.Context) ([]types.Message, error) {
	wait := cmp.Or(q.LongPoll, 20*time.Second)
	ctx, cancel := context.WithTimeout(ctx, wait+grace)
	defer cancel()
	out, err := q.Client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl: &q.URL, MaxNumberOfMessages: batch,
		WaitTimeSeconds: seconds(wait), VisibilityTimeout: seconds(q.visibility()),
	})
	if err != nil {
		return nil, err
	}
	return out.Messages, nil
}

// take brings one message to its end, keeping it hidden from other receivers meanwhile.
func (q *Queue) take(ctx context.Context, m types.Message) {
	// A message that was begun is finished also while the process stops: it is one write to Redis.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*q.visibility())
	defer cancel() // ends keepHidden too
	go q.keepHidden(ctx, m)

	_, err := q.Intake.Take(ctx, []byte(aws.ToString(m.Body)))
	final := isFinal(err)
	switch {
	case err != nil && !final:
		q.Log.Error("event not stored; it stays in the queue", "message", aws.ToString(m.MessageId), "error", err)
		return
	case final && q.DeadLetter == "":
		return
	case final:
		err = q.bury(ctx, m, err)
	}
	if err != nil {
		q.Log.Error("send to the dead-letter queue failed; the event stays in the queue", "error", err)
		return
	}
	pause(ctx, q.Settle)
	if _, err := q.Client.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: &q.URL, ReceiptHandle: m.ReceiptHandle}); err != nil {
		q.Log.Warn("delete from SQS failed; the event will come again and be recognised", "error", err)
	}
}

func (q *Queue) keepHidden(ctx context.Context, m types.Message) {
	tick := time.NewTicker(q.visibility() / 3)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			_, err := q.Client.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{
				QueueUrl: &q.URL, ReceiptHandle: m.ReceiptHandle, VisibilityTimeout: seconds(q.visibility()),
			})
			if err != nil && ctx.Err() == nil {
				q.Log.Warn("extend visibility failed", "error", err)
			}
		}
	}
}

// bury sends a refused event to the dead-letter queue, as it came, with the reason.
func (q *Queue) bury(ctx context.Context, m types.Message, why error) error {
	reason := show(why.Error(), q.Intake.Redact)
	_, err := q.Client.SendMessage(ctx, &sqs.SendMessageInput{
		QueueUrl: &q.DeadLetter, MessageBody: m.Body,
		MessageAttributes: map[string]types.MessageAttributeValue{
			"reason": {DataType: aws.String("String"), StringValue: &reason},
		},
	})
	return err
}

func (q *Queue) visibility() time.Duration { return cmp.Or(q.Visibility, 30*time.Second) }

func seconds(d time.Duration) int32 { return int32(d.Seconds()) }

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
