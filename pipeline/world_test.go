package pipeline_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/pipeline"
)

var (
	errCrash  = errors.New("redis is away")
	errFenced = errors.New("another one has the lane now")
	errLost   = errors.New("lane lease lost")
)

// broken is what a failing command says.
type broken struct{ reason, output string }

func (b broken) Error() string { return "./run.sh: " + b.reason }
func (b broken) Explain() pipeline.Explanation {
	return pipeline.Explanation{Reason: b.reason, Output: b.output}
}

// world is all that a runner touches, in memory: the environment, the store and the chat. The services' latencies depend on
// the version that really runs. It goes by JSON where a store would, so that nothing is shared by accident.
type world struct {
	mu        sync.Mutex
	catalog   *pipeline.Catalog
	fence     int64
	runs      map[string]string         // JSON
	marks     map[string]*pipeline.Mark // cancellations
	approved  *pipeline.Mark
	rejected  *pipeline.Mark
	waiting   []string                     // runs that wait in the lane besides R1
	batches   map[string][]string          // by leader
	parts     map[string]string            // run -> the first of its part
	installed map[string]pipeline.Artefact // what is noted
	live      map[string]string            // service -> image that really runs
	kept      map[string]pipeline.Result
	past      map[string][]pipeline.Result
	found     map[string]string            // regressions, JSON by id
	overtaken bool                         // a newer change of the same thing waits
	log       []string                     // every effect, in order
	told      []pipeline.Run               // every run as told
	latency   map[string]float64           // image -> ms
	errors    map[string]int               // image -> errors a second
	fails     map[string]error             // command, with or without its image -> error
	before    func(effect string)          // called before an effect takes place
	sick      int                          // so many measurements have a generator that is unwell
	measured  func(*pipeline.Record)       // has the last word on a record
	stream    func(seen func(failed bool)) // ten times a second of load: its answers
	probe     func() error                 // how the environment is
	cluster   map[string]string            // service -> image, as the platform says
	cloud     []pipeline.Resource          // what applying would change
	refused   []string                     // by the stack's policy

	calls   []string // of the store, the chat and the inventory: their effects, empty for a read
	crashAt int      // which of them meets the mishap; 0: none
	mishap  mishap
	lose    context.CancelCauseFunc // ends the context of the holder
	ended   map[string]bool         // final runs as told, JSON
	// Of the moment the lease was lost: the length of the log, and what was stored.
	lostAt    int
	lostStore string
}

// mishap is what happens to the holder of a run in one of its calls.
type mishap string

const (
	breaksBefore mishap = "the call fails"
	breaksAfter  mishap = "the call fails though it took effect"
	loses        mishap = "the lease is lost"
	stalls       mishap = "the holder stalls and another one takes over unnoticed"
)

const (
	oldImage = "registry.example/checkout:1"
	newImage = "registry.example/checkout:2"

	oldSearch = "registry.example/search:1"
	newSearch = "registry.example/search:2"
)

func (w *world) shop() *pipeline.Catalog {
	command := func(name string) *pipeline.Command { return &pipeline.Command{Run: []string{name}} }
	scenario := func(name string, tags ...string) pipeline.Scenario {
		return pipeline.Scenario{
			Name: name, Tags: tags, Engine: "fake", Load: pipeline.Load{Stages: []pipeline.LoadStage{{From: 100, To: 100, Over: 13 * time.Second}}},
		}
	}
	checkoutFlow := scenario("checkout-flow", "service:checkout")
	checkoutFlow.Setup, checkoutFlow.Teardown = command("setup"), command("teardown")
	return &pipeline.Catalog{
		Services: map[string]pipeline.Service{
			"checkout": {Name: "checkout", Team: "shop", Image: "registry.example/checkout", Tags: []string{"service:checkout"}, Uses: []string{"db:orders"}, Deploy: &pipeline.Deploy{Command: command("deploy")}},
			"search":   {Name: "search", Team: "find", Tags: []string{"service:search"}, Deploy: &pipeline.Deploy{Command: command("deploy")}},
		},
		Stacks:       map[string]pipeline.Stack{"orders": {Name: "orders", Tags: []string{"db:orders"}, Apply: &pipeline.Apply{Command: command("apply")}}},
		Environments: map[string]pipeline.Environment{"load": {Name: "load", URL: "http://load", Reset: command("reset")}},
		Scenarios: map[string]pipeline.Scenario{
			"checkout-flow": checkoutFlow, "search-flow": scenario("search-flow", "service:search"),
			"shop-window": scenario("shop-window", "service:checkout", "service:search"),
		},
	}
}

// newWorld has checkout 1 installed, and five earlier runs of every scenario.
func newWorld() *world {
	w := &world{
		fence: 1, runs: map[string]string{}, marks: map[string]*pipeline.Mark{}, kept: map[string]pipeline.Result{}, past: map[string][]pipeline.Result{},
		found:     map[string]string{},
		installed: map[string]pipeline.Artefact{"service:checkout": {Revision: "r1", Image: oldImage}, "service:search": {Revision: "s1", Image: oldSearch}},
		live:      map[string]string{"checkout": oldImage, "search": oldSearch},
		latency:   map[string]float64{oldImage: 40, newImage: 41, oldSearch: 40, newSearch: 41}, errors: map[string]int{}, fails: map[string]error{},
		before: func(string) {}, measured: func(*pipeline.Record) {}, ended: map[string]bool{},
		stream: func(func(bool)) {}, probe: func() error { return nil }, cluster: map[string]string{},
		batches: map[string][]string{}, parts: map[string]string{},
	}
	w.catalog = w.shop()
	for name, s := range w.catalog.Scenarios {
		for i, groups := range usual() {
			w.past[name] = append(w.past[name], pipeline.Result{
				ID: fmt.Sprintf("P%d/%s", i, name), Run: fmt.Sprintf("P%d", i), Scenario: name, Hash: s.Hash(), Groups: groups,
				Versions: map[string]string{"service:checkout": "r1", "service:search": "s1"},
			})
		}
	}
	return w
}

// usual is what earlier runs measured of any scenario.
var usual = sync.OnceValue(func() (past []map[string]pipeline.Summary) {
	for i := range 5 {
		past = append(past, pipeline.Summarise(load("t", 13, 3, 40*(1+0.02*ripple[i]))))
	}
	return past
})

func (w *world) runner() *pipeline.Runner {
	return &pipeline.Runner{
		Catalog: func() *pipeline.Catalog { return w.catalog }, Ledger: w, History: w, Regressions: w, Inventory: w, Commands: commander{w}, Holds: w, Batches: w, Teller: w,
		Deployers: map[string]pipeline.Deployer{"kubernetes": cluster{w}}, Applier: cloud{w},
		Probe:   func(context.Context, string) error { return w.probe() },
		Engines: map[string]pipeline.Engine{"fake": engine{w}}, Now: time.Now, Watch: 6 * time.Second,
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
}

// change is a run of checkout 2.
func (w *world) change(edit ...func(*pipeline.Run)) {
	change := pipeline.Change{Kind: pipeline.KindService, Name: "checkout", Revision: "r2", Image: newImage}
	w.add(pipeline.Run{ID: "R1", Cause: pipeline.CauseChange, Changes: []pipeline.Change{change}, Selection: w.catalog.Select(change)}, edit...)
}

func (w *world) add(run pipeline.Run, edit ...func(*pipeline.Run)) {
	run.Environment, run.State = "load", pipeline.Waiting
	for _, e := range edit {
		e(&run)
	}
	w.runs[run.ID] = text(run)
}

func text(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err) // what is stored must be storable
	}
	return string(raw)
}

func parsed[T any](raw string) (v T) {
	if err := json.Unmarshal([]byte(raw), &v); err != nil {
		panic(err)
	}
	return v
}

func (w *world) run() pipeline.Run {
	w.mu.Lock()
	defer w.mu.Unlock()
	return parsed[pipeline.Run](w.runs["R1"])
}

// effects are the commands, loads and installs so far, without what they are about in the store.
func (w *world) effects() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(w.log), func(s string) bool {
		verb, _, _ := strings.Cut(s, " ")
		return slices.Contains([]string{"save", "tell", "keep", "follow"}, verb)
	})
}

func (w *world) note(effect string) {
	w.before(effect)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.log = append(w.log, effect)
}

// cancel is what somebody says in chat.
func (w *world) cancel() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.marks["R1"] = &pipeline.Mark{By: "web:dev-sg", Name: "dev-sg", At: noon}
}

// loseLease tells the holder that its lease is gone.
func (w *world) loseLease() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lose(errLost)
}

// hold lets a new holder work on the run.
func (w *world) hold(t *testing.T) error { return w.takeUp(t, "R1") }

func (w *world) takeUp(t *testing.T, id string) error {
	ctx, lose := context.WithCancelCause(t.Context())
	defer lose(nil)
	w.mu.Lock()
	w.fence++
	w.lose = lose
	fence := w.fence
	w.mu.Unlock()
	return w.runner().Work(ctx, id, fence)
}

// work lets one holder after the other take up the run until it is over, and returns it.
func (w *world) work(t *testing.T) pipeline.Run {
	t.Helper()
	for range 3 {
		if w.hold(t) == nil {
			return w.run()
		}
	}
	require.Fail(t, "the run does not end", "%v", w.log)
	return pipeline.Run{}
}
