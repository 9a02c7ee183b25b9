package slack

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

const form, jsonType = "application/x-www-form-urlencoded", "application/json"

func slash(text, trigger, responseURL string) string {
	return url.Values{
		"command": {"/loadtest"}, "text": {text}, "trigger_id": {trigger}, "response_url": {responseURL}, "channel_id": {where},
		"user_id": {"U0DEVSG"}, "user_name": {"dev-sg"},
	}.Encode()
}

func press(value, trigger, ts, thread, responseURL string) string {
	return url.Values{"payload": {pretty(map[string]any{
		"type": "block_actions", "trigger_id": trigger, "response_url": responseURL, "channel": map[string]any{"id": where},
		"user": map[string]any{"id": "U0DEVSG", "name": "dev-sg"}, "message": map[string]any{"ts": ts, "thread_ts": thread},
		"actions": []any{map[string]any{"type": "button", "action_id": "action-0", "block_id": "b", "value": value}},
	})}}.Encode()
}

func mention(text, id, thread string) string {
	return pretty(map[string]any{"type": "event_callback", "event_id": id, "event": map[string]any{
		"type": "app_mention", "user": "U0DEVSG", "text": text, "ts": "2.000001", "thread_ts": thread, "channel": where,
	}})
}

// send hands the request in and waits for everything that comes of it.
func send(c *Chat, d Desk, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	c.Handler(d).ServeHTTP(w, r)
	c.Wait()
	return w
}

func TestCommandAnsweredAtOnce(t *testing.T) {
	for private, want := range map[bool]string{true: "ephemeral", false: "in_channel"} {
		d := answering("Status", private)
		r := signed("/slack/events", form, slash("ack R42 because a &lt; b, see <https://x.example/1>", "t1", "https://hooks.slack.com/1"), secret, time.Now())
		w := send(newFake(t).chat(t), d, r)
		require.Equal(t, http.StatusOK, w.Code)
		require.Equal(t, jsonType, w.Header().Get("Content-Type"))
		require.Contains(t, w.Body.String(), `"response_type":"`+want+`"`)
		require.Contains(t, w.Body.String(), "Status")
		require.Equal(t, []string{"slack:C0CHECKOUT U0DEVSG dev-sg [] ack R42 because a < b, see https://x.example/1"}, d.said)
	}
}

// When the store does not answer, Slack is told so before anything is done, and what it delivers again gets through.
func TestStoreDown(t *testing.T) {
	for _, r := range []struct{ path, kind, body string }{
		{"/slack/events", jsonType, mention("<@U0BELL> status", "Ev1", "")},
		{"/slack/commands", form, slash("status", "t1", "https://hooks.slack.com/1")},
		{"/slack/interactions", form, press("ack R42", "t2", "1.000001", "", "https://hooks.slack.com/1")},
	} {
		c, d := newFake(t).chat(t), answering("Status", false)
		store := &seen{err: errors.New("redis is away")}
		c.seen = store
		w := send(c, d, signed(r.path, r.kind, r.body, secret, time.Now()))
		require.Equal(t, http.StatusInternalServerError, w.Code, r.path)
		require.Empty(t, d.said, r.path)
		store.err = nil
		w = send(c, d, signed(r.path, r.kind, r.body, secret, time.Now()))
		require.Equal(t, http.StatusOK, w.Code, r.path)
		require.Len(t, d.said, 1, r.path)
	}
}

func TestSlowCommandAnswersLater(t *testing.T) {
	c := newFake(t).chat(t)
	synctest.Test(t, func(t *testing.T) {
		var posted bytes.Buffer
		c.http = &http.Client{Transport: inProcess{http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			_, _ = fmt.Fprint(&posted, r.URL, " ")
			_, _ = posted.ReadFrom(r.Body)
		})}}
		d := answering("Status", true)
		d.took = 10 * time.Second
		began, w := time.Now(), httptest.NewRecorder()
		r := signed("/slack/commands", form, slash("status", "t1", "https://hooks.slack.com/commands/1"), secret, time.Now())
		c.Handler(d).ServeHTTP(w, r)
		require.Equal(t, patience, time.Since(began), "acknowledged before Slack loses its patience")
		require.Equal(t, http.StatusOK, w.Code)
		require.Empty(t, w.Body.String())
		c.Wait()
		require.Equal(t, d.took, time.Since(began))
		require.Contains(t, posted.String(), "https://hooks.slack.com/commands/1 ")
		require.Contains(t, posted.String(), `"response_type":"ephemeral"`)
	})
}

func TestButton(t *testing.T) {
	for name, test := range map[string]struct {
		private bool
		message string // ts
		thread  string
		want    string
	}{
		"private, root":                  {true, "1.000001", "", `"replace_original":false`},
		"private, thread":                {true, "1.000002", "1.000001", `"thread_ts":"1.000001"`},
		"private, root that has replies": {true, "1.000001", "1.000001", `"response_type":"ephemeral"`},
		"public":                         {false, "1.000001", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			c := newFake(t).chat(t)
			got := ""
			c.http = &http.Client{Transport: inProcess{http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				if r.URL.Host == "hooks.slack.com" {
					var b bytes.Buffer
					_, _ = b.ReadFrom(r.Body)
					got += b.String()
				}
			})}}
			d := answering("Not yours", test.private)
			w := send(c, d, signed("/slack/interactions", form, press("ack R42", "t1", test.message, test.thread, "https://hooks.slack.com/1"), secret, time.Now()))
			require.Equal(t, http.StatusOK, w.Code)
			require.Empty(t, w.Body.String())
			require.Equal(t, []string{"slack:C0CHECKOUT U0DEVSG dev-sg [R42] ack R42"}, d.said)
			require.Contains(t, got, test.want)
			require.Equal(t, test.message != "1.000001", strings.Contains(got, "thread_ts"), "where the person looks")
			require.Equal(t, test.private, got != "", "what a press did publicly shows in its thread")
		})
	}
}

func TestMention(t *testing.T) {
	for private := range map[bool]bool{true: true, false: true} {
		f := newFake(t)
		c, d := f.chat(t), answering("Status", private)
		f.messages = append(f.messages, msg("1.000001"), msg("2.000001"))
		for _, thread := range []string{"1.000001", ""} {
			r := signed("/slack/events", jsonType, mention("<@U0BELL> ack because <@U0BOSS> knows", "Ev"+thread, thread), secret, time.Now())
			require.Equal(t, http.StatusOK, send(c, d, r).Code)
		}
		require.Equal(t, []string{
			"slack:C0CHECKOUT U0DEVSG dev-sg [R42] ack because <@U0BOSS> knows",
			"slack:C0CHECKOUT U0DEVSG dev-sg [] ack because <@U0BOSS> knows",
		}, d.said)
		require.Equal(t, 1, f.count("users.info"), "the name is asked for once")
		if private {
			require.Len(t, f.ephemeral, 2)
			require.Equal(t, "1.000001", f.ephemeral[0].ThreadTimestamp)
			require.Empty(t, f.ephemeral[1].ThreadTimestamp)
			require.Equal(t, "U0DEVSG", f.ephemeral[0].User)
			continue
		}
		require.Len(t, f.messages, 4)
		require.Equal(t, "1.000001", f.messages[2].ThreadTimestamp)
		require.Equal(t, "2.000001", f.messages[3].ThreadTimestamp, "a thread of its own")
	}
}

func TestWhatSaysNothing(t *testing.T) {
	for name, test := range map[string]struct {
		kind, body string
		code       int
		want       string
	}{
		"challenge":        {jsonType, `{"type":"url_verification","challenge":"xyz"}`, 200, "xyz"},
		"ssl check":        {form, "ssl_check=1&token=x", 200, ""},
		"other event":      {jsonType, `{"type":"event_callback","event_id":"E","event":{"type":"message","text":"hi"}}`, 200, ""},
		"a bot's mention":  {jsonType, `{"type":"event_callback","event_id":"E","event":{"type":"app_mention","user":"U1","bot_id":"B1"}}`, 200, ""},
		"edited mention":   {jsonType, `{"type":"event_callback","event_id":"E","event":{"type":"app_mention","user":"U1","edited":{}}}`, 200, ""},
		"link button":      {form, press("", "t1", "1.000001", "", "https://hooks.slack.com/1"), 200, ""},
		"view":             {form, url.Values{"payload": {`{"type":"view_closed"}`}}.Encode(), 200, ""},
		"no event id":      {jsonType, mention("x", "", ""), 400, ""},
		"no trigger":       {form, slash("x", "", "https://hooks.slack.com/1"), 400, ""},
		"broken JSON":      {jsonType, `{"type":`, 400, ""},
		"broken payload":   {form, "payload=%7B", 400, ""},
		"broken form":      {form, "a=%zz", 400, ""},
		"something else":   {form, "a=b", 400, ""},
		"no body, no type": {"", "", 400, ""},
	} {
		t.Run(name, func(t *testing.T) {
			d := answering("x", true)
			w := send(newFake(t).chat(t), d, signed("/slack/commands", test.kind, test.body, secret, time.Now()))
			require.Equal(t, test.code, w.Code)
			require.Empty(t, d.said)
			if test.code == http.StatusOK {
				require.Equal(t, test.want, w.Body.String())
			}
		})
	}
}

func TestOnlyPostsAreHeard(t *testing.T) {
	w := send(newFake(t).chat(t), answering("x", true), httptest.NewRequest("GET", "/slack/commands", nil))
	require.Equal(t, http.StatusMethodNotAllowed, w.Code)
}
