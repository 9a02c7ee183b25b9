package pipeline_test

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/pipeline"
)

// inTime runs a test in a bubble with a clock of its own, in which load takes no time.
func inTime(t *testing.T, name string, test func(*testing.T)) {
	t.Run(name, func(t *testing.T) { synctest.Test(t, test) })
}

func TestTheWholeLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.change()
		run := w.work(t)
		require.Equal(t, pipeline.Done, run.State)
		require.Equal(t, pipeline.Pass, run.Verdict)
		require.Equal(t, []string{
			"deploy " + newImage, "install r2",
			"reset " + newImage, "setup " + newImage, "load checkout-flow on " + newImage, "teardown " + newImage,
			"reset " + newImage, "load shop-window on " + newImage,
			"count R1/checkout-flow", "count R1/shop-window",
		}, w.effects())
		require.Equal(t, &pipeline.Artefact{Revision: "r1", Image: oldImage}, run.Before)
		require.Equal(t, 26*time.Second, run.Finished.Sub(run.Started))

		r := run.Results[0]
		require.Equal(t, "R1/checkout-flow", r.ID)
		require.Equal(t, 10, r.Seconds)
		require.Equal(t, pipeline.Artefact{Revision: "r2", Image: newImage}, r.Artefact)
		require.Equal(t, map[string]string{"service:checkout": "r2", "service:search": "s1"}, r.Versions)
		require.Equal(t, w.catalog.Scenarios["checkout-flow"].Hash(), r.Hash)
		require.Equal(t, r, w.kept["R1/checkout-flow"])
		require.Len(t, w.past["checkout-flow"], 6)

		var stages []pipeline.Stage
		for _, told := range w.told {
			stages = append(stages, told.Stage)
		}
		require.Equal(t, []pipeline.Stage{"", "prepare", "prepare", "test", "test", "test", "judge", "report", "report"}, stages)
		require.NoError(t, w.runner().Work(t.Context(), "R1", w.fence), "a run that is over is told again, and no more")
		require.Len(t, w.told, 10)
		require.Equal(t, run, w.run())
	})
}

func TestARegressionIsConfirmedAndTheNewVersionStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.latency[newImage] = 56
		w.catalog.Scenarios["static"] = pipeline.Scenario{Name: "static", Tags: []string{"service:checkout"}, Engine: "fake", Load: steady(9)}
		w.measured = func(rec *pipeline.Record) {
			if len(w.log) > 0 && w.log[len(w.log)-1] == "load static on "+newImage {
				rec.Series = load("t", 13, 3, 40).Series
			}
		}
		w.change()
		run := w.work(t)
		require.Equal(t, pipeline.Regressed, run.Verdict)
		var verdicts []pipeline.Verdict
		for _, o := range run.Outcomes {
			verdicts = append(verdicts, o.Verdict)
		}
		require.Equal(t, []pipeline.Verdict{"regressed", "regressed", "pass"}, verdicts)

		leg := func(label, image string) []string {
			return []string{
				"deploy " + image, "install " + label,
				"reset " + image, "setup " + image, "load checkout-flow on " + image, "teardown " + image,
				"reset " + image, "load shop-window on " + image,
			}
		}
		var want []string
		turn := [][]string{leg("r1", oldImage), leg("r2", newImage), leg("r2", newImage), leg("r1", oldImage)}
		for _, l := range slices.Concat(turn, turn) {
			want = append(want, l...)
		}
		want = append(want, "deploy "+newImage, "install r2", "count R1/static")
		effects := w.effects()
		require.Equal(t, want, effects[len(effects)-len(want):])

		require.Len(t, run.Legs, 8, "nobody knows how noisy it is: one look, at the end")
		require.Equal(t, "r1", run.Legs[0].Results[0].Artefact.Revision)
		require.Equal(t, map[string]string{"service:checkout": "r1", "service:search": "s1"}, run.Legs[3].Results[1].Versions)
		require.Equal(t, "R1/shop-window/leg4", run.Legs[3].Results[1].ID)
		require.Contains(t, w.kept, "R1/checkout-flow/leg2")
		f := finding(t, run.Outcomes[0], "checkout-flow", pipeline.P95)
		require.InDelta(t, 1.4, f.Confirmation.Ratio, 0.01)
		require.Equal(t, newImage, w.live["checkout"])
		require.Len(t, w.past["checkout-flow"], 5, "what regressed is no baseline")
	})
}

func TestAnUnknownRun(t *testing.T) {
	w := newWorld()
	require.ErrorIs(t, w.runner().Work(t.Context(), "R1", 1), pipeline.ErrNotFound)
}

func TestWhoeverBeginsTellsWhatTheIntakeMayNotHaveTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.add(pipeline.Run{ID: "R0", Successor: "R1"})
		w.add(pipeline.Run{ID: "R9", Reruns: []string{"R1"}})
		w.change(func(r *pipeline.Run) { r.Supersedes, r.Parent = []string{"R0", "forgotten"}, "R9" })
		w.work(t)
		require.Equal(t, "R1", w.told[0].ID, "the others link to it")
		require.Equal(t, "R0", w.told[1].ID)
		require.Equal(t, "R9", w.told[2].ID)
	})
}

func TestAnErrorNamesTheStage(t *testing.T) {
	w := newWorld()
	w.change(func(r *pipeline.Run) {
		r.Stage, r.State = pipeline.StageJudge, pipeline.Running
		r.Results = []pipeline.Result{{Scenario: "x"}}
	})
	w.crashAt, w.mishap = 3, breaksBefore
	err := w.runner().Work(t.Context(), "R1", 1)
	require.EqualError(t, err, "run R1: judge: past of x: redis is away")
	require.True(t, errors.Is(err, errCrash))
}
