package connector

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"
)

// windows are what Teams takes of a bot in one conversation, that is a chat or a channel with all its threads: so many messages
// in so long. It counts when they arrive, some of them sooner than others, for which there is a tenth of a second.
// https://learn.microsoft.com/microsoftteams/platform/bots/how-to/rate-limit
var windows = []struct {
	most int
	in   time.Duration
}{{7, time.Second + spread}, {8, 2*time.Second + spread}, {60, 30*time.Second + spread}, {1800, longestWindow}}

const (
	spread        = 100 * time.Millisecond
	longestWindow = time.Hour + spread
	waits         = 5 * time.Second // that Pace makes its caller wait; for more it says Busy
	sweepAt       = 1000            // conversations, from which on the quiet ones are forgotten
)

// Pace keeps what is sent within what Teams takes. A token bucket would not do: it lets through twice the most in a window
// that begins with a full one.
type Pace struct {
	Now func() time.Time

	mu   sync.Mutex
	sent map[string][]time.Time // by conversation, oldest first; some of them still to come
}

// Busy says that a conversation takes nothing for a while.
type Busy struct{ After time.Duration }

func (e *Busy) Error() string {
	return fmt.Sprintf("teams takes no more messages in this conversation for %s", e.After.Round(time.Second))
}

// Wait returns when the conversation, or that of the thread, takes another message. It returns a *Busy at once when that is
// long, and an *Unsent when the context ends.
func (p *Pace) Wait(ctx context.Context, conversation string) error {
	whole, _, _ := strings.Cut(conversation, ThreadMark)
	wait := p.reserve(whole)
	switch {
	case wait <= 0:
		return nil
	case wait > waits:
		return &Busy{After: wait}
	}
	select {
	case <-time.After(wait):
		return nil
	case <-ctx.Done():
		return &Unsent{Err: fmt.Errorf("wait for a turn in teams: %w", ctx.Err())}
	}
}

// reserve takes the next turn and returns how far off it is; too far off, it is not taken.
func (p *Pace) reserve(conversation string) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.Now()
	sent := recent(p.sent[conversation], now)
	turn := now
	for _, w := range windows {
		if len(sent) >= w.most {
			turn = latest(turn, sent[len(sent)-w.most].Add(w.in))
		}
	}
	wait := turn.Sub(now)
	if wait <= waits {
		p.keep(conversation, append(sent, turn), now)
	}
	return wait
}

func (p *Pace) keep(conversation string, sent []time.Time, now time.Time) {
	if p.sent == nil {
		p.sent = map[string][]time.Time{}
	}
	if len(p.sent) >= sweepAt {
		for quiet, times := range p.sent {
			if len(recent(times, now)) == 0 {
				delete(p.sent, quiet)
			}
		}
	}
	p.sent[conversation] = sent
}

// recent are the times that still count.
func recent(sent []time.Time, now time.Time) []time.Time {
	for len(sent) > 0 && now.Sub(sent[0]) >= longestWindow {
		sent = sent[1:]
	}
	return sent
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
