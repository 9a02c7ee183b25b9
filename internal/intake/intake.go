package intake

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"

	"bellwether/pipeline"
)

// Outcomes that are counted.
const (
	Taken   = "taken"
	Repeat  = "repeat"
	Ignored = "ignored"
	Refused = "refused"
	Broken  = "error" // could not be stored; it will be tried again
)

// Intake takes one event after the other to the pipeline.
type Intake struct {
	Submit func(ctx context.Context, change pipeline.Change) ([]pipeline.Receipt, error)
	// Refuse tells people of an event that was not taken; key tells events apart.
	Refuse func(ctx context.Context, key, what, reason string) error
	Redact func(string) string
	Secret func(string) bool // tells whether a text holds a secret of the settings
	Count  func(outcome string)
	Log    *slog.Logger
}

// message is one event as it came, and how it is read.
type message struct {
	body []byte // tells it from others
	read func(redact func(string) string, secret func(string) bool) (Event, error)
}

// accepted is what became of events that were taken.
type accepted struct {
	Runs    []pipeline.Receipt `json:"runs"`
	Ignored []string           `json:"ignored,omitempty"` // why there is no run
}

// Take decodes an EventBridge envelope and submits its change. A *Malformed or *pipeline.Refusal is final; after any other
// error the same event may be taken again.
func (i *Intake) Take(ctx context.Context, body []byte) ([]pipeline.Receipt, error) {
	done, err := i.accept(ctx, envelope(body))
	return done.Runs, err
}

func envelope(body []byte) message {
	return message{body, func(redact func(string) string, secret func(string) bool) (Event, error) {
		return Decode(body, redact, secret)
	}}
}

// accept takes one event. A panic is an error after which it may be taken again, too: what is stored changes by single
// scripts in Redis, so nothing is left half done here, and a process that died of one poisonous message would take
// everybody's runs with it whenever the message came back.
func (i *Intake) accept(ctx context.Context, m message) (done accepted, err error) {
	outcome := Broken
	defer func() { i.Count(outcome) }()
	defer i.survive(&err)

	done, outcome, err = i.take(ctx, m)
	if isFinal(err) {
		outcome, err = i.refuse(ctx, m.body, err)
	}
	return done, err
}

func (i *Intake) take(ctx context.Context, m message) (accepted, string, error) {
	event, err := m.read(i.Redact, i.Secret)
	if err != nil {
		return accepted{}, Broken, err
	}
	log := i.Log.With("event", event.Change.EventID)
	if event.Ignored != "" {
		log.Debug("event ignored", "reason", event.Ignored)
		return ignored(event.Ignored), Ignored, nil
	}
	receipts, err := i.Submit(ctx, event.Change)
	var refusal *pipeline.Refusal
	switch {
	case errors.As(err, &refusal) && refusal.Unowned && event.Broadcast:
		log.Debug("event ignored", "reason", refusal.Reason)
		return ignored(show(refusal.Reason, i.Redact)), Ignored, nil
	case err != nil:
		return accepted{}, Broken, err
	case len(receipts) == 0:
		log.Info("event touches nothing that is tested", "repository", event.Change.Repository)
		return ignored("it touches nothing that is tested"), Ignored, nil
	}
	return accepted{Runs: receipts}, sum(log, receipts), nil
}

func ignored(why string) accepted { return accepted{Ignored: []string{why}} }

// sum is the one outcome of an event that may have brought several runs.
func sum(log *slog.Logger, receipts []pipeline.Receipt) string {
	outcome := Repeat
	for _, r := range receipts {
		if r.Outcome != pipeline.Repeated {
			outcome = Taken
		}
		log.Info("event submitted", "outcome", r.Outcome, "run", r.Run, "superseded", r.Superseded)
	}
	return outcome
}

// isFinal tells an error that the same event will always meet.
func isFinal(err error) bool {
	var broken *Malformed
	var refusal *pipeline.Refusal
	return errors.As(err, &broken) || errors.As(err, &refusal)
}

// refuse tells people why, under a key of the event's own so that they read it once however often it comes. Until they
// were told the refusal is not final.
func (i *Intake) refuse(ctx context.Context, body []byte, why error) (outcome string, err error) {
	sum := sha256.Sum256(body)
	key := hex.EncodeToString(sum[:8])
	reason := show(why.Error(), i.Redact)
	i.Log.Warn("event refused", "event", key, "reason", reason)
	if err := i.Refuse(ctx, key, "it was not tested", reason); err != nil {
		return Broken, fmt.Errorf("tell of the refused event %s: %w", key, err)
	}
	return Refused, why
}

func (i *Intake) survive(err *error) {
	if p := recover(); p != nil {
		reason := show(fmt.Sprint(p), i.Redact)
		i.Log.Error("panic while an event was taken", "panic", reason, "stack", string(debug.Stack()))
		*err = fmt.Errorf("panic: %s", reason)
	}
}
