package pipeline_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"bellwether/pipeline"
)

func TestVerdictsOfRuns(t *testing.T) {
	slow := func(w *world) { w.latency[newImage] = 56 }
	for name, c := range map[string]struct {
		world   func(*world)
		run     func(*pipeline.Run)
		verdict pipeline.Verdict
		reason  string // of the run, or of its first outcome
		effects []string
		counts  bool // its first scenario becomes part of the baseline
	}{
		"a slow measurement that is not repeated": {
			world: func(w *world) {
				n := 0
				w.measured = func(rec *pipeline.Record) {
					if n++; n == 1 {
						rec.Series = load("t", 13, 3, 90).Series
					}
				}
			},
			verdict: pipeline.Pass, counts: true,
		},
		"errors": {world: func(w *world) { w.errors[newImage] = 10 }, verdict: pipeline.Regressed},
		"faster": {world: func(w *world) { w.latency[newImage] = 25 }, verdict: pipeline.Improved},
		"no baseline": {
			world: func(w *world) { slow(w); clear(w.past) }, verdict: pipeline.Pass, reason: "no baseline yet: 0 of 3 comparable runs",
		},
		"the first version of all": {
			world: func(w *world) { slow(w); clear(w.installed) }, verdict: pipeline.Regressed,
			effects: []string{"deploy " + newImage, "install r2", "load checkout-flow", "load shop-window", "load checkout-flow", "load shop-window", "load checkout-flow", "load shop-window"},
		},
		"others deploy it": {
			world: func(w *world) {
				slow(w)
				checkout := w.catalog.Services["checkout"]
				checkout.Deploy = nil
				w.catalog.Services["checkout"], w.live["checkout"] = checkout, newImage
			},
			verdict: pipeline.Regressed,
			effects: []string{"install r2", "load checkout-flow", "load shop-window", "load checkout-flow", "load shop-window", "load checkout-flow", "load shop-window"},
		},
		"a rerun of what is installed": {
			world: func(w *world) { w.latency[oldImage] = 56 },
			run: func(r *pipeline.Run) {
				r.Cause, r.Changes[0].Image, r.Changes[0].Revision = pipeline.CauseRerun, oldImage, "r1"
			},
			verdict: pipeline.Regressed,
			effects: []string{"load checkout-flow", "load shop-window", "load checkout-flow", "load shop-window", "load checkout-flow", "load shop-window"},
		},
		"a change to what is installed": {
			world: func(w *world) { w.installed["service:checkout"] = pipeline.Artefact{Revision: "r2", Image: newImage} }, verdict: pipeline.Pass,
			effects: []string{"deploy " + newImage, "install r2", "load checkout-flow", "load shop-window", "count R1/checkout-flow", "count R1/shop-window"},
		},
		"a rerun of something else": {
			run: func(r *pipeline.Run) { r.Cause = pipeline.CauseRerun }, verdict: pipeline.Pass,
			effects: []string{"deploy " + newImage, "install r2", "load checkout-flow", "load shop-window", "count R1/checkout-flow", "count R1/shop-window"},
		},
		"a stack": {
			world: func(w *world) { w.latency[oldImage] = 56 },
			run: func(r *pipeline.Run) {
				r.Changes[0] = pipeline.Change{Kind: pipeline.KindStack, Name: "orders", Revision: "s9"}
			},
			verdict: pipeline.Regressed,
			effects: []string{"apply", "install s9", "load checkout-flow", "load shop-window", "load checkout-flow", "load shop-window", "load checkout-flow", "load shop-window"},
		},
		"a full run": {
			run:     func(r *pipeline.Run) { r.Cause, r.Changes = pipeline.CauseFull, nil },
			verdict: pipeline.Pass,
			effects: []string{"load checkout-flow", "load shop-window", "count R1/checkout-flow", "count R1/shop-window"},
		},
		"nothing to test": {
			run: func(r *pipeline.Run) { r.Selection = pipeline.Selection{} }, verdict: pipeline.Pass, effects: []string{"deploy " + newImage, "install r2"},
		},
		"no image came": {
			run: func(r *pipeline.Run) { r.Changes[0].Image = "" }, verdict: pipeline.Failed, effects: nil,
			reason: "no image of checkout at r2 arrived in time; was it built and pushed?",
		},
		"a service that is gone": {
			world: func(w *world) { delete(w.catalog.Services, "checkout") }, verdict: pipeline.Failed,
			reason: "the service checkout is no longer in the catalog",
		},
		"an environment that is gone": {
			world: func(w *world) { clear(w.catalog.Environments) }, verdict: pipeline.Failed,
			reason: "the environment load is no longer in the catalog",
		},
		"a scenario that is gone": {
			world: func(w *world) { delete(w.catalog.Scenarios, "checkout-flow") }, verdict: pipeline.Failed,
			reason:  "the scenario is no longer in the catalog",
			effects: []string{"deploy " + newImage, "install r2", "load shop-window", "count R1/shop-window"},
		},
		"no such engine": {
			world: func(w *world) {
				s := w.catalog.Scenarios["checkout-flow"]
				s.Engine = "k6"
				w.catalog.Scenarios["checkout-flow"] = s
			},
			verdict: pipeline.Failed, reason: `no engine "k6" is configured`,
		},
		"a generator that is unwell once": {world: func(w *world) { w.sick = 1 }, verdict: pipeline.Pass, effects: []string{
			"deploy " + newImage, "install r2", "load checkout-flow", "load checkout-flow", "load shop-window", "count R1/checkout-flow", "count R1/shop-window",
		}},
		"a generator that is unwell": {
			world: func(w *world) { w.sick = 2 }, verdict: pipeline.Invalid, reason: "the load generator sent only 900 of 1000 requests",
			effects: []string{"deploy " + newImage, "install r2", "load checkout-flow", "load checkout-flow", "load shop-window", "count R1/shop-window"},
		},
		"an environment that does not answer": {
			world: func(w *world) {
				w.catalog.Environments["load"] = pipeline.Environment{Name: "load", URL: "http://ada:hunter2@load"}
				w.measured = func(r *pipeline.Record) {
					r.Fault, r.Series[0].Class, r.Series[0].Failed = "connect: connection refused", pipeline.NoResponse, true
				}
			},
			verdict: pipeline.Failed, reason: "nothing answered at http://ada:xxxxx@load: connect: connection refused; is it running?",
		},
		"an environment that answers sometimes": {
			world:   func(w *world) { w.measured = func(r *pipeline.Record) { r.Fault = "connect: connection refused" } },
			verdict: pipeline.Pass,
		},
		"a leg that is invalid": {
			world: func(w *world) {
				slow(w)
				w.before = func(effect string) {
					if effect == "save running confirm" {
						w.sick = 100
					}
				}
			},
			verdict: pipeline.Suspect, reason: "could not be confirmed: the load generator sent only 900 of 1000 requests",
		},
		"one scenario broken, the other slower": {
			world: func(w *world) { slow(w); w.fails["setup"] = broken{"exit status 2", "no such table"} }, verdict: pipeline.Regressed,
			reason: "set-up: ./run.sh: exit status 2",
		},
	} {
		inTime(t, name, func(t *testing.T) {
			w := newWorld()
			if c.world != nil {
				c.world(w)
			}
			w.change(func(r *pipeline.Run) {
				if len(r.Selection.Scenarios) < 2 { // the catalog lost something since
					r.Selection = newWorld().catalog.Select(r.Changes[0])
				}
				if c.run != nil {
					c.run(r)
				}
			})
			run := w.work(t)
			require.Equal(t, pipeline.Done, run.State)
			require.Equal(t, c.verdict, run.Verdict)
			require.NotZero(t, run.Finished)
			if run.Reason == "" && len(run.Outcomes) > 0 {
				run.Reason = run.Outcomes[0].Reason
			}
			require.Equal(t, c.reason, run.Reason)
			if c.counts {
				require.Len(t, w.past["checkout-flow"], 6)
			}
			if c.effects != nil {
				require.Equal(t, c.effects, short(w.effects()))
			}
		})
	}
}

// short leaves out what surrounds each load.
func short(effects []string) []string {
	var out []string
	for _, e := range effects {
		switch words := strings.Fields(e); words[0] {
		case "load":
			out = append(out, strings.Join(words[:2], " "))
		case "reset", "setup", "teardown":
		default:
			out = append(out, e)
		}
	}
	return out
}
