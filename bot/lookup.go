package bot

import (
	"context"
	"errors"
	"fmt"
)

// Open is an intent with the roots that it links to, as an adapter draws it.
func (p *Postman) Open(ctx context.Context, id string) (Letter, error) {
	letter, err := p.Outbox.Open(ctx, id)
	if err != nil {
		return Letter{}, err
	}
	d := &dispatch{Postman: p, letter: letter}
	err = d.lookUpLinks(ctx)
	return d.letter, err
}

// lookUp fills in what the adapter needs: the root's platform id, linked roots, the picture.
func (d *dispatch) lookUp(ctx context.Context) error {
	if d.letter.Root != "" {
		if err := d.lookUpRoot(ctx); err != nil {
			return err
		}
	}
	if err := d.lookUpLinks(ctx); err != nil {
		return err
	}
	if d.letter.Message.Picture != nil {
		return d.lookUpPicture(ctx)
	}
	return nil
}

func (d *dispatch) lookUpRoot(ctx context.Context) error {
	root, err := d.Outbox.Open(ctx, d.letter.Root)
	switch {
	case err != nil:
		return fmt.Errorf("root of %s: %w", d.letter.ID, err)
	case root.Ref != "":
		d.letter.Thread = root.Ref
		return nil
	case root.Parked != "":
		return &Refused{Err: errors.New("its thread could not be posted: " + root.Parked)}
	}
	return fmt.Errorf("root of %s is not posted yet", d.letter.ID)
}

// lookUpLinks leaves out the roots that are not in this channel, or not yet.
func (d *dispatch) lookUpLinks(ctx context.Context) error {
	d.letter.Links = map[string]string{}
	for _, run := range d.letter.Message.threads() {
		root, err := d.Outbox.Open(ctx, rootID(run, d.letter.Channel))
		switch {
		case errors.Is(err, ErrNotFound):
		case err != nil:
			return fmt.Errorf("link from %s to %s: %w", d.letter.ID, run, err)
		case root.Ref != "":
			d.letter.Links[run] = root.Ref
		}
	}
	return nil
}

func (d *dispatch) lookUpPicture(ctx context.Context) error {
	png, err := d.Pictures.Picture(ctx, d.letter.Message.Picture.Key)
	if errors.Is(err, ErrNotFound) {
		return &Refused{Err: errors.New("its picture is no longer kept")}
	}
	if err != nil {
		return fmt.Errorf("picture of %s: %w", d.letter.ID, err)
	}
	d.letter.Picture = png
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
