package card

import (
	"slices"
	"strings"

	"bellwether/internal/chat/text"
)

// label checks what every input needs.
func (l *lint) label(e Element) {
	if e.ID == "" {
		l.say("an input without id")
	}
	if text.Blank(e.Label) || text.Units(e.Label) > labelLimit {
		l.say("label %q, must be 1 to %d units", e.Label, labelLimit)
	}
	if e.Required && e.Complaint == "" {
		l.say("required, without an errorMessage")
	}
}

func (l *lint) choices(e Element) {
	if len(e.Choices) == 0 {
		l.say("without choices")
	}
	values := map[string]bool{}
	for _, c := range e.Choices {
		switch {
		case text.Blank(c.Title) || c.Value == "":
			l.say("choice %+v is empty", c)
		case e.Several && strings.Contains(c.Value, separator):
			l.say("choice %q looks like several", c.Value)
		case values[c.Value]:
			l.say("choice %q is there twice", c.Value)
		}
		values[c.Value] = true
	}
	for _, chosen := range strings.Split(e.Value, separator) {
		if e.Value != "" && !values[chosen] && !values[e.Value] {
			l.say("%q is chosen, and not offered", chosen)
		}
	}
}

func (l *lint) action(a Action) {
	if text.Blank(a.Title) || text.Units(a.Title) > labelShare {
		l.say("title %q, must be 1 to %d units", a.Title, labelShare)
	}
	switch a.Type {
	case "Action.OpenUrl":
		if !linkable(a.URL) {
			l.say("leads nowhere: %.60q", a.URL)
		}
	case "Action.Execute":
		l.execute(a)
	default:
		l.say("a %s, which Bellwether does not draw", a.Type)
	}
}

func (l *lint) execute(a Action) {
	if a.Data == nil || a.Data.Verb != a.Verb || !slices.Contains([]string{VerbCommand, VerbSubmit, VerbCancel}, a.Verb) {
		l.say("verb %q and data %+v do not say what a press means", a.Verb, a.Data)
	}
	f := a.Fallback
	if f == nil || f.Type != "Action.Submit" || size(f.Data) != size(a.Data) || f.Title != a.Title {
		l.say("without an Action.Submit of the same meaning as fallback")
	}
}
