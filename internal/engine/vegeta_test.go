package engine

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/pipeline"
)

// unseen is for loads that nobody watches.
func unseen(bool) {}

// counts sums a record's responses: target/class, with a ! for failures.
func counts(rec pipeline.Record) map[string]int64 {
	sum := map[string]int64{}
	for _, s := range rec.Series {
		name := s.Target + "/" + s.Class
		if s.Failed {
			name += "!"
		}
		for _, c := range s.Cells {
			sum[name] += c.Latency.Count()
		}
	}
	return sum
}

func TestMeasureCountsEveryRequest(t *testing.T) {
	t.Parallel()
	shop := open(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") })
	load := even(100, 1200*time.Millisecond)
	load.Warmup = 200 * time.Millisecond
	before := time.Now()
	rec, err := engine().Measure(t.Context(), pipeline.Scenario{Load: load, Targets: get("/")}, shop.env, unseen)

	require.NoError(t, err)
	require.Equal(t, map[string]int64{"only/2xx": 120}, counts(rec))
	require.Equal(t, map[string]int{"/": 120}, shop.uris())
	require.Equal(t, []int64{100, 20}, offered(rec))
	require.Equal(t, []int64{100, 20}, sent(rec))
	require.EqualValues(t, 100, rec.Series[0].Cells[0].Latency.Count())
	require.EqualValues(t, 500, rec.Series[0].Cells[0].Bytes)
	require.Equal(t, 1, rec.Warmup)
	require.WithinRange(t, rec.Start, before, before.Add(time.Second))
}

func TestMeasureCountsBytesThatWereNotAnnounced(t *testing.T) {
	t.Parallel()
	shop := open(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "one")
		w.(http.Flusher).Flush() // which makes it chunked
		_, _ = io.WriteString(w, "two")
	})
	rec, err := engine().Measure(t.Context(), pipeline.Scenario{Load: even(50, 100*time.Millisecond), Targets: get("/")}, shop.env, unseen)
	require.NoError(t, err)
	require.EqualValues(t, 30, rec.Series[0].Cells[0].Bytes)
}

func TestMeasureFollowsTheStages(t *testing.T) {
	t.Parallel()
	shop := open(t, fine)
	load := pipeline.Load{Stages: []pipeline.LoadStage{{To: 100, Over: time.Second}, {From: 100, To: 100, Over: 300 * time.Millisecond}}}
	rec, err := engine().Measure(t.Context(), pipeline.Scenario{Load: load, Targets: get("/")}, shop.env, unseen)
	require.NoError(t, err)
	require.Equal(t, []int64{50, 30}, sent(rec))
	require.EqualValues(t, 50, rec.Series[0].Cells[0].Latency.Count())
	require.EqualValues(t, 30, rec.Series[0].Cells[1].Latency.Count())
}

func TestMeasureMeetsWeightsExactly(t *testing.T) {
	t.Parallel()
	shop := open(t, fine)
	s := pipeline.Scenario{Load: even(120, 500*time.Millisecond), Targets: []pipeline.Target{
		{Name: "cart", Weight: 3, Path: "/cart"}, {Name: "order", Weight: 2, Path: "/order"}, {Name: "home", Path: ""},
	}}
	rec, err := engine().Measure(t.Context(), s, shop.env, unseen)
	require.NoError(t, err)
	require.Equal(t, map[string]int64{"cart/2xx": 30, "order/2xx": 20, "home/2xx": 10}, counts(rec))
	require.Equal(t, map[string]int{"/cart": 30, "/order": 20, "/": 10}, shop.uris())
}

func TestMeasureRecordsLatency(t *testing.T) {
	t.Parallel()
	const wait = 40 * time.Millisecond
	shop := open(t, func(http.ResponseWriter, *http.Request) { <-time.After(wait) })
	rec, err := engine().Measure(t.Context(), pipeline.Scenario{Load: even(50, 300*time.Millisecond), Targets: get("/")}, shop.env, unseen)
	require.NoError(t, err)
	latency := rec.Series[0].Cells[0].Latency
	require.GreaterOrEqual(t, latency.Quantile(0.01), float64(wait.Microseconds()))
	require.Less(t, latency.Quantile(0.5), float64(3*wait.Microseconds()))
}

func TestMeasureJudgesStatusesByExpectation(t *testing.T) {
	t.Parallel()
	shop := open(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/moved":
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
		case "/login":
			w.WriteHeader(http.StatusUnauthorized)
		case "/broken":
			w.WriteHeader(http.StatusBadGateway)
		}
	})
	s := pipeline.Scenario{Load: even(100, 500*time.Millisecond), Targets: []pipeline.Target{
		{Name: "moved", Path: "/moved"},
		{Name: "broken", Path: "/broken"},
		{Name: "ok", Path: "/ok"},
		{Name: "wrong password", Path: "/login", Expect: []int{401}},
		{Name: "let in", Path: "/ok", Expect: []int{401}},
	}}
	rec, err := engine().Measure(t.Context(), s, shop.env, unseen)
	require.NoError(t, err)
	require.Equal(t, map[string]int64{
		"moved/3xx": 10, "broken/5xx!": 10, "ok/2xx": 10, "wrong password/4xx": 10, "let in/2xx!": 10,
	}, counts(rec))
	require.Zero(t, shop.uris()["/elsewhere"])
}

func TestMeasureRecordsAnEnvironmentThatIsGone(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	var log bytes.Buffer
	v := &Vegeta{Log: slog.New(slog.NewTextHandler(&log, nil))}
	s := pipeline.Scenario{Name: "flow", Load: even(20, 500*time.Millisecond), Targets: get("/?token=secret")}
	rec, err := v.Measure(t.Context(), s, pipeline.Environment{URL: "http://" + listener.Addr().String()}, unseen)
	require.NoError(t, err)
	require.Equal(t, map[string]int64{"only/none!": 10}, counts(rec))
	require.Equal(t, "connect: connection refused", rec.Fault)
	require.Equal(t, 1, strings.Count(log.String(), "connection refused"))
	require.NotContains(t, log.String(), "secret")
}

func TestMeasureRecordsAResponseThatBreaksOff(t *testing.T) {
	t.Parallel()
	shop := open(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, "short")
	})
	rec, err := engine().Measure(t.Context(), pipeline.Scenario{Load: even(20, 500*time.Millisecond), Targets: get("/")}, shop.env, unseen)
	require.NoError(t, err)
	require.Equal(t, map[string]int64{"only/none!": 10}, counts(rec))
}

func TestMeasureRecordsARequestThatTakesTooLong(t *testing.T) {
	t.Parallel()
	shop := open(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/body" {
			w.(http.Flusher).Flush()
		}
		<-r.Context().Done()
	})
	v := engine()
	v.Timeout = 100 * time.Millisecond
	s := pipeline.Scenario{Load: even(20, 500*time.Millisecond), Targets: []pipeline.Target{{Name: "head", Path: "/"}, {Name: "body", Path: "/body"}}}
	rec, err := v.Measure(t.Context(), s, shop.env, unseen)
	require.NoError(t, err)
	require.Equal(t, map[string]int64{"head/none!": 5, "body/none!": 5}, counts(rec))
	require.InDelta(t, 100_000, rec.Series[0].Cells[0].Latency.Quantile(0.5), 90_000)
}

// With two workers a stall of the server keeps the generator from sending. The record must show it all the same: as
// lag, and as latency of the requests that stood in line.
func TestMeasureDoesNotHideAStallBehindASmallPool(t *testing.T) {
	t.Parallel()
	stall := sync.OnceFunc(func() { <-time.After(500 * time.Millisecond) })
	shop := open(t, func(http.ResponseWriter, *http.Request) { stall() })
	v := engine()
	v.MaxWorkers = 2
	rec, err := v.Measure(t.Context(), pipeline.Scenario{Load: even(100, 700*time.Millisecond), Targets: get("/")}, shop.env, unseen)
	require.NoError(t, err)
	require.Equal(t, []int64{70}, sent(rec))
	require.Greater(t, rec.Generator[0].Lag.Quantile(0.5), 100_000.0)
	require.Greater(t, rec.Series[0].Cells[0].Latency.Quantile(0.5), 100_000.0)
}

func TestMeasureShowsRequestsThatWereNeverSent(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	shop := open(t, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	time.AfterFunc(catchUp+400*time.Millisecond, func() { close(release) })
	v := engine()
	v.MaxWorkers = 3
	rec, err := v.Measure(t.Context(), pipeline.Scenario{Load: even(40, 250*time.Millisecond), Targets: get("/")}, shop.env, unseen)
	require.NoError(t, err)
	require.Equal(t, []int64{10}, offered(rec))
	require.LessOrEqual(t, sent(rec)[0], int64(4)) // Vegeta may let one slip out while it stops
	require.GreaterOrEqual(t, sent(rec)[0], int64(3))
}

func TestMeasureStopsAtOnceWhenCancelled(t *testing.T) {
	t.Parallel()
	tests := map[string]pipeline.Load{
		"with requests under way": even(50, time.Minute),
		"in a long break":         {Stages: []pipeline.LoadStage{{From: 50, To: 50, Over: 200 * time.Millisecond}, {Over: time.Minute}, {From: 1, To: 1, Over: time.Minute}}},
	}
	for name, load := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			shop := open(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
			cause := errors.New("the lane is lost")
			ctx, cancel := context.WithCancelCause(t.Context())
			var cancelled time.Time
			time.AfterFunc(400*time.Millisecond, func() {
				cancelled = time.Now()
				cancel(cause)
			})
			_, err := engine().Measure(ctx, pipeline.Scenario{Load: load, Targets: get("/")}, shop.env, unseen)
			require.ErrorIs(t, err, cause)
			require.Less(t, time.Since(cancelled), time.Second)
			require.NotEmpty(t, shop.uris())
		})
	}
}

func TestMeasureLeavesNoGoroutineBehind(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(fine))
	server.Start()
	before := runtime.NumGoroutine()
	env := pipeline.Environment{URL: server.URL}
	_, err := engine().Measure(t.Context(), pipeline.Scenario{Load: even(100, 300*time.Millisecond), Targets: get("/")}, env, unseen)
	require.NoError(t, err)
	server.Close()
	require.Eventually(t, func() bool { return runtime.NumGoroutine() <= before }, 5*time.Second, 10*time.Millisecond)
}
