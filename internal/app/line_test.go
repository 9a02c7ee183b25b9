package app

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"bellwether/internal/intake"
	"bellwether/internal/peers"
	"bellwether/pipeline"
)

// TestLine takes changes all the way, from "bellwether emit" to the verdict in the thread, and commands back.
func TestLine(t *testing.T) {
	for name, redis := range map[string]func(t *testing.T) string{
		"miniredis": func(t *testing.T) string { return miniredis.RunT(t).Addr() },
		"Redis": func(t *testing.T) string {
			return peers.Redis(t, "--appendonly", "yes", "--appendfsync", "always")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, redis(t))
			s.speakSlack(t)
			s.onlyAdminsHold(t)
			q := s.listenSQS(t)
			replica := s.serve(t)

			s.refusesWhatSlackDidNotSign(t)
			s.refusesTheMalformed(t, q)
			s.changeBecomesAThread(t, q)
			s.baselineGrows(t)
			slow := s.slowVersionRegresses(t)
			s.homeShows(t, slow)
			s.denialIsPrivate(t, slow)
			acknowledged := s.formAcknowledges(t, slow)
			s.homeSettles(t, slow)
			s.threadNeedsNoName(t, slow)
			s.mentionIsAnswered(t, slow)
			s.commandReruns(t)

			s.quiet(t)
			s.nothingIsSaidTwice(t)
			s.auditTells(t, "open: done", "hold load because I say so: denied", "ack "+slow.ID+": asked", acknowledged+": done", "open: done",
				"ack: mistake", "ack because the cache was cold: done", "cancel: mistake", "cancel: mistake", "rerun R1: done")
			replica.stop(t)
			require.NotContains(t, replica.said(t), `"level":"ERROR"`)
		})
	}
}

func (s *site) refusesWhatSlackDidNotSign(t *testing.T) {
	for _, path := range []string{"commands", "interactions", "events"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/slack/"+path,
			strings.NewReader("command=%2Floadtest&text=full&trigger_id=1&channel_id="+peers.SlackChannel+"&user_id="+peers.SlackUser))
		require.NoError(t, err)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("X-Slack-Request-Timestamp", fmt.Sprint(time.Now().Unix()))
		r.Header.Set("X-Slack-Signature", "v0="+strings.Repeat("0", 64))
		answer, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		_ = answer.Body.Close()
		require.Equal(t, http.StatusUnauthorized, answer.StatusCode, path)
	}
}

// refusesTheMalformed: such an event ends in the dead-letter queue, with the reason, and people read of it once.
func (s *site) refusesTheMalformed(t *testing.T, q *queue) {
	const reason = `detail.kind: "servise" is neither service nor stack`
	require.True(t, q.bus.Route([]byte(`{"id": "e-1", "detail-type": "Bellwether Change", "detail": {"kind": "servise"}}`)))
	q.empty(t)
	for range 2 {
		out, err := q.sqs.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{
			QueueUrl: &q.dead, MessageAttributeNames: []string{"All"}, WaitTimeSeconds: 20,
		})
		require.NoError(t, err)
		require.Len(t, out.Messages, 1)
		require.Equal(t, reason, *out.Messages[0].MessageAttributes["reason"].StringValue)
		require.Contains(t, *out.Messages[0].Body, "servise")
	}
	eventually(t, "people read of it", func() bool { return len(s.messages(t, peers.SlackOther)) > 0 })
	s.quiet(t)
	got := s.messages(t, peers.SlackOther)
	require.Len(t, got, 1)
	require.Contains(t, got[0].Text, reason)
}

// changeBecomesAThread: root, thread, table, chart, verdict.
func (s *site) changeBecomesAThread(t *testing.T, q *queue) {
	passed := until(t, pipeline.Pass, func(try int) intake.RunStatus {
		out, code := s.run(t, change(fmt.Sprintf("1.0.%d", try), "--config", s.config(t))...)
		require.Zero(t, code)
		require.Contains(t, out, "published as event ")
		q.empty(t)
		return s.ended(t, fmt.Sprintf("R%d", 1+try))
	})
	s.quiet(t)
	runs, err := strconv.Atoi(passed.ID[1:])
	require.NoError(t, err)
	require.Contains(t, s.ask(t, http.MethodGet, fmt.Sprint("/events/runs/R", runs+1), ""), "no such run", "an event that comes twice is one run")
	root, results, chart := s.message(t, passed.ID, "root"), s.message(t, passed.ID, "results"), s.message(t, passed.ID, "chart/checkout-flow")
	for _, said := range []string{passed.Subject + " passed", "there is no baseline yet", "Release 1.0.", "by dev-sg", "service:checkout"} {
		require.Contains(t, root.Text, said)
	}
	require.NotNil(t, root.Edited)
	require.Empty(t, root.Thread)
	for _, m := range []message{results, chart} {
		require.Equal(t, root.TS, m.Thread)
	}
	for _, said := range []string{"checkout-flow", "now", "p50", "p95", "errors"} {
		require.Contains(t, results.Text, said)
	}
	require.Greater(t, chart.Files[0].Size, 4_000)
	require.Contains(t, chart.Files[0].Title, "checkout-flow")
}

// baselineGrows by changes that pass, until a comparison can be made.
func (s *site) baselineGrows(t *testing.T) {
	for i := range 2 {
		until(t, pipeline.Pass, func(try int) intake.RunStatus { return s.test(t, fmt.Sprintf("1.%d.%d", 1+i, try)) })
	}
}

// slowVersionRegresses returns its run.
func (s *site) slowVersionRegresses(t *testing.T) intake.RunStatus {
	slow := until(t, pipeline.Regressed, func(try int) intake.RunStatus {
		if try > 0 {
			s.test(t, fmt.Sprintf("1.4.%d", try)) // so that there is something faster to compare with again
		}
		return s.test(t, fmt.Sprintf("1.5.%d-slow", try))
	})
	s.quiet(t)
	root, results, mention := s.message(t, slow.ID, "root"), s.message(t, slow.ID, "results"), s.message(t, slow.ID, "mention")
	require.Regexp(t, slow.Subject+` is slower: .*p\d\d \+\d+ %`, root.Text)
	require.NotContains(t, root.Raw, "<@"+peers.SlackUser+">")
	require.Equal(t, root.TS, mention.Thread)
	require.Contains(t, mention.Raw, "<@"+peers.SlackUser+">")
	for _, said := range []string{"now", "was", "band", "prev", "fresh measurements"} {
		require.Contains(t, results.Text, said)
	}
	return slow
}

// until repeats a step until a run ends so: on a machine that is too busy to measure anything, results are invalid.
func until(t *testing.T, verdict pipeline.Verdict, step func(try int) intake.RunStatus) intake.RunStatus {
	t.Helper()
	var ends []pipeline.Verdict
	for try := range 5 {
		end := step(try)
		if end.Verdict == verdict {
			return end
		}
		ends = append(ends, end.Verdict)
	}
	require.Contains(t, ends, verdict)
	return intake.RunStatus{}
}

// mentionIsAnswered in the thread it was written in, as often as somebody writes, and means the thread's run.
func (s *site) mentionIsAnswered(t *testing.T, run intake.RunStatus) {
	root := s.message(t, run.ID, "root")
	for i := range 2 {
		s.slack.Say(peers.SlackChannel, root.TS, "<@"+peers.SlackBot+"> cancel")
		eventually(t, "an answer that only the asker sees", func() bool {
			return len(s.whispers(t, run.ID+" ("+run.Subject+") is over")) == i+1
		})
	}
}

// whispers are the private answers to the person that say so.
func (s *site) whispers(t *testing.T, text string) (some []message) {
	t.Helper()
	for _, m := range s.messages(t, peers.SlackChannel) {
		if m.Ephemeral == peers.SlackUser && strings.Contains(m.Text, text) {
			some = append(some, m)
		}
	}
	return some
}

var aRun = regexp.MustCompile(`R[0-9]+`)

// commandReruns the first run, in another thread; each leads to the other.
func (s *site) commandReruns(t *testing.T) {
	s.slack.Command(peers.SlackChannel, "rerun R1")
	var reruns []string
	eventually(t, "the first run says that it is repeated", func() bool {
		_, repeated, found := strings.Cut(s.message(t, "R1", "root").Text, "Repeated as ")
		reruns = aRun.FindAllString(repeated, 1)
		return found
	})
	rerun := reruns[0]
	s.ended(t, rerun)
	s.quiet(t)
	first, again := s.message(t, "R1", "root"), s.message(t, rerun, "root")
	require.Empty(t, again.Thread)
	require.Contains(t, again.Text, "asked for by dev-sg")
	require.Contains(t, again.Raw, linkTo(first, "R1"))
	require.Contains(t, first.Raw, linkTo(again, rerun))
}

// linkTo a message, with a text.
func linkTo(m message, text string) string {
	return "/archives/" + peers.SlackChannel + "/p" + strings.ReplaceAll(m.TS, ".", "") + "|" + text + ">"
}

// nothingIsSaidTwice, though everything arrived twice: one root a run, and no intent in two messages.
func (s *site) nothingIsSaidTwice(t *testing.T) {
	seen := map[string]int{}
	for _, m := range s.messages(t, peers.SlackChannel) {
		if m.User == peers.SlackBot && m.intent() != "" { // answers to commands have none
			seen[m.intent()]++
		}
	}
	for intent, n := range seen {
		require.Equal(t, 1, n, intent)
	}
}
