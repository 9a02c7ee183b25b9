package commands

import (
	"context"
	"errors"
	"strings"
	"time"
)

// Entry is what somebody said to Bellwether, or what became of it: two entries with one id. The second has the id, the time,
// the run and the result alone.
type Entry struct {
	ID       string    `json:"id"`
	At       time.Time `json:"at"`
	Platform string    `json:"platform,omitempty"`
	Channel  string    `json:"channel,omitempty"`
	Who      string    `json:"who,omitempty"`  // "T0TEAM/U0DEVSG"
	Name     string    `json:"name,omitempty"` // what people call them
	What     string    `json:"what,omitempty"` // the line, without secrets
	Run      string    `json:"run,omitempty"`
	Result   string    `json:"result,omitempty"` // one of the results below; empty while nobody knows
	Reason   string    `json:"reason,omitempty"`
}

// The results of a command.
const (
	ResultDone    = "done"
	ResultAsked   = "asked" // for the rest of it, by a form; nothing was done
	ResultDenied  = "denied"
	ResultMistake = "mistake" // it could not be understood, or there was nothing to do
	ResultFailed  = "failed"
)

// Audit is a log that is only ever appended to.
type Audit interface {
	Append(ctx context.Context, e Entry) error
}

// note writes down what is about to be done, before it is: an effect without a trace is worse than a command refused.
func (d *Desk) note(ctx context.Context, who Caller, line string) (Entry, error) {
	e := Entry{
		ID: d.NewID(), At: d.Now(), Platform: who.Channel.Platform, Channel: who.Channel.String(),
		Who: speaker(who), Name: who.Name, What: within(line, maxLine),
	}
	return e, d.Audit.Append(ctx, e)
}

// outcome writes down what became of it, also when whoever spoke has gone away meanwhile. When that fails, nobody knows.
func (d *Desk) outcome(ctx context.Context, said Entry, run, done string, err error) {
	e := Entry{ID: said.ID, At: d.Now(), Run: run, Result: done}
	if err != nil {
		e.Result, e.Reason = resultOf(err)
	}
	if err := d.Audit.Append(context.WithoutCancel(ctx), e); err != nil {
		d.Log.Error("the audit log lacks what became of a command", "id", said.ID, "result", e.Result, "error", err)
	}
}

// resultOf what was not carried out, and why. What failed is in the operator's log, under the id of the entry; its text is not for everybody.
func resultOf(err error) (result, reason string) {
	switch {
	case isA[*Denied](err):
		return ResultDenied, err.Error()
	case isA[*Mistake](err):
		return ResultMistake, err.Error()
	}
	return ResultFailed, "the log has it under this id"
}

func isA[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// speaker is the platform's name for who speaks: "T0TEAM/U0DEVSG".
func speaker(who Caller) string {
	if who.Workspace == "" {
		return who.User
	}
	return who.Workspace + "/" + who.User
}

// within shortens a text to so many bytes.
func within(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}
