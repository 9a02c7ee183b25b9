package chaos

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"
)

// Fault is a way in which Bellwether broke a promise.
type Fault string

// The faults.
const (
	Lost     Fault = "lost"
	Twice    Fault = "said twice"
	Together Fault = "two at once"
	Stuck    Fault = "stuck"
	Slow     Fault = "taken over late"
	Version  Fault = "wrong version left"
	Broken   Fault = "broken otherwise"
)

// faults in the order of the table.
var faults = []Fault{Lost, Twice, Together, Stuck, Slow, Version, Broken}

// kinds in the order of the table.
var kinds = []Kind{Kill, KillBoth, Crash, Away, Stop, Freeze, Jump}

// Wrong is one promise broken.
type Wrong struct {
	Fault Fault     `json:"fault"`
	At    time.Time `json:"at"`
	What  string    `json:"what"`
}

// Round is what came of a round.
type Round struct {
	Number     int                `json:"number"`
	Seed       uint64             `json:"seed"`
	Began      time.Time          `json:"began"`
	Took       time.Duration      `json:"took"`
	Disturbed  map[Kind]int       `json:"disturbed"`
	Takeovers  map[Kind][]float64 `json:"takeovers"` // seconds
	Changes    int                `json:"changes"`
	Events     int                `json:"events"` // with those that came twice
	Runs       int                `json:"runs"`
	Superseded int                `json:"superseded"`
	Messages   int                `json:"messages"`
	Faults     map[string]int     `json:"faults"` // requests that Slack failed, by how
	Wrong      []Wrong            `json:"wrong"`
}

// Rounds reads the rounds of a file; none if there is no such file.
func Rounds(path string) (rounds []Round, err error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	for decoder := json.NewDecoder(bufio.NewReader(file)); ; {
		var r Round
		if err := decoder.Decode(&r); errors.Is(err, io.EOF) {
			return rounds, nil
		} else if err != nil {
			return nil, fmt.Errorf("read %s: %w", path, err)
		}
		rounds = append(rounds, r)
	}
}

// Append writes the round to the end of a file.
func (r Round) Append(path string) error {
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(append(line, '\n'))
	return errors.Join(err, file.Close())
}

// Kills counts the replicas that were killed.
func Kills(rounds []Round) (n int) {
	for _, r := range rounds {
		n += r.Disturbed[Kill] + 2*r.Disturbed[KillBoth]
	}
	return n
}

// Table is the rounds in Markdown.
func Table(rounds []Round) string {
	var b strings.Builder
	fmt.Fprintf(&b, "| disturbance | times | lanes taken over | median | longest |\n|---|---:|---:|---:|---:|\n")
	for _, kind := range kinds {
		times, took := 0, []float64(nil)
		for _, r := range rounds {
			times += r.Disturbed[kind]
			took = append(took, r.Takeovers[kind]...)
		}
		if times > 0 {
			fmt.Fprintf(&b, "| %s | %d | %s |\n", kind, times, spread(took))
		}
	}
	took := sum(rounds, func(r Round) time.Duration { return r.Took })
	fmt.Fprintf(&b, "\n| what | in %d rounds, %.0f minutes |\n|---|---:|\n", len(rounds), took.Minutes())
	for _, row := range []struct {
		name string
		of   func(Round) int
	}{
		{"changes", func(r Round) int { return r.Changes }},
		{"events, repeats among them", func(r Round) int { return r.Events }},
		{"runs", func(r Round) int { return r.Runs }},
		{"of these superseded", func(r Round) int { return r.Superseded }},
		{"messages on Slack", func(r Round) int { return r.Messages }},
		{"requests that Slack failed", Round.failed},
	} {
		fmt.Fprintf(&b, "| %s | %d |\n", row.name, sum(rounds, row.of))
	}
	for _, fault := range faults {
		fmt.Fprintf(&b, "| **%s** | **%d** |\n", fault, sum(rounds, func(r Round) int { return r.count(fault) }))
	}
	return b.String()
}

func spread(took []float64) string {
	if len(took) == 0 {
		return "0 | |"
	}
	slices.Sort(took)
	return fmt.Sprintf("%d | %.1f s | %.1f s", len(took), took[len(took)/2], took[len(took)-1])
}

func sum[T int | time.Duration](rounds []Round, of func(Round) T) (total T) {
	for _, r := range rounds {
		total += of(r)
	}
	return total
}

func (r Round) failed() (n int) {
	for _, times := range r.Faults {
		n += times
	}
	return n
}

func (r Round) count(fault Fault) (n int) {
	for _, wrong := range r.Wrong {
		if wrong.Fault == fault {
			n++
		}
	}
	return n
}
