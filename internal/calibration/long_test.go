//go:build long

package calibration

import (
	"flag"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	releases = flag.Int("releases", 0, "how many releases to simulate in each cell; 0 is a few, in a few cells")
	table    = flag.String("table", "", "a file for the tables, in Markdown")
)

// What the verdicts promise, as fractions.
const (
	metricsSuspected, releasesSuspected = 0.025, 0.05
	metricsConfirmed, releasesConfirmed = 0.01, 0.02
	powerAtMDE, powerMargin             = 0.80, 0.05
	powerAtTwice                        = 0.95
)

func TestLongCalibration(t *testing.T) {
	one, twenty := Cells(1), Cells(20)
	// One scenario is cheap: twice as many releases, for closer numbers.
	shares := append(Calibrate(one, 2**releases), Calibrate(twenty, *releases)...)
	cells := slices.Concat(one, twenty)
	if *releases == 0 {
		cells = []Cell{{0.05, 5, 0.5, 1, false}, {0.05, 10, 0.5, 1, true}, {0.08, 10, 0.9, 20, true}}
		shares = append(Calibrate(cells[:2], perChain+50), Calibrate(cells[2:], 30)...)
	}
	contest := contestCells()
	errors := Compare(contest, max(40, *releases))
	text := tables(cells, shares, contest, errors)
	t.Log("\n" + text)
	if *table != "" {
		require.NoError(t, os.WriteFile(*table, []byte(text), 0o644))
	}
	for i, tally := range shares {
		keeps(t, cells[i], tally)
	}
}

// contestCells are those in which other rules are tried.
func contestCells() []Cell {
	var cells []Cell
	for _, autocorrelation := range []float64{0.5, 0.9} {
		for _, noise := range []float64{0.02, 0.05, 0.08} {
			cells = append(cells, Cell{Noise: noise, Baseline: 10, Autocorrelation: autocorrelation})
		}
	}
	return cells
}

func tables(cells []Cell, shares []Tally, contest []Cell, errors [][]Errors) string {
	var b strings.Builder
	fmt.Fprintf(&b, "`go test -tags long -run TestLongCalibration ./internal/calibration -releases %d -timeout 60m`\n\n", *releases)
	b.WriteString(CalibrationTable(cells, shares) + "\n" + ContestTable(contest, errors))
	return b.String()
}

// keeps holds a cell to the promises.
func keeps(t *testing.T, c Cell, tally Tally) {
	t.Helper()
	atMost(t, c, "metrics suspected", metricsSuspected, tally.Metrics.Suspected, 3*shared)
	atMost(t, c, "releases suspected", releasesSuspected, tally.Releases.Suspected, shared)
	atMost(t, c, "metrics confirmed", metricsConfirmed, tally.Metrics.Confirmed, 3*shared)
	atMost(t, c, "releases confirmed", releasesConfirmed, tally.Releases.Confirmed, shared)
	at, twice := tally.AtMDE.Suspected, tally.AtTwice.Confirmed
	require.InDelta(t, powerAtMDE, at.fraction(), powerMargin+slack(powerAtMDE, at, 1), "%+v: found at the MDE", c)
	require.GreaterOrEqual(t, twice.fraction(), powerAtTwice-slack(powerAtTwice, twice, 1), "%+v: confirmed at twice the MDE", c)
}

// shared is how many releases tell as much as one that stands alone: those that follow each other share most of their baseline.
// The three latencies of a run share most of their noise as well.
const shared = 1.5

func atMost(t *testing.T, c Cell, what string, goal float64, s Share, alike float64) {
	t.Helper()
	require.LessOrEqual(t, s.fraction(), goal+slack(goal, s, alike), "%+v: %s", c, what)
}

// slack is three standard errors of a share that is as large as promised, when so many tell as much as one.
func slack(goal float64, s Share, alike float64) float64 {
	return 3 * math.Sqrt(alike*goal*(1-goal)/float64(max(1, s.Of)))
}
