package commands

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"bellwether/pipeline"
)

// Command is one understood line.
type Command struct {
	Verb    string          // canonical: "ack" for "acknowledge"
	Subject string          // RUN, SERVICE, SCENARIO, TEAM or ENVIRONMENT; empty when none was named
	For     time.Duration   // 0 when no time was named
	Until   time.Time       // a day, its date alone; zero when none was named
	Scope   string          // a scenario; of an acknowledgement also a metric, or both: "cart:p95"
	As      pipeline.Ending // a word of triage
	On      string          // an environment
	Only    []string        // scenarios
	With    string          // another run
	Because string
}

const (
	maxLine = 8000 // bytes; a form may name a hundred scenarios
	maxEcho = 40   // runes of a word that a reply repeats
)

// Mistake is a line that was not understood; it says what to write instead.
type Mistake struct{ Text string }

func (m *Mistake) Error() string { return m.Text }

func mistake(format string, args ...any) error { return &Mistake{fmt.Sprintf(format, args...)} }

// Parse understands a line such as "ack R42 because the cache was cold". An empty line asks for help. Errors are *Mistake.
func Parse(line string) (Command, error) {
	if len(line) > maxLine {
		return Command{}, mistake("That is too long for a command (%d bytes, at most %d).", len(line), maxLine)
	}
	words := strings.FieldsFunc(line, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) })
	if len(words) > 0 && strings.EqualFold(words[0], "/loadtest") {
		words = words[1:]
	}
	if len(words) == 0 {
		return Command{Verb: "help"}, nil
	}
	s, err := lookUp(strings.ToLower(words[0]))
	if err != nil {
		return Command{}, err
	}
	return s.arguments(words[1:])
}

// short is a word as a reply repeats it.
func short(word string) string {
	if runes := []rune(word); len(runes) > maxEcho {
		return string(runes[:maxEcho]) + "…"
	}
	return word
}

func (s spec) arguments(words []string) (c Command, err error) {
	c.Verb = s.verb
	if s.reason && len(words) == 0 {
		return Command{}, mistake("Usage: %s", s.usage)
	}
	if len(words) > 0 && !s.takes(words[0]) {
		c.Subject, words = words[0], words[1:]
		if s.bare != "" && len(words) > 0 && !s.takes(words[0]) {
			words = append([]string{s.bare}, words...)
		}
	}
	for len(words) > 0 {
		word := strings.ToLower(words[0])
		if !s.takes(word) {
			return Command{}, mistake("I don't understand %q. Usage: %s", short(words[0]), s.usage)
		}
		if words, err = s.value(&c, word, words[1:]); err != nil {
			return Command{}, err
		}
	}
	if s.reason && c.Because == "" {
		return Command{}, mistake("Because of what? Usage: %s", s.usage)
	}
	return c, nil
}

func (s spec) takes(word string) bool { return slices.Contains(s.words, strings.ToLower(word)) }

// value reads what stands behind a word that the verb takes, and returns the words after it.
func (s spec) value(c *Command, word string, words []string) (rest []string, err error) {
	if len(words) == 0 {
		return nil, mistake("%s Usage: %s", asking[word], s.usage)
	}
	value, rest := words[0], words[1:]
	switch word {
	case "because":
		c.Because, rest = strings.Join(words, " "), nil
	case "for":
		c.For, err = s.span(value)
	case "until":
		c.Until, err = day(value)
	case "scope":
		c.Scope = value
	case "as":
		c.As, err = ending(value)
	case "on":
		c.On = value
	case "with":
		c.With = value
	case "only":
		c.Only, rest = s.names(words)
	}
	return rest, err
}

// asking is what to ask when nothing stands behind a word.
var asking = map[string]string{
	"because": "Because of what?", "for": "For how long?", "until": "Until which day?", "scope": "For which scenario?",
	"only": "Which scenarios?", "with": "With which run?", "as": "As what?", "on": "On which environment?",
}

// names are the words up to the next one that the verb takes; commas may stand between them.
func (s spec) names(words []string) (names, rest []string) {
	for i, w := range words {
		if s.takes(w) {
			return names, words[i:]
		}
		names = append(names, strings.FieldsFunc(w, func(r rune) bool { return r == ',' })...)
	}
	return names, nil
}

const (
	longest = 30 * 24 * time.Hour // for which something can be asked for
	kept    = 90 * 24 * time.Hour // what is measured, after the end of its run
)

// span is a time as people write it: 90m, 2h, 1h30m, 3d.
func (s spec) span(text string) (time.Duration, error) {
	hours := strings.ToLower(text)
	if days, ok := strings.CutSuffix(hours, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n < 1000 {
			hours = fmt.Sprintf("%dh", 24*n)
		}
	}
	d, err := time.ParseDuration(hours)
	if most := cmp.Or(s.longest, longest); err != nil || d < time.Minute || d > most {
		return 0, mistake("I don't understand the time %q. Write 90m, 2h or 3d; at most %dd.", short(text), int(most.Hours()/24))
	}
	return d, nil
}

// ending is a word of triage.
func ending(text string) (pipeline.Ending, error) {
	var words []string
	for _, as := range pipeline.Triage() {
		words = append(words, string(as))
	}
	as, err := known("word of triage", text, words)
	return pipeline.Ending(as), err
}

func day(text string) (time.Time, error) {
	d, err := time.Parse(time.DateOnly, text)
	if err != nil || d.IsZero() { // which means that none was named
		return time.Time{}, mistake("I don't understand the day %q. Write it as 2026-12-01.", short(text))
	}
	return d, nil
}
