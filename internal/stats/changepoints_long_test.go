//go:build long

package stats_test

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/internal/stats"
)

var changepointsTable = flag.String("changepoints-table", "", "the file that TestLongChangePoints writes its tables to; it then simulates more")

// disturbances have a standard deviation of 1.
var disturbances = []struct {
	name string
	draw func(random *rand.Rand, n int) []float64
}{
	{"normal", func(random *rand.Rand, n int) []float64 { return filled(n, random.NormFloat64) }},
	{"lognormal", func(random *rand.Rand, n int) []float64 {
		const sigma = 0.5
		spread := math.Sqrt(math.Expm1(sigma*sigma)) * math.Exp(sigma*sigma/2)
		return filled(n, func() float64 { return math.Exp(sigma*random.NormFloat64()) / spread })
	}},
	{"Student t, 4 degrees", func(random *rand.Rand, n int) []float64 {
		return filled(n, func() float64 { // the sum of two exponentials is half a chi square of 4 degrees
			return random.NormFloat64() / math.Sqrt(random.ExpFloat64()+random.ExpFloat64())
		})
	}},
	{"autocorrelated 0.5", func(random *rand.Rand, n int) []float64 {
		x := random.NormFloat64()
		return filled(n, func() float64 {
			x = 0.5*x + math.Sqrt(0.75)*random.NormFloat64()
			return x
		})
	}},
}

func filled(n int, draw func() float64) []float64 {
	values := make([]float64, n)
	for i := range values {
		values[i] = draw()
	}
	return values
}

// hits counts what was found: a change within margin of a planted one, each planted one once.
type hits struct{ found, planted, reported int }

const margin = 5

func (h *hits) add(planted, reported []int) {
	h.planted, h.reported = h.planted+len(planted), h.reported+len(reported)
	free := slices.Clone(planted)
	for _, at := range reported {
		i := slices.IndexFunc(free, func(p int) bool { return max(p-at, at-p) <= margin })
		if i >= 0 {
			free = slices.Delete(free, i, i+1)
			h.found++
		}
	}
}

func (h hits) precision() float64 { return float64(h.found) / float64(max(1, h.reported)) }
func (h hits) recall() float64    { return float64(h.found) / float64(max(1, h.planted)) }
func (h hits) f1() float64        { return 2 * float64(h.found) / float64(max(1, h.planted+h.reported)) }

// places draws where changes are: anywhere, with a tenth of the series between any two and at the ends.
func places(random *rand.Rand, n, changes int) []int {
	slack := n - n/10*(changes+1)
	at := make([]int, changes)
	for i := range at {
		at[i] = random.IntN(slack + 1)
	}
	slices.Sort(at)
	for i := range at {
		at[i] += n / 10 * (i + 1)
	}
	return at
}

// plant moves the level by height, up or down, at each place.
func plant(random *rand.Rand, values []float64, at []int, height float64) {
	for _, from := range at {
		step := height * float64(1-2*random.IntN(2))
		for i := from; i < len(values); i++ {
			values[i] += step
		}
	}
}

// TestLongChangePoints plants changes in noise, and none, and holds what is found against it. The tables come from
//
//	go test -tags long -run TestLongChangePoints ./internal/stats -changepoints-table FILE
func TestLongChangePoints(t *testing.T) {
	series, quiet := 5, 100
	if *changepointsTable != "" {
		series, quiet = 200, 4000
	}
	var table bytes.Buffer
	tabulatePlanted(t, &table, series)
	tabulateAlarms(t, &table, quiet)
	t.Log("\n" + table.String())
	if *changepointsTable != "" {
		require.NoError(t, os.WriteFile(*changepointsTable, table.Bytes(), 0o644))
	}
}

func tabulatePlanted(t *testing.T, table io.Writer, series int) {
	fmt.Fprintf(table, "Changes planted in %d series a row; a change is found when one is reported at most %d values away.\n\n", series, margin)
	fmt.Fprintln(table, "| noise | values | changes | shift | precision | recall | F1 |\n|---|---|---|---|---|---|---|")
	for _, noise := range []int{0, 3} {
		for row := range 24 {
			n, changes, shift := []int{100, 500}[row/12], row/3%4+1, float64(row%3+1)
			h := planted(noise, n, changes, shift, series)
			fmt.Fprintf(table, "| %s | %d | %d | %g σ | %.3f | %.3f | %.3f |\n",
				disturbances[noise].name, n, changes, shift, h.precision(), h.recall(), h.f1())
			if noise == 0 && shift >= 2 {
				require.Greater(t, h.f1(), 0.8, "%d changes of %g in %d", changes, shift, n)
			}
		}
	}
}

func tabulateAlarms(t *testing.T, table io.Writer, series int) {
	fmt.Fprintf(table, "\nOf %d series without a change, those with a change point.\n\n", series)
	fmt.Fprintln(table, "| noise | 20 values | 100 values | 500 values |\n|---|---|---|---|")
	for i, noise := range disturbances {
		fmt.Fprintf(table, "| %s |", noise.name)
		for _, n := range []int{20, 100, 500} {
			rate := alarms(i, n, series)
			fmt.Fprintf(table, " %.2f %% |", 100*rate)
			if i < 3 {
				require.Less(t, rate, 0.01+3*math.Sqrt(0.01*0.99/float64(series)), "%s, %d values", noise.name, n)
			}
		}
		fmt.Fprintln(table)
	}
}

func planted(noise, n, changes int, shift float64, series int) (h hits) {
	random := rand.New(rand.NewPCG(uint64(n*changes), uint64(10*shift)))
	for range series {
		values, at := disturbances[noise].draw(random, n), places(random, n, changes)
		plant(random, values, at, shift)
		h.add(at, indices(stats.ChangePoints(values)))
	}
	return h
}

func alarms(noise, n, series int) float64 {
	random := rand.New(rand.NewPCG(uint64(n), 11))
	found := 0
	for range series {
		if len(stats.ChangePoints(disturbances[noise].draw(random, n))) > 0 {
			found++
		}
	}
	return float64(found) / float64(series)
}

// A busy machine slows both alike.
func TestLongChangePointsOf10000AreQuick(t *testing.T) {
	values := steps(rand.New(rand.NewPCG(1, 1)), 10_000, 9)
	yardstick := quickest(func() {
		for range 1000 {
			slices.Sort(slices.Clone(values))
		}
	})
	took := quickest(func() { require.Len(t, stats.ChangePoints(values), 9) })
	t.Logf("10 000 values with nine changes: %v; sorting them a thousand times: %v", took, yardstick)
	require.Less(t, took, yardstick)
}

func quickest(do func()) time.Duration {
	best := time.Hour
	for range 3 {
		began := time.Now()
		do()
		best = min(best, time.Since(began))
	}
	return best
}
