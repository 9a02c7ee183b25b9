package store

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"bellwether/bot"
	"bellwether/pipeline"
)

func (s *series) triage(id string, as pipeline.Ending, m pipeline.Mark) pipeline.Run {
	s.t.Helper()
	run, err := s.Triage(s.t.Context(), id, as, m)
	require.NoError(s.t, err)
	return run
}

func (s *series) reopen(id string) pipeline.Run {
	s.t.Helper()
	run, err := s.Reopen(s.t.Context(), id, ben)
	require.NoError(s.t, err)
	return run
}

// counts are the counted results of cart, newest first.
func (s *series) counts() []string { return past(s.t, s.Store) }

func TestTriageEndsRegressions(t *testing.T) {
	for _, as := range pipeline.Triage() {
		t.Run(string(as), func(t *testing.T) {
			onBoth(t, func(t *testing.T, store *Store) {
				s := inSeries(t, store)
				before := s.finds()
				run := s.triage("R1", as, anna)
				said := pipeline.End{As: as, At: anna.At, Mark: &anna}
				require.Equal(t, []pipeline.End{said}, run.Triaged)
				require.Equal(t, &said, run.Regressions[0].End)
				require.Empty(t, s.standing())
				require.Greater(t, run.Rev, before.Rev)
				require.Equal(t, []string{"R1"}, s.toldLater())
				require.Equal(t, keepRuns, s.keptFor("run:R1"))
				for _, later := range pipeline.Triage() {
					require.Equal(t, run, s.triage("R1", later, ben), "the first word stays")
					require.Equal(t, run, s.triage("R1", later, about(ben, "cart")), "also on a part of it")
				}

				again := s.reopen("R1")
				require.Greater(t, again.Rev, run.Rev)
				again.Rev = before.Rev
				require.Equal(t, before, again)
				require.Equal(t, []string{"R1/cart/p95"}, s.standing())
				require.Equal(t, forGood, s.keptFor("run:R1"))
				require.Equal(t, s.reopen("R1"), s.reopen("R1"), "there is nothing left to take back")
			})
		})
	}
}

func TestTriageOfOneScenario(t *testing.T) {
	pay := worse("R1", pipeline.P95)
	pay.Scenario, pay.Group, pay.ID = "pay", "pay/card, or cash", "R1/pay/card, or cash/p95"
	onBoth(t, func(t *testing.T, store *Store) {
		s := inSeries(t, store)
		s.end(s.begin(), worse("R1", pipeline.P95), pay)
		s.triage("R1", pipeline.Environmental, about(anna, "pay"))
		require.Equal(t, []string{"R1/cart/p95"}, s.standing())
		run := s.triage("R1", pipeline.Fixed, ben)
		require.Empty(t, s.standing())
		require.Equal(t, pipeline.Fixed, run.Regressions[0].End.As)
		require.Equal(t, pipeline.Environmental, run.Regressions[1].End.As, "a word on the rest is about the rest")
		require.Len(t, run.Triaged, 2)
		require.Equal(t, "pay", run.Triaged[0].Mark.Scope)
		require.Empty(t, s.reopen("R1").Triaged)
		require.Equal(t, []string{"R1/cart/p95", pay.ID}, s.standing())
	})
}

func TestWhatIsExpectedIsTheBaselineFromThereOn(t *testing.T) {
	for name, mark := range map[string]pipeline.Mark{"the run": anna, "the scenario": about(anna, "cart")} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, store *Store) {
				s := inSeries(t, store)
				s.end(s.begin())
				run := s.finds()
				require.Equal(t, []string{"R1/cart"}, s.counts())
				for range 2 { // in case that it is said again
					s.triage("R2", pipeline.Expected, mark)
					require.Equal(t, []string{"R2/cart/leg3", "R2/cart/leg2", "R2/cart", "R1/cart"}, s.counts())
				}
				level := pipeline.Level{Run: "R2", From: run.Results[0].Start, Mark: mark}
				require.Equal(t, []pipeline.Level{level}, s.past(pipeline.Policy{}).Levels)
				require.Equal(t, forGood, s.keptFor("result:R2/cart/leg3"))
				require.Equal(t, forGood, s.keptFor("record:R2/cart"))
				require.Equal(t, keepResults, s.keptFor("record:R2/cart/leg1"), "that was the version before")
				past, err := s.Past(t.Context(), "load", pipeline.Scenario{Name: "pay"})
				require.NoError(t, err)
				require.Empty(t, past.Levels, "nothing was wrong with it")

				s.reopen("R2")
				require.Equal(t, []string{"R1/cart"}, s.counts())
				require.Empty(t, s.past(pipeline.Policy{}).Levels)
				require.Equal(t, keepResults, s.keptFor("result:R2/cart"))
			})
		})
	}
}

// Its results have expired long before the run does.
func TestOldResultsCountOnceTheyAreExpected(t *testing.T) {
	onBoth(t, func(t *testing.T, store *Store) {
		s := inSeries(t, store)
		run := s.finds()
		require.NoError(t, s.redis().Del(t.Context(), "bw:result:R1/cart", "bw:record:R1/cart").Err())
		s.triage("R1", pipeline.Expected, anna)
		results := s.past(pipeline.Policy{}).Results
		require.Equal(t, run.Results[0], results[len(results)-1])
	})
}

func TestOfWhatIsBrokenNothingIsExpected(t *testing.T) {
	for name, spoil := range map[string]func(*pipeline.Result){
		"invalid": func(r *pipeline.Result) { r.Invalid = "the generator was late" },
		"failed":  func(r *pipeline.Result) { r.Failed = "no set-up" },
		"stopped": func(r *pipeline.Result) { r.Stopped = "too many errors" },
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, store *Store) {
				s := inSeries(t, store)
				run := s.begin()
				spoil(&run.Results[0])
				s.end(run, worse("R1", pipeline.P95))
				s.triage("R1", pipeline.Expected, about(anna, "cart"))
				require.Equal(t, []string{"R1/cart/leg3", "R1/cart/leg2"}, s.counts())
				require.Equal(t, run.Legs[1].Results[0].Start, s.past(pipeline.Policy{}).Levels[0].From)
			})
		})
	}
}

func TestInvalidRunsAreInNoBaseline(t *testing.T) {
	for name, c := range map[string]struct {
		mark      pipeline.Mark
		cart, pay []string
	}{
		"the run":      {anna, []string{"R2/cart"}, []string{"R2/pay"}},
		"the scenario": {about(anna, "cart"), []string{"R2/cart"}, []string{"R2/pay", "R1/pay"}},
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, store *Store) {
				s := inSeries(t, store)
				s.end(s.begin())
				s.end(s.begin())
				s.triage("R1", pipeline.Invalidated, c.mark)
				require.Equal(t, c.cart, s.counts())
				require.Equal(t, c.pay, s.redis().ZRevRange(t.Context(), "bw:past:load/pay", 0, -1).Val())
				require.Equal(t, keepResults, s.keptFor("result:R1/cart"))
				require.Empty(t, s.past(pipeline.Policy{Pinned: "R1"}).Pinned)

				s.reopen("R1")
				require.Equal(t, []string{"R2/cart", "R1/cart"}, s.counts(), "those that counted, and no other")
				require.Equal(t, forGood, s.keptFor("result:R1/cart"))
				require.Len(t, s.past(pipeline.Policy{Pinned: "R1"}).Pinned, 1)
			})
		})
	}
}

func TestReopenedAfterALaterRunTookOver(t *testing.T) {
	onBoth(t, func(t *testing.T, store *Store) {
		s := inSeries(t, store)
		s.finds()
		s.triage("R1", pipeline.Fixed, anna)
		s.finds()
		run := s.reopen("R1")
		require.Empty(t, run.Triaged)
		require.Equal(t, pipeline.Fixed, run.Regressions[0].End.As)
		require.Equal(t, []string{"R2/cart/p95"}, s.standing())
	})
}

// Nobody can tell a runner, which has asked what stands, that something stands again.
func TestReopenedWhileALaterRunTakesOver(t *testing.T) {
	onBoth(t, func(t *testing.T, store *Store) {
		s := inSeries(t, store)
		s.finds()
		s.triage("R1", pipeline.Fixed, anna)
		run := s.begin()
		s.reopen("R1")
		s.end(run, worse("R2", pipeline.P95))
		require.Equal(t, []string{"R2/cart/p95"}, s.standing())
		require.Equal(t, &pipeline.End{As: pipeline.Worsened, At: noon, Run: "R2", Subject: "checkout R2"}, load(t, store, "R1").Regressions[0].End)
	})
}

func TestTriageOfARunThatGoesOn(t *testing.T) {
	onBoth(t, func(t *testing.T, store *Store) {
		s := inSeries(t, store)
		s.begin()
		run := load(t, store, "R1")
		require.Equal(t, run, s.triage("R1", pipeline.Invalidated, anna))
		require.Equal(t, run, s.reopen("R1"))
		_, err := s.Triage(t.Context(), "R9", pipeline.Fixed, anna)
		require.ErrorIs(t, err, bot.ErrNotFound)
		_, err = s.Reopen(t.Context(), "R9", anna)
		require.ErrorIs(t, err, bot.ErrNotFound)
	})
}

// What is in force is the same in whatever order it was said.
func TestWordsOnScenariosInAnyOrder(t *testing.T) {
	words := []pipeline.Ending{pipeline.Expected, pipeline.Invalidated}
	for _, order := range permutations([]string{"cart", "pay"}) {
		t.Run(fmt.Sprint(order), func(t *testing.T) {
			onBoth(t, func(t *testing.T, store *Store) {
				s := inSeries(t, store)
				s.finds()
				for _, scope := range order {
					s.triage("R1", map[string]pipeline.Ending{"cart": words[0], "pay": words[1]}[scope], about(anna, scope))
				}
				require.Equal(t, []string{"R1/cart/leg3", "R1/cart/leg2", "R1/cart"}, s.counts())
				require.Empty(t, s.redis().ZRange(t.Context(), "bw:past:load/pay", 0, -1).Val())
				s.reopen("R1")
				require.Empty(t, s.counts())
				require.Equal(t, []string{"R1/pay"}, s.redis().ZRange(t.Context(), "bw:past:load/pay", 0, -1).Val())
			})
		})
	}
}
