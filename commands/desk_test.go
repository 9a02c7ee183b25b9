package commands

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/bot"
	"bellwether/pipeline"
)

var (
	noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	team = pipeline.Channel{Platform: "slack", ID: "C0CHECKOUT"}
	siti = Caller{Channel: team, User: "U0SITI", Name: "siti"}
	jo   = Caller{Channel: team, User: "U0JO", Name: "jo"}
)

// ledger is a Runs, Marks, Queue and Teller in memory.
type ledger struct {
	runs   map[string]pipeline.Run
	boards map[string]pipeline.Board
	told   []string
	broken error // what every call answers, unless nil
}

func (l *ledger) Load(_ context.Context, id string) (pipeline.Run, error) {
	run, ok := l.runs[id]
	if !ok {
		return run, errors.Join(l.broken, fmt.Errorf("run %s: %w", id, bot.ErrNotFound))
	}
	return run, l.broken
}

func (l *ledger) Latest(_ context.Context, name string) (string, error) {
	var newest pipeline.Run
	for _, run := range l.runs {
		if run.Change().Name == name && run.Submitted.After(newest.Submitted) {
			newest = run
		}
	}
	return newest.ID, l.broken
}

func (l *ledger) Board(_ context.Context, environment string) (pipeline.Board, error) {
	board := l.boards[environment]
	board.Environment = environment
	return board, l.broken
}

func (l *ledger) Acknowledge(_ context.Context, id string, m pipeline.Mark) (pipeline.Run, error) {
	run := l.runs[id]
	if run.Acknowledged == nil {
		run.Acknowledged = &m
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

func (l *ledger) Tell(_ context.Context, run pipeline.Run) error {
	l.told = append(l.told, run.ID)
	return nil
}

func catalog(environments ...string) *pipeline.Catalog {
	c := &pipeline.Catalog{
		Teams: map[string]pipeline.Team{"checkout": {Name: "checkout", Channels: []pipeline.Channel{team}}},
		Services: map[string]pipeline.Service{
			"checkout": {Name: "checkout", Team: "checkout"}, "Billing": {Name: "Billing", Team: "checkout"}, "search": {Name: "search", Team: "search"},
		},
		Stacks:       map[string]pipeline.Stack{"orders-db": {Name: "orders-db", Team: "infrastructure"}},
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
	return pipeline.Run{
		ID: id, Environment: "load", State: state, Verdict: verdict, Submitted: noon.Add(time.Duration(number) * time.Minute),
		Changes: []pipeline.Change{{Kind: pipeline.KindService, Name: service, Version: "1.5." + id[1:]}},
	}
}

// desk with the given environments, and a run of each kind.
func desk(environments ...string) (*Desk, *ledger, *strings.Builder) {
	l := &ledger{runs: map[string]pipeline.Run{}, boards: map[string]pipeline.Board{}}
	for _, r := range []pipeline.Run{
		run("R1", "checkout", pipeline.Done, pipeline.Pass), run("R2", "checkout", pipeline.Done, pipeline.Regressed),
		run("R3", "Billing", pipeline.Waiting, ""), run("R4", "search", pipeline.Running, ""), run("R5", "search", pipeline.Done, pipeline.Suspect),
		run("R6", "search", pipeline.Superseded, ""), run("R7", "search", pipeline.Done, pipeline.Failed), run("R8", "search", pipeline.Done, pipeline.Inconclusive),
	} {
		l.runs[r.ID] = r
	}
	current := func() *pipeline.Catalog { return catalog(environments...) }
	now := func() time.Time { return noon }
	log := &strings.Builder{}
	return &Desk{
		Catalog: current, Runs: l, Marks: l, Teller: l, Now: now, NewID: func() string { return "5f0c" },
		Submit: &pipeline.Submitter{Catalog: current, Queue: l, Teller: l, Now: now},
		RunURL: func(id string) string { return "https://bellwether.example.com/runs/" + id },
		Log:    slog.New(slog.NewTextHandler(log, nil)),
	}, l, log
}

func TestWhatIsAnswered(t *testing.T) {
	inThread := siti
	inThread.Run = "R2"
	elsewhere := siti
	elsewhere.Channel = pipeline.Channel{Platform: "slack", ID: "C0RANDOM"}
	for name, c := range map[string]struct {
		who    Caller
		line   string
		want   string
		public bool
	}{
		"rerun an id":                {siti, "rerun R1", "siti asked for a rerun of R1 (checkout 1.5.1): R108", true},
		"rerun in another case":      {siti, "RERUN r1", "siti asked for a rerun of R1 (checkout 1.5.1): R108", true},
		"rerun a service":            {siti, "rerun checkout", "siti asked for a rerun of R2 (checkout 1.5.2): R108", true},
		"rerun a service, case":      {siti, "rerun billing", "siti asked for a rerun of R3 (Billing 1.5.3): R108", true},
		"rerun a thread's run":       {inThread, "rerun", "siti asked for a rerun of R2 (checkout 1.5.2): R108", true},
		"rerun the team's newest":    {siti, "rerun", "siti asked for a rerun of R3 (Billing 1.5.3): R108", true},
		"rerun of nobody's channel":  {elsewhere, "rerun", "Which one? Name a run, a service or a stack.", false},
		"rerun an unknown run":       {siti, "rerun R9", "I don't know a run R9. Runs are forgotten 90 days after their end.", false},
		"rerun an endless run":       {siti, "rerun R" + strings.Repeat("9", 100), "I don't know a run R" + strings.Repeat("9", 39) + "…. Runs are forgotten 90 days after their end.", false},
		"rerun a mistyped service":   {siti, "rerun chekout", `There is no service or stack "chekout". Did you mean "checkout"?`, false},
		"rerun an unknown service":   {siti, "rerun xyz", `There is no service or stack "xyz". There are: Billing, checkout, search, orders-db.`, false},
		"rerun what was never run":   {siti, "rerun orders-db", "orders-db has not been tested yet.", false},
		"full":                       {siti, "full", "siti asked for the full suite on load: R108", true},
		"full by name":               {siti, "full LOAD", "siti asked for the full suite on load: R108", true},
		"full elsewhere":             {siti, "full laod", `There is no environment "laod". Did you mean "load"?`, false},
		"ack":                        {siti, "ack R2", "siti looks after R2 (checkout 1.5.2)", true},
		"ack with a reason":          {siti, "ack r2 because the cache was cold", "siti looks after R2 (checkout 1.5.2), because the cache was cold", true},
		"ack a suspicion":            {siti, "acknowledge R5", "siti looks after R5 (search 1.5.5)", true},
		"ack in a thread":            {inThread, "ack because it is known", "siti looks after R2 (checkout 1.5.2), because it is known", true},
		"ack nothing in particular":  {siti, "ack", "Which run? Usage: ack RUN [because …]", false},
		"ack what passed":            {siti, "ack R1", "R1 (checkout 1.5.1) has nothing to acknowledge: it passed.", false},
		"ack what waits":             {siti, "ack R3", "R3 (Billing 1.5.3) has nothing to acknowledge: it is still waiting.", false},
		"ack what failed":            {siti, "ack R7", "R7 (search 1.5.7) has nothing to acknowledge: it failed.", false},
		"ack what says nothing":      {siti, "ack R8", "R8 (search 1.5.8) has nothing to acknowledge: it is inconclusive.", false},
		"cancel what waits":          {siti, "cancel R3", "siti cancelled R3 (Billing 1.5.3)", true},
		"cancel what runs":           {siti, "cancel R4", "siti cancelled R4 (search 1.5.4)", true},
		"cancel what is over":        {siti, "cancel R2", "R2 (checkout 1.5.2) is over: it regressed.", false},
		"cancel what was superseded": {siti, "cancel R6", "R6 (search 1.5.6) is over: it was superseded.", false},
		"cancel nothing":             {siti, "cancel", "Which run? Usage: cancel RUN", false},
		"a typo":                     {siti, "cancle R3", `I don't know "cancle". Did you mean "cancel"?`, false},
	} {
		t.Run(name, func(t *testing.T) {
			d, _, log := desk("load")
			reply := d.Do(t.Context(), c.who, c.line)
			require.Equal(t, c.want, reply.Message.String())
			require.Equal(t, !c.public, reply.Private)
			require.Empty(t, reply.Message.Title, "a short answer has no title")
			require.Empty(t, log.String(), "a mistake is no matter for the operator")
		})
	}
}

func TestRunsAreLinkedInAnswers(t *testing.T) {
	d, _, _ := desk("load")
	require.Equal(t, []bot.Text{{
		{Text: "siti asked for a rerun of "}, bot.ThreadOf("R1"), {Text: " (checkout 1.5.1): "}, bot.ThreadOf("R108"),
	}}, d.Do(t.Context(), siti, "rerun R1").Message.Body)
}

func TestHelpNamesEveryCommand(t *testing.T) {
	d, _, _ := desk("load")
	for _, line := range []string{"", "help", "/loadtest help"} {
		reply := d.Do(t.Context(), siti, line)
		require.True(t, reply.Private)
		require.Equal(t, strings.TrimSpace(`
What you can ask of Bellwether
/loadtest help  this list
/loadtest status [ENVIRONMENT]  what runs, what waits
/loadtest rerun [RUN | SERVICE]  repeat a run; without a name this thread's, or your team's newest
/loadtest full [ENVIRONMENT]  run every scenario as things stand
/loadtest ack RUN [because …]  say that you look after a regression
/loadtest cancel RUN  stop a run, or take it out of the queue
Inside a thread, mention the bot instead: a slash command cannot be typed there.`), reply.Message.String())
	}
}

func TestStatus(t *testing.T) {
	d, l, _ := desk("load", "soak")
	held := run("R42", "checkout", pipeline.Running, "")
	held.Stage, held.Started, held.Expected = pipeline.StageTest, noon.Add(-time.Minute), 5*time.Minute
	forImage := run("R44", "search", pipeline.Waiting, "")
	forImage.Submitted, forImage.ImageBy = noon, noon.Add(15*time.Minute)
	first := run("R43", "Billing", pipeline.Waiting, "")
	first.Submitted = noon
	l.boards["load"] = pipeline.Board{Held: &held, Waiting: []pipeline.Run{first, forImage}}

	reply := d.Do(t.Context(), siti, "status")
	require.True(t, reply.Private)
	require.Equal(t, strings.TrimSpace(`
What runs and what waits
load: R42 (checkout 1.5.42), under load, since 23 Nov 11:59 UTC, about 4 min left
1. R43 (Billing 1.5.43), waiting since 23 Nov 12:00 UTC
2. R44 (search 1.5.44), waiting since 23 Nov 12:00 UTC, for its image until 23 Nov 12:15 UTC
soak: free`), reply.Message.String())
	require.Equal(t, bot.Link("R42 (checkout 1.5.42)", "https://bellwether.example.com/runs/R42"), reply.Message.Body[0][2])

	require.Equal(t, "What runs and what waits\nsoak: free", d.Do(t.Context(), siti, "status Soak").Message.String())
	require.Equal(t, `There is no environment "sook". Did you mean "soak"?`, d.Do(t.Context(), siti, "status sook").Message.String())
}

func TestStatusOfARunThatHasNotBegun(t *testing.T) {
	d, l, _ := desk("load")
	d.RunURL = func(string) string { return "" }
	taken := run("R42", "checkout", pipeline.Waiting, "")
	l.boards["load"] = pipeline.Board{Held: &taken}
	require.Equal(t, "What runs and what waits\nload: R42 (checkout 1.5.42), starting", d.Do(t.Context(), siti, "status").Message.String())
}

func TestStatusCountsALongQueue(t *testing.T) {
	d, l, _ := desk("load")
	var many []pipeline.Run
	for i := range shownWaiting + 3 {
		many = append(many, run(fmt.Sprint("R", 50+i), "search", pipeline.Waiting, ""))
	}
	l.boards["load"] = pipeline.Board{Waiting: many}
	reply := d.Do(t.Context(), siti, "status")
	require.Len(t, reply.Message.Body, 1+shownWaiting+1)
	require.True(t, strings.HasSuffix(reply.Message.String(), "and 3 more"))
}

func TestSeveralEnvironmentsHaveToBeNamed(t *testing.T) {
	d, _, _ := desk("load", "soak")
	require.Equal(t, "On which environment? There are: load, soak.", d.Do(t.Context(), siti, "full").Message.String())
	require.Contains(t, d.Do(t.Context(), siti, "full soak").Message.String(), "full suite on soak: R")
}

func TestAFullRunBelongsWhereItWasAskedFor(t *testing.T) {
	d, l, _ := desk("load")
	d.Do(t.Context(), siti, "full")
	full := l.runs["R108"]
	require.Equal(t, []pipeline.Channel{team}, full.Channels)
	require.Equal(t, "checkout", full.Team)
	require.Equal(t, "siti", full.By)
}

func TestTheFirstAcknowledgementStays(t *testing.T) {
	d, l, _ := desk("load")
	require.False(t, d.Do(t.Context(), siti, "ack R2 because I know why").Private)
	require.Equal(t, &pipeline.Mark{By: "slack:U0SITI", Name: "siti", At: noon, Because: "I know why"}, l.runs["R2"].Acknowledged)
	require.Equal(t, []string{"R2"}, l.told)
	for _, who := range []Caller{siti, jo} {
		reply := d.Do(t.Context(), who, "ack R2")
		require.True(t, reply.Private)
		require.Equal(t, "R2 (checkout 1.5.2) was acknowledged by siti already.", reply.Message.String())
	}
	require.Equal(t, "siti", l.runs["R2"].Acknowledged.Name)
}

// hasty lets somebody else be faster between the look and the mark.
type hasty struct{ *ledger }

func (h hasty) Acknowledge(ctx context.Context, id string, m pipeline.Mark) (pipeline.Run, error) {
	other := pipeline.Mark{By: "slack:U0JO", Name: "jo"}
	if _, err := h.ledger.Acknowledge(ctx, id, other); err != nil {
		return pipeline.Run{}, err
	}
	return h.ledger.Acknowledge(ctx, id, m)
}

func (h hasty) Cancel(ctx context.Context, id string, _ pipeline.Mark) (pipeline.Run, error) {
	r := h.runs[id]
	r.State, r.Verdict = pipeline.Done, pipeline.Improved
	return r, nil
}

func TestSomebodyElseIsFaster(t *testing.T) {
	d, l, _ := desk("load")
	d.Marks = hasty{l}
	require.Equal(t, "R2 (checkout 1.5.2) was acknowledged by jo already.", d.Do(t.Context(), siti, "ack R2").Message.String())
	require.Equal(t, "R4 (search 1.5.4) is over: it improved.", d.Do(t.Context(), siti, "cancel R4").Message.String())
}

func TestCancelIsSaidOnce(t *testing.T) {
	d, l, _ := desk("load")
	require.False(t, d.Do(t.Context(), siti, "cancel R4").Private)
	require.Equal(t, "siti", l.runs["R4"].Cancel.Name)
	require.Equal(t, []string{"R4"}, l.told)
	require.Equal(t, "R4 (search 1.5.4) was cancelled by siti already; it is stopping.", d.Do(t.Context(), jo, "cancel R4").Message.String())
}

func TestATeamWithoutRuns(t *testing.T) {
	d, l, _ := desk("load")
	clear(l.runs)
	require.Equal(t, "Nothing of team checkout has been tested yet. Name a run, a service or a stack.", d.Do(t.Context(), siti, "rerun").Message.String())
}

func TestAnInternalErrorStaysPrivate(t *testing.T) {
	for _, line := range []string{"status", "rerun R1", "rerun checkout", "rerun", "full", "ack R2", "cancel R3"} {
		d, l, log := desk("load")
		l.broken = errors.New("dial tcp 10.0.0.7:6379: secret")
		reply := d.Do(t.Context(), siti, line)
		require.True(t, reply.Private, line)
		require.Equal(t, "That did not work, and it is not your fault. Please try again; if it fails again, give your operator this id: 5f0c", reply.Message.String())
		require.Contains(t, log.String(), "id=5f0c", line)
		require.Contains(t, log.String(), "10.0.0.7", line)
	}
}
