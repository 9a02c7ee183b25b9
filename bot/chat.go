package bot

import (
	"context"
	"errors"
	"fmt"
	"time"

	"bellwether/pipeline"
)

// Chat is one platform. Its adapters live in internal/chat.
//
// An error that is none of NotSent and Refused is ambiguous: the message may have been posted, and Deliver looks before it
// tries again.
type Chat interface {
	// Post sends a new message, into a thread when Outgoing.Thread is set, and returns the platform's id for it. A message
	// carries its intent (Outgoing.ID) with it, so that Find can see it. A message with a picture is posted as that picture.
	Post(ctx context.Context, o Outgoing) (ref string, err error)
	// Edit gives a posted message new content.
	Edit(ctx context.Context, o Outgoing, ref string) error
	// Find looks for a message posted with this intent at or after since; "" when there is none.
	Find(ctx context.Context, o Outgoing, since time.Time) (ref string, err error)
}

// Outgoing is one intent: a message that shall be visible in a channel.
type Outgoing struct {
	ID      string           `json:"id"` // the intent: "R42/slack:C0CHECKOUT/root"; unique, also across restarts
	Channel pipeline.Channel `json:"channel"`
	Root    string           `json:"root,omitempty"` // intent of the thread's root; empty for a root
	Run     string           `json:"run,omitempty"`  // the run it speaks of; commands typed in its thread mean this run
	Version int64            `json:"version"`        // of the content: a newer one replaces an older one, never the reverse
	Message Message          `json:"message"`

	// What Deliver looks up before it calls an adapter.
	Thread  string            `json:"-"` // the root's platform id
	Picture []byte            `json:"-"` // the PNG of Message.Picture
	Links   map[string]string `json:"-"` // platform ids, in this channel, of the roots that spans link to, by run
}

// NotSent says that the platform certainly did not take the message: it may be tried again after the delay.
type NotSent struct {
	After time.Duration
	Err   error
}

func (e *NotSent) Error() string { return fmt.Sprintf("not sent, again in %s: %v", e.After, e.Err) }
func (e *NotSent) Unwrap() error { return e.Err }

// Refused says that the platform will never take this message: it is parked and the operator told.
type Refused struct{ Err error }

func (e *Refused) Error() string { return "refused for good: " + e.Err.Error() }
func (e *Refused) Unwrap() error { return e.Err }

// ErrNoChat is returned for a channel on a platform that is not configured.
var ErrNoChat = errors.New("no such chat platform is configured")
