package bot

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"bellwether/pipeline"
)

func TestAReplyWaitsForItsRoot(t *testing.T) {
	m, p := letterbox(t), newPlatform()
	const reply = "R42/slack:C0CHECKOUT/results"
	want(t, m, Outgoing{ID: reply, Root: root, Version: 1, Message: Message{Title: "Results"}})
	o := newOffice(m, p)
	require.ErrorContains(t, o.Deliver(t.Context(), reply, 1), "not posted yet")
	require.Empty(t, p.posted)

	require.NoError(t, o.Deliver(t.Context(), root, 1))
	require.NoError(t, o.Deliver(t.Context(), reply, 1))
	require.Equal(t, []string{root, reply}, p.posted)
	require.Equal(t, "ts1", p.shown["ts2"].Thread)
}

func TestAReplyFollowsARootWhoseEditWasRefused(t *testing.T) {
	m, p := letterbox(t), newPlatform()
	o := newOffice(m, p)
	require.NoError(t, o.Deliver(t.Context(), root, 1))
	want(t, m, Outgoing{ID: root, Version: 2, Message: Message{Title: "two"}})
	p.before = once("edit ", &Refused{Err: errors.New("cant_update_message")})
	require.NoError(t, o.Deliver(t.Context(), root, 1))
	require.NotEmpty(t, m.letters[root].Parked)

	const reply = "R42/slack:C0CHECKOUT/results"
	want(t, m, Outgoing{ID: reply, Root: root, Version: 1})
	require.NoError(t, o.Deliver(t.Context(), reply, 1))
	require.Equal(t, "ts1", p.shown["ts2"].Thread)
}

func TestPictures(t *testing.T) {
	m, p := newMemory(), newPlatform()
	want(t, m, Outgoing{ID: "picture", Version: 1, Message: Message{Picture: &Picture{Key: "R42/checkout-flow"}}})
	o := newOffice(m, p)
	m.fail = once("picture ", errCrash)
	require.ErrorIs(t, o.Deliver(t.Context(), "picture", 1), errCrash, "it may be there later")

	m.pictures["R42/checkout-flow"] = []byte("png")
	require.NoError(t, o.Deliver(t.Context(), "picture", 1))
	require.Equal(t, []byte("png"), p.shown["ts1"].Picture)

	want(t, m, Outgoing{ID: "gone", Version: 1, Message: Message{Picture: &Picture{Key: "R1/checkout-flow"}}})
	require.NoError(t, o.Deliver(t.Context(), "gone", 1), "an expired picture must not hold the channel up")
	require.Contains(t, m.letters["gone"].Parked, "picture")
	require.Len(t, p.posted, 1)
}

func TestLinksLeadToRootsThatArePosted(t *testing.T) {
	m, p := letterbox(t), newPlatform()
	o := newOffice(m, p)
	require.NoError(t, o.Deliver(t.Context(), root, 1))
	want(t, m, Outgoing{ID: "R43/slack:C0CHECKOUT/root", Version: 1}) // waits for its turn
	m.fail = once("open R44/", errCrash)
	want(t, m, Outgoing{ID: "linking", Version: 1, Message: Message{
		Body: []Text{{ThreadOf("R42"), ThreadOf("R43")}}, Facts: []Fact{{"Repeats", Text{ThreadOf("R44")}}}, Footer: Text{ThreadOf("R42")},
	}})
	require.ErrorIs(t, o.Deliver(t.Context(), "linking", 1), errCrash)
	require.NoError(t, o.Deliver(t.Context(), "linking", 1))
	i := slices.Index(p.posted, "linking")
	require.Equal(t, map[string]string{"R42": "ts1"}, p.shown[fmt.Sprint("ts", i+1)].Links)
}

// A channel is one place whatever group was written beside it.
func TestAChannelIsToldOnceWhateverItsGroup(t *testing.T) {
	m := newMemory()
	run := full(confirmed(slower("search-page", pipeline.Regressed), 2))
	run.Channels = []pipeline.Channel{{Platform: search.Platform, Group: "T0TEAM", ID: search.ID}}
	require.NoError(t, newBot(m).Tell(t.Context(), run))
	require.Contains(t, m.letters["R42/slack:C0SEARCH/root"].Message.Title, "Full suite on load")
}
