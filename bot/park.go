package bot

import (
	"context"
	"errors"
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
