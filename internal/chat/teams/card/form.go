package card

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"bellwether/bot"
	"bellwether/internal/chat/text"
)

const (
	written    = 500 // characters that people may write into a field: a whole command must stay a command
	fewBoxes   = 10  // so many options are shown at once, more in a menu
	labelLimit = 100 // units
	hintShare  = 600 // bytes of JSON
	separator  = "," // of the values of a choice of several
)

// DrawForm draws the form: its inputs have the ids of its fields' words.
func DrawForm(f bot.Form, o Options) Card {
	p := &pen{links: o.Links, left: maxCard - frame - moreShare}
	body := p.heading(bot.Message{Title: text.LineOr(f.Title, titleShare, nameless)})
	body = append(body, p.paragraphs(f.Body)...)
	data := Data{Verb: VerbSubmit, Command: f.Command, Intent: o.Intent}
	for _, field := range f.Fields {
		if field.Several {
			data.Several = append(data.Several, field.Word)
		}
		body = append(body, p.input(field)...)
	}
	p.left += moreShare
	return p.card(append(body, p.small(nil, o.More)...), answers(f, data))
}

// answers are the buttons below a form. What is filled in does not have to be right to be put away.
func answers(f bot.Form, data Data) []Action {
	send := execute(text.LineOr(f.Send, labelShare, "Send"), "positive", data)
	data.Verb, data.Several = VerbCancel, nil
	cancel := execute("Cancel", "", data)
	cancel.Inputs, cancel.Fallback.Inputs = "None", "None"
	return []Action{send, cancel}
}

// Filled reads what a form sends: the values that were filled in, by the fields' words.
func Filled(data map[string]any) map[string][]string {
	filled := map[string][]string{}
	several, _ := data["several"].([]any)
	for word, v := range data {
		value, ok := v.(string)
		if !ok || value == "" || slices.Contains(reserved, word) {
			continue
		}
		if slices.Contains(several, any(word)) {
			filled[word] = strings.Split(value, separator)
			continue
		}
		filled[word] = []string{value}
	}
	return filled
}

// reserved are the keys of Data, which no input's id may be.
var reserved = []string{"verb", "command", "intent", "form", "several"}

// input draws the field and its hint; nothing where it offers a choice of which none can be sent.
func (p *pen) input(f bot.Field) []Element {
	label := text.LineOr(f.Label, labelLimit, f.Word)
	e := Element{ID: f.Word, Label: label, Required: !f.Optional}
	if e.Required {
		e.Complaint = label + " is needed."
	}
	hint := f.Hint
	switch {
	case f.Date:
		e.Type, e.Value = "Input.Date", day(f.Preset)
	case len(f.Options) > 0:
		left := p.choose(&e, f)
		if len(e.Choices) == 0 {
			return nil
		}
		if left > 0 {
			hint = fmt.Sprintf("%s %d more can be typed, behind %q.", hint, left, f.Word)
		}
	default:
		e.Type, e.MaxLength, e.Multiline = "Input.Text", written, f.Word == "because"
		e.Value = text.Line(strings.Join(f.Preset, " "), written)
	}
	if !p.fits(e) {
		return nil
	}
	return append([]Element{e}, p.hint(hint)...)
}

func (p *pen) hint(hint string) []Element {
	e := Element{Type: "TextBlock", Text: p.line(bot.Plain(hint), hintShare), Wrap: true, Size: "Small", Subtle: true, Spacing: "None"}
	if e.Text == "" || !p.fits(e) {
		return nil
	}
	return []Element{e}
}

// choose makes the element a choice of the field's options; left is how many of them found no room.
func (p *pen) choose(e *Element, f bot.Field) (left int) {
	e.Type, e.Several, e.Style = "Input.ChoiceSet", f.Several, "compact"
	var chosen []string
	room := p.left / 2
	for i, o := range f.Options {
		if !sendable(o.Value, f.Several) || slices.ContainsFunc(e.Choices, func(c Choice) bool { return c.Value == o.Value }) {
			continue
		}
		c := Choice{Title: text.LineOr(o.Label, labelLimit, text.Line(o.Value, labelLimit)), Value: o.Value}
		if room -= size(c) + size(c.Value); room < 0 {
			left = len(f.Options) - i
			break
		}
		e.Choices = append(e.Choices, c)
		if slices.Contains(f.Preset, o.Value) && (f.Several || chosen == nil) {
			chosen = append(chosen, o.Value)
		}
	}
	if f.Several && len(e.Choices) <= fewBoxes {
		e.Style = "expanded"
	}
	e.Value = strings.Join(chosen, separator)
	return left
}

func sendable(value string, several bool) bool {
	return !text.Blank(value) && size(value) <= commandShare && !(several && strings.Contains(value, separator))
}

func day(preset []string) string {
	if len(preset) == 1 {
		if _, err := time.Parse(time.DateOnly, preset[0]); err == nil {
			return preset[0]
		}
	}
	return ""
}
