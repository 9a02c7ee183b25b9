package pipeline_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/internal/stats"
	"bellwether/pipeline"
)

// spread is the latencies of n requests, a multiple of 20, evenly from half of ms to one and a half of it: their median is
// ms, p95 1.45 ms.
func spread(ms float64, n int64) stats.Histogram {
	var h stats.Histogram
	for i := range 20 {
		h = append(h, stats.Bin{Value: int64(1000 * ms * (0.5 + (float64(i)+0.5)/20)), Count: n / 20})
	}
	return h
}

// load is what a well generator records of a target: a hundred requests a second that took about ms.
func load(target string, seconds, warmup int, ms float64) pipeline.Record {
	rec := pipeline.Record{Start: noon, Warmup: warmup}
	s := pipeline.Series{Target: target, Class: "2xx"}
	for second := range seconds {
		s.Cells = append(s.Cells, pipeline.Cell{Second: second, Latency: spread(ms, 100)})
		rec.Generator = append(rec.Generator, pipeline.Tick{Offered: 100, Sent: 100, Lag: stats.Histogram{{Value: 300, Count: 100}}})
	}
	rec.Series = []pipeline.Series{s}
	return rec
}

// failing adds n errors of 1 ms to each second in [from, till).
func failing(rec pipeline.Record, target, class string, from, till, n int) pipeline.Record {
	s := pipeline.Series{Target: target, Class: class, Failed: true}
	for second := from; second < till; second++ {
		s.Cells = append(s.Cells, pipeline.Cell{Second: second, Latency: stats.Histogram{{Value: 1000, Count: int64(n)}}})
	}
	rec.Series = append(rec.Series, s)
	return rec
}

func TestSummariseLeavesTheWarmUpOut(t *testing.T) {
	rec := load("cart", 12, 2, 40)
	rec.Series[0].Cells[0].Latency = spread(9000, 100)
	rec = failing(rec, "cart", "5xx", 0, 2, 70)
	groups := pipeline.Summarise(rec)
	require.Len(t, groups, 1, "one target is the whole scenario")
	s := groups[""]
	require.EqualValues(t, 1000, s.Requests)
	require.Zero(t, s.Errors)
	require.InEpsilon(t, 40, s.Values[pipeline.P50], 0.03)
	require.InEpsilon(t, 58, s.Values[pipeline.P95], 0.03)
	require.InEpsilon(t, 59.6, s.Values[pipeline.P99], 0.03)
	require.Equal(t, 0.0, s.Values[pipeline.Errors])
	require.Equal(t, 1.0, s.Values[pipeline.Throughput])
	require.Equal(t, []stats.Window{{Requests: 500}, {Requests: 500}}, s.Windows)
	require.Equal(t, 12, rec.Seconds())
}

func TestErrorsAreCountedAndTheirLatencyIsNot(t *testing.T) {
	rec := load("cart", 12, 0, 40)
	rec = failing(rec, "cart", "5xx", 4, 8, 50)
	rec = failing(rec, "cart", "none", 11, 12, 10)
	s := pipeline.Summarise(rec)[""]
	require.EqualValues(t, 1410, s.Requests)
	require.EqualValues(t, 210, s.Errors)
	require.InDelta(t, 210.0/1410, s.Values[pipeline.Errors], 1e-12)
	require.InEpsilon(t, 40, s.Values[pipeline.P50], 0.03, "not drawn down by quick errors")
	require.Equal(t, []stats.Window{{Errors: 50, Requests: 550}, {Errors: 150, Requests: 650}, {Errors: 10, Requests: 210}}, s.Windows)
}

func TestPercentilesNeedSamplesBeyondThem(t *testing.T) {
	for seconds, want := range map[int][]pipeline.Metric{
		1: {pipeline.P50}, 2: {pipeline.P50, pipeline.P95}, 9: {pipeline.P50, pipeline.P95}, 10: {pipeline.P50, pipeline.P95, pipeline.P99},
	} {
		var judged []pipeline.Metric
		values := pipeline.Summarise(load("cart", seconds, 0, 40))[""].Values
		for _, m := range []pipeline.Metric{pipeline.P50, pipeline.P95, pipeline.P99} {
			if _, ok := values[m]; ok {
				judged = append(judged, m)
			}
		}
		require.Equal(t, want, judged, "%d seconds", seconds)
	}
	down := failing(pipeline.Record{Generator: load("", 10, 0, 1).Generator}, "cart", "none", 0, 10, 100)
	require.Equal(t, map[pipeline.Metric]float64{pipeline.Errors: 1, pipeline.Throughput: 1}, pipeline.Summarise(down)[""].Values)
}

func TestSummariseEachTarget(t *testing.T) {
	rec := load("cart", 10, 0, 40)
	rec.Series = append(rec.Series, load("order", 10, 0, 400).Series...)
	rec = failing(rec, "order", "4xx", 0, 10, 5)
	groups := pipeline.Summarise(rec)
	require.Len(t, groups, 3)
	require.InEpsilon(t, 40, groups["cart"].Values[pipeline.P50], 0.03)
	require.InEpsilon(t, 400, groups["order"].Values[pipeline.P50], 0.03)
	require.EqualValues(t, 50, groups["order"].Errors)
	require.Zero(t, groups["cart"].Errors)
	require.EqualValues(t, 2050, groups[""].Requests)
	require.NotContains(t, groups["order"].Values, pipeline.Throughput, "the generator has no targets")
}

func TestARecordOfNothing(t *testing.T) {
	for _, rec := range []pipeline.Record{{}, {Warmup: 10}, {Warmup: 10, Generator: load("", 3, 0, 1).Generator}} {
		require.Empty(t, pipeline.Summarise(rec)[""].Values)
		require.Equal(t, "no request was due after the warm-up", pipeline.Unwell(rec))
	}
}

func TestUnwell(t *testing.T) {
	for name, c := range map[string]struct {
		worsen func(*pipeline.Record)
		why    string
	}{
		"well":             {func(*pipeline.Record) {}, ""},
		"99 % sent":        {func(r *pipeline.Record) { r.Generator[5].Sent = 90 }, ""},
		"less than 99 %":   {func(r *pipeline.Record) { r.Generator[5].Sent = 89 }, "the load generator sent only 989 of 1000 requests"},
		"in the warm-up":   {func(r *pipeline.Record) { r.Generator[1] = pipeline.Tick{Offered: 100, Lag: late(9000, 100)} }, ""},
		"late once":        {func(r *pipeline.Record) { r.Generator[5].Lag = late(9000, 9) }, ""},
		"late":             {func(r *pipeline.Record) { r.Generator[5].Lag = late(80, 100) }, "the load generator was 80 ms late (p99; at most 50 ms)"},
		"lag not recorded": {func(r *pipeline.Record) { clear(r.Generator); r.Generator[9] = pipeline.Tick{Offered: 9, Sent: 9} }, ""},
		"busy for a while": {func(r *pipeline.Record) { busy(r, 5) }, ""},
		"no CPU left":      {func(r *pipeline.Record) { busy(r, 6) }, "the load generator used over 95 % of its CPU in 6 of 10 seconds"},
		"closed": {func(r *pipeline.Record) {
			r.Closed = true
			for i := range r.Generator {
				r.Generator[i] = pipeline.Tick{}
			}
		}, ""},
		"closed, nothing after the warm-up": {func(r *pipeline.Record) { r.Closed, r.Series[0].Cells = true, r.Series[0].Cells[:2] }, "nothing was measured after the warm-up"},
		"a slow environment":                {func(r *pipeline.Record) { r.Series = load("cart", 12, 0, 20000).Series }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			rec := load("cart", 12, 2, 40)
			c.worsen(&rec)
			require.Equal(t, c.why, pipeline.Unwell(rec))
		})
	}
}

// busy uses all of the generator's CPU in the last n seconds.
func busy(rec *pipeline.Record, n int) {
	for i := range n {
		rec.Generator[len(rec.Generator)-1-i].CPU = 0.96
	}
}

func TestTheThroughputOfALoadThatWaits(t *testing.T) {
	rec := failing(load("cart", 12, 2, 40), "cart", "5xx", 0, 12, 30)
	rec.Closed = true
	require.Equal(t, 100.0, pipeline.Summarise(rec)[""].Values[pipeline.Throughput], "answers that were no error, a second")
	rec.Step = 5
	require.Equal(t, 20.0, pipeline.Summarise(rec)[""].Values[pipeline.Throughput])
}

func late(ms, n int) stats.Histogram {
	return stats.Histogram{{Value: int64(ms) * 1000, Count: int64(n)}}
}

func TestHashIsWhatIsSent(t *testing.T) {
	scenario := func(edit func(*pipeline.Scenario)) string {
		s := pipeline.Scenario{
			Name: "flow", Tags: []string{"a:b"}, Engine: "vegeta", Load: steady(60), DataHash: "d",
			Targets: []pipeline.Target{{Name: "cart", Path: "/cart", Headers: map[string]string{"A": "1", "B": "2"}}},
		}
		edit(&s)
		return s.Hash()
	}
	same := scenario(func(*pipeline.Scenario) {})
	for name, edit := range map[string]func(*pipeline.Scenario){
		"name":  func(s *pipeline.Scenario) { s.Name, s.Tags = "other", nil },
		"gates": func(s *pipeline.Scenario) { s.Gates = []pipeline.Gate{{Metric: pipeline.P95, Limit: 1}} },
		"setup": func(s *pipeline.Scenario) { s.Setup, s.Teardown = &pipeline.Command{}, &pipeline.Command{} },
	} {
		require.Equal(t, same, scenario(edit), name)
	}
	for name, edit := range map[string]func(*pipeline.Scenario){
		"load":   func(s *pipeline.Scenario) { s.Load.Stages[0].To++ },
		"warmup": func(s *pipeline.Scenario) { s.Load.Warmup = time.Second },
		"header": func(s *pipeline.Scenario) { s.Targets[0].Headers["B"] = "3" },
		"data":   func(s *pipeline.Scenario) { s.DataHash = "e" },
		"engine": func(s *pipeline.Scenario) { s.Engine = "k6" },
	} {
		require.NotEqual(t, same, scenario(edit), name)
	}
}

func TestExpects(t *testing.T) {
	for status, ok := range map[int]bool{0: false, 199: false, 200: true, 399: true, 400: false, 503: false} {
		require.Equal(t, ok, pipeline.Target{}.Expects(status), status)
	}
	require.True(t, pipeline.Target{Expect: []int{401}}.Expects(401))
	require.False(t, pipeline.Target{Expect: []int{401}}.Expects(200))
}
