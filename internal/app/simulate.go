package app

import (
	"compress/gzip"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"bellwether/internal/simulate"
)

// Help is what --help says besides the flags.
func (c *simulateCommand) Help() string {
	return `Writes what a load test of a made-up service would have measured. The same flags write the same bytes. One run goes to a file, or to the standard output; several go to a folder, as run-01 and so on, a day apart.

Ten runs of one release, and one that is 40 % slower, which is found (exit code 1):

    bellwether simulate --format k6-csv --runs 11 --shift 40% --shift-from 11 --out runs
    bellwether compare $(printf -- '--baseline %s ' runs/run-0?.csv runs/run-10.csv) runs/run-11.csv

With --shift 0% it passes (0), but for the few false alarms that docs/calibration.md counts. It ends with 0, or with 2 if nothing could be written.`
}

type simulateCommand struct {
	Format          simulate.Format `enum:"k6-csv,k6-json,vegeta-json,vegeta-csv,vegeta-gob,jmeter,record" default:"record" help:"What to write: k6-csv, k6-json, vegeta-json, vegeta-csv, vegeta-gob, jmeter or record (Bellwether's own)."`
	Out             string          `default:"-" placeholder:"FILE" help:"The file; - is the standard output; with several runs a folder. What ends in .gz is gzipped, and a record always."`
	Force           bool            `help:"Overwrite files."`
	Runs            int             `default:"1" help:"How many runs."`
	Seed            uint64          `default:"1" help:"Another seed, other runs with the same properties."`
	Rate            perSecond       `default:"50/s" help:"Requests a second, evenly spaced."`
	Duration        time.Duration   `default:"120s" help:"Of each run."`
	Latency         time.Duration   `default:"200ms" help:"The median."`
	Tail            share           `default:"40%" help:"Standard deviation of ln(latency) within a run: at 40 % the p95 is 1.9 medians."`
	Noise           share           `default:"5%" help:"Standard deviation of ln(level) from run to run."`
	Autocorrelation float64         `default:"0.5" help:"Of ln(latency) from one request to the next, from 0 to below 1."`
	Shift           share           `default:"0%" help:"How much slower the runs are."`
	ShiftFrom       int             `default:"1" placeholder:"N" help:"The first run that is slower."`
	Errors          share           `default:"0.1%" help:"Requests that are answered with 500."`
	Target          []string        `sep:"none" default:"checkout" help:"A target; repeats, and they take turns."`
}

// Validate refuses what cannot be simulated before any file is made.
func (c *simulateCommand) Validate() error {
	switch {
	case c.Runs < 1:
		return errors.New("--runs: one at least")
	case c.Runs > 1 && c.Out == "-":
		return errors.New("several runs need a folder: --out runs")
	case c.ShiftFrom < 1:
		return errors.New("--shift-from: the first run is 1")
	}
	return c.spec(c.ShiftFrom).Validate()
}

func (c *simulateCommand) Run(p Process) error {
	if err := c.write(p); err != nil {
		return unanswered{err}
	}
	return nil
}

func (c *simulateCommand) write(p Process) error {
	if c.Out == "-" {
		return c.spec(1).Write(p.Out, c.Format, 1)
	}
	if c.Runs == 1 {
		return c.file(c.Out, 1)
	}
	if err := os.MkdirAll(c.Out, 0o755); err != nil {
		return err
	}
	for n := range c.Runs {
		if err := c.file(filepath.Join(c.Out, c.name(n+1)), n+1); err != nil {
			return err
		}
	}
	return nil
}

// name of a run's file, with as many digits as make names sort by run.
func (c *simulateCommand) name(n int) string {
	digits := max(2, len(strconv.Itoa(c.Runs)))
	return fmt.Sprintf("run-%0*d%s", digits, n, c.Format.Extension())
}

// file writes run n to a file, whole or not at all.
func (c *simulateCommand) file(path string, n int) error {
	mode := os.O_CREATE | os.O_WRONLY | os.O_TRUNC
	if !c.Force {
		mode |= os.O_EXCL
	}
	file, err := os.OpenFile(path, mode, 0o644)
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("%s is there already; --force overwrites it", path)
	}
	if err != nil {
		return err // names the file
	}
	err = errors.Join(c.pack(file, n), file.Close())
	if err != nil {
		return fmt.Errorf("write %s: %w", path, errors.Join(err, os.Remove(path)))
	}
	return nil
}

// pack writes run n, gzipped when the file's name says so. A record always is.
func (c *simulateCommand) pack(file *os.File, n int) error {
	if c.Format == simulate.Record || !strings.HasSuffix(file.Name(), ".gz") {
		return c.spec(n).Write(file, c.Format, n)
	}
	zipped := gzip.NewWriter(file)
	return errors.Join(c.spec(n).Write(zipped, c.Format, n), zipped.Close())
}

// simulatedStart is when the first run is said to have begun; a fixed day, so that the same flags write the same bytes.
var simulatedStart = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// spec is what run n is like.
func (c *simulateCommand) spec(n int) simulate.Spec {
	s := simulate.Spec{
		Seed: c.Seed, Start: simulatedStart, Rate: float64(c.Rate), Duration: c.Duration, Median: c.Latency, Tail: float64(c.Tail),
		Noise: float64(c.Noise), Autocorrelation: c.Autocorrelation, Errors: float64(c.Errors), Targets: c.Target,
	}
	if n >= c.ShiftFrom {
		s.Shift = float64(c.Shift)
	}
	return s
}

// share is a fraction as people write it: 5 %, 5% or 0.05.
type share float64

func (s *share) UnmarshalText(text []byte) error {
	number, percent := strings.CutSuffix(string(text), "%")
	value, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if err != nil {
		return fmt.Errorf("%q is no share: write 5%% or 0.05", text)
	}
	if percent {
		value /= 100
	}
	*s = share(value)
	return nil
}

// perSecond is a rate as people write it: 50/s or 50.
type perSecond float64

func (r *perSecond) UnmarshalText(text []byte) error {
	value, err := strconv.ParseFloat(strings.TrimSuffix(string(text), "/s"), 64)
	if err != nil {
		return fmt.Errorf("%q is no rate: write 50/s", text)
	}
	*r = perSecond(value)
	return nil
}
