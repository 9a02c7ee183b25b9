package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/pipeline"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// counter is a queue that knows events, keys and the runs it made of them, and notes whom it was asked to tell about.
type counter struct {
	subs   []pipeline.Submission
	runs   map[string]pipeline.Run
	told   []string
	broken map[string]error // by method
}

func (q *counter) Enqueue(_ context.Context, s pipeline.Submission) (pipeline.Receipt, error) {
	if err := q.broken["Enqueue"]; err != nil {
		return pipeline.Receipt{}, err
	}
	for i, known := range q.subs {
		same := s.EventID != "" && known.EventID == s.EventID || s.Key != "" && known.Thing == s.Thing && known.Key == s.Key
		if same && known.Run.Environment == s.Run.Environment {
			return q.again(fmt.Sprintf("R%d", i+1), s.Run.Change().Image), nil
		}
	}
	q.subs = append(q.subs, s)
	run := s.Run
	run.ID = fmt.Sprintf("R%d", len(q.subs))
	q.runs[run.ID] = run
	return pipeline.Receipt{Outcome: pipeline.Accepted, Run: run.ID}, nil
}

// again joins an image with the run that waits for it; anything else is a repeat.
func (q *counter) again(id, image string) pipeline.Receipt {
	run := q.runs[id]
	if image == "" || run.Changes[0].Image != "" {
		return pipeline.Receipt{Outcome: pipeline.Repeated, Run: id}
	}
	run.Changes[0].Image = image
	q.runs[id] = run
	return pipeline.Receipt{Outcome: pipeline.Joined, Run: id}
}

func (q *counter) Load(_ context.Context, id string) (pipeline.Run, error) {
	run, ok := q.runs[id]
	if !ok {
		return pipeline.Run{}, fmt.Errorf("run %s: %w", id, pipeline.ErrNotFound)
	}
	return run, q.broken["Load"]
}

func (q *counter) Overhead(context.Context, string, string) (time.Duration, error) {
	return time.Minute, q.broken["Overhead"]
}

func (q *counter) TellHold(context.Context, pipeline.Hold) error { return nil }

func (q *counter) Tell(_ context.Context, run pipeline.Run) error {
	q.told = append(q.told, run.ID)
	return q.broken["Tell"]
}

// desk is a submitter of a catalog in which checkout runs in two environments, and reports has no images.
func desk() (*pipeline.Submitter, *counter) {
	catalog := forge()
	checkout := catalog.Services["checkout"]
	checkout.Team, checkout.Tags, checkout.WaitForImage = "shop", []string{"service:checkout"}, 15*time.Minute
	checkout.Environments = []string{"load", "edge"}
	catalog.Services["checkout"] = checkout
	catalog.Services["reports"] = pipeline.Service{Name: "reports", Team: "shop", Environments: []string{"load"}}
	catalog.Scenarios = map[string]pipeline.Scenario{
		"checkout-flow": {Name: "checkout-flow", Tags: []string{"service:checkout"}, Load: steady(60)},
		"soak":          {Name: "soak", Tags: []string{"soak:all"}, Load: steady(300)},
	}
	q := &counter{runs: map[string]pipeline.Run{}, broken: map[string]error{}}
	return &pipeline.Submitter{
		Catalog: func() *pipeline.Catalog { return catalog }, Queue: q, Teller: q, Now: func() time.Time { return noon },
	}, q
}

// steady is a load of two stages that take so many seconds together.
func steady(seconds int) pipeline.Load {
	d := time.Duration(seconds) * time.Second
	return pipeline.Load{Stages: []pipeline.LoadStage{{To: 50, Over: d / 3}, {From: 50, To: 50, Over: d - d/3}}, Warmup: 2 * time.Second}
}

func merge(event, revision string) pipeline.Change {
	return pipeline.Change{EventID: event, Kind: pipeline.KindService, Repository: "github.com/innerscale/checkout", Revision: revision}
}

func image(event, tag string) pipeline.Change {
	return pipeline.Change{EventID: event, Kind: pipeline.KindService, Image: "registry.example:5000/shop/checkout:" + tag}
}

func TestAChangeIsARunInEachEnvironment(t *testing.T) {
	s, q := desk()
	receipts, err := s.Submit(t.Context(), merge("e1", sha))
	require.NoError(t, err)
	require.Equal(t, []pipeline.Receipt{{Outcome: "accepted", Run: "R1"}, {Outcome: "accepted", Run: "R2"}}, receipts)
	require.Equal(t, []string{"R1", "R2"}, q.told)

	sub := q.subs[1]
	require.Equal(t, "e1/service:checkout/edge", sub.EventID)
	require.Equal(t, "service:checkout", sub.Thing)
	require.Equal(t, sha, sub.Key)
	require.Equal(t, noon.Add(15*time.Minute), sub.Due, "it waits for its image")
	require.Equal(t, sub.Due, sub.Run.ImageBy)
	require.Equal(t, pipeline.CauseChange, sub.Run.Cause)
	require.Equal(t, "edge", sub.Run.Environment)
	require.Equal(t, "shop", sub.Run.Team)
	require.Equal(t, pipeline.Waiting, sub.Run.State)
	require.Equal(t, noon, sub.Run.Submitted)
	require.Equal(t, []string{"checkout-flow"}, sub.Run.Selection.Names())
	require.Equal(t, 2*time.Minute, sub.Run.Expected, "a minute of load, and what past runs took besides")
}

func TestWhatWaitsForAnImage(t *testing.T) {
	for name, c := range map[string]struct {
		change pipeline.Change
		waits  bool
	}{
		"a merge":                    {merge("e1", sha), true},
		"an image":                   {image("e1", "1.4"), false},
		"a service without an image": {pipeline.Change{EventID: "e1", Kind: pipeline.KindService, Name: "reports", Revision: sha}, false},
	} {
		t.Run(name, func(t *testing.T) {
			s, q := desk()
			_, err := s.Submit(t.Context(), c.change)
			require.NoError(t, err)
			require.Equal(t, c.waits, !q.subs[0].Due.IsZero())
			require.Equal(t, q.subs[0].Due, q.subs[0].Run.ImageBy)
		})
	}
}

func TestARepeatIsToldAgain(t *testing.T) {
	s, q := desk()
	q.broken["Tell"] = errors.New("chat is down")
	_, err := s.Submit(t.Context(), image("e1", "1.4"))
	require.ErrorContains(t, err, "announce R1: chat is down")

	q.broken["Tell"], q.told = nil, nil
	receipts, err := s.Submit(t.Context(), image("e1", "1.4"))
	require.NoError(t, err)
	require.Equal(t, pipeline.Receipt{Outcome: "repeat", Run: "R1"}, receipts[0])
	require.Equal(t, pipeline.Receipt{Outcome: "accepted", Run: "R2"}, receipts[1], "the second environment had not been reached")
	require.Equal(t, []string{"R1", "R2"}, q.told)
}

func TestARunThatSupersedesOthersTellsTheirThreads(t *testing.T) {
	s, q := desk()
	_, err := s.Submit(t.Context(), pipeline.Change{EventID: "e1", Kind: pipeline.KindService, Name: "reports", Revision: "a"})
	require.NoError(t, err)
	run := q.runs["R1"]
	run.Supersedes = []string{"R8", "R9"}
	q.runs["R1"], q.runs["R8"], q.runs["R9"] = run, pipeline.Run{ID: "R8"}, pipeline.Run{ID: "R9"}
	q.told = nil
	_, err = s.Submit(t.Context(), pipeline.Change{EventID: "e1", Kind: pipeline.KindService, Name: "reports", Revision: "a"})
	require.NoError(t, err)
	require.Equal(t, []string{"R1", "R8", "R9"}, q.told)
}

func TestRunsThatAreNoLongerKeptAreNotTold(t *testing.T) {
	s, q := desk()
	merged := pipeline.Change{EventID: "e1", Kind: pipeline.KindService, Name: "reports", Revision: "a"}
	_, err := s.Submit(t.Context(), merged)
	require.NoError(t, err)
	run := q.runs["R1"]
	run.Supersedes, run.Successor, run.Parent = []string{"R7", "R8"}, "R9", "R6"
	q.runs["R1"], q.runs["R8"], q.runs["R9"] = run, pipeline.Run{ID: "R8"}, pipeline.Run{ID: "R9"}
	q.told = nil
	_, err = s.Submit(t.Context(), merged)
	require.NoError(t, err)
	require.Equal(t, []string{"R1", "R8", "R9"}, q.told, "a change that came late has its successor told, too")
}

func TestChangesWithoutAnEventAreNotRepeatsOfEachOther(t *testing.T) {
	s, q := desk()
	for _, tag := range []string{"1.4", "1.5"} {
		_, err := s.Submit(t.Context(), image("", tag))
		require.NoError(t, err)
	}
	require.Len(t, q.subs, 4)
	require.Empty(t, q.subs[0].EventID)
}

func TestSubmitRefusesAndFails(t *testing.T) {
	s, q := desk()
	_, err := s.Submit(t.Context(), pipeline.Change{Kind: pipeline.KindService, Name: "ghost", Revision: "1"})
	var refusal *pipeline.Refusal
	require.ErrorAs(t, err, &refusal)
	require.Empty(t, q.subs)
	for _, method := range []string{"Enqueue", "Load", "Overhead"} {
		s, q := desk()
		q.broken[method] = errors.New("redis is away")
		_, err := s.Submit(t.Context(), image("e1", "1.4"))
		require.EqualError(t, err, "submit checkout to load: redis is away", method)
	}
}

func TestNothingOfAMonorepoTouched(t *testing.T) {
	s, q := desk()
	receipts, err := s.Submit(t.Context(), pipeline.Change{EventID: "e1", Repository: "github.com/innerscale/mono", Revision: "1", Paths: []string{"README.md"}})
	require.NoError(t, err)
	require.Empty(t, receipts)
	require.Empty(t, q.subs)
}

func TestRerun(t *testing.T) {
	s, q := desk()
	_, err := s.Submit(t.Context(), image("e1", "1.4"))
	require.NoError(t, err)
	q.told = nil
	old := q.runs["R1"]
	old.Channels = []pipeline.Channel{{Platform: "web", ID: "shop"}}
	receipt, err := s.Rerun(t.Context(), old, nil, "dev-sg")
	require.NoError(t, err)
	require.Equal(t, pipeline.Receipt{Outcome: "accepted", Run: "R3"}, receipt)
	require.Equal(t, []string{"R3", "R1"}, q.told, "both threads get their link")

	sub := q.subs[2]
	require.Equal(t, pipeline.CauseRerun, sub.Run.Cause)
	require.Equal(t, "R1", sub.Run.Parent)
	require.Equal(t, "dev-sg", sub.Run.By)
	require.Equal(t, old.Changes, sub.Run.Changes)
	require.Equal(t, old.Selection, sub.Run.Selection)
	require.Equal(t, old.Channels, sub.Run.Channels)
	require.Equal(t, "service:checkout", sub.Thing)
	require.Empty(t, sub.EventID)
	require.Empty(t, sub.Key, "wished for, so never a repeat")
	require.Zero(t, sub.Due)
	require.Equal(t, 2*time.Minute, sub.Run.Expected)
}

func TestFull(t *testing.T) {
	s, q := desk()
	here := pipeline.Channel{Platform: "web", ID: "infrastructure"}
	receipt, err := s.Full(t.Context(), "load", here, "infra", "dev-ldn")
	require.NoError(t, err)
	require.Equal(t, "R1", receipt.Run)
	run := q.subs[0].Run
	require.Empty(t, q.subs[0].Thing)
	require.Equal(t, pipeline.CauseFull, run.Cause)
	require.Equal(t, []pipeline.Channel{here}, run.Channels)
	require.Equal(t, "infra", run.Team)
	require.Equal(t, "full suite, asked for by dev-ldn", run.Selection.Reason)
	require.Equal(t, []string{"checkout-flow", "soak"}, run.Selection.Names())
	require.Equal(t, 7*time.Minute, run.Expected)
	require.Equal(t, "full suite on load", run.Subject())
	rerun, err := s.Rerun(t.Context(), q.runs["R1"], nil, "dev-sg")
	require.NoError(t, err)
	require.Equal(t, "R2", rerun.Run)
	require.Empty(t, q.subs[1].Thing)
}

func TestRerunOfSomeScenarios(t *testing.T) {
	s, q := desk()
	_, err := s.Full(t.Context(), "load", pipeline.Channel{}, "infra", "dev-ldn")
	require.NoError(t, err)
	rerun := func(old pipeline.Run, only ...string) pipeline.Run {
		receipt, err := s.Rerun(t.Context(), old, only, "dev-sg")
		require.NoError(t, err)
		return q.runs[receipt.Run]
	}
	some := rerun(q.runs["R1"], "checkout-flow")
	require.Equal(t, []string{"checkout-flow"}, some.Selection.Names())
	require.Equal(t, []string{"checkout-flow"}, some.Selection.Only)
	require.Equal(t, 2*time.Minute, some.Expected)
	require.Equal(t, "part of the suite on load", some.Subject())
	require.Equal(t, []string{"checkout-flow", "soak"}, q.runs["R1"].Selection.Names(), "what it repeats stays as it is")

	again := rerun(some)
	require.Equal(t, some.Selection, again.Selection, "the same again, out of as many")
	require.True(t, rerun(some, "checkout-flow").Selection.Part())
	all := rerun(q.runs["R1"], "soak", "checkout-flow")
	require.Equal(t, []string{"checkout-flow", "soak"}, all.Selection.Names())
	require.Equal(t, "full suite on load", all.Subject(), "all were chosen")
}
