package slack

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"runtime/debug"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"bellwether/bot"
	"bellwether/commands"
	"bellwether/pipeline"
)

// longest is how long a command and its answer may take.
const longest = 2 * time.Minute

// deed is what a delivery of Slack's asks for.
type deed struct {
	key string // of the delivery: the same for a repetition
	do  func(context.Context, Desk)
}

// words are what somebody said, whichever way they came.
type words struct {
	at     *workspace
	caller commands.Caller // as far as the delivery tells
	thread string          // that they were said in; empty in the channel
	root   string          // message that began the thread, or that has the pressed button
	text   string
}

// command reads a slash command, which Slack lets nobody type in a thread. It is nil when it was typed where Bellwether is
// not installed.
func (c *Chat) command(s slack.SlashCommand) (*words, error) {
	if err := c.answerable(s.TriggerID, s.ResponseURL); err != nil {
		return nil, err
	}
	w := c.where(s.TeamID)
	if w == nil {
		return nil, nil
	}
	return &words{at: w, caller: caller(w, s.ChannelID, s.UserID, s.UserName, s.TeamID), text: spoken(s.Text)}, nil
}

// answerable tells whether a delivery can be told from others, and answered.
func (c *Chat) answerable(trigger, responseURL string) error {
	if trigger == "" {
		return fmt.Errorf("%w: no trigger_id", errMalformed)
	}
	if !c.trusted(responseURL) {
		return fmt.Errorf("%w: its response_url leads neither to slack nor to chat.slack.api_url", errMalformed)
	}
	return nil
}

// where is the workspace that a delivery came from: the first one of those it names in which the app is installed. In a
// channel that organisations share it names theirs too.
func (c *Chat) where(teams ...string) *workspace {
	for _, id := range teams {
		if w := c.of(id); id != "" && w != nil {
			return w
		}
	}
	if len(c.workspaces) == 1 {
		return c.workspaces[0]
	}
	c.log.Warn("slack delivered something of a workspace without a token", "workspaces", teams)
	return nil
}

func caller(w *workspace, channel, user, name, team string) commands.Caller {
	return commands.Caller{Channel: pipeline.Channel{Platform: Platform, Group: w.id, ID: channel}, Workspace: team, User: user, Name: name}
}

// speaker is the caller of the words, complete. Without the store the run stays unknown, and the command says so.
func (c *Chat) speaker(ctx context.Context, said *words) commands.Caller {
	who := c.meet(ctx, said.at, said.caller)
	if said.root == "" {
		return who
	}
	run, err := c.threads.RunOf(ctx, who.Channel, said.root)
	if err != nil {
		c.log.Error("no telling which run a thread speaks of", "channel", who.Channel, "root", said.root, "error", err)
	}
	who.Run = run
	return who
}

// carryOut does what was said.
func (c *Chat) carryOut(ctx context.Context, said *words, desk Desk) commands.Reply {
	return desk.Do(ctx, c.speaker(ctx, said), said.text)
}

// first claims a delivery: false when it came before.
func (c *Chat) first(ctx context.Context, key string) (bool, error) {
	first, err := c.seen.First(ctx, "slack/"+key, replays)
	if err != nil {
		return false, fmt.Errorf("claim %s: %w", key, err)
	}
	return first, nil
}

// background goes on when the request is over; Wait waits for it. A panic ends this alone.
func (c *Chat) background(ctx context.Context, f func(context.Context)) {
	c.answers.Go(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), longest)
		defer cancel()
		defer func() {
			if reason := recover(); reason != nil {
				c.log.Error("an answer to slack failed", "panic", reason, "stack", string(debug.Stack()))
			}
		}()
		f(ctx)
	})
}

// say answers a mention: a private answer is whispered, a public one goes into the thread.
func (c *Chat) say(ctx context.Context, said *words, thread string, reply commands.Reply) {
	if reply.Private {
		c.whisper(ctx, said, reply.Message)
		return
	}
	at := said.caller.Channel.ID
	err := c.show(ctx, said.at, reply.Message, func(api *slack.Client, content []slack.MsgOption) error {
		if err := c.pace(ctx, at); err != nil {
			return err
		}
		_, _, err := api.PostMessageContext(ctx, at, append(content, inThread(thread))...)
		return err
	})
	if err != nil {
		c.log.Error("an answer did not reach slack", "channel", at, "error", err)
	}
}

// whisper shows a message to the person who spoke and to nobody else: where they spoke, or, where Slack does not let the bot
// do that, as a direct message.
func (c *Chat) whisper(ctx context.Context, said *words, m bot.Message) {
	at, user := said.caller.Channel.ID, said.caller.User
	err := errNowhere
	if at != "" {
		err = c.show(ctx, said.at, m, func(api *slack.Client, content []slack.MsgOption) error {
			_, err := api.PostEphemeralContext(ctx, at, user, append(content, inThread(said.thread))...)
			return err
		})
	}
	if err != nil && isUser(user) {
		err = c.show(ctx, said.at, m, func(api *slack.Client, content []slack.MsgOption) error {
			_, _, err := api.PostMessageContext(ctx, user, content...)
			return err
		})
	}
	if err != nil {
		c.log.Error("a private answer did not reach slack", "channel", at, "user", user, "error", err)
	}
}

// errNowhere is for words that were said in no channel.
var errNowhere = errors.New("they were said in no channel")

// isUser tells an id of a person, to whom a message is private, from one of a channel.
func isUser(id string) bool { return strings.HasPrefix(id, "U") || strings.HasPrefix(id, "W") }

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
