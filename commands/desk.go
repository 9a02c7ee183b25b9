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
	// Newest are the runs of a service or stack that are kept, newest first, at most so many.
	Newest(ctx context.Context, name string, most int) ([]pipeline.Run, error)
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
// to the log under an id that the reply names. Everything that is said, and what became of it, is in the audit log.
func (d *Desk) Do(ctx context.Context, who Caller, line string) Reply {
	t := &turn{Desk: d, who: who}
	line = d.Redact(line)
	said, err := d.note(ctx, who, line)
	t.id = said.ID
	if err != nil {
		return d.apologise(t, err)
	}
	var reply Reply
	if t.Command, err = Parse(line); err == nil {
		reply, err = t.carryOut(ctx)
	}
	if err != nil {
		reply = d.apologise(t, err)
	}
	d.outcome(ctx, said, t.run, err)
	return reply
}

// apologise is the answer to what was not carried out.
func (d *Desk) apologise(t *turn, err error) Reply {
	if wrong, ok := errors.AsType[*Mistake](err); ok {
		return private(wrong.Text)
	}
	if denied, ok := errors.AsType[*Denied](err); ok {
		return Reply{Message: denied.message(), Private: true}
	}
	d.Log.Error("command failed", "id", t.id, "command", t.Verb, "user", t.who.User, "channel", t.who.Channel, "error", err)
	return private(fmt.Sprintf("That did not work, and it is not your fault. Please try again; if it fails again, give your operator this id: %s", t.id))
}

// carryOut does what the command says. A panic is a failure: what is stored changes by single scripts, so nothing is left half
// done.
func (t *turn) carryOut(ctx context.Context) (reply Reply, err error) {
	defer func() {
		if reason := recover(); reason != nil {
			err = fmt.Errorf("panic: %v\n%s", reason, debug.Stack())
		}
		if err != nil {
			t.giveBack(ctx)
		}
	}()
	does := map[string]func(context.Context) (Reply, error){
		"status": t.status, "open": t.open, "compare": t.compare, "rerun": t.rerun, "full": t.full, "ack": t.ack, "cancel": t.cancel,
		"hold": t.hold, "release": t.release, "approve": t.approve, "reject": t.reject,
	}[t.Verb]
	if does == nil {
		return help(), t.may(ctx, "status", matter{})
	}
	return does(ctx)
}

func help() Reply {
	m := bot.Message{Title: "What you can ask of Bellwether"}
	for _, s := range specs {
		m.Body = append(m.Body, bot.Text{bot.Code("/loadtest " + s.usage), {Text: "  " + s.help}})
	}
	m.Footer = bot.Plain("Inside a thread, mention the bot instead: a slash command cannot be typed there, and no run needs to be named.")
	return Reply{Message: m, Private: true}
}

func (t *turn) rerun(ctx context.Context) (Reply, error) {
	run, err := t.meant(ctx)
	if err == nil {
		err = t.may(ctx, "rerun", aboutRun(run))
	}
	if err != nil {
		return Reply{}, err
	}
	only, err := chosen(run, t.Only)
	if err != nil {
		return Reply{}, err
	}
	receipt, err := t.Submit.Rerun(ctx, run, only, t.who.Name)
	if err != nil {
		return Reply{}, err
	}
	return said(bot.Span{Text: t.who.Name + " asked for a rerun of "}, bot.ThreadOf(run.ID), bot.Span{Text: " (" + run.Subject() + ")" + onlyOf(only) + ": "}, bot.ThreadOf(receipt.Run)), nil
}

// chosen are the names of those scenarios of a run that somebody named; all of them when nobody named any.
func chosen(run pipeline.Run, only []string) (names []string, err error) {
	for _, name := range only {
		if name, err = known("scenario", name, run.Selection.Names()); err != nil {
			return nil, err
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names, nil
}

func onlyOf(scenarios []string) string {
	if len(scenarios) == 0 {
		return ""
	}
	return ", only " + strings.Join(scenarios, ", ")
}

func (t *turn) full(ctx context.Context) (Reply, error) {
	environment, err := t.environment(t.Subject)
	if err == nil {
		err = t.may(ctx, "full", t.aboutEnvironment(environment))
	}
	if err != nil {
		return Reply{}, err
	}
	team, _ := t.Catalog().TeamOf(t.who.Channel)
	receipt, err := t.Submit.Full(ctx, environment, t.who.Channel, team.Name, t.who.Name)
	if err != nil {
		return Reply{}, err
	}
	t.run = receipt.Run
	return said(bot.Span{Text: t.who.Name + " asked for the full suite on " + environment + ": "}, bot.ThreadOf(receipt.Run)), nil
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

// named is the run that a command must name, unless it is said in the run's thread: nobody stops or answers for a run that
// they only happened to mean.
func (t *turn) named(ctx context.Context) (pipeline.Run, error) {
	if t.Subject == "" && t.who.Run == "" {
		return pipeline.Run{}, mistake("Which run? Usage: %s", usage(t.Verb))
	}
	return t.meant(ctx)
}

// meant is the run that somebody means: by its id, as the newest of a service or stack, as this thread's, or as the newest
// of the team whose channel it is said in.
func (t *turn) meant(ctx context.Context) (run pipeline.Run, err error) {
	switch {
	case t.Subject != "":
		run, err = t.find(ctx, t.Subject)
	case t.who.Run != "":
		run, err = t.find(ctx, t.who.Run)
	default:
		run, err = t.newest(ctx)
	}
	t.run = run.ID
	return run, err
}

// find is a run by its id, or the newest one of a service or stack.
func (d *Desk) find(ctx context.Context, name string) (pipeline.Run, error) {
	if !numbered(name, "R") {
		return d.newestOf(ctx, name)
	}
	id := strings.ToUpper(name)
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

func (d *Desk) newestOf(ctx context.Context, name string) (pipeline.Run, error) {
	name, err := known("service or stack", name, d.Catalog().Names())
	if err != nil {
		return pipeline.Run{}, err
	}
	runs, err := d.Runs.Newest(ctx, name, 1)
	if err == nil && len(runs) == 0 {
		err = mistake("%s has not been tested yet.", name)
	}
	if err != nil {
		return pipeline.Run{}, err
	}
	return runs[0], nil
}

// newest run of what the team of this channel owns.
func (t *turn) newest(ctx context.Context) (newest pipeline.Run, err error) {
	team, ok := t.Catalog().TeamOf(t.who.Channel)
	if !ok {
		return newest, mistake("Which one? Name a run, a service or a stack.")
	}
	for _, thing := range t.Catalog().Things() {
		if thing.Team != team.Name {
			continue
		}
		runs, err := t.Runs.Newest(ctx, thing.Name, 1)
		if err != nil {
			return newest, err
		}
		if len(runs) > 0 && runs[0].Submitted.After(newest.Submitted) {
			newest = runs[0]
		}
	}
	if newest.ID == "" {
		return newest, mistake("Nothing of team %s has been tested yet. Name a run, a service or a stack.", team.Name)
	}
	return newest, nil
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

func (t *turn) mark(because string) pipeline.Mark {
	return pipeline.Mark{By: t.who.Channel.Platform + ":" + t.who.User, Name: t.who.Name, At: t.Now(), Because: because}
}
