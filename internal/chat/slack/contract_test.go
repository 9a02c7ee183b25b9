package slack

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/bot"
	"bellwether/internal/peers"
)

// What no Slack that others wrote does: a Slack of ours fails before and after it took a message or a picture. Whatever it did
// not say is found out afterwards, so that nothing is lost and nothing said twice.
func TestAFailingSlack(t *testing.T) {
	for _, test := range []struct {
		fault peers.Fault
		kind  string
		after time.Duration // until another try
		taken bool
	}{
		{peers.Limited(17 * time.Second), "not sent", 17 * time.Second, false},
		{peers.Status(http.StatusInternalServerError), "unclear", 0, false},
		{peers.Status(http.StatusInternalServerError).Accepted(), "unclear", 0, true},
		{peers.Cut(), "unclear", 0, false},
		{peers.Cut().Accepted(), "unclear", 0, true},
		{peers.Stall(time.Minute), "unclear", 0, false},
		{peers.Stall(time.Minute).Accepted(), "unclear", 0, true},
		{peers.Says("invalid_blocks"), "refused", 0, false},
		{peers.Says("msg_blocks_too_long"), "refused", 0, false},
	} {
		t.Run(test.fault.Name, func(t *testing.T) {
			s, c, ts := troubled(t)
			shown := len(s.Messages())
			for method, o := range map[string]bot.Outgoing{
				"chat.postMessage": root("R2/slack:C0CHECKOUT/root"), "files.completeUploadExternal": pictured(t, ts),
			} {
				s.Fail(func(m string) *peers.Fault {
					if m == method {
						return &test.fault
					}
					return nil
				})
				_, err := c.Post(t.Context(), o)
				require.Equal(t, test.kind, kind(err), "%s: %v", method, err)
				if late := (*bot.NotSent)(nil); errors.As(err, &late) {
					require.Equal(t, test.after, late.After)
				}
				s.Fail(nil)
				ref, err := c.Find(t.Context(), o, time.Now().Add(-time.Minute))
				require.NoError(t, err)
				require.Equal(t, test.taken, ref != "", method)
				if test.taken {
					shown++
				}
				require.Len(t, s.Messages(), shown)
			}
		})
	}
}

// troubled is a chat with a Slack that has one message, and gives no answer but quick ones.
func troubled(t *testing.T) (*peers.FlakySlack, *Chat, string) {
	s := peers.NewFlakySlack(where)
	t.Cleanup(s.Close)
	c := peerChat(t, s)
	c.http = &http.Client{Timeout: 300 * time.Millisecond, CheckRedirect: noRedirect}
	ts, err := c.Post(t.Context(), root("R1/slack:C0CHECKOUT/root"))
	require.NoError(t, err)
	return s, c, ts
}

func pictured(t *testing.T, thread string) bot.Outgoing {
	p := chart(thread)
	p.Picture = picture(t)
	return p
}

func TestAClosedSlackRefuses(t *testing.T) {
	s, c, ts := troubled(t)
	for code, closed := range map[string]func(bool){
		"is_archived": func(yes bool) { s.Archive(where, yes) }, "token_revoked": s.Revoke,
	} {
		closed(true)
		_, posted := c.Post(t.Context(), root("R2"))
		_, shown := c.Post(t.Context(), pictured(t, ts))
		for _, err := range []error{posted, shown, c.Edit(t.Context(), root("R1"), ts)} {
			require.ErrorAs(t, err, new(*bot.Refused))
			require.ErrorContains(t, err, code)
		}
		closed(false)
	}
	require.Len(t, s.Messages(), 1)
}

// Slack shows a picture only when it is done with it: it is found then.
func TestAPictureIsFoundOnceItIsProcessed(t *testing.T) {
	s, c, ts := troubled(t)
	s.Process(100 * time.Millisecond)
	o, began := pictured(t, ts), time.Now()
	id, err := c.Post(t.Context(), o)
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		ref, err := c.Find(t.Context(), o, began.Add(-time.Minute))
		require.NoError(t, err)
		require.True(t, ref == id || ref == "" && time.Since(began) < 5*time.Second)
		return ref == id
	}, 5*time.Second, 5*time.Millisecond)
	require.GreaterOrEqual(t, time.Since(began), 100*time.Millisecond)
}
