package pipeline_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/pipeline"
)

// both has checkout 2 and search 2 tested together, checkout leading.
func (w *world) both() {
	w.environment(func(e *pipeline.Environment) { e.Batch = true })
	search := pipeline.Change{Kind: pipeline.KindService, Name: "search", Revision: "s2", Image: newSearch}
	w.add(pipeline.Run{ID: "R2", Cause: pipeline.CauseChange, Changes: []pipeline.Change{search}, Selection: w.catalog.Select(search)})
	w.waiting = []string{"R2"}
}

// drain works the lane off.
func (w *world) drain(t *testing.T) (first, second pipeline.Run) {
	t.Helper()
	w.work(t)
	for len(w.waiting) > 0 {
		id := w.waiting[0]
		w.waiting = w.waiting[1:]
		if w.takeUp(t, id) != nil {
			w.waiting = append([]string{id}, w.waiting...)
		}
	}
	if raw, ok := w.runs["R2"]; ok {
		second = parsed[pipeline.Run](raw)
	}
	return w.run(), second
}

func TestChangesAreTestedTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.change()
		w.both()
		began := time.Now()
		checkout, search := w.drain(t)
		require.Equal(t, pipeline.Pass, checkout.Verdict)
		require.Equal(t, pipeline.Pass, search.Verdict)
		require.Equal(t, []string{"checkout-flow", "shop-window"}, scenarios(checkout))
		require.Equal(t, []string{"search-flow", "shop-window"}, scenarios(search), "its own, though measured along with the leader's")
		require.Equal(t, 3*13*time.Second, time.Since(began), "three scenarios, each once")
		require.Len(t, w.past["shop-window"], 6, "one result is counted once")
	})
}

func scenarios(run pipeline.Run) (names []string) {
	for _, r := range run.Results {
		names = append(names, r.Scenario)
	}
	return names
}

func TestARegressedBatchIsBisected(t *testing.T) {
	for name, c := range map[string]struct {
		slow             map[string]float64
		checkout, search pipeline.Verdict
	}{
		"the leader's":  {map[string]float64{newImage: 56}, pipeline.Regressed, pipeline.Pass},
		"the other's":   {map[string]float64{newSearch: 56}, pipeline.Pass, pipeline.Regressed},
		"both of them":  {map[string]float64{newImage: 56, newSearch: 64}, pipeline.Regressed, pipeline.Regressed},
		"only search's": {map[string]float64{newSearch: 56}, pipeline.Pass, pipeline.Regressed},
	} {
		inTime(t, name, func(t *testing.T) {
			w := newWorld()
			w.change()
			w.both()
			if name == "only search's" { // no scenario of checkout's is slower: it is through at once
				delete(w.catalog.Scenarios, "shop-window")
				w.change()
				w.both()
			}
			for image, latency := range c.slow {
				w.latency[image] = latency
			}
			checkout, search := w.drain(t)
			require.Equal(t, c.checkout, checkout.Verdict)
			require.Equal(t, c.search, search.Verdict)
			require.Equal(t, newImage, w.live["checkout"])
			require.Equal(t, newSearch, w.live["search"])
			require.Equal(t, oldImage, checkout.Before.Image)
			require.Equal(t, oldSearch, search.Before.Image)
			if name == "only search's" {
				require.Zero(t, checkout.Round)
			}
		})
	}
}

func TestADeployThatFailsInABatch(t *testing.T) {
	for name, c := range map[string]struct {
		image            string
		checkout, search pipeline.Verdict
	}{
		"the leader's": {newImage, pipeline.Failed, pipeline.Pass},
		"the other's":  {newSearch, pipeline.Pass, pipeline.Failed},
	} {
		inTime(t, name, func(t *testing.T) {
			w := newWorld()
			w.change()
			w.both()
			w.fails["deploy "+c.image] = broken{"exit status 3", ""}
			checkout, search := w.drain(t)
			require.Equal(t, c.checkout, checkout.Verdict)
			require.Equal(t, c.search, search.Verdict)
		})
	}
}

func TestARunOfABatchIsCancelled(t *testing.T) {
	for _, id := range []string{"R1", "R2"} {
		inTime(t, id, func(t *testing.T) {
			w := newWorld()
			w.change()
			w.both()
			w.before = func(effect string) {
				if effect == "load checkout-flow on "+newImage && w.marks[id] == nil {
					w.marks[id] = &pipeline.Mark{Name: "dev-sg", At: noon}
				}
			}
			runs := map[string]pipeline.Run{}
			runs["R1"], runs["R2"] = w.drain(t)
			for other, run := range runs {
				if other == id {
					require.Equal(t, pipeline.Cancelled, run.State)
					continue
				}
				require.Equal(t, pipeline.Pass, run.Verdict, other)
			}
		})
	}
}
