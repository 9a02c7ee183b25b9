// Package blockkit draws a bot.Message with Slack's Block Kit. It does no I/O, and whatever the message holds, what it draws
// is within Slack's limits (Lint) and means nothing to Slack but what the message meant: text from outside can neither
// mention a channel nor format itself.
package blockkit

import (
	"fmt"
	"slices"
	"strings"

	"github.com/slack-go/slack"

	"bellwether/bot"
	"bellwether/internal/chat/text"
)

// What a message may take of Slack's limits, in UTF-16 units. One share for each part, so that their sum, too, stays below
// what Slack takes in all (allText) however much there is of each.
const (
	bodyShare   = maxSection
	factsShare  = 1_500
	tableShare  = 5_000
	footerShare = 300
	moreShare   = 2_000
	altShare    = 1_000
	buttonShare = 10 // buttons
)

// nameless heads a message that must have a heading and has none of its own.
const nameless = "Bellwether"

// Options is what the message itself does not know.
type Options struct {
	ID    string            // block_id of the first block; may be empty
	Links map[string]string // URLs of the threads that spans lead to, by run
	More  string            // URL of all that was too much for a message; empty where there is none
	// PictureURL is where Slack fetches the message's picture; empty: the picture is told in words.
	PictureURL string
}

// Draw the message. A short answer without a title has no heading.
func Draw(m bot.Message, o Options) []slack.Block {
	p := &pen{links: o.Links}
	var blocks []slack.Block
	if heading := p.shorten(text.Heading(m), maxHeader); heading != "" || o.ID != "" {
		blocks = append(blocks, header(heading, o.ID))
	}
	blocks = append(blocks, p.picture(m, o.PictureURL)...)
	blocks = append(blocks, sections(p.facts(m.Facts))...)
	if m.Table != nil {
		blocks = append(blocks, sections(p.table(*m.Table)...)...)
	}
	if b := p.buttons(m.Actions); len(b) > 0 {
		blocks = append(blocks, slack.NewActionBlock("", b...))
	}
	small := p.line(m.Footer, footerShare)
	if more := link(o.More, "Show all of it"); p.cut && linkable(o.More) && text.Units(more) <= moreShare {
		small = strings.TrimPrefix(small+" · "+more, " · ")
	}
	if blocks = append(blocks, context(small)...); len(blocks) == 0 { // Slack takes no empty message
		return []slack.Block{header("", "")}
	}
	return blocks
}

// Home is the message as the app's Home tab.
func Home(m bot.Message) slack.HomeTabViewRequest {
	return slack.HomeTabViewRequest{Type: slack.VTHomeTab, Blocks: slack.Blocks{BlockSet: Draw(m, Options{})}}
}

// Unfurl is the message below a link that somebody posted.
func Unfurl(m bot.Message) slack.Attachment {
	return slack.Attachment{Fallback: Fallback(m), Blocks: slack.Blocks{BlockSet: Draw(m, Options{})}}
}

// Fallback is the message as Slack shows it in notifications and reads it out: escaped, and within the limit of a text.
func Fallback(m bot.Message) string {
	m.Title = text.Heading(m)
	return text.Or(escaped(text.Clean(m.String(), true), maxText), nameless)
}

// Caption is the text beside a picture that Slack shows itself: the message without its title, which is the picture's.
func Caption(m bot.Message, links map[string]string) string { return (&pen{links: links}).body(m.Body) }

// Line is text from outside as one line of at most so many UTF-16 units, for places that are not formatted.
func Line(raw string, limit int) string { return text.Line(raw, limit) }

// picture is the body with the picture below it, which is told in words where Slack cannot fetch it.
func (p *pen) picture(m bot.Message, url string) []slack.Block {
	if m.Picture == nil {
		return sections(p.body(m.Body))
	}
	alt := text.Line(m.Picture.Alt, altShare)
	if !strings.HasPrefix(url, "https://") || !linkable(url) || text.Blank(alt) {
		return sections(p.body(append(slices.Clone(m.Body), bot.Plain(m.Picture.Alt))))
	}
	return append(sections(p.body(m.Body)), slack.NewImageBlock(url, alt, "", nil))
}

func (p *pen) body(paragraphs []bot.Text) string {
	p.multiline = true
	defer func() { p.multiline = false }()
	return p.lines(paragraphs, bodyShare)
}

func (p *pen) facts(facts []bot.Fact) string {
	var lines []bot.Text
	for _, f := range facts {
		lines = append(lines, append(bot.Text{bot.Bold(f.Name), {Text: "  "}}, f.Value...))
	}
	return p.lines(lines, factsShare)
}

// lines joins the texts within the share.
func (p *pen) lines(texts []bot.Text, share int) string {
	var lines []string
	for i, t := range texts {
		line := p.line(t, share-reserve)
		if line == "" {
			continue
		}
		if p.multiline && len(lines) > 0 && strings.HasPrefix(line, "*") { // what begins bold heads those below it
			line = "\n" + line
		}
		lines = append(lines, line)
		if share -= text.Units(line) + 1; share < 3*reserve && i < len(texts)-1 {
			p.cut = true
			lines = append(lines, text.Ellipsis)
			break
		}
	}
	return strings.Join(lines, "\n")
}

// buttons drops an action whose command or link Slack would refuse: half a command means something else.
func (p *pen) buttons(actions []bot.Action) []slack.BlockElement {
	var drawn []slack.BlockElement
	for i, a := range actions {
		b := button(a, i)
		if b == nil {
			continue
		}
		if len(drawn) == buttonShare {
			p.cut = true
			break
		}
		drawn = append(drawn, b)
	}
	return drawn
}

// button is nil where Slack would refuse it. The id's first word tells a press that asks for the rest of the command from
// one that says all of it.
func button(a bot.Action, i int) *slack.ButtonBlockElement {
	label := text.Line(a.Label, maxButton)
	if text.Blank(label) {
		return nil
	}
	id := "action"
	if a.Form {
		id = "form"
	}
	b := slack.NewButtonBlockElement(fmt.Sprintf("%s-%d", id, i), "", plain(label))
	switch {
	case linkable(a.URL):
		b.URL = a.URL
	case a.URL == "" && !text.Blank(a.Command) && text.Units(a.Command) <= maxValue:
		b.Value = a.Command
	default:
		return nil
	}
	if a.Primary {
		b.Style = slack.StylePrimary
	}
	return b
}

// header is never empty: Slack would refuse it.
func header(heading, id string) slack.Block {
	return slack.NewHeaderBlock(plain(text.Or(heading, nameless)), slack.HeaderBlockOptionBlockID(id))
}

// sections draws each text that is not empty.
func sections(texts ...string) []slack.Block {
	var blocks []slack.Block
	for _, t := range texts {
		if !text.Blank(t) {
			blocks = append(blocks, slack.NewSectionBlock(markdown(t), nil, nil))
		}
	}
	return blocks
}

// context is small print; nothing where there is none.
func context(small string) []slack.Block {
	if small == "" {
		return nil
	}
	return []slack.Block{slack.NewContextBlock("", markdown(small))}
}

// markdown is verbatim: Slack is not to make links and mentions of what looks like them.
func markdown(t string) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.MarkdownType, t, false, true)
}

func plain(t string) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.PlainTextType, t, false, false)
}
