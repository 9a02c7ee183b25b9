package bot

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"bellwether/pipeline"
)

var errCrash = errors.New("the process was killed")

// platform is a Chat that shows what was posted and can fail as platforms do.
type platform struct {
	shown  map[string]Outgoing // by ref
	posted []string            // intents, in order
	edits  int
	since  time.Time               // of the last Find
	blind  bool                    // it does not tell what was posted
	before func(call string) error // nothing happens, and this is the answer
	after  func(call string) error // it happened, and this is the answer
}

func newPlatform() *platform { return &platform{shown: map[string]Outgoing{}} }

func (p *platform) do(call string, happen func()) error {
	if p.before != nil {
		if err := p.before(call); err != nil {
			return err
		}
	}
	happen()
	if p.after != nil {
		return p.after(call)
	}
	return nil
}

func (p *platform) Post(_ context.Context, o Outgoing) (ref string, err error) {
	err = p.do("post "+o.ID, func() {
		p.posted = append(p.posted, o.ID)
		ref = fmt.Sprint("ts", len(p.posted))
		p.shown[ref] = o
	})
	if err != nil {
		return "", err
	}
	return ref, nil
}

func (p *platform) Edit(_ context.Context, o Outgoing, ref string) error {
	return p.do("edit "+o.ID, func() {
		p.edits++
		p.shown[ref] = o
	})
}

func (p *platform) Find(_ context.Context, o Outgoing, since time.Time) (ref string, err error) {
	p.since = since
	if p.blind {
		return "", fmt.Errorf("conversation 19:x: %w", ErrBlind)
	}
	err = p.do("find "+o.ID, func() {
		for r, shown := range p.shown {
			if shown.ID == o.ID {
				ref = r
			}
		}
	})
	return ref, err
}

// office is a Postman with a clock of its own.
type office struct {
	*Postman
	now time.Time
}

func newOffice(m *memory, p *platform) *office {
	o := &office{now: noon}
	o.Postman = &Postman{
		Outbox: m, Pictures: m, Chats: map[string]Chat{"slack": p}, Settle: 5 * time.Second,
		Now: func() time.Time { return o.now }, Log: slog.New(slog.DiscardHandler), Operator: func() []pipeline.Channel { return []pipeline.Channel{lost} },
	}
	return o
}
