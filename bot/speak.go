package bot

import (
	"context"
	"fmt"
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
		if run.State == pipeline.Done {
			if err := v.report(ctx); err != nil {
				return err
			}
		}
	}
	return b.tellOthers(ctx, run)
}

// Refuse tells the channels of last resort of an event that was not taken in. Key identifies the event.
func (b *Bot) Refuse(ctx context.Context, key, what, reason string) error {
	m := Message{
		Title: "An event was refused: " + what, Mood: MoodRefused, Body: []Text{Plain(reason)},
		Footer: Plain("Nothing was tested. The event is in the dead-letter queue if there is one; mend it and send it again."),
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
	if run.State != pipeline.Done || run.Verdict != pipeline.Regressed || run.Change().Kind == pipeline.KindService {
		return nil
	}
	told := b.channels(run)
	for team, outcomes := range b.owners(run) {
		for _, channel := range b.Catalog().Channels(team) {
			if slices.Contains(told, channel) {
				continue
			}
			v := voice{Bot: b, run: run, channel: channel}
			if err := v.linked(ctx, team, outcomes); err != nil {
				return err
			}
		}
	}
	return nil
}

// owners of the regressed outcomes, by team.
func (b *Bot) owners(run pipeline.Run) map[string][]pipeline.Outcome {
	catalog := b.Catalog()
	owners := map[string][]pipeline.Outcome{}
	for _, o := range run.Outcomes {
		if o.Verdict != pipeline.Regressed {
			continue
		}
		for _, team := range catalog.OwnersOf(o.Scenario) {
			owners[team] = append(owners[team], o)
		}
	}
	return owners
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
		Channel: v.channel, Run: v.run.ID, Version: v.run.Rev, Message: m,
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

func (v voice) linked(ctx context.Context, team string, outcomes []pipeline.Outcome) error {
	m := Message{
		Title: v.run.Subject() + " made your service slower: " + headline(outcomes), Mood: MoodOf(pipeline.Regressed),
		Facts: []Fact{{"Run", v.runLink()}, {"Environment", Plain(v.run.Environment)}},
	}
	m.Body = append(m.Body, v.mention(team, "please look"))
	m.Actions = v.actions()
	return v.want(ctx, "root", m)
}
