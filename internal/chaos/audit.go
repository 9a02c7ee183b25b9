package chaos

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"bellwether/bot"
	"bellwether/internal/catalog"
	"bellwether/internal/chat/slack/blockkit"
	"bellwether/internal/peers"
	"bellwether/internal/store"
	"bellwether/pipeline"
)

// audit compares what there is, once everything is quiet, with what there should be.
func (w *world) audit(ctx context.Context) {
	store := &store.Store{Lanes: w.lanes}
	runs := w.runs(ctx, store)
	posted := w.slack.Messages()
	w.auditChanges(posted)
	w.auditTwice(posted)
	w.auditThreads(ctx, store, runs, posted)
	w.auditEnvironments()
	w.auditLetters(ctx)
	for _, r := range w.replicas {
		for _, line := range r.panics() {
			w.wrong(Broken, "replica %d: %s", r.number, line)
		}
	}
	w.round.Changes, w.round.Events, w.round.Runs = len(w.stream.sent), w.stream.events, len(runs)
	w.round.Messages, w.round.Faults = len(posted), w.slack.Met()
	for _, run := range runs {
		if run.State == pipeline.Superseded {
			w.round.Superseded++
		}
	}
}

// runs are all there ever were. Each has to be over.
func (w *world) runs(ctx context.Context, s *store.Store) (runs []pipeline.Run) {
	last, err := w.redis.client.Get(ctx, prefix+"runs").Int()
	if err != nil {
		w.wrong(Lost, "count the runs: %v", err)
	}
	for i := range last {
		run, err := s.Load(ctx, fmt.Sprint("R", i+1))
		switch {
		case err != nil:
			w.wrong(Lost, "load R%d: %v", i+1, err)
			continue
		case !run.State.Final():
			w.wrong(Stuck, "%s (%s on %s) is still %s", run.ID, run.Subject(), run.Environment, run.State)
		}
		runs = append(runs, run)
	}
	return runs
}

// auditChanges knows nothing of runs: each change has one thread for each environment of its service. A thread's
// first message names its own change in its title; below it, the message may name a later one, which ended what it found.
func (w *world) auditChanges(posted []peers.Posted) {
	for _, c := range w.stream.sent {
		threads := 0
		for _, m := range posted {
			title, _, _ := strings.Cut(m.Text, "\n")
			if m.Thread == "" && m.Channel == channelOf(c.service) && strings.Contains(title, c.service+" "+c.version) {
				threads++
			}
		}
		switch want := len(services[c.service]); {
		case threads < want:
			w.wrong(Lost, "%s %s has %d threads instead of %d", c.service, c.version, threads, want)
		case threads > want:
			w.wrong(Twice, "%s %s has %d threads instead of %d", c.service, c.version, threads, want)
		}
	}
}

var (
	intents  = regexp.MustCompile(`"intent":"([^"]+)"`)
	blockIDs = regexp.MustCompile(`"block_id":"[^"]*"`)
)

// intent that a message carries: in its metadata, or as its file's name.
func intent(m peers.Posted) string {
	if found := intents.FindStringSubmatch(m.Metadata); found != nil {
		return found[1]
	}
	return m.File
}

// auditTwice looks for messages that carry the same intent, and for such that look the same to who reads them.
func (w *world) auditTwice(posted []peers.Posted) {
	seen := map[string]string{}
	for _, m := range posted {
		look := strings.Join([]string{m.Channel, m.Thread, m.Text, blockIDs.ReplaceAllString(m.Blocks, ""), m.File}, "\n")
		for _, key := range []string{"intent " + intent(m), "look " + look} {
			if before, twice := seen[key]; twice {
				w.wrong(Twice, "%s and %s in %s are one message: %s: %s", before, m.TS, m.Channel, intent(m), m.Text)
				break
			}
			seen[key] = m.TS
		}
	}
}

// auditThreads has a bot say what there is to say about the runs as they ended, and looks whether Slack shows that.
func (w *world) auditThreads(ctx context.Context, s *store.Store, runs []pipeline.Run, posted []peers.Posted) {
	known, problems := catalog.Load(filepath.Join(w.replicas[0].dir, "catalog.yaml"), os.LookupEnv)
	if known == nil {
		w.wrong(Broken, "load the catalog: %v", problems)
		return
	}
	wanted := wanted{}
	speaker := &bot.Bot{
		Catalog: func() *pipeline.Catalog { return known }, Outbox: wanted, Pictures: s, Records: s,
		RunURL: func(string) string { return "" }, Now: time.Now,
	}
	for _, run := range runs {
		if err := speaker.Tell(ctx, run); err != nil {
			w.wrong(Broken, "say again what there is to say of %s: %v", run.ID, err)
		}
	}
	visible := map[string]peers.Posted{}
	for _, m := range posted {
		visible[intent(m)] = m
	}
	for id, o := range wanted {
		w.auditMessage(id, o, visible)
	}
	for id, m := range visible {
		w.wrong(Twice, "%s in %s is nothing that should be said: %s", id, m.Channel, m.Text)
	}
}

// auditMessage takes the message out of those that are visible.
func (w *world) auditMessage(id string, o bot.Outgoing, visible map[string]peers.Posted) {
	key := id
	if o.Message.Picture != nil {
		key = fileOf(id, visible)
	}
	m, ok := visible[key]
	if !ok {
		w.wrong(Lost, "%s is not there: %s", id, o.Message.Title)
		return
	}
	delete(visible, key)
	if text := blockkit.Fallback(o.Message); o.Message.Picture == nil && m.Text != text {
		w.wrong(Lost, "%s says %q, where it should say %q", id, m.Text, text)
	}
	if (m.Thread == "") != (o.Root == "") {
		w.wrong(Lost, "%s is in the wrong place: in thread %q", id, m.Thread)
	}
}

var unfit = regexp.MustCompile(`[^A-Za-z0-9.]+`)

// fileOf is the name of the file that shows a picture: the intent, readable, and something that makes it unique.
func fileOf(id string, visible map[string]peers.Posted) string {
	readable := unfit.ReplaceAllString(id, "-") + "-"
	for key, m := range visible {
		if m.File != "" && strings.HasPrefix(key, readable) {
			return key
		}
	}
	return readable
}

// auditEnvironments: nobody met anybody there, and each has the newest version of each service.
func (w *world) auditEnvironments() {
	disturbed, err := w.shop.disturbed()
	if err != nil {
		w.wrong(Broken, "%v", err)
	}
	for _, what := range disturbed {
		w.wrong(Together, "%s", what)
	}
	for service, places := range services {
		for _, place := range places {
			if is, want := w.shop.deployed(place, service), w.stream.latest(service); is != want {
				w.wrong(Version, "%s has %s %s, the last change was %s", place, service, is, want)
			}
		}
	}
}

// auditLetters looks for messages that were given up, though Slack refused none for good.
func (w *world) auditLetters(ctx context.Context) {
	keys := w.redis.client.Scan(ctx, 0, prefix+"letter:*", 1000).Iterator()
	for keys.Next(ctx) {
		if why := w.redis.client.HGet(ctx, keys.Val(), "parked").Val(); why != "" {
			w.wrong(Lost, "%s is parked: %s", keys.Val(), why)
		}
	}
	if err := keys.Err(); err != nil {
		w.wrong(Broken, "list the letters: %v", err)
	}
}

// wanted is an outbox that only listens, by intent.
type wanted map[string]bot.Outgoing

func (w wanted) Want(_ context.Context, o bot.Outgoing, _ time.Time) error {
	w[o.ID] = o
	return nil
}

func (w wanted) Open(context.Context, string) (bot.Letter, error) {
	return bot.Letter{}, bot.ErrNotFound
}
func (w wanted) Note(context.Context, bot.Lease, string, bot.Delivery) error { return nil }
