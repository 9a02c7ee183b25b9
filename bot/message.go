// Package bot is what Bellwether says: announcements, progress, reports. It turns runs into platform-neutral messages and
// delivers them through a Chat, one adapter a platform, so that nothing is lost and nothing is said twice.
package bot

import (
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/width"

	"bellwether/pipeline"
)

// Message is one thing the bot says, the same on every platform; an adapter chooses how to draw it. Everything in it is
// plain text from anywhere: adapters escape it.
type Message struct {
	Title   string   `json:"title,omitempty"` // one line, says the finding; a short answer has only a body
	Mood    Mood     `json:"mood,omitempty"`
	Body    []Text   `json:"body,omitempty"` // paragraphs
	Facts   []Fact   `json:"facts,omitempty"`
	Table   *Table   `json:"table,omitempty"`
	Picture *Picture `json:"picture,omitempty"` // beside one a message that is posted has no table, facts or actions; a reply may
	Actions []Action `json:"actions,omitempty"`
	Footer  Text     `json:"footer,omitempty"` // small print
}

// Mood is the state a message speaks of. Adapters draw it as a symbol, a word and a colour, never as a colour alone.
type Mood string

// The moods: those of a run under way, those of one whose regressions are over, and every pipeline.Verdict.
const (
	MoodNone       Mood = ""
	MoodWaiting    Mood = "waiting"
	MoodRunning    Mood = "running"
	MoodSuperseded Mood = "superseded"
	MoodCancelled  Mood = "cancelled"
	MoodRefused    Mood = "refused"
	MoodResolved   Mood = "resolved"
	MoodAccepted   Mood = "accepted"
)

// MoodOf a verdict.
func MoodOf(v pipeline.Verdict) Mood { return Mood(v) }

// Fact is a short labelled value.
type Fact struct {
	Name  string `json:"name"`
	Value Text   `json:"value"`
}

// Table is small: the first column names a value and its unit, the others are numbers. Every row has len(Head) cells.
type Table struct {
	Head []string   `json:"head"`
	Rows [][]string `json:"rows"`
}

// Picture is a PNG that is stored under Key. Alt has the numbers in words.
type Picture struct {
	Key  string `json:"key"`
	Name string `json:"name"` // a file name
	Alt  string `json:"alt"`
}

// Action is a button. Command is what a press of it means, in the words of the chat command line: "rerun R42".
type Action struct {
	Label   string `json:"label"`
	Command string `json:"command"`
	Primary bool   `json:"primary,omitempty"`
	URL     string `json:"url,omitempty"`  // a link instead of a command
	Form    bool   `json:"form,omitempty"` // a press asks for the rest of the command first, see Form
}

// Text is a line of spans.
type Text []Span

// Span is a piece of text. At most one of URL, Person, Time and Thread is set; Text is then what is shown where the
// platform cannot do better.
type Span struct {
	Text   string     `json:"text"`
	Bold   bool       `json:"bold,omitempty"`
	Code   bool       `json:"code,omitempty"`
	URL    string     `json:"url,omitempty"`
	Person *Mention   `json:"person,omitempty"`
	Time   *time.Time `json:"time,omitempty"`   // shown in the reader's own zone
	Thread string     `json:"thread,omitempty"` // intent of a root message in the same channel; a link to it where the platform has links
}

// Mention calls a person. A platform on which the person has no identity shows the name.
type Mention struct {
	Name  string `json:"name"`
	Slack string `json:"slack,omitempty"`
	Teams string `json:"teams,omitempty"`
	Web   string `json:"web,omitempty"`
}

// Plain is a line without any markup.
func Plain(text string) Text { return Text{{Text: text}} }

// Bold text.
func Bold(text string) Span { return Span{Text: text, Bold: true} }

// Code is text in a fixed-width face.
func Code(text string) Span { return Span{Text: text, Code: true} }

// Link is text that leads to a URL.
func Link(text, url string) Span { return Span{Text: text, URL: url} }

// At is a time, with UTC as the text to fall back to.
func At(t time.Time) Span {
	t = t.UTC()
	return Span{Text: t.Format("2 Jan 15:04 UTC"), Time: &t}
}

// Call mentions a person.
func Call(p pipeline.Person) Span {
	return Span{Text: "@" + p.Name, Person: &Mention{Name: p.Name, Slack: p.Slack, Teams: p.Teams, Web: p.Web}}
}

// ThreadOf links to the root message of a run in the same channel.
func ThreadOf(run string) Span { return Span{Text: run, Thread: run} }

// String is the text without any markup.
func (t Text) String() string {
	var b strings.Builder
	for _, s := range t {
		b.WriteString(s.Text)
	}
	return b.String()
}

// String is all that is to be read of the message, as plain text: what a transcript gets. Whoever does not see its picture needs
// Picture.Alt, too.
func (m Message) String() string {
	var lines []string
	if m.Title != "" {
		lines = append(lines, m.Title)
	}
	for _, p := range m.Body {
		lines = append(lines, p.String())
	}
	for _, f := range m.Facts {
		lines = append(lines, f.Name+": "+f.Value.String())
	}
	if m.Table != nil {
		lines = append(lines, m.Table.String())
	}
	if len(m.Footer) > 0 {
		lines = append(lines, m.Footer.String())
	}
	return strings.Join(lines, "\n")
}

// String is the table in columns padded with spaces, the first one to the left, numbers to the right.
func (t Table) String() string {
	widths := make([]int, len(t.Head))
	for _, row := range t.lines() {
		for i, cell := range row {
			widths[i] = max(widths[i], columns(cell))
		}
	}
	var b strings.Builder
	for n, row := range t.lines() {
		var line string
		for i, cell := range row {
			pad := strings.Repeat(" ", widths[i]-columns(cell))
			if i == 0 {
				line = cell + pad
				continue
			}
			line += "  " + pad + cell
		}
		if n > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(strings.TrimRight(line, " "))
	}
	return b.String()
}

// lines are the head and the rows, with exactly a cell for each column, each cell on one line.
func (t Table) lines() [][]string {
	lines := make([][]string, 0, 1+len(t.Rows))
	for _, row := range append([][]string{t.Head}, t.Rows...) {
		line := make([]string, len(t.Head))
		for i := range min(len(line), len(row)) {
			line[i] = strings.Map(inLine, row[i])
		}
		lines = append(lines, line)
	}
	return lines
}

// inLine makes a space of what would break a line.
func inLine(r rune) rune {
	if unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp) {
		return ' '
	}
	return r
}

// columns is how much room a text takes in a fixed-width face: two columns for the wide letters of East Asia and emoji, none
// for marks that stand on another letter.
func columns(s string) int {
	n := 0
	for _, r := range s {
		kind := width.LookupRune(r).Kind()
		switch {
		case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		case kind == width.EastAsianWide || kind == width.EastAsianFullwidth:
			n += 2
		default:
			n++
		}
	}
	return n
}
