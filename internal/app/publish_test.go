package app

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/stretchr/testify/require"

	"bellwether/internal/intake"
	"bellwether/internal/peers"
	"bellwether/pipeline"
)

const onCompleted = `{"source": ["bellwether"], "detail-type": ["Bellwether Run Completed"]}`

// wire is a server whose runs' ends are published, with the events that came out, and how often the bus is to be away.
type wire struct {
	*server
	*completions
	away atomic.Int32

	mu     sync.Mutex
	events []json.RawMessage
}

func newWire(t *testing.T) *wire {
	w := &wire{server: bare(t)}
	bus := peers.EventBridge(t, []byte(onCompleted), func(envelope []byte) {
		var e intake.Envelope
		require.NoError(t, json.Unmarshal(envelope, &e))
		w.mu.Lock()
		defer w.mu.Unlock()
		w.events = append(w.events, e.Detail)
	})
	front := httptest.NewServer(http.HandlerFunc(func(answer http.ResponseWriter, r *http.Request) {
		if w.away.Add(-1) >= 0 {
			answer.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		bus.ServeHTTP(answer, r)
	}))
	t.Cleanup(front.Close)
	settings := bus.Config()
	settings.BaseEndpoint, settings.RetryMaxAttempts = aws.String(front.URL), 1
	w.completions = &completions{
		Teller: teller(func(pipeline.Run) {}), Lanes: w.lanes, Load: w.store.Load, Log: w.log,
		Bus:    &intake.Bus{Client: eventbridge.NewFromConfig(settings), Name: bus.Name},
		RunURL: func(id string) string { return "https://bellwether.example.com/runs/" + id },
	}
	return w
}

// published works the lane off and returns the runs whose end came out, with their states.
func (w *wire) published(t *testing.T) []string {
	t.Helper()
	w.drain(t, "publish/load", w.publish)
	w.mu.Lock()
	defer w.mu.Unlock()
	var ended []string
	for _, detail := range w.events {
		var c completed
		require.NoError(t, json.Unmarshal(detail, &c))
		ended = append(ended, c.Run+" "+string(c.State))
	}
	return ended
}

func TestAnEndedRunIsPublished(t *testing.T) {
	at := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	run := pipeline.Run{
		ID: "R42", Environment: "load", Cause: pipeline.CauseChange, State: pipeline.Done, Verdict: pipeline.Regressed,
		Started: at, Finished: at.Add(5 * time.Minute),
		Changes: []pipeline.Change{{Kind: pipeline.KindService, Name: "checkout", Revision: "1f6c", Version: "1.5.0", Image: "r/i:1.5.0"}},
		Outcomes: []pipeline.Outcome{{Scenario: "checkout-flow", Verdict: pipeline.Regressed, Findings: []pipeline.Finding{
			{Group: "checkout-flow", Metric: pipeline.P50, Was: 90, Now: 91, Verdict: pipeline.Pass},
			{Group: "checkout-flow/order", Metric: pipeline.P95, Was: 212.4, Now: 318.9, Ratio: 1.5, Verdict: pipeline.Regressed},
		}}},
	}
	w := newWire(t)
	w.Load = func(context.Context, string) (pipeline.Run, error) { return run, nil }
	require.NoError(t, w.Tell(t.Context(), run))
	require.Equal(t, []string{"R42 done"}, w.published(t))
	var headline struct{ Headline string }
	require.NoError(t, json.Unmarshal(w.events[0], &headline))
	require.Contains(t, headline.Headline, "checkout 1.5.0")
	require.JSONEq(t, `{
		"run": "R42", "state": "done", "verdict": "regressed", "environment": "load", "cause": "change",
		"changes": [{"kind": "service", "name": "checkout", "revision": "1f6c", "version": "1.5.0", "image": "r/i:1.5.0"}],
		"headline": "`+headline.Headline+`", "url": "https://bellwether.example.com/runs/R42",
		"regressions": [{"scenario": "checkout-flow", "group": "checkout-flow/order", "metric": "p95", "was": 212.4, "now": 318.9}],
		"started": "2026-11-23T09:00:00Z", "finished": "2026-11-23T09:05:00Z"}`, string(w.events[0]))
}

// People hear of a run again and again; the bus does once, and only when it is over.
func TestAnEndIsPublishedOnce(t *testing.T) {
	w := newWire(t)
	told := 0
	w.Teller = teller(func(pipeline.Run) { told++ })
	run := pipeline.Run{ID: "R1", Environment: "load", State: pipeline.Running}
	w.Load = func(context.Context, string) (pipeline.Run, error) { return run, nil }
	require.NoError(t, w.Tell(t.Context(), run))
	require.Empty(t, w.published(t))
	run.State = pipeline.Done
	for range 2 {
		require.NoError(t, w.Tell(t.Context(), run))
		require.NoError(t, w.Tell(t.Context(), run))
		require.Equal(t, []string{"R1 done"}, w.published(t))
	}
	require.Equal(t, 5, told)
}

// These runs never have their turn.
func TestWhatEndsWhileItWaitsIsPublished(t *testing.T) {
	w := newWire(t)
	catalog := &pipeline.Catalog{
		Services:     map[string]pipeline.Service{"checkout": {Name: "checkout", Environments: []string{"load"}}},
		Environments: map[string]pipeline.Environment{"load": {Name: "load"}},
	}
	submitter := &pipeline.Submitter{
		Catalog: func() *pipeline.Catalog { return catalog }, Queue: w.store, Teller: w.completions, Now: time.Now,
	}
	for _, revision := range []string{"a", "b"} {
		_, err := submitter.Submit(t.Context(), pipeline.Change{EventID: revision, Kind: pipeline.KindService, Name: "checkout", Revision: revision})
		require.NoError(t, err)
	}
	require.Equal(t, []string{"R1 superseded"}, w.published(t))
	run, err := w.store.Cancel(t.Context(), "R2", pipeline.Mark{By: "web:mei", Name: "Mei", At: time.Now()})
	require.NoError(t, err)
	require.NoError(t, w.Tell(t.Context(), run))
	require.Equal(t, []string{"R1 superseded", "R2 cancelled"}, w.published(t))
	require.Contains(t, string(w.events[0]), `"successor":"R2"`)
	require.NotContains(t, string(w.events[0]), `"verdict"`)
}

func TestABusThatIsAwayIsWaitedFor(t *testing.T) {
	w := newWire(t)
	w.Load = func(_ context.Context, id string) (pipeline.Run, error) {
		return pipeline.Run{ID: id, Environment: "load", State: pipeline.Done}, nil
	}
	w.away.Store(3 * poisonous)
	for _, id := range []string{"R1", "R2"} {
		require.NoError(t, w.Tell(t.Context(), pipeline.Run{ID: id, Environment: "load", State: pipeline.Done}))
	}
	require.Equal(t, []string{"R1 done", "R2 done"}, w.published(t))
}

func TestWhatTheBusNeverTakesIsDropped(t *testing.T) {
	w := newWire(t)
	tries := 0
	w.Load = func(_ context.Context, id string) (pipeline.Run, error) {
		run := pipeline.Run{ID: id, Environment: "load", State: pipeline.Done}
		switch id {
		case "R1":
			tries++
			run.Changes = []pipeline.Change{{Image: strings.Repeat("x", 300<<10)}} // more than an event may have
		case "R2":
			return pipeline.Run{}, pipeline.ErrNotFound
		case "R3":
			panic("poison")
		}
		return run, nil
	}
	for _, id := range []string{"R1", "R2", "R3", "R4"} {
		require.NoError(t, w.Tell(t.Context(), pipeline.Run{ID: id, Environment: "load", State: pipeline.Done}))
	}
	require.Equal(t, []string{"R4 done"}, w.published(t))
	require.Equal(t, poisonous, tries)
}

// Whoever ends a run goes on until it was told: so an error must come back to them.
func TestAnEndThatCannotBeNotedIsToldAgain(t *testing.T) {
	w := newWire(t)
	run := pipeline.Run{ID: "R1", Environment: "load", State: pipeline.Done}
	w.Load = func(context.Context, string) (pipeline.Run, error) { return run, nil }
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorContains(t, w.Tell(gone, run), "have the end of R1 published")
	require.NoError(t, w.Tell(t.Context(), run))
	require.Equal(t, []string{"R1 done"}, w.published(t))
}
