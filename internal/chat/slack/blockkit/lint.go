package blockkit

import (
	"errors"
	"fmt"

	"github.com/slack-go/slack"

	"bellwether/internal/chat/text"
)

// Slack's limits (docs.slack.dev/reference/block-kit/blocks); no emulator checks them. allText is not documented: a message
// with more text in its blocks was measured to be refused as msg_blocks_too_long.
const (
	maxBlocks   = 50
	maxHeader   = 150
	maxSection  = 3_000
	maxFields   = 10
	maxField    = 2_000
	maxContext  = 10
	maxElements = 25
	maxButton   = 75
	maxValue    = 2_000
	maxURL      = 3_000
	maxAlt      = 2_000
	maxID       = 255
	maxText     = 4_000
	allText     = 13_200
)

// Lint finds what Slack would refuse in a message of these blocks and this fallback text: all of it, joined.
func Lint(blocks []slack.Block, fallback string) error {
	l := &lint{ids: map[string]bool{}}
	l.within("text", fallback, maxText)
	l.blocks(blocks, maxBlocks)
	if l.all > allText {
		l.say("%d units of text in all blocks, at most %d", l.all, allText)
	}
	return errors.Join(l.problems...)
}

// lint is what is known while one message or view is looked through.
type lint struct {
	where    string
	problems []error
	ids      map[string]bool
	all      int
}

func (l *lint) say(format string, args ...any) {
	l.problems = append(l.problems, errors.New(l.where+fmt.Sprintf(format, args...)))
}

func (l *lint) within(what, t string, limit int) {
	if text.Blank(t) {
		l.say("%s is empty", what)
	}
	if n := text.Units(t); n > limit {
		l.say("%s has %d units, at most %d", what, n, limit)
	}
}

func (l *lint) count(what string, n, limit int) {
	if n == 0 || n > limit {
		l.say("%d %s, at least 1, at most %d", n, what, limit)
	}
}

// id checks what must be unique within the scope: the message for a block's, its block for an element's.
func (l *lint) id(kind, id, scope string) {
	if id == "" {
		return
	}
	key := kind + "\n" + scope + "\n" + id
	if l.ids[key] {
		l.say("%s %q is there twice", kind, id)
	}
	l.ids[key] = true
	l.within(kind, id, maxID)
}

func (l *lint) text(t *slack.TextBlockObject, kind string, limit int) {
	switch {
	case t == nil:
		l.say("no text")
		return
	case kind != "" && t.Type != kind:
		l.say("text is %s, must be %s", t.Type, kind)
	}
	l.within("text", t.Text, limit)
	l.all += text.Units(t.Text)
}

func (l *lint) blocks(blocks []slack.Block, limit int) {
	l.count("blocks", len(blocks), limit)
	for i, b := range blocks {
		l.where = fmt.Sprintf("block %d (%s): ", i, b.BlockType())
		l.block(b)
	}
	l.where = ""
}

func (l *lint) block(b slack.Block) {
	l.id("block_id", b.ID(), "")
	switch b := b.(type) {
	case *slack.HeaderBlock:
		l.text(b.Text, slack.PlainTextType, maxHeader)
	case *slack.SectionBlock:
		l.section(b)
	case *slack.ContextBlock:
		l.context(b)
	case *slack.ActionBlock:
		l.count("elements", len(b.Elements.ElementSet), maxElements)
		for _, e := range b.Elements.ElementSet {
			l.button(e)
		}
	case *slack.InputBlock:
		l.input(b)
	case *slack.ImageBlock:
		l.image(b)
	default:
		l.say("a kind that Bellwether does not draw, so that its limits are unknown here")
	}
}

func (l *lint) section(b *slack.SectionBlock) {
	if b.Text != nil || len(b.Fields) == 0 {
		l.text(b.Text, "", maxSection)
	}
	if len(b.Fields) > 0 {
		l.count("fields", len(b.Fields), maxFields)
	}
	for _, f := range b.Fields {
		l.text(f, "", maxField)
	}
}

func (l *lint) image(b *slack.ImageBlock) {
	l.within("image_url", b.ImageURL, maxURL)
	l.within("alt_text", b.AltText, maxAlt)
	if b.Title != nil {
		l.text(b.Title, slack.PlainTextType, maxAlt)
	}
}

func (l *lint) context(b *slack.ContextBlock) {
	l.count("elements", len(b.ContextElements.Elements), maxContext)
	for _, e := range b.ContextElements.Elements {
		if t, ok := e.(*slack.TextBlockObject); ok {
			l.text(t, "", maxSection)
			continue
		}
		l.say("an element that is no text")
	}
}

func (l *lint) button(e slack.BlockElement) {
	b, ok := e.(*slack.ButtonBlockElement)
	if !ok {
		l.say("an element that is no button")
		return
	}
	if b.ActionID == "" {
		l.say("a button without action_id")
	}
	l.id("action_id", b.ActionID, "")
	l.text(b.Text, slack.PlainTextType, maxButton)
	if b.Value != "" {
		l.within("value", b.Value, maxValue)
	}
	if b.URL != "" {
		l.within("url", b.URL, maxURL)
	}
}
