package commands

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/bot"
	"bellwether/pipeline"
)

// busy is a desk with something of everything for team checkout.
func busy() (*Desk, *ledger) {
	d, l := history()
	running, waiting := run("R45", "checkout", pipeline.Running, ""), run("R46", "Billing", pipeline.Waiting, "")
	running.Team, waiting.Team, running.Stage = "checkout", "checkout", pipeline.StageTest
	running.Started, running.Expected, waiting.Submitted = noon.Add(-time.Minute), 5*time.Minute, noon
	other := run("R47", "search", pipeline.Waiting, "")
	other.Team = "search"
	l.boards["load"] = pipeline.Board{Held: &running, Waiting: []pipeline.Run{waiting, other}}

	billing := slow("R39", "invoices")
	billing.Changes[0].Name, billing.Environment = "Billing", "soak"
	billing.Acknowledged = []pipeline.Mark{{Name: "jo", Until: noon.Add(48 * time.Hour)}}
	l.runs["R39"] = billing
	return d, l
}

func TestOpen(t *testing.T) {
	d, _ := busy()
	reply := d.Do(t.Context(), siti, "open")
	require.True(t, reply.Private)
	require.Equal(t, strings.TrimSpace(`
Open for checkout
Regressions
R42 (checkout 1.5.42) on load, cart, since 23 Nov 12:46 UTC
R39 (Billing 1.5.39) on soak, invoices, since 23 Nov 12:43 UTC; jo looks after it until 25 Nov 12:00 UTC
Running
R45 (checkout 1.5.45) on load, under load, about 4 min left
Waiting
R46 (Billing 1.5.46) for load, since 23 Nov 12:00 UTC`), reply.Message.String())
	require.Equal(t, []bot.Action{{Label: "Acknowledge R42", Command: "ack R42", Form: true}}, reply.Message.Actions)
	require.Equal(t, "https://bellwether.example.com/runs/R42", reply.Message.Body[1][0].URL)
	golden(t, "open", []example{{"open", reply.Message}})
}

func TestWhoseIsOpen(t *testing.T) {
	elsewhere, stranger := siti, jo
	elsewhere.Channel.ID, stranger.Channel.ID, stranger.User = "D0SITI", "D0X", "U0X"
	for _, c := range []struct {
		who        Caller
		line, want string
	}{
		{siti, "open Checkout", "Open for checkout"},
		{elsewhere, "mine", "Open for checkout"},
		{stranger, "open", "Of which team? Usage: open [TEAM]"},
		{stranger, "open chekout", `There is no team "chekout". Did you mean "checkout"?`},
	} {
		d, _ := busy()
		require.True(t, strings.HasPrefix(d.Do(t.Context(), c.who, c.line).Message.String(), c.want), c.line)
	}
}

// What an environment keeps from somebody is not shown by way of their team.
func TestOnlyWhatMayBeLookedAtIsOpen(t *testing.T) {
	d, l := busy()
	c := catalog("load", "soak")
	c.Teams["search"] = pipeline.Team{Name: "search"}
	d.Catalog = func() *pipeline.Catalog { return c }
	only := func(environment string, role pipeline.Role) {
		e := c.Environments[environment]
		e.Permissions = pipeline.Permissions{"status": {Roles: []pipeline.Role{role}}}
		c.Environments[environment] = e
	}
	only("soak", pipeline.Admin)
	text := d.Do(t.Context(), siti, "open").Message.String()
	require.Contains(t, text, "R42")
	require.NotContains(t, text, "R39", "it ran on soak")
	only("load", pipeline.Member)
	require.Contains(t, d.Do(t.Context(), siti, "open").Message.String(), "R45", "of one's own team")
	require.Contains(t, d.Do(t.Context(), siti, "open search").Message.Title, denied)
	only("load", pipeline.Admin)
	require.Equal(t, "You may not look at team checkout", d.Do(t.Context(), siti, "open").Message.Title)
	require.Empty(t, l.told)
}

func TestNothingIsOpen(t *testing.T) {
	d, l := busy()
	clear(l.runs)
	clear(l.boards)
	reply := d.Do(t.Context(), siti, "open")
	require.Equal(t, "Nothing is open for checkout.", reply.Message.String())
	require.Empty(t, reply.Message.Actions)
}

// ends has a later run end a run's regressions of a scenario.
func ends(t *testing.T, l *ledger, id, scenario string, end pipeline.End) {
	t.Helper()
	run, err := l.Load(t.Context(), id)
	require.NoError(t, err)
	run.Regressions = slices.Clone(run.Regressions)
	for i, g := range run.Regressions {
		if g.Scenario == scenario {
			run.Regressions[i].End = &end
		}
	}
	l.runs[id] = run
}

// What stands is open, for as long as it does; what is not certain is called suspected.
func TestWhatStandsIsOpen(t *testing.T) {
	d, l := busy()
	both := finished("R60", measuredAt("cart", pipeline.Regressed, 312), measuredAt("pay", pipeline.Suspect, 90), measuredAt("list", pipeline.Pass, 90))
	both.Regressions = found(both)
	for i := range both.Regressions {
		both.Regressions[i].Since = "R42"
	}
	l.runs["R60"] = both
	open := func() string { return d.Do(t.Context(), siti, "open").Message.String() }
	require.Contains(t, open(), "\nR60 (checkout 1.5.60) on load, cart and pay (suspected), since 23 Nov 13:04 UTC, slow since R42\n")
	ends(t, l, "R60", "cart", pipeline.End{As: pipeline.Recovered, Run: "R61"})
	require.Contains(t, open(), "\nR60 (checkout 1.5.60) on load, pay (suspected), since")
	ends(t, l, "R60", "pay", pipeline.End{As: pipeline.Refuted, Run: "R62"})
	require.NotContains(t, open(), "R60")
}

// Who looks after a part leaves the rest open.
func TestWhatIsLookedAfterInPart(t *testing.T) {
	d, l := busy()
	l.runs["R60"] = finished("R60", measuredAt("cart", pipeline.Regressed, 312), measuredAt("pay", pipeline.Regressed, 90))
	d.Do(t.Context(), siti, "ack R60 scope cart:p95")
	d.Do(t.Context(), jo, "ack R60 scope pay")
	open := d.Do(t.Context(), siti, "open").Message
	require.Contains(t, open.String(), "R60 (checkout 1.5.60) on load, cart and pay, since 23 Nov 13:04 UTC; siti looks after cart p95; jo looks after pay\n")
	require.Equal(t, "ack R60", open.Actions[0].Command)
	ends(t, l, "R60", "pay", pipeline.End{As: pipeline.Recovered, Run: "R62"})
	require.NotContains(t, d.Do(t.Context(), siti, "open").Message.String(), "jo looks after pay")
}

// Who suffers from a stack's change sees it, though it is another team's.
func TestARegressionByAStack(t *testing.T) {
	d, l := busy()
	c := catalog("load")
	c.Services["checkout"] = pipeline.Service{Name: "checkout", Team: "checkout", Tags: []string{"service:checkout"}}
	c.Scenarios["cart"] = pipeline.Scenario{Name: "cart", Tags: []string{"service:checkout"}}
	d.Catalog = func() *pipeline.Catalog { return c }
	for i, scenario := range []string{"cart", "other"} {
		r := slow(fmt.Sprint("R", 60+i), scenario)
		r.Team, r.Changes[0].Kind, r.Changes[0].Name = "infrastructure", pipeline.KindStack, []string{"orders-db", "network"}[i]
		l.runs[r.ID] = r
	}
	text := d.Do(t.Context(), siti, "open").Message.String()
	require.Contains(t, text, "R60 (orders-db 1.5.60) on load, cart")
	require.NotContains(t, text, "R61")
}

func TestARegressionByAFullRun(t *testing.T) {
	d, l := busy()
	c := catalog("load")
	c.Services["checkout"] = pipeline.Service{Name: "checkout", Team: "checkout", Tags: []string{"service:checkout"}}
	c.Scenarios["list"] = pipeline.Scenario{Name: "list", Tags: []string{"service:checkout"}}
	d.Catalog = func() *pipeline.Catalog { return c }
	for i, scenario := range []string{"other", "list"} {
		full := slow(fmt.Sprint("R", 60+i), scenario)
		full.Team, full.Changes = "infrastructure", nil
		l.runs[full.ID] = full
	}
	text := d.Do(t.Context(), siti, "open").Message.String()
	require.Contains(t, text, "R61 (full suite on load), list")
	require.NotContains(t, text, "R60")
	ends(t, l, "R61", "list", pipeline.End{As: pipeline.Recovered, Run: "R62"})
	require.NotContains(t, d.Do(t.Context(), siti, "open").Message.String(), "R61", "a run of one's own saw it in order")
}

func TestALongListIsCounted(t *testing.T) {
	d, l := busy()
	c := catalog("load", "soak")
	for i := range shownRuns + 2 {
		name := fmt.Sprint("service", i)
		c.Services[name] = pipeline.Service{Name: name, Team: "checkout"}
		r := slow(fmt.Sprint("R", 60+i), "cart")
		r.Changes[0].Name = name
		l.runs[r.ID] = r
	}
	d.Catalog = func() *pipeline.Catalog { return c }
	m := d.Do(t.Context(), siti, "open").Message
	require.Contains(t, m.String(), "R71 (service11 1.5.71) on load, cart, since 23 Nov 13:15 UTC\nR70", "the newest first")
	require.Contains(t, m.String(), "and 4 more\nRunning")
	require.Len(t, m.Actions, mostActions)
}

func TestOpenFails(t *testing.T) {
	d, l := busy()
	l.broken = errors.New("redis is away")
	require.Contains(t, d.Do(t.Context(), siti, "open").Message.String(), "5f0c")
}
