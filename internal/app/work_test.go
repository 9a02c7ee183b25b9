package app

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/internal/lane"
	"bellwether/pipeline"
)

// newRegister counts what it registers, and logs to the text.
func newRegister(s *server, to pipeline.Teller) (r *register, counted *[]string, log *strings.Builder) {
	counted, log = &[]string{}, &strings.Builder{}
	return &register{
		Teller: to, First: s.store.First, Log: slog.New(slog.NewTextHandler(log, nil)),
		Count: func(run pipeline.Run) { *counted = append(*counted, run.ID+" "+string(run.State)) },
	}, counted, log
}

// People hear of a run again and again, from one replica or another: it ends once.
func TestAnEndIsRegisteredOnce(t *testing.T) {
	s := bare(t)
	told := 0
	r, counted, log := newRegister(s, teller(func(pipeline.Run) { told++ }))
	other, _, _ := newRegister(s, teller(func(pipeline.Run) { told++ }))
	other.Count = r.Count
	at := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	run := pipeline.Run{ID: "R1", State: pipeline.Running, Started: at}
	require.NoError(t, r.Tell(t.Context(), run))
	require.Empty(t, *counted)
	run.State, run.Finished = pipeline.Done, at.Add(4*time.Minute)
	for range 2 {
		require.NoError(t, r.Tell(t.Context(), run))
		require.NoError(t, other.Tell(t.Context(), run))
	}
	require.NoError(t, r.Tell(t.Context(), pipeline.Run{ID: "R2", State: pipeline.Superseded, Finished: at}))
	require.Equal(t, []string{"R1 done", "R2 superseded"}, *counted)
	require.Equal(t, 6, told)
	require.Contains(t, log.String(), "run=R1")
	require.Contains(t, log.String(), "took=4m0s")
	require.Contains(t, log.String(), "took=0s", "it never ran")
}

// Whoever ends a run goes on until it was told: so an error must come back to them.
func TestAnEndThatCannotBeRegisteredIsToldAgain(t *testing.T) {
	r, counted, _ := newRegister(bare(t), teller(func(pipeline.Run) {}))
	first := r.First
	r.First = func(context.Context, string, time.Duration) (bool, error) { return false, errors.New("redis is away") }
	run := pipeline.Run{ID: "R1", State: pipeline.Done}
	require.ErrorContains(t, r.Tell(t.Context(), run), "register the end of R1: redis is away")
	r.First = first
	require.NoError(t, r.Tell(t.Context(), run))
	require.Equal(t, []string{"R1 done"}, *counted)
}

// Runs that are tested along with another are never worked off by themselves.
func TestTheRunsOfABatchAreRegistered(t *testing.T) {
	s := bare(t)
	r, counted, _ := newRegister(s, teller(func(pipeline.Run) {}))
	catalog := &pipeline.Catalog{
		Services:     map[string]pipeline.Service{},
		Environments: map[string]pipeline.Environment{"load": {Name: "load", Batch: true}},
	}
	deploy := &pipeline.Deploy{Command: &pipeline.Command{}}
	for _, name := range []string{"checkout", "billing"} {
		catalog.Services[name] = pipeline.Service{Name: name, Environments: []string{"load"}, Deploy: deploy}
	}
	current := func() *pipeline.Catalog { return catalog }
	submitter := &pipeline.Submitter{Catalog: current, Queue: s.store, Teller: r, Now: time.Now}
	for name := range catalog.Services {
		_, err := submitter.Submit(t.Context(), pipeline.Change{EventID: name, Kind: pipeline.KindService, Name: name, Revision: "a"})
		require.NoError(t, err)
	}
	s.runner = &pipeline.Runner{
		Catalog: current, Ledger: s.store, History: s.store, Regressions: s.store, Inventory: s.store, Holds: s.store, Batches: s.store, Commands: obedient{},
		Teller: r, Now: time.Now, Log: s.log,
	}
	s.drain(t, "environment/load", s.workRun)
	require.ElementsMatch(t, []string{"R1 done", "R2 done"}, *counted)
	leader, err := s.store.Load(t.Context(), "R1")
	require.NoError(t, err)
	require.Equal(t, []string{"R2"}, leader.Batch)
}

// obedient commands do nothing, and succeed.
type obedient struct{}

func (obedient) Run(context.Context, pipeline.Command, pipeline.Values) (string, error) {
	return "", nil
}

// A reminder that breaks Bellwether each time is dropped, and then the next one has its turn.
func TestAReminderThatKeepsFailingIsDropped(t *testing.T) {
	s := bare(t)
	for range 2 {
		_, err := s.store.Enqueue(t.Context(), load)
		require.NoError(t, err)
	}
	tries, told := 0, []string{}
	s.teller = teller(func(run pipeline.Run) {
		if tries++; run.ID == "R1" {
			panic("poison")
		}
		told = append(told, run.ID)
	})
	for _, id := range []string{"tell/R1", "tell/R2"} {
		require.NoError(t, s.lanes.Push(t.Context(), "timer/load", lane.Item{ID: id}))
	}
	s.drain(t, "timer/load", s.tick)
	require.Equal(t, []string{"R2"}, told)
	require.Equal(t, poisonous+1, tries)
}

// A run that cannot even be read is taken out of everything it is in, and then the next one has its turn.
func TestARunThatCannotBeReadIsDropped(t *testing.T) {
	s := bare(t)
	for range 2 {
		_, err := s.store.Enqueue(t.Context(), load)
		require.NoError(t, err)
	}
	require.NoError(t, s.lanes.Redis.HSet(t.Context(), "bw:run:R1", "record", "rubbish").Err())
	var told []string
	s.runner = &pipeline.Runner{
		Ledger: s.store, Now: time.Now, Catalog: func() *pipeline.Catalog { panic("poison") },
		Teller: teller(func(run pipeline.Run) { told = append(told, run.ID+" "+string(run.Verdict)) }),
	}
	s.drain(t, "environment/load", s.workRun)
	require.Equal(t, "cancelled", s.lanes.Redis.HGet(t.Context(), "bw:run:R1", "state").Val())
	require.Equal(t, []string{"R2 failed"}, told)
}

// Boards tell of the runs that are tested along, too.
func TestAlongWithARun(t *testing.T) {
	at := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	along := func(id string) pipeline.Run {
		return pipeline.Run{ID: id, State: pipeline.Running, Submitted: at, Changes: []pipeline.Change{{Kind: pipeline.KindService, Name: "shop" + id}}}
	}
	held := along("R1")
	is := busyness(pipeline.Board{Environment: "load", Held: &held, Led: []pipeline.Run{along("R2")}})
	var out strings.Builder
	is.print(&out, at.Add(time.Minute))
	require.Equal(t, "load\n  runs   R1  shopR1: comparing with earlier runs  (60 s)\n  along  R2  shopR2: comparing with earlier runs  (60 s)\n", out.String())
	text, err := json.Marshal(is)
	require.NoError(t, err)
	require.Contains(t, string(text), `"led":[{"run":"R2"`)
	require.Contains(t, string(text), `"waiting":[]`)
}

// The gauge asks Redis; an older Bellwether's parked messages count from the start.
func TestParkedMessagesAreCounted(t *testing.T) {
	s := bare(t)
	require.Zero(t, s.parked())
	require.NoError(t, s.lanes.Redis.HSet(t.Context(), "bw:letter:R1/web:team/root", "parked", "is_archived").Err())
	require.NoError(t, s.store.Upgrade(t.Context()))
	require.Equal(t, 1.0, s.parked())
	require.NoError(t, s.lanes.Redis.Close())
	require.Equal(t, -1.0, s.parked(), "nobody knows")
}
