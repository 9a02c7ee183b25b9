package bot

import (
	"context"
	"fmt"

	"bellwether/pipeline"
)

// TellHold makes a hold visible in each of its channels: one root message, edited when the environment is released.
func (b *Bot) TellHold(ctx context.Context, hold pipeline.Hold) error {
	version := int64(1)
	if hold.Released != nil {
		version = 2
	}
	for _, channel := range hold.Channels {
		o := Outgoing{ID: fmt.Sprintf("%s/%s/root", hold.ID, channel), Channel: channel, Run: hold.Run, Version: version, Message: holdMessage(hold)}
		if err := b.Outbox.Want(ctx, o, b.Now()); err != nil {
			return err
		}
	}
	return nil
}

func holdMessage(hold pipeline.Hold) Message {
	if hold.Released != nil {
		return Message{Title: hold.Environment + " is free again", Body: []Text{marked("Released by ", *hold.Released)}}
	}
	return Message{
		Title: hold.Environment + " is on hold", Mood: MoodWaiting, Body: []Text{marked("Held by ", hold.By)},
		Actions: []Action{{Label: "Release", Command: "release " + hold.Environment, Primary: true}},
	}
}
