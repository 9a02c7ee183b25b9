package bot

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"bellwether/pipeline"
)

// Outbox keeps intents until they are visible, and what is known of each.
type Outbox interface {
	// Want stores what shall be visible and wakes the channel's lane at due. Content as old as the stored one, or equal to
	// it, changes nothing.
	Want(ctx context.Context, o Outgoing, due time.Time) error
	Open(ctx context.Context, id string) (Letter, error)
	// Note stores what became of an intent.
	Note(ctx context.Context, hold Hold, id string, d Delivery) error
}

// Pictures keeps PNGs by key.
type Pictures interface {
	Picture(ctx context.Context, key string) ([]byte, error)
	KeepPicture(ctx context.Context, key string, png []byte) error
}

// Hold is the right to speak in a channel; see pipeline.Hold.
type Hold struct {
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
	Attempted time.Time `json:"attempted,omitzero"` // stored before the first attempt to post; zero again once it is known to have failed
	Ref       string    `json:"ref,omitempty"`      // the platform's id, once it is visible
	Sent      int64     `json:"sent,omitempty"`     // the version that is visible
	Parked    string    `json:"parked,omitempty"`   // why the platform will never take it
}

// ErrNotFound is returned for an intent or picture that is not stored.
var ErrNotFound = errors.New("not found")

// Postman brings intents to their platforms, one after the other within a channel.
type Postman struct {
	Outbox   Outbox
	Pictures Pictures
	Chats    map[string]Chat // by platform
	Settle   time.Duration   // how long a platform may need to show a message that it took without our knowing
	Now      func() time.Time
	Log      *slog.Logger
}

// Deliver makes an intent visible as it is wanted now. It returns a *NotSent when the channel must rest, another error when
// it should be tried again later, and nil when nothing is left to do: sent, or refused for good and parked.
func (p *Postman) Deliver(ctx context.Context, id string, fence int64) error {
	letter, err := p.Outbox.Open(ctx, id)
	if err != nil {
		return fmt.Errorf("open %s: %w", id, err)
	}
	d := &dispatch{Postman: p, letter: letter, hold: Hold{letter.Channel, fence}}
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
	hold   Hold
}

func (d *dispatch) bring(ctx context.Context) error {
	if d.letter.Parked != "" {
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
	if d.letter.Sent < d.letter.Version {
		return d.edit(ctx)
	}
	return nil
}

// look finds out what became of an attempt whose end nobody saw.
func (d *dispatch) look(ctx context.Context) error {
	if wait := d.letter.Attempted.Add(d.Settle).Sub(d.Now()); wait > 0 {
		return &NotSent{After: wait, Err: errors.New("an earlier attempt has to settle first")}
	}
	ref, err := d.chat.Find(ctx, d.letter.Outgoing, d.letter.Attempted)
	if err != nil {
		return fmt.Errorf("look for %s: %w", d.letter.ID, err)
	}
	if ref != "" {
		d.letter.Ref = ref // what it says is unknown: the newest content follows as an edit
		return d.note(ctx)
	}
	return nil
}

func (d *dispatch) post(ctx context.Context) error {
	d.letter.Attempted = d.Now()
	if err := d.note(ctx); err != nil {
		return err
	}
	ref, err := d.chat.Post(ctx, d.letter.Outgoing)
	var unsent *NotSent
	if errors.As(err, &unsent) {
		d.letter.Attempted = time.Time{}
		return errors.Join(err, d.note(ctx))
	}
	if err != nil {
		return fmt.Errorf("post %s: %w", d.letter.ID, err)
	}
	d.letter.Ref, d.letter.Sent = ref, d.letter.Version
	return d.note(ctx)
}

func (d *dispatch) edit(ctx context.Context) error {
	if err := d.chat.Edit(ctx, d.letter.Outgoing, d.letter.Ref); err != nil {
		return fmt.Errorf("edit %s: %w", d.letter.ID, err)
	}
	d.letter.Sent = d.letter.Version
	return d.note(ctx)
}

// park gives an intent up. A later content of it is another try.
func (d *dispatch) park(ctx context.Context, why error) error {
	d.Log.Error("message parked: the platform refused it", "intent", d.letter.ID, "channel", d.letter.Channel, "reason", why)
	d.letter.Parked = why.Error()
	return d.note(ctx)
}

func (d *dispatch) note(ctx context.Context) error {
	return d.Outbox.Note(ctx, d.hold, d.letter.ID, d.letter.Delivery)
}

// lookUp fills in what the adapter needs: the root's platform id, linked roots, the picture.
func (d *dispatch) lookUp(ctx context.Context) error {
	if d.letter.Root != "" {
		root, err := d.Outbox.Open(ctx, d.letter.Root)
		switch {
		case err != nil:
			return fmt.Errorf("root of %s: %w", d.letter.ID, err)
		case root.Parked != "":
			return &Refused{Err: errors.New("its thread could not be posted: " + root.Parked)}
		case root.Ref == "":
			return fmt.Errorf("root of %s is not posted yet", d.letter.ID)
		}
		d.letter.Thread = root.Ref
	}
	d.letter.Links = map[string]string{}
	for _, run := range d.letter.Message.threads() {
		if root, err := d.Outbox.Open(ctx, rootID(run, d.letter.Channel)); err == nil {
			d.letter.Links[run] = root.Ref
		}
	}
	if picture := d.letter.Message.Picture; picture != nil {
		png, err := d.Pictures.Picture(ctx, picture.Key)
		if err != nil {
			return fmt.Errorf("picture of %s: %w", d.letter.ID, err)
		}
		d.letter.Picture = png
	}
	return nil
}

// threads are the runs whose threads the message links to.
func (m Message) threads() []string {
	lines := append([]Text{m.Footer}, m.Body...)
	for _, f := range m.Facts {
		lines = append(lines, f.Value)
	}
	var runs []string
	for _, line := range lines {
		for _, s := range line {
			if s.Thread != "" {
				runs = append(runs, s.Thread)
			}
		}
	}
	return runs
}

// rootID is the intent of a run's root message in a channel.
func rootID(run string, c pipeline.Channel) string { return run + "/" + c.String() + "/root" }
