package web

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/bot"
	"bellwether/commands"
)

func callerOf(person string) commands.Caller {
	return commands.Caller{Channel: in("team-checkout"), User: person, Name: person}
}

// patience ends a test whose answer or event never comes.
const patience = 5 * time.Second

// ask sends one request as a program would, changed by edit.
func ask(t *testing.T, h http.Handler, method, target, body string, edit func(*http.Request)) *httptest.ResponseRecorder {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	r := httptest.NewRequestWithContext(ctx, method, target, strings.NewReader(body))
	r.Host = "127.0.0.1:8080"
	r.Header.Set("Content-Type", "application/json")
	if edit != nil {
		edit(r)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

const ackInChannel = `{"channel":"team-checkout","thread":"","as":"dev-sg","text":"/loadtest ack R4"}`

func TestOnlyItsOwnPageUsesTheChat(t *testing.T) {
	r := room(&oracle{})
	r.Hosts = []string{"localhost", "127.0.0.1:8080", "::1"}
	h := newChat().Handler(r)
	header := func(pairs ...string) func(*http.Request) {
		return func(r *http.Request) {
			for i := 0; i < len(pairs); i += 2 {
				r.Header.Set(pairs[i], pairs[i+1])
			}
		}
	}
	host := func(name string) func(*http.Request) { return func(r *http.Request) { r.Host = name } }
	for name, c := range map[string]struct {
		method, path string
		edit         func(*http.Request)
		want         int
	}{
		"the page":                         {"GET", "/", nil, 200},
		"the page, from a link elsewhere":  {"GET", "/", header("Sec-Fetch-Site", "cross-site"), 200},
		"a name with any port":             {"GET", "/", host("localhost:9999"), 200},
		"an IPv6 address":                  {"GET", "/", host("[::1]:8080"), 200},
		"a name bound to this address":     {"GET", "/", host("evil.example"), 403},
		"another port of an address":       {"GET", "/", host("127.0.0.1:9999"), 403},
		"a command of a program":           {"POST", "/chat/commands", nil, 200},
		"a command of the page":            {"POST", "/chat/commands", header("Origin", "http://127.0.0.1:8080", "Sec-Fetch-Site", "same-origin"), 200},
		"a command of another site":        {"POST", "/chat/commands", header("Origin", "http://evil.example"), 403},
		"a command of another port":        {"POST", "/chat/commands", header("Origin", "http://127.0.0.1:3000"), 403},
		"a command of a sandboxed frame":   {"POST", "/chat/commands", header("Origin", "null"), 403},
		"a command said to be cross-site":  {"POST", "/chat/commands", header("Sec-Fetch-Site", "cross-site"), 403},
		"a form of a program":              {"POST", "/chat/forms", nil, 200},
		"a form of another site":           {"POST", "/chat/forms", header("Origin", "http://evil.example"), 403},
		"a form under a foreign name":      {"POST", "/chat/forms", host("evil.example"), 403},
		"a form by a link":                 {"GET", "/chat/forms", nil, 405},
		"a form asked for in plain text":   {"POST", "/chat/forms", header("Content-Type", "text/plain"), 415},
		"an event of another site":         {"POST", "/chat/scenes/search", header("Origin", "http://evil.example"), 403},
		"a stream to another site":         {"GET", "/chat/stream", header("Origin", "http://evil.example"), 403},
		"a transcript for another site":    {"GET", "/chat/transcript.json", header("Sec-Fetch-Site", "same-site"), 403},
		"a form that poses as plain text":  {"POST", "/chat/commands", header("Content-Type", "text/plain"), 415},
		"a method that is not there":       {"DELETE", "/chat/commands", nil, 405},
		"a path that is not there":         {"GET", "/chat/templates/page.html", nil, 404},
		"a picture that is not there":      {"GET", "/chat/pictures/m1.png", nil, 404},
		"an event that is not on the list": {"POST", "/chat/scenes/nuke", nil, 404},
	} {
		t.Run(name, func(t *testing.T) {
			w := ask(t, h, c.method, c.path, ackInChannel, c.edit)
			require.Equal(t, c.want, w.Code, w.Body)
			require.Contains(t, w.Header().Get("Content-Security-Policy"), "default-src 'none'; script-src 'self';")
			require.Equal(t, "nosniff", w.Header().Get("X-Content-Type-Options"))
			require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
		})
	}
}

func TestCommandsThatAreNotTaken(t *testing.T) {
	c, desk := newChat(), &oracle{}
	reply := c.mustPost(t, announcement())
	c.mustPost(t, results(reply))
	h := c.Handler(room(desk))
	for name, refused := range map[string]struct {
		body string
		want int
	}{
		"too long":             {`{"text":"` + strings.Repeat("x", maxBody) + `"}`, 413},
		"no JSON":              {`ack R4`, 400},
		"an unknown person":    {`{"channel":"team-checkout","as":"mallory","text":"ack R4"}`, 400},
		"an unknown channel":   {`{"channel":"board","as":"dev-sg","text":"ack R4"}`, 400},
		"an unknown thread":    {`{"channel":"team-checkout","thread":"m99","as":"dev-sg","text":"ack R4"}`, 400},
		"a thread elsewhere":   {`{"channel":"team-search","thread":"m1","as":"dev-sg","text":"ack R4"}`, 400},
		"a reply, not a root":  {`{"channel":"team-checkout","thread":"m2","as":"dev-sg","text":"ack R4"}`, 400},
		"nothing but a prefix": {`{"channel":"team-checkout","as":"dev-sg"`, 400},
	} {
		t.Run(name, func(t *testing.T) {
			for _, path := range []string{"/chat/commands", "/chat/forms"} {
				require.Equal(t, refused.want, ask(t, h, "POST", path, refused.body, nil).Code, path)
			}
		})
	}
	require.Empty(t, desk.heard)
	posts, _ := c.snapshot()
	require.Len(t, posts, 2)
}

func TestACommandInAThreadMeansItsRun(t *testing.T) {
	c, desk := newChat(), &oracle{}
	root := c.mustPost(t, announcement())
	h := c.Handler(room(desk))
	w := ask(t, h, "POST", "/chat/commands", `{"channel":"team-checkout","thread":"`+root+`","as":"dev-sg","text":"  ack it "}`, nil)
	require.JSONEq(t, `{"private":false}`, w.Body.String())
	by := callerOf("dev-sg")
	by.Run = "R4"
	require.Equal(t, asked{by, "ack it"}, desk.last(t))
	posts, _ := c.snapshot()
	require.Equal(t, []string{"dev-sg", root, "/loadtest ack it"}, []string{posts[1].author, posts[1].thread, posts[1].message.Title})
	require.Equal(t, []string{botName, root, "it is acknowledged by dev-sg"}, []string{posts[2].author, posts[2].thread, posts[2].message.Title})
}

func TestAPrivateReplyLeavesNoTrace(t *testing.T) {
	c := newChat()
	w := ask(t, c.Handler(room(&oracle{})), "POST", "/chat/commands", `{"channel":"team-checkout","as":"dev-sg","text":"<b>"}`, nil)
	var a answer
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &a))
	require.True(t, a.Private)
	require.Equal(t, "There is no command \"<b>\".\nDid you mean /loadtest rerun?", a.Text)
	require.Contains(t, a.HTML, "/loadtest &lt;b&gt;")
	posts, _ := c.snapshot()
	require.Empty(t, posts)
}

func TestAnEventThatCannotBeSentIsTold(t *testing.T) {
	r := room(&oracle{})
	r.Play = func(context.Context, string) error { return errors.New("the shop is not running") }
	w := ask(t, newChat().Handler(r), "POST", "/chat/scenes/search", "", nil)
	require.Equal(t, 500, w.Code)
	require.Equal(t, "the event was not sent: the shop is not running\n", w.Body.String())
}

func TestWithoutScenesThereIsNoPanel(t *testing.T) {
	r := room(&oracle{})
	require.Contains(t, ask(t, newChat().Handler(r), "GET", "/", "", nil).Body.String(), `id="panel"`)
	r.Panel = nil
	require.NotContains(t, ask(t, newChat().Handler(r), "GET", "/", "", nil).Body.String(), `panel`)
}

func TestTheAddressChoosesTheChannel(t *testing.T) {
	c := newChat()
	c.mustPost(t, bot.Outgoing{ID: "x", Channel: in("elsewhere"), Message: bot.Message{Title: "hello"}})
	for query, want := range map[string]string{"": "team-checkout", "?channel=team-search": "team-search", "?channel=elsewhere": "elsewhere", "?channel=<b>": "team-checkout"} {
		body := ask(t, c.Handler(room(&oracle{})), "GET", "/"+query, "", nil).Body.String()
		require.Contains(t, body, `<span id="channel">`+want+`</span>`, query)
		require.Contains(t, body, `aria-label="Messages in `+want+`">`, "it is not hidden")
		require.Equal(t, 3, strings.Count(body, `" hidden>
      <p class="empty">`), "the others are")
	}
}

func TestPicturesAndTheTranscriptOfThePage(t *testing.T) {
	c := newChat()
	root := c.mustPost(t, announcement())
	ref := c.mustPost(t, chart(t, root))
	h := c.Handler(room(&oracle{}))
	w := ask(t, h, "GET", "/chat/pictures/"+ref+".png", "", nil)
	require.Equal(t, "image/png", w.Header().Get("Content-Type"))
	require.Equal(t, drawing(t), w.Body.Bytes())
	require.Contains(t, ask(t, h, "GET", "/chat/transcript.json", "", nil).Body.String(), `"images":["pictures/`+ref+`.png"]`)
}

func TestThePictureOfAPrivateReply(t *testing.T) {
	h := newChat().Handler(room(&oracle{chart: drawing(t)}))
	w := ask(t, h, "POST", "/chat/commands", strings.Replace(ackInChannel, "ack R4", "history checkout-flow", 1), nil)
	var a answer
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &a))
	require.True(t, a.Private)
	require.Contains(t, a.HTML, `alt="14 runs, last 312 ms"`)
	_, rest, found := strings.Cut(a.HTML, `<img src="`)
	require.True(t, found, a.HTML)
	url, _, _ := strings.Cut(rest, `"`)
	require.Equal(t, drawing(t), ask(t, h, "GET", url, "", nil).Body.Bytes())
	require.NotContains(t, ask(t, h, "GET", "/", "", nil).Body.String(), url, "nobody else sees it")
}

// A picture that is none is told to the operator, and nothing is shown.
func TestAPictureOfAReplyMustBeAPNG(t *testing.T) {
	h := newChat().Handler(room(&oracle{chart: []byte("GIF89a")}))
	w := ask(t, h, "POST", "/chat/commands", strings.Replace(ackInChannel, "ack R4", "history checkout-flow", 1), nil)
	require.Equal(t, http.StatusInternalServerError, w.Code)
}

// reader reads a stream of events.
type reader struct {
	*testing.T
	lines *bufio.Scanner
	id    string // of the last event
}

func listen(t *testing.T, s *httptest.Server, lastEventID string) *reader {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, "GET", s.URL+"/chat/stream", nil)
	require.NoError(t, err)
	r.Header.Set("Last-Event-ID", lastEventID)
	response, err := s.Client().Do(r)
	require.NoError(t, err)
	t.Cleanup(func() { response.Body.Close() })
	require.Equal(t, "text/event-stream", response.Header.Get("Content-Type"))
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, 1<<20)
	return &reader{T: t, lines: lines}
}

func (r *reader) next() update {
	r.Helper()
	for r.lines.Scan() {
		if id, ok := strings.CutPrefix(r.lines.Text(), "id: "); ok {
			r.id = id
		}
		if data, ok := strings.CutPrefix(r.lines.Text(), "data: "); ok {
			var u update
			require.NoError(r, json.Unmarshal([]byte(data), &u))
			return u
		}
	}
	require.FailNow(r, "the stream ended", r.lines.Err())
	return update{}
}

func TestStreamGoesOnWhereItBrokeOff(t *testing.T) {
	c := newChat()
	s := serve(t, c, room(&oracle{}))
	root := c.mustPost(t, announcement())
	first := listen(t, s, "")
	u := first.next()
	require.Equal(t, []string{root, "team-checkout", "", "Bellwether: checkout v43 is being tested"}, []string{u.ID, u.Channel, u.Thread, u.Title})
	reply := c.mustPost(t, results(root))
	u = first.next()
	require.Equal(t, []string{reply, root}, []string{u.ID, u.Thread})
	require.Contains(t, u.Summary, "1 reply")

	require.NoError(t, c.Edit(t.Context(), announcement(), root))
	require.NoError(t, c.Edit(t.Context(), regressed(), root))
	missed := c.mustPost(t, chart(t, root))
	second := listen(t, s, first.id)
	u = second.next()
	require.Equal(t, root, u.ID, "the edit comes first, and the reply that was seen is not sent again")
	require.Contains(t, u.HTML, "p95 went from <strong>182 ms</strong>")
	require.Equal(t, missed, second.next().ID)
	latest := c.mustPost(t, bot.Outgoing{ID: "R5/root", Channel: in("team-search")})
	require.Equal(t, latest, second.next().ID, "nothing is sent twice")
}

func TestStreamOfARestartedServerAsksForAReload(t *testing.T) {
	s := serve(t, newChat(), room(&oracle{}))
	r := listen(t, s, "before.17")
	body := ""
	for r.lines.Scan() {
		body += r.lines.Text() + "\n"
	}
	require.Contains(t, body, "event: restarted\n")
}

func TestStreamEndsWithTheServer(t *testing.T) {
	base, stop := context.WithCancel(t.Context())
	s := httptest.NewUnstartedServer(newChat().Handler(room(&oracle{})))
	s.Config.BaseContext = func(net.Listener) context.Context { return base }
	s.Start()
	r := listen(t, s, "")
	stop()
	for r.lines.Scan() {
	}
	require.NoError(t, r.lines.Err(), "it ends as a whole, before patience does")
	s.Close() // would wait for a stream that goes on
}
