//go:build long

package chaos

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestLongChaos is the short form of what "make chaos" does for hours.
func TestLongChaos(t *testing.T) {
	round := Play(t.Context(), t, Plan{
		Number: 1, Seed: 1, Dir: t.TempDir(), Between: 2 * time.Second,
		Disturbances: []Kind{Kill, Kill, Crash, Kill, Kill, Stop, Kill, Freeze, Kill, Kill, Kill},
	})
	t.Log("\n" + Table([]Round{round}))
	require.Empty(t, round.Wrong)
}
