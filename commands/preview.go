package commands

import (
	"context"
	"errors"

	"bellwether/bot"
)

// Preview is a run in short, for a link to its page that somebody posted; false for a link that is none of ours, and where the
// reader may not see it. Nothing is said of why: whoever posts a link asked for nothing.
func (d *Desk) Preview(ctx context.Context, who Caller, link string) (bot.Message, bool) {
	if d.RunOf == nil {
		return bot.Message{}, false
	}
	id, ours := d.RunOf(link)
	if !ours {
		return bot.Message{}, false
	}
	t := &turn{Desk: d, who: who, Command: Command{Verb: "status"}}
	run, err := d.Runs.Load(ctx, id)
	if err == nil {
		err = t.permitted(ctx, "status", aboutRun(run))
	}
	switch {
	case errors.Is(err, bot.ErrNotFound), isA[*Denied](err):
		return bot.Message{}, false
	case err != nil:
		d.Log.Error("link not unfurled", "run", id, "error", err)
		return bot.Message{}, false
	}
	headline, mood := bot.Headline(run)
	m := bot.Message{Title: headline, Mood: mood, Facts: []bot.Fact{{Name: "Run", Value: bot.Text{d.name(run)}}}}
	if run.Change().Name != "" { // the subject of a full run names its environment
		m.Facts = append(m.Facts, bot.Fact{Name: "Environment", Value: bot.Plain(run.Environment)})
	}
	if run.State.Final() {
		m.Facts = append(m.Facts, bot.Fact{Name: "Finished", Value: bot.Text{bot.At(run.Finished)}})
	}
	for _, mark := range run.Acknowledged {
		m.Body = append(m.Body, looksAfter(run, mark))
	}
	return m, true
}
