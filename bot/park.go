package bot

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Park gives an intent up that Deliver fails at for a reason of our own, so that its channel can go on. One that is no
// longer kept is given up already.
func (p *Postman) Park(ctx context.Context, id string, fence int64, why error) error {
	letter, err := p.Outbox.Open(ctx, id)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	d := &dispatch{Postman: p, letter: letter, lease: Lease{letter.Channel, fence}}
	return d.park(ctx, why)
}

// Waits tells whether an intent can only be delivered after the root of its thread, which is yet to be.
func (p *Postman) Waits(ctx context.Context, id string) bool {
	letter, err := p.Outbox.Open(ctx, id)
	if err != nil || letter.Root == "" {
		return false
	}
	root, err := p.Outbox.Open(ctx, letter.Root)
	return err == nil && root.Ref == "" && root.Parked == ""
}

// tellOperator says, once a day for a channel, that something could not be delivered there; not in that channel.
func (d *dispatch) tellOperator(ctx context.Context) error {
	to := d.letter.Channel
	if strings.HasPrefix(d.letter.ID, "parked/") || d.letter.Passing {
		return nil // of the one there is no end, the other is no loss
	}
	for _, channel := range d.Operator() {
		if channel.Same(to) {
			continue
		}
		id := fmt.Sprintf("parked/%s/%s/%s", to, d.Now().UTC().Format(time.DateOnly), channel)
		o := Outgoing{ID: id, Channel: channel, Version: 1, Message: parkedMessage(d.letter)}
		if err := d.Outbox.Want(ctx, o, d.Now()); err != nil {
			return fmt.Errorf("tell the operator of %s: %w", d.letter.ID, err)
		}
	}
	return nil
}

// repeated says of a message that it may be there twice.
func repeated(m Message) Message {
	note := Span{Text: "Sent again, because nobody can tell whether it arrived the first time."}
	if len(m.Footer) > 0 {
		note.Text += " "
	}
	m.Footer = append(Text{note}, m.Footer...)
	return m
}

func parkedMessage(l Letter) Message {
	m := Message{
		Title: "A message could not be delivered to " + l.Channel.String(), Mood: MoodRefused,
		Body: []Text{Plain("The platform says: " + l.Parked), {
			{Text: "It is kept. "},
			Code("bellwether outbox"),
			{Text: " lists such messages, "},
			Code("bellwether outbox send"),
			{Text: " sends them again once what is in their way is mended."},
		}},
		Footer: Plain("This is said once a day for each channel."),
	}
	if l.Message.Title != "" {
		m.Facts = []Fact{{"First of them", Plain(l.Message.Title)}}
	}
	return m
}

// Removed tells the operator's channels, once a day, that a workspace has removed the app: until it is installed again,
// nothing that is said there arrives.
func (p *Postman) Removed(ctx context.Context, platform, workspace string) error {
	m := Message{
		Title: "The app was removed from the " + platform + " workspace " + workspace, Mood: MoodRefused,
		Body:   []Text{Plain("Nothing that is said there arrives until it is installed again and its token renewed.")},
		Footer: Plain("What could not be delivered is kept: bellwether outbox lists it."),
	}
	for _, channel := range p.Operator() {
		id := fmt.Sprintf("removed/%s:%s/%s/%s", platform, workspace, p.Now().UTC().Format(time.DateOnly), channel)
		if err := p.Outbox.Want(ctx, Outgoing{ID: id, Channel: channel, Version: 1, Message: m}, p.Now()); err != nil {
			return fmt.Errorf("tell the operator that %s was removed: %w", workspace, err)
		}
	}
	return nil
}
