package pipeline_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"bellwether/pipeline"
)

func TestGiveUp(t *testing.T) {
	inTime(t, "a run that cannot go on", func(t *testing.T) {
		w := newWorld()
		w.change(func(r *pipeline.Run) { r.State, r.Stage = pipeline.Running, pipeline.StageConfirm })
		require.NoError(t, w.runner().GiveUp(t.Context(), "R1", w.fence, "it broke 10 times"))
		run := w.run()
		require.Equal(t, pipeline.Done, run.State)
		require.Equal(t, pipeline.Failed, run.Verdict)
		require.Equal(t, "it broke 10 times", run.Reason)
		require.False(t, run.Finished.IsZero())
		require.Equal(t, pipeline.Failed, w.told[len(w.told)-1].Verdict)
	})
	inTime(t, "a run that is over stays as it is, and is told", func(t *testing.T) {
		w := newWorld()
		w.change(func(r *pipeline.Run) { r.State, r.Verdict = pipeline.Done, pipeline.Pass })
		require.NoError(t, w.runner().GiveUp(t.Context(), "R1", w.fence, "it broke 10 times"))
		require.Equal(t, pipeline.Pass, w.run().Verdict)
		require.Len(t, w.told, 1)
	})
	inTime(t, "not without the lane", func(t *testing.T) {
		w := newWorld()
		w.change()
		require.ErrorIs(t, w.runner().GiveUp(t.Context(), "R1", w.fence-1, "it broke 10 times"), errFenced)
		require.Equal(t, pipeline.Waiting, w.run().State)
	})
	inTime(t, "an unknown run", func(t *testing.T) {
		require.Error(t, newWorld().runner().GiveUp(t.Context(), "R1", 1, ""))
	})
}
