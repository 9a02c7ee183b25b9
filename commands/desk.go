package commands

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"bellwether/bot"
	"bellwether/pipeline"
)

// Runs finds runs.
type Runs interface {
	Load(ctx context.Context, id string) (pipeline.Run, error)
	// Newest are the runs of a series that are kept, newest first, at most so many.
	Newest(ctx context.Context, series string, most int) ([]pipeline.Run, error)
	Board(ctx context.Context, environment string) (pipeline.Board, error)
}

// Marks puts what people say onto runs.
type Marks interface {
	// Acknowledge lets the first mark on a scenario win; the run returned carries it.
	Acknowledge(ctx context.Context, id string, m pipeline.Mark) (pipeline.Run, error)
	// Cancel takes a waiting run out at once and asks the holder of a running one to stop.
	Cancel(ctx context.Context, id string, m pipeline.Mark) (pipeline.Run, error)
}

// Desk carries commands out.
type Desk struct {
	Catalog   func() *pipeline.Catalog
	Runs      Runs
	Marks     Marks
	Holds     Holds
	Approvals Approvals
	Triage    Triage
	Pins      Pins
	Trends    Trends
	Pictures  bot.Pictures // of replies
	Cooldowns Cooldowns
	Audit     Audit
	Groups    map[string]Groups // by what a role's group begins with: "slack-group"
	Submit    *pipeline.Submitter
	Teller    pipeline.Teller
	RunURL    func(run string) string
	RunOf     func(link string) (run string, ours bool) // whose page a link leads to that we signed; nil without pages
	Redact    func(string) string                       // takes secrets out of what people type
	Now       func() time.Time
	NewID     func() string // names an error in the log
	Log       *slog.Logger
}

// turn is one command on its way.
type turn struct {
	*Desk
	who Caller
	Command
	run string // what it turned out to be about; empty until then

	id      string   // of its entries in the audit log
	claimed []string // cooldowns
}

// Do understands a line and carries it out. Mistakes, denials and failures are answered privately; an unexpected failure goes
// to the log under an id that the reply names.
func (d *Desk) Do(ctx context.Context, who Caller, line string) (reply Reply) {
	apology := d.take(ctx, who, line, ResultDone, func(t *turn) (err error) {
		reply, err = t.carryOut(ctx)
		return err
	})
	if apology != nil {
		return *apology
	}
	return reply
}

// take does what a line asks for. Everything that is said is in the audit log before anything is done, and what became of it
// afterwards; done is the result of what went well. The reply, if any, is for what did not.
func (d *Desk) take(ctx context.Context, who Caller, line, done string, do func(*turn) error) *Reply {
	t := &turn{Desk: d, who: who}
	line = d.Redact(line)
	said, err := d.note(ctx, who, line)
	t.id = said.ID
	if err != nil {
		return d.apologise(t, err)
	}
	if t.Command, err = Parse(line); err == nil {
		err = t.guard(ctx, do)
	}
	d.outcome(ctx, said, t.run, done, err)
	if err != nil {
		return d.apologise(t, err)
	}
	return nil
}

// guard makes a panic a failure: what is stored changes by single scripts, so nothing is left half done.
func (t *turn) guard(ctx context.Context, do func(*turn) error) (err error) {
	defer func() {
		if reason := recover(); reason != nil {
			err = fmt.Errorf("panic: %v\n%s", reason, debug.Stack())
		}
		if err != nil {
			t.giveBack(ctx)
		}
	}()
	return do(t)
}

// apologise is the answer to what was not carried out.
func (d *Desk) apologise(t *turn, err error) *Reply {
	if wrong, ok := errors.AsType[*Mistake](err); ok {
		return new(private(wrong.Text))
	}
	if denied, ok := errors.AsType[*Denied](err); ok {
		return &Reply{Message: denied.message(), Private: true}
	}
	d.Log.Error("command failed", "id", t.id, "command", t.Verb, "user", t.who.User, "channel", t.who.Channel, "error", err)
	return new(answer("That did not work, and it is not your fault. Please try again; if it fails again, give your operator this id: %s", t.id))
}

// carryOut does what the command says.
func (t *turn) carryOut(ctx context.Context) (Reply, error) {
	does := map[string]func(context.Context) (Reply, error){
		"status": t.status, "open": t.open, "compare": t.compare, "rerun": t.rerun, "full": t.full, "ack": t.ack, "cancel": t.cancel,
		"hold": t.hold, "release": t.release, "approve": t.approve, "reject": t.reject, "history": t.history,
		"accept": t.accept, "invalid": t.invalid, "triage": t.triage, "reopen": t.reopen, "pin": t.pin, "unpin": t.unpin,
	}[t.Verb]
	if does == nil {
		return t.help(), t.may(ctx, "status", matter{})
	}
	return does(ctx)
}

// help lists the commands as they are typed where the speaker is.
func (t *turn) help() Reply {
	before, hint := "/loadtest ", "Inside a thread, mention the bot instead: a slash command cannot be typed there, and no run needs to be named."
	if t.who.Bare {
		before, hint = "", "In a channel, mention the bot. In a run's thread no run needs to be named."
	}
	m := bot.Message{Title: "What you can ask of Bellwether", Footer: bot.Plain(hint)}
	for _, s := range specs {
		m.Body = append(m.Body, bot.Text{bot.Code(before + s.usage), {Text: "  " + s.help}})
	}
	return Reply{Message: m, Private: true}
}

func (t *turn) cancel(ctx context.Context) (Reply, error) {
	run, err := t.named(ctx)
	if err == nil {
		err = t.may(ctx, "cancel", aboutRun(run))
	}
	switch {
	case err != nil:
		return Reply{}, err
	case run.State.Final():
		return Reply{}, mistake("%s is over: it %s.", title(run), ended(run))
	case run.Cancel != nil:
		return Reply{}, mistake("%s was cancelled by %s already; it is stopping.", title(run), run.Cancel.Name)
	}
	if run, err = t.Marks.Cancel(ctx, run.ID, t.mark("")); err != nil {
		return Reply{}, err
	}
	if err := t.Teller.Tell(ctx, run); err != nil {
		return Reply{}, err
	}
	if run.State.Final() && run.State != pipeline.Cancelled { // it was faster
		return Reply{}, mistake("%s is over: it %s.", title(run), ended(run))
	}
	return said(bot.Span{Text: t.who.Name + " cancelled "}, bot.ThreadOf(run.ID), bot.Span{Text: " (" + run.Subject() + ")"}), nil
}

func (t *turn) mark(because string) pipeline.Mark {
	return pipeline.Mark{By: t.who.Channel.Platform + ":" + t.who.User, Name: t.who.Name, At: t.Now(), Because: because}
}
