package bot

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/pipeline"
)

func TestARefusedMessageIsParkedUntilItChanges(t *testing.T) {
	m, p := letterbox(t), newPlatform()
	refused := &Refused{Err: errors.New("not_in_channel")}
	p.before = func(string) error { return refused }
	o := newOffice(m, p)
	require.NoError(t, o.Deliver(t.Context(), root, 1))
	require.Equal(t, "not_in_channel", m.letters[root].Parked)
	require.Zero(t, m.letters[root].Attempted, "nobody has to look for it later")

	p.before = nil
	require.NoError(t, o.Deliver(t.Context(), root, 1))
	require.Empty(t, p.posted, "what was refused is not tried again")

	want(t, m, Outgoing{ID: root, Version: 2, Message: Message{Title: "two"}})
	require.NoError(t, o.Deliver(t.Context(), root, 1))
	require.Equal(t, []string{root}, p.posted)
}

// Whoever runs Bellwether hears of it, once a day for a channel; not in the channel that is the trouble, and not of that.
func TestTheOperatorHearsOfParkedMessages(t *testing.T) {
	m, p := letterbox(t), newPlatform()
	p.before = func(string) error { return &Refused{Err: errors.New("is_archived")} }
	o := newOffice(m, p)
	want(t, m, Outgoing{ID: "R43/slack:C0CHECKOUT/root", Version: 1, Message: Message{Title: "another"}})
	for _, id := range []string{root, "R43/slack:C0CHECKOUT/root"} {
		require.NoError(t, o.Deliver(t.Context(), id, 1))
	}
	const notice = "parked/slack:C0CHECKOUT/2026-11-23/slack:C0PLATFORM"
	require.Equal(t, lost, m.letters[notice].Channel)
	require.Len(t, m.letters, 3)
	require.Equal(t, strings.TrimSpace(`
A message could not be delivered to slack:C0CHECKOUT
The platform says: is_archived
It is kept. bellwether outbox lists such messages, bellwether outbox send sends them again once what is in their way is mended.
First of them: one
This is said once a day for each channel.`), m.letters[notice].Message.String())

	require.NoError(t, o.Deliver(t.Context(), notice, 1))
	o.now = o.now.Add(24 * time.Hour)
	want(t, m, Outgoing{ID: root, Version: 2, Message: Message{Title: "two"}})
	require.NoError(t, o.Deliver(t.Context(), root, 1))
	require.Len(t, m.letters, 4, "the next day")
}

func TestAReplyIsParkedWithItsRoot(t *testing.T) {
	m, p := letterbox(t), newPlatform()
	const reply = "R42/slack:C0CHECKOUT/results"
	want(t, m, Outgoing{ID: reply, Root: root, Version: 1})
	o := newOffice(m, p)
	p.before = once("post ", &Refused{Err: errors.New("is_archived")})
	require.NoError(t, o.Deliver(t.Context(), root, 1))
	require.NoError(t, o.Deliver(t.Context(), reply, 1))
	require.Contains(t, m.letters[reply].Parked, "is_archived")
	require.Empty(t, p.posted)
}

func TestAPlatformThatIsNotConfigured(t *testing.T) {
	m := newMemory()
	teams := pipeline.Channel{Platform: "teams", ID: "19:x"}
	require.NoError(t, m.Want(t.Context(), Outgoing{ID: "x", Channel: teams, Version: 1}, noon))
	require.NoError(t, newOffice(m, newPlatform()).Deliver(t.Context(), "x", 1))
	require.Equal(t, ErrNoChat.Error(), m.letters["x"].Parked)
}

func TestTheOperatorHearsThatAWorkspaceRemovedTheApp(t *testing.T) {
	m, p := letterbox(t), newPlatform()
	o := newOffice(m, p)
	m.news()
	for range 2 {
		require.NoError(t, o.Removed(t.Context(), "slack", "T0TEAM"))
	}
	said := m.news()
	require.Len(t, said, len(o.Operator()), "once a day in each of their channels")
	require.Equal(t, "The app was removed from the slack workspace T0TEAM", m.letters[said[0]].Message.Title)
}
