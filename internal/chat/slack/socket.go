package slack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"
	"golang.org/x/sync/errgroup"
)

// Socket listens by Socket Mode until the context ends; then it returns nil. It reconnects by itself, and gives up only when
// Slack refuses the app token.
func (c *Chat) Socket(ctx context.Context, desk Desk) error {
	if c.appToken == "" {
		return errors.New("chat.slack.app_token is empty: Socket Mode needs an app token (xapp-…) with the scope connections:write")
	}
	client := socketmode.New(c.web(""), socketmode.OptionLog(slog.NewLogLogger(c.log.Handler(), slog.LevelDebug)))
	g, inner := errgroup.WithContext(ctx)
	g.Go(func() error { return client.RunContext(inner) })
	g.Go(func() error { return c.listen(inner, client, desk) })
	if err := g.Wait(); ctx.Err() == nil {
		return fmt.Errorf("slack socket mode: %w: is chat.slack.app_token an app token (xapp-…) with the scope connections:write?", err)
	}
	return nil
}

func (c *Chat) listen(ctx context.Context, client *socketmode.Client, desk Desk) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case e := <-client.Events:
			c.background(ctx, func(ctx context.Context) {
				if err := c.receiveEnvelope(ctx, client, e, desk); err != nil {
					c.log.Error("slack's envelope came to nothing", "type", string(e.Type), "error", err)
				}
			})
		}
	}
}

// receiveEnvelope acknowledges an envelope once it is claimed: Slack delivers again what it gets no acknowledgement for.
func (c *Chat) receiveEnvelope(ctx context.Context, client *socketmode.Client, e socketmode.Event, desk Desk) error {
	var d *deed
	var err error
	switch data := e.Data.(type) {
	case slack.SlashCommand:
		d, err = c.typed(data)
	case slack.InteractionCallback:
		d, err = c.interaction(data)
	case *slack.ConnectionErrorEvent:
		c.log.Warn("slack socket mode is not connected", "attempt", data.Attempt, "again_in", data.Backoff, "error", data.ErrorObj)
		return nil
	default:
		if e.Type != socketmode.EventTypeEventsAPI {
			return nil
		}
		var inner event
		if err := json.Unmarshal(e.Request.Payload, &inner); err != nil {
			return fmt.Errorf("%w: %w", errMalformed, err)
		}
		d, err = c.hear(inner)
	}
	if err := c.later(ctx, d, err, desk); err != nil {
		return err
	}
	return client.AckCtx(ctx, e.Request.EnvelopeID, nil)
}

// typed is a slash command that is answered by its response_url.
func (c *Chat) typed(s slack.SlashCommand) (*deed, error) {
	said, err := c.command(s)
	if err != nil || said == nil {
		return nil, err
	}
	return &deed{"trigger/" + s.TriggerID, func(ctx context.Context, desk Desk) {
		c.respond(ctx, s.ResponseURL, c.carryOut(ctx, said, desk), "")
	}}, nil
}
