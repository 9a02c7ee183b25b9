package app

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/stretchr/testify/require"

	"bellwether/internal/peers"
	"bellwether/pipeline"
)

// speakFlaky has the site use a Slack that refuses what it is told to, and the chat page beside it.
func (s *site) speakFlaky(t *testing.T) *peers.FlakySlack {
	t.Helper()
	slack := peers.NewFlakySlack(peers.SlackChannel, peers.SlackOther)
	t.Cleanup(slack.Close)
	s.speak(t, object{
		"slack": object{"bot_token": peers.SlackBotToken, "signing_secret": peers.SlackSigningSecret, "api_url": slack.API()},
		"web":   object{"enabled": true},
	}, "{slack: "+peers.SlackChannel+", web: team-checkout}", "{slack: "+peers.SlackOther+", web: platform}")
	return slack
}

// outbox is what the command lists: the ids of what is parked.
func (s *site) outbox(t *testing.T) (ids []string) {
	t.Helper()
	out, code := s.run(t, "outbox", "--config", s.config(t), "--json")
	require.Zero(t, code)
	var all []parked
	require.NoError(t, json.Unmarshal([]byte(out), &all))
	for _, p := range all {
		ids = append(ids, p.ID)
	}
	return ids
}

// postsIn are the messages of a channel of a flaky Slack.
func postsIn(slack *peers.FlakySlack, channel string) (some []peers.Posted) {
	for _, m := range slack.Messages() {
		if m.Channel == channel {
			some = append(some, m)
		}
	}
	return some
}

// intentsOf a run: what its thread in its team's channel is made of.
func intentsOf(run string) []string {
	channel := run + "/slack:" + peers.SlackChannel + "/"
	return []string{channel + "root", channel + "results", channel + "chart/checkout-flow"}
}

// requireThread: one root, and all else in its thread.
func requireThread(t *testing.T, messages []peers.Posted) {
	t.Helper()
	require.Len(t, messages, 3)
	require.Empty(t, messages[0].Thread)
	for _, m := range messages[1:] {
		require.Equal(t, messages[0].TS, m.Thread)
	}
}

// What a platform refuses for good is parked and told to the operator, once; the operator sends it again.
func TestParkedMessages(t *testing.T) {
	t.Parallel()
	s := newSite(t, miniredis.RunT(t).Addr())
	slack := s.speakFlaky(t)
	slack.Archive(peers.SlackChannel, true)
	s.serve(t)
	require.Empty(t, s.outbox(t))
	for _, command := range [][]string{{"outbox"}, {"outbox", "send", "--all"}} {
		out, code := s.run(t, append(command, "--config", s.config(t))...)
		require.Zero(t, code)
		require.Equal(t, nothingParked+"\n", out)
	}
	run := s.submit(t, "1.0.0")
	require.Equal(t, pipeline.Done, s.ended(t, run).State, "a channel that nobody reads holds up no run")
	s.quiet(t)

	require.ElementsMatch(t, intentsOf(run), s.outbox(t))
	require.Contains(t, s.page(t, "http://"+s.admin+"/metrics"), "\nbellwether_messages_parked 3\n")
	require.Empty(t, postsIn(slack, peers.SlackChannel))
	told := postsIn(slack, peers.SlackOther)
	require.Len(t, told, 1)
	require.Contains(t, told[0].Text, "could not be delivered to slack:"+peers.SlackChannel)
	require.Contains(t, told[0].Blocks, "unarchive it")

	s.types(t, "team-checkout", "rerun "+run) // the root changes, and is parked again: now as the newest
	s.read(t, "asked for by dev-sg")
	s.ended(t, "R2")
	s.quiet(t)
	out, code := s.run(t, "outbox", "--config", s.config(t))
	require.Zero(t, code)
	require.Contains(t, out, "is_archived")
	require.Contains(t, out, "checkout 1.0.0 passed")
	_, code = s.run(t, "outbox", "send", "R9/root", "--config", s.config(t))
	require.Equal(t, exitUnknown, code)

	slack.Archive(peers.SlackChannel, false)
	s.sendAll(t, 6)
	messages := postsIn(slack, peers.SlackChannel)
	require.Len(t, messages, 6)
	require.Empty(t, messages[0].Thread)
	require.Empty(t, messages[1].Thread)
	require.Contains(t, s.page(t, "http://"+s.admin+"/metrics"), "\nbellwether_messages_parked 0\n")
}

// sendAll is the operator's, once what was in the way is mended. Roots go first: what is in a thread cannot be before it.
func (s *site) sendAll(t *testing.T, n int) {
	t.Helper()
	out, code := s.run(t, "outbox", "send", "--all", "--config", s.config(t))
	require.Zero(t, code)
	require.Equal(t, n, strings.Count(out, " is on its way\n"))
	require.Less(t, strings.LastIndex(out, "/root is"), strings.Index(out, "/results is"))
	s.quiet(t)
	require.Empty(t, s.outbox(t))
}

// Whoever looks into Redis needs none of the other secrets.
func TestOutboxWithoutSecrets(t *testing.T) {
	t.Parallel()
	s := newSite(t, miniredis.RunT(t).Addr())
	s.speak(t, object{"slack": object{"bot_token": "${NOWHERE_TOKEN}", "signing_secret": "${NOWHERE_SECRET}"}}, "{slack: C1}", "{slack: C2}")
	for _, command := range [][]string{{"outbox"}, {"outbox", "send", "--all"}, {"status"}} {
		_, code := s.run(t, append(command, "--config", s.config(t))...)
		require.Zero(t, code, command)
	}
	s.settings["redis"] = "${NOWHERE_REDIS}"
	out, code := s.run(t, "status", "--config", s.config(t))
	require.Equal(t, exitUnknown, code)
	require.Empty(t, out)
}

// A token that was taken back stops every channel, so that nobody can be told: it is all kept.
func TestRevokedToken(t *testing.T) {
	t.Parallel()
	s := newSite(t, miniredis.RunT(t).Addr())
	slack := s.speakFlaky(t)
	s.serve(t)
	slack.Revoke(true)
	run := s.submit(t, "1.0.0")
	require.Equal(t, pipeline.Done, s.ended(t, run).State)
	s.quiet(t)
	require.Subset(t, s.outbox(t), intentsOf(run))
	slack.Revoke(false)
	s.sendAll(t, 4) // with what the operator was to be told
	requireThread(t, postsIn(slack, peers.SlackChannel))
	require.Len(t, postsIn(slack, peers.SlackOther), 1)
}
