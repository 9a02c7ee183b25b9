package web

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"slices"
	"strings"

	"bellwether/bot"
	"bellwether/commands"
	"bellwether/pipeline"
)

// Desk carries out what a person said; a line is without the leading /loadtest.
type Desk interface {
	Do(ctx context.Context, by commands.Caller, line string) commands.Reply
	// Form is what to ask before a line is carried out; nil when the reply says why there is nothing to ask.
	Form(ctx context.Context, by commands.Caller, line string) (*bot.Form, commands.Reply)
	// Preview is what a link leads to; false when it is none of ours.
	Preview(ctx context.Context, by commands.Caller, link string) (bot.Message, bool)
}

// Room is what surrounds the messages: who may speak, where, and what can be said and played.
type Room struct {
	Hosts    []string          // names and addresses the page is served under: "127.0.0.1", "localhost:8080"
	Channels []string          // ids, in the order shown; channels with posts are added
	People   []pipeline.Person // whom the viewer may speak as, by Person.Web
	Hints    []Hint
	Desk     Desk

	Panel []Scene // events of the demo; empty hides the panel
	Play  func(ctx context.Context, key string) error
}

// Hint is one command the box suggests: "rerun [RUN|SERVICE]".
type Hint struct{ Usage, Does string }

// Scene is one event the panel can send.
type Scene struct{ Key, Title, Text string }

//go:embed assets templates
var files embed.FS

// Handler serves the page at / and everything it needs under /chat/.
func (c *Chat) Handler(room Room) http.Handler {
	assets, err := fs.Sub(files, "assets")
	if err != nil {
		panic(err) // the folder is embedded
	}
	s := server{chat: c, room: room}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.page)
	mux.Handle("GET /chat/assets/", http.StripPrefix("/chat/assets", http.FileServerFS(assets)))
	mux.HandleFunc("GET /chat/stream", s.stream)
	mux.HandleFunc("GET /chat/pictures/{file}", s.picture)
	mux.HandleFunc("GET /chat/transcript.json", s.transcript)
	mux.HandleFunc("POST /chat/commands", s.command)
	mux.HandleFunc("POST /chat/forms", s.form)
	mux.HandleFunc("POST /chat/scenes/{key}", s.play)
	return guard(room.Hosts, mux)
}

// server answers the requests of one room.
type server struct {
	chat *Chat
	room Room
}

func (s server) page(w http.ResponseWriter, r *http.Request) {
	posts, version := s.chat.snapshot()
	html, err := render("page", s.view(posts, version, r.URL.Query().Get("channel")))
	if err != nil {
		slog.ErrorContext(r.Context(), "draw the chat page", "error", err)
		http.Error(w, "the page could not be drawn: see the log of Bellwether", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	fmt.Fprint(w, html)
}

func (s server) picture(w http.ResponseWriter, r *http.Request) {
	id, _ := strings.CutSuffix(r.PathValue("file"), ".png")
	png := s.chat.pictureOf(id)
	if png == nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "image/png")
	w.Write(png)
}

func (s server) transcript(w http.ResponseWriter, _ *http.Request) {
	posts, _ := s.chat.snapshot()
	writeJSON(w, transcribe(posts, "pictures"))
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(v)
}

// channels of the room, then those that have posts nevertheless.
func (s server) channels(posts []post) []string {
	ids := slices.Clone(s.room.Channels)
	for _, p := range posts {
		if !slices.Contains(ids, p.channel) {
			ids = append(ids, p.channel)
		}
	}
	return ids
}

func (s server) person(id string) (pipeline.Person, bool) {
	i := slices.IndexFunc(s.room.People, func(p pipeline.Person) bool { return p.Web == id })
	if i < 0 {
		return pipeline.Person{}, false
	}
	return s.room.People[i], true
}
