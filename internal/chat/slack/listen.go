package slack

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"time"

	"github.com/slack-go/slack"

	"bellwether/commands"
	"bellwether/internal/chat/slack/blockkit"
)

const (
	bodyLimit = 1 << 20
	patience  = 2500 * time.Millisecond // Slack waits 3 s for an answer
	replays   = 24 * time.Hour          // Slack may deliver an event again for so long
)

// errMalformed is for a request that Slack signed and nobody understands.
var errMalformed = errors.New("malformed request")

// Handler listens at /slack/commands, /slack/interactions and /slack/events. Each takes all three kinds of request, so that
// an app with a single request URL works too.
func (c *Chat) Handler(desk Desk) http.Handler {
	mux := http.NewServeMux()
	for _, path := range []string{"commands", "interactions", "events"} {
		mux.HandleFunc("POST /slack/"+path, func(w http.ResponseWriter, r *http.Request) { c.receive(w, r, desk) })
	}
	return mux
}

func (c *Chat) receive(w http.ResponseWriter, r *http.Request, desk Desk) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bodyLimit))
	if err != nil {
		http.Error(w, "body unreadable or too large", http.StatusRequestEntityTooLarge)
		return
	}
	if err := verify(r.Header, body, c.signingSecret); err != nil {
		c.log.Warn("refused a request that slack did not sign", "path", r.URL.Path, "from", r.RemoteAddr, "error", err)
		http.Error(w, "not signed by slack", http.StatusUnauthorized)
		return
	}
	if err := c.dispatch(w, r, body, desk); err != nil {
		c.log.Error("slack's request came to nothing", "path", r.URL.Path, "error", err)
		status := http.StatusInternalServerError
		if errors.Is(err, errMalformed) {
			status = http.StatusBadRequest
		}
		http.Error(w, http.StatusText(status), status)
	}
}

// verify checks the signature over the raw body, before anything is read from it.
func verify(h http.Header, body []byte, secret string) error {
	v, err := slack.NewSecretsVerifier(h, secret)
	if err != nil {
		return err
	}
	if _, err := v.Write(body); err != nil {
		return err
	}
	return v.Ensure()
}

// dispatch tells the kinds of request apart and answers them. An error is returned before anything was written.
func (c *Chat) dispatch(w http.ResponseWriter, r *http.Request, body []byte, desk Desk) error {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err == nil && kind == "application/json" {
		return c.receiveEvent(w, r, body, desk)
	}
	form, err := url.ParseQuery(string(body))
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", errMalformed, err)
	case form.Get("ssl_check") == "1":
		return nil
	case form.Has("payload"):
		return c.receiveInteraction(r.Context(), []byte(form.Get("payload")), desk)
	case form.Has("command"):
		r.Body = io.NopCloser(bytes.NewReader(body))
		return c.receiveCommand(w, r, desk)
	}
	return fmt.Errorf("%w: neither event, interaction nor command", errMalformed)
}

func (c *Chat) receiveEvent(w http.ResponseWriter, r *http.Request, body []byte, desk Desk) error {
	var e event
	if err := json.Unmarshal(body, &e); err != nil {
		return fmt.Errorf("%w: %w", errMalformed, err)
	}
	if e.Type == "url_verification" {
		w.Header().Set("Content-Type", "text/plain")
		_, err := io.WriteString(w, e.Challenge)
		return err
	}
	d, err := c.hear(e)
	return c.later(r.Context(), d, err, desk)
}

func (c *Chat) receiveInteraction(ctx context.Context, payload []byte, desk Desk) error {
	var i slack.InteractionCallback
	if err := json.Unmarshal(payload, &i); err != nil {
		return fmt.Errorf("%w: %w", errMalformed, err)
	}
	d, err := c.interaction(i)
	return c.later(ctx, d, err, desk)
}

// later does it after Slack has had its acknowledgement, which also closes a form; what says nothing is only acknowledged.
func (c *Chat) later(ctx context.Context, d *deed, err error, desk Desk) error {
	if err != nil || d == nil {
		return err
	}
	first, err := c.first(ctx, d.key)
	if first {
		c.background(ctx, func(ctx context.Context) { d.do(ctx, desk) })
	}
	return err
}

// receiveCommand answers in the response when the command is quick, else by the response_url. So it does with a picture: of
// what is wrong with a response nobody hears.
func (c *Chat) receiveCommand(w http.ResponseWriter, r *http.Request, desk Desk) error {
	command, err := slack.SlashCommandParse(r)
	if err != nil {
		return fmt.Errorf("%w: %w", errMalformed, err)
	}
	said, err := c.command(command)
	if err != nil || said == nil {
		return err
	}
	if first, err := c.first(r.Context(), "trigger/"+command.TriggerID); err != nil || !first {
		return err
	}
	done := make(chan commands.Reply, 1)
	c.background(r.Context(), func(ctx context.Context) {
		defer close(done)
		done <- c.carryOut(ctx, said, desk)
	})
	select {
	case reply, ok := <-done:
		if c.options(reply.Message).PictureURL == "" {
			return answer(w, reply, ok)
		}
		c.background(r.Context(), func(ctx context.Context) { c.respond(ctx, command.ResponseURL, reply, "") })
	case <-time.After(patience):
		c.background(r.Context(), func(ctx context.Context) {
			if reply, ok := <-done; ok {
				c.respond(ctx, command.ResponseURL, reply, "")
			}
		})
	}
	return nil
}

// answer writes the reply, if there is one.
func answer(w http.ResponseWriter, reply commands.Reply, ok bool) error {
	if !ok {
		return errors.New("the command was not carried out")
	}
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(response(reply, "", blockkit.Options{}))
}
