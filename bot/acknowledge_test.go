package bot

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/pipeline"
)

// An acknowledgement that ran out calls people once, whatever becomes of it then.
func TestALapseIsToldOnce(t *testing.T) {
	m, p := newMemory(), newPlatform()
	b, o := newBot(m), newOffice(m, p)
	const reply = "R42/slack:C0CHECKOUT/lapsed1"
	run := said["acknowledged-over"]
	require.NoError(t, b.Tell(t.Context(), run))
	for _, id := range []string{root, reply} {
		require.NoError(t, o.Deliver(t.Context(), id, 1))
	}
	run = said["acknowledged-again"]
	run.Rev++
	require.NoError(t, b.Tell(t.Context(), run))
	require.NoError(t, o.Deliver(t.Context(), reply, 1))
	require.Equal(t, []string{root, reply}, p.posted)
	require.NotContains(t, p.shown["ts2"].Message.String(), "@dev-sg", "somebody looks after it")

	over := run.Acknowledged[0]
	over.Until = noon.Add(100 * time.Hour)
	run.Lapsed, run.Acknowledged = []pipeline.Mark{run.Lapsed[0], over}, nil
	run.Rev++
	require.NoError(t, b.Tell(t.Context(), run))
	require.Equal(t, "The acknowledgement by dev-syd is over", m.letters["R42/slack:C0CHECKOUT/lapsed2"].Message.Title)
}

func TestALapseConcernsWhoseScenarioItIs(t *testing.T) {
	run := stack(confirmed(slower("checkout-flow", pipeline.Regressed), 2), confirmed(slower("search-page", pipeline.Regressed), 2))
	run.Lapsed = []pipeline.Mark{{Name: "dev-sg", Scope: "search-page", Until: noon.Add(time.Hour)}}
	m := newMemory()
	require.NoError(t, newBot(m).Tell(t.Context(), run))
	require.Contains(t, m.letters, "R42/slack:C0INFRA/lapsed1", "whose change it was")
	require.Contains(t, m.letters, "R42/slack:C0SEARCH/lapsed1")
	require.NotContains(t, m.letters, "R42/slack:C0CHECKOUT/lapsed1")
}
