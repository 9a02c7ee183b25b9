package store

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/bot"
	"bellwether/pipeline"
)

func upgrade(t *testing.T, s *Store) {
	t.Helper()
	require.NoError(t, s.Upgrade(t.Context()))
}

func TestUpgradeOfWhatIsOpen(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		accept(t, s, change("search", "k1"))
		accept(t, s, withoutImage(change("checkout", "k1")))
		accept(t, s, full())
		after := dump(t, s)
		for _, thing := range []string{"service:search", "service:checkout", ""} {
			s.redis().Del(t.Context(), "bw:open:load/"+thing)
		}
		for _, id := range []string{"R1", "R2", "R3"} {
			s.redis().HDel(t.Context(), "bw:run:"+id, "cause")
		}
		for range 2 { // as every replica does when it starts
			upgrade(t, s)
			after["bw:upgraded:2"] = "1"
			require.Equal(t, after, dump(t, s))
		}
		require.Equal(t, pipeline.Receipt{Outcome: pipeline.Joined, Run: "R2"}, enqueue(t, s, change("checkout", "k1")))
		held, _ := hold(t, s, "R1")
		require.Equal(t, []string{"R2"}, gather(t, s, held, "R1"))
	})
}

func TestUpgradeOfWhatIsParked(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		for _, id := range []string{"load/R1/root", "n", "sent"} {
			want(t, s, outgoing(id, 1, "title of "+id), time.Time{})
		}
		for _, id := range []string{"load/R1/root", "n"} {
			require.NoError(t, s.redis().HSet(t.Context(), "bw:letter:"+id, "parked", "archived").Err())
		}
		upgrade(t, s)
		require.Equal(t, map[string]string{"title of load/R1/root": "archived", "title of n": "archived"}, parked(t, s))

		require.NoError(t, s.redis().Del(t.Context(), "bw:parked").Err())
		upgrade(t, s)
		require.Empty(t, parked(t, s), "letters are looked through once")
		require.ErrorIs(t, s.Unpark(t.Context(), "n"), bot.ErrNotFound)
	})
}

func TestUpgradeOfNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		upgrade(t, s)
		require.Equal(t, map[string]any{"bw:upgraded:2": "1"}, dump(t, s))
	})
}

func TestUpgradeOfTheNewestRuns(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		for _, id := range []string{"k1", "k2", "k3"} { // R1 is superseded as soon as R2 comes
			accept(t, s, change("checkout", id))
		}
		accept(t, s, change("search", "k1"))
		accept(t, s, full())
		held, _ := hold(t, s, "R3")
		save(t, s, held, load(t, s, "R3"), pipeline.Done)
		require.NoError(t, s.redis().Del(t.Context(), "bw:newest:checkout", "bw:newest:search", "bw:newest:suite/load").Err())
		for name, id := range map[string]string{"checkout": "R3", "search": "R4"} {
			require.NoError(t, s.redis().Set(t.Context(), "bw:latest:"+name, id, 0).Err())
		}
		for range 2 {
			upgrade(t, s)
			require.Equal(t, []string{"R3"}, newestOf(t, s, "checkout", 9))
			require.Equal(t, []string{"R4"}, newestOf(t, s, "search", 9))
			require.Equal(t, []string{"R5"}, newestOf(t, s, pipeline.Suite("load"), 9))
		}
		require.Empty(t, s.redis().Keys(t.Context(), "bw:latest:*").Val())
	})
}

// Of many runs, each is looked at.
func TestUpgradeOfManyRuns(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		pipe := s.redis().Pipeline()
		for i := 1; i <= 2500; i++ {
			pipe.HSet(t.Context(), fmt.Sprint("bw:run:R", i), "state", "done", "thing", fmt.Sprint("service:s", i%25))
		}
		pipe.Set(t.Context(), "bw:latest:s0", "R2500", 0)
		_, err := pipe.Exec(t.Context())
		require.NoError(t, err)
		upgrade(t, s)
		for i := range 25 {
			require.EqualValues(t, newest, s.redis().ZCard(t.Context(), fmt.Sprint("bw:newest:s", i)).Val())
		}
		require.Zero(t, s.redis().Exists(t.Context(), "bw:latest:s0").Val())
	})
}
