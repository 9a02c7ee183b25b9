package store

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestACooldownIsClaimedOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		var claims atomic.Int32
		var all sync.WaitGroup
		for _, by := range []string{"a", "b", "c", "d"} {
			all.Go(func() {
				if ok, _, err := s.Claim(t.Context(), "load/full", by, time.Hour); err == nil && ok {
					claims.Add(1)
				}
			})
		}
		all.Wait()
		require.Equal(t, int32(1), claims.Load())

		ok, _, err := s.Claim(t.Context(), "soak/full", "a", time.Hour)
		require.NoError(t, err)
		require.True(t, ok, "another environment has its own")
	})
}

func TestACooldownIsOver(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		claim := func(by string, d time.Duration) (bool, time.Time) {
			ok, again, err := s.Claim(t.Context(), "load/full", by, d)
			require.NoError(t, err)
			return ok, again
		}
		ok, again := claim("a", 100*time.Millisecond)
		require.True(t, ok)
		require.WithinDuration(t, time.Now(), again, 5*time.Second)
		ok, same := claim("a", time.Hour)
		require.True(t, ok, "whose answer was lost, and which was sent again")
		require.Equal(t, again, same)
		require.Eventually(t, func() bool { ok, _ := claim("b", time.Hour); return ok }, 10*time.Second, 5*time.Millisecond)
		require.False(t, time.Now().Before(again))
	})
}

func TestACooldownIsGivenBackByWhoeverHasIt(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		claim := func(by string) bool {
			ok, again, err := s.Claim(t.Context(), "load/full", by, time.Hour)
			require.NoError(t, err)
			require.WithinDuration(t, time.Now().Add(time.Hour), again, 10*time.Second)
			return ok
		}
		require.True(t, claim("a"))
		require.NoError(t, s.Return(t.Context(), "load/full", "b"))
		require.False(t, claim("b"))
		require.NoError(t, s.Return(t.Context(), "load/full", "a"))
		require.True(t, claim("b"))
	})
}
