package engine

import (
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/internal/stats"
	"bellwether/pipeline"
)

func even(rate float64, over time.Duration) pipeline.Load {
	return pipeline.Load{Stages: []pipeline.LoadStage{{From: rate, To: rate, Over: over}}}
}

func record(s pipeline.Scenario, answers ...answer) pipeline.Record {
	r := newRecorder(s, newSchedule(s.Load), unseen)
	for _, a := range answers {
		r.add(a)
	}
	return r.finish(time.Unix(0, 0))
}

func TestRecorderFilesAnAnswerUnderTheSecondItWasDueIn(t *testing.T) {
	s := pipeline.Scenario{Load: even(1, 3*time.Second), Targets: []pipeline.Target{{Name: "a"}}}
	rec := record(s,
		answer{request: 2, status: 200, sent: 2500 * time.Millisecond, took: 3 * time.Millisecond, bytes: 7},
		answer{request: 0, status: 200, sent: 2600 * time.Millisecond, took: time.Millisecond, bytes: 5})

	require.Len(t, rec.Series, 1)
	require.Equal(t, []pipeline.Cell{
		{Second: 0, Bytes: 5, Latency: stats.Histogram{{Value: 2_101_247, Count: 1}}}, // the bucket of 2.101 s
		{Second: 2, Bytes: 7, Latency: stats.Histogram{{Value: 3001, Count: 1}}},
	}, rec.Series[0].Cells)
	require.Equal(t, []int64{1, 1, 1}, offered(rec))
	require.Equal(t, []int64{1, 0, 1}, sent(rec))
	require.InDelta(t, 2_100_000, rec.Generator[0].Lag.Quantile(1), 2000)
	require.Empty(t, rec.Generator[1].Lag)
}

func TestRecorderTellsSeriesApart(t *testing.T) {
	s := pipeline.Scenario{Load: even(7, time.Second), Targets: []pipeline.Target{{Name: "a"}, {Name: "b", Expect: []int{401, 201}}}}
	statuses := []struct{ target, status int }{{1, 401}, {1, 200}, {0, 302}, {0, 500}, {0, 0}, {1, 201}, {0, 404}}
	var answers []answer
	for i, st := range statuses {
		answers = append(answers, answer{request: i, target: st.target, status: st.status, took: time.Millisecond})
	}
	var got []pipeline.Series
	for _, series := range record(s, answers...).Series {
		series.Cells = nil
		got = append(got, series)
	}
	require.Equal(t, []pipeline.Series{
		{Target: "a", Class: "none", Failed: true},
		{Target: "a", Class: "3xx"},
		{Target: "a", Class: "4xx", Failed: true},
		{Target: "a", Class: "5xx", Failed: true},
		{Target: "b", Class: "2xx"},
		{Target: "b", Class: "2xx", Failed: true},
		{Target: "b", Class: "4xx"},
	}, got)
}

func TestRecorderCountsWaitingForAWorkerAsLatency(t *testing.T) {
	tests := map[string]struct{ late, want time.Duration }{
		"in time":                     {0, 5 * time.Millisecond},
		"a timer's few ms":            {8 * time.Millisecond, 5 * time.Millisecond},
		"behind others":               {300 * time.Millisecond, 305 * time.Millisecond},
		"too long for any histogram":  {2 * time.Minute, longest},
		"before its time, by a clock": {-time.Millisecond, 5 * time.Millisecond},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := pipeline.Scenario{Load: even(1, time.Second), Targets: []pipeline.Target{{Name: "a"}}}
			rec := record(s, answer{status: 200, sent: 500*time.Millisecond + test.late, took: 5 * time.Millisecond})
			require.InEpsilon(t, test.want.Microseconds(), rec.Series[0].Cells[0].Latency.Quantile(1), 0.001)
			require.InDelta(t, max(1, min(longest, test.late).Microseconds()), rec.Generator[0].Lag.Quantile(1), 0.001*float64(longest.Microseconds()))
		})
	}
}

func TestRecorderKeepsUnansweredSecondsOpen(t *testing.T) {
	s := pipeline.Scenario{Load: even(2, 3*time.Second), Targets: []pipeline.Target{{Name: "a"}}}
	r := newRecorder(s, newSchedule(s.Load), unseen)
	for _, request := range []int{0, 2, 3, 4, 5} { // request 1 is slow
		r.add(answer{request: request, status: 200})
	}
	require.Len(t, r.open, 3)
	r.add(answer{request: 1, status: 200})
	require.Empty(t, r.open)
	require.Equal(t, []int64{2, 2, 2}, sent(r.finish(time.Time{})))
}

// Ten minutes of load must not need more memory than one, but for the record itself, which is what was asked for.
func TestRecorderMemoryIsFlat(t *testing.T) {
	s := pipeline.Scenario{Load: even(50, 10*time.Minute), Targets: []pipeline.Target{{Name: "a"}}}
	r := newRecorder(s, newSchedule(s.Load), unseen)
	var before, after runtime.MemStats
	for n := range r.schedule.requests {
		if n == r.schedule.requests/10 {
			before = heap()
		}
		r.add(answer{request: n, status: 200, sent: r.schedule.due(n), took: 5 * time.Millisecond})
		require.LessOrEqual(t, len(r.open), 1)
	}
	after = heap()
	require.Less(t, int64(after.HeapAlloc)-int64(before.HeapAlloc), int64(512<<10))
	require.Len(t, r.finish(time.Time{}).Series[0].Cells, 600)
}

func heap() (m runtime.MemStats) {
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m
}

func offered(rec pipeline.Record) (per []int64) {
	for _, tick := range rec.Generator {
		per = append(per, tick.Offered)
	}
	return per
}

func sent(rec pipeline.Record) (per []int64) {
	for _, tick := range rec.Generator {
		per = append(per, tick.Sent)
	}
	return per
}
