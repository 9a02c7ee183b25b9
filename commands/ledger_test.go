package commands

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"bellwether/bot"
	"bellwether/pipeline"
)

var (
	noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	team = pipeline.Channel{Platform: "slack", ID: "C0CHECKOUT"}
	siti = Caller{Channel: team, Workspace: "T0TEAM", User: "U0SITI", Name: "siti"}
	jo   = Caller{Channel: team, Workspace: "T0TEAM", User: "U0JO", Name: "jo"}
)

// ledger is a Runs, Marks, Holds, Approvals, Triage, Pins, Cooldowns, Audit, Queue and Teller in memory, and of Trends it has
// what stands.
type ledger struct {
	runs     map[string]pipeline.Run
	boards   map[string]pipeline.Board
	told     []string
	hold     *pipeline.Hold
	pins     map[string]map[string]pipeline.Pin // by environment and scenario
	claims   map[string]string                  // who has a cooldown
	entries  []Entry
	broken   error // what every call but Append answers, unless nil
	unlogged error // what Append answers
}

func (l *ledger) Load(_ context.Context, id string) (pipeline.Run, error) {
	run, ok := l.runs[id]
	if !ok {
		return run, errors.Join(l.broken, fmt.Errorf("run %s: %w", id, bot.ErrNotFound))
	}
	if run.Regressions == nil {
		run.Regressions = found(run)
	}
	return run, l.broken
}

func (l *ledger) Newest(_ context.Context, series string, most int) (runs []pipeline.Run, err error) {
	for _, run := range l.runs {
		if run.Series() == series {
			runs = append(runs, run)
		}
	}
	slices.SortFunc(runs, func(a, b pipeline.Run) int { return b.Submitted.Compare(a.Submitted) })
	return runs[:min(len(runs), most)], l.broken
}

func (l *ledger) Append(_ context.Context, e Entry) error {
	if l.unlogged == nil {
		l.entries = append(l.entries, e)
	}
	return l.unlogged
}

func (l *ledger) Claim(_ context.Context, key, by string, d time.Duration) (bool, time.Time, error) {
	if l.claims[key] == "" {
		l.claims[key] = by
	}
	return l.claims[key] == by, noon.Add(d), l.broken
}

func (l *ledger) Return(_ context.Context, key, by string) error {
	if l.claims[key] == by {
		delete(l.claims, key)
	}
	return nil
}

func (l *ledger) Board(_ context.Context, environment string) (pipeline.Board, error) {
	board := l.boards[environment]
	board.Environment = environment
	if l.hold != nil && l.hold.Environment == environment {
		board.Hold = l.hold
	}
	return board, l.broken
}

func (l *ledger) Acknowledge(ctx context.Context, id string, m pipeline.Mark) (pipeline.Run, error) {
	run, _ := l.Load(ctx, id)
	first := slices.IndexFunc(run.Acknowledged, func(first pipeline.Mark) bool { return first.Scope == "" || alike(first, m) })
	switch {
	case first < 0:
		run.Acknowledged = append(run.Acknowledged, m)
	case run.Acknowledged[first].By == m.By:
		run.Acknowledged[first] = m
	}
	l.runs[id] = run
	return run, l.broken
}

func (l *ledger) Cancel(_ context.Context, id string, m pipeline.Mark) (pipeline.Run, error) {
	run := l.runs[id]
	run.Cancel = &m
	if run.State == pipeline.Waiting {
		run.State = pipeline.Cancelled
	}
	l.runs[id] = run
	return run, l.broken
}

func (l *ledger) Enqueue(_ context.Context, s pipeline.Submission) (pipeline.Receipt, error) {
	s.Run.ID = fmt.Sprint("R", 100+len(l.runs))
	l.runs[s.Run.ID] = s.Run
	return pipeline.Receipt{Outcome: pipeline.Accepted, Run: s.Run.ID}, l.broken
}

func (l *ledger) Overhead(context.Context, string, string) (time.Duration, error) { return 0, l.broken }

func (l *ledger) TellHold(_ context.Context, hold pipeline.Hold) error {
	l.told = append(l.told, hold.ID)
	return l.broken
}

func (l *ledger) Hold(_ context.Context, h pipeline.Hold) (pipeline.Hold, error) {
	if l.hold == nil {
		h.ID = "H1"
		l.hold = &h
	}
	return *l.hold, l.broken
}

func (l *ledger) Release(_ context.Context, environment string, m pipeline.Mark) (pipeline.Hold, error) {
	if l.hold == nil || l.hold.Environment != environment {
		return pipeline.Hold{}, errors.Join(l.broken, bot.ErrNotFound)
	}
	released := *l.hold
	released.Released, l.hold = &m, nil
	return released, l.broken
}

func (l *ledger) Approve(_ context.Context, id string, m pipeline.Mark) (pipeline.Run, error) {
	return l.decide(id, func(run *pipeline.Run) { run.Approved = &m })
}

func (l *ledger) Reject(_ context.Context, id string, m pipeline.Mark) (pipeline.Run, error) {
	return l.decide(id, func(run *pipeline.Run) { run.Rejected = &m })
}

func (l *ledger) decide(id string, decide func(*pipeline.Run)) (pipeline.Run, error) {
	run := l.runs[id]
	if run.Approved == nil && run.Rejected == nil && noon.Before(run.Approval.Expires) {
		decide(&run)
	}
	l.runs[id] = run
	return run, l.broken
}

func (l *ledger) Tell(_ context.Context, run pipeline.Run) error {
	l.told = append(l.told, run.ID)
	return nil
}

func catalog(environments ...string) *pipeline.Catalog {
	c := &pipeline.Catalog{
		People: map[string]pipeline.Person{"siti": {Name: "siti", Slack: "T0TEAM/U0SITI"}, "jo": {Name: "jo", Slack: "T0TEAM/U0JO"}},
		Teams:  map[string]pipeline.Team{"checkout": {Name: "checkout", Channels: []pipeline.Channel{team}, Members: []string{"siti", "jo"}}},
		Services: map[string]pipeline.Service{
			"checkout": {Name: "checkout", Team: "checkout"}, "Billing": {Name: "Billing", Team: "checkout"}, "search": {Name: "search", Team: "search"},
		},
		Stacks: map[string]pipeline.Stack{
			"orders-db": {Name: "orders-db", Team: "infrastructure"}, "network": {Name: "network", Team: "infrastructure"},
		},
		Scenarios:    map[string]pipeline.Scenario{"checkout-flow": {Name: "checkout-flow"}},
		Environments: map[string]pipeline.Environment{},
	}
	for _, e := range environments {
		c.Environments[e] = pipeline.Environment{Name: e}
	}
	return c
}

func run(id, service string, state pipeline.State, verdict pipeline.Verdict) pipeline.Run {
	var number int
	_, _ = fmt.Sscanf(id, "R%d", &number)
	made := pipeline.Run{
		ID: id, Environment: "load", State: state, Verdict: verdict, Submitted: noon.Add(time.Duration(number) * time.Minute),
		Changes:   []pipeline.Change{{Kind: pipeline.KindService, Name: service, Version: "1.5." + id[1:]}},
		Selection: pipeline.Selection{Scenarios: []pipeline.Selected{{Scenario: "checkout-flow"}}},
	}
	if verdict != "" {
		made.Outcomes = []pipeline.Outcome{{Scenario: "checkout-flow", Verdict: verdict}}
	}
	return made
}

// ids are 5f0c, 5f0d, …
func ids() func() string {
	next := 0x5f0c
	return func() string {
		next++
		return fmt.Sprintf("%x", next-1)
	}
}

// desk with the given environments, and a run of each kind.
func desk(environments ...string) (*Desk, *ledger, *strings.Builder) {
	l := &ledger{runs: map[string]pipeline.Run{}, boards: map[string]pipeline.Board{}, claims: map[string]string{}, pins: map[string]map[string]pipeline.Pin{}}
	for _, r := range []pipeline.Run{
		run("R1", "checkout", pipeline.Done, pipeline.Pass), run("R2", "checkout", pipeline.Done, pipeline.Regressed),
		run("R3", "Billing", pipeline.Waiting, ""), run("R4", "search", pipeline.Running, ""), run("R5", "search", pipeline.Done, pipeline.Suspect),
		run("R6", "search", pipeline.Superseded, ""), run("R7", "search", pipeline.Done, pipeline.Failed), run("R8", "search", pipeline.Done, pipeline.Inconclusive),
	} {
		l.runs[r.ID] = r
	}
	planned := run("R9", "orders-db", pipeline.Waiting, "")
	planned.Changes[0].Kind, planned.Approval = pipeline.KindStack, &pipeline.Approval{Asked: noon, Expires: noon.Add(time.Hour)}
	planned.Submitted = noon
	l.runs["R9"] = planned
	current := func() *pipeline.Catalog { return catalog(environments...) }
	now := func() time.Time { return noon }
	log := &strings.Builder{}
	return &Desk{
		Catalog: current, Runs: l, Marks: l, Holds: l, Approvals: l, Triage: l, Pins: l, Trends: l, Cooldowns: l, Audit: l, Teller: l, Now: now, NewID: ids(),
		Submit: &pipeline.Submitter{Catalog: current, Queue: l, Teller: l, Now: now},
		RunURL: func(id string) string { return "https://bellwether.example.com/runs/" + id },
		Redact: func(text string) string { return strings.ReplaceAll(text, "hunter2", "***") },
		Log:    slog.New(slog.NewTextHandler(log, nil)),
	}, l, log
}
