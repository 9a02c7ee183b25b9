package pipeline_test

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"bellwether/pipeline"
)

func TestADeployThatFails(t *testing.T) {
	boom := broken{"exit status 3", "line 1\nout of memory"}
	for name, c := range map[string]struct {
		fails    map[string]error
		edit     func(*world)
		restored string
		live     string
		noted    string
	}{
		"is undone": {map[string]error{"deploy " + newImage: boom}, nil, "restored r1", oldImage, "r1"},
		"and so does the old version": {
			map[string]error{"deploy " + newImage: boom, "deploy " + oldImage: broken{"took longer than 5m0s", ""}},
			nil,
			"restoring r1 failed too: took longer than 5m0s", oldImage, "r1",
		},
		"the first time": {
			map[string]error{"deploy": boom}, func(w *world) { clear(w.installed) }, "nothing ran before: there was nothing to restore", newImage, "",
		},
	} {
		inTime(t, name, func(t *testing.T) {
			w := newWorld()
			w.fails = c.fails
			if c.edit != nil {
				c.edit(w)
			}
			w.change()
			run := w.work(t)
			require.Equal(t, pipeline.Failed, run.Verdict)
			require.Equal(t, "the deploy failed: exit status 3", run.Reason)
			require.Equal(t, "line 1\nout of memory", run.Output)
			require.Equal(t, c.restored, run.Restored)
			require.Equal(t, c.live, w.live["checkout"])
			require.Equal(t, c.noted, w.installed["service:checkout"].Revision)
			require.Empty(t, run.Results)
		})
	}
}

func TestAnApplyThatFailsIsNotRolledBack(t *testing.T) {
	w := newWorld()
	w.fails["apply"] = broken{"exit status 1", ""}
	w.change(func(r *pipeline.Run) {
		r.Changes[0] = pipeline.Change{Kind: pipeline.KindStack, Name: "orders", Revision: "s9"}
	})
	run := w.work(t)
	require.Equal(t, pipeline.Failed, run.Verdict)
	require.Equal(t, "a failed apply is not rolled back: the environment may be half changed", run.Restored)
	require.Equal(t, []string{"apply", "hold load: the apply of orders s9 broke half-way"}, w.effects())
}

// An error that is no command's own is not the change's fault: the run stays where it is.
func TestARestoreThatCannotBeNotedIsDoneAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.fails["deploy "+newImage] = broken{"exit status 3", ""}
		w.change()
		w.before = func(effect string) {
			if effect == "install r1" && w.crashAt == 0 { // once
				w.crashAt, w.mishap = len(w.calls)+1, breaksBefore
			}
		}
		require.ErrorIs(t, w.runner().Work(t.Context(), "R1", w.fence), errCrash)
		require.Equal(t, pipeline.StagePrepare, w.run().Stage)
		require.Equal(t, "restored r1", w.work(t).Restored)
	})
}

func TestScriptsAroundTheLoad(t *testing.T) {
	cart := []string{"reset " + newImage, "setup " + newImage, "load checkout-flow on " + newImage, "teardown " + newImage}
	for name, c := range map[string]struct {
		fails   string
		reason  string
		effects []string
	}{
		"reset":    {"reset", "reset of the environment: ./run.sh: exit status 1", cart[:1]},
		"set-up":   {"setup", "set-up: ./run.sh: exit status 1", []string{cart[0], cart[1], cart[3]}},
		"teardown": {"teardown", "teardown: ./run.sh: exit status 1", cart},
	} {
		inTime(t, name, func(t *testing.T) {
			w := newWorld()
			w.fails[c.fails] = broken{"exit status 1", "the last line"}
			w.change(func(r *pipeline.Run) { r.Selection.Scenarios = r.Selection.Scenarios[:1] })
			run := w.work(t)
			require.Equal(t, pipeline.Failed, run.Verdict)
			require.Equal(t, c.reason, run.Outcomes[0].Reason)
			require.Equal(t, "the last line", run.Output)
			require.Equal(t, c.effects, w.effects()[2:])
		})
	}
	inTime(t, "load", func(t *testing.T) {
		w := newWorld()
		s := w.catalog.Scenarios["checkout-flow"]
		s.Engine = "none"
		w.catalog.Scenarios["checkout-flow"] = s
		w.change(func(r *pipeline.Run) { r.Selection.Scenarios = r.Selection.Scenarios[:1] })
		require.Equal(t, pipeline.Failed, w.work(t).Verdict)
		require.Equal(t, []string{cart[0], cart[1], cart[3]}, w.effects()[2:], "torn down whatever happened")
	})
}

func TestADeployThatFailsWhileConfirming(t *testing.T) {
	boom := broken{"exit status 3", ""}
	for name, c := range map[string]struct {
		fails  map[string]error
		reason string
		live   string
		noted  string
	}{
		"the old version": {map[string]error{"deploy " + oldImage: boom}, "could not be confirmed: ./run.sh: exit status 3", newImage, "r2"},
		"both": {
			map[string]error{"deploy": boom},
			"could not be confirmed: ./run.sh: exit status 3; the environment was not set back to r2: ./run.sh: exit status 3", newImage, "r2",
		},
	} {
		inTime(t, name, func(t *testing.T) {
			w := newWorld()
			w.latency[newImage] = 56
			w.before = func(effect string) {
				if effect == "save running confirm" {
					w.fails = c.fails
				}
			}
			w.change()
			run := w.work(t)
			require.Equal(t, pipeline.Suspect, run.Verdict)
			require.Equal(t, c.reason, run.Reason)
			require.Equal(t, c.live, w.live["checkout"])
			require.Equal(t, c.noted, w.installed["service:checkout"].Revision)
		})
	}
	inTime(t, "the new version in the end", func(t *testing.T) {
		w := newWorld()
		w.latency[newImage] = 56
		saves := 0
		w.before = func(effect string) {
			if effect == "save running confirm" {
				if saves++; saves == 9 {
					w.fails["deploy "+newImage] = boom
				}
			}
		}
		w.change()
		run := w.work(t)
		require.Equal(t, pipeline.Regressed, run.Verdict, "all legs were measured")
		require.Equal(t, "the environment was not set back to r2: ./run.sh: exit status 3", run.Reason)
	})
}
