package teams

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"bellwether/bot"
	"bellwether/internal/chat/teams/card"
	"bellwether/internal/chat/teams/connector"
	"bellwether/pipeline"
)

// Post sends the message once: nothing here repeats it, since a repetition after a broken connection could show it twice. The
// reference of a thread's root is the thread's own id.
func (c *Chat) Post(ctx context.Context, o bot.Outgoing) (string, error) {
	at, err := c.installed(ctx, o.Channel)
	if err != nil {
		return "", err
	}
	said, err := c.activity(o, at.Group)
	if err != nil {
		return "", err
	}
	ref, err := c.post(ctx, at.ServiceURL, o, said)
	if err := c.judge(o.Channel.ID, err); err != nil {
		return "", fmt.Errorf("post to teams channel %s: %w", o.Channel.ID, err)
	}
	return ref, nil
}

func (c *Chat) post(ctx context.Context, service string, o bot.Outgoing, said connector.Activity) (string, error) {
	if o.Thread != "" || !isChannel(o.Channel) {
		return c.client.Send(ctx, service, conversation(o), said)
	}
	return c.client.Create(ctx, service, o.Channel.ID, connector.Conversation{
		IsGroup: true, Bot: c.self(), Tenant: c.Tenant, Activity: &said,
		ChannelData: &connector.ChannelData{Channel: &connector.Account{ID: o.Channel.ID}, Tenant: connector.Account{ID: c.Tenant}},
	})
}

// self is the bot as Teams names it.
func (c *Chat) self() connector.Account { return connector.Account{ID: "28:" + c.AppID} }

// Edit gives a message new content.
func (c *Chat) Edit(ctx context.Context, o bot.Outgoing, ref string) error {
	at, err := c.installed(ctx, o.Channel)
	if err != nil {
		return err
	}
	said, err := c.activity(o, at.Group)
	if err != nil {
		return err
	}
	within, id := conversation(o), ref
	if _, root, ok := strings.Cut(ref, connector.ThreadMark); ok {
		within, id = ref, root
	}
	if err := c.judge(o.Channel.ID, c.client.Update(ctx, at.ServiceURL, within, id, said)); err != nil {
		return fmt.Errorf("edit message %s in teams channel %s: %w", ref, o.Channel.ID, err)
	}
	return nil
}

// Find cannot tell: Teams lets no bot read a channel.
func (c *Chat) Find(context.Context, bot.Outgoing, time.Time) (string, error) {
	return "", bot.ErrBlind
}

// isChannel tells a team's channel, which has threads, from a chat, which has none. The catalog names the team of a channel;
// without that the id tells.
func isChannel(c pipeline.Channel) bool {
	return c.Group != "" || strings.HasSuffix(c.ID, "@thread.tacv2") || strings.HasSuffix(c.ID, "@thread.skype")
}

// conversation that a message belongs to, unless it is a thread's root.
func conversation(o bot.Outgoing) string {
	if strings.Contains(o.Thread, connector.ThreadMark) {
		return o.Thread
	}
	return o.Channel.ID
}

// installed is what is known of a channel's team, or of a chat, and where it takes messages. Another replica may have heard of
// something newer, so that the store is asked.
func (c *Chat) installed(ctx context.Context, channel pipeline.Channel) (bot.Installation, error) {
	i, err := c.Installations.Installation(ctx, cmp.Or(channel.Group, channel.ID))
	if err != nil && !errors.Is(err, bot.ErrNotFound) {
		return i, &bot.NotSent{After: unwell, Err: err}
	}
	if !c.client.Trusts(i.ServiceURL) { // also what was stored while the settings named another connector
		i.ServiceURL = c.ServiceURL
	}
	return i, nil
}

// activity draws the message. Group is Entra's id of the channel's team, for links.
func (c *Chat) activity(o bot.Outgoing, group string) (connector.Activity, error) {
	drawn, err := c.draw(o, group)
	if err != nil {
		return connector.Activity{}, &bot.Refused{Err: fmt.Errorf("message %s is not as teams wants it, a fault of Bellwether's: %w", o.ID, err)}
	}
	return carrying(drawn, card.Fallback(o.Message)), nil
}

// carrying is a message that has a card; the summary is what a notification shows of it.
func carrying(drawn any, summary string) connector.Activity {
	return connector.Activity{Type: "message", Summary: summary, Attachments: []connector.Attachment{{ContentType: card.ContentType, Content: drawn}}}
}

func (c *Chat) draw(o bot.Outgoing, group string) (card.Card, error) {
	options := card.Options{Links: c.links(o, group), Intent: o.ID}
	if p := o.Message.Picture; p != nil {
		if err := card.LintPicture(o.Picture); err != nil {
			c.Log.Error("a picture is left out, its words stay", "intent", o.ID, "error", err)
		} else {
			options.PictureURL = c.PictureURL(p.Key)
		}
	}
	if o.Run != "" {
		options.More = c.RunURL(o.Run)
	}
	drawn := card.Draw(o.Message, options)
	return drawn, card.Lint(drawn)
}

// links are the addresses of the threads that the message may lead to, by run. Chats have none.
func (c *Chat) links(o bot.Outgoing, group string) map[string]string {
	links := make(map[string]string, len(o.Links))
	for run, ref := range o.Links {
		if channel, message, ok := strings.Cut(ref, connector.ThreadMark); ok {
			links[run] = c.address(channel, message, group)
		}
	}
	return links
}

func (c *Chat) address(channel, message, group string) string {
	q := url.Values{"tenantId": {c.Tenant}, "parentMessageId": {message}}
	if group != "" {
		q.Set("groupId", group)
	}
	return "https://teams.microsoft.com/l/message/" + url.PathEscape(channel) + "/" + url.PathEscape(message) + "?" + q.Encode()
}
