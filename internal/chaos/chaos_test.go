//go:build chaos

package chaos

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var (
	kills = flag.Int("kills", 200, "how often a replica is killed in all")
	home  = flag.String("dir", ".chaos", "where the rounds are written; those that are there already count")
	first = flag.Uint64("seed", 1, "of the first round; each has the next one")
)

// TestChaos plays rounds until there were so many kills. Begun again in the same folder it goes on where it was.
func TestChaos(t *testing.T) {
	var err error
	*home, err = filepath.Abs(*home)
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(*home, 0o700))
	file := filepath.Join(*home, "rounds.jsonl")
	rounds, err := Rounds(file)
	require.NoError(t, err)
	ctx, stop := signal.NotifyContext(t.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	for Kills(rounds) < *kills {
		plan := planned(len(rounds) + 1)
		require.NoError(t, os.RemoveAll(plan.Dir)) // a round that was interrupted is played again
		require.NoError(t, os.MkdirAll(plan.Dir, 0o700))
		var round Round
		require.True(t, t.Run(fmt.Sprint("round ", plan.Number), func(t *testing.T) { round = Play(ctx, t, plan) }))
		require.NoError(t, ctx.Err(), "begin again to go on with round %d", plan.Number)
		require.NoError(t, round.Append(file))
		if len(round.Wrong) == 0 {
			require.NoError(t, os.RemoveAll(plan.Dir))
		}
		rounds = append(rounds, round)
		require.NoError(t, os.WriteFile(filepath.Join(*home, "table.md"), []byte(Table(rounds)), 0o600))
		fmt.Println(Table(rounds))
	}
	for _, r := range rounds {
		require.Empty(t, r.Wrong, "in round %d, whose folder in %s was kept", r.Number, *home)
	}
}

// planned is a round with everything in it, in an order of its own.
func planned(number int) Plan {
	p := Plan{Number: number, Seed: *first + uint64(number) - 1, Between: 4 * time.Second}
	p.Dir = filepath.Join(*home, fmt.Sprint("round-", number))
	p.Disturbances = append(slices.Repeat([]Kind{Kill}, 10), KillBoth, Crash, Away, Stop, Freeze, Jump, Jump)
	shuffle := rand.New(rand.NewPCG(p.Seed, 3))
	shuffle.Shuffle(len(p.Disturbances), func(i, j int) {
		p.Disturbances[i], p.Disturbances[j] = p.Disturbances[j], p.Disturbances[i]
	})
	return p
}
