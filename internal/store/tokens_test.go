package store

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTokensAreSwappedByWhoeverKnowsThem(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		tokens := func(key string) []byte {
			sealed, err := s.Tokens(t.Context(), key)
			require.NoError(t, err)
			return sealed
		}
		swap := func(was, now string) bool {
			swapped, err := s.SwapTokens(t.Context(), "a1", []byte(was), []byte(now))
			require.NoError(t, err)
			return swapped
		}
		require.Nil(t, tokens("a1"))
		require.False(t, swap("\x00one", "two"), "there is nothing to know yet")
		swapped, err := s.SwapTokens(t.Context(), "a1", nil, []byte("\x00one"))
		require.NoError(t, err)
		require.True(t, swapped)
		require.Equal(t, []byte("\x00one"), tokens("a1"))
		require.False(t, swap("", "two"), "another one was first")
		require.True(t, swap("\x00one", "two"))
		require.False(t, swap("\x00one", "three"))
		require.True(t, swap("\x00one", "two"), "sent again, because the answer was lost")
		require.Equal(t, []byte("two"), tokens("a1"))
		require.Nil(t, tokens("a2"))
	})
}
