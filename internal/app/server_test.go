package app

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"bellwether/bot"
	"bellwether/internal/lane"
	"bellwether/internal/store"
	"bellwether/internal/web"
	"bellwether/pipeline"
)

var (
	load = pipeline.Submission{Run: pipeline.Run{Cause: pipeline.CauseFull, Environment: "load"}}
	team = pipeline.Channel{Platform: "web", ID: "team"}
)

// bare is a server with nothing but its store; what fails is tried again almost at once.
func bare(t *testing.T) *server {
	client := redis.NewClient(&redis.Options{Addr: miniredis.RunT(t).Addr()})
	t.Cleanup(func() { _ = client.Close() })
	log := slog.New(slog.DiscardHandler)
	lanes := &lane.Lanes{Redis: client, Prefix: "bw:", Sweep: 5 * time.Millisecond, Log: log}
	lanes.Backoff = func(int) time.Duration { return time.Millisecond }
	clock := &lane.Clock{Redis: client}
	require.NoError(t, clock.Ask(t.Context()))
	wrong := func() time.Time { return time.Now().Add(time.Hour) } // a machine's own clock, which must delay nothing
	return &server{log: log, now: wrong, clock: clock, lanes: lanes, store: &store.Store{Lanes: lanes}, metrics: web.NewMetrics()}
}

// drain works the lane until nothing is left in it.
func (s *server) drain(t *testing.T, name string, work lane.Work) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.lanes.Drain(ctx, name, work) }()
	eventually(t, name+" is empty", func() bool {
		state, err := s.lanes.State(ctx, name)
		return err == nil && state.Held == nil && len(state.Waiting) == 0
	})
	stop()
	require.NoError(t, <-ended)
}

// teller hears of runs.
type teller func(pipeline.Run)

func (f teller) Tell(_ context.Context, run pipeline.Run) error { f(run); return nil }
func (f teller) TellHold(context.Context, pipeline.Hold) error  { return nil }

// A run that breaks Bellwether each time is ended, and then the next one has its turn.
func TestARunThatKeepsFailingIsEnded(t *testing.T) {
	s := bare(t)
	for _, id := range []string{"R1", "R2"} {
		receipt, err := s.store.Enqueue(t.Context(), load)
		require.NoError(t, err)
		require.Equal(t, id, receipt.Run)
	}
	var told []string
	tries := 0
	s.runner = &pipeline.Runner{
		Ledger: s.store, Now: time.Now, Catalog: func() *pipeline.Catalog { tries++; panic("poison") },
		Teller: teller(func(run pipeline.Run) { told = append(told, run.ID+" "+string(run.Verdict)) }),
	}
	s.drain(t, "environment/load", s.workRun)
	run, err := s.store.Load(t.Context(), "R1")
	require.NoError(t, err)
	require.Equal(t, "it broke 10 times; Bellwether's log says why, look for R1", run.Reason)
	require.Equal(t, []string{"R1 failed", "R2 failed"}, told)
	require.Equal(t, 2*poisonous, tries)
}

// Even when it breaks what tells of its end, a run does not hold its environment for ever.
func TestARunThatCannotBeToldIsDropped(t *testing.T) {
	s := bare(t)
	_, err := s.store.Enqueue(t.Context(), load)
	require.NoError(t, err)
	s.runner = &pipeline.Runner{
		Ledger: s.store, Now: time.Now, Catalog: func() *pipeline.Catalog { panic("poison") },
		Teller: teller(func(pipeline.Run) { panic("poison") }),
	}
	s.drain(t, "environment/load", s.workRun)
	run, err := s.store.Load(t.Context(), "R1")
	require.NoError(t, err)
	require.Equal(t, pipeline.Failed, run.Verdict)
}

// platform is a chat whose posts go as the test says, by title. Of what failed, nothing is ever found.
type platform struct {
	mu    sync.Mutex
	posts []string
	post  func(title string, before int) error
}

func (p *platform) Post(_ context.Context, o bot.Outgoing) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	before := strings.Count(strings.Join(p.posts, "\n"), o.Message.Title)
	p.posts = append(p.posts, o.Message.Title)
	return "ref", p.post(o.Message.Title, before)
}

func (p *platform) Edit(context.Context, bot.Outgoing, string) error { return nil }

func (p *platform) Find(context.Context, bot.Outgoing, time.Time) (string, error) { return "", nil }

// deliverAll wants messages of these titles, has them delivered, and returns the titles as they were posted. A title with
// a slash is in the thread of what is before it.
func deliverAll(t *testing.T, post func(title string, before int) error, titles ...string) (*server, []string) {
	s, chat := bare(t), &platform{post: post}
	s.postman = &bot.Postman{
		Outbox: s.store, Pictures: s.store, Chats: map[string]bot.Chat{"web": chat}, Now: time.Now, Log: s.log, Operator: func() []pipeline.Channel { return nil },
	}
	for _, title := range titles {
		o := bot.Outgoing{ID: title, Channel: team, Version: 1, Message: bot.Message{Title: title}}
		if root, _, threaded := strings.Cut(title, "/"); threaded {
			o.Root = root
		}
		require.NoError(t, s.store.Want(t.Context(), o, time.Time{}))
	}
	s.drain(t, "channel/web:team", s.deliver)
	return s, chat.posts
}

func TestNoMessageOvertakesOneWhoseEndIsUnknown(t *testing.T) {
	_, posts := deliverAll(t, func(title string, before int) error {
		if title == "a" && before < 15 {
			return errors.New("i/o timeout")
		}
		return nil
	}, "a", "b")
	require.Len(t, posts, 17, "a platform that is away is no reason to give up")
	require.Equal(t, []string{"a", "b"}, posts[15:])
}

// A channel that has to rest does so by the clock of all replicas, however wrong this machine's is.
func TestAChannelRestsNoLongerThanItHasTo(t *testing.T) {
	began := time.Now()
	_, posts := deliverAll(t, func(_ string, before int) error {
		if before == 0 {
			return &bot.NotSent{After: time.Millisecond, Err: errors.New("429")}
		}
		return nil
	}, "a")
	require.Equal(t, []string{"a", "a"}, posts)
	require.Less(t, time.Since(began), time.Minute)
}

func TestAMessageThatBreaksBellwetherIsParked(t *testing.T) {
	s, posts := deliverAll(t, func(title string, _ int) error {
		if title == "poison" {
			panic(title)
		}
		return nil
	}, "poison", "behind")
	require.Len(t, posts, poisonous+1)
	require.Equal(t, "behind", posts[poisonous])
	letter, err := s.store.Open(t.Context(), "poison")
	require.NoError(t, err)
	require.Equal(t, "it could not be delivered 10 times", letter.Parked)
}

// A root may come to wait behind its thread: when it is wanted again after it was parked.
func TestARootGoesAheadOfItsThread(t *testing.T) {
	_, posts := deliverAll(t, func(string, int) error { return nil }, "root/report", "root")
	require.Equal(t, []string{"root", "root/report"}, posts)
}

func TestAMessageNoLongerKeptHoldsUpNobody(t *testing.T) {
	s := bare(t)
	s.postman = &bot.Postman{Outbox: s.store, Log: s.log, Now: time.Now, Operator: func() []pipeline.Channel { return nil }}
	require.NoError(t, s.lanes.Push(t.Context(), "channel/web:team", lane.Item{ID: "gone"}))
	s.drain(t, "channel/web:team", func(ctx context.Context, held *lane.Held) error {
		held.Item.Failures += hopeless // as if it had been tried for half a day
		return s.deliver(ctx, held)
	})
}
