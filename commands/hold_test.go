package commands

import (
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
	catalog.Teams["infrastructure"] = pipeline.Team{Name: "infrastructure", Channels: []pipeline.Channel{infra}}
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

func TestStatusOfAHeldEnvironment(t *testing.T) {
	d, l, _ := desk("load", "soak")
	running := run("R42", "checkout", pipeline.Running, "")
	running.Stage, running.Batch = pipeline.StageTest, []string{"R43", "R44"}
	l.boards["load"] = pipeline.Board{
		Held: &running, Waiting: []pipeline.Run{l.runs["R9"]},
		Hold: &pipeline.Hold{By: pipeline.Mark{Name: "jo", At: noon, Because: "of an upgrade"}, Until: noon.Add(time.Hour)},
	}
	reply := d.Do(t.Context(), siti, "status")
	require.Equal(t, strings.TrimSpace(`
What runs and what waits
load: R42 (checkout 1.5.42), under load, together with R43, R44
on hold since 23 Nov 12:00 UTC by jo, because of an upgrade; until 23 Nov 13:00 UTC
1. R9 (orders-db 1.5.9), waiting since 23 Nov 12:00 UTC, for an approval until 23 Nov 13:00 UTC
soak: free`), reply.Message.String())
	require.Equal(t, "release load", reply.Message.Actions[0].Command)
	require.Equal(t, "cancel R42", reply.Message.Actions[1].Command)
}
