package app

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/pipeline"
)

// frail is a shop that can break down, and be unwell, while it is under load.
type frail struct {
	*shop
	breaks, faints atomic.Bool
	last           atomic.Int64 // when it was asked last, in nanoseconds since 1970; its health does not count
}

func openFrail(t *testing.T) *frail {
	t.Helper()
	f := &frail{shop: &shop{}}
	mux := http.NewServeMux()
	mux.HandleFunc("/health", func(w http.ResponseWriter, _ *http.Request) {
		if f.faints.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	mux.HandleFunc("/cart", func(w http.ResponseWriter, _ *http.Request) {
		f.Requests.Add(1)
		f.last.Store(time.Now().UnixNano())
		if f.breaks.Load() {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	f.URL = server.URL
	return f
}

// Load that does more harm than good is stopped, and what was tested has not passed.
func TestLoadIsAborted(t *testing.T) {
	const atOnce, look = 2 * time.Second, 500 * time.Millisecond // from one look to the next
	for name, test := range map[string]struct {
		environment string
		harm        func(*frail)
		bears       time.Duration // the load goes on for so long
		reason      string
	}{
		"errors": {
			"abort: {errors: 50%, for: 2s}, ", func(f *frail) { f.breaks.Store(true) }, 2 * time.Second,
			"more than 50 % of the requests failed for 2s",
		},
		"health": {
			"health: /health, ", func(f *frail) { f.faints.Store(true) }, 0,
			"the environment is not well: its health is 503 Service Unavailable",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newWebSite(t)
			shop := openFrail(t)
			s.shop = shop.shop
			s.looksAfter(t, test.environment, "duration: 2s", "duration: 20s")
			s.serve(t)
			run := s.submit(t, "1.0.0")
			s.shop.underLoad(t)
			began := time.Now()
			test.harm(shop)
			end := s.ended(t, run)
			stopped := time.Unix(0, shop.last.Load()).Sub(began)
			t.Logf("the last request came %s after the harm", stopped.Round(time.Millisecond))
			require.Less(t, stopped, test.bears+atOnce)
			require.Greater(t, stopped, test.bears-look)

			require.Equal(t, pipeline.Failed, end.Verdict)
			require.Equal(t, fmt.Sprintf("%s failed under load: %s", end.Subject, test.reason), end.Headline)
			past, err := s.memory(t).Past(t.Context(), "load", pipeline.Scenario{Name: "checkout-flow"})
			require.NoError(t, err)
			require.Empty(t, past.Results)
			s.quiet(t)
			require.True(t, strings.HasPrefix(s.root(t, end).Text, end.Headline))
		})
	}
}
