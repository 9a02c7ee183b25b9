package commands

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"bellwether/internal/suggest"
)

// Command is one understood line.
type Command struct {
	Verb    string        // canonical: "ack" for "acknowledge"
	Subject string        // RUN, SERVICE, TEAM or ENVIRONMENT; empty when none was named
	For     time.Duration // 0 when no time was named
	Until   time.Time     // a day, its date alone; zero when none was named
	Scope   string        // a scenario
	Only    []string      // scenarios
	With    string        // another run
	Because string
}

// spec is a verb, its other names, and what help says of it.
type spec struct {
	verb    string
	aliases []string
	usage   string
	help    string
	words   []string // that may stand behind the subject, each with its value
	reason  bool     // does not go without one
}

var specs = []spec{
	{verb: "help", usage: "help", help: "this list"},
	{verb: "status", usage: "status [ENVIRONMENT]", help: "what runs, what waits"},
	{verb: "open", aliases: []string{"mine"}, usage: "open [TEAM]", help: "a team's open regressions, and its running and waiting tests"},
	{
		verb: "rerun", usage: "rerun [RUN | SERVICE] [only SCENARIO…]", words: []string{"only"},
		help: "repeat a run, or some of its scenarios; without a name this thread's, or your team's newest",
	},
	{verb: "full", usage: "full [ENVIRONMENT]", help: "run every scenario as things stand"},
	{
		verb: "ack", aliases: []string{"acknowledge"}, usage: "ack RUN [scope SCENARIO] [for 3d | until 2026-12-01] [because …]",
		help: "say that you look after a regression; said again, it replaces what you said before", words: []string{"scope", "for", "until", "because"},
	},
	{
		verb: "compare", usage: "compare RUN [with RUN]", words: []string{"with"},
		help: "what two runs measured, side by side; with the one before, when no other is named",
	},
	{verb: "cancel", usage: "cancel RUN", help: "stop a run, or take it out of the queue"},
	{verb: "approve", usage: "approve RUN [because …]", help: "let a stack's plan be applied", words: []string{"because"}},
	{verb: "reject", usage: "reject RUN [because …]", help: "do not let it", words: []string{"because"}},
	{
		verb: "hold", usage: "hold ENVIRONMENT [for 2h] because …", help: "let nothing else start there",
		words: []string{"for", "because"}, reason: true,
	},
	{verb: "release", usage: "release ENVIRONMENT", help: "end a hold, or say that an environment is well again"},
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

func lookUp(verb string) (spec, error) {
	var verbs []string
	for _, s := range specs {
		if s.verb == verb || slices.Contains(s.aliases, verb) {
			return s, nil
		}
		verbs = append(append(verbs, s.verb), s.aliases...)
	}
	if near := suggest.Nearest(verb, verbs); near != "" {
		return spec{}, mistake("I don't know %q. Did you mean %q?", short(verb), near)
	}
	return spec{}, mistake("I don't know %q. Try \"help\".", short(verb))
}

// short is a word as a reply repeats it.
func short(word string) string {
	if runes := []rune(word); len(runes) > maxEcho {
		return string(runes[:maxEcho]) + "…"
	}
	return word
}

// usage of a verb that is known.
func usage(verb string) string {
	i := slices.IndexFunc(specs, func(s spec) bool { return s.verb == verb })
	return specs[i].usage
}

func (s spec) arguments(words []string) (c Command, err error) {
	c.Verb = s.verb
	if s.reason && len(words) == 0 {
		return Command{}, mistake("Usage: %s", s.usage)
	}
	if len(words) > 0 && !s.takes(words[0]) {
		c.Subject, words = words[0], words[1:]
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
		c.For, err = span(value)
	case "until":
		c.Until, err = day(value)
	case "scope":
		c.Scope = value
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
	"only": "Which scenarios?", "with": "With which run?",
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

// longest is for how long something can be asked for.
const longest = 30 * 24 * time.Hour

// span is a time as people write it: 90m, 2h, 1h30m, 3d.
func span(text string) (time.Duration, error) {
	hours := strings.ToLower(text)
	if days, ok := strings.CutSuffix(hours, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n < 1000 {
			hours = fmt.Sprintf("%dh", 24*n)
		}
	}
	d, err := time.ParseDuration(hours)
	if err != nil || d < time.Minute || d > longest {
		return 0, mistake("I don't understand the time %q. Write 90m, 2h or 3d; at most 30d.", short(text))
	}
	return d, nil
}

func day(text string) (time.Time, error) {
	d, err := time.Parse(time.DateOnly, text)
	if err != nil || d.IsZero() { // which means that none was named
		return time.Time{}, mistake("I don't understand the day %q. Write it as 2026-12-01.", short(text))
	}
	return d, nil
}

// Usage is one line of help.
type Usage struct{ Usage, Help string }

// Usage lists what can be said.
func (d *Desk) Usage() []Usage {
	var all []Usage
	for _, s := range specs {
		all = append(all, Usage{s.usage, s.help})
	}
	return all
}
