package web

import (
	"fmt"
	"html/template"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"bellwether/bot"
	"bellwether/pipeline"
)

// templates draw whole pages and the fragments the stream sends. They escape everything: nothing is marked as safe.
var templates = template.Must(template.New("").Funcs(template.FuncMap{
	"stamp":    func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
	"utc":      func(t time.Time) string { return t.UTC().Format("2 Jan 15:04 UTC") },
	"word":     word,
	"initials": initials,
}).ParseFS(files, "templates/*.html"))

func render(name string, data any) (string, error) {
	var b strings.Builder
	if err := templates.ExecuteTemplate(&b, name, data); err != nil {
		return "", fmt.Errorf("render %s: %w", name, err)
	}
	return b.String(), nil
}

// view is a post as the templates see it.
type view struct {
	ID, Thread, Author string
	Number             int
	Bot                bool
	At                 time.Time
	Edited             bool
	Message            bot.Message
	Image              *figure
	links              map[string]string
}

// figure is a picture with its natural size in pixels.
type figure struct {
	URL, Alt      string
	Width, Height int
}

func viewOf(p post) view {
	v := view{
		ID: p.id(), Thread: p.thread, Author: p.author, Number: p.number, Bot: p.author == botName,
		At: p.at, Edited: !p.updated.IsZero(), Message: p.message, links: p.links,
	}
	if p.picture.png != nil {
		v.Image = &figure{URL: "/chat/pictures/" + p.id() + ".png", Width: p.picture.width, Height: p.picture.height}
		if p.message.Picture != nil {
			v.Image.Alt = p.message.Picture.Alt
		}
	}
	return v
}

// span is a piece of text with the link it got on this page, if any.
type span struct {
	bot.Span
	Href string
}

// Line resolves the links of a line: to a page, or to the root of another thread.
func (v view) Line(text bot.Text) []span {
	spans := make([]span, len(text))
	for i, s := range text {
		spans[i] = span{Span: s, Href: s.URL}
		if root := v.links[s.Thread]; s.Thread != "" && root != "" {
			spans[i].Href = "#" + root
		}
	}
	return spans
}

// thread is a root and its replies.
type thread struct {
	Root    view
	Replies []view
}

// Last is when the thread's latest reply was posted.
func (t thread) Last() time.Time { return t.Replies[len(t.Replies)-1].At }

// Mood is the latest one a reply spoke of: what a reader of the folded thread needs to know.
func (t thread) Mood() bot.Mood {
	for _, v := range slices.Backward(t.Replies) {
		if v.Message.Mood != bot.MoodNone {
			return v.Message.Mood
		}
	}
	return bot.MoodNone
}

// channel is one column of threads.
type channel struct {
	ID       string
	Selected bool
	Threads  []thread
}

// pageView is everything on the page.
type pageView struct {
	After    string // the last change that is on the page: where the stream goes on
	Epoch    string
	Selected string
	Channels []channel
	People   []pipeline.Person
	Hints    []Hint
	Panel    []Scene
}

func (s server) view(posts []post, version int, selected string) pageView {
	v := pageView{
		After: s.chat.eventID(version), Epoch: s.chat.epoch,
		People: s.room.People, Hints: s.room.Hints, Panel: s.room.Panel,
	}
	for _, id := range s.channels(posts) {
		v.Channels = append(v.Channels, channel{ID: id, Selected: id == selected, Threads: threadsOf(posts, id)})
		if id == selected {
			v.Selected = id
		}
	}
	if v.Selected == "" && len(v.Channels) > 0 {
		v.Channels[0].Selected, v.Selected = true, v.Channels[0].ID
	}
	return v
}

// threadsOf a channel, in the order of their roots.
func threadsOf(posts []post, channel string) []thread {
	var threads []thread
	at := map[string]int{} // by root
	for _, p := range posts {
		switch i, ok := at[p.thread]; {
		case p.channel != channel:
		case p.thread == "":
			at[p.id()] = len(threads)
			threads = append(threads, thread{Root: viewOf(p)})
		case ok:
			threads[i].Replies = append(threads[i].Replies, viewOf(p))
		}
	}
	return threads
}

// private is a reply that only the speaker sees, with the words it answers.
type private struct {
	view
	Words string
}

// formView is a form as the template sees it.
type formView struct{ bot.Form }

// Line of a form leads nowhere within the page.
func (formView) Line(text bot.Text) []span { return view{}.Line(text) }

// Chosen tells whether an option is chosen before anybody has touched the form.
func (formView) Chosen(f bot.Field, o bot.Option) bool { return slices.Contains(f.Preset, o.Value) }

// word names a mood: no reader depends on its colour.
func word(m bot.Mood) string {
	r, size := utf8.DecodeRuneInString(string(m))
	return string(unicode.ToUpper(r)) + string(m)[size:]
}

// initials stand for a person: "dev-sg" is DS.
func initials(name string) string {
	var letters []rune
	for part := range strings.FieldsFuncSeq(name, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		r, _ := utf8.DecodeRuneInString(part)
		letters = append(letters, unicode.ToUpper(r))
	}
	return string(letters[:min(2, len(letters))])
}
