package app

import (
	"fmt"
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/stretchr/testify/require"

	"bellwether/internal/intake"
	"bellwether/internal/peers"
	"bellwether/pipeline"
)

// TestARegressionIsFollowed from the run that found it to the one that resolved it: people are called once, and know who mended
// it. Another one is accepted, and is the baseline from there on, until somebody takes that back.
func TestARegressionIsFollowed(t *testing.T) {
	t.Parallel()
	s := newSite(t, miniredis.RunT(t).Addr())
	s.speakSlack(t)
	s.serve(t)
	for i := range 3 {
		until(t, pipeline.Pass, func(try int) intake.RunStatus { return s.test(t, fmt.Sprintf("1.%d.%d", i, try)) })
	}
	slow := s.slowVersionRegresses(t)
	s.isKnown(t, slow, "1.6.%d-slow")
	s.isResolved(t, slow)

	accepted := s.slowVersionRegresses(t)
	s.isAccepted(t, accepted)
	s.isReopened(t, accepted)
	s.nothingIsSaidTwice(t)
}

// isKnown: another slow version made nothing slower, and calls nobody.
func (s *site) isKnown(t *testing.T, slow intake.RunStatus, version string) {
	known := until(t, pipeline.Pass, func(try int) intake.RunStatus { return s.test(t, fmt.Sprintf(version, try)) })
	s.quiet(t)
	require.Contains(t, s.message(t, known.ID, "root").Text, "checkout-flow is still slower, since "+slow.ID)
	require.Contains(t, s.message(t, known.ID, "results").Text, "Still slower than its baseline, since "+slow.ID)
	for _, m := range s.messages(t, peers.SlackChannel) {
		require.NotEqual(t, known.ID+"/slack:"+peers.SlackChannel+"/mention", m.intent())
	}
}

// isResolved by a fast version, which both threads say.
func (s *site) isResolved(t *testing.T, slow intake.RunStatus) {
	fast := s.resolves(t, slow)
	root, reply := s.message(t, slow.ID, "root"), s.message(t, slow.ID, "resolved/"+fast.ID)
	require.Contains(t, root.Text, "Resolved by "+fast.Subject+" ("+fast.ID+")")
	require.NotContains(t, root.Raw, `"ack `+slow.ID+`"`, "there is nothing left to look after")
	require.Equal(t, root.TS, reply.Thread)
	require.Contains(t, reply.Text, "checkout-flow is in order again since "+fast.Subject)
}

// resolves is the first fast version that is in order: a busy machine may leave one just above its band.
func (s *site) resolves(t *testing.T, slow intake.RunStatus) intake.RunStatus {
	var roots []string
	for try := range 5 {
		fast := s.test(t, fmt.Sprintf("1.7.%d", try))
		s.quiet(t)
		root := s.message(t, fast.ID, "root").Text
		if strings.Contains(root, "resolved what "+slow.ID+" found") {
			return fast
		}
		roots = append(roots, root)
	}
	require.Fail(t, "no fast version resolved it", "%q", roots)
	return intake.RunStatus{}
}

// isAccepted: what it measured is the baseline of what follows.
func (s *site) isAccepted(t *testing.T, slow intake.RunStatus) {
	s.slack.Command(peers.SlackChannel, "accept "+slow.ID+" because it does more now")
	eventually(t, "everybody sees that it is accepted", func() bool { return s.rootSays(t, slow, "it does more now") })
	next := until(t, pipeline.Pass, func(try int) intake.RunStatus { return s.test(t, fmt.Sprintf("1.8.%d-slow", try)) })
	s.quiet(t)
	require.NotContains(t, s.message(t, next.ID, "root").Text, "slower")
	require.Contains(t, s.message(t, next.ID, "results").Text, slow.ID, "it is compared with what was accepted")
}

// isReopened: as if nothing had been said.
func (s *site) isReopened(t *testing.T, slow intake.RunStatus) {
	s.slack.Command(peers.SlackChannel, "reopen "+slow.ID)
	eventually(t, "it can be acknowledged again", func() bool {
		return !s.rootSays(t, slow, "it does more now")
	})
	s.isKnown(t, slow, "1.9.%d-slow")
}

// rootSays tells whether the root of a run does, as it now stands.
func (s *site) rootSays(t *testing.T, run intake.RunStatus, text string) bool {
	t.Helper()
	return strings.Contains(s.message(t, run.ID, "root").Text, text)
}
