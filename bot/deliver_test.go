package bot

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// letterbox has one intent in it, the root of R42.
func letterbox(t *testing.T) *memory {
	m := newMemory()
	want(t, m, Outgoing{ID: "R42/slack:C0CHECKOUT/root", Run: "R42", Version: 1, Message: Message{Title: "one"}})
	return m
}

func want(t *testing.T, m *memory, o Outgoing) {
	o.Channel = checkout
	require.NoError(t, m.Want(t.Context(), o, noon))
}

const root = "R42/slack:C0CHECKOUT/root"

// once fails the first call with that prefix.
func once(prefix string, err error) func(string) error {
	failed := false
	return func(call string) error {
		if failed || !strings.HasPrefix(call, prefix) {
			return nil
		}
		failed = true
		return err
	}
}

func TestNothingIsLostAndNothingSaidTwice(t *testing.T) {
	for name, crash := range map[string]func(*memory, *platform){
		"before the attempt is noted":      func(m *memory, _ *platform) { m.fail = once("note ", errCrash) },
		"after the attempt is noted":       func(m *memory, _ *platform) { m.fail = once("noted ", errCrash) },
		"before the platform has it":       func(_ *memory, p *platform) { p.before = once("post ", errCrash) },
		"after the platform has it":        func(_ *memory, p *platform) { p.after = once("post ", errCrash) },
		"before the success is noted":      func(m *memory, _ *platform) { m.fail = second("note ", errCrash) },
		"after the success is noted":       func(m *memory, _ *platform) { m.fail = second("noted ", errCrash) },
		"while it cannot be opened":        func(m *memory, _ *platform) { m.fail = once("open ", errCrash) },
		"the platform says 429":            func(_ *memory, p *platform) { p.before = once("post ", &NotSent{After: time.Minute, Err: errCrash}) },
		"the platform never answered once": func(_ *memory, p *platform) { p.after = once("post ", context.DeadlineExceeded) },
	} {
		t.Run(name, func(t *testing.T) {
			m, p := letterbox(t), newPlatform()
			crash(m, p)
			first := newOffice(m, p)
			require.Error(t, first.Deliver(t.Context(), root, 1))

			want(t, m, Outgoing{ID: root, Run: "R42", Version: 2, Message: Message{Title: "two"}})
			next := newOffice(m, p)
			next.now = noon.Add(time.Minute)
			require.NoError(t, next.Deliver(t.Context(), root, 2))
			require.NoError(t, next.Deliver(t.Context(), root, 2), "delivering again does nothing")

			require.Equal(t, []string{root}, p.posted)
			require.Len(t, p.shown, 1)
			require.Equal(t, "two", p.shown["ts1"].Message.Title)
			letter := m.letters[root]
			require.Equal(t, "ts1", letter.Ref)
			require.Equal(t, int64(2), letter.Sent)
		})
	}
}

func second(prefix string, err error) func(string) error {
	calls := 0
	return func(call string) error {
		if strings.HasPrefix(call, prefix) {
			calls++
			if calls == 2 {
				return err
			}
		}
		return nil
	}
}

func TestAnUncertainAttemptSettlesBeforeAnybodyLooks(t *testing.T) {
	m, p := letterbox(t), newPlatform()
	p.before = once("post ", context.DeadlineExceeded)
	o := newOffice(m, p)
	require.ErrorIs(t, o.Deliver(t.Context(), root, 1), context.DeadlineExceeded)

	looked := 0
	p.before = func(call string) error {
		if strings.HasPrefix(call, "find ") {
			looked++
		}
		return nil
	}
	o.now = noon.Add(2 * time.Second)
	var rest *NotSent
	require.ErrorAs(t, o.Deliver(t.Context(), root, 1), &rest)
	require.Equal(t, 3*time.Second, rest.After)
	require.Zero(t, looked)
	require.Empty(t, p.posted)

	o.now = noon.Add(5 * time.Second)
	require.NoError(t, o.Deliver(t.Context(), root, 1))
	require.Equal(t, 1, looked)
	require.Equal(t, []string{root}, p.posted)
}

func TestAnAttemptSettlesFromItsEnd(t *testing.T) {
	m, p := letterbox(t), newPlatform()
	o := newOffice(m, p)
	p.after = func(string) error {
		o.now = noon.Add(4 * time.Second) // the client gives up
		return context.DeadlineExceeded
	}
	require.ErrorIs(t, o.Deliver(t.Context(), root, 1), context.DeadlineExceeded)
	p.after = nil
	var rest *NotSent
	require.ErrorAs(t, o.Deliver(t.Context(), root, 1), &rest)
	require.Equal(t, 5*time.Second, rest.After)

	o.now = noon.Add(time.Minute)
	require.NoError(t, o.Deliver(t.Context(), root, 1))
	require.False(t, p.since.After(noon), "the message may be as old as the attempt's start")
	require.Equal(t, []string{root}, p.posted)
}

func TestWhileNobodyCanLookNothingIsPosted(t *testing.T) {
	m, p := letterbox(t), newPlatform()
	p.after = once("post ", errCrash)
	o := newOffice(m, p)
	require.Error(t, o.Deliver(t.Context(), root, 1))
	o.now = noon.Add(time.Minute)
	p.after, p.before = nil, once("find ", errCrash)
	require.ErrorIs(t, o.Deliver(t.Context(), root, 1), errCrash)
	require.NoError(t, o.Deliver(t.Context(), root, 1))
	require.Len(t, p.posted, 1)
}

func TestABusyPlatformIsLeftAlone(t *testing.T) {
	m, p := letterbox(t), newPlatform()
	p.before = once("post ", &NotSent{After: 30 * time.Second, Err: errors.New("429")})
	o := newOffice(m, p)
	var rest *NotSent
	require.ErrorAs(t, o.Deliver(t.Context(), root, 1), &rest)
	require.Equal(t, 30*time.Second, rest.After)
	require.Zero(t, m.letters[root].Attempted, "it is known to have failed: nobody has to look")

	p.before = func(call string) error {
		require.NotContains(t, call, "find")
		return nil
	}
	require.NoError(t, o.Deliver(t.Context(), root, 1))

	want(t, m, Outgoing{ID: root, Version: 2, Message: Message{Title: "two"}})
	p.before = once("edit ", &NotSent{After: time.Second, Err: errors.New("429")})
	require.ErrorAs(t, o.Deliver(t.Context(), root, 1), &rest)
	require.NoError(t, o.Deliver(t.Context(), root, 1))
	require.Equal(t, "two", p.shown["ts1"].Message.Title)
}

func TestOnlyNewContentIsEdited(t *testing.T) {
	m, p := letterbox(t), newPlatform()
	o := newOffice(m, p)
	require.NoError(t, o.Deliver(t.Context(), root, 1))
	require.NoError(t, o.Deliver(t.Context(), root, 1))
	require.Zero(t, p.edits)
	want(t, m, Outgoing{ID: root, Version: 5, Message: Message{Title: "five"}})
	require.NoError(t, o.Deliver(t.Context(), root, 1))
	want(t, m, Outgoing{ID: root, Version: 4, Message: Message{Title: "four"}})
	require.NoError(t, o.Deliver(t.Context(), root, 1))
	require.Equal(t, 1, p.edits)
	require.Equal(t, "five", p.shown["ts1"].Message.Title)
}

func TestAnEditThatFailedIsTriedAgain(t *testing.T) {
	m, p := letterbox(t), newPlatform()
	o := newOffice(m, p)
	require.NoError(t, o.Deliver(t.Context(), root, 1))
	want(t, m, Outgoing{ID: root, Version: 2, Message: Message{Title: "two"}})
	p.after = once("edit ", errCrash)
	require.ErrorIs(t, o.Deliver(t.Context(), root, 1), errCrash)
	want(t, m, Outgoing{ID: root, Version: 3, Message: Message{Title: "three"}})
	var rest *NotSent
	require.ErrorAs(t, o.Deliver(t.Context(), root, 1), &rest, "the failed one may still come through, and must not be the last")
	require.Equal(t, 5*time.Second, rest.After)
	o.now = noon.Add(5 * time.Second)
	require.NoError(t, o.Deliver(t.Context(), root, 1))
	require.Equal(t, "three", p.shown["ts1"].Message.Title)

	want(t, m, Outgoing{ID: root, Version: 4, Message: Message{Title: "four"}})
	require.NoError(t, o.Deliver(t.Context(), root, 1), "nothing is left to settle")
}

func TestAMessageThatIsNoLongerKeptBlocksNobody(t *testing.T) {
	require.NoError(t, newOffice(newMemory(), newPlatform()).Deliver(t.Context(), "unknown", 1))
}
