package slack

import (
	"context"
	"errors"

	"github.com/slack-go/slack"

	"bellwether/bot"
	"bellwether/commands"
	"bellwether/internal/chat/slack/blockkit"
)

// unfetched is logged when Slack refuses an answer for its picture: it looks at the picture before it takes the message.
const unfetched = "slack did not take an answer with its picture, its words go alone: can it reach http.public_url?"

// options of an answer: where Slack fetches its picture. No file can be uploaded into what a single person sees.
func (c *Chat) options(m bot.Message) blockkit.Options {
	if m.Picture == nil || c.pictureURL == nil {
		return blockkit.Options{}
	}
	return blockkit.Options{PictureURL: c.pictureURL(m.Picture.Key)}
}

// show posts an answer by the Web API, without its picture when Slack cannot fetch that.
func (c *Chat) show(ctx context.Context, w *workspace, m bot.Message, post func(*slack.Client, []slack.MsgOption) error) error {
	with := c.options(m)
	err := w.call(ctx, func(api *slack.Client) error { return post(api, drawn(m, with)) })
	if with.PictureURL == "" || code(err) != "invalid_blocks" {
		return err
	}
	c.log.Warn(unfetched, "error", explain(err))
	return w.call(ctx, func(api *slack.Client) error { return post(api, drawn(m, blockkit.Options{})) })
}

func drawn(m bot.Message, o blockkit.Options) []slack.MsgOption {
	return []slack.MsgOption{
		slack.MsgOptionText(blockkit.Fallback(m), false), slack.MsgOptionDisableLinkUnfurl(),
		slack.MsgOptionBlocks(blockkit.Draw(m, o)...),
	}
}

// respond sends a reply by a response_url, without its picture when Slack does not take it so. The address is a secret for half
// an hour: it is kept out of the log.
func (c *Chat) respond(ctx context.Context, responseURL string, reply commands.Reply, thread string) {
	with := c.options(reply.Message)
	err := slack.PostWebhookCustomHTTPContext(ctx, responseURL, c.http, response(reply, thread, with))
	if with.PictureURL != "" && errors.As(err, new(slack.StatusCodeError)) {
		c.log.Warn(unfetched, "error", err)
		err = slack.PostWebhookCustomHTTPContext(ctx, responseURL, c.http, response(reply, thread, blockkit.Options{}))
	}
	if err != nil {
		c.log.Error("an answer did not reach slack's response_url", "error", withoutURL(err))
	}
}

// response is a reply as a response to a command, and as a response_url takes it.
func response(reply commands.Reply, thread string, o blockkit.Options) *slack.WebhookMessage {
	kind := slack.ResponseTypeInChannel
	if reply.Private {
		kind = slack.ResponseTypeEphemeral
	}
	return &slack.WebhookMessage{
		ResponseType: kind, ThreadTimestamp: thread, Text: blockkit.Fallback(reply.Message),
		Blocks: &slack.Blocks{BlockSet: blockkit.Draw(reply.Message, o)},
	}
}
