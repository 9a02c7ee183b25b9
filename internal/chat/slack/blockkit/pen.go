package blockkit

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"

	"github.com/slack-go/slack/slackutilsx"

	"bellwether/bot"
	"bellwether/internal/chat/text"
)

const (
	reserve = 16       // units kept free for an ellipsis and the marks around a span
	barrier = "\u200b" // a zero-width space: Slack takes a mark before a space for a character
)

var member = regexp.MustCompile(`^[UW][A-Z0-9]{2,30}$`)

// pen writes spans as Slack's mrkdwn.
type pen struct {
	links     map[string]string // URLs of threads, by run
	multiline bool              // a line break in a text is kept
	cut       bool              // something did not fit
}

// line is the text within the limit; what does not fit ends in an ellipsis.
func (p *pen) line(t bot.Text, limit int) string {
	var b strings.Builder
	for _, s := range t {
		span, whole := p.span(s, limit-text.Units(b.String()))
		b.WriteString(span)
		if !whole {
			p.cut = true
			break
		}
	}
	if text.Blank(b.String()) {
		return ""
	}
	return b.String()
}

// span draws one span. What Slack can do better than text (a mention, a time, a link) is drawn whole or, when it does not
// fit, as its text, shortened; whole tells whether everything fitted.
func (p *pen) span(s bot.Span, limit int) (drawn string, whole bool) {
	words := text.Clean(s.Text, p.multiline)
	if special := p.special(s, words); special != "" {
		if s.Bold {
			special = "*" + special + "*"
		}
		if text.Units(special) <= limit {
			return special, true
		}
	}
	before, after, inner := marks(s, words)
	drawn = escaped(inner, limit-text.Units(before)-text.Units(after))
	if drawn == "" {
		return "", words == ""
	}
	return before + drawn + after, drawn == slackutilsx.EscapeMessage(inner)
}

// special is the span in Slack's own notation, "" where it is mere text.
func (p *pen) special(s bot.Span, words string) string {
	label := slackutilsx.EscapeMessage(defused(words))
	url := s.URL
	if s.Thread != "" {
		url = p.links[s.Thread]
	}
	switch {
	case s.Person != nil:
		return mention(*s.Person)
	case s.Time != nil:
		return fmt.Sprintf("<!date^%d^{date_short} {time}|%s>", s.Time.Unix(), strings.NewReplacer("|", "/", "^", " ").Replace(label))
	case linkable(url) && !text.Blank(words):
		return link(url, label)
	}
	return ""
}

// link leads to the URL; the label is escaped.
func link(url, label string) string {
	return "<" + strings.ReplaceAll(slackutilsx.EscapeMessage(url), "|", "%7C") + "|" + label + ">"
}

// linkable tells whether Slack makes a link of it.
func linkable(url string) bool { return text.Linkable(url) && text.Units(url) <= maxURL }

// mention calls the person, whose identity is written "T0TEAM/U0USER"; "" when there is none.
func mention(m bot.Mention) string {
	_, id, _ := strings.Cut(m.Slack, "/")
	if !member.MatchString(id) {
		return ""
	}
	return "<@" + id + ">"
}

// marks finds what stands around and inside a text span. Slack reads "*bold *" as asterisks: spaces go outside. A mark
// inside would end the span, and gives way to its likeness.
func marks(s bot.Span, words string) (before, after, inner string) {
	if text.Blank(words) || !s.Bold && !s.Code {
		return "", "", defused(words)
	}
	trimmed := strings.TrimSpace(words)
	mark, inner := "*", defused(strings.ReplaceAll(trimmed, "*", "∗"))
	if s.Code {
		mark, inner = "`", strings.ReplaceAll(trimmed, "`", "'")
	}
	lead, trail, _ := strings.Cut(words, trimmed)
	if strings.Contains(inner, "\n") { // neither bold nor code reaches over lines
		return lead, trail, inner
	}
	return lead + mark, mark + trail, inner
}

// emoji is what follows the colon of one: ":100:".
var emoji = regexp.MustCompile(`^[a-z0-9_'+-]+:`)

// defused keeps text from formatting itself: a mark that would open bold, italics, a strike, code or an emoji is followed by a
// barrier. One within a word (checkout_flow_v2, arn:aws:ecs) opens nothing and stays as it is, for whoever copies it.
func defused(words string) string {
	if !strings.ContainsAny(words, "*_~`>:") {
		return words
	}
	var b strings.Builder
	previous := ' '
	for i, r := range words {
		inWord := unicode.IsLetter(previous) || unicode.IsDigit(previous)
		quote := r == '>' && (previous == '\n' || b.Len() == 0) // a quotation begins so
		if quote {
			b.WriteString(barrier)
		}
		b.WriteRune(r)
		opens := strings.ContainsRune("*_~", r) || r == ':' && emoji.MatchString(words[i+1:])
		if r == '`' || opens && !inWord {
			b.WriteString(barrier)
		}
		previous = r
	}
	return b.String()
}

// escaped is the text with Slack's three special characters escaped, within the limit.
func escaped(raw string, limit int) string {
	return slackutilsx.EscapeMessage(text.Cut(raw, limit, func(r rune) int {
		return text.Units(slackutilsx.EscapeMessage(string(r)))
	}))
}
