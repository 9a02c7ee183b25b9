package bot

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const mark = "Sent again, because nobody can tell whether it arrived the first time."

// blindly delivers the root to a platform that cannot be read: a first try that is cut short, then another one.
func blindly(t *testing.T, crash func(*memory, *platform)) (*memory, *platform) {
	t.Helper()
	m, p := letterbox(t), newPlatform()
	p.blind = true
	crash(m, p)
	require.Error(t, newOffice(m, p).Deliver(t.Context(), root, 1))
	m.fail, p.before, p.after = nil, nil, nil
	next := newOffice(m, p)
	next.now = noon.Add(time.Minute)
	for range 2 {
		require.NoError(t, next.Deliver(t.Context(), root, 2))
	}
	return m, p
}

func TestABlindPlatformIsToldAgain(t *testing.T) {
	for name, c := range map[string]struct {
		crash  func(*memory, *platform)
		posted int
		marked bool
	}{
		"before the attempt is noted":    {func(m *memory, _ *platform) { m.fail = once("note ", errCrash) }, 1, false},
		"after the attempt is noted":     {func(m *memory, _ *platform) { m.fail = once("noted ", errCrash) }, 1, true},
		"before the platform has it":     {func(_ *memory, p *platform) { p.before = once("post ", errCrash) }, 1, true},
		"after the platform has it":      {func(_ *memory, p *platform) { p.after = once("post ", context.DeadlineExceeded) }, 2, true},
		"before the success is noted":    {func(m *memory, _ *platform) { m.fail = second("note ", errCrash) }, 2, true},
		"after the success is noted":     {func(m *memory, _ *platform) { m.fail = second("noted ", errCrash) }, 1, false},
		"the platform certainly has not": {func(_ *memory, p *platform) { p.before = once("post ", &NotSent{After: time.Second, Err: errCrash}) }, 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			m, p := blindly(t, c.crash)
			require.Len(t, p.posted, c.posted)
			letter := m.letters[root]
			last := p.shown[letter.Ref].Message
			require.Equal(t, "one", last.Title)
			require.Equal(t, c.marked, strings.Contains(last.Footer.String(), mark))
			require.Zero(t, letter.Parked)
		})
	}
}

func TestTheMarkOfARepeatedMessageKeepsItsFooter(t *testing.T) {
	m := repeated(Message{Title: "t", Footer: Plain("prev: previous release")})
	require.Equal(t, mark+" prev: previous release", m.Footer.String())
	require.Equal(t, mark, repeated(Message{}).Footer.String())
}

// An edit has one message only, so it needs no mark; and it replaces the one that has.
func TestAnEditTakesTheMarkAway(t *testing.T) {
	m, p := blindly(t, func(_ *memory, p *platform) { p.after = once("post ", errCrash) })
	want(t, m, Outgoing{ID: root, Version: 2, Message: Message{Title: "two"}})
	require.NoError(t, newOffice(m, p).Deliver(t.Context(), root, 3))
	require.Equal(t, "two", p.shown["ts2"].Message.Title)
	require.Empty(t, p.shown["ts2"].Message.Footer)
}

func TestProgressIsRatherLostThanSaidTwice(t *testing.T) {
	m, p := letterbox(t), newPlatform()
	p.blind = true
	const reminder = "R42/slack:C0CHECKOUT/overdue"
	o := newOffice(m, p)
	require.NoError(t, o.Deliver(t.Context(), root, 1))
	want(t, m, Outgoing{ID: reminder, Root: root, Version: 1, Passing: true, Message: Message{Title: "it still waits"}})
	p.after = once("post ", context.DeadlineExceeded)
	require.Error(t, o.Deliver(t.Context(), reminder, 1))
	o.now = noon.Add(time.Minute)
	for range 2 {
		require.NoError(t, o.Deliver(t.Context(), reminder, 2))
	}
	require.Equal(t, []string{root, reminder}, p.posted)
	require.Contains(t, m.letters[reminder].Parked, "only progress")
	require.Len(t, m.letters, 2, "that is nothing for the operator")
}

func TestOnlyRemindersArePassing(t *testing.T) {
	for name, run := range said {
		m := newMemory()
		require.NoError(t, newBot(m).Tell(t.Context(), run))
		for id, letter := range m.letters {
			require.Equal(t, strings.HasSuffix(id, "/overdue"), letter.Passing, "%s: %s", name, id)
		}
	}
}
