package app

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/bot"
	"bellwether/internal/peers"
	"bellwether/pipeline"
)

// What the platforms take in one channel, or one thread, in a second.
const (
	slackPace = 1
	teamsPace = 7
)

// instant is a platform that takes whatever it is given at once.
type instant struct {
	posted atomic.Int64
	wanted int64
	all    chan struct{} // closed once so many were posted
}

func (i *instant) Post(context.Context, bot.Outgoing) (string, error) {
	n := i.posted.Add(1)
	if n == i.wanted {
		close(i.all)
	}
	return fmt.Sprint(n), nil
}

func (i *instant) Edit(context.Context, bot.Outgoing, string) error { return nil }

func (i *instant) Find(context.Context, bot.Outgoing, time.Time) (string, error) { return "", nil }

// BenchmarkChannel measures how many messages a second go through one channel's lane on a Redis that syncs every write, with
// the intent stored before and the platform's id after, beside what the platforms take.
func BenchmarkChannel(b *testing.B) {
	const messages = 500
	for b.Loop() {
		slack := peers.NewFlakySlack(peers.SlackChannel)
		b.Cleanup(slack.Close)
		s, chat := openQuiet(b, slack), &instant{wanted: messages, all: make(chan struct{})}
		s.postman.Chats["slack"] = chat
		for i := range messages {
			o := bot.Outgoing{
				ID: fmt.Sprint("bench/", i), Channel: pipeline.Channel{Platform: "slack", ID: peers.SlackChannel}, Version: 1,
				Message: bot.Message{Title: "checkout 1.5.0 passed", Body: []bot.Text{bot.Plain("p95 228 ms, was 226 ms")}},
			}
			require.NoError(b, s.store.Want(b.Context(), o, time.Now()))
		}
		ctx, stop := context.WithCancel(b.Context())
		began, ended := time.Now(), make(chan error, 1)
		go func() { ended <- s.lanes.Drain(ctx, "channel/", s.deliver) }()
		select {
		case <-chat.all:
		case <-time.After(time.Minute):
		}
		rate := float64(chat.posted.Load()) / time.Since(began).Seconds()
		stop()
		<-ended
		b.ReportMetric(rate, "messages/s")
		b.ReportMetric(rate/slackPace, "x-slack-limit")
		b.ReportMetric(rate/teamsPace, "x-teams-limit")
	}
}
