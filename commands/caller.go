// Package commands understands what people tell Bellwether (/loadtest …, a mention, a button) and carries it out. It knows
// no platform: an adapter says who speaks and where, and draws the reply.
package commands

import (
	"time"

	"bellwether/bot"
	"bellwether/pipeline"
)

// Caller is who speaks, and where. All of it comes from the platform; nothing from what a button carries.
type Caller struct {
	Channel   pipeline.Channel
	Workspace string         // Slack's workspace or the Entra tenant that the speaker belongs to; empty on the chat page
	User      string         // the platform's id of the speaker
	Name      string         // what people call the speaker
	Outsider  bool           // a guest, or of another organisation
	Unproven  bool           // the platform does not tell at the moment; Outsider is set to be safe
	Zone      *time.Location // nil when nobody knows
	Run       string         // the run whose thread the words were said in; empty outside threads
	Bare      bool           // commands are typed without /loadtest there
}

// Reply is the answer to one command. A private reply is shown to the caller only.
type Reply struct {
	Message bot.Message
	Private bool
	Picture []byte // the PNG of Message.Picture
}
