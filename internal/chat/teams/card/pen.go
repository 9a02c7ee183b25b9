package card

import (
	"encoding/json"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"bellwether/bot"
	"bellwether/internal/chat/text"
)

const (
	maxName  = 60    // units of a person's name
	maxLink  = 2_000 // bytes of a URL, as JSON
	overhead = 16    // bytes kept free for an ellipsis and the marks around a span

	// barrier is a zero-width space. Teams' phones show a backslash before a mark instead of heeding it, so that marks are
	// not escaped but parted, or give way to their likeness.
	barrier = "\u200b"
)

// pen writes spans as the Markdown that Teams knows: bold, links and lists, no code. Its limits are bytes of JSON.
type pen struct {
	links     map[string]string // URLs of threads, by run
	left      int               // that the card may still take
	people    []Entity          // that were mentioned
	multiline bool              // a line break in a text is kept
	cut       bool              // something did not fit
}

// fits tells whether there is room for it, and takes the room.
func (p *pen) fits(v any) bool {
	n := size(v) + len(",")
	if n > p.left {
		p.cut = true
		return false
	}
	p.left -= n
	return true
}

// line is the text within the limit; what does not fit ends in an ellipsis.
func (p *pen) line(t bot.Text, limit int) string {
	limit = min(limit, p.left-overhead)
	var b strings.Builder
	for _, s := range t {
		span, whole := p.span(s, limit)
		b.WriteString(span)
		limit -= size(span)
		if !whole {
			p.cut = true
			break
		}
	}
	if text.Blank(b.String()) {
		return ""
	}
	return begun(b.String())
}

// span draws one span. What Teams can do better than text (a mention, a time, a link) is drawn whole or, when it does not
// fit, as its text, shortened; whole tells whether everything fitted.
func (p *pen) span(s bot.Span, limit int) (drawn string, whole bool) {
	words := text.Clean(s.Text, p.multiline)
	special := p.special(s, words, limit)
	if special != "" && s.Bold {
		return "**" + special + "**", true
	}
	if special != "" {
		return special, true
	}
	short := text.Cut(words, limit-overhead, cost)
	if (s.Bold || s.Code) && !strings.Contains(short, "\n") {
		return bold(short), short == words
	}
	return defused(short), short == words
}

// special is the span in Teams' own notation, "" where it is mere text or does not fit.
func (p *pen) special(s bot.Span, words string, limit int) string {
	url := s.URL
	if s.Thread != "" {
		url = p.links[s.Thread]
	}
	var drawn string
	switch {
	case s.Person != nil:
		return p.mention(*s.Person, limit-overhead)
	case s.Time != nil:
		drawn = moment(*s.Time)
	case linkable(url) && !text.Blank(words):
		drawn = link(url, words)
	}
	if size(drawn) > limit-overhead {
		return ""
	}
	return drawn
}

// moment is a time in the reader's own zone.
func moment(t time.Time) string {
	at := t.UTC().Format(time.RFC3339)
	return "{{DATE(" + at + ",SHORT)}} {{TIME(" + at + ")}}"
}

// identity is a user's id: of Entra, or one that Teams gave.
var identity = regexp.MustCompile(`^[0-9A-Za-z:._-]{1,128}$`)

// mention calls the person; "" where there is no identity or no room, or where another person of that name was called
// already: Teams tells them apart by their names only.
func (p *pen) mention(m bot.Mention, limit int) string {
	name := strings.Map(nameable, text.Line(m.Name, maxName))
	call := Entity{Type: mentionType, Text: "<at>" + name + "</at>", Mentioned: Mentioned{ID: m.Teams, Name: name}}
	if !identity.MatchString(m.Teams) || text.Blank(name) || size(call.Text) > limit {
		return ""
	}
	for _, known := range p.people {
		if known == call {
			return call.Text
		}
		if known.Text == call.Text {
			return ""
		}
	}
	if len(p.people) == maxMentions || !p.fits(call) {
		return ""
	}
	p.people = append(p.people, call)
	return call.Text
}

// nameable drops from a name what could end or format it.
func nameable(r rune) rune {
	if strings.ContainsRune("<>&*_`~[]()\\{}", r) {
		return -1
	}
	return r
}

// link leads to the URL. A bracket in the label would end it.
func link(url, label string) string {
	label = strings.NewReplacer("[", "(", "]", ")").Replace(strings.TrimSpace(label))
	return "[" + defused(label) + "](" + address.Replace(url) + ")"
}

// address keeps a URL from ending its link, and from being read as anything else.
var address = strings.NewReplacer("(", "%28", ")", "%29", "<", "%3C", ">", "%3E", `"`, "%22", "'", "%27", `\`, "%5C",
	"`", "%60", "*", "%2A", "{", "%7B", "}", "%7D", "[", "%5B", "]", "%5D", " ", "%20", "|", "%7C")

// linkable tells whether Teams makes a link of it.
func linkable(url string) bool { return text.Linkable(url) && size(address.Replace(url)) <= maxLink }

// bold also draws code, which Teams' Markdown does not know. Spaces go outside: "** x**" are asterisks.
func bold(words string) string {
	trimmed := strings.TrimSpace(words)
	if text.Blank(trimmed) {
		return words
	}
	lead, trail, _ := strings.Cut(words, trimmed)
	return lead + "**" + defused(trimmed) + "**" + trail
}

// defused keeps text from formatting itself, mentioning people and telling times. What means nothing where it stands stays
// as it is, for whoever copies it: an underscore within a word (checkout_flow_v2), a single brace.
func defused(words string) string {
	var b strings.Builder
	inWord := false
	for i, r := range words {
		switch {
		case r == '_' && inWord:
			b.WriteRune(r)
			continue
		case r == '_':
			b.WriteRune('＿')
		case r == '*':
			b.WriteRune('∗')
		case r == '`':
			b.WriteByte('\'')
		case r == '\n':
			b.WriteString("\n\n") // one alone is a space
		default:
			b.WriteRune(r)
			if joins(r, words[i+utf8.RuneLen(r):]) {
				b.WriteString(barrier)
			}
		}
		inWord = unicode.IsLetter(r) || unicode.IsDigit(r)
	}
	return b.String()
}

// joins tells whether a rune could mean something together with what follows it: <at>, &lt; ](…), ~~, {{DATE(…)}}, ![ and
// what is escaped. At the end of a text, anything could follow.
func joins(r rune, rest string) bool {
	next, _ := utf8.DecodeRuneInString(rest)
	switch r {
	case '<', '&':
		return rest == "" || unicode.IsLetter(next) || strings.ContainsRune("/!?#", next)
	case ']':
		return rest == "" || strings.ContainsRune("([:", next)
	case '~', '{':
		return rest == "" || next == r
	case '!':
		return rest == "" || next == '['
	case '\\':
		return rest == "" || unicode.IsPunct(next) || unicode.IsSymbol(next)
	}
	return false
}

var (
	indent  = regexp.MustCompile(`(?m)^ +`)
	opening = regexp.MustCompile(`(?m)^([-+#>=|:]|[0-9]+[.)](?:\s|$))`)
)

// begun keeps the lines of a text from beginning a list, a heading or a rule.
func begun(lines string) string {
	return opening.ReplaceAllString(indent.ReplaceAllString(lines, ""), barrier+"$1")
}

// cost is how many bytes of JSON a rune takes at most when it is defused.
func cost(r rune) int {
	switch {
	case strings.ContainsRune("\n\"*_<>&]~{!\\", r):
		return len(`\u003c` + barrier)
	case r < unicode.MaxASCII:
		return 1
	}
	return 4
}

// size is how many bytes it takes as JSON; of a text, with its quotes.
func size(v any) int {
	raw, _ := json.Marshal(v) // texts, numbers and what is made of them: never an error
	return len(raw)
}
