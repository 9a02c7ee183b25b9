package commands

import (
	"testing"

	"github.com/stretchr/testify/require"

	"bellwether/pipeline"
)

// pinning is a desk whose catalog judges cart against the release before, pay against the last five and the rest as usual.
func pinning() (*Desk, *ledger) {
	d, l := twice()
	c := catalog("load", "soak")
	for name, p := range map[string]pipeline.Policy{"cart": {Previous: true}, "pay": {Last: 5}, "list": {}, "peak": {Pinned: "R7"}} {
		c.Scenarios[name] = pipeline.Scenario{Name: name, Baseline: p}
	}
	d.Catalog = func() *pipeline.Catalog { return c }
	return d, l
}

func TestPin(t *testing.T) {
	d, l := pinning()
	reply := d.Do(t.Context(), siti, "pin R20")
	require.False(t, reply.Private)
	require.Equal(t, `siti pinned R20 (checkout 1.5.20)
On load cart is judged against it alone, and not against the release before.
On load pay is judged against it alone, and not against the last 5 results.
On load list is judged against it alone, and not against the last 10 results.
It stays so until somebody unpins it. To take that back: unpin R20`, reply.Message.String())
	require.Equal(t, map[string]pipeline.Pin{
		"cart": {Run: "R20", Mark: l.pins["load"]["cart"].Mark}, "pay": {Run: "R20", Mark: l.pins["load"]["cart"].Mark}, "list": {Run: "R20", Mark: l.pins["load"]["cart"].Mark},
	}, l.pins["load"])
	require.Equal(t, "siti", l.pins["load"]["cart"].Mark.Name)
	require.Equal(t, Entry{ID: "5f0c", At: noon, Run: "R20", Result: ResultDone}, l.entries[1])

	require.Equal(t, "R20 (checkout 1.5.20) is pinned already, by siti.", d.Do(t.Context(), jo, "pin R20").Message.String())
	require.Equal(t, "cart of R20 (checkout 1.5.20) is pinned already, by siti.", d.Do(t.Context(), jo, "pin R20 scope cart").Message.String())

	l.runs["R21"] = finished("R21", measuredAt("cart", pipeline.Pass, 200), measuredAt("peak", pipeline.Pass, 200))
	require.Equal(t, `jo pinned R21 (checkout 1.5.21)
On load cart is judged against it alone, and not against R20, which siti pinned.
On load peak is judged against it alone, and not against R7, which the catalog pins.
It stays so until somebody unpins it. To take that back: unpin R21`, d.Do(t.Context(), jo, "pin R21").Message.String())
	require.Equal(t, `siti unpinned R20
On load list is judged against the last 10 results again.
On load pay is judged against the last 5 results again.`, d.Do(t.Context(), siti, "unpin R20").Message.String(), "cart is pinned to another one by now")
	require.Len(t, l.pins["load"], 2)
}

func TestPinAScenario(t *testing.T) {
	d, l := pinning()
	d.Do(t.Context(), siti, "pin R20 scope CART")
	require.Len(t, l.pins["load"], 1)
	require.Contains(t, d.Do(t.Context(), siti, "pin R20").Message.String(), "On load pay is judged", "the rest of it")
	require.Equal(t, "siti unpinned R20\nOn load cart is judged against the release before again.", d.Do(t.Context(), siti, "unpin Cart").Message.String())
	require.Equal(t, Entry{ID: "5f0e", At: noon, Run: "R20", Result: ResultDone}, l.entries[5])
	require.NotContains(t, l.pins["load"], "cart")
}

func TestWhatCannotBePinned(t *testing.T) {
	d, _ := pinning()
	d.Do(t.Context(), siti, "triage R20 as invalid scope list")
	for line, want := range map[string]string{
		"pin":                   "Which run? Usage: pin RUN [scope SCENARIO]",
		"pin R3":                "R3 (Billing 1.5.3) is no baseline: it is still waiting.",
		"pin R7":                "R7 (search 1.5.7) is in no baseline anyway: it failed.",
		"pin R20 scope lits":    `There is no scenario "lits". Did you mean "list"?`,
		"pin R20 scope list":    "list of R20 (checkout 1.5.20) was called invalid by siti. To pin it nevertheless, take that back first: reopen R20",
		"unpin":                 "Which run or scenario? Usage: unpin RUN | SCENARIO [on ENVIRONMENT]",
		"unpin R20":             "R20 (checkout 1.5.20) is not pinned.",
		"unpin cart":            "cart is not pinned.",
		"unpin cart on soak":    "cart is not pinned on soak.",
		"unpin crat":            `There is no scenario "crat". Did you mean "cart"?`,
		"unpin cart on sook":    `There is no environment "sook". Did you mean "soak"?`,
		"unpin R20 on soak":     "R20 (checkout 1.5.20) ran on load, and is pinned nowhere else.",
		"unpin R99":             "I don't know a run R99. Runs are forgotten 90 days after their end.",
		"unpin checkout-flow":   "checkout-flow is not pinned.",
		"pin R20 because of it": `I don't understand "because". Usage: pin RUN [scope SCENARIO]`,
	} {
		reply := d.Do(t.Context(), siti, line)
		require.Equal(t, want, reply.Message.String(), line)
		require.True(t, reply.Private)
	}
}

func TestUnpinWhereItIsPinned(t *testing.T) {
	d, l := pinning()
	for _, environment := range []string{"load", "soak"} {
		require.NoError(t, l.Pin(t.Context(), environment, []string{"cart", "gone"}, "R99", pipeline.Mark{Name: "jo"}))
	}
	require.Equal(t, "cart is pinned on load and soak. Say which: unpin cart on load", d.Do(t.Context(), siti, "unpin cart").Message.String())
	require.Equal(t, "siti unpinned R99\nOn soak cart is judged against the release before again.", d.Do(t.Context(), siti, "unpin cart on soak").Message.String(),
		"the run is forgotten, the pin is not")
	require.False(t, d.Do(t.Context(), siti, "unpin cart").Private, "only one is left")
	require.False(t, d.Do(t.Context(), siti, "unpin gone on load").Private, "the catalog does not know it any more")
}

func TestUnpinInAThread(t *testing.T) {
	d, l := pinning()
	inThread := siti
	inThread.Run = "R20"
	require.False(t, d.Do(t.Context(), inThread, "pin scope pay").Private)
	require.False(t, d.Do(t.Context(), inThread, "unpin").Private)
	require.Empty(t, l.pins["load"])
}
