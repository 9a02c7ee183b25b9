//go:build long

package realload

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/internal/demo"
	"bellwether/internal/engine"
	"bellwether/pipeline"
)

const (
	thing     = "service:checkout"
	unchanged = "1.4.0"
)

// TestMain is the shop when a test has started this binary again: the generator's processor time is then its own.
func TestMain(m *testing.M) {
	if os.Getenv("BELLWETHER_SHOP") == "" {
		os.Exit(m.Run())
	}
	if err := keepShop(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// keepShop tells where the shop is and keeps it open until in ends.
func keepShop(in io.Reader, out io.Writer) error {
	shop, err := demo.Start(context.Background())
	if err != nil {
		return err
	}
	defer shop.Close()
	fmt.Fprintf(out, "%s\n%s\n", shop.URL, shop.ControlURL)
	_, err = io.Copy(io.Discard, in)
	return err
}

// bench is a shop under load, and what was measured of the version that nothing is wrong with.
type bench struct {
	scenario pipeline.Scenario
	env      pipeline.Environment
	control  string
	history  []pipeline.Result // newest first
	loads    int
}

// open starts the shop in a process that ends with the test.
func open(t *testing.T, scenario pipeline.Scenario) *bench {
	shop := exec.Command(os.Args[0])
	shop.Env, shop.Stderr = append(os.Environ(), "BELLWETHER_SHOP=1"), os.Stderr
	in, err := shop.StdinPipe()
	require.NoError(t, err)
	out, err := shop.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, shop.Start())
	t.Cleanup(func() {
		require.NoError(t, in.Close())
		require.NoError(t, shop.Wait())
	})
	b := &bench{scenario: scenario, env: pipeline.Environment{Name: "load"}}
	for _, url := range []*string{&b.env.URL, &b.control} {
		_, err := fmt.Fscanln(out, url)
		require.NoError(t, err)
	}
	return b
}

// items is a scenario of ten requests, one for each item.
func items(rate float64, warmup, judged time.Duration) pipeline.Scenario {
	s := pipeline.Scenario{Name: "orders", Engine: "vegeta", Load: pipeline.Load{
		Warmup: warmup, Stages: []pipeline.LoadStage{{From: rate, To: rate, Over: warmup + judged}},
	}}
	for item := range 10 {
		s.Targets = append(s.Targets, pipeline.Target{
			Name: fmt.Sprintf("item %d", item), Method: "GET", Path: fmt.Sprintf("/orders?item=%d", item),
		})
	}
	return s
}

func generator() *engine.Vegeta { return &engine.Vegeta{Log: slog.New(slog.DiscardHandler)} }

// measure deploys a version and puts the load on it.
func (b *bench) measure(t *testing.T, version string, with *engine.Vegeta) pipeline.Result {
	b.loads++
	image := "registry.innerscale.example/checkout:" + version + "-4f2a9c1"
	require.NoError(t, demo.Deploy(t.Context(), b.control, "checkout", image, io.Discard))
	record, err := with.Measure(t.Context(), b.scenario, b.env, func(bool) {})
	require.NoError(t, err)
	return pipeline.Result{
		ID: fmt.Sprintf("R%d/orders", b.loads), Run: fmt.Sprintf("R%d", b.loads), Scenario: b.scenario.Name, Environment: b.env.Name,
		Hash: b.scenario.Hash(), Start: record.Start, Seconds: record.Seconds() - record.Warmup, Warmup: record.Warmup,
		Versions: map[string]string{thing: version}, Groups: pipeline.Summarise(record), Invalid: pipeline.Unwell(record),
	}
}

// learn measures the unchanged version until there are that many baselines. A busy machine spoils some.
func (b *bench) learn(t *testing.T, baselines int) {
	for attempt := 0; len(b.history) < baselines; attempt++ {
		require.Less(t, attempt, 2*baselines, "this machine is too busy for a generator")
		if r := b.measure(t, unchanged, generator()); r.Invalid == "" {
			b.history = append([]pipeline.Result{r}, b.history...)
		}
	}
}

// trial is what became of one run.
type trial struct {
	Situation string           `json:"situation"`
	Before    pipeline.Verdict `json:"before"` // its confirmation
	After     pipeline.Verdict `json:"after"`
	Legs      int              `json:"legs"`
	Why       string           `json:"why,omitempty"`
}

// try runs a situation as a run of the pipeline would: a measurement, the judge, and fresh legs if it is suspect. An unchanged
// version that passes becomes part of the history, as it would there.
func (b *bench) try(t *testing.T, s situation) trial {
	result := s.measured(t, b)
	c := pipeline.Comparison{Thing: thing, Scenario: b.scenario, Result: result, Past: pipeline.Past{Results: b.history}}
	before := pipeline.Judge([]pipeline.Comparison{c})[0]
	after := before
	var legs []pipeline.Leg
	for _, fresh := range pipeline.Order(true) {
		if !c.Undecided(before, legs) {
			break
		}
		version := unchanged
		if fresh {
			version = s.version
		}
		legs = append(legs, pipeline.Leg{New: fresh, Results: []pipeline.Result{b.measure(t, version, generator())}})
	}
	if len(legs) > 0 {
		after = c.Confirm(before, legs)
	}
	if s.version == unchanged && after.Verdict == pipeline.Pass {
		b.history = slices.Insert(b.history, 0, result)
	}
	return trial{s.name, before.Verdict, after.Verdict, len(legs), after.Reason}
}
