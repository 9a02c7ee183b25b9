package commands

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/bot"
	"bellwether/pipeline"
)

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
		"rerun an id":                 {siti, "rerun R1", "siti asked for a rerun of R1 (checkout 1.5.1): R109", true},
		"rerun in another case":       {siti, "RERUN r1", "siti asked for a rerun of R1 (checkout 1.5.1): R109", true},
		"rerun a service":             {siti, "rerun checkout", "siti asked for a rerun of R2 (checkout 1.5.2): R109", true},
		"rerun a service, case":       {siti, "rerun billing", "siti asked for a rerun of R3 (Billing 1.5.3): R109", true},
		"rerun a thread's run":        {inThread, "rerun", "siti asked for a rerun of R2 (checkout 1.5.2): R109", true},
		"rerun the team's newest":     {siti, "rerun", "siti asked for a rerun of R3 (Billing 1.5.3): R109", true},
		"rerun of nobody's channel":   {elsewhere, "rerun", "Which one? Name a run, a service or a stack.", false},
		"rerun an unknown run":        {siti, "rerun R10", "I don't know a run R10. Runs are forgotten 90 days after their end.", false},
		"rerun an endless run":        {siti, "rerun R" + strings.Repeat("9", 100), "I don't know a run R" + strings.Repeat("9", 39) + "…. Runs are forgotten 90 days after their end.", false},
		"rerun a mistyped service":    {siti, "rerun chekout", `There is no service or stack "chekout". Did you mean "checkout"?`, false},
		"rerun an unknown service":    {siti, "rerun xyz", `There is no service or stack "xyz". There are: Billing, checkout, search, network, orders-db.`, false},
		"rerun what was never run":    {siti, "rerun network", "network has not been tested yet.", false},
		"full":                        {siti, "full", "siti asked for the full suite on load: R109", true},
		"full by name":                {siti, "full LOAD", "siti asked for the full suite on load: R109", true},
		"full elsewhere":              {siti, "full laod", `There is no environment "laod". Did you mean "load"?`, false},
		"ack":                         {siti, "ack R2", "siti looks after R2 (checkout 1.5.2)", true},
		"ack with a reason":           {siti, "ack r2 because the cache was cold", "siti looks after R2 (checkout 1.5.2), because the cache was cold", true},
		"ack a suspicion":             {siti, "acknowledge R5", "siti looks after R5 (search 1.5.5)", true},
		"ack in a thread":             {inThread, "ack because it is known", "siti looks after R2 (checkout 1.5.2), because it is known", true},
		"ack nothing in particular":   {siti, "ack", "Which run? Usage: ack RUN [scope SCENARIO | METRIC | SCENARIO:METRIC] [for 3d | until 2026-12-01] [because …]", false},
		"ack what passed":             {siti, "ack R1", "R1 (checkout 1.5.1) has nothing to acknowledge: it passed.", false},
		"ack what waits":              {siti, "ack R3", "R3 (Billing 1.5.3) has nothing to acknowledge: it is still waiting.", false},
		"ack what failed":             {siti, "ack R7", "R7 (search 1.5.7) has nothing to acknowledge: it failed.", false},
		"ack what says nothing":       {siti, "ack R8", "R8 (search 1.5.8) has nothing to acknowledge: it is inconclusive.", false},
		"cancel what waits":           {siti, "cancel R3", "siti cancelled R3 (Billing 1.5.3)", true},
		"cancel what runs":            {siti, "cancel R4", "siti cancelled R4 (search 1.5.4)", true},
		"cancel what is over":         {siti, "cancel R2", "R2 (checkout 1.5.2) is over: it regressed.", false},
		"cancel what was superseded":  {siti, "cancel R6", "R6 (search 1.5.6) is over: it was superseded.", false},
		"cancel nothing":              {siti, "cancel", "Which run? Usage: cancel RUN", false},
		"approve":                     {siti, "approve R9", "siti approved the plan of R9 (orders-db 1.5.9)", true},
		"approve what waits for none": {siti, "approve R3", "R3 (Billing 1.5.3) asks for no approval: it is still waiting.", false},
		"reject":                      {siti, "reject r9 because it is Friday", "siti rejected the plan of R9 (orders-db 1.5.9), because it is Friday", true},
		"reject nothing":              {siti, "reject", "Which run? Usage: reject RUN [because …]", false},
		"hold":                        {siti, "hold load because of an upgrade", "load is on hold until somebody releases it. What runs goes on; what waits was told.", false},
		"hold for a while":            {siti, "hold load for 90m because of an upgrade", "load is on hold for 1.5 h. What runs goes on; what waits was told.", false},
		"hold the only one":           {siti, "hold for 3d because of an upgrade", "load is on hold for 3 days. What runs goes on; what waits was told.", false},
		"release what is free":        {siti, "release load", "load is not on hold.", false},
		"a typo":                      {siti, "cancle R3", `I don't know "cancle". Did you mean "cancel"?`, false},
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
		{Text: "siti asked for a rerun of "}, bot.ThreadOf("R1"), {Text: " (checkout 1.5.1): "}, bot.ThreadOf("R109"),
	}}, d.Do(t.Context(), siti, "rerun R1").Message.Body)
}

func TestHelpNamesEveryCommand(t *testing.T) {
	d, _, _ := desk("load")
	for _, line := range []string{"", "help", "/loadtest help"} {
		reply := d.Do(t.Context(), siti, line)
		require.True(t, reply.Private)
		require.Equal(t, "What you can ask of Bellwether", reply.Message.Title)
		for i, u := range d.Usage() {
			require.Equal(t, "/loadtest "+u.Usage+"  "+u.Help, reply.Message.Body[i].String())
		}
	}
}

func TestHelpIsAsCommandsAreTypedThere(t *testing.T) {
	d, _, _ := desk("load")
	reply := d.Do(t.Context(), Caller{Channel: pipeline.Channel{Platform: "teams", ID: "19:abc@thread.tacv2"}, Name: "siti", Bare: true}, "help")
	for i, u := range d.Usage() {
		require.Equal(t, u.Usage+"  "+u.Help, reply.Message.Body[i].String())
	}
	require.Equal(t, "In a channel, mention the bot. In a run's thread no run needs to be named.", reply.Message.Footer.String())
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

func TestStatusOfARunThatIsNearlyOver(t *testing.T) {
	d, l, _ := desk("load")
	held := run("R42", "checkout", pipeline.Running, "")
	held.Stage, held.Started, held.Expected = pipeline.StageTest, noon.Add(-time.Minute), time.Minute+400*time.Millisecond
	l.boards["load"] = pipeline.Board{Held: &held}
	require.Contains(t, d.Do(t.Context(), siti, "status").Message.String(), ", since 23 Nov 11:59 UTC, less than 1 s left")
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
	full := l.runs["R109"]
	require.Equal(t, []pipeline.Channel{team}, full.Channels)
	require.Equal(t, "checkout", full.Team)
	require.Equal(t, "siti", full.By)
}

func TestTheFirstAcknowledgementStays(t *testing.T) {
	d, l, _ := desk("load")
	require.False(t, d.Do(t.Context(), siti, "ack R2 because I know why").Private)
	require.Equal(t, []pipeline.Mark{{By: "slack:U0SITI", Name: "siti", At: noon, Because: "I know why"}}, l.runs["R2"].Acknowledged)
	require.Equal(t, []string{"R2"}, l.told)
	reply := d.Do(t.Context(), jo, "ack R2")
	require.True(t, reply.Private)
	require.Equal(t, "R2 (checkout 1.5.2) was acknowledged by siti already.", reply.Message.String())
	require.Equal(t, "siti", l.runs["R2"].Acknowledged[0].Name)
	require.Equal(t, []string{"R2", "R2"}, l.told, "it is said again, which says nothing twice, lest a crash swallowed it")
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

func TestAPanicIsAnInternalError(t *testing.T) {
	d, _, log := desk("load")
	d.Runs = nil
	reply := d.Do(t.Context(), siti, "rerun R1")
	require.True(t, reply.Private)
	require.Contains(t, reply.Message.String(), "5f0c")
	require.Contains(t, log.String(), "nil pointer dereference")
}

func TestWhatPeopleTypeIsRedacted(t *testing.T) {
	d, l, _ := desk("load")
	reply := d.Do(t.Context(), siti, "ack R2 because the password is hunter2")
	require.NotContains(t, reply.Message.String(), "hunter2")
	require.Equal(t, "the password is ***", l.runs["R2"].Acknowledged[0].Because)
}
