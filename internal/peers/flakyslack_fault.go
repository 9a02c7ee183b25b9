package peers

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"
)

// Fault is one way in which a request goes wrong. Serve may have it accepted as if nothing were wrong, or not.
type Fault struct {
	Name  string
	Serve func(w http.ResponseWriter, r *http.Request, accept http.Handler)
}

// Status turns a request away with a status, such as 500.
func Status(code int) Fault {
	return Fault{fmt.Sprint(code), func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { w.WriteHeader(code) }}
}

// Limited turns a request away for so long, in whole seconds.
func Limited(rest time.Duration) Fault {
	return Fault{"429", func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("Retry-After", fmt.Sprint(int(rest.Seconds())))
		w.WriteHeader(http.StatusTooManyRequests)
	}}
}

// Says answers a request with one of Slack's error codes, such as invalid_blocks.
func Says(code string) Fault {
	return Fault{code, func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { refuse(w, code) }}
}

func refuse(w http.ResponseWriter, code string) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"ok": false, "error": code})
}

// Cut ends the connection without an answer.
func Cut() Fault {
	return Fault{"connection cut", func(http.ResponseWriter, *http.Request, http.Handler) { panic(http.ErrAbortHandler) }}
}

// Stall gives no answer until the client has had enough, or the time is over.
func Stall(longest time.Duration) Fault {
	return Fault{"time-out", func(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
		select {
		case <-r.Context().Done():
		case <-time.After(longest):
		}
		panic(http.ErrAbortHandler)
	}}
}

// Accepted has the request accepted and then fail all the same, so that its sender cannot know.
func (f Fault) Accepted() Fault {
	return Fault{f.Name + " after accepting", func(w http.ResponseWriter, r *http.Request, accept http.Handler) {
		accept.ServeHTTP(httptest.NewRecorder(), r)
		f.Serve(w, r, accept)
	}}
}

// AcceptedLate has the request accepted only so long after it began to fail.
func (f Fault) AcceptedLate(delay time.Duration) Fault {
	return Fault{f.Name + ", accepted later", func(w http.ResponseWriter, r *http.Request, accept http.Handler) {
		time.AfterFunc(delay, func() { accept.ServeHTTP(httptest.NewRecorder(), r) })
		f.Serve(w, r, accept)
	}}
}

// Odds is the share of requests that a fault meets, from 0 to 1.
type Odds struct {
	Share float64
	Fault Fault
}

// Random chooses the fault of a request by its odds; nil for none. The same seed makes the same choices.
func Random(seed uint64, odds ...Odds) func(method string) *Fault {
	var mu sync.Mutex
	source := rand.New(rand.NewPCG(seed, seed))
	return func(string) *Fault {
		mu.Lock()
		defer mu.Unlock()
		at := source.Float64()
		for _, o := range odds {
			if at -= o.Share; at < 0 {
				return &o.Fault
			}
		}
		return nil
	}
}
