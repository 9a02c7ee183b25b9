package bot

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"bellwether/pipeline"
)

// Records reads what a result was made from.
type Records interface {
	Record(ctx context.Context, resultID string) (pipeline.Record, error)
}

// Bot decides what is said about runs, and where. What is visible of a run is a function of the run as it stands, so
// telling twice says nothing twice.
type Bot struct {
	Catalog  func() *pipeline.Catalog
	Outbox   Outbox
	Pictures Pictures
	Records  Records
	RunURL   func(run string) string // page of a run; empty when there are no pages
	Debounce time.Duration           // how long progress may wait for newer progress
	Now      func() time.Time
}

var _ pipeline.Teller = (*Bot)(nil)

// Tell makes visible what there is to say about a run now: its root message, and once it is done its report in the thread.
func (b *Bot) Tell(ctx context.Context, run pipeline.Run) error {
	for _, channel := range b.channels(run) {
		v := voice{Bot: b, run: run, channel: channel}
		if err := v.root(ctx); err != nil {
			return err
		}
		if err := v.remind(ctx); err != nil {
			return err
		}
		if run.State == pipeline.Done {
			if err := v.report(ctx); err != nil {
				return err
			}
		}
	}
	if err := b.tellEnvironment(ctx, run); err != nil {
		return err
	}
	return b.tellOthers(ctx, run)
}

// Refuse tells the channels of last resort of an event that was not taken in. Key identifies the event.
func (b *Bot) Refuse(ctx context.Context, key, what, reason string) error {
	m := Message{
		Title: "An event was refused: " + what, Mood: MoodRefused, Body: []Text{Plain(reason)},
		Footer: Plain("What came from a queue is in its dead-letter queue. Correct it, and send it again."),
	}
	for _, channel := range b.Catalog().Unowned {
		o := Outgoing{ID: "refused/" + key + "/" + channel.String(), Channel: channel, Version: 1, Message: m}
		if err := b.Outbox.Want(ctx, o, b.Now()); err != nil {
			return err
		}
	}
	return nil
}

func (b *Bot) channels(run pipeline.Run) []pipeline.Channel {
	if len(run.Channels) > 0 {
		return run.Channels
	}
	return b.Catalog().Channels(run.Team)
}

// tellOthers posts one linked root in the channel of each other team whose service a stack or a full run made slower.
func (b *Bot) tellOthers(ctx context.Context, run pipeline.Run) error {
	own := run.Change().Kind == pipeline.KindService && !run.Selection.Full
	if run.State != pipeline.Done || own {
		return nil
	}
	told := slices.Clone(b.channels(run))
	owned := b.owned(run)
	for _, team := range slices.Sorted(maps.Keys(owned)) {
		for _, channel := range b.Catalog().Channels(team) {
			if slices.ContainsFunc(told, channel.Same) {
				continue
			}
			told = append(told, channel)
			v := voice{Bot: b, run: only(run, owned[team]), channel: channel}
			if err := v.want(ctx, "root", v.notice(team, owned[team])); err != nil {
				return err
			}
			if err := v.later(ctx, team, owned[team]); err != nil {
				return err
			}
		}
	}
	return nil
}

// only has no regressions but those of some outcomes.
func only(run pipeline.Run, outcomes []pipeline.Outcome) pipeline.Run {
	run.Regressions = slices.DeleteFunc(slices.Clone(run.Regressions), func(g pipeline.Regression) bool {
		return !slices.ContainsFunc(outcomes, func(o pipeline.Outcome) bool { return o.Scenario == g.Scenario })
	})
	return run
}

// owned are the outcomes of each team's services that got worse.
func (b *Bot) owned(run pipeline.Run) map[string][]pipeline.Outcome {
	owned := map[string][]pipeline.Outcome{}
	for _, o := range worsened(run) {
		for _, team := range b.Catalog().OwnersOf(o.Scenario) {
			owned[team] = append(owned[team], o)
		}
	}
	return owned
}

// voice speaks about one run in one channel.
type voice struct {
	*Bot
	run     pipeline.Run
	channel pipeline.Channel
}

// want makes a message visible in the run's thread; name tells it from the thread's others, "root" is the thread itself.
func (v voice) want(ctx context.Context, name string, m Message) error {
	o := Outgoing{
		ID:      fmt.Sprintf("%s/%s/%s", v.run.ID, v.channel, name),
		Channel: v.channel, Run: v.run.ID, Version: v.run.Rev, Message: m, Passing: name == overdue,
	}
	if name != "root" {
		o.Root = rootID(v.run.ID, v.channel)
	}
	return v.Outbox.Want(ctx, o, v.due(name))
}

// due: only progress waits, for newer progress to replace it.
func (v voice) due(name string) time.Time {
	if name == "root" && v.run.State == pipeline.Running {
		return v.Now().Add(v.Debounce)
	}
	return v.Now()
}

// notice is the root in the channel of a team that changed nothing itself: what of its own is worse, and since when.
func (v voice) notice(team string, outcomes []pipeline.Outcome) Message {
	cause := Fact{"Since", Plain(v.run.Subject())}
	switch {
	case v.run.Change().Name != "" && v.run.Team != "":
		cause.Value = Plain(v.run.Subject() + ", of team " + v.run.Team)
	case v.run.Change().Name == "":
		cause = Fact{"Found by", Plain(v.run.Subject() + ", asked for by " + v.run.By)}
	}
	return Message{
		Title: effect(outcomes) + v.since(), Mood: v.mood(),
		Body:    slices.Concat(v.origin(), v.marks(), []Text{v.mention(team)}),
		Facts:   []Fact{{"Run", v.runLink()}, cause, {"Environment", Plain(v.run.Environment)}},
		Actions: v.actions(),
	}
}

// marks are what people and other runs did to this one.
func (v voice) marks() []Text {
	var lines []Text
	r := v.run
	if r.Successor != "" {
		lines = append(lines, linked("Superseded by ", r.Successor))
	}
	if len(r.Supersedes) > 0 {
		lines = append(lines, linked("Supersedes ", r.Supersedes...))
	}
	if len(r.Reruns) > 0 {
		lines = append(lines, linked("Repeated as ", r.Reruns...))
	}
	lines = append(lines, v.company()...)
	if r.Hold != nil {
		lines = append(lines, marked(r.Environment+" is held by ", r.Hold.By))
	}
	if r.Approved != nil {
		lines = append(lines, marked("Approved by ", *r.Approved))
	}
	if r.Rejected != nil {
		lines = append(lines, marked("Rejected by ", *r.Rejected))
	}
	if r.State != pipeline.Done && r.Cancel != nil { // else it came too late
		lines = append(lines, marked("Cancelled by ", *r.Cancel))
	}
	for _, m := range r.Acknowledged {
		lines = append(lines, acknowledged(m))
	}
	for _, m := range r.Lapsed {
		lines = append(lines, lapsed(m))
	}
	return append(lines, v.endings()...)
}

// Decision on a run's plan, "approved" or "rejected", and who made it; nil while nobody did, or nothing was asked.
func Decision(run pipeline.Run) (word string, by *pipeline.Mark) {
	switch {
	case run.Approval == nil:
	case run.Rejected != nil:
		return "rejected", run.Rejected
	case run.Approved != nil && !run.Approved.At.Before(run.Approval.Asked):
		return "approved", run.Approved
	}
	return "", nil
}

// asked tells whether the run's plan waits for a decision.
func (v voice) asked() bool {
	_, decided := Decision(v.run)
	return v.run.State == pipeline.Waiting && v.run.Approval != nil && decided == nil
}

// company are the runs that this one is tested together with.
func (v voice) company() []Text {
	switch {
	case v.run.Leader != "":
		return []Text{linked("Tested together with ", v.run.Leader)}
	case len(v.run.Batch) > 0:
		return []Text{linked("Tested together with ", v.run.Batch...)}
	case v.run.Round > 0 && !v.run.State.Final():
		return []Text{Plain("Something was slower when it was tested together with others; now it is tested apart from them.")}
	}
	return nil
}

func linked(what string, runs ...string) Text { return append(Plain(what), listed(runs)...) }

func marked(what string, m pipeline.Mark) Text {
	t := Text{{Text: what}, Bold(m.Name), {Text: ", "}, At(m.At)}
	if m.Because != "" {
		t = append(t, Span{Text: ": " + m.Because})
	}
	return t
}

// actions are the commands that make sense for the run as it stands.
func (v voice) actions() []Action {
	id := v.run.ID
	decision, _ := Decision(v.run)
	switch {
	case v.run.State == pipeline.Superseded:
		return nil
	case !v.run.State.Final() && (v.run.Cancel != nil || decision == "rejected"): // on its way out
		return nil
	case v.asked():
		return []Action{{Label: "Approve", Command: "approve " + id, Primary: true}, {Label: "Reject", Command: "reject " + id, Form: true}}
	case !v.run.State.Final():
		return []Action{{Label: "Cancel", Command: "cancel " + id}}
	case v.run.State == pipeline.Cancelled:
		return []Action{v.again()}
	}
	var actions []Action
	if len(v.run.Open()) > 0 {
		actions = append(actions, Action{Label: "Acknowledge", Command: "ack " + id, Primary: true, Form: true})
	}
	if len(v.run.Standing()) > 0 {
		actions = append(actions, Action{Label: "Accept…", Command: "accept " + id, Form: true})
	}
	if len(v.run.Triaged) > 0 {
		actions = append(actions, Action{Label: "Reopen", Command: "reopen " + id})
	}
	return append(actions, v.again())
}

// again repeats the run: of several scenarios one may choose.
func (v voice) again() Action {
	return Action{Label: "Rerun", Command: "rerun " + v.run.ID, Form: len(v.run.Selection.Scenarios) > 1}
}

func alarming(verdict pipeline.Verdict) bool {
	return verdict == pipeline.Regressed || verdict == pipeline.Suspect
}
