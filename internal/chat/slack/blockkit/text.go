package blockkit

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf16"

	"github.com/slack-go/slack/slackutilsx"

	"bellwether/bot"
)

const (
	ellipsis = "…"
	reserve  = 16       // units kept free for an ellipsis and the marks around a span
	barrier  = "\u200b" // a zero-width space: Slack takes a mark before a space for a character
)

var member = regexp.MustCompile(`^[UW][A-Z0-9]{2,30}$`)

// pen writes spans as Slack's mrkdwn.
type pen struct {
	links     map[string]string // URLs of threads, by run
	multiline bool              // a line break in a text is kept
}

// line is the text within the limit; what does not fit ends in an ellipsis.
func (p pen) line(t bot.Text, limit int) string {
	var b strings.Builder
	for _, s := range t {
		left := limit - units(b.String())
		span, whole := p.span(s, left)
		b.WriteString(span)
		if !whole {
			break
		}
	}
	if blank(b.String()) {
		return ""
	}
	return b.String()
}

// span draws one span. What Slack can do better than text (a mention, a time, a link) is drawn whole or, when it does not
// fit, as its text, shortened; whole tells whether everything fitted.
func (p pen) span(s bot.Span, limit int) (drawn string, whole bool) {
	text := clean(s.Text, p.multiline)
	if special := p.special(s, text); special != "" {
		if s.Bold {
			special = "*" + special + "*"
		}
		if units(special) <= limit {
			return special, true
		}
	}
	before, after, inner := marks(s, text)
	room := limit - units(before) - units(after)
	drawn = escaped(inner, room)
	if drawn == "" {
		return "", text == ""
	}
	return before + drawn + after, drawn == slackutilsx.EscapeMessage(inner)
}

// special is the span in Slack's own notation, "" where it is mere text.
func (p pen) special(s bot.Span, text string) string {
	label := slackutilsx.EscapeMessage(defused(text))
	url := s.URL
	if s.Thread != "" {
		url = p.links[s.Thread]
	}
	switch {
	case s.Person != nil:
		return mention(*s.Person)
	case s.Time != nil:
		return fmt.Sprintf("<!date^%d^{date_short} {time}|%s>", s.Time.Unix(), strings.NewReplacer("|", "/", "^", " ").Replace(label))
	case url != "" && linkable(url) && !blank(text):
		return "<" + strings.ReplaceAll(slackutilsx.EscapeMessage(url), "|", "%7C") + "|" + label + ">"
	}
	return ""
}

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
func marks(s bot.Span, text string) (before, after, inner string) {
	if blank(text) || !s.Bold && !s.Code {
		return "", "", defused(text)
	}
	trimmed := strings.TrimSpace(text)
	mark, inner := "*", defused(strings.ReplaceAll(trimmed, "*", "∗"))
	if s.Code {
		mark, inner = "`", strings.ReplaceAll(trimmed, "`", "'")
	}
	lead, trail, _ := strings.Cut(text, trimmed)
	if strings.Contains(inner, "\n") { // neither bold nor code reaches over lines
		return lead, trail, inner
	}
	return lead + mark, mark + trail, inner
}

// defused keeps text from formatting itself: a mark that would open bold, italics, a strike or code is followed by a
// barrier. One within a word (checkout_flow_v2) opens nothing and stays as it is, for whoever copies it.
func defused(text string) string {
	if !strings.ContainsAny(text, "*_~`>") {
		return text
	}
	var b strings.Builder
	previous := ' '
	for _, r := range text {
		inWord := unicode.IsLetter(previous) || unicode.IsDigit(previous)
		quote := r == '>' && (previous == '\n' || b.Len() == 0) // a quotation begins so
		if quote {
			b.WriteString(barrier)
		}
		b.WriteRune(r)
		if r == '`' || strings.ContainsRune("*_~", r) && !inWord {
			b.WriteString(barrier)
		}
		previous = r
	}
	return b.String()
}

// escaped is the text with Slack's three special characters escaped, within the limit.
func escaped(text string, limit int) string {
	whole := slackutilsx.EscapeMessage(text)
	if units(whole) <= limit {
		return whole
	}
	if limit < 2*units(ellipsis) {
		return ""
	}
	var b strings.Builder
	used := units(ellipsis)
	for _, r := range text {
		e := slackutilsx.EscapeMessage(string(r))
		if used += units(e); used > limit {
			break
		}
		b.WriteString(e)
	}
	return strings.TrimRight(b.String(), " ") + ellipsis
}

// shorten cuts at a rune.
func shorten(text string, limit int) string {
	if units(text) <= limit {
		return text
	}
	used := units(ellipsis)
	for i, r := range text {
		if used += utf16.RuneLen(r); used > limit {
			return text[:i] + ellipsis
		}
	}
	return text
}

// units is the length as Slack's limits count it, by the strictest reading: UTF-16 units.
func units(s string) int {
	n := 0
	for _, r := range s {
		n += utf16.RuneLen(r)
	}
	return n
}

// clean takes out what has no business in a message: control characters, overrides of the writing direction (text that
// merely runs from right to left keeps doing so), broken UTF-8. Line breaks become spaces unless they are wanted.
func clean(text string, multiline bool) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' && multiline:
			return r
		case unicode.IsSpace(r), r == '\u2028', r == '\u2029':
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r), r == '\ufeff':
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "\ufffd"))
}

// blank tells whether there is nothing to be seen; Slack refuses such a text.
func blank(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return unicode.IsGraphic(r) && !unicode.IsSpace(r) })
}
