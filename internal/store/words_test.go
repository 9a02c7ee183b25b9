package store

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/stretchr/testify/require"

	"bellwether/pipeline"
)

// Whatever people say and runs find, in whatever order: what is indexed is what the runs have, a run is kept as long as it is
// needed, and once everything was taken back the past is what the runs had counted.
func TestWordsAndFindingsInAnyOrder(t *testing.T) {
	for seed := range uint64(30) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			s, random := inSeries(t, open(t, miniredis.RunT(t).Addr())), rand.New(rand.NewPCG(seed, 5))
			runs := []string{s.end(s.begin()).ID, s.finds().ID, s.end(s.begin()).ID}
			s.begin()
			calm := s.past(pipeline.Policy{})
			for range 15 {
				s.step(random, runs)
				s.requireSound(runs)
			}
			for _, id := range runs {
				s.reopen(id)
			}
			s.pin("", "cart", "pay")
			s.requireSound(runs)
			require.Equal(t, calm, s.past(pipeline.Policy{}))
		})
	}
}

func one[T any](random *rand.Rand, of ...T) T { return of[random.IntN(len(of))] }

// step has somebody say something, or a run find something.
func (s *series) step(random *rand.Rand, runs []string) {
	id := one(random, runs...)
	g := worse(id, one(random, pipeline.P50, pipeline.P95))
	g.Level = random.Float64()
	switch random.IntN(5) {
	case 0:
		s.triage(id, one(random, pipeline.Triage()...), about(anna, one(random, "", "cart", "pay")))
	case 1:
		s.reopen(id)
	case 2:
		s.pin(one(random, "", id), one(random, "cart", "pay"))
	case 3:
		g = endedBy(g, pipeline.Recovered, "R4")
		fallthrough
	case 4:
		require.NoError(s.t, s.Follow(s.t.Context(), s.held, []pipeline.Regression{g}))
	}
}

func (s *series) requireSound(runs []string) {
	s.t.Helper()
	pinned := map[string]bool{}
	for _, p := range s.pinned() {
		pinned[p.Run] = true
	}
	var stands []string
	for _, id := range runs {
		run := load(s.t, s.Store, id)
		for _, g := range run.Standing() {
			stands = append(stands, g.ID)
		}
		needed := pinned[id] || len(run.Standing()) > 0
		require.Equal(s.t, needed, s.keptFor("run:"+id) == forGood, id)
	}
	require.Equal(s.t, stands, s.standing())
}
