package app

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"bellwether/internal/peers"
	"bellwether/pipeline"
)

// A replica is killed after Teams took a message and before it noted that. Nobody can read back what is on Teams: after a
// restart the message is there once more, and everything behind it.
func TestTeamsCrash(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fatal func(path, body string) bool
		check func(*classroom, *testing.T)
	}{
		"announcement": {func(path, _ string) bool { return strings.HasSuffix(path, "/conversations") }, (*classroom).announcedTwice},
		"report":       {func(_, body string) bool { return strings.Contains(body, "No baseline yet") }, (*classroom).reportedTwice},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := openClassroom(t)
			fatal := c.standBetween(t, test.fatal)
			first := c.serve(t)
			fatal.Store(first)
			run := c.submit(t, "1.0.0")
			<-first.ended

			c.serve(t)
			require.Equal(t, pipeline.Done, c.ended(t, run).State)
			c.quiet(t)
			test.check(c, t)
		})
	}
}

// standBetween the site and Teams: a message that is fatal gets through, and kills the replica which is stored.
func (c *classroom) standBetween(t *testing.T, fatal func(path, body string) bool) *atomic.Pointer[replica] {
	t.Helper()
	to, err := url.Parse(c.playground.URL)
	require.NoError(t, err)
	pass := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) }}
	var victim atomic.Pointer[replica]
	between := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		if r.Method != http.MethodPost || !fatal(r.URL.Path, string(body)) {
			pass.ServeHTTP(w, r)
			return
		}
		if one := victim.Swap(nil); one != nil {
			defer one.kill()
			w = httptest.NewRecorder() // of which nobody hears
		}
		pass.ServeHTTP(w, r)
	}))
	t.Cleanup(between.Close)
	c.settings["chat"].(object)["teams"].(object)["endpoints"].(object)["connector"] = between.URL + "/_connector"
	return &victim
}

const sentAgain = "Sent again, because nobody can tell whether it arrived the first time."

// announcedTwice: everything else is in the thread of the second announcement.
func (c *classroom) announcedTwice(t *testing.T) {
	all := c.playground.Messages(peers.PlaygroundChannel)
	require.Len(t, all, 4)
	first, second := all[0], all[1]
	require.True(t, first.Root && second.Root)
	require.Contains(t, string(second.Card), "passed")
	require.Zero(t, first.Edits)
	for _, m := range all[2:] {
		require.Equal(t, second.Thread, m.Thread)
	}
}

// reportedTwice: the second one says so, and the thread goes on behind it.
func (c *classroom) reportedTwice(t *testing.T) {
	all := c.playground.Messages(peers.PlaygroundChannel)
	require.Len(t, all, 4)
	root, first, second, chart := all[0], all[1], all[2], all[3]
	require.True(t, root.Root)
	require.Contains(t, string(root.Card), "passed")
	require.NotContains(t, string(first.Card), sentAgain)
	require.Contains(t, string(second.Card), sentAgain)
	require.Contains(t, string(chart.Card), c.public+"/pictures/")
	for _, m := range all {
		require.Equal(t, root.Thread, m.Thread)
	}
}
