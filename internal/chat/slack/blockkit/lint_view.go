package blockkit

import (
	"errors"
	"time"

	"github.com/slack-go/slack"
)

// Slack's limits of views and of what is filled in there (docs.slack.dev/reference/views, …/block-kit/block-elements).
const (
	maxViewBlocks  = 100
	maxTitle       = 24 // also of the buttons below
	maxMetadata    = 3_000
	maxLabel       = 2_000
	maxHint        = 2_000
	maxPlaceholder = 150
	maxOptions     = 100
	maxBoxes       = 10
	maxOption      = 75
	maxOptionValue = 150
	maxWritten     = 3_000
)

// LintModal finds what Slack would refuse in the modal: all of it, joined.
func LintModal(v slack.ModalViewRequest) error {
	l := &lint{ids: map[string]bool{}}
	l.is("view", string(v.Type), string(slack.VTModal))
	l.where = "title: "
	l.text(v.Title, slack.PlainTextType, maxTitle)
	l.where = "submit: "
	l.text(v.Submit, slack.PlainTextType, maxTitle)
	l.where = "close: "
	l.text(v.Close, slack.PlainTextType, maxTitle)
	l.where = ""
	if v.PrivateMetadata != "" {
		l.within("private_metadata", v.PrivateMetadata, maxMetadata)
	}
	l.id("callback_id", v.CallbackID, "")
	l.blocks(v.Blocks.BlockSet, maxViewBlocks)
	return errors.Join(l.problems...)
}

// LintHome finds what Slack would refuse in the Home tab: all of it, joined.
func LintHome(v slack.HomeTabViewRequest) error {
	l := &lint{ids: map[string]bool{}}
	l.is("view", string(v.Type), string(slack.VTHomeTab))
	l.blocks(v.Blocks.BlockSet, maxViewBlocks)
	for _, b := range v.Blocks.BlockSet {
		if b.BlockType() == slack.MBTInput {
			l.say("an input, which nothing would submit")
		}
	}
	return errors.Join(l.problems...)
}

func (l *lint) is(what, got, want string) {
	if got != want {
		l.say("%s is of type %q, must be %q", what, got, want)
	}
}

func (l *lint) input(b *slack.InputBlock) {
	l.within("block_id", b.BlockID, maxID)
	l.text(b.Label, slack.PlainTextType, maxLabel)
	if b.Hint != nil {
		l.text(b.Hint, slack.PlainTextType, maxHint)
	}
	switch e := b.Element.(type) {
	case *slack.PlainTextInputBlockElement:
		l.actionID(e.ActionID, b.BlockID)
		l.writing(e)
	case *slack.DatePickerBlockElement:
		l.actionID(e.ActionID, b.BlockID)
		if _, err := time.Parse(time.DateOnly, e.InitialDate); err != nil && e.InitialDate != "" {
			l.say("initial_date %q is no day", e.InitialDate)
		}
	case *slack.SelectBlockElement:
		l.actionID(e.ActionID, b.BlockID)
		l.is("select", e.Type, slack.OptTypeStatic)
		l.options(e.Options, maxOptions, e.InitialOption)
	case *slack.MultiSelectBlockElement:
		l.actionID(e.ActionID, b.BlockID)
		l.is("select", e.Type, slack.MultiOptTypeStatic)
		l.options(e.Options, maxOptions, e.InitialOptions...)
	case *slack.CheckboxGroupsBlockElement:
		l.actionID(e.ActionID, b.BlockID)
		l.options(e.Options, maxBoxes, e.InitialOptions...)
	default:
		l.say("an input that Bellwether does not draw, so that its limits are unknown here")
	}
}

func (l *lint) actionID(id, block string) {
	if id == "" {
		l.say("an input without action_id")
	}
	l.id("action_id", id, block)
}

func (l *lint) writing(e *slack.PlainTextInputBlockElement) {
	if e.MaxLength < 1 || e.MaxLength > maxWritten {
		l.say("max_length is %d, at least 1, at most %d", e.MaxLength, maxWritten)
	}
	if e.InitialValue != "" {
		l.within("initial_value", e.InitialValue, e.MaxLength)
	}
	if e.Placeholder != nil {
		l.text(e.Placeholder, slack.PlainTextType, maxPlaceholder)
	}
}

// options checks what there is to choose from; what is chosen to begin with must be among it.
func (l *lint) options(all []*slack.OptionBlockObject, limit int, chosen ...*slack.OptionBlockObject) {
	l.count("options", len(all), limit)
	values := map[string]bool{}
	for _, o := range all {
		l.text(o.Text, slack.PlainTextType, maxOption)
		l.within("option value", o.Value, maxOptionValue)
		if values[o.Value] {
			l.say("option %q is there twice", o.Value)
		}
		values[o.Value] = true
	}
	for _, o := range chosen {
		if o != nil && !values[o.Value] {
			l.say("option %q is chosen, and not offered", o.Value)
		}
	}
}
