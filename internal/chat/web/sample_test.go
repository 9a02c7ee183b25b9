package web

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/bot"
	"bellwether/commands"
	"bellwether/pipeline"
)

// clock is a time that moves a minute whenever it is read.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(time.Minute)
	return c.now
}

func newChat() *Chat {
	c := &clock{now: time.Date(2026, 11, 23, 7, 0, 0, 0, time.UTC)}
	return New(c.Now)
}

func in(channel string) pipeline.Channel { return pipeline.Channel{Platform: Platform, ID: channel} }

var siti = pipeline.Person{Name: "dev-sg", Web: "dev-sg"}

// asked is what a Desk was asked to do.
type asked struct {
	by   commands.Caller
	text string
}

// oracle answers every command: privately when it does not know it.
type oracle struct {
	mu    sync.Mutex
	heard []asked
	rerun func() // what a rerun sets off
	chart []byte // a PNG: the answer to history
}

func (o *oracle) Do(_ context.Context, by commands.Caller, text string) commands.Reply {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.heard = append(o.heard, asked{by, text})
	switch verb, run, _ := strings.Cut(text, " "); verb {
	case "ack":
		return commands.Reply{Message: bot.Message{Title: run + " is acknowledged by " + by.Name}}
	case "rerun":
		if o.rerun != nil {
			o.rerun()
		}
		return commands.Reply{Message: bot.Message{Title: run + " is tested again"}}
	case "history":
		m := bot.Message{Title: run + ": p95 +38 %", Picture: &bot.Picture{Key: "k", Alt: "14 runs, last 312 ms"}}
		return commands.Reply{Message: m, Private: true, Picture: o.chart}
	}
	return commands.Reply{Private: true, Message: bot.Message{
		Title: "There is no command \"" + text + "\".", Body: []bot.Text{{{Text: "Did you mean "}, bot.Code("/loadtest rerun"), {Text: "?"}}},
		Actions: []bot.Action{{Label: "Run rerun", Command: "rerun"}},
	}}
}

// Form asks for what the demo's buttons ask for; about R9 there is nothing to ask.
func (o *oracle) Form(_ context.Context, by commands.Caller, line string) (*bot.Form, commands.Reply) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.heard = append(o.heard, asked{by, "form: " + line})
	verb, run, _ := strings.Cut(line, " ")
	if run == "R9" {
		return nil, commands.Reply{Private: true, Message: bot.Message{Title: "You may not: only team-checkout may."}}
	}
	form := &bot.Form{Title: "Acknowledge " + run, Command: line, Send: "Acknowledge", Body: []bot.Text{bot.Plain("You look after checkout v43, and the team knows.")}, Fields: []bot.Field{
		{Word: "scope", Label: "Scenario", Optional: true, Options: []bot.Option{{Label: "checkout-flow", Value: "checkout-flow"}, {Label: "search", Value: "search"}}},
		{Word: "until", Label: "Until", Hint: "The morning of that day", Date: true, Optional: true},
		{Word: "because", Label: "Why", Hint: "What you know already"},
	}}
	if verb == "rerun" {
		form = &bot.Form{Title: "Rerun " + run, Command: line, Send: "Rerun", Fields: []bot.Field{{
			Word: "only", Label: "Scenarios", Several: true, Preset: []string{"search"},
			Options: []bot.Option{{Label: "checkout-flow", Value: "checkout-flow"}, {Label: "search", Value: "search"}},
		}}}
	}
	return form, commands.Reply{}
}

// Preview knows the page of R4.
func (o *oracle) Preview(_ context.Context, _ commands.Caller, link string) (bot.Message, bool) {
	return bot.Message{Title: "R4: checkout v43 is slower"}, link == "https://bellwether.example.com/runs/R4"
}

func (o *oracle) last(t *testing.T) asked {
	o.mu.Lock()
	defer o.mu.Unlock()
	require.NotEmpty(t, o.heard)
	return o.heard[len(o.heard)-1]
}

// room of the demo: three teams, three people.
func room(d Desk) Room {
	return Room{
		Hosts: []string{"127.0.0.1"}, Channels: []string{"team-checkout", "team-search", "infrastructure"}, Desk: d,
		People: []pipeline.Person{siti, {Name: "dev-sydney", Web: "dev-sydney"}, {Name: "ops-london", Web: "ops-london"}},
		Hints: []Hint{
			{"help", "what can be said here"},
			{"status", "what runs and what waits"},
			{"rerun [RUN|SERVICE]", "test it again"},
			{"full [ENVIRONMENT]", "run every scenario"},
			{"ack RUN [because …]", "take note of a regression"},
			{"cancel RUN", "stop a run"},
		},
		Panel: []Scene{
			{"search", "A harmless change of search", "search v18, by dev-sydney: passes"},
			{"checkout", "A slower checkout", "checkout v43 answers 40 % later: regressed"},
			{"supersede", "Two changes in a row", "the second supersedes the first, which still waits"},
			{"database", "A change of the orders database", "only the scenarios of its users run"},
			{"malformed", "A malformed event", "is refused, with the reason"},
			{"broken", "A deploy that fails", "the team is told why"},
		},
		Play: func(context.Context, string) error { return nil },
	}
}

// mustPost fails the test when the chat does not take the message.
func (c *Chat) mustPost(t *testing.T, o bot.Outgoing) string {
	t.Helper()
	ref, err := c.Post(context.Background(), o)
	require.NoError(t, err)
	return ref
}

func announcement() bot.Outgoing {
	return bot.Outgoing{ID: "R4/root", Channel: in("team-checkout"), Run: "R4", Message: bot.Message{
		Title: "checkout v43 is being tested", Mood: bot.MoodRunning,
		Body: []bot.Text{{{Text: "dev-sg merged "}, bot.Link("quote shipping per item", "https://github.com/innerscale/checkout/pull/431"), {Text: ". "}, bot.ThreadOf("R2"), {Text: " was the one before."}}},
		Facts: []bot.Fact{
			{Name: "Environment", Value: bot.Plain("load")},
			{Name: "Scenarios", Value: bot.Text{bot.Code("checkout-flow"), {Text: " of 5, by "}, bot.Code("service:checkout")}},
			{Name: "Expected", Value: bot.Text{{Text: "ends about "}, bot.At(time.Date(2026, 11, 23, 7, 9, 0, 0, time.UTC))}},
		},
		Actions: []bot.Action{{Label: "Cancel", Command: "cancel R4"}},
	}, Links: map[string]string{"R2": "m1"}}
}

func regressed() bot.Outgoing {
	o := announcement()
	o.Message.Title, o.Message.Mood = "checkout v43 made checkout-flow slower: p95 +41 %", bot.MoodOf(pipeline.Regressed)
	o.Message.Body = append(o.Message.Body, bot.Text{bot.Call(siti), {Text: " is on call: p95 went from "}, bot.Bold("182 ms"), {Text: " to "}, bot.Bold("257 ms"), {Text: ", and a second measurement confirmed it."}})
	o.Message.Facts[2] = bot.Fact{Name: "Took", Value: bot.Plain("48 s, confirmed with 2 more legs")}
	o.Message.Actions = []bot.Action{{Label: "Acknowledge", Command: "ack R4", Primary: true, Form: true}, {Label: "Rerun", Command: "rerun R4"}, {Label: "Report", URL: "/runs/R4"}}
	o.Message.Footer = bot.Text{{Text: "R4 · compared with 6 runs since "}, bot.At(time.Date(2026, 11, 20, 22, 30, 0, 0, time.UTC))}
	return o
}

func results(root string) bot.Outgoing {
	return bot.Outgoing{ID: "R4/results", Root: "R4/root", Thread: root, Channel: in("team-checkout"), Run: "R4", Message: bot.Message{
		Title: "p95 and p99 of checkout-flow left the band", Mood: bot.MoodOf(pipeline.Regressed),
		Table: &bot.Table{Head: []string{"checkout-flow", "was", "now", "against the band", "previous release"}, Rows: [][]string{
			{"p50", "96 ms", "101 ms", "+5 %", "+4 %"},
			{"p95", "182 ms", "257 ms", "+41 %", "+39 %"},
			{"p99", "240 ms", "352 ms", "+47 %", "+44 %"},
			{"errors", "0.0 %", "0.0 %", "0.0 pp", "0.0 pp"},
		}},
		Footer: bot.Plain("A rise of 9 % or more would have been seen. 6,000 requests at 100/s."),
	}}
}

func chart(t testing.TB, root string) bot.Outgoing {
	return bot.Outgoing{ID: "R4/chart", Root: "R4/root", Thread: root, Channel: in("team-checkout"), Run: "R4", Picture: drawing(t), Message: bot.Message{
		Title: "checkout-flow: latency over time", Picture: &bot.Picture{Key: "charts/R4", Name: "checkout-flow.png", Alt: "p95 257 ms against a band of 170 to 196 ms over 60 s; no errors"},
	}}
}

// drawing is a chart's stand-in: a band and a line above it.
func drawing(t testing.TB) []byte {
	const width, height = 1000, 420
	m := image.NewRGBA(image.Rect(0, 0, width, height))
	for x := range width {
		line := 150 + 18*math.Sin(float64(x)/23) + 9*math.Sin(float64(x)/7)
		for y := range height {
			shade := color.RGBA{255, 255, 255, 255}
			switch {
			case math.Abs(float64(y)-line) < 2:
				shade = color.RGBA{213, 94, 0, 255}
			case y > 250 && y < 300:
				shade = color.RGBA{214, 232, 244, 255}
			case y%80 == 0:
				shade = color.RGBA{232, 232, 230, 255}
			}
			m.SetRGBA(x, y, shade)
		}
	}
	var b bytes.Buffer
	require.NoError(t, png.Encode(&b, m))
	return b.Bytes()
}

// tell fills a chat with a morning of the demo.
func tell(t *testing.T, c *Chat) (root string) {
	passed := c.mustPost(t, bot.Outgoing{ID: "R2/root", Channel: in("team-checkout"), Run: "R2", Message: bot.Message{
		Title: "checkout v42 is as fast as before", Mood: bot.MoodOf(pipeline.Pass), Body: []bot.Text{bot.Plain("dev-sg merged \"log the basket's size\". checkout-flow stayed within its band.")},
		Actions: []bot.Action{{Label: "Rerun", Command: "rerun R2"}},
	}})
	c.mustPost(t, bot.Outgoing{ID: "R2/results", Root: "R2/root", Thread: passed, Channel: in("team-checkout"), Run: "R2", Message: bot.Message{
		Title: "p95 181 ms, within 170 to 196 ms", Mood: bot.MoodOf(pipeline.Pass), Body: []bot.Text{bot.Plain("No errors in 6,000 requests.")},
	}})
	c.mustPost(t, bot.Outgoing{ID: "R3/root", Channel: in("team-checkout"), Run: "R3", Message: bot.Message{
		Title: "checkout v42.1 was overtaken by v43", Mood: bot.MoodSuperseded, Body: []bot.Text{{{Text: "It waited behind search v18 and was not tested by itself: see "}, bot.ThreadOf("R4"), {Text: "."}}},
	}, Links: map[string]string{"R4": "m4"}})
	root = c.mustPost(t, announcement())
	require.NoError(t, c.Edit(context.Background(), regressed(), root))
	c.mustPost(t, results(root))
	c.mustPost(t, chart(t, root))
	for i, mood := range []bot.Mood{"waiting", "running", "suspect", "improved", "inconclusive", "invalid", "failed", "cancelled", "refused", "resolved", "accepted"} {
		c.mustPost(t, bot.Outgoing{ID: "S" + string(mood), Channel: in("team-search"), Run: "S", Message: bot.Message{
			Title: fmt.Sprintf("search v%d is ", i+1) + string(mood), Mood: mood, Body: []bot.Text{bot.Plain("One of each, to look at.")},
		}})
	}
	return root
}
