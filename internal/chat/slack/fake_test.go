package slack

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slack-go/slack"
	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"

	"bellwether/internal/chat/slack/blockkit"
	"bellwether/pipeline"
)

const (
	token  = "xoxb-fake"
	secret = "signing-secret"
	where  = "C0CHECKOUT"
)

var installed = []Workspace{{BotToken: token}}

// fake is a Web API as strict as Slack's where Bellwether depends on it. It can do what no emulator does: limit the rate,
// fail before and after it took a message, answer with any error, keep metadata, and serve small pages.
type fake struct {
	t   *testing.T
	url string

	mu        sync.Mutex
	messages  []slack.Msg // of one channel
	ephemeral []slack.Msg
	files     map[string]*upload
	calls     []string
	fail      map[string]func(w http.ResponseWriter) bool // by method; true: do not go on
	forgets   bool                                        // metadata, as local-slack does
	pageSize  int
}

// upload is a file on its way.
type upload struct {
	name, alt string
	size      int
	data      []byte
}

func newFake(t *testing.T) *fake {
	f := &fake{t: t, files: map[string]*upload{}, fail: map[string]func(http.ResponseWriter) bool{}, pageSize: 100}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	f.url = server.URL
	return f
}

// chat that talks to the fake, at any rate.
func (f *fake) chat(t *testing.T) *Chat {
	c, err := New(Settings{
		Workspaces: installed, SigningSecret: secret, APIURL: f.url + "/api/", Seen: &seen{}, Threads: threads{"1.000001": "R42"},
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)), Now: time.Now,
		HTTP: &http.Client{Timeout: 5 * time.Second, CheckRedirect: noRedirect},
	})
	require.NoError(t, err)
	c.every = rate.Inf
	require.NoError(t, c.Hello(t.Context()))
	return c
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	method := strings.TrimPrefix(r.URL.Path, "/api/")
	f.calls = append(f.calls, method)
	if strings.HasPrefix(method, "/upload/") {
		f.receive(w, r)
		return
	}
	if r.FormValue("token") != token && r.Header.Get("Authorization") != "Bearer "+token {
		no(w, "invalid_auth")
		return
	}
	before, after := f.fail[method], f.fail[method+" after"]
	if before != nil && before(w) {
		return
	}
	answer, problem := f.call(method, r)
	switch {
	case problem != "":
		no(w, problem)
	case after != nil && after(w):
	default:
		answer["ok"] = true
		_ = json.NewEncoder(w).Encode(answer)
	}
}

func no(w http.ResponseWriter, problem string) {
	_ = json.NewEncoder(w).Encode(map[string]any{"ok": false, "error": problem})
}

func (f *fake) call(method string, r *http.Request) (map[string]any, string) {
	switch method {
	case "auth.test":
		return map[string]any{"url": "https://innerscale.slack.com/", "team": "Innerscale", "user": "bellwether", "user_id": "U0BELL"}, ""
	case "users.info":
		if r.FormValue("user") != "U0DEVSG" {
			return nil, "user_not_found"
		}
		return map[string]any{"user": map[string]any{"id": "U0DEVSG", "name": "dev-sg"}}, ""
	case "files.getUploadURLExternal":
		id := fmt.Sprintf("F%d", len(f.files)+1)
		u := &upload{name: r.FormValue("filename"), alt: r.FormValue("alt_txt")}
		if _, err := fmt.Sscan(r.FormValue("length"), &u.size); err != nil || u.size == 0 || u.name == "" {
			return nil, "invalid_arguments"
		}
		f.files[id] = u
		return map[string]any{"upload_url": f.url + "/upload/" + id, "file_id": id}, ""
	}
	if r.FormValue("channel") != where && r.FormValue("channel_id") != where {
		return nil, "channel_not_found"
	}
	switch method {
	case "chat.postMessage", "chat.postEphemeral", "chat.update":
		return f.write(method, r)
	case "files.completeUploadExternal":
		return f.share(r)
	case "conversations.history", "conversations.replies":
		return f.read(method, r)
	}
	return nil, "unknown_method"
}

// write takes a message after looking at it as closely as Slack does.
func (f *fake) write(method string, r *http.Request) (map[string]any, string) {
	m := slack.Msg{Text: r.FormValue("text"), ThreadTimestamp: r.FormValue("thread_ts"), User: r.FormValue("user")}
	if json.Unmarshal([]byte(r.FormValue("blocks")), &m.Blocks) != nil || blockkit.Lint(m.Blocks.BlockSet, m.Text) != nil {
		return nil, "invalid_blocks"
	}
	if raw := r.FormValue("metadata"); raw != "" && !f.forgets && json.Unmarshal([]byte(raw), &m.Metadata) != nil {
		return nil, "invalid_metadata_format"
	}
	if r.Form.Has("thread_ts") && f.at(m.ThreadTimestamp) < 0 {
		return nil, "thread_not_found"
	}
	if method == "chat.postEphemeral" {
		f.ephemeral = append(f.ephemeral, m)
		return map[string]any{"message_ts": "9.9"}, ""
	}
	if method == "chat.update" {
		i := f.at(r.FormValue("ts"))
		if i < 0 {
			return nil, "message_not_found"
		}
		m.Timestamp, m.ThreadTimestamp = f.messages[i].Timestamp, f.messages[i].ThreadTimestamp
		f.messages[i] = m
		return map[string]any{"channel": where, "ts": m.Timestamp}, ""
	}
	return map[string]any{"channel": where, "ts": f.add(m)}, ""
}

func (f *fake) add(m slack.Msg) string {
	m.Timestamp = fmt.Sprintf("%d.%06d", time.Now().Unix(), len(f.messages)+1)
	f.messages = append(f.messages, m)
	return m.Timestamp
}

func (f *fake) at(ts string) int {
	for i, m := range f.messages {
		if m.Timestamp == ts {
			return i
		}
	}
	return -1
}

func (f *fake) receive(w http.ResponseWriter, r *http.Request) {
	u := f.files[strings.TrimPrefix(r.URL.Path, "/upload/")]
	if before := f.fail["upload"]; before != nil && before(w) {
		return
	}
	if u == nil {
		http.Error(w, "no such upload", http.StatusNotFound)
		return
	}
	u.data, _ = io.ReadAll(r.Body)
	_, _ = io.WriteString(w, "OK")
}

func (f *fake) share(r *http.Request) (map[string]any, string) {
	var files []slack.FileSummary
	if json.Unmarshal([]byte(r.FormValue("files")), &files) != nil || len(files) != 1 {
		return nil, "invalid_arguments"
	}
	u := f.files[files[0].ID]
	if u == nil || len(u.data) != u.size {
		return nil, "file_not_found"
	}
	f.add(slack.Msg{
		ThreadTimestamp: r.FormValue("thread_ts"), Text: r.FormValue("initial_comment"),
		Files: []slack.File{{ID: files[0].ID, Name: u.name, Title: files[0].Title}},
	})
	return map[string]any{"files": files}, ""
}

// read serves the messages of a page: of a thread the oldest first, of the channel the newest first.
func (f *fake) read(method string, r *http.Request) (map[string]any, string) {
	if r.FormValue("include_all_metadata") != "1" || r.FormValue("oldest") == "" {
		return nil, "invalid_arguments"
	}
	var found []slack.Msg
	for _, m := range f.messages {
		switch root := r.FormValue("ts"); {
		case method == "conversations.replies" && (m.Timestamp == root || m.ThreadTimestamp == root):
			found = append(found, m)
		case method == "conversations.history" && m.ThreadTimestamp == "" && m.Timestamp > r.FormValue("oldest"):
			found = append([]slack.Msg{m}, found...)
		}
	}
	var from int
	_, _ = fmt.Sscan(r.FormValue("cursor"), &from)
	till, next := min(from+f.pageSize, len(found)), ""
	if till < len(found) {
		next = fmt.Sprint(till)
	}
	return map[string]any{"messages": found[from:till], "response_metadata": map[string]any{"next_cursor": next}}, ""
}

// seen remembers in memory.
type seen struct {
	mu   sync.Mutex
	keys map[string]bool
	err  error
}

func (s *seen) First(_ context.Context, key string, _ time.Duration) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return false, s.err
	}
	first := !s.keys[key]
	if s.keys == nil {
		s.keys = map[string]bool{}
	}
	s.keys[key] = true
	return first, nil
}

// threads are runs by the root of their thread.
type threads map[string]string

func (t threads) RunOf(_ context.Context, _ pipeline.Channel, root string) (string, error) {
	return t[root], nil
}

func msg(ts string) slack.Msg { return slack.Msg{Timestamp: ts} }

// count of the calls of a method so far.
func (f *fake) count(method string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, call := range f.calls {
		if call == method {
			n++
		}
	}
	return n
}

// signed makes a request as Slack does, at a time.
func signed(path, kind, body, secret string, at time.Time) *http.Request {
	r := httptest.NewRequest("POST", path, strings.NewReader(body))
	stamp := fmt.Sprint(at.Unix())
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte("v0:" + stamp + ":" + body))
	r.Header.Set("Content-Type", kind)
	r.Header.Set("X-Slack-Request-Timestamp", stamp)
	r.Header.Set("X-Slack-Signature", "v0="+hex.EncodeToString(mac.Sum(nil)))
	return r
}
