package commands

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"bellwether/bot"
	"bellwether/pipeline"
)

// Runs finds runs.
type Runs interface {
	Load(ctx context.Context, id string) (pipeline.Run, error)
	Latest(ctx context.Context, name string) (string, error) // newest run of a service or stack; "" when there is none
	Board(ctx context.Context, environment string) (pipeline.Board, error)
}

// Marks puts what people say onto runs.
type Marks interface {
	// Acknowledge lets the first mark win; the run returned carries it.
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
	Submit    *pipeline.Submitter
	Teller    pipeline.Teller
	RunURL    func(run string) string
	Redact    func(string) string // takes secrets out of what people type
	Now       func() time.Time
	NewID     func() string // names an error in the log
	Log       *slog.Logger
}

// Do understands a line and carries it out. Mistakes and failures are answered privately; an unexpected failure goes to the
// log under an id that the reply names. A panic is such a failure: what is stored changes by single scripts, so nothing is
// left half done.
func (d *Desk) Do(ctx context.Context, who Caller, line string) Reply {
	command, err := Parse(d.Redact(line))
	if err == nil {
		var reply Reply
		if reply, err = d.carryOut(ctx, who, command); err == nil {
			return reply
		}
	}
	if wrong, ok := errors.AsType[*Mistake](err); ok {
		return private(wrong.Text)
	}
	id := d.NewID()
	d.Log.Error("command failed", "id", id, "command", command.Verb, "user", who.User, "channel", who.Channel, "error", err)
	return private(fmt.Sprintf("That did not work, and it is not your fault. Please try again; if it fails again, give your operator this id: %s", id))
}

func (d *Desk) carryOut(ctx context.Context, who Caller, c Command) (reply Reply, err error) {
	defer func() {
		if reason := recover(); reason != nil {
			err = fmt.Errorf("panic: %v\n%s", reason, debug.Stack())
		}
	}()
	switch c.Verb {
	case "status":
		return d.status(ctx, c)
	case "rerun":
		return d.rerun(ctx, who, c)
	case "full":
		return d.full(ctx, who, c)
	case "ack":
		return d.ack(ctx, who, c)
	case "cancel":
		return d.cancel(ctx, who, c)
	case "hold":
		return d.hold(ctx, who, c)
	case "release":
		return d.release(ctx, who, c)
	case "approve":
		return d.approve(ctx, who, c)
	case "reject":
		return d.reject(ctx, who, c)
	}
	return help(), nil
}

func help() Reply {
	m := bot.Message{Title: "What you can ask of Bellwether"}
	for _, s := range specs {
		m.Body = append(m.Body, bot.Text{bot.Code("/loadtest " + s.usage), {Text: "  " + s.help}})
	}
	m.Footer = bot.Plain("Inside a thread, mention the bot instead: a slash command cannot be typed there.")
	return Reply{Message: m, Private: true}
}

func (d *Desk) rerun(ctx context.Context, who Caller, c Command) (Reply, error) {
	run, err := d.meant(ctx, who, c.Subject)
	if err != nil {
		return Reply{}, err
	}
	receipt, err := d.Submit.Rerun(ctx, run, who.Name)
	if err != nil {
		return Reply{}, err
	}
	return said(bot.Span{Text: who.Name + " asked for a rerun of "}, bot.ThreadOf(run.ID), bot.Span{Text: " (" + run.Subject() + "): "}, bot.ThreadOf(receipt.Run)), nil
}

func (d *Desk) full(ctx context.Context, who Caller, c Command) (Reply, error) {
	environment, err := d.environment(c.Subject)
	if err != nil {
		return Reply{}, err
	}
	team, _ := d.Catalog().TeamOf(who.Channel)
	receipt, err := d.Submit.Full(ctx, environment, who.Channel, team.Name, who.Name)
	if err != nil {
		return Reply{}, err
	}
	return said(bot.Span{Text: who.Name + " asked for the full suite on " + environment + ": "}, bot.ThreadOf(receipt.Run)), nil
}

func (d *Desk) ack(ctx context.Context, who Caller, c Command) (Reply, error) {
	run, err := d.named(ctx, who, c)
	if err != nil {
		return Reply{}, err
	}
	switch {
	case run.Verdict != pipeline.Regressed && run.Verdict != pipeline.Suspect:
		return Reply{}, mistake("%s has nothing to acknowledge: it %s.", title(run), ended(run))
	case run.Acknowledged != nil:
		return Reply{}, d.taken(ctx, run)
	}
	mark := d.mark(who, c.Because)
	if run, err = d.Marks.Acknowledge(ctx, run.ID, mark); err != nil {
		return Reply{}, err
	}
	if run.Acknowledged.By != mark.By { // somebody was faster
		return Reply{}, d.taken(ctx, run)
	}
	if err := d.Teller.Tell(ctx, run); err != nil {
		return Reply{}, err
	}
	return said(bot.Span{Text: who.Name + " looks after "}, bot.ThreadOf(run.ID), bot.Span{Text: " (" + run.Subject() + ")" + because(c.Because)}), nil
}

// taken says who was first, and in the thread once more: whoever took that mark may have crashed before saying so.
func (d *Desk) taken(ctx context.Context, run pipeline.Run) error {
	if err := d.Teller.Tell(ctx, run); err != nil {
		return err
	}
	return mistake("%s was acknowledged by %s already.", title(run), run.Acknowledged.Name)
}

func (d *Desk) cancel(ctx context.Context, who Caller, c Command) (Reply, error) {
	run, err := d.named(ctx, who, c)
	if err != nil {
		return Reply{}, err
	}
	switch {
	case run.State.Final():
		return Reply{}, mistake("%s is over: it %s.", title(run), ended(run))
	case run.Cancel != nil:
		return Reply{}, mistake("%s was cancelled by %s already; it is stopping.", title(run), run.Cancel.Name)
	}
	if run, err = d.Marks.Cancel(ctx, run.ID, d.mark(who, "")); err != nil {
		return Reply{}, err
	}
	if err := d.Teller.Tell(ctx, run); err != nil {
		return Reply{}, err
	}
	if run.State.Final() && run.State != pipeline.Cancelled { // it was faster
		return Reply{}, mistake("%s is over: it %s.", title(run), ended(run))
	}
	return said(bot.Span{Text: who.Name + " cancelled "}, bot.ThreadOf(run.ID), bot.Span{Text: " (" + run.Subject() + ")"}), nil
}

// named is the run that a command must name, unless it is said in the run's thread: nobody stops or answers for a run that
// they only happened to mean.
func (d *Desk) named(ctx context.Context, who Caller, c Command) (pipeline.Run, error) {
	if c.Subject == "" && who.Run == "" {
		return pipeline.Run{}, mistake("Which run? Usage: %s", usage(c.Verb))
	}
	return d.meant(ctx, who, c.Subject)
}

// meant is the run that somebody means: by its id, as the newest of a service or stack, as this thread's, or as the newest
// of the team whose channel it is said in.
func (d *Desk) meant(ctx context.Context, who Caller, subject string) (pipeline.Run, error) {
	id := subject
	if subject == "" {
		id = who.Run
	}
	var err error
	switch {
	case id == "":
		id, err = d.newest(ctx, who.Channel)
	case !numbered(id, "R"):
		id, err = d.newestOf(ctx, subject)
	}
	if err != nil {
		return pipeline.Run{}, err
	}
	id = strings.ToUpper(id)
	run, err := d.Runs.Load(ctx, id)
	if errors.Is(err, bot.ErrNotFound) {
		return pipeline.Run{}, mistake("I don't know a run %s. Runs are forgotten 90 days after their end.", short(id))
	}
	return run, err
}

// numbered tells whether somebody means a run ("R42") or a hold ("h3") by its id.
func numbered(s, letter string) bool {
	return len(s) > 1 && strings.EqualFold(s[:1], letter) && strings.Trim(s[1:], "0123456789") == ""
}

func (d *Desk) newestOf(ctx context.Context, name string) (string, error) {
	name, err := known("service or stack", name, d.Catalog().Names())
	if err != nil {
		return "", err
	}
	id, err := d.Runs.Latest(ctx, name)
	if err == nil && id == "" {
		return "", mistake("%s has not been tested yet.", name)
	}
	return id, err
}

// newest run of what the team of this channel owns.
func (d *Desk) newest(ctx context.Context, channel pipeline.Channel) (string, error) {
	team, ok := d.Catalog().TeamOf(channel)
	if !ok {
		return "", mistake("Which one? Name a run, a service or a stack.")
	}
	var newest pipeline.Run
	for _, thing := range d.Catalog().Things() {
		if thing.Team != team.Name {
			continue
		}
		id, err := d.Runs.Latest(ctx, thing.Name)
		if err != nil {
			return "", err
		}
		if id == "" {
			continue
		}
		run, err := d.Runs.Load(ctx, id)
		if err != nil {
			return "", err
		}
		if run.Submitted.After(newest.Submitted) {
			newest = run
		}
	}
	if newest.ID == "" {
		return "", mistake("Nothing of team %s has been tested yet. Name a run, a service or a stack.", team.Name)
	}
	return newest.ID, nil
}

// environment of that name; without a name the only one.
func (d *Desk) environment(name string) (string, error) {
	names := slices.Sorted(maps.Keys(d.Catalog().Environments))
	switch {
	case name != "":
		return known("environment", name, names)
	case len(names) != 1:
		return "", mistake("On which environment? There are: %s.", strings.Join(names, ", "))
	}
	return names[0], nil
}

func (d *Desk) mark(who Caller, because string) pipeline.Mark {
	return pipeline.Mark{By: who.Channel.Platform + ":" + who.User, Name: who.Name, At: d.Now(), Because: because}
}
