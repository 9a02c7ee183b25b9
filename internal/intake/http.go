package intake

import (
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

// Door is the HTTP way in: POST /events takes an envelope, GET /events/runs/{id} says how a run fares. Both want the token.
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

// accepted and failure are the bodies of the other answers.
type (
	accepted struct {
		Runs []pipeline.Receipt `json:"runs"`
	}
	failure struct {
		Error string `json:"error"`
	}
)

// Handler serves the two paths.
func (d *Door) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /events", d.post)
	mux.HandleFunc("GET /events/runs/{id}", d.run)
	return d.guard(mux)
}

func (d *Door) guard(next http.Handler) http.Handler {
	want := []byte("Bearer " + d.Token)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if d.Token == "" || subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), want) != 1 {
			w.Header().Set("WWW-Authenticate", "Bearer")
			answer(w, http.StatusUnauthorized, failure{"wrong or missing bearer token"})
			return
		}
		next.ServeHTTP(w, r)
	})
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
	receipts, err := d.Intake.Take(r.Context(), body)
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
		answer(w, http.StatusAccepted, accepted{append([]pipeline.Receipt{}, receipts...)}) // never null
	}
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
