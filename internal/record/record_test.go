package record

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/internal/stats"
	"bellwether/pipeline"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// measured is three quarters of a minute of load, slower by a factor; a few requests fail.
func measured(seed uint64, slower float64) pipeline.Record {
	random := rand.New(rand.NewPCG(seed, 1))
	slower *= 1 + 0.03*random.NormFloat64()
	r := pipeline.Record{Start: noon, Warmup: 10}
	series := map[string]*pipeline.Series{}
	for _, target := range []string{"cart", "pay"} {
		series[target] = &pipeline.Series{Target: target, Class: "2xx"}
	}
	broken := pipeline.Series{Target: "pay", Class: "5xx", Failed: true}
	for s := range 45 {
		for _, target := range []string{"cart", "pay"} {
			var latency stats.Histogram
			for i := range 20 { // ascending, whatever chance adds
				latency = append(latency, stats.Bin{Value: int64(1000 * slower * (50 + float64(i*i)/2 + float64(5*i) + 4*random.Float64())), Count: 1})
			}
			series[target].Cells = append(series[target].Cells, pipeline.Cell{Second: s, Latency: latency})
		}
		if random.IntN(20) == 0 {
			broken.Cells = append(broken.Cells, pipeline.Cell{Second: s, Latency: stats.Histogram{{Value: 90_111, Count: 1}}})
		}
		r.Generator = append(r.Generator, pipeline.Tick{Offered: 40, Sent: 40, Lag: stats.Histogram{{Value: 300, Count: 40}}})
	}
	r.Series = []pipeline.Series{*series["cart"], *series["pay"], broken}
	return r
}

// world is what an installation knows of two scenarios: a long past, and a run that is about to be judged.
type world struct {
	records map[string]pipeline.Record
	past    map[string][]pipeline.Result // newest first
	run     pipeline.Run
	gates   map[string][]pipeline.Gate
}

// newWorld has as many earlier runs, each of another version but the two newest, and a change that is slower by a factor.
func newWorld(earlier int, slower float64) *world {
	w := &world{
		records: map[string]pipeline.Record{}, past: map[string][]pipeline.Result{},
		gates: map[string][]pipeline.Gate{"flow": {{Metric: pipeline.P95, Limit: 240}, {Metric: pipeline.P99, Limit: 0}, {Metric: pipeline.Throughput, Limit: 1}}},
		run: pipeline.Run{
			ID: "R100", Environment: "load", State: pipeline.Done,
			Changes: []pipeline.Change{{Kind: pipeline.KindService, Name: "checkout", Version: "100"}},
		},
	}
	for i, scenario := range []string{"flow", "search"} {
		for n := range earlier {
			hash := "new"
			if n < earlier/4 {
				hash = "old"
			}
			version := fmt.Sprint(min(n, earlier-2))
			r := w.result(fmt.Sprintf("R%d", n), scenario, hash, version, n, measured(uint64(100*i+n), 1))
			w.past[scenario] = append([]pipeline.Result{r}, w.past[scenario]...)
		}
		w.run.Results = append(w.run.Results, w.result("R100", scenario, "new", "100", 100, measured(uint64(1000+i), slower)))
	}
	return w
}

func (w *world) result(run, scenario, hash, version string, minute int, rec pipeline.Record) pipeline.Result {
	id := run + "/" + scenario
	w.records[id] = rec
	return pipeline.Result{
		ID: id, Run: run, Scenario: scenario, Environment: "load", Hash: hash, Start: noon.Add(time.Duration(minute) * time.Minute),
		Seconds: 35, Warmup: 10, Versions: map[string]string{"service:checkout": version, "service:search": "7"},
		Groups: pipeline.Summarise(rec), Invalid: pipeline.Unwell(rec),
	}
}

// judge is what the pipeline itself does.
func (w *world) judge() []pipeline.Outcome {
	var comparisons []pipeline.Comparison
	for _, r := range w.run.Results {
		comparisons = append(comparisons, pipeline.Comparison{
			Thing: "service:checkout", Scenario: pipeline.Scenario{Name: r.Scenario, Gates: w.gates[r.Scenario]}, Result: r, Past: pipeline.Past{Results: w.past[r.Scenario]},
		})
	}
	w.run.Outcomes = pipeline.Judge(comparisons)
	return w.run.Outcomes
}

// file is what the page of a run offers, after it went through a disk.
func (w *world) file(t *testing.T, run pipeline.Run, scenario string) File {
	t.Helper()
	for _, o := range run.Outcomes {
		if o.Scenario == scenario {
			f, ok := Of(run, o, w.gates[scenario], w.past[scenario], w.records[o.Result])
			require.True(t, ok)
			return passedOn(t, f)
		}
	}
	t.Fatalf("run %s has no %s", run.ID, scenario)
	return File{}
}

func passedOn(t *testing.T, f File) File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file.json.gz")
	out, err := os.Create(path)
	require.NoError(t, err)
	require.NoError(t, f.Write(out))
	require.NoError(t, out.Close())
	read, err := Open(path)
	require.NoError(t, err)
	return read
}

// baselines are the files of an outcome's baseline, from the pages of those runs.
func (w *world) baselines(t *testing.T, o pipeline.Outcome) (files []File) {
	for _, id := range o.Baseline {
		for _, r := range w.past[o.Scenario] {
			if r.Run != id {
				continue
			}
			run := pipeline.Run{ID: id, Results: []pipeline.Result{r}, Outcomes: []pipeline.Outcome{{Scenario: o.Scenario, Result: r.ID}}}
			files = append([]File{w.file(t, run, o.Scenario)}, files...) // in any order
		}
	}
	return files
}

func TestTheReportIsRepeatedExactly(t *testing.T) {
	for name, w := range map[string]*world{
		"nothing changed": newWorld(12, 1), "slower": newWorld(12, 1.4), "faster": newWorld(12, 0.6),
		"noise learned": newWorld(24, 1.15), "few": newWorld(4, 1.4),
	} {
		t.Run(name, func(t *testing.T) {
			reported := w.judge()
			var baselines, candidates []File
			for _, o := range reported {
				baselines = append(baselines, w.baselines(t, o)...)
				candidates = append(candidates, w.file(t, w.run, o.Scenario))
			}
			w.gates = nil // the catalog has changed since: what was judged counts
			again, err := Judge(baselines, candidates)
			require.NoError(t, err)
			require.Equal(t, reported, again)
			for _, c := range candidates {
				require.Empty(t, Caveat(c, baselines, candidates))
			}
		})
	}
}

func TestOneOrTwoBaselinesAreEnoughForASuspicion(t *testing.T) {
	w := newWorld(2, 1.4)
	w.gates = nil
	reported := w.judge()[0]
	require.Equal(t, pipeline.Pass, reported.Verdict, "a run of the pipeline does not judge by so few")
	baselines, candidate := w.baselines(t, reported), w.file(t, w.run, "flow")
	candidate.Together = []string{"flow"}
	again, err := Judge(baselines, []File{candidate})
	require.NoError(t, err)
	require.Equal(t, pipeline.Suspect, again[0].Verdict)
	require.Equal(t, pipeline.RuleBootstrap, again[0].Findings[0].Rule)
	require.Equal(t, "The report of R100 judged no latency by fewer than 3 earlier runs.", Caveat(candidate, baselines, []File{candidate}))
}

func TestOneScenarioAloneHasTheSameNumbers(t *testing.T) {
	w := newWorld(24, 1.2)
	reported := w.judge()[0]
	baselines, candidate := w.baselines(t, reported), w.file(t, w.run, "flow")
	again, err := Judge(baselines, []File{candidate})
	require.NoError(t, err)
	for i, f := range again[0].Findings {
		f.MDE, f.Verdict = reported.Findings[i].MDE, reported.Findings[i].Verdict // by how many others they are judged with
		require.Equal(t, reported.Findings[i], f)
	}
	require.Equal(t, "The report of R100 judged search together with it: with those files too, this is its judgement.", Caveat(candidate, baselines, []File{candidate}))
}

func TestOtherBaselinesAreToldApart(t *testing.T) {
	w := newWorld(24, 1.2)
	o := w.judge()[0]
	baselines, candidate := w.baselines(t, o)[:4], w.file(t, w.run, "flow")
	again, err := Judge(baselines, []File{candidate})
	require.NoError(t, err)
	require.Len(t, again[0].Baseline, 4, "what the file tells of the past is no baseline")
	require.NotEqual(t, o.Findings[1].Low, again[0].Findings[1].Low)
	require.Contains(t, Caveat(candidate, baselines, []File{candidate}), "compared it with R23, R22, R21, R20, R19, R18, R17, R16, R15, R14, and judged search")
}

func TestAResultThatIsNoGood(t *testing.T) {
	w := newWorld(12, 1)
	o := w.judge()[0]
	candidate := w.file(t, w.run, "flow")
	for i := range candidate.Record.Generator {
		candidate.Record.Generator[i].Sent = 20
	}
	again, err := Judge(w.baselines(t, o), []File{candidate})
	require.NoError(t, err)
	require.Equal(t, pipeline.Invalid, again[0].Verdict)
	require.Empty(t, again[0].Findings)
}

func TestWhatIsNotComparableIsNotCompared(t *testing.T) {
	file := func(run, scenario, environment string) File {
		return File{Run: run, Scenario: scenario, Environment: environment, Record: measured(1, 1)}
	}
	flow, busier := file("R2", "flow", "load"), file("R1", "flow", "load")
	busier.Hash = "other"
	for want, files := range map[string][2][]File{
		"there is no candidate": {{flow}, nil},
		"baseline R1/flow sent other requests, or another load, than R2/flow": {{busier}, {flow}},
		"R1/flow is given twice": {
			{file("R1", "flow", "load"), file("R1", "flow", "load")}, {flow},
		},
		"R2/flow is given twice":                                      {{flow}, {flow}},
		"baseline R1/search: no candidate is of scenario search":      {{file("R1", "search", "load")}, {flow}},
		"baseline R1/flow was measured in staging and R2/flow in loa": {{file("R1", "flow", "staging")}, {flow}},
	} {
		_, err := Judge(files[0], files[1])
		require.ErrorContains(t, err, want)
	}
}

func TestGatesAreThoseOfTheJudgement(t *testing.T) {
	o := pipeline.Outcome{Scenario: "flow", Result: "R1/flow", Findings: []pipeline.Finding{
		{Group: "flow", Metric: pipeline.P50},
		{Group: "flow", Metric: pipeline.P95, Gate: 300},
		{Group: "flow", Metric: pipeline.Errors},
		{Group: "flow/cart", Metric: pipeline.P99, Gate: 9},
	}}
	current := []pipeline.Gate{{Metric: pipeline.P50, Limit: 80}, {Metric: pipeline.P95, Limit: 400}, {Metric: pipeline.P99, Limit: 500}, {Metric: pipeline.Errors, Limit: 0}}
	f, ok := Of(pipeline.Run{Results: []pipeline.Result{{ID: "R1/flow"}}}, o, current, nil, pipeline.Record{})
	require.True(t, ok)
	require.Equal(t, []Gate{{pipeline.P95, 300}, {pipeline.P99, 500}, {pipeline.Errors, 0}}, f.Gates, "p50 had none then; p99 was not measured")
	_, ok = Of(pipeline.Run{}, o, current, nil, pipeline.Record{})
	require.False(t, ok)
}
