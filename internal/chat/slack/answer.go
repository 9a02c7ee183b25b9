package slack

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"bellwether/commands"
	"bellwether/internal/chat/slack/blockkit"
	"bellwether/pipeline"
)

// longest is how long a command and its answer may take.
const longest = 2 * time.Minute

// words are what somebody said, whichever way they came.
type words struct {
	key    string // of the delivery: the same for a repetition
	caller commands.Caller
	thread string // that they were said in; empty in the channel
	root   string // message that began the thread, or that has the pressed button
	text   string
	answer func(context.Context, commands.Reply) // takes the reply to where it belongs
}

// event is the part of an Events API request that matters here.
type event struct {
	Type      string `json:"type"`
	Challenge string `json:"challenge"`
	ID        string `json:"event_id"`
	Event     struct {
		Type    string    `json:"type"`
		User    string    `json:"user"`
		Bot     string    `json:"bot_id"`
		Text    string    `json:"text"`
		TS      string    `json:"ts"`
		Thread  string    `json:"thread_ts"`
		Channel string    `json:"channel"`
		Edited  *struct{} `json:"edited"`
	} `json:"event"`
}

// command reads a slash command, which Slack lets nobody type in a thread.
func (c *Chat) command(s slack.SlashCommand) (*words, error) {
	caller := commands.Caller{Channel: channel(s.ChannelID), User: s.UserID, Name: s.UserName}
	return c.answerable(&words{key: "trigger/" + s.TriggerID, caller: caller, text: spoken(s.Text)}, s.TriggerID, s.ResponseURL, true)
}

// press reads a button: its value is a command. Other interactions, a link's among them, say nothing.
func (c *Chat) press(i slack.InteractionCallback) (*words, error) {
	if i.Type != slack.InteractionTypeBlockActions || len(i.ActionCallback.BlockActions) == 0 || i.ActionCallback.BlockActions[0].Value == "" {
		return nil, nil
	}
	thread := cmp.Or(i.Message.ThreadTimestamp, i.Container.ThreadTs)
	said := &words{
		key: "trigger/" + i.TriggerID, thread: thread, root: cmp.Or(thread, i.Message.Timestamp), text: i.ActionCallback.BlockActions[0].Value,
		caller: commands.Caller{Channel: channel(i.Channel.ID), User: i.User.ID, Name: i.User.Name},
	}
	return c.answerable(said, i.TriggerID, i.ResponseURL, false)
}

// answerable lets the words be answered by the response_url. A public answer to a button is left out: what the press did
// shows in its thread.
func (c *Chat) answerable(said *words, trigger, responseURL string, public bool) (*words, error) {
	if trigger == "" {
		return nil, fmt.Errorf("%w: no trigger_id", errMalformed)
	}
	if !c.trusted(responseURL) {
		return nil, fmt.Errorf("%w: its response_url leads neither to slack nor to chat.slack.api_url", errMalformed)
	}
	said.answer = func(ctx context.Context, reply commands.Reply) {
		if public || reply.Private {
			c.respond(ctx, responseURL, response(reply, said.thread))
		}
	}
	return said, nil
}

var mentioned = regexp.MustCompile(`<@([A-Z0-9]+)(?:\|[^>]*)?>`)

// mention reads "@bellwether …". Other events, and what bots say, say nothing.
func (c *Chat) mention(e event) (*words, error) {
	m := e.Event
	if e.Type != "event_callback" || m.Type != "app_mention" || m.Bot != "" || m.User == "" || m.Edited != nil {
		return nil, nil
	}
	if e.ID == "" {
		return nil, fmt.Errorf("%w: no event_id", errMalformed)
	}
	text := mentioned.ReplaceAllStringFunc(m.Text, func(s string) string {
		if mentioned.FindStringSubmatch(s)[1] == c.self {
			return ""
		}
		return s
	})
	said := &words{
		key: "event/" + e.ID, thread: m.Thread, root: m.Thread, text: spoken(text),
		caller: commands.Caller{Channel: channel(m.Channel), User: m.User},
	}
	said.answer = func(ctx context.Context, reply commands.Reply) { c.replyInThread(ctx, said, m.TS, reply) }
	return said, nil
}

// replyInThread posts the answer to a mention: a private one where the words were said, a public one in their thread, which
// begins with the mention itself when there is none yet.
func (c *Chat) replyInThread(ctx context.Context, said *words, ts string, reply commands.Reply) {
	options := []slack.MsgOption{
		slack.MsgOptionText(blockkit.Fallback(reply.Message), false), slack.MsgOptionDisableLinkUnfurl(),
		slack.MsgOptionBlocks(blockkit.Draw(reply.Message, nil, "")...),
	}
	at := said.caller.Channel.ID
	err := c.pace(ctx, at)
	switch {
	case err != nil:
	case reply.Private:
		_, err = c.api.PostEphemeralContext(ctx, at, said.caller.User, append(options, inThread(said.thread))...)
	default:
		_, _, err = c.api.PostMessageContext(ctx, at, append(options, inThread(cmp.Or(said.thread, ts)))...)
	}
	if err != nil {
		c.log.Error("an answer did not reach slack", "channel", at, "error", explain(err))
	}
}

// first claims the words: false when they came before.
func (c *Chat) first(ctx context.Context, said *words) (bool, error) {
	first, err := c.seen.First(ctx, "slack/"+said.key, replays)
	if err != nil {
		return false, fmt.Errorf("claim %s: %w", said.key, err)
	}
	return first, nil
}

// background goes on when the request is over; Wait waits for it.
func (c *Chat) background(ctx context.Context, f func(context.Context)) {
	c.answers.Go(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), longest)
		defer cancel()
		f(ctx)
	})
}

// carryOut completes the caller and does what was said. Without the store the run stays unknown, and the command says so.
func (c *Chat) carryOut(ctx context.Context, said *words, do Doer) commands.Reply {
	caller := said.caller
	if caller.Name == "" {
		caller.Name = c.name(ctx, caller.User)
	}
	if said.root != "" {
		run, err := c.threads.RunOf(ctx, caller.Channel, said.root)
		if err != nil {
			c.log.Error("no telling which run a thread speaks of", "channel", caller.Channel, "root", said.root, "error", err)
		}
		caller.Run = run
	}
	return do.Do(ctx, caller, said.text)
}

// respond sends by a response_url, which is a secret for half an hour: it is kept out of the log.
func (c *Chat) respond(ctx context.Context, responseURL string, m *slack.WebhookMessage) {
	if err := slack.PostWebhookCustomHTTPContext(ctx, responseURL, c.http, m); err != nil {
		c.log.Error("an answer did not reach slack's response_url", "error", withoutURL(err))
	}
}

// response is a reply as a response to a command, and as a response_url takes it.
func response(reply commands.Reply, thread string) *slack.WebhookMessage {
	kind := slack.ResponseTypeInChannel
	if reply.Private {
		kind = slack.ResponseTypeEphemeral
	}
	return &slack.WebhookMessage{
		ResponseType: kind, ThreadTimestamp: thread, Text: blockkit.Fallback(reply.Message),
		Blocks: &slack.Blocks{BlockSet: blockkit.Draw(reply.Message, nil, "")},
	}
}

// trusted tells whether a response_url leads to Slack, or to the Web API of the settings, which may do without TLS on this
// very machine. Any other would have Bellwether send requests into its own network.
func (c *Chat) trusted(raw string) bool {
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.User != nil:
		return false
	case u.Scheme == "https":
		return u.Host == "hooks.slack.com" || u.Host == c.base.Host
	}
	ip := net.ParseIP(c.base.Hostname())
	loopback := c.base.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
	return u.Scheme == "http" && c.base.Scheme == "http" && u.Host == c.base.Host && loopback
}

var (
	link      = regexp.MustCompile(`<(https?://[^|>]+)(?:\|[^>]*)?>`)
	unescaped = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&")
)

// spoken is text as it was typed, before Slack escaped it and made links of addresses.
func spoken(text string) string {
	return strings.TrimSpace(unescaped.Replace(link.ReplaceAllString(text, "$1")))
}

func channel(id string) pipeline.Channel { return pipeline.Channel{Platform: Platform, ID: id} }
