package store

import (
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"bellwether/pipeline"
)

func TestRegressionFromBeginningToEnd(t *testing.T) {
	onBoth(t, func(t *testing.T, store *Store) {
		s := inSeries(t, store)
		p95, errors := worse("R1", pipeline.P95), worse("R1", pipeline.Errors)
		run := s.end(s.begin(), p95, errors)
		require.Equal(t, []pipeline.Regression{errors, p95}, run.Regressions)
		require.Equal(t, []string{errors.ID, p95.ID}, s.standing())
		require.Equal(t, forGood, s.keptFor("run:R1"), "not while they stand")
		require.Empty(t, s.toldLater(), "whoever works on the run tells of it")

		better := p95
		better.Level = 0.4
		s.end(s.begin(), better, endedBy(errors, pipeline.Recovered, "R2"))
		require.Equal(t, []pipeline.Regression{endedBy(errors, pipeline.Recovered, "R2"), better}, load(t, store, "R1").Regressions)
		require.Equal(t, []string{p95.ID}, s.standing())
		require.Equal(t, []string{"R1"}, s.toldLater())
		require.Equal(t, forGood, s.keptFor("run:R1"))
		require.Equal(t, keepRuns, s.keptFor("run:R2"))

		s.end(s.begin(), endedBy(better, pipeline.Recovered, "R3"))
		require.Empty(t, s.standing())
		require.Equal(t, keepRuns, s.keptFor("run:R1"))
	})
}

func TestRegressionThatGotWorseIsAnother(t *testing.T) {
	before, after := endedBy(worse("R1", pipeline.P95), pipeline.Worsened, "R2"), worse("R2", pipeline.P95)
	after.Since = "R1"
	for name, changed := range map[string][]pipeline.Regression{"in order": {before, after}, "reversed": {after, before}} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, store *Store) {
				s := inSeries(t, store)
				s.finds()
				s.begin()
				for range 2 { // in case that its holder dies
					require.NoError(t, s.Follow(t.Context(), s.held, changed))
				}
				require.Equal(t, []string{after.ID}, s.standing())
				require.Equal(t, pipeline.Worsened, load(t, store, "R1").Regressions[0].End.As)
				require.Equal(t, "R2", load(t, store, "R1").Regressions[0].End.Run)
				require.Equal(t, []pipeline.Regression{after}, load(t, store, "R2").Regressions)
				require.Equal(t, []string{"R1"}, s.toldLater())
			})
		})
	}
}

func TestFollowingTwiceIsNoNews(t *testing.T) {
	onBoth(t, func(t *testing.T, store *Store) {
		s := inSeries(t, store)
		s.end(s.begin(), worse("R1", pipeline.P95), worse("R1", pipeline.P50))
		s.begin()
		changed := []pipeline.Regression{
			endedBy(worse("R1", pipeline.P95), pipeline.Worsened, "R2"), worse("R2", pipeline.P95), worse("R1", pipeline.P50),
		}
		require.NoError(t, s.Follow(t.Context(), s.held, changed))
		before := dump(t, store)
		require.NoError(t, s.Follow(t.Context(), s.held, changed))
		require.Equal(t, before, dump(t, store))
	})
}

func TestWhatPeopleEndedStaysEnded(t *testing.T) {
	onBoth(t, func(t *testing.T, store *Store) {
		s := inSeries(t, store)
		s.finds()
		s.begin()
		fixed, err := s.Triage(t.Context(), "R1", pipeline.Fixed, anna)
		require.NoError(t, err)
		better := worse("R1", pipeline.P95)
		better.Level = 0.4
		for _, g := range []pipeline.Regression{better, endedBy(better, pipeline.Recovered, "R2")} {
			require.NoError(t, s.Follow(t.Context(), s.held, []pipeline.Regression{g}))
		}
		require.Equal(t, fixed, load(t, store, "R1"))
		require.Empty(t, s.standing())
	})
}

func TestRegressionsOfARunThatIsForgotten(t *testing.T) {
	onBoth(t, func(t *testing.T, store *Store) {
		s := inSeries(t, store)
		s.finds()
		s.begin()
		require.NoError(t, s.redis().Del(t.Context(), "bw:run:R1").Err())
		require.Empty(t, s.standing())
		require.NoError(t, s.Follow(t.Context(), s.held, []pipeline.Regression{endedBy(worse("R1", pipeline.P95), pipeline.Recovered, "R2")}))
		require.Zero(t, s.redis().Exists(t.Context(), "bw:run:R1").Val())
	})
}

func TestStandingIsOneRoundTrip(t *testing.T) {
	onBoth(t, func(t *testing.T, store *Store) {
		s := inSeries(t, store)
		s.end(s.begin(), worse("R1", pipeline.P95), worse("R1", pipeline.P50))
		s.standing() // Redis then knows the script
		calls := &trips{}
		alone := open(t, s.redis().(*redis.Client).Options().Addr)
		require.NoError(t, alone.redis().Ping(t.Context()).Err())
		alone.redis().AddHook(calls)
		all, err := alone.Standing(t.Context(), "load")
		require.NoError(t, err)
		require.Equal(t, []pipeline.Regression{worse("R1", pipeline.P50), worse("R1", pipeline.P95)}, all, "not a digit is lost")
		require.EqualValues(t, 1, calls.n.Load())
		elsewhere, err := alone.Standing(t.Context(), "elsewhere")
		require.NoError(t, err)
		require.Empty(t, elsewhere)
	})
}

func TestMalformedRegression(t *testing.T) {
	onBoth(t, func(t *testing.T, store *Store) {
		inSeries(t, store).finds()
		require.NoError(t, store.redis().HSet(t.Context(), "bw:run:R1", "regression/cart/p95", "{").Err())
		_, err := store.Standing(t.Context(), "load")
		require.ErrorContains(t, err, "redis key bw:run:R1, field regression/cart/p95: ")
		_, err = store.Load(t.Context(), "R1")
		require.ErrorContains(t, err, "redis key bw:run:R1, field regression/cart/p95: ")
	})
}

func TestOvertaken(t *testing.T) {
	for name, test := range map[string]struct {
		waits pipeline.Submission
		want  bool
	}{
		"a newer change of the same":        {change("checkout", "k2"), true},
		"one that has no image yet":         {withoutImage(change("checkout", "k2")), true},
		"a change of something else":        {change("search", "k2"), false},
		"a rerun of it":                     {rerun(pipeline.Run{ID: "R1", Changes: change("checkout", "k1").Run.Changes}), false},
		"a full run":                        {full(), false},
		"a newer change for somewhere else": {elsewhere(change("checkout", "k2")), false},
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, store *Store) {
				accept(t, store, change("search", "k1"))
				accept(t, store, change("checkout", "k1"))
				h := drain(t, store, "environment/load")
				h.take("R1")
				h.end(nil)
				h.take("R2")
				enqueue(t, store, test.waits)
				overtaken, err := store.Overtaken(t.Context(), load(t, store, "R2"))
				require.NoError(t, err)
				require.Equal(t, test.want, overtaken)
				overtaken, err = store.Overtaken(t.Context(), load(t, store, "R3"))
				require.NoError(t, err)
				require.False(t, overtaken, "what waits itself is the newest")
			})
		})
	}
}

func elsewhere(s pipeline.Submission) pipeline.Submission {
	s.Run.Environment = "elsewhere"
	return s
}
