package store

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/pipeline"
)

// worse is a regression that a run found in the scenario cart.
func worse(run string, metric pipeline.Metric) pipeline.Regression {
	return pipeline.Regression{
		ID: run + "/cart/" + string(metric), Run: run, Subject: "checkout " + run, Environment: "load", Scenario: "cart", Group: "cart",
		Metric: metric, At: noon, Since: run, Was: 1.0 / 3, Level: 0.5, MDE: 0.1,
	}
}

func endedBy(g pipeline.Regression, as pipeline.Ending, run string) pipeline.Regression {
	g.End = &pipeline.End{As: as, At: noon.Add(time.Hour), Run: run, Subject: "checkout " + run}
	return g
}

// series has one run after the other taken through the lane of environment load.
type series struct {
	*Store
	t      *testing.T
	holder *holder
	held   pipeline.Lease
}

func inSeries(t *testing.T, s *Store) *series {
	return &series{Store: s, t: t, holder: drain(t, s, "environment/load")}
}

// begin has a change of checkout measured: the scenarios cart and pay once, and cart four times to confirm that it is worse.
func (s *series) begin() pipeline.Run {
	s.t.Helper()
	receipt := enqueue(s.t, s.Store, change("checkout", fmt.Sprint(time.Now().UnixNano())))
	s.held = pipeline.Lease{Environment: "load", Fence: s.holder.take(receipt.Run)}
	run := load(s.t, s.Store, receipt.Run)
	number, err := strconv.Atoi(run.ID[1:])
	require.NoError(s.t, err)
	run.Finished = noon.Add(time.Duration(number) * time.Hour)
	run.Results = []pipeline.Result{s.measure(run, "cart", "", 0), s.measure(run, "pay", "", 1)}
	for i, fresh := range []bool{false, true, true, false} {
		result := s.measure(run, "cart", fmt.Sprintf("/leg%d", i+1), i+2)
		run.Legs = append(run.Legs, pipeline.Leg{New: fresh, Results: []pipeline.Result{result}})
	}
	run.Outcomes = []pipeline.Outcome{{Scenario: "cart", Verdict: pipeline.Regressed}, {Scenario: "pay", Verdict: pipeline.Pass}}
	save(s.t, s.Store, s.held, run, pipeline.Running)
	return run
}

func (s *series) measure(run pipeline.Run, scenario, leg string, minute int) pipeline.Result {
	r := measured(0)
	r.Start = run.Finished.Add(time.Duration(minute) * time.Minute)
	r.ID, r.Run, r.Scenario = run.ID+"/"+scenario+leg, run.ID, scenario
	require.NoError(s.t, s.Keep(s.t.Context(), s.held, r, record))
	return r
}

// end counts what passed and keeps regressions, as the runner does.
func (s *series) end(run pipeline.Run, changed ...pipeline.Regression) pipeline.Run {
	s.t.Helper()
	require.NoError(s.t, s.Count(s.t.Context(), s.held, run.Results[1]))
	if len(changed) == 0 {
		require.NoError(s.t, s.Count(s.t.Context(), s.held, run.Results[0]))
	}
	require.NoError(s.t, s.Follow(s.t.Context(), s.held, changed))
	save(s.t, s.Store, s.held, run, pipeline.Done)
	s.holder.end(nil)
	return load(s.t, s.Store, run.ID)
}

// finds a run whose p95 of cart is worse.
func (s *series) finds() pipeline.Run {
	s.t.Helper()
	run := s.begin()
	return s.end(run, worse(run.ID, pipeline.P95))
}

func (s *series) standing() (ids []string) {
	s.t.Helper()
	all, err := s.Standing(s.t.Context(), "load")
	require.NoError(s.t, err)
	for _, g := range all {
		require.Nil(s.t, g.End)
		ids = append(ids, g.ID)
	}
	return ids
}

// toldLater are the runs that a timer will tell.
func (s *series) toldLater() (ids []string) {
	s.t.Helper()
	state, err := s.Lanes.State(s.t.Context(), "timer/load")
	require.NoError(s.t, err)
	for _, item := range state.Waiting {
		if id, ok := strings.CutPrefix(item.ID, "tell/"); ok {
			ids = append(ids, id)
		}
	}
	return ids
}

// forGood is how long something is kept that does not expire.
const forGood = time.Duration(-1)

func (s *series) keptFor(key string) time.Duration {
	return s.redis().TTL(s.t.Context(), "bw:"+key).Val()
}

func (s *series) past(policy pipeline.Policy) pipeline.Past { return pastOf(s.t, s.Store, policy) }
