package bot

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
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
	// Find looks for a message posted with this intent at or after since; "" when there is none. It returns ErrBlind when
	// nobody can tell.
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
	Passing bool             `json:"passing,omitempty"` // progress that nobody will miss: rather lost than said twice

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

// ErrBlind is returned by a platform that does not let Bellwether read what was posted.
var ErrBlind = errors.New("the platform does not tell what was posted")

// ErrNoChat is returned for a channel on a platform that is not configured.
var ErrNoChat = errors.New("no such chat platform is configured")

// Outbox keeps intents until they are visible, and what is known of each.
type Outbox interface {
	// Want stores what shall be visible and wakes the channel's lane at due. Content as old as the stored one, or equal to
	// it, changes nothing.
	Want(ctx context.Context, o Outgoing, due time.Time) error
	Open(ctx context.Context, id string) (Letter, error)
	// Note stores what became of an intent.
	Note(ctx context.Context, lease Lease, id string, d Delivery) error
}

// Pictures keeps PNGs by key.
type Pictures interface {
	Picture(ctx context.Context, key string) ([]byte, error)
	KeepPicture(ctx context.Context, key string, png []byte) error
}

// Lease is the right to speak in a channel; see pipeline.Lease.
type Lease struct {
	Channel pipeline.Channel
	Fence   int64
}

// Letter is an intent with what became of it.
type Letter struct {
	Outgoing
	Delivery
}

// Delivery is what became of an intent. The zero value: nothing yet.
type Delivery struct {
	// Attempted is stored before an attempt to post, again when that or an edit ended without an answer, and zero once it is
	// known what came of it.
	Attempted time.Time `json:"attempted,omitzero"`
	Ref       string    `json:"ref,omitempty"`    // the platform's id, once it is visible
	Sent      int64     `json:"sent,omitempty"`   // the version that is visible
	Parked    string    `json:"parked,omitempty"` // why the platform will never take it
}

// ErrNotFound is returned for an intent or picture that is not stored.
var ErrNotFound = pipeline.ErrNotFound

// Postman brings intents to their platforms, one after the other within a channel.
type Postman struct {
	Outbox   Outbox
	Pictures Pictures
	Chats    map[string]Chat // by platform
	// Settle is how long a platform may need to show a message that it took without our knowing; longer than its client
	// waits for an answer.
	Settle time.Duration
	// Operator's are the channels that hear of what could not be delivered.
	Operator func() []pipeline.Channel
	Now      func() time.Time
	Log      *slog.Logger
}

// Deliver makes an intent visible as it is wanted now. It returns a *NotSent when the channel must rest, another error when
// it should be tried again later, and nil when nothing is left to do: sent, or refused for good and parked.
func (p *Postman) Deliver(ctx context.Context, id string, fence int64) error {
	letter, err := p.Outbox.Open(ctx, id)
	if errors.Is(err, ErrNotFound) {
		p.Log.Error("message dropped: it waited longer than messages are kept", "intent", id)
		return nil
	}
	if err != nil {
		return fmt.Errorf("open %s: %w", id, err)
	}
	d := &dispatch{Postman: p, letter: letter, lease: Lease{letter.Channel, fence}}
	if d.chat = p.Chats[letter.Channel.Platform]; d.chat == nil {
		return d.park(ctx, ErrNoChat)
	}
	err = d.bring(ctx)
	var refused *Refused
	if errors.As(err, &refused) {
		return d.park(ctx, refused.Err)
	}
	return err
}

// dispatch is one intent on its way.
type dispatch struct {
	*Postman
	chat   Chat
	letter Letter
	lease  Lease
}

func (d *dispatch) bring(ctx context.Context) error {
	if d.letter.Parked != "" || d.letter.Ref != "" && d.letter.Sent >= d.letter.Version {
		return nil
	}
	if err := d.lookUp(ctx); err != nil {
		return err
	}
	if d.letter.Ref == "" && !d.letter.Attempted.IsZero() {
		if err := d.look(ctx); err != nil {
			return err
		}
	}
	if d.letter.Ref == "" {
		return d.post(ctx)
	}
	return d.edit(ctx)
}

// look finds out what became of an attempt whose end nobody saw.
func (d *dispatch) look(ctx context.Context) error {
	if err := d.settled(); err != nil {
		return err
	}
	since := d.letter.Attempted.Add(-d.Settle) // the attempt began before it ended
	ref, err := d.chat.Find(ctx, d.letter.Outgoing, since)
	if errors.Is(err, ErrBlind) {
		return d.repeat()
	}
	if err != nil {
		return fmt.Errorf("look for %s: %w", d.letter.ID, err)
	}
	if ref != "" {
		d.letter.Ref, d.letter.Attempted = ref, time.Time{} // what it says is unknown: the newest content follows as an edit
		return d.note(ctx)
	}
	return nil
}

// repeat has a message posted again of which nobody can tell whether it arrived; it says so. Progress is given up instead.
func (d *dispatch) repeat() error {
	if d.letter.Passing {
		return &Refused{Err: errUnsure}
	}
	d.letter.Message = repeated(d.letter.Message)
	return nil
}

var errUnsure = errors.New("nobody can tell whether it was shown, and it is only progress")

// settled is a *NotSent as long as an attempt whose end nobody saw may still come through.
func (d *dispatch) settled() error {
	if wait := d.letter.Attempted.Add(d.Settle).Sub(d.Now()); wait > 0 {
		return &NotSent{After: wait, Err: errors.New("an earlier attempt has to settle first")}
	}
	return nil
}

func (d *dispatch) post(ctx context.Context) error {
	d.letter.Attempted = d.Now()
	if err := d.note(ctx); err != nil {
		return err
	}
	ref, err := d.chat.Post(ctx, d.letter.Outgoing)
	if certainlyNot(err) {
		d.letter.Attempted = time.Time{}
		return errors.Join(err, d.note(ctx))
	}
	if err != nil {
		d.letter.Attempted = d.Now() // the platform may still be at it: it settles from now on
		return errors.Join(fmt.Errorf("post %s: %w", d.letter.ID, err), d.note(ctx))
	}
	d.letter.Ref, d.letter.Sent, d.letter.Attempted = ref, d.letter.Version, time.Time{}
	return d.note(ctx)
}

// edit waits for an earlier edit whose end nobody saw: coming through later, it would undo this one for good.
func (d *dispatch) edit(ctx context.Context) error {
	if err := d.settled(); err != nil {
		return err
	}
	err := d.chat.Edit(ctx, d.letter.Outgoing, d.letter.Ref)
	if err != nil {
		err = fmt.Errorf("edit %s: %w", d.letter.ID, err)
		if certainlyNot(err) {
			return err
		}
		d.letter.Attempted = d.Now()
		return errors.Join(err, d.note(ctx))
	}
	d.letter.Sent, d.letter.Attempted = d.letter.Version, time.Time{}
	return d.note(ctx)
}

// park gives an intent up. A later content of it is another try.
func (d *dispatch) park(ctx context.Context, why error) error {
	d.Log.Error("message parked: it cannot be shown", "intent", d.letter.ID, "channel", d.letter.Channel, "reason", why)
	d.letter.Parked = why.Error()
	if err := d.note(ctx); err != nil {
		return err
	}
	return d.tellOperator(ctx)
}

func (d *dispatch) note(ctx context.Context) error {
	return d.Outbox.Note(ctx, d.lease, d.letter.ID, d.letter.Delivery)
}

// certainlyNot tells whether an attempt to post is known to have shown nothing.
func certainlyNot(err error) bool {
	var unsent *NotSent
	var refused *Refused
	return errors.As(err, &unsent) || errors.As(err, &refused)
}

// rootID is the intent of a run's root message in a channel.
func rootID(run string, c pipeline.Channel) string { return run + "/" + c.String() + "/root" }
