package commands

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/pipeline"
)

func TestAHoldIsToldWhereItMatters(t *testing.T) {
	d, l, _ := desk("load")
	l.boards["load"] = pipeline.Board{Waiting: []pipeline.Run{l.runs["R3"]}}
	catalog := d.Catalog()
	infra := pipeline.Channel{Platform: "slack", ID: "C0INFRA"}
	catalog.Teams["infrastructure"] = pipeline.Team{Name: "infrastructure", Channels: []pipeline.Channel{infra}, Members: []string{"siti", "jo"}}
	catalog.Environments["load"] = pipeline.Environment{Name: "load", Team: "infrastructure"}
	d.Catalog = func() *pipeline.Catalog { return catalog }

	reply := d.Do(t.Context(), siti, "hold load for 2h because of an upgrade")
	require.Contains(t, reply.Message.String(), "on hold for 2 h")
	require.Equal(t, &pipeline.Hold{
		ID: "H1", Environment: "load", Until: noon.Add(2 * time.Hour), Channels: []pipeline.Channel{team, infra},
		By: pipeline.Mark{By: "slack:U0SITI", Name: "siti", At: noon, Because: "of an upgrade"},
	}, l.hold)
	require.Equal(t, []string{"H1", "R3"}, l.told)

	require.Equal(t, "load is on hold already, by siti, because of an upgrade. Release it first.", d.Do(t.Context(), jo, "hold load because I say so").Message.String())
	require.Equal(t, "load is released. One run waits there.", d.Do(t.Context(), jo, "release load").Message.String())
	require.Equal(t, []string{"H1", "R3", "H1", "R3", "H1", "R3"}, l.told)
}

func TestAPlanIsDecidedOnOnce(t *testing.T) {
	d, l, _ := desk("load")
	require.False(t, d.Do(t.Context(), siti, "approve R9").Private)
	require.Equal(t, "The plan of R9 (orders-db 1.5.9) was approved by siti already.", d.Do(t.Context(), jo, "approve R9").Message.String())
	require.Equal(t, "The plan of R9 (orders-db 1.5.9) was approved by siti already.", d.Do(t.Context(), siti, "reject R9").Message.String())
	require.Equal(t, "siti", l.runs["R9"].Approved.Name)
}

func TestADecisionThatComesTooLate(t *testing.T) {
	d, l, _ := desk("load")
	planned := l.runs["R9"]
	planned.Approval.Expires = noon
	reply := d.Do(t.Context(), siti, "approve R9")
	require.Equal(t, "That is too late for the plan of R9 (orders-db 1.5.9): the time to decide is over, or it was planned anew.", reply.Message.String())

	d.Approvals = gone{l}
	reply = d.Do(t.Context(), siti, "approve R9")
	require.Equal(t, "R9 (orders-db 1.5.9) asks for no approval any more: it was cancelled.", reply.Message.String())
}

// gone has the run end between the look and the decision.
type gone struct{ *ledger }

func (g gone) Approve(_ context.Context, id string, _ pipeline.Mark) (pipeline.Run, error) {
	run := g.runs[id]
	run.State = pipeline.Cancelled
	return run, nil
}

// The button of a hold is that hold's: one that took its place needs a look at the environment first.
func TestAHoldIsReleasedByItsId(t *testing.T) {
	d, l, _ := desk("load", "soak")
	l.hold = &pipeline.Hold{ID: "H2", Environment: "soak", Run: "R7"}
	for _, line := range []string{"release H1", "release h22"} {
		require.Contains(t, d.Do(t.Context(), siti, line).Message.String(), "is over, or another one took its place")
		require.NotNil(t, l.hold)
	}
	require.Equal(t, "soak is released. Nothing waits there.", d.Do(t.Context(), siti, "release h2").Message.String())
	require.Nil(t, l.hold)

	l.hold = &pipeline.Hold{ID: "H3", Environment: "load"}
	l.broken = errors.New("redis is away")
	require.Contains(t, d.Do(t.Context(), siti, "release H3").Message.String(), "That did not work")
}

func TestAnEnvironmentMayBeCalledLikeAHold(t *testing.T) {
	d, l, _ := desk("h2", "load")
	l.hold = &pipeline.Hold{ID: "H1", Environment: "h2"}
	require.Equal(t, "h2 is released. Nothing waits there.", d.Do(t.Context(), siti, "release h2").Message.String())
}

func TestAPlanThatIsDecidedOnWaitsForNobody(t *testing.T) {
	d, l, _ := desk("load")
	d.Do(t.Context(), siti, "approve R9")
	l.boards["load"] = pipeline.Board{Waiting: []pipeline.Run{l.runs["R9"]}}
	require.NotContains(t, d.Do(t.Context(), siti, "status").Message.String(), "approval")
}

func TestStatusOfAHeldEnvironment(t *testing.T) {
	d, l, _ := desk("load", "soak")
	running := run("R42", "checkout", pipeline.Running, "")
	running.Stage, running.Batch = pipeline.StageTest, []string{"R41", "R43", "R44"} // R41 is over
	l.boards["load"] = pipeline.Board{
		Held: &running, Led: []pipeline.Run{run("R43", "Billing", pipeline.Running, ""), run("R44", "search", pipeline.Waiting, "")}, Waiting: []pipeline.Run{l.runs["R9"]},
		Hold: &pipeline.Hold{By: pipeline.Mark{Name: "jo", At: noon, Because: "of an upgrade"}, Until: noon.Add(time.Hour)},
	}
	reply := d.Do(t.Context(), siti, "status")
	require.Equal(t, strings.TrimSpace(`
What runs and what waits
load: R42 (checkout 1.5.42), under load, together with R43 (Billing 1.5.43), R44 (search 1.5.44)
on hold since 23 Nov 12:00 UTC by jo, because of an upgrade; until 23 Nov 13:00 UTC
1. R9 (orders-db 1.5.9), waiting since 23 Nov 12:00 UTC, for an approval until 23 Nov 13:00 UTC
soak: free`), reply.Message.String())
	require.Equal(t, "release load", reply.Message.Actions[0].Command)
	require.Equal(t, "cancel R42", reply.Message.Actions[1].Command)
}
