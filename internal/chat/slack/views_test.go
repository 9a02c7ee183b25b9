package slack

import (
	"bytes"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/bot"
	"bellwether/commands"
	"bellwether/internal/peers"
	"bellwether/pipeline"
)

var ackForm = bot.Form{Title: "Acknowledge", Command: "ack R42", Send: "Acknowledge", Fields: []bot.Field{{Word: "because", Label: "Why"}}}

func TestFormButtonAsks(t *testing.T) {
	s := newScene(t)
	s.desk.form = &ackForm
	require.Equal(t, http.StatusOK, s.interact(t, s.button("form-0", "ack R42")))
	require.Equal(t, []string{"form: slack:C0CHECKOUT U0DEVSG dev-sg [R42] ack R42"}, s.desk.said)
	require.Len(t, s.Views(), 1)
	require.Equal(t, "t1", s.Views()[0].Trigger)
	var view struct {
		Metadata string `json:"private_metadata"`
	}
	require.NoError(t, json.Unmarshal([]byte(s.Views()[0].View), &view))
	require.JSONEq(t, `{"channel":"C0CHECKOUT","root":"`+s.root+`","command":"ack R42"}`, view.Metadata)
	require.Empty(t, s.hook.sent)
}

func TestNothingToAskIsSaidPrivately(t *testing.T) {
	s := newScene(t)
	s.desk.reply.Private = false
	s.interact(t, s.button("form-0", "ack R42"))
	require.Empty(t, s.Views())
	require.Len(t, s.hook.sent, 1)
	require.Contains(t, s.hook.sent[0], `"response_type":"ephemeral"`)
	require.Contains(t, s.hook.sent[0], "What the desk says")
}

func TestFormThatDoesNotOpenIsSaid(t *testing.T) {
	s := newScene(t)
	s.desk.form = &ackForm
	late := peers.Says("expired_trigger_id")
	s.Fail(func(method string) *peers.Fault {
		if method == "views.open" {
			return &late
		}
		return nil
	})
	s.interact(t, s.button("form-0", "ack R42"))
	require.Len(t, s.hook.sent, 1)
	require.Contains(t, s.hook.sent[0], `"response_type":"ephemeral"`)
	require.Contains(t, s.hook.sent[0], "/loadtest ack R42")
}

func TestSubmissionIsACommand(t *testing.T) {
	for private, whispers := range map[bool]int{true: 1, false: 0} {
		s := newScene(t)
		s.desk.reply.Private = private
		at := place{Channel: where, Thread: s.root, Root: s.root, Command: "ack R42"}
		for range 2 { // Slack delivers again
			require.Equal(t, http.StatusOK, s.interact(t, filledIn(at.String())))
		}
		require.Equal(t, []string{
			"slack:C0CHECKOUT U0DEVSG dev-sg [R42] ack R42 only a b scope checkout-flow until 2026-12-01 because the cache was cold",
		}, s.desk.said)
		require.Len(t, s.Whispers(), whispers)
		require.Len(t, s.Messages(), 1, "what was done publicly shows by itself")
		for _, w := range s.Whispers() {
			require.Equal(t, []string{where, s.root, peers.SlackUser}, []string{w.Channel, w.Thread, w.To})
		}
	}
}

func TestForgedFormsComeToNothing(t *testing.T) {
	for name, metadata := range map[string]string{
		"empty": "", "broken": "{", "another's": "R42", "no command": `{"channel":"C0CHECKOUT"}`, "wrong type": `{"command":7}`, "null": "null",
		"nested": string(bytes.Repeat([]byte("["), 20_000)),
	} {
		s := newScene(t)
		require.Equal(t, http.StatusBadRequest, s.interact(t, filledIn(metadata)), name)
		require.Empty(t, s.desk.said, name)
	}
	s := newScene(t)
	broken := filledIn(place{Channel: where, Command: "ack R42"}.String())
	delete(broken["view"].(map[string]any), "state")
	require.Equal(t, http.StatusOK, s.interact(t, broken))
	require.Equal(t, []string{"slack:C0CHECKOUT U0DEVSG dev-sg [] ack R42"}, s.desk.said, "a form without anything filled in")
}

// Whatever a button or a form's metadata says: who speaks is whom Slack says it is.
func TestTheCallerIsSlacksWord(t *testing.T) {
	s := newScene(t)
	s.Meet("U0EVIL", peers.SlackPerson{Name: "evil", Team: "T0OTHER", Stranger: true, Zone: "Europe/Berlin"})
	evil := map[string]any{"id": "U0EVIL", "name": "dev-sg", "team_id": peers.SlackTeam}
	zone, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	for i, parts := range []map[string]any{
		s.button("action-0", "ack R7"), s.button("form-0", "ack R7"), atHome("action-0", "ack R7"),
		filledIn(`{"channel":"C0CHECKOUT","command":"ack R7","user":"U0DEVSG","caller":{"User":"U0DEVSG"}}`),
	} {
		parts["user"], parts["trigger_id"] = evil, string(rune('a'+i))
		s.interact(t, parts)
		who := s.desk.who[len(s.desk.who)-1]
		channel := pipeline.Channel{Platform: Platform, Group: peers.SlackTeam, ID: who.Channel.ID}
		require.Equal(t, commands.Caller{
			Channel: channel, Workspace: "T0OTHER", User: "U0EVIL", Name: "evil", Outsider: true, Zone: zone, Run: who.Run,
		}, who)
	}
}

func TestHome(t *testing.T) {
	s := newScene(t)
	s.event(t, "Ev1", map[string]any{"type": "app_home_opened", "user": peers.SlackUser, "tab": "home"})
	s.event(t, "Ev2", map[string]any{"type": "app_home_opened", "user": peers.SlackUser, "tab": "messages"})
	require.Equal(t, []string{"slack: U0DEVSG dev-sg [] open"}, s.desk.said)
	require.Len(t, s.Views(), 1)
	require.Equal(t, peers.SlackUser, s.Views()[0].User)
	require.Contains(t, s.Views()[0].View, "What the desk says")

	s.interact(t, atHome("action-0", "rerun R42"))
	require.Equal(t, []string{"slack: U0DEVSG dev-sg [] rerun R42", "slack: U0DEVSG dev-sg [] open"}, s.desk.said[1:])
	require.Len(t, s.Views(), 3, "the private answer as a window, and the Home tab anew")
	require.Equal(t, "t1", s.Views()[1].Trigger)
	require.NotContains(t, s.Views()[1].View, `"submit"`)
	require.Equal(t, peers.SlackUser, s.Views()[2].User)

	s.desk.form = &ackForm
	form := atHome("form-0", "ack R42")
	form["trigger_id"] = "t2"
	s.interact(t, form)
	require.Contains(t, s.Views()[3].View, `{\"command\":\"ack R42\"}`)
	s.interact(t, filledIn(`{"command":"ack R42"}`))
	require.Contains(t, s.desk.said, "slack: U0DEVSG dev-sg [] ack R42 only a b scope checkout-flow until 2026-12-01 because the cache was cold")
	require.Len(t, s.Messages(), 1)
}

// When the window comes too late, the answer becomes a direct message.
func TestHomeAnswerThatIsLate(t *testing.T) {
	s := newScene(t)
	late := peers.Says("expired_trigger_id")
	s.Fail(func(method string) *peers.Fault {
		if method == "views.open" {
			return &late
		}
		return nil
	})
	s.interact(t, atHome("action-0", "rerun R42"))
	require.Len(t, s.Messages(), 2)
	require.Equal(t, peers.SlackUser, s.Messages()[1].Channel)
}

// A private answer is seen by nobody else, whatever fails.
func TestAPrivateAnswerStaysPrivate(t *testing.T) {
	for _, fails := range []string{"", "chat.postEphemeral", "views.open", "views.publish", "users.info"} {
		s := newScene(t)
		fault := peers.Says("not_in_channel")
		s.Fail(func(method string) *peers.Fault {
			if method == fails {
				return &fault
			}
			return nil
		})
		say := map[string]any{"type": "app_mention", "user": peers.SlackUser, "text": "<@U0BELL> ack", "ts": "2.1", "channel": where}
		s.event(t, "Ev1", say)
		say["thread_ts"] = s.root
		s.event(t, "Ev2", say)
		s.event(t, "Ev3", map[string]any{"type": "app_home_opened", "user": peers.SlackUser, "tab": "home"})
		for i, parts := range []map[string]any{
			s.button("action-0", "ack R7"), s.button("form-0", "ack R7"), atHome("action-0", "ack R7"), atHome("form-0", "ack R7"),
			filledIn(place{Channel: where, Thread: s.root, Command: "ack R42"}.String()),
		} {
			parts["trigger_id"] = string(rune('a' + i))
			s.interact(t, parts)
		}
		w := send(s.chat, s.desk, signed("/slack/commands", form, slash("status", "t9", "https://hooks.slack.com/1"), secret, time.Now()))
		require.Contains(t, w.Body.String(), `"response_type":"ephemeral"`)
		require.NotEmpty(t, s.hook.sent)
		for _, sent := range s.hook.sent {
			require.Contains(t, sent, `"response_type":"ephemeral"`)
		}
		for _, m := range s.Messages()[1:] {
			require.Equal(t, peers.SlackUser, m.Channel, "%s: only as a direct message", fails)
		}
	}
}

// A direct message goes to a person, even if a delivery calls a channel one.
func TestAWhisperGoesToNoChannel(t *testing.T) {
	s := newScene(t)
	s.event(t, "Ev1", map[string]any{"type": "app_mention", "user": where, "text": "<@U0BELL> ack", "ts": "2.1", "channel": where})
	require.Len(t, s.desk.said, 1)
	require.Len(t, s.Messages(), 1)
	require.Empty(t, s.Whispers())
}

func TestLinksUnfold(t *testing.T) {
	s := newScene(t)
	s.desk.ours = "https://bellwether.example.com/runs/R42?exp=1&sig=x"
	shared := map[string]any{
		"type": "link_shared", "user": peers.SlackUser, "channel": where, "message_ts": s.root, "links": []any{
			map[string]any{"url": "https://bellwether.example.com/else"}, map[string]any{"url": "https://bellwether.example.com/runs/R42?exp=1&amp;sig=x"},
		},
	}
	s.event(t, "Ev1", shared)
	require.Len(t, s.Unfurls(), 1)
	require.Equal(t, []string{where, s.root}, []string{s.Unfurls()[0].Channel, s.Unfurls()[0].TS})
	var links map[string]any
	require.NoError(t, json.Unmarshal([]byte(s.Unfurls()[0].Links), &links))
	require.Len(t, links, 1)
	require.Contains(t, links, "https://bellwether.example.com/runs/R42?exp=1&amp;sig=x", "as Slack wrote it")
	require.Equal(t, peers.SlackUser, s.desk.who[0].User)

	shared["unfurl_id"], shared["source"], shared["channel"] = "C1.2.3", "composer", "COMPOSER"
	s.event(t, "Ev2", shared)
	require.Equal(t, peers.Unfurl{ID: "C1.2.3", Source: "composer", Links: s.Unfurls()[0].Links}, s.Unfurls()[1])

	s.desk.ours = ""
	s.event(t, "Ev3", shared)
	require.Len(t, s.Unfurls(), 2, "nothing of ours")
	many := make([]any, 1000)
	for i := range many {
		many[i] = map[string]any{"url": "https://x.example/"}
	}
	shared["links"] = many
	before := len(s.desk.said)
	s.event(t, "Ev4", shared)
	require.Len(t, s.desk.said, before+mostLinks)
}
