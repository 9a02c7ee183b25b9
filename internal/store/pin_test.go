package store

import (
	"testing"

	"github.com/stretchr/testify/require"

	"bellwether/bot"
	"bellwether/pipeline"
)

func (s *series) pin(run string, scenarios ...string) {
	s.t.Helper()
	require.NoError(s.t, s.Pin(s.t.Context(), "load", scenarios, run, anna))
}

func (s *series) pinned() map[string]pipeline.Pin {
	s.t.Helper()
	pins, err := s.Pinned(s.t.Context(), "load")
	require.NoError(s.t, err)
	return pins
}

func TestPin(t *testing.T) {
	onBoth(t, func(t *testing.T, store *Store) {
		s := inSeries(t, store)
		worse := s.finds()
		s.end(s.begin())
		s.end(s.begin())
		require.Empty(t, s.pinned())
		before := s.past(pipeline.Policy{})
		require.Empty(t, before.Pin)

		catalogs := s.past(pipeline.Policy{Pinned: "R2"})
		require.Equal(t, "R2", catalogs.Pin)
		require.Equal(t, load(t, store, "R2").Results[:1], catalogs.Pinned)

		s.pin("R1", "cart", "pay")
		s.pin("R2", "pay")
		require.Equal(t, map[string]pipeline.Pin{"cart": {Run: "R1", Mark: anna}, "pay": {Run: "R2", Mark: anna}}, s.pinned())
		chosen := s.past(pipeline.Policy{Pinned: "R2"})
		require.Equal(t, "R1", chosen.Pin, "what people say comes before the catalog")
		require.Equal(t, worse.Results[:1], chosen.Pinned, "though it never counted")
		require.Equal(t, before.Results, chosen.Results)

		s.pin("", "cart", "pay", "nothing")
		require.Empty(t, s.pinned())
		require.Equal(t, before, s.past(pipeline.Policy{}))
	})
}

func TestWhatIsPinnedIsKept(t *testing.T) {
	onBoth(t, func(t *testing.T, store *Store) {
		s := inSeries(t, store)
		s.finds()
		s.triage("R1", pipeline.Fixed, anna)
		s.end(s.begin())
		s.pin("R1", "cart")
		s.pin("R2", "cart", "pay")
		require.Equal(t, keepRuns, s.keptFor("run:R1"), "another one took its place")
		require.Equal(t, keepResults, s.keptFor("result:R1/cart"))
		s.pin("R1", "cart")
		for _, key := range []string{"run:R1", "run:R2", "result:R1/cart", "record:R1/cart"} {
			require.Equal(t, forGood, s.keptFor(key), key)
		}
		s.triage("R2", pipeline.Invalidated, anna)
		require.Equal(t, forGood, s.keptFor("record:R2/pay"), "it is out of the past, but still pinned")
		require.Equal(t, keepResults, s.keptFor("record:R2/cart"))
		require.Equal(t, forGood, s.keptFor("run:R2"))

		s.pin("", "cart", "pay")
		for key, ttl := range map[string]any{"run:R1": keepRuns, "run:R2": keepRuns, "result:R1/cart": keepResults, "record:R2/pay": keepResults} {
			require.Equal(t, ttl, s.keptFor(key), key)
		}
	})
}

func TestPinnedRunMayHaveARegressionThatEnds(t *testing.T) {
	onBoth(t, func(t *testing.T, store *Store) {
		s := inSeries(t, store)
		s.finds()
		s.pin("R1", "cart")
		s.triage("R1", pipeline.Fixed, anna)
		require.Equal(t, forGood, s.keptFor("run:R1"))
		s.reopen("R1")
		s.pin("", "cart")
		require.Equal(t, forGood, s.keptFor("run:R1"), "its regression stands")
	})
}

func TestPinOfWhatIsNotThere(t *testing.T) {
	onBoth(t, func(t *testing.T, store *Store) {
		s := inSeries(t, store)
		s.end(s.begin())
		for _, err := range []error{
			s.Pin(t.Context(), "load", []string{"cart"}, "R9", anna),
			s.Pin(t.Context(), "load", []string{"cart", "search"}, "R1", anna),
			s.Pin(t.Context(), "elsewhere", []string{"cart"}, "R1", anna),
		} {
			require.ErrorIs(t, err, bot.ErrNotFound)
		}
		require.Empty(t, s.pinned())
		require.Equal(t, pipeline.Past{Results: s.past(pipeline.Policy{}).Results, Pin: "R9"}, s.past(pipeline.Policy{Pinned: "R9"}))
	})
}

func TestMalformedPast(t *testing.T) {
	onBoth(t, func(t *testing.T, store *Store) {
		s := inSeries(t, store)
		s.end(s.begin())
		read := func() error { _, err := s.Past(t.Context(), "load", pipeline.Scenario{Name: "cart"}); return err }
		require.NoError(t, s.redis().HSet(t.Context(), "bw:levels:load/cart", "R1", "{").Err())
		require.ErrorContains(t, read(), "redis key bw:levels:load/cart, field R1: ")
		require.NoError(t, s.redis().HSet(t.Context(), "bw:pins:load", "cart", "{").Err())
		require.ErrorContains(t, read(), "redis key bw:pins:load, field cart: ")
		_, err := s.Pinned(t.Context(), "load")
		require.ErrorContains(t, err, "redis key bw:pins:load, field cart: ")
		require.NoError(t, s.redis().Set(t.Context(), "bw:result:R1/cart", "{", 0).Err())
		require.ErrorContains(t, read(), "redis key bw:result:R1/cart: ")
	})
}
