package app

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"bellwether/internal/record"
	"bellwether/pipeline"
)

func (c *compareCommand) compare(p Process) (comparison, error) {
	var baselines, candidates []record.File
	for _, path := range c.Baseline {
		file, err := open(p, path)
		if err != nil {
			return comparison{}, err
		}
		baselines = record.Gather(baselines, file)
	}
	for _, path := range slices.Concat(c.Candidate, c.Files) {
		file, err := open(p, path)
		if err != nil {
			return comparison{}, err
		}
		for _, g := range c.Gate {
			file.Gates = append(slices.DeleteFunc(file.Gates, func(old record.Gate) bool { return old.Metric == g.Metric }), record.Gate(g))
		}
		candidates = append(candidates, file)
	}
	outcomes, err := record.Judge(baselines, candidates)
	return comparison{baselines, candidates, outcomes}, err
}

// open reads a file. On a terminal it says how far it is, when that takes long.
func open(p Process, path string) (record.File, error) {
	if !terminal(p.Err) {
		return record.Open(path)
	}
	said := &progress{out: p.Err, path: path, now: p.Now, next: p.Now().Add(silence)}
	defer said.clear()
	return record.Open(path, said.read)
}

func terminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

const (
	silence = 2 * time.Second        // nobody wonders before
	pace    = 500 * time.Millisecond // of what is said then
)

// progress says how much of a file was read, in one line that is overwritten.
type progress struct {
	out  io.Writer
	path string
	now  func() time.Time
	next time.Time // when it speaks again
	long bool      // it has spoken
}

func (s *progress) read(bytes int64) {
	if now := s.now(); !now.Before(s.next) {
		s.next, s.long = now.Add(pace), true
		fmt.Fprintf(s.out, "\r%s: %d MiB read", s.path, bytes>>20)
	}
}

// clear takes the line away.
func (s *progress) clear() {
	if s.long {
		fmt.Fprint(s.out, "\r\x1b[K")
	}
}

// gate is an absolute limit, written as in the catalog: "p95=250ms", "errors=1%".
type gate record.Gate

// UnmarshalText reads a gate.
func (g *gate) UnmarshalText(text []byte) error {
	name, limit, _ := strings.Cut(string(text), "=")
	switch g.Metric = pipeline.Metric(name); g.Metric {
	case pipeline.P50, pipeline.P95, pipeline.P99:
		d, err := time.ParseDuration(limit)
		if err != nil || d <= 0 {
			return fmt.Errorf("%s: the limit of a latency is a duration, such as %s=250ms", text, name)
		}
		g.Limit = float64(d) / float64(time.Millisecond)
	case pipeline.Errors:
		percent, isPercent := strings.CutSuffix(limit, "%")
		share, err := strconv.ParseFloat(percent, 64)
		if err != nil || !isPercent || !(share >= 0 && share <= 100) {
			return fmt.Errorf("%s: the limit of errors is a percentage, such as errors=1%%", text)
		}
		g.Limit = share / 100
	default:
		return errors.New("a gate is one of p50, p95, p99 and errors with its limit, such as p95=250ms")
	}
	return nil
}
