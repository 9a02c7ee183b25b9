package bot

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/pipeline"
)

// replies are the names of what is said in the thread of R42 about the time after it.
func replies(t *testing.T, run pipeline.Run) (names []string) {
	t.Helper()
	m := newMemory()
	require.NoError(t, newBot(m).Tell(t.Context(), run))
	for _, id := range slices.Sorted(maps.Keys(m.letters)) {
		name := strings.TrimPrefix(id, "R42/slack:C0CHECKOUT/")
		if strings.HasPrefix(name, "resolved/") || strings.HasPrefix(name, "worse/") {
			names = append(names, name)
		}
	}
	return names
}

// end ends the nth regression of a run, so many hours after noon.
func end(n int, as pipeline.Ending, by string, hours int) func(*pipeline.Run) {
	return func(r *pipeline.Run) {
		r.Regressions[n].End = &pipeline.End{As: as, At: noon.Add(time.Duration(hours) * time.Hour), Run: by, Subject: "checkout 1.6.0"}
	}
}

func TestWhenAScenarioIsResolved(t *testing.T) {
	both := func() pipeline.Run { return regressedRun() } // p95 and p99 of checkout-flow
	for name, c := range map[string]struct {
		run  pipeline.Run
		want []string
	}{
		"not while it stands":         {both(), nil},
		"not while a part stands":     {with(both(), end(0, pipeline.Recovered, "R45", 5)), nil},
		"at once":                     {with(both(), end(0, pipeline.Recovered, "R45", 5), end(1, pipeline.Recovered, "R45", 5)), []string{"resolved/R45"}},
		"refuted in part":             {with(both(), end(0, pipeline.Recovered, "R45", 5), end(1, pipeline.Refuted, "R45", 5)), []string{"resolved/R45"}},
		"by and by":                   {with(both(), end(0, pipeline.Recovered, "R45", 5), end(1, pipeline.Recovered, "R46", 6)), []string{"resolved/R46"}},
		"not when people had to":      {with(both(), end(0, pipeline.Recovered, "R45", 5), end(1, pipeline.Fixed, "", 6)), nil},
		"after people helped":         {with(both(), end(0, pipeline.Recovered, "R45", 5), end(1, pipeline.Fixed, "", 4)), []string{"resolved/R45"}},
		"not when a part got worse":   {with(both(), end(0, pipeline.Recovered, "R45", 5), end(1, pipeline.Worsened, "R44", 4)), nil},
		"worse, though nobody looked": {with(both(), end(0, pipeline.Worsened, "R45", 5)), nil},
		"worse than acknowledged":     {with(both(), acknowledge, end(0, pipeline.Worsened, "R45", 5)), []string{"worse/R45"}},
		"worse before it was acknowledged": {with(both(), func(r *pipeline.Run) {
			r.Acknowledged = []pipeline.Mark{{Name: "jo", At: noon.Add(6 * time.Hour)}}
		}, end(0, pipeline.Worsened, "R45", 5)), nil},
		"worse than another one": {with(both(), func(r *pipeline.Run) {
			r.Acknowledged = []pipeline.Mark{{Name: "jo", At: noon, Metric: pipeline.P99}}
		}, end(0, pipeline.Worsened, "R45", 5)), nil},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, replies(t, c.run)) })
	}
}

func TestWhatIsOverIsToldOnce(t *testing.T) {
	m, p := newMemory(), newPlatform()
	b, o := newBot(m), newOffice(m, p)
	const reply = "R42/slack:C0CHECKOUT/resolved/R45"
	run := said["resolved"]
	for range 2 {
		require.NoError(t, b.Tell(t.Context(), run))
		for _, id := range []string{root, reply} {
			require.NoError(t, o.Deliver(t.Context(), id, 1))
		}
		run.Rev, run.Reruns = run.Rev+1, append(run.Reruns, "R50")
	}
	require.Equal(t, []string{root, reply}, p.posted)
}

// Another team hears of the end of what it was told of, and of nothing else.
func TestTheEndConcernsWhoseScenarioItIs(t *testing.T) {
	run := stack(confirmed(slower("checkout-flow", pipeline.Regressed), 2), confirmed(slower("search-page", pipeline.Regressed), 2))
	m := newMemory()
	require.NoError(t, newBot(m).Tell(t.Context(), with(run, end(0, pipeline.Recovered, "R45", 5), end(1, pipeline.Recovered, "R45", 5))))
	require.Contains(t, m.letters, "R42/slack:C0CHECKOUT/resolved/R45")
	require.NotContains(t, m.letters, "R42/slack:C0SEARCH/resolved/R45")
	require.Contains(t, m.letters, "R42/slack:C0INFRA/resolved/R45")
	require.Equal(t, MoodResolved, m.letters["R42/slack:C0CHECKOUT/root"].Message.Mood)
	require.Equal(t, MoodOf(pipeline.Regressed), m.letters["R42/slack:C0SEARCH/root"].Message.Mood)
	require.Empty(t, commandsOf(m, "R42/slack:C0CHECKOUT/root", "ack", "accept"))
	require.Len(t, commandsOf(m, "R42/slack:C0SEARCH/root", "ack", "accept"), 2)
}

func commandsOf(m *memory, id string, verbs ...string) (some []string) {
	for _, a := range m.letters[id].Message.Actions {
		if verb, _, _ := strings.Cut(a.Command, " "); slices.Contains(verbs, verb) {
			some = append(some, a.Command)
		}
	}
	return some
}

// A lapse that was told of before everything was over asks nobody any more.
func TestALapseIsOverWithTheRegression(t *testing.T) {
	m := newMemory()
	run := with(said["acknowledged-over"], end(0, pipeline.Recovered, "R45", 100), end(1, pipeline.Recovered, "R45", 100))
	require.NoError(t, newBot(m).Tell(t.Context(), run))
	lapse := m.letters["R42/slack:C0CHECKOUT/lapsed1"].Message
	require.NotContains(t, lapse.String(), "@dev-sg")
	require.Empty(t, commandsOf(m, "R42/slack:C0CHECKOUT/lapsed1", "ack"))
}

func TestWhoeverLeftAMarkIsCalled(t *testing.T) {
	for by, want := range map[string]Mention{
		"slack:U0DEVSG":   {Name: "Dev SG", Slack: "/U0DEVSG"},
		"teams:29:1abc-d": {Name: "Dev SG", Teams: "29:1abc-d"},
		"web:dev-sg":      {Name: "Dev SG", Web: "dev-sg"},
		"token:ci":        {Name: "Dev SG"},
	} {
		require.Equal(t, want, *caller(pipeline.Mark{By: by, Name: "Dev SG"}).Person, by)
	}
}

func TestThroughputIsShownWhenItIsMissing(t *testing.T) {
	o := steady("checkout-flow")
	o.Findings = append(o.Findings, latency("checkout-flow", pipeline.Throughput, 1, 0.99, pipeline.Pass))
	require.NotContains(t, table([]pipeline.Outcome{o}).String(), "throughput")
	o.Findings[4].Verdict = pipeline.Suspect
	require.Contains(t, table([]pipeline.Outcome{o}).String(), "throughput %")
}
