package engine

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"bellwether/pipeline"
)

// shop is an HTTP server that remembers what it was asked.
type shop struct {
	env pipeline.Environment

	mu   sync.Mutex
	seen []seen
}

type seen struct {
	method, uri, body string
	header            http.Header
}

func open(t *testing.T, answer http.HandlerFunc) *shop {
	s := &shop{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		s.seen = append(s.seen, seen{r.Method, r.RequestURI, string(body), r.Header})
		s.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(server.Close)
	s.env = pipeline.Environment{Name: "load", URL: server.URL}
	return s
}

func (s *shop) uris() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	count := map[string]int{}
	for _, r := range s.seen {
		count[r.uri]++
	}
	return count
}

func fine(http.ResponseWriter, *http.Request) {}

func engine() *Vegeta { return &Vegeta{Log: slog.New(slog.DiscardHandler)} }

func get(path string) []pipeline.Target {
	return []pipeline.Target{{Name: "only", Method: "GET", Path: path}}
}
