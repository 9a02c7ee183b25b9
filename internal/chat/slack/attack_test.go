package slack

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// attacked are the endpoints, each with something that would be done if it were signed.
func attacked() map[string][2]string {
	return map[string][2]string{
		"/slack/commands":     {form, slash("ack R42", "t1", "https://hooks.slack.com/commands/1")},
		"/slack/interactions": {form, press("ack R42", "t2", "1.000001", "", "https://hooks.slack.com/1")},
		"/slack/events":       {jsonType, mention("<@U0BELL> ack R42", "Ev1", "")},
	}
}

func TestSignature(t *testing.T) {
	now := time.Now()
	for path, said := range attacked() {
		kind, body := said[0], said[1]
		missing := signed(path, kind, body, secret, now)
		missing.Header.Del("X-Slack-Signature")
		timeless := signed(path, kind, body, secret, now)
		timeless.Header.Del("X-Slack-Request-Timestamp")
		shifted := signed(path, kind, body, secret, now.Add(-time.Hour))
		shifted.Header.Set("X-Slack-Request-Timestamp", fmt.Sprint(now.Unix()))
		changed := signed(path, kind, body, secret, now)
		changed.Body = io.NopCloser(strings.NewReader(strings.Replace(body, "R42", "R43", 1)))
		emptied := signed(path, kind, body, secret, now)
		emptied.Body = http.NoBody
		inQuery := signed(path+"?"+url.Values{"payload": {body}}.Encode(), kind, "", "guess", now)
		for name, r := range map[string]*http.Request{
			"wrong":              signed(path, kind, body, "guess", now),
			"empty":              signed(path, kind, body, "", now),
			"stale":              signed(path, kind, body, secret, now.Add(-6*time.Minute)),
			"future":             signed(path, kind, body, secret, now.Add(6*time.Minute)),
			"stale, newly dated": shifted,
			"missing":            missing,
			"without a time":     timeless,
			"changed":            changed,
			"emptied":            emptied,
			"in the query":       inQuery,
		} {
			d := answering("Help", true)
			require.Equal(t, http.StatusUnauthorized, send(newFake(t).chat(t), d, r).Code, path+" "+name)
			require.Empty(t, d.said, path+" "+name)
		}
		c, d := newFake(t).chat(t), answering("", true)
		c.signingSecret = ""
		require.Equal(t, http.StatusUnauthorized, send(c, d, signed(path, kind, body, "", now)).Code)
		require.Empty(t, d.said)
	}
}

func TestReplayIsDoneOnce(t *testing.T) {
	for path, said := range attacked() {
		c, d := newFake(t).chat(t), answering("Status", false)
		first := signed(path, said[0], said[1], secret, time.Now())
		replayed := first.Clone(t.Context())
		replayed.Body = io.NopCloser(strings.NewReader(said[1]))
		require.Equal(t, http.StatusOK, send(c, d, first).Code, path)
		require.Equal(t, http.StatusOK, send(c, d, replayed).Code, path)
		elsewhere := signed("/slack/events", said[0], said[1], secret, time.Now()) // each endpoint takes all
		require.Equal(t, http.StatusOK, send(c, d, elsewhere).Code, path)
		require.Len(t, d.said, 1, path)
	}
}

func TestOversizeAndNestedBodies(t *testing.T) {
	nested := strings.Repeat(`{"event":`, 20_000)
	for name, test := range map[string]struct {
		kind, body string
		code       int
	}{
		"oversize":           {jsonType, strings.Repeat(" ", bodyLimit+1), http.StatusRequestEntityTooLarge},
		"nested event":       {jsonType, nested, http.StatusBadRequest},
		"nested interaction": {form, url.Values{"payload": {nested}}.Encode(), http.StatusBadRequest},
		"nested blocks": {form, url.Values{"payload": {
			`{"message":{"blocks":` + strings.Repeat(`[{"elements":`, 20_000),
		}}.Encode(), http.StatusBadRequest},
		"many fields": {form, strings.Repeat("a=b&", 100_000), http.StatusBadRequest},
	} {
		d := answering("", true)
		for path := range attacked() {
			w := send(newFake(t).chat(t), d, signed(path, test.kind, test.body, secret, time.Now()))
			require.Equal(t, test.code, w.Code, name)
		}
		require.Empty(t, d.said, name)
	}
}

func TestHostileResponseURL(t *testing.T) {
	f := newFake(t)
	c := f.chat(t)
	for _, u := range []string{
		"", "http://hooks.slack.com/1", "https://hooks.slack.com.evil.example/1", "https://hooks.slack.com@evil.example/", "https://hooks.slack.com:8443/",
		"http://169.254.169.254/latest", "http://127.0.0.1:1/", "file:///etc/passwd", "https://u:p@hooks.slack.com/", "//hooks.slack.com/",
	} {
		d := answering("Status", true)
		w := send(c, d, signed("/slack/commands", form, slash("status", "t"+u, u), secret, time.Now()))
		require.Equal(t, http.StatusBadRequest, w.Code, u)
		require.Empty(t, d.said, u)
	}
	require.True(t, c.trusted(f.url+"/hooks/1"), "the api_url on this machine may do without TLS")
	c.base = &url.URL{Scheme: "http", Host: "slack.internal"}
	require.False(t, c.trusted("http://slack.internal/1"))
	require.True(t, c.trusted("https://slack.internal/1"))
}
