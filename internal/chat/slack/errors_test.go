package slack

import (
	"bytes"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/bot"
)

func TestAnswersSayWhatToDo(t *testing.T) {
	for code, meaning := range meanings {
		f := newFake(t)
		c := f.chat(t)
		f.fail["chat.postMessage"] = func(w http.ResponseWriter) bool { no(w, code); return true }
		_, err := c.Post(t.Context(), root("R1"))
		require.ErrorContains(t, err, meaning.step, code)
	}
}

func TestAnswersSayWhatIsWrongWithTheBlocks(t *testing.T) {
	f := newFake(t)
	c := f.chat(t)
	f.fail["chat.postMessage"] = func(w http.ResponseWriter) bool {
		_, err := w.Write([]byte(`{"ok":false,"error":"invalid_blocks","response_metadata":{"messages":["[ERROR] no more than 150 characters [json-pointer:/blocks/0/text/text]"]}}`))
		require.NoError(t, err)
		return true
	}
	_, err := c.Post(t.Context(), root("R1"))
	require.ErrorContains(t, err, "json-pointer:/blocks/0/text/text")
}

// What an operator can mend loses no message, on whichever request it shows; what is final does not hold up the others.
func TestWhatCanBeMendedWaits(t *testing.T) {
	for code, want := range map[string]time.Duration{
		"not_in_channel": time.Minute, "channel_not_found": time.Minute,
		"invalid_auth": 5 * time.Minute, "token_expired": 5 * time.Minute, "missing_scope": 5 * time.Minute, "restricted_action": 5 * time.Minute,
		"is_archived": 0, "token_revoked": 0, "account_inactive": 0, "msg_too_long": 0, "invalid_blocks": 0, "message_not_found": 0,
	} {
		f := newFake(t)
		c := f.chat(t)
		for _, method := range []string{
			"chat.postMessage", "chat.update", "files.getUploadURLExternal", "files.completeUploadExternal", "conversations.history",
		} {
			f.fail[method] = func(w http.ResponseWriter) bool { no(w, code); return true }
		}
		_, posted := c.Post(t.Context(), root("R1"))
		_, announced := c.Post(t.Context(), chart(""))
		delete(f.fail, "files.getUploadURLExternal")
		_, shown := c.Post(t.Context(), chart(""))
		_, found := c.Find(t.Context(), root("R1"), time.Now())
		for _, err := range []error{posted, announced, shown, found, c.Edit(t.Context(), root("R1"), "1.1")} {
			var rest *bot.NotSent
			require.Equal(t, want > 0, errors.As(err, &rest), "%s: %v", code, err)
			if want > 0 {
				require.Equal(t, want, rest.After, code)
			} else {
				require.ErrorAs(t, err, new(*bot.Refused), code)
			}
		}
	}
}

// The operator is told once when a channel begins to rest, and again when it does so another time.
func TestTroubleIsToldOnce(t *testing.T) {
	f := newFake(t)
	c := f.chat(t)
	var log bytes.Buffer
	c.log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelError}))
	uninvited := func(w http.ResponseWriter) bool { no(w, "not_in_channel"); return true }
	for said := range 2 {
		f.fail["chat.postMessage"] = uninvited
		for range 3 {
			_, err := c.Post(t.Context(), root("R1"))
			require.Equal(t, "not sent", kind(err))
			require.Equal(t, said+1, strings.Count(log.String(), "level=ERROR"))
		}
		delete(f.fail, "chat.postMessage")
		_, err := c.Post(t.Context(), root("R1"))
		require.NoError(t, err, "it appears once the bot is invited")
	}
	require.Contains(t, log.String(), "channel="+where)
	require.Contains(t, log.String(), "/invite @bellwether")
}

func TestErrorKinds(t *testing.T) {
	status := func(code int, header ...string) func(http.ResponseWriter) bool {
		return func(w http.ResponseWriter) bool {
			if len(header) > 0 {
				w.Header().Set(header[0], header[1])
			}
			w.WriteHeader(code)
			return true
		}
	}
	answer := func(code string) func(http.ResponseWriter) bool {
		return func(w http.ResponseWriter) bool { no(w, code); return true }
	}
	drop := func(w http.ResponseWriter) bool {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			_ = conn.Close()
		}
		return true
	}
	text := func(s string) func(http.ResponseWriter) bool {
		return func(w http.ResponseWriter) bool { _, _ = w.Write([]byte(s)); return true }
	}
	for name, test := range map[string]struct {
		fail  func(http.ResponseWriter) bool
		kind  string
		after time.Duration
	}{
		"429":                  {status(429, "Retry-After", "17"), "not sent", 17 * time.Second},
		"429 without a time":   {status(429), "not sent", unwell},
		"redirect":             {status(302, "Location", "https://evil.example/"), "not sent", unwell},
		"403 of a proxy":       {status(403), "not sent", unwell},
		"408":                  {status(408), "unclear", 0},
		"500":                  {status(500), "unclear", 0},
		"ratelimited":          {answer("ratelimited"), "not sent", unwell},
		"a channel that moves": {answer("external_channel_migrating"), "not sent", unwell},
		"internal_error":       {answer("internal_error"), "unclear", 0},
		"service_unavailable":  {answer("service_unavailable"), "unclear", 0},
		"unheard of":           {answer("brand_new_reason"), "refused", 0},
		"no JSON":              {text("<html>"), "unclear", 0},
		"ok without a place":   {text(`{"ok":true}`), "unclear", 0},
		"dropped connection":   {drop, "unclear", 0},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			c := f.chat(t)
			f.fail["chat.postMessage"] = test.fail
			_, err := c.Post(t.Context(), root("R1"))
			require.Error(t, err)
			require.Equal(t, test.kind, kind(err))
			if late := (*bot.NotSent)(nil); errors.As(err, &late) {
				require.Equal(t, test.after, late.After)
			}
			require.Equal(t, 1, f.count("chat.postMessage"), "posted once, whatever happens")
		})
	}
}

func kind(err error) string {
	switch {
	case errors.As(err, new(*bot.NotSent)):
		return "not sent"
	case errors.As(err, new(*bot.Refused)):
		return "refused"
	}
	return "unclear"
}

// Until the last request of an upload nobody sees the picture, and any failure means that it may be tried again.
func TestUploadErrors(t *testing.T) {
	broken := func(w http.ResponseWriter) bool { w.WriteHeader(http.StatusBadGateway); return true }
	for method, want := range map[string]string{
		"files.getUploadURLExternal": "not sent", "upload": "not sent", "files.completeUploadExternal": "unclear",
	} {
		f := newFake(t)
		c := f.chat(t)
		f.fail[method] = broken
		_, err := c.Post(t.Context(), chart(""))
		require.Equal(t, want, kind(err), method)
		require.Empty(t, f.messages)
	}
}

func TestUnreachable(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	c, err := New(Settings{Workspaces: installed, SigningSecret: secret, APIURL: "http://" + l.Addr().String(), Log: slog.Default()})
	require.NoError(t, err)
	_, err = c.Post(t.Context(), root("R1"))
	require.Equal(t, "not sent", kind(err))
}

// Postman.Settle, after which somebody looks for a message, is to be longer than any attempt to post it.
func TestNoAttemptTakesLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := New(Settings{Workspaces: installed, SigningSecret: secret, Log: slog.Default()})
		require.NoError(t, err)
		c.http.Transport = stalled{after: map[string]time.Duration{"/upload": 6 * time.Second, "/api/files.getUploadURLExternal": 6 * time.Second}}
		began := time.Now()
		_, err = c.Post(t.Context(), root("R1"))
		require.Equal(t, "unclear", kind(err))
		require.Equal(t, 10*time.Second, time.Since(began))

		began = time.Now()
		_, err = c.Post(t.Context(), chart(""))
		require.Equal(t, "unclear", kind(err), "it may be shown")
		require.Equal(t, 15*time.Second, time.Since(began), "the three requests together")
	})
}

// stalled answers some paths after a while, and the others never.
type stalled struct{ after map[string]time.Duration }

func (s stalled) RoundTrip(r *http.Request) (*http.Response, error) {
	var ready <-chan time.Time
	if wait := s.after[r.URL.Path]; wait > 0 {
		ready = time.After(wait)
	}
	select {
	case <-r.Context().Done():
		return nil, r.Context().Err()
	case <-ready:
		w := httptest.NewRecorder()
		_, err := w.WriteString(`{"ok":true,"upload_url":"https://files.slack.com/upload","file_id":"F1"}`)
		return w.Result(), err
	}
}
