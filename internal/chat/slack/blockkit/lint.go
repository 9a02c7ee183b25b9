package blockkit

import (
	"errors"
	"fmt"

	"github.com/slack-go/slack"
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
	maxID       = 255
	maxText     = 4_000
	allText     = 13_200
)

// Lint finds what Slack would refuse in a message of these blocks and this fallback text: all of it, joined.
func Lint(blocks []slack.Block, text string) error {
	l := &lint{ids: map[string]bool{}}
	l.within("text", text, maxText)
	l.count("blocks", len(blocks), maxBlocks)
	for i, b := range blocks {
		l.where = fmt.Sprintf("block %d (%s): ", i, b.BlockType())
		l.block(b)
	}
	l.where = ""
	if l.all > allText {
		l.say("%d units of text in all blocks, at most %d", l.all, allText)
	}
	return errors.Join(l.problems...)
}

// lint is what is known while one message is looked through.
type lint struct {
	where    string
	problems []error
	ids      map[string]bool
	all      int
}

func (l *lint) say(format string, args ...any) {
	l.problems = append(l.problems, errors.New(l.where+fmt.Sprintf(format, args...)))
}

func (l *lint) within(what, text string, limit int) {
	if blank(text) {
		l.say("%s is empty", what)
	}
	if n := units(text); n > limit {
		l.say("%s has %d units, at most %d", what, n, limit)
	}
}

func (l *lint) count(what string, n, limit int) {
	if n == 0 || n > limit {
		l.say("%d %s, at least 1, at most %d", n, what, limit)
	}
}

// id checks what must be unique in the message; kind keeps block ids and action ids apart.
func (l *lint) id(kind, id string) {
	if id == "" {
		return
	}
	if l.ids[kind+id] {
		l.say("%s %q is there twice", kind, id)
	}
	l.ids[kind+id] = true
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
	l.all += units(t.Text)
}

func (l *lint) block(b slack.Block) {
	l.id("block_id", b.ID())
	switch b := b.(type) {
	case *slack.HeaderBlock:
		l.text(b.Text, slack.PlainTextType, maxHeader)
	case *slack.SectionBlock:
		l.section(b)
	case *slack.ContextBlock:
		l.count("elements", len(b.ContextElements.Elements), maxContext)
		for _, e := range b.ContextElements.Elements {
			if t, ok := e.(*slack.TextBlockObject); ok {
				l.text(t, "", maxSection)
			}
		}
	case *slack.ActionBlock:
		l.count("elements", len(b.Elements.ElementSet), maxElements)
		for _, e := range b.Elements.ElementSet {
			l.button(e)
		}
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

func (l *lint) button(e slack.BlockElement) {
	b, ok := e.(*slack.ButtonBlockElement)
	if !ok {
		l.say("an element that is no button")
		return
	}
	if b.ActionID == "" {
		l.say("a button without action_id")
	}
	l.id("action_id", b.ActionID)
	l.text(b.Text, slack.PlainTextType, maxButton)
	if b.Value != "" {
		l.within("value", b.Value, maxValue)
	}
	if b.URL != "" {
		l.within("url", b.URL, maxURL)
	}
}
