package blockkit

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"bellwether/bot"
	"bellwether/internal/chat/text"
)

const (
	// ActionValue is the action_id of each of a modal's inputs; its block_id is the field's word.
	ActionValue = "value"

	written  = 500 // units that people may write into a field: a whole command must stay a command
	fewBoxes = 10  // so many options are shown at once, more in a menu
)

// Modal asks for the rest of a command. The metadata comes back with what was filled in; it may have 3,000 units.
func Modal(f bot.Form, metadata string) slack.ModalViewRequest {
	p := &pen{}
	blocks := sections(p.body(f.Body))
	for _, field := range f.Fields {
		blocks = append(blocks, input(field)...)
	}
	if len(blocks) == 0 {
		blocks = sections("There is nothing to fill in.") // Slack takes no empty view
	}
	return slack.ModalViewRequest{
		Type:            slack.VTModal,
		Title:           plain(text.LineOr(f.Title, maxTitle, nameless)),
		Submit:          plain(text.LineOr(f.Send, maxTitle, "Send")),
		Close:           plain("Cancel"),
		Blocks:          slack.Blocks{BlockSet: blocks},
		PrivateMetadata: metadata,
	}
}

// input draws the field; nothing where it offers a choice of which Slack would take none.
func input(f bot.Field) []slack.Block {
	element, left := choice(f)
	if element == nil {
		return nil
	}
	block := slack.NewInputBlock(f.Word, plain(text.LineOr(f.Label, maxLabel, f.Word)), hint(f, left), element)
	block.Optional = f.Optional
	return []slack.Block{block}
}

// hint is the field's own, and says how many options are left out.
func hint(f bot.Field, left int) *slack.TextBlockObject {
	line := text.Line(f.Hint, maxHint-5*reserve)
	if left > 0 {
		line = strings.TrimSpace(fmt.Sprintf("%s %d more can be typed, behind %q.", line, left, f.Word))
	}
	if text.Blank(line) {
		return nil
	}
	return plain(line)
}

// choice is the element in which the field is filled in, nil where it has options and none can be sent; left is how many of
// them are left out.
func choice(f bot.Field) (element slack.BlockElement, left int) {
	switch {
	case f.Date:
		return date(f.Preset), 0
	case len(f.Options) == 0:
		return writing(f), 0
	}
	offered := options(f.Options)
	left = len(f.Options) - len(offered)
	preset := slices.DeleteFunc(slices.Clone(offered), func(o *slack.OptionBlockObject) bool { return !slices.Contains(f.Preset, o.Value) })
	switch {
	case len(offered) == 0:
		return nil, left
	case !f.Several:
		menu := slack.NewOptionsSelectBlockElement(slack.OptTypeStatic, nil, ActionValue, offered...)
		if len(preset) > 0 {
			menu.InitialOption = preset[0]
		}
		return menu, left
	case len(offered) <= fewBoxes:
		boxes := slack.NewCheckboxGroupsBlockElement(ActionValue, offered...)
		boxes.InitialOptions = preset
		return boxes, left
	}
	menu := slack.NewOptionsMultiSelectBlockElement(slack.MultiOptTypeStatic, nil, ActionValue, offered...)
	menu.InitialOptions = preset
	return menu, left
}

func date(preset []string) slack.BlockElement {
	picker := slack.NewDatePickerBlockElement(ActionValue)
	if _, err := time.Parse(time.DateOnly, first(preset)); err == nil {
		picker.InitialDate = first(preset)
	}
	return picker
}

func writing(f bot.Field) slack.BlockElement {
	field := slack.NewPlainTextInputBlockElement(nil, ActionValue)
	field.Multiline = f.Word == "because" // a reason may take more than a line
	field.MaxLength = written
	field.InitialValue = text.Line(first(f.Preset), written)
	return field
}

func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

// options are those that Slack takes: half a value would mean something else, and a value can be there once.
func options(all []bot.Option) []*slack.OptionBlockObject {
	var drawn []*slack.OptionBlockObject
	known := map[string]bool{}
	for _, o := range all {
		if len(drawn) == maxOptions {
			break
		}
		if text.Blank(o.Value) || text.Units(o.Value) > maxOptionValue || known[o.Value] {
			continue
		}
		known[o.Value] = true
		label := text.LineOr(o.Label, maxOption, text.Line(o.Value, maxOption))
		drawn = append(drawn, slack.NewOptionBlockObject(o.Value, plain(label), nil))
	}
	return drawn
}
