package intake

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/require"

	"bellwether/internal/peers"
	"bellwether/pipeline"
)

func TestQueue(t *testing.T) {
	endpoint := peers.SQS(t)
	for name, test := range map[string]func(t *testing.T, endpoint string){
		"long poll":                     longPollBringsWhatComes,
		"delete after submit":           deletesOnceStoredAndSettled,
		"submit fails":                  submitFailureBringsTheMessageBack,
		"slow submit":                   slowSubmitKeepsTheMessageHidden,
		"slow submit holds up no other": slowSubmitHoldsUpNoOther,
		"refused":                       refusedGoesToTheDeadLetterQueue,
		"refused, no dead letters":      refusedStaysWithoutADeadLetterQueue,
		"refused, dead letters fail":    refusedStaysUntilItIsBuried,
		"poison":                        poisonStopsNothing,
		"receivers":                     severalReceiversPoll,
		"stop":                          stopFinishesWhatIsInHand,
		"receive fails":                 receiveFailureIsTriedAgain,
		"delete fails":                  deleteFailureBringsTheMessageBack,
		"room":                          noMoreInHandThanThereIsRoom,
		"line":                          fromBusToSubmit,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, endpoint)
		})
	}
}

func longPollBringsWhatComes(t *testing.T, endpoint string) {
	p := newPost(t, endpoint, accept)
	p.LongPoll = 0 // the default
	p.receive(t)
	wait(t, "a poll is open", func() bool { return len(p.wire.of("ReceiveMessage")) == 1 })
	p.send(t, change(checkout))
	wait(t, "the event arrives", func() bool { return len(p.submitted()) == 1 })
	p.waitEmpty(t)
	require.LessOrEqual(t, len(p.wire.of("ReceiveMessage")), 2, "it waits, instead of asking again and again")
}

func deletesOnceStoredAndSettled(t *testing.T, endpoint string) {
	const settle = 400 * time.Millisecond
	begun, goOn := make(chan struct{}), make(chan struct{})
	var stored atomic.Pointer[time.Time]
	p := newPost(t, endpoint, func(ctx context.Context, c pipeline.Change) ([]pipeline.Receipt, error) {
		close(begun)
		hold(t, goOn)
		now := time.Now()
		stored.Store(&now)
		return accept(ctx, c)
	})
	p.Settle = settle
	p.send(t, change(checkout))
	p.receive(t)
	<-begun
	require.Empty(t, p.wire.of("DeleteMessage"))
	close(goOn)
	p.waitEmpty(t)
	deletes := p.wire.of("DeleteMessage")
	require.Len(t, deletes, 1)
	require.GreaterOrEqual(t, deletes[0].at.Sub(*stored.Load()), settle)
	require.Equal(t, []string{Taken}, p.counted())
}

func submitFailureBringsTheMessageBack(t *testing.T, endpoint string) {
	var attempts atomic.Int32
	p := newPost(t, endpoint, func(ctx context.Context, c pipeline.Change) ([]pipeline.Receipt, error) {
		if attempts.Add(1) == 1 {
			return nil, errors.New("redis is down")
		}
		return accept(ctx, c)
	})
	p.send(t, change(checkout))
	p.receive(t)
	p.waitEmpty(t)
	require.Equal(t, []string{"e-1", "e-1"}, p.submitted())
	require.Equal(t, []string{Broken, Taken}, p.counted())
	require.Len(t, p.wire.of("DeleteMessage"), 1)
	require.Equal(t, empty, p.left(t, p.DeadLetter))
}

func slowSubmitKeepsTheMessageHidden(t *testing.T, endpoint string) {
	goOn := make(chan struct{})
	p := newPost(t, endpoint, func(ctx context.Context, c pipeline.Change) ([]pipeline.Receipt, error) {
		hold(t, goOn)
		return accept(ctx, c)
	})
	p.Receivers = 2
	p.send(t, change(checkout))
	p.receive(t)
	wait(t, "the message is hidden for more than twice its time", func() bool { return len(p.wire.of("ChangeMessageVisibility")) > 6 })
	require.Len(t, p.submitted(), 1, "nobody else got it")
	close(goOn)
	p.waitEmpty(t)
	require.Len(t, p.submitted(), 1)
}

func slowSubmitHoldsUpNoOther(t *testing.T, endpoint string) {
	goOn := make(chan struct{})
	p := newPost(t, endpoint, func(ctx context.Context, c pipeline.Change) ([]pipeline.Receipt, error) {
		if c.EventID == "slow" {
			hold(t, goOn)
		}
		return accept(ctx, c)
	})
	p.send(t, numbered("slow"))
	p.receive(t)
	wait(t, "the slow one is in hand", func() bool { return len(p.submitted()) == 1 })
	p.send(t, numbered("a"), numbered("b"), numbered("c"))
	wait(t, "the others are taken", func() bool { return len(p.counted()) == 3 })
	close(goOn)
	p.waitEmpty(t)
	require.Len(t, p.submitted(), 4)
}

func refusedGoesToTheDeadLetterQueue(t *testing.T, endpoint string) {
	p := newPost(t, endpoint, func(context.Context, pipeline.Change) ([]pipeline.Receipt, error) {
		return nil, &pipeline.Refusal{Reason: "ref: hunter2 is not one of the branches"}
	})
	want := map[string]string{
		`{"detail-type": "Ünknown"}`: `detail-type: "Ünknown" is neither "Bellwether Change" nor "ECR Image Action"`,
		change(checkout):             "ref: *** is not one of the branches",
	}
	for body := range want {
		p.send(t, body)
	}
	p.receive(t)
	p.waitEmpty(t)
	got := map[string]string{}
	wait(t, "both are buried", func() bool {
		out, err := p.plan.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{
			QueueUrl: &p.DeadLetter, MaxNumberOfMessages: 10, MessageAttributeNames: []string{"All"},
		})
		require.NoError(t, err)
		for _, m := range out.Messages {
			got[*m.Body] = aws.ToString(m.MessageAttributes["reason"].StringValue)
		}
		return len(got) == 2
	})
	require.Equal(t, want, got)
	require.Equal(t, []string{Refused, Refused}, p.counted())
}

func refusedStaysWithoutADeadLetterQueue(t *testing.T, endpoint string) {
	p := newPost(t, endpoint, accept)
	p.DeadLetter = ""
	p.send(t, `{}`)
	p.receive(t)
	wait(t, "it comes again", func() bool { return len(p.counted()) == 2 })
	require.Equal(t, []string{Refused, Refused}, p.counted())
	require.Empty(t, p.wire.of("SendMessage"))
	require.Empty(t, p.wire.of("DeleteMessage"))
	_, refused, _, _ := p.desk.told()
	require.Equal(t, refused[0], refused[1], "under one key, so that people read it once")
}

func refusedStaysUntilItIsBuried(t *testing.T, endpoint string) {
	p := newPost(t, endpoint, accept)
	p.wire.fail["SendMessage"] = 1
	p.send(t, `{}`)
	p.receive(t)
	p.waitEmpty(t)
	require.Equal(t, []string{Refused, Refused}, p.counted())
	require.Equal(t, "1 and hidden 0", p.left(t, p.DeadLetter))
	require.Len(t, p.wire.of("DeleteMessage"), 1)
}

func poisonStopsNothing(t *testing.T, endpoint string) {
	p := newPost(t, endpoint, func(ctx context.Context, c pipeline.Change) ([]pipeline.Receipt, error) {
		if c.EventID == "poison" {
			panic("index out of range")
		}
		return accept(ctx, c)
	})
	p.send(t, numbered("poison"), numbered("a"), numbered("b"))
	p.receive(t)
	wait(t, "the others are deleted and the poison came again", func() bool {
		return len(p.wire.of("DeleteMessage")) == 2 && strings.Count(strings.Join(p.submitted(), " "), "poison") == 2
	})
	p.send(t, numbered("c"))
	wait(t, "it still works", func() bool { return len(p.wire.of("DeleteMessage")) == 3 })
	require.NotEqual(t, empty, p.left(t, p.URL), "the poison is left to the redrive policy")
}

func severalReceiversPoll(t *testing.T, endpoint string) {
	p := newPost(t, endpoint, accept)
	p.Receivers = 3
	p.receive(t)
	wait(t, "three polls are open", func() bool { return p.wire.atOnce("ReceiveMessage") == 3 })
	for i := range 20 {
		p.send(t, numbered(fmt.Sprint("e-", i)))
	}
	p.waitEmpty(t)
	require.Len(t, p.submitted(), 20)
	require.Equal(t, 3, p.wire.atOnce("ReceiveMessage"))
}

func stopFinishesWhatIsInHand(t *testing.T, endpoint string) {
	goOn := make(chan struct{})
	p := newPost(t, endpoint, func(ctx context.Context, c pipeline.Change) ([]pipeline.Receipt, error) {
		hold(t, goOn)
		return []pipeline.Receipt{{Outcome: pipeline.Accepted}}, ctx.Err() // a write to Redis fails when its context has ended
	})
	p.Settle = 100 * time.Millisecond
	p.send(t, change(checkout))
	stop, ended := p.receive(t)
	wait(t, "it is in hand", func() bool { return len(p.submitted()) == 1 })
	stop()
	wait(t, "it is kept hidden", func() bool { return len(p.wire.of("ChangeMessageVisibility")) > 3 })
	select {
	case <-ended:
		t.Fatal("stopped with a message in hand")
	default:
	}
	close(goOn)
	<-ended
	require.Equal(t, []string{Taken}, p.counted())
	require.Equal(t, empty, p.left(t, p.URL))
}

func receiveFailureIsTriedAgain(t *testing.T, endpoint string) {
	p := newPost(t, endpoint, accept)
	p.wire.fail["ReceiveMessage"] = 1
	p.send(t, change(checkout))
	p.receive(t)
	p.waitEmpty(t)
	require.Len(t, p.submitted(), 1)
	_, _, _, logged := p.desk.told()
	require.Contains(t, logged, "receive from SQS failed")
	polls := p.wire.of("ReceiveMessage")
	require.GreaterOrEqual(t, polls[1].at.Sub(polls[0].at), retryDelay)
	for _, c := range polls {
		require.WithinDuration(t, c.at.Add(time.Second+grace), c.deadline, time.Second, "a dead connection is given up")
	}
}

func deleteFailureBringsTheMessageBack(t *testing.T, endpoint string) {
	p := newPost(t, endpoint, accept)
	p.wire.fail["DeleteMessage"] = 1
	p.send(t, change(checkout))
	p.receive(t)
	p.waitEmpty(t)
	require.Equal(t, []string{"e-1", "e-1"}, p.submitted(), "Submit recognises it by its id")
}

func noMoreInHandThanThereIsRoom(t *testing.T, endpoint string) {
	const events = inHand + 2*batch
	var now atomic.Int32
	var tooMany atomic.Bool
	goOn := make(chan struct{})
	p := newPost(t, endpoint, func(ctx context.Context, c pipeline.Change) ([]pipeline.Receipt, error) {
		if now.Add(1) > inHand {
			tooMany.Store(true)
		}
		defer now.Add(-1)
		hold(t, goOn)
		return accept(ctx, c)
	})
	p.Visibility = 3 * time.Second
	for first := 0; first < events; first += batch {
		var entries []types.SendMessageBatchRequestEntry
		for i := first; i < first+batch; i++ {
			entries = append(entries, types.SendMessageBatchRequestEntry{
				Id: aws.String(fmt.Sprint(i)), MessageBody: aws.String(numbered(fmt.Sprint("e-", i))),
			})
		}
		_, err := p.plan.SendMessageBatch(t.Context(), &sqs.SendMessageBatchInput{QueueUrl: &p.URL, Entries: entries})
		require.NoError(t, err)
	}
	p.receive(t)
	wait(t, "hands are full", func() bool { return now.Load() > inHand-batch })
	close(goOn)
	p.waitEmpty(t)
	distinct := slices.Compact(slices.Sorted(slices.Values(p.submitted())))
	require.Len(t, distinct, events)
	require.False(t, tooMany.Load())
}
