package teams

import (
	"context"
	"errors"
	"time"

	"bellwether/bot"
	"bellwether/commands"
	"bellwether/internal/chat/teams/card"
	"bellwether/internal/chat/teams/connector"
)

// outcome of what was said: a reply, or a form that asks for more.
type outcome struct {
	reply commands.Reply
	form  *bot.Form
}

// carryOut does what was said, or finds out what to ask first.
func (c *Chat) carryOut(ctx context.Context, said *words, desk Desk) (o outcome) {
	who := c.caller(ctx, said)
	switch {
	case said.button.Verb == card.VerbCancel:
	case said.button.Verb == card.VerbCommand && said.button.Form:
		o.form, o.reply = desk.Form(ctx, who, said.text)
	default:
		o.reply = desk.Do(ctx, who, said.text)
	}
	return o
}

// answer takes an outcome to where it belongs: into the conversation, and what is private to the speaker alone. What a button
// under one of our messages did publicly shows in that message.
func (c *Chat) answer(ctx context.Context, said *words, o outcome) {
	var err error
	switch {
	case said.button.Verb == card.VerbCancel:
	case o.form != nil:
		err = c.say(ctx, said.service, said.conversation, c.form(said, *o.form))
	case o.reply.Private && !said.alone:
		err = c.whisper(ctx, said, o.reply)
	case o.reply.Private || said.button.Intent == "":
		err = c.sayReply(ctx, said.service, said.conversation, o.reply)
	}
	if err != nil {
		c.Log.Error("an answer did not reach teams", "channel", said.caller.Channel, "error", explain(err))
	}
}

// unheard is all that a channel learns of a private answer.
const unheard = "I cannot answer you in private yet. Open a chat with me (Apps, Bellwether, Add), then ask again."

// whisper answers in the speaker's own chat with the bot: Teams has no message in a channel that only one person sees. A
// person without that chat is told how to get it, and nothing else.
func (c *Chat) whisper(ctx context.Context, said *words, reply commands.Reply) error {
	own, err := c.client.Create(ctx, said.service, said.speaker, connector.Conversation{
		Bot: c.self(), Members: []connector.Account{{ID: said.speaker}}, Tenant: c.Tenant,
		ChannelData: &connector.ChannelData{Tenant: connector.Account{ID: c.Tenant}},
	})
	if err == nil {
		err = c.sayReply(ctx, said.service, own, reply)
	}
	if err == nil {
		return nil
	}
	told := commands.Reply{Message: bot.Message{Body: []bot.Text{bot.Plain(unheard)}}}
	return errors.Join(err, c.sayReply(ctx, said.service, said.conversation, told))
}

func (c *Chat) sayReply(ctx context.Context, service, conversation string, reply commands.Reply) error {
	said, err := c.activity(bot.Outgoing{ID: "answer", Message: reply.Message, Picture: reply.Picture}, "")
	if err != nil {
		return err
	}
	return c.say(ctx, service, conversation, said)
}

const (
	tries = 3                // that an answer is sent to a conversation that is busy
	dear  = 35 * time.Second // that an answer waits between them: Teams' rates ask for up to half a minute
)

// say sends an answer. What Teams certainly did not take is sent again: two people who press at once get in each other's way.
func (c *Chat) say(ctx context.Context, service, conversation string, said connector.Activity) error {
	for try := 1; ; try++ {
		_, err := c.client.Send(ctx, service, conversation, said)
		later, unsent := errors.AsType[*bot.NotSent](c.classify(err))
		if !unsent || later.After > dear || try == tries {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(later.After):
		}
	}
}

// form draws what is asked before a command is carried out.
func (c *Chat) form(said *words, f bot.Form) connector.Activity {
	return carrying(card.DrawForm(f, card.Options{Intent: said.button.Intent}), f.Title)
}
