package commands

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/pipeline"
)

// slow is a run of checkout in which some scenarios got slower.
func slow(id string, scenarios ...string) pipeline.Run {
	r := run(id, "checkout", pipeline.Done, pipeline.Regressed)
	r.Team, r.Finished = "checkout", r.Submitted.Add(4*time.Minute)
	r.Outcomes, r.Selection.Scenarios = nil, nil
	for _, name := range scenarios {
		r.Outcomes = append(r.Outcomes, measuredAt(name, pipeline.Regressed, 312))
		r.Selection.Scenarios = append(r.Selection.Scenarios, pipeline.Selected{Scenario: name})
	}
	return r
}

// measuredAt is an outcome with numbers; p95 is given in milliseconds.
func measuredAt(scenario string, verdict pipeline.Verdict, p95 float64) pipeline.Outcome {
	finding := func(m pipeline.Metric, now float64) pipeline.Finding {
		return pipeline.Finding{Group: scenario, Metric: m, Now: now, Verdict: verdict}
	}
	return pipeline.Outcome{Scenario: scenario, Verdict: verdict, Findings: []pipeline.Finding{
		finding(pipeline.P50, p95*0.4), finding(pipeline.P95, p95), finding(pipeline.P99, p95*1.4), finding(pipeline.Errors, p95/1e6),
		{Group: scenario + "/cart", Metric: pipeline.P95, Now: 1, Verdict: verdict},
	}}
}

func TestAcknowledgingInPart(t *testing.T) {
	singapore := time.FixedZone("SGT", 8*3600)
	traveller := siti
	traveller.Zone = singapore
	for name, c := range map[string]struct {
		who   Caller
		line  string
		want  string
		scope string
		until time.Time
	}{
		"a scenario":         {siti, "ack R20 scope CART", "siti looks after R20 (checkout 1.5.20), scenario cart", "cart", time.Time{}},
		"for a time":         {siti, "ack R20 for 3d because of an index", "siti looks after R20 (checkout 1.5.20), until 26 Nov 12:00 UTC, because of an index", "", noon.Add(72 * time.Hour)},
		"until a day":        {siti, "ack R20 scope pay until 2026-12-01", "siti looks after R20 (checkout 1.5.20), scenario pay, until 1 Dec 09:00 UTC", "pay", time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC)},
		"in the zone":        {traveller, "ack R20 until 2026-12-01", "siti looks after R20 (checkout 1.5.20), until 1 Dec 01:00 UTC", "", time.Date(2026, 12, 1, 9, 0, 0, 0, singapore)},
		"in the thread of":   {Caller{Channel: team, Workspace: "T0TEAM", User: "U0SITI", Name: "siti", Run: "R20"}, "ack scope cart", "siti looks after R20 (checkout 1.5.20), scenario cart", "cart", time.Time{}},
		"tomorrow, just yet": {siti, "ack R20 until 2026-11-24", "siti looks after R20 (checkout 1.5.20), until 24 Nov 09:00 UTC", "", time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)},
	} {
		t.Run(name, func(t *testing.T) {
			d, l, _ := desk("load")
			l.runs["R20"] = slow("R20", "cart", "pay")
			reply := d.Do(t.Context(), c.who, c.line)
			require.Equal(t, c.want, reply.Message.String())
			require.False(t, reply.Private)
			require.Len(t, l.runs["R20"].Acknowledged, 1)
			require.Equal(t, c.scope, l.runs["R20"].Acknowledged[0].Scope)
			require.True(t, c.until.Equal(l.runs["R20"].Acknowledged[0].Until))
			require.Equal(t, []string{"R20"}, l.told)
		})
	}
}

func TestWhatCannotBeAcknowledged(t *testing.T) {
	for line, want := range map[string]string{
		"ack R20 scope list":                  `There is no slower scenario or metric "list". There are: cart, pay, p50, p95, p99, errors.`,
		"ack R20 scope pya":                   `There is no slower scenario or metric "pya". Did you mean "pay"?`,
		"ack R20 for 2h until 2026-12-01":     "Say either for how long or until when. Usage: ack RUN [scope SCENARIO | METRIC | SCENARIO:METRIC] [for 3d | until 2026-12-01] [because …]",
		"ack R20 until 2026-11-23":            "23 November is over. Name a later day.",
		"ack R20 until 2025-12-01":            "1 December is over. Name a later day.",
		"ack R20 until 2027-12-01":            "1 December is too far away: at most 30 days.",
		"ack R20 until 0001-01-01 scope cart": `I don't understand the day "0001-01-01". Write it as 2026-12-01.`,
		"ack R20 until 0001-01-02 scope cart": "2 January is over. Name a later day.",
	} {
		d, l, _ := desk("load")
		l.runs["R20"] = slow("R20", "cart", "pay")
		reply := d.Do(t.Context(), siti, line)
		require.Equal(t, want, reply.Message.String(), line)
		require.True(t, reply.Private)
		require.Empty(t, l.runs["R20"].Acknowledged)
	}
}

// The catalog knows better than a profile where somebody is.
func TestTheZoneOfThoseWhomTheCatalogKnows(t *testing.T) {
	d, l, _ := desk("load")
	l.runs["R20"] = slow("R20", "cart")
	known := catalog("load")
	person := known.People["siti"]
	person.Zone = time.FixedZone("AEDT", 11*3600)
	known.People["siti"] = person
	d.Catalog = func() *pipeline.Catalog { return known }
	traveller := siti
	traveller.Zone = time.FixedZone("SGT", 8*3600)
	d.Do(t.Context(), traveller, "ack R20 until 2026-12-01")
	require.True(t, l.runs["R20"].Acknowledged[0].Until.Equal(time.Date(2026, 11, 30, 22, 0, 0, 0, time.UTC)))
}

// A day begins by the clock on the wall, also on the one that is an hour shorter.
func TestTheMorningAfterTheClocksChange(t *testing.T) {
	d, l, _ := desk("load")
	l.runs["R20"] = slow("R20", "cart")
	d.Now = func() time.Time { return time.Date(2026, 3, 27, 12, 0, 0, 0, time.UTC) }
	london, err := time.LoadLocation("Europe/London")
	require.NoError(t, err)
	traveller := siti
	traveller.Zone = london
	d.Do(t.Context(), traveller, "ack R20 until 2026-03-29")
	require.Equal(t, "2026-03-29 08:00", l.runs["R20"].Acknowledged[0].Until.UTC().Format("2006-01-02 15:04"))
}

func TestWhoeverIsFirstLooksAfterAScenario(t *testing.T) {
	d, l, _ := desk("load")
	l.runs["R20"] = slow("R20", "cart", "pay")
	for _, step := range []struct {
		who        Caller
		line, want string
	}{
		{siti, "ack R20 scope cart", "siti looks after R20 (checkout 1.5.20), scenario cart"},
		{jo, "ack R20 scope cart", "R20 (checkout 1.5.20) was acknowledged by siti already."},
		{siti, "ack R20 scope cart because of an index", "siti looks after R20 (checkout 1.5.20), scenario cart, because of an index"},
		{jo, "ack R20", "jo looks after R20 (checkout 1.5.20)"},
		{siti, "ack R20 scope pay", "R20 (checkout 1.5.20) was acknowledged by jo already."},
	} {
		require.Equal(t, step.want, d.Do(t.Context(), step.who, step.line).Message.String(), step.line)
	}
	run, err := l.Load(t.Context(), "R20")
	require.NoError(t, err)
	require.Empty(t, run.Open())
	require.Equal(t, "of an index", l.runs["R20"].Acknowledged[0].Because, "one's own words are replaced")
}

// keeping is a store that lets nobody narrow what they look after.
type keeping struct{ *ledger }

func (k keeping) Acknowledge(ctx context.Context, id string, m pipeline.Mark) (pipeline.Run, error) {
	if run := k.runs[id]; len(run.Acknowledged) > 0 {
		return run, nil
	}
	return k.ledger.Acknowledge(ctx, id, m)
}

func TestNobodyTakesAScenarioTwice(t *testing.T) {
	d, l, _ := desk("load")
	d.Marks = keeping{l}
	l.runs["R20"] = slow("R20", "cart", "pay")
	d.Do(t.Context(), siti, "ack R20")
	require.Equal(t, "You look after all of R20 (checkout 1.5.20) already.", d.Do(t.Context(), siti, "ack R20 scope cart").Message.String())
}

// Who says nothing new changes nothing of what they said before.
func TestABareWordTakesNoReasonAway(t *testing.T) {
	d, l, _ := desk("load")
	l.runs["R20"] = slow("R20", "cart")
	d.Do(t.Context(), siti, "ack R20 for 3d because of an index")
	said := d.Do(t.Context(), siti, "ack R20")
	require.True(t, said.Private)
	require.Equal(t, "You look after R20 (checkout 1.5.20) already, because of an index. Say until when, or because of what, to change that.", said.Message.String())
	require.Equal(t, "of an index", l.runs["R20"].Acknowledged[0].Because)
	require.Equal(t, noon.Add(3*24*time.Hour), l.runs["R20"].Acknowledged[0].Until)
}
