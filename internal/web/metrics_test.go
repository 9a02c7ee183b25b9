package web

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/pipeline"
)

func TestMetrics(t *testing.T) {
	m := NewMetrics()
	m.Event("taken")
	m.Event("taken")
	m.Event("refused")
	m.Ended(pipeline.Run{State: pipeline.Done, Verdict: pipeline.Regressed, Started: noon, Finished: noon.Add(4 * time.Minute)})
	m.Ended(pipeline.Run{State: pipeline.Cancelled, Finished: noon})

	answer := httptest.NewRecorder()
	m.Handler().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	require.Equal(t, http.StatusOK, answer.Code)
	for _, line := range []string{
		`bellwether_events_total{outcome="taken"} 2`,
		`bellwether_events_total{outcome="refused"} 1`,
		`bellwether_runs_total{verdict="regressed"} 1`,
		`bellwether_runs_total{verdict="cancelled"} 1`,
		`bellwether_run_duration_seconds_sum 240`,
		`bellwether_run_duration_seconds_count 1`,
		`bellwether_run_duration_seconds_bucket{le="160"} 0`,
		`bellwether_run_duration_seconds_bucket{le="320"} 1`,
	} {
		require.Contains(t, answer.Body.String(), line+"\n")
	}
	require.Contains(t, answer.Body.String(), "go_goroutines ")
}
