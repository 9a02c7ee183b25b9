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
	Subject string        // RUN, SERVICE or ENVIRONMENT; empty when none was named
	For     time.Duration // 0 when no time was named
	Because string
}

// spec is a verb, its other names, and what help says of it.
type spec struct {
	verb    string
	aliases []string
	usage   string
	help    string
	because bool // takes a reason
	reason  bool // does not go without
	lasts   bool // takes a time
}

var specs = []spec{
	{verb: "help", usage: "help", help: "this list"},
	{verb: "status", usage: "status [ENVIRONMENT]", help: "what runs, what waits"},
	{verb: "rerun", usage: "rerun [RUN | SERVICE]", help: "repeat a run; without a name this thread's, or your team's newest"},
	{verb: "full", usage: "full [ENVIRONMENT]", help: "run every scenario as things stand"},
	{verb: "ack", aliases: []string{"acknowledge"}, usage: "ack RUN [because …]", help: "say that you look after a regression", because: true},
	{verb: "cancel", usage: "cancel RUN", help: "stop a run, or take it out of the queue"},
	{verb: "approve", usage: "approve RUN [because …]", help: "let a stack's plan be applied", because: true},
	{verb: "reject", usage: "reject RUN [because …]", help: "do not let it", because: true},
	{
		verb: "hold", usage: "hold ENVIRONMENT [for 2h] because …", help: "let nothing else start there",
		because: true, reason: true, lasts: true,
	},
	{verb: "release", usage: "release ENVIRONMENT", help: "end a hold, or say that an environment is well again"},
}

const (
	maxLine = 2000 // bytes, far more than anybody types
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
	if len(words) > 0 && !is(words[0], "because") && !(s.lasts && is(words[0], "for")) {
		c.Subject, words = words[0], words[1:]
	}
	if s.lasts && len(words) > 0 && is(words[0], "for") {
		if c.For, err = s.lasting(words[1:]); err != nil {
			return Command{}, err
		}
		words = words[2:]
	}
	switch {
	case len(words) == 0 && s.reason:
		return Command{}, mistake("Because of what? Usage: %s", s.usage)
	case len(words) == 0:
		return c, nil
	case !s.because || !is(words[0], "because"):
		return Command{}, mistake("I don't understand %q. Usage: %s", short(words[0]), s.usage)
	}
	if c.Because = strings.Join(words[1:], " "); c.Because == "" {
		return Command{}, mistake("Because of what? Usage: %s", s.usage)
	}
	return c, nil
}

func is(word, keyword string) bool { return strings.EqualFold(word, keyword) }

// longest is for how long something can be asked for.
const longest = 30 * 24 * time.Hour

// lasting is the time that the words behind "for" begin with: 90m, 2h, 1h30m, 3d.
func (s spec) lasting(words []string) (time.Duration, error) {
	if len(words) == 0 {
		return 0, mistake("For how long? Usage: %s", s.usage)
	}
	text := strings.ToLower(words[0])
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n < 1000 {
			text = fmt.Sprintf("%dh", 24*n)
		}
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < time.Minute || d > longest {
		return 0, mistake("I don't understand the time %q. Write 90m, 2h or 3d; at most 30d.", short(words[0]))
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
