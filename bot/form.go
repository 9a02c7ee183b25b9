package bot

import (
	"maps"
	"slices"
	"strings"
)

// Form asks for the rest of a command. What is filled in is put behind the command as words of it, so that nothing can be
// said by a form that cannot be typed as well. Adapters draw it as their platform's dialogue.
type Form struct {
	Title   string  `json:"title"`   // two or three words
	Command string  `json:"command"` // what is said already: "ack R42"
	Send    string  `json:"send"`    // on the button: "Acknowledge"
	Body    []Text  `json:"body,omitempty"`
	Fields  []Field `json:"fields"`
}

// Field is one thing to fill in. With options it is chosen from them, else it is written.
type Field struct {
	Word     string   `json:"word"` // of the command line, before the value: "because"
	Label    string   `json:"label"`
	Hint     string   `json:"hint,omitempty"`
	Options  []Option `json:"options,omitempty"`
	Several  bool     `json:"several,omitempty"` // of the options
	Date     bool     `json:"date,omitempty"`    // a day, 2026-12-01
	Optional bool     `json:"optional,omitempty"`
	Preset   []string `json:"preset,omitempty"` // values
}

// Option is what can be chosen: a value without spaces, and what people read.
type Option struct {
	Label string `json:"label"`
	Value string `json:"value"`
}

// reason is the word behind which everything is text: it comes last.
const reason = "because"

// Line is the command with what was filled in, by the fields' words. An empty value says nothing.
func Line(command string, filled map[string][]string) string {
	parts := []string{command}
	words := slices.DeleteFunc(slices.Sorted(maps.Keys(filled)), func(w string) bool { return w == reason })
	for _, word := range append(words, reason) {
		if value := strings.TrimSpace(strings.Join(filled[word], " ")); value != "" {
			parts = append(parts, word, value)
		}
	}
	return strings.Join(parts, " ")
}
