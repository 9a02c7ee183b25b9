// Package blockkit draws a bot.Message with Slack's Block Kit. It does no I/O, and whatever the message holds, what it draws
// is within Slack's limits (Lint) and means nothing to Slack but what the message meant: text from outside can neither
// mention a channel nor format itself.
package blockkit

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/slack-go/slack"

	"bellwether/bot"
	"bellwether/pipeline"
)

// What a message may take of Slack's limits, in UTF-16 units. One share for each part, so that their sum, too, stays below
// what Slack takes in all (allText) however much there is of each.
const (
	bodyShare   = maxSection
	factsShare  = 1_500
	tableShare  = 5_000
	footerShare = 300
	buttonShare = 10 // buttons
)

// face is how a mood looks. The symbols differ in shape, the word stands beside them: colour carries nothing by itself.
type face struct{ symbol, word string }

var faces = map[bot.Mood]face{
	bot.MoodWaiting:                   {"⏳", "Waiting"},
	bot.MoodRunning:                   {"▶️", "Running"},
	bot.MoodSuperseded:                {"⏭️", "Superseded"},
	bot.MoodCancelled:                 {"⏹️", "Cancelled"},
	bot.MoodRefused:                   {"⛔", "Refused"},
	bot.MoodOf(pipeline.Pass):         {"✅", "Passed"},
	bot.MoodOf(pipeline.Improved):     {"⚡", "Improved"},
	bot.MoodOf(pipeline.Suspect):      {"🔎", "Suspect"},
	bot.MoodOf(pipeline.Regressed):    {"🔺", "Regressed"},
	bot.MoodOf(pipeline.Inconclusive): {"❔", "Inconclusive"},
	bot.MoodOf(pipeline.Invalid):      {"⚠️", "Invalid"},
	bot.MoodOf(pipeline.Failed):       {"❌", "Failed"},
}

// nameless heads a message that must have a heading and has none of its own.
const nameless = "Bellwether"

// Draw the message. A short answer without a title has no heading. Links are the URLs of the threads that its spans lead to, by run; id becomes the first block's block_id
// and may be empty.
func Draw(m bot.Message, links map[string]string, id string) []slack.Block {
	var blocks []slack.Block
	if heading := title(m); heading != "" || id != "" || len(m.Body) == 0 {
		heading = cmp.Or(heading, nameless) // Slack takes no empty header
		blocks = append(blocks, slack.NewHeaderBlock(plain(heading, maxHeader), slack.HeaderBlockOptionBlockID(id)))
	}
	blocks = append(blocks, sections(body(paragraphs(m), links))...)
	blocks = append(blocks, sections(facts(m.Facts, links))...)
	if m.Table != nil {
		blocks = append(blocks, sections(table(*m.Table)...)...)
	}
	if b := buttons(m.Actions); len(b) > 0 {
		blocks = append(blocks, slack.NewActionBlock("", b...))
	}
	if f := (pen{links: links}).line(m.Footer, footerShare); f != "" {
		blocks = append(blocks, slack.NewContextBlock("", markdown(f)))
	}
	return blocks
}

// Fallback is the message as Slack shows it in notifications and reads it out: escaped, and within the limit of a text.
func Fallback(m bot.Message) string {
	m.Title = title(m)
	return escaped(cmp.Or(clean(m.String(), true), nameless), maxText)
}

// title puts the mood's symbol and word before the title; a word that the title has already is not said again.
func title(m bot.Message) string {
	text := strings.TrimSpace(clean(m.Title, false))
	f, ok := faces[m.Mood]
	switch {
	case ok && strings.Contains(strings.ToLower(text), strings.ToLower(f.word)):
		return f.symbol + " " + text
	case ok && !blank(text):
		return f.symbol + " " + f.word + " · " + text
	case ok:
		return f.symbol + " " + f.word
	case blank(text):
		return ""
	}
	return text
}

// Caption is the text beside a picture that Slack shows itself: the message without its title, which is the picture's.
func Caption(m bot.Message, links map[string]string) string { return body(m.Body, links) }

// Line is text from outside as one line of at most so many UTF-16 units, for places that are not formatted.
func Line(text string, limit int) string {
	return shorten(strings.TrimSpace(clean(text, false)), limit)
}

// paragraphs are the message's own; a picture, which cannot be drawn as a block, is told in words.
func paragraphs(m bot.Message) []bot.Text {
	if m.Picture == nil {
		return m.Body
	}
	return append(slices.Clone(m.Body), bot.Plain(m.Picture.Alt))
}

func body(paragraphs []bot.Text, links map[string]string) string {
	p := pen{links: links, multiline: true}
	var lines []string
	left := bodyShare
	for i, text := range paragraphs {
		line := p.line(text, left)
		if line == "" {
			continue
		}
		lines = append(lines, line)
		left -= units(line) + 1
		if left < 2*reserve && i < len(paragraphs)-1 {
			lines = append(lines, "…")
			break
		}
	}
	return strings.Join(lines, "\n")
}

func facts(facts []bot.Fact, links map[string]string) string {
	p := pen{links: links}
	var lines []string
	left := factsShare
	for _, f := range facts {
		if left < 2*reserve {
			lines = append(lines, "…")
			break
		}
		line := p.line(append(bot.Text{bot.Bold(f.Name), {Text: "  "}}, f.Value...), left-reserve)
		if line == "" {
			continue
		}
		lines = append(lines, line)
		left -= units(line) + 1
	}
	return strings.Join(lines, "\n")
}

// buttons drops an action whose command or link Slack would refuse: half a command means something else.
func buttons(actions []bot.Action) []slack.BlockElement {
	var drawn []slack.BlockElement
	for i, a := range actions {
		label := clean(a.Label, false)
		if blank(label) || len(drawn) == buttonShare {
			continue
		}
		b := slack.NewButtonBlockElement(fmt.Sprintf("action-%d", i), "", plain(label, maxButton))
		switch {
		case linkable(a.URL):
			b.URL = a.URL
		case a.URL == "" && !blank(a.Command) && units(a.Command) <= maxValue:
			b.Value = a.Command
		default:
			continue
		}
		if a.Primary {
			b.Style = slack.StylePrimary
		}
		drawn = append(drawn, b)
	}
	return drawn
}

// linkable tells whether Slack makes a link of it.
func linkable(raw string) bool {
	u, err := url.Parse(raw)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && units(raw) <= maxURL
}

// sections draws each text that is not empty.
func sections(texts ...string) []slack.Block {
	var blocks []slack.Block
	for _, text := range texts {
		if !blank(text) {
			blocks = append(blocks, slack.NewSectionBlock(markdown(text), nil, nil))
		}
	}
	return blocks
}

// markdown is verbatim: Slack is not to make links and mentions of what looks like them.
func markdown(text string) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.MarkdownType, text, false, true)
}

func plain(text string, limit int) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.PlainTextType, shorten(text, limit), false, false)
}
