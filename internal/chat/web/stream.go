package web

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// heartbeat finds out that a reader has gone; retry is how soon a reader that lost the stream comes back.
const (
	heartbeat = 20 * time.Second
	retry     = time.Second
)

// update is one post for a page that is open. Summary is drawn anew for the thread's head when the post is a reply.
type update struct {
	ID      string `json:"id"`
	Number  int    `json:"number"`
	Channel string `json:"channel"`
	Thread  string `json:"thread"`
	Title   string `json:"title"`
	HTML    string `json:"html"`
	Summary string `json:"summary,omitempty"`
}

// stream sends every post touched after what the reader has, for as long as the reader and the server stay. A post that was
// edited meanwhile is sent once, as it is now, so that a reader may be away for any time and lose nothing.
func (s server) stream(w http.ResponseWriter, r *http.Request) {
	out := http.NewResponseController(w)
	out.SetWriteDeadline(time.Time{}) // a stream outlives the server's write timeout; a writer without deadlines has none
	w.Header().Set("Content-Type", "text/event-stream")
	fmt.Fprintf(w, "retry: %d\n\n", retry.Milliseconds())
	version, ok := s.chat.versionOf(lastSeen(r))
	if !ok {
		fmt.Fprint(w, "event: restarted\ndata: reload the page\n\n")
		out.Flush()
		return
	}
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		posts, changed := s.chat.since(version)
		for _, p := range posts {
			if err := s.send(w, p); err != nil {
				slog.DebugContext(r.Context(), "a stream of the web chat broke off", "error", err)
				return
			}
			version = p.version
		}
		if err := out.Flush(); err != nil {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-changed:
		case <-beat.C:
			fmt.Fprint(w, ": still here\n\n")
		}
	}
}

func (s server) send(w http.ResponseWriter, p post) error {
	u, err := s.update(p)
	if err != nil {
		return err
	}
	data, err := json.Marshal(u)
	if err != nil {
		return fmt.Errorf("encode an update: %w", err)
	}
	_, err = fmt.Fprintf(w, "id: %s\ndata: %s\n\n", s.chat.eventID(p.version), data)
	return err
}

func (s server) update(p post) (update, error) {
	u := update{ID: p.id(), Number: p.number, Channel: p.channel, Thread: p.thread, Title: p.author + ": " + p.message.Title}
	var err error
	if p.thread == "" {
		u.HTML, err = render("thread", thread{Root: viewOf(p)})
		return u, err
	}
	if u.HTML, err = render("message", viewOf(p)); err != nil {
		return u, err
	}
	posts, _ := s.chat.snapshot()
	for _, t := range threadsOf(posts, p.channel) {
		if t.Root.ID == p.thread {
			u.Summary, err = render("summary", t)
		}
	}
	return u, err
}

// lastSeen is where a reader goes on: where its stream broke off, or what its page was drawn with.
func lastSeen(r *http.Request) string {
	if id := r.Header.Get("Last-Event-ID"); id != "" {
		return id
	}
	return r.URL.Query().Get("after")
}

// eventID names a version of this memory.
func (c *Chat) eventID(version int) string { return c.epoch + "." + strconv.Itoa(version) }

// versionOf an event id; nothing seen yet is version 0. False for an id of another memory.
func (c *Chat) versionOf(id string) (int, bool) {
	if id == "" {
		return 0, true
	}
	epoch, number, _ := strings.Cut(id, ".")
	version, err := strconv.Atoi(number)
	return version, err == nil && epoch == c.epoch
}
