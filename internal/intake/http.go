package intake

import (
	"cmp"
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"bellwether/bot"
	"bellwether/pipeline"
)

// Door is the HTTP way in: POST /events takes an EventBridge envelope or CloudEvents, GET /events/runs/{id} says how a run
// fares. Both want the token. OPTIONS /events, by which a broker asks whether it may send, wants none.
type Door struct {
	Intake *Intake
	Token  string
	// Load reads a run; bot.ErrNotFound when there is none.
	Load func(ctx context.Context, id string) (pipeline.Run, error)
	// RunURL is the page of a run.
	RunURL func(id string) string
}

// RunStatus is what a sender that waits is told.
type RunStatus struct {
	ID        string           `json:"id"`
	State     pipeline.State   `json:"state"`
	Verdict   pipeline.Verdict `json:"verdict"`
	Subject   string           `json:"subject"`
	Headline  string           `json:"headline"` // how it stands, in one line
	URL       string           `json:"url"`      // its page
	Successor string           `json:"successor,omitempty"`
}

// failure is the body of an answer that is none.
type failure struct {
	Error string `json:"error"`
}

// Handler serves the two paths.
func (d *Door) Handler() http.Handler {
	inside := http.NewServeMux()
	inside.HandleFunc("POST /events", d.post)
	inside.HandleFunc("GET /events/runs/{id}", d.run)
	mux := http.NewServeMux()
	mux.HandleFunc("OPTIONS /events", consent)
	mux.Handle("/", d.guard(inside))
	return mux
}

func (d *Door) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !d.admits(r) {
			w.Header().Set("WWW-Authenticate", "Bearer")
			answer(w, http.StatusUnauthorized, failure{"wrong or missing bearer token"})
			return
		}
		next.ServeHTTP(w, r)
	})
}

// admits tells whether a request shows the token. It belongs into the header; a broker that can only be given an address has
// it in the query, where it may send events, and nothing else. Nothing here logs an address.
func (d *Door) admits(r *http.Request) bool {
	same := func(given, want string) bool { return subtle.ConstantTimeCompare([]byte(given), []byte(want)) == 1 }
	sends := r.Method == http.MethodPost && r.URL.Path == "/events"
	return d.Token != "" && (same(r.Header.Get("Authorization"), "Bearer "+d.Token) || sends && same(r.URL.Query().Get("token"), d.Token))
}

func (d *Door) post(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxEvent))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		answer(w, http.StatusRequestEntityTooLarge, failure{fmt.Sprintf("an event has at most %d KiB", MaxEvent>>10)})
		return
	case err != nil:
		answer(w, http.StatusBadRequest, failure{"the event did not arrive whole; send it again"})
		return
	}
	done, err := d.takeAll(r.Context(), messages(r.Header, body))
	var broken *Malformed
	switch {
	case errors.As(err, &broken):
		answer(w, http.StatusBadRequest, failure{broken.Reason})
	case isFinal(err):
		answer(w, http.StatusUnprocessableEntity, failure{err.Error()})
	case err != nil:
		d.Intake.Log.Error("event not stored", "error", err)
		answer(w, http.StatusServiceUnavailable, failure{"the event could not be stored; send it again"})
	default:
		answer(w, http.StatusAccepted, done)
	}
}

// takeAll takes events in their order. One that is refused holds up no other. One that cannot be stored does: the sender
// will send all of them again, and those before it are then recognised.
func (d *Door) takeAll(ctx context.Context, all []message) (accepted, error) {
	sum := accepted{Runs: []pipeline.Receipt{}} // never null
	var refused error
	for _, m := range all {
		done, err := d.Intake.accept(ctx, m)
		if err != nil && !isFinal(err) {
			return sum, err
		}
		refused = cmp.Or(refused, err)
		sum.Runs, sum.Ignored = append(sum.Runs, done.Runs...), append(sum.Ignored, done.Ignored...)
	}
	return sum, refused
}

func (d *Door) run(w http.ResponseWriter, r *http.Request) {
	run, err := d.Load(r.Context(), r.PathValue("id"))
	switch {
	case errors.Is(err, bot.ErrNotFound):
		answer(w, http.StatusNotFound, failure{"no such run"})
	case err != nil:
		d.Intake.Log.Error("run not read", "run", r.PathValue("id"), "error", err)
		answer(w, http.StatusServiceUnavailable, failure{"the run could not be read; ask again"})
	default:
		headline, _ := bot.Headline(run)
		answer(w, http.StatusOK, RunStatus{run.ID, run.State, run.Verdict, run.Subject(), headline, d.RunURL(run.ID), run.Successor})
	}
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the sender has gone: nothing is left to tell it
}
