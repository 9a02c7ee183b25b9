package peers

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/slack-go/slack"
	"github.com/stretchr/testify/require"
)

// flaky is a healthy FlakySlack and a client of it.
func flaky(t *testing.T) (*FlakySlack, *slack.Client) {
	s := NewFlakySlack(SlackChannel)
	t.Cleanup(s.Close)
	return s, slack.New(SlackBotToken, slack.OptionAPIURL(s.API()))
}

// say posts a text with metadata; thread may be empty.
func say(t *testing.T, api *slack.Client, text, thread string) (ts string, err error) {
	t.Helper()
	options := []slack.MsgOption{
		slack.MsgOptionText(text, false),
		slack.MsgOptionMetadata(slack.SlackMetadata{EventType: "e", EventPayload: map[string]any{"intent": text}}),
	}
	if thread != "" {
		options = append(options, slack.MsgOptionTS(thread))
	}
	_, ts, err = api.PostMessageContext(t.Context(), SlackChannel, options...)
	return ts, err
}

func TestFlakySlackKeepsWhatItIsTold(t *testing.T) {
	s, api := flaky(t)
	root, err := say(t, api, "root", "")
	require.NoError(t, err)
	reply, err := say(t, api, "reply", root)
	require.NoError(t, err)
	_, _, _, err = api.UpdateMessageContext(t.Context(), SlackChannel, root, slack.MsgOptionText("edited", false))
	require.NoError(t, err)
	_, err = api.UploadFileContext(t.Context(), slack.UploadFileParameters{
		Channel: SlackChannel, ThreadTimestamp: root, Filename: "chart.png", FileSize: 3, Reader: strings.NewReader("png"),
	})
	require.NoError(t, err, "a whole upload")

	for metadata, want := range map[bool]any{true: "root", false: nil} {
		messages, _, _, err := api.GetConversationRepliesContext(t.Context(), &slack.GetConversationRepliesParameters{
			ChannelID: SlackChannel, Timestamp: root, Limit: 100, IncludeAllMetadata: metadata,
		})
		require.NoError(t, err)
		require.Len(t, messages, 3)
		require.Equal(t, "edited", messages[0].Text)
		require.Equal(t, want, messages[0].Metadata.EventPayload["intent"], "an edit keeps metadata, which only come when asked for")
		require.Equal(t, reply, messages[1].Timestamp)
		require.Equal(t, "chart.png", messages[2].Files[0].Name)
	}
	h, err := api.GetConversationHistoryContext(t.Context(), &slack.GetConversationHistoryParameters{ChannelID: SlackChannel, Oldest: root})
	require.NoError(t, err)
	require.Empty(t, h.Messages, "oldest is left out, and threads are not part of the channel")
	require.Equal(t, 1, s.Messages()[0].Edits)
}

func TestFlakySlackServesPages(t *testing.T) {
	_, api := flaky(t)
	for _, text := range []string{"a", "b", "c"} {
		_, err := say(t, api, text, "")
		require.NoError(t, err)
	}
	var texts []string
	for p := (slack.GetConversationHistoryParameters{ChannelID: SlackChannel, Limit: 2}); ; {
		h, err := api.GetConversationHistoryContext(t.Context(), &p)
		require.NoError(t, err)
		for _, m := range h.Messages {
			texts = append(texts, m.Text)
		}
		if p.Cursor = h.ResponseMetaData.NextCursor; p.Cursor == "" {
			break
		}
	}
	require.Equal(t, []string{"c", "b", "a"}, texts)
}

func TestFlakySlackRefuses(t *testing.T) {
	s, api := flaky(t)
	post := func(api *slack.Client, channel string, options ...slack.MsgOption) error {
		_, _, err := api.PostMessageContext(t.Context(), channel, options...)
		return err
	}
	text := slack.MsgOptionText("a", false)
	header := slack.NewHeaderBlock(slack.NewTextBlockObject("plain_text", "a", false, false), slack.HeaderBlockOptionBlockID("same"))
	require.EqualError(t, post(slack.New("xoxb-guessed", slack.OptionAPIURL(s.API())), SlackChannel, text), "invalid_auth")
	require.EqualError(t, post(api, "C0NOWHERE", text), "channel_not_found")
	require.EqualError(t, post(api, SlackChannel), "no_text")
	require.EqualError(t, post(api, SlackChannel, text, slack.MsgOptionTS("1.000001")), "thread_not_found")
	require.EqualError(t, post(api, SlackChannel, slack.MsgOptionBlocks(header, header)), "invalid_blocks")
	section := func(n int) slack.Block {
		return slack.NewSectionBlock(slack.NewTextBlockObject("mrkdwn", strings.Repeat("é", n), false, false), nil, nil)
	}
	require.EqualError(t, post(api, SlackChannel, slack.MsgOptionBlocks(section(3_001))), "invalid_blocks")
	long := section(2_640)
	require.EqualError(t, post(api, SlackChannel, slack.MsgOptionBlocks(long, long, long, long, section(2_641))), "msg_blocks_too_long")
	s.Archive(SlackChannel, true)
	require.EqualError(t, post(api, SlackChannel, text), "is_archived")
	s.Archive(SlackChannel, false)
	s.Revoke(true)
	require.EqualError(t, post(api, SlackChannel, text), "token_revoked")
	s.Revoke(false)
	require.NoError(t, post(api, SlackChannel, slack.MsgOptionBlocks(long, long, long, long, long)))
	require.Len(t, s.Messages(), 1)
}

func TestFlakySlackFails(t *testing.T) {
	for name, c := range map[string]struct {
		fault    Fault
		want     string // in the error
		accepted int    // messages
	}{
		"an error before it accepts":  {Status(500), "500", 0},
		"an error after it accepted":  {Status(500).Accepted(), "500", 1},
		"a cut before it accepts":     {Cut(), "EOF", 0},
		"a cut after it accepted":     {Cut().Accepted(), "EOF", 1},
		"no answer, and not accepted": {Stall(time.Minute), "Timeout", 0},
		"no answer, but accepted":     {Stall(time.Minute).Accepted(), "Timeout", 1},
		"a cut, and accepted later":   {Cut().AcceptedLate(10 * time.Millisecond), "EOF", 1},
		"a limit":                     {Limited(3 * time.Second), "retry after 3s", 0},
		"anything that Slack may say": {Says("msg_blocks_too_long"), "msg_blocks_too_long", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := NewFlakySlack(SlackChannel)
			defer s.Close()
			s.Fail(func(string) *Fault { return &c.fault })
			api := slack.New(SlackBotToken, slack.OptionAPIURL(s.API()), slack.OptionHTTPClient(&http.Client{Timeout: 200 * time.Millisecond}))
			_, err := say(t, api, "a", "")
			require.ErrorContains(t, err, c.want)
			require.Eventually(t, func() bool { return len(s.Messages()) == c.accepted }, 5*time.Second, time.Millisecond)
			require.Equal(t, map[string]int{c.fault.Name: 1}, s.Met())
		})
	}
}

func TestRandomFaultsAreTheSameForASeed(t *testing.T) {
	choices := func(seed uint64) (names []string) {
		choose := Random(seed, Odds{0.2, Status(500)}, Odds{0.3, Cut()})
		for range 1000 {
			if fault := choose("chat.postMessage"); fault != nil {
				names = append(names, fault.Name)
			}
		}
		return names
	}
	require.Equal(t, choices(1), choices(1))
	require.NotEqual(t, choices(1), choices(2))
	require.InDelta(t, 500, len(choices(1)), 60)
}
