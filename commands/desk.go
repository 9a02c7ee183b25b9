package commands

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
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
	Catalog func() *pipeline.Catalog
	Runs    Runs
	Marks   Marks
	Submit  *pipeline.Submitter
	Teller  pipeline.Teller
	RunURL  func(run string) string
	Now     func() time.Time
	NewID   func() string // names an error in the log
	Log     *slog.Logger
}

// Do understands a line and carries it out. Mistakes and failures are answered privately; an unexpected failure goes to the
// log under an id that the reply names.
func (d *Desk) Do(ctx context.Context, who Caller, line string) Reply {
	command, err := Parse(line)
	if err == nil {
		var reply Reply
		if reply, err = d.carryOut(ctx, who, command); err == nil {
			return reply
		}
	}
	var wrong *Mistake
	if errors.As(err, &wrong) {
		return private(wrong.Text)
	}
	id := d.NewID()
	d.Log.Error("command failed", "id", id, "command", command.Verb, "user", who.User, "channel", who.Channel, "error", err)
	return private(fmt.Sprintf("That did not work, and it is not your fault. Please try again; if it stays, tell your operator the id %s.", id))
}

func (d *Desk) carryOut(ctx context.Context, who Caller, c Command) (Reply, error) {
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
	return said(bot.Text{{Text: who.Name + " asked for a rerun of "}, bot.ThreadOf(run.ID), {Text: " (" + run.Subject() + "): "}, bot.ThreadOf(receipt.Run)}), nil
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
	return said(bot.Text{{Text: who.Name + " asked for the full suite on " + environment + ": "}, bot.ThreadOf(receipt.Run)}), nil
}

func (d *Desk) ack(ctx context.Context, who Caller, c Command) (Reply, error) {
	run, err := d.meant(ctx, who, c.Subject)
	if err != nil {
		return Reply{}, err
	}
	if run.Verdict != pipeline.Regressed && run.Verdict != pipeline.Suspect {
		return Reply{}, mistake("%s (%s) has nothing to acknowledge: it %s.", run.ID, run.Subject(), ended(run))
	}
	run, err = d.Marks.Acknowledge(ctx, run.ID, d.mark(who, c.Because))
	if err != nil {
		return Reply{}, err
	}
	if err := d.Teller.Tell(ctx, run); err != nil {
		return Reply{}, err
	}
	if run.Acknowledged.By != d.mark(who, "").By {
		return Reply{}, mistake("%s was acknowledged by %s before you.", run.ID, run.Acknowledged.Name)
	}
	return said(bot.Text{{Text: who.Name + " looks after "}, bot.ThreadOf(run.ID), {Text: " (" + run.Subject() + ")" + because(c.Because)}}), nil
}

func (d *Desk) cancel(ctx context.Context, who Caller, c Command) (Reply, error) {
	run, err := d.meant(ctx, who, c.Subject)
	if err != nil {
		return Reply{}, err
	}
	if run.State.Final() {
		return Reply{}, mistake("%s (%s) is over: it %s.", run.ID, run.Subject(), ended(run))
	}
	run, err = d.Marks.Cancel(ctx, run.ID, d.mark(who, ""))
	if err != nil {
		return Reply{}, err
	}
	if err := d.Teller.Tell(ctx, run); err != nil {
		return Reply{}, err
	}
	return said(bot.Text{{Text: who.Name + " cancelled "}, bot.ThreadOf(run.ID), {Text: " (" + run.Subject() + ")"}}), nil
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
	case !isRunID(id):
		id, err = d.newestOf(ctx, subject)
	}
	if err != nil {
		return pipeline.Run{}, err
	}
	run, err := d.Runs.Load(ctx, strings.ToUpper(id))
	if errors.Is(err, bot.ErrNotFound) {
		return pipeline.Run{}, mistake("I don't know a run %s. Runs older than 90 days are forgotten.", strings.ToUpper(id))
	}
	return run, err
}

func isRunID(s string) bool {
	return len(s) > 1 && (s[0] == 'R' || s[0] == 'r') && strings.Trim(s[1:], "0123456789") == ""
}

func (d *Desk) newestOf(ctx context.Context, name string) (string, error) {
	catalog := d.Catalog()
	if _, service := catalog.Services[name]; !service {
		if _, stack := catalog.Stacks[name]; !stack {
			return "", unknown("a service or stack", name, catalog.Names())
		}
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
		return "", mistake("Which one? Name a run or a service, such as \"rerun checkout\".")
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
		return "", mistake("Nothing of team %s has been tested yet. Name a run or a service.", team.Name)
	}
	return newest.ID, nil
}

func (d *Desk) environment(name string) (string, error) {
	environments := d.Catalog().Environments
	var known []string
	for n := range environments {
		known = append(known, n)
	}
	switch {
	case name == "" && len(known) == 1:
		return known[0], nil
	case name == "":
		return "", mistake("On which environment? Name one of: %s.", list(known))
	}
	if _, ok := environments[name]; !ok {
		return "", unknown("an environment", name, known)
	}
	return name, nil
}

func (d *Desk) mark(who Caller, because string) pipeline.Mark {
	return pipeline.Mark{By: who.Channel.Platform + ":" + who.User, Name: who.Name, At: d.Now(), Because: because}
}
