package web

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"bellwether/bot"
	"bellwether/commands"
	"bellwether/pipeline"
)

// maxBody of a command, in bytes; a command is a line.
const maxBody = 4 << 10

// words are what a person said, and where.
type words struct {
	Channel string              `json:"channel"`
	Thread  string              `json:"thread"` // id of the root; empty outside threads
	As      string              `json:"as"`     // Person.Web
	Text    string              `json:"text"`
	Filled  map[string][]string `json:"filled"` // by the words of a form's fields: the rest of the line
}

// answer tells the speaker what became of the words. It holds a private reply, or what to ask first; a public reply comes with
// the stream.
type answer struct {
	Private bool   `json:"private"`
	Text    string `json:"text,omitempty"`
	HTML    string `json:"html,omitempty"`
	Form    string `json:"form,omitempty"` // HTML
}

// place is where words stand between the moment they are said and the moment they are answered: what they set off in the
// meantime stands below them.
type place struct {
	number  int
	at      time.Time
	channel pipeline.Channel
	thread  string
	run     string // the thread's
}

// refusal is why words were not taken, for the speaker, with the HTTP status that says so.
type refusal struct {
	status int
	reason string
}

func (s server) command(w http.ResponseWriter, r *http.Request) {
	at, by, text, refused := s.understand(w, r)
	if refused != nil {
		http.Error(w, refused.reason, refused.status)
		return
	}
	if m, ours := s.preview(r.Context(), by, text); ours {
		err := s.chat.answered(at, by.Name, text, commands.Reply{Message: m})
		writeAnswer(r.Context(), w, answer{}, err)
		return
	}
	reply := s.room.Desk.Do(r.Context(), by, text)
	a, err := s.answer(at, by.Name, strings.TrimSpace("/loadtest "+text), reply)
	writeAnswer(r.Context(), w, a, err)
}

// form answers with what to ask before a command is carried out.
func (s server) form(w http.ResponseWriter, r *http.Request) {
	at, by, text, refused := s.understand(w, r)
	if refused != nil {
		http.Error(w, refused.reason, refused.status)
		return
	}
	form, reply := s.room.Desk.Form(r.Context(), by, text)
	if form == nil {
		a, err := s.whisper(at, strings.TrimSpace("/loadtest "+text), reply)
		writeAnswer(r.Context(), w, a, err)
		return
	}
	html, err := render("form", formView{Form: *form})
	writeAnswer(r.Context(), w, answer{Form: html}, err)
}

func writeAnswer(ctx context.Context, w http.ResponseWriter, a answer, err error) {
	if err != nil {
		slog.ErrorContext(ctx, "answer in the web chat", "error", err)
		http.Error(w, "the reply could not be drawn: see the log of Bellwether", http.StatusInternalServerError)
		return
	}
	writeJSON(w, a)
}

// preview is what a link leads to, when the words are nothing but that.
func (s server) preview(ctx context.Context, by commands.Caller, text string) (bot.Message, bool) {
	if !strings.HasPrefix(text, "https://") && !strings.HasPrefix(text, "http://") || strings.ContainsAny(text, " \t") {
		return bot.Message{}, false
	}
	return s.room.Desk.Preview(ctx, by, text)
}

// understand who speaks, where, and what is said, without the leading /loadtest.
func (s server) understand(w http.ResponseWriter, r *http.Request) (place, commands.Caller, string, *refusal) {
	said, refused := readWords(w, r)
	if refused != nil {
		return place{}, commands.Caller{}, "", refused
	}
	person, known := s.person(said.As)
	posts, _ := s.chat.snapshot()
	if !known || !slices.Contains(s.channels(posts), said.Channel) {
		return place{}, commands.Caller{}, "", &refusal{http.StatusBadRequest, "nobody of that name is here, or there is no such channel: reload the page"}
	}
	at, ok := s.chat.take(said.Channel, said.Thread)
	if !ok {
		return place{}, commands.Caller{}, "", &refusal{http.StatusBadRequest, "this thread is gone: reload the page"}
	}
	by := commands.Caller{Channel: at.channel, User: person.Web, Name: person.Name, Run: at.run}
	line := strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(said.Text), "/loadtest"))
	return at, by, bot.Line(line, said.Filled), nil
}

func readWords(w http.ResponseWriter, r *http.Request) (words, *refusal) {
	// The form of another site can send any text, but not as this type.
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return words{}, &refusal{http.StatusUnsupportedMediaType, "send the command as application/json"}
	}
	var said words
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(&said)
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return words{}, &refusal{http.StatusRequestEntityTooLarge, "the command is too long: a line is enough"}
	case err != nil:
		return words{}, &refusal{http.StatusBadRequest, "the command is no JSON object with channel, thread, as, text and filled"}
	}
	return said, nil
}

// answer gives a private reply to the speaker alone. For any other the words become visible, and the reply below them.
func (s server) answer(at place, author, spoken string, reply commands.Reply) (answer, error) {
	if !reply.Private {
		return answer{}, s.chat.answered(at, author, spoken, reply)
	}
	return s.whisper(at, spoken, reply)
}

// whisper is a reply for the speaker alone, in the place of the words.
func (s server) whisper(at place, spoken string, reply commands.Reply) (answer, error) {
	p, err := s.chat.whispered(at, reply)
	if err != nil {
		return answer{}, err
	}
	html, err := render("private", private{view: viewOf(p), Words: spoken})
	return answer{Private: true, Text: reply.Message.String(), HTML: html}, err
}

func (s server) play(w http.ResponseWriter, r *http.Request) {
	key := r.PathValue("key")
	if !slices.ContainsFunc(s.room.Panel, func(s Scene) bool { return s.Key == key }) {
		http.Error(w, "there is no such scene: reload the page", http.StatusNotFound)
		return
	}
	if err := s.room.Play(r.Context(), key); err != nil {
		slog.ErrorContext(r.Context(), "play a scene", "scene", key, "error", err)
		http.Error(w, "the event was not sent: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// take a place in a channel, or in a thread of it; false when there is no such thread.
func (c *Chat) take(channel, thread string) (place, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := place{at: c.now().UTC(), channel: pipeline.Channel{Platform: Platform, ID: channel}, thread: thread}
	if thread != "" {
		i := slices.IndexFunc(c.posts, func(p post) bool { return p.id() == thread && p.channel == channel && p.thread == "" })
		if i < 0 {
			return place{}, false
		}
		at.run = c.posts[i].run
	}
	at.number = c.reserve()
	return at, true
}

// answered makes words that have their place visible, and the reply to them below.
func (c *Chat) answered(at place, author, spoken string, reply commands.Reply) error {
	pic, err := decode(reply.Picture)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.insert(post{number: at.number, channel: at.channel.ID, thread: at.thread, author: author, message: bot.Message{Title: spoken}, at: at.at})
	c.insert(post{number: c.reserve(), channel: at.channel.ID, thread: at.thread, author: botName, message: reply.Message, picture: pic, at: c.now().UTC()})
	return nil
}

// whispered is the reply as a post that is in no channel: of it only the picture is kept, for the page to fetch.
func (c *Chat) whispered(at place, reply commands.Reply) (post, error) {
	pic, err := decode(reply.Picture)
	if err != nil {
		return post{}, err
	}
	p := post{number: at.number, author: botName, message: reply.Message, picture: pic}
	if pic.png != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.whispers = append(c.whispers, p)
	}
	return p, nil
}
