package card

import (
	"bytes"
	"errors"
	"fmt"
	"image/png"
	"regexp"
	"slices"
	"strings"

	"bellwether/internal/chat/text"
)

const (
	cardType    = "AdaptiveCard"
	schema      = "http://adaptivecards.io/schemas/adaptive-card.json"
	version     = "1.5" // the newest that Teams shows
	mentionType = "mention"

	maxCard     = 24_000 // bytes, of the 28 KB that Teams takes with the activity around it
	maxActions  = 6      // more are hidden
	maxColumns  = 20
	maxMentions = 20

	maxSide    = 1_024     // pixels of a picture, either way
	maxPicture = 1_000_000 // bytes
)

// Lint finds what Teams would refuse, or show as it is not meant: all of it, joined.
func Lint(c Card) error {
	l := &lint{ids: map[string]bool{}, called: map[string]bool{}}
	if c.Type != cardType || c.Version != version {
		l.say("an %s %s, must be an %s %s", c.Type, c.Version, cardType, version)
	}
	if n := size(c); n > maxCard {
		l.say("%d bytes, at most %d", n, maxCard)
	}
	if len(c.Body) == 0 {
		l.say("an empty body")
	}
	if len(c.Actions) > maxActions {
		l.say("%d actions, at most %d", len(c.Actions), maxActions)
	}
	l.elements("body", c.Body)
	for i, a := range c.Actions {
		l.where = fmt.Sprintf("action %d: ", i)
		l.action(a)
	}
	l.where = ""
	l.mentions(c.Teams.Entities)
	return errors.Join(l.problems...)
}

// LintPicture finds why Teams would not show a PNG: all of it, joined.
func LintPicture(raw []byte) error {
	l := &lint{where: "picture: "}
	if len(raw) > maxPicture {
		l.say("%d bytes, at most %d", len(raw), maxPicture)
	}
	config, err := png.DecodeConfig(bytes.NewReader(raw))
	switch {
	case err != nil:
		l.say("no PNG: %v", err)
	case config.Width > maxSide || config.Height > maxSide:
		l.say("%d x %d pixels, at most %d either way", config.Width, config.Height, maxSide)
	}
	return errors.Join(l.problems...)
}

// lint is what is known while one card is looked through.
type lint struct {
	where    string
	problems []error
	ids      map[string]bool
	called   map[string]bool // texts that want to be mentions
}

func (l *lint) say(format string, args ...any) {
	l.problems = append(l.problems, errors.New(l.where+fmt.Sprintf(format, args...)))
}

func (l *lint) elements(where string, all []Element) {
	for i, e := range all {
		here := fmt.Sprintf("%s[%d]", where, i)
		l.where = here + " (" + e.Type + "): "
		l.element(here, e)
	}
}

func (l *lint) element(here string, e Element) {
	l.id(e)
	switch e.Type {
	case "TextBlock":
		l.text("text", e.Text)
	case "Container", "TableCell":
		if len(e.Items) == 0 {
			l.say("without items")
		}
		l.elements(here+".items", e.Items)
	case "FactSet":
		l.facts(e.Facts)
	case "Image":
		l.image(e)
	case "Table":
		l.table(here, e)
	case "Input.Text", "Input.Date":
		l.label(e)
	case "Input.ChoiceSet":
		l.label(e)
		l.choices(e)
	default:
		l.say("a kind that Bellwether does not draw, so that its limits are unknown here")
	}
}

func (l *lint) id(e Element) {
	switch {
	case e.ID == "":
		return
	case l.ids[e.ID]:
		l.say("id %q is there twice", e.ID)
	case slices.Contains(reserved, e.ID):
		l.say("id %q means something else in what is sent", e.ID)
	}
	l.ids[e.ID] = true
}

var (
	macro = regexp.MustCompile(`\{\{(DATE\([0-9TZ:-]+,SHORT\)|TIME\([0-9TZ:-]+\))\}\}`)
	call  = regexp.MustCompile(`(?i)<at[^>]*>([^<]*</at>)?`)
)

// text is Markdown in which nothing is half a mention or half a time.
func (l *lint) text(what, markdown string) {
	if markdown == "" {
		l.say("%s is empty", what)
	}
	for _, c := range call.FindAllString(markdown, -1) {
		l.called[c] = true
	}
	if strings.Contains(macro.ReplaceAllString(markdown, ""), "{{") {
		l.say("%s has a macro that is no time", what)
	}
	if markdown != text.Clean(markdown, true) {
		l.say("%s has control characters", what)
	}
}

func (l *lint) facts(facts []Fact) {
	if len(facts) == 0 {
		l.say("without facts")
	}
	for _, f := range facts {
		l.text("title of a fact", f.Title)
		l.text("value of a fact", f.Value)
	}
}

func (l *lint) image(e Element) {
	if !strings.HasPrefix(e.URL, "https://") || !linkable(e.URL) {
		l.say("Teams fetches pictures over https only, not from %.60q", e.URL)
	}
	if text.Blank(e.Alt) {
		l.say("without altText")
	}
}

func (l *lint) table(here string, e Element) {
	if n := len(e.Columns); n == 0 || n > maxColumns {
		l.say("%d columns, at least 1, at most %d", n, maxColumns)
	}
	for i, row := range e.Rows {
		if row.Type != "TableRow" || len(row.Cells) != len(e.Columns) {
			l.say("row %d is a %s of %d cells, must be a TableRow of %d", i, row.Type, len(row.Cells), len(e.Columns))
		}
		l.elements(fmt.Sprintf("%s.rows[%d]", here, i), row.Cells)
	}
}

func (l *lint) mentions(entities []Entity) {
	if len(entities) > maxMentions {
		l.say("%d mentions, at most %d", len(entities), maxMentions)
	}
	known := map[string]bool{}
	for _, e := range entities {
		if e.Type != mentionType || e.Mentioned.ID == "" || e.Text != "<at>"+e.Mentioned.Name+"</at>" {
			l.say("entity %+v is no mention", e)
		}
		if known[e.Text] {
			l.say("mention %q is there twice", e.Text)
		}
		if known[e.Text] = true; !l.called[e.Text] {
			l.say("mention %q stands in no text", e.Text)
		}
	}
	for text := range l.called {
		if !known[text] {
			l.say("text %q mentions nobody", text)
		}
	}
}

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
