package commands

import (
	"slices"
	"time"

	"bellwether/internal/suggest"
)

// spec is a verb, its other names, and what help says of it.
type spec struct {
	verb    string
	aliases []string
	usage   string
	help    string
	words   []string      // that may stand behind the subject, each with its value
	bare    string        // the one of them that may be left out in front of its value, right behind the subject
	longest time.Duration // that its time may be; 0: longest
	reason  bool          // does not go without one
}

// specs are in the order of help: looking, testing, saying what a regression is, deciding.
var specs = []spec{
	{verb: "help", usage: "help", help: "this list"},
	{verb: "status", usage: "status [ENVIRONMENT]", help: "what runs, what waits"},
	{verb: "open", aliases: []string{"mine"}, usage: "open [TEAM]", help: "a team's open regressions, and its running and waiting tests"},
	{
		verb: "compare", usage: "compare RUN [RUN]", words: []string{"with"}, bare: "with",
		help: "what two runs measured, side by side; with the one before, when no other is named",
	},
	{
		verb: "history", usage: "history SCENARIO|SERVICE [30d] [on ENVIRONMENT]", words: []string{"for", "on"}, bare: "for", longest: kept,
		help: "a chart of what was measured, release by release",
	},
	{
		verb: "rerun", usage: "rerun [RUN | SERVICE] [only SCENARIO…]", words: []string{"only"},
		help: "repeat a run, or some of its scenarios; without a name this thread's, or your team's newest",
	},
	{verb: "full", usage: "full [ENVIRONMENT]", help: "run every scenario as things stand"},
	{verb: "cancel", usage: "cancel RUN", help: "stop a run, or take it out of the queue"},
	{
		verb: "ack", aliases: []string{"acknowledge"}, usage: "ack RUN [scope SCENARIO | METRIC | SCENARIO:METRIC] [for 3d | until 2026-12-01] [because …]",
		help: "say that you look after a regression; said again, it replaces what you said before", words: []string{"scope", "for", "until", "because"},
	},
	{
		verb: "accept", usage: "accept RUN [scope SCENARIO] [because …]", words: []string{"scope", "because"},
		help: "it is meant to be so: what it measured is the baseline from here on",
	},
	{
		verb: "triage", usage: "triage RUN as invalid|environment|expected|fixed [scope SCENARIO] [because …]", words: []string{"as", "scope", "because"},
		help: "say what a regression was, and end it",
	},
	{
		verb: "invalid", usage: "invalid RUN because …", words: []string{"because"}, reason: true,
		help: "a run is no good: it is in no baseline",
	},
	{
		verb: "reopen", usage: "reopen RUN [because …]", words: []string{"because"},
		help: "take back accept, triage and invalid",
	},
	{verb: "pin", usage: "pin RUN [scope SCENARIO]", words: []string{"scope"}, help: "judge its scenarios against this run, until unpin"},
	{verb: "unpin", usage: "unpin RUN | SCENARIO [on ENVIRONMENT]", words: []string{"on"}, help: "judge against what the catalog says again"},
	{verb: "approve", usage: "approve RUN [because …]", help: "let a stack's plan be applied", words: []string{"because"}},
	{verb: "reject", usage: "reject RUN [because …]", help: "do not let it", words: []string{"because"}},
	{
		verb: "hold", usage: "hold ENVIRONMENT [for 2h] because …", help: "let nothing else start there",
		words: []string{"for", "because"}, reason: true,
	},
	{verb: "release", usage: "release ENVIRONMENT", help: "end a hold, or say that an environment is well again"},
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

// usage of a verb that is known.
func usage(verb string) string {
	i := slices.IndexFunc(specs, func(s spec) bool { return s.verb == verb })
	return specs[i].usage
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
