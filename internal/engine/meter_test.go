package engine

import (
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/pipeline"
)

func TestMeter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		busy := func() time.Duration { // all the time in the first second, half of it after that
			passed := time.Since(began)
			return time.Duration(runtime.GOMAXPROCS(0)) * (min(passed, time.Second) + max(0, passed-time.Second)/2)
		}
		m := newMeter(busy)
		<-time.After(2500 * time.Millisecond)
		require.InDeltaSlice(t, []float64{1, 0.5, 0.5}, m.finish(), 1e-9)
	})
}

func TestMeterOfLessThanASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMeter(func() time.Duration { return 0 })
		<-time.After(partial - 1)
		require.Empty(t, m.finish())
	})
}

func TestProcessorTimeGrows(t *testing.T) {
	before := processorTime()
	for deadline := time.Now().Add(10 * time.Second); processorTime() == before; {
		require.True(t, time.Now().Before(deadline), "computing costs nothing")
	}
}

func TestGeneratorTellsItsOwnUse(t *testing.T) {
	shop := open(t, fine)
	load := pipeline.Load{Stages: []pipeline.LoadStage{{From: 200, To: 200, Over: 1500 * time.Millisecond}}}
	rec, err := engine().Measure(t.Context(), pipeline.Scenario{Name: "flow", Targets: get("/"), Load: load}, shop.env, func(bool) {})
	require.NoError(t, err)
	require.Len(t, rec.Generator, 2)
	for _, tick := range rec.Generator {
		require.Positive(t, tick.CPU)
		require.Less(t, tick.CPU, 1.1)
	}
}
