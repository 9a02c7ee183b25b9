package simulate

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"bellwether/internal/record"
	"bellwether/internal/stats"
	"bellwether/pipeline"
)

// Name is the scenario, the environment and the service of a simulated record.
const Name = "simulated"

// recorder writes the file in which Bellwether offers a result of its own.
type recorder struct {
	out    io.Writer
	file   record.File
	places map[place]int             // of each series in the record
	cells  []*hdrhistogram.Histogram // of the second, series by series
	second int
}

// place is what a series has the answers of.
type place struct {
	target string
	failed bool
}

func (s Spec) newRecord(w io.Writer, n int) *recorder {
	start, thing := s.begin(n), "service:"+Name
	r := &recorder{out: w, places: map[place]int{}}
	r.file = record.File{
		Run: fmt.Sprintf("S%d", n), Scenario: Name, Environment: Name, Hash: s.hash(), Start: start, Thing: thing,
		Versions: map[string]string{thing: fmt.Sprintf("1.0.%d", n)}, Gates: []record.Gate{}, Together: []string{Name},
		Baseline: []string{}, Past: []record.Earlier{},
		Record: pipeline.Record{Start: start, Generator: make([]pipeline.Tick, s.seconds())},
	}
	return r
}

// hash is the same for runs that can be compared.
func (s Spec) hash() string {
	sum := sha256.Sum256(fmt.Append(nil, s.Rate, s.Duration, s.Targets))
	return hex.EncodeToString(sum[:8])
}

func (r *recorder) write(s Sample) error {
	if second := int(s.At / time.Second); second != r.second {
		r.finish()
		r.second = second
	}
	cell := r.cells[r.place(place{s.Target, s.Failed})]
	tick := &r.file.Record.Generator[r.second]
	tick.Offered++
	tick.Sent++
	// Longer than an hour counts as an hour.
	return cell.RecordValue(min(max(1, s.Latency.Microseconds()), time.Hour.Microseconds()))
}

// place is where in the record a series is, a new one at its end.
func (r *recorder) place(p place) int {
	i, known := r.places[p]
	if !known {
		i = len(r.cells)
		r.places[p] = i
		class := "2xx"
		if p.failed {
			class = "5xx"
		}
		r.file.Record.Series = append(r.file.Record.Series, pipeline.Series{Target: p.target, Class: class, Failed: p.failed})
		r.cells = append(r.cells, hdrhistogram.New(1, time.Hour.Microseconds(), 3))
	}
	return i
}

// finish adds the second's cells to their series.
func (r *recorder) finish() {
	for i, cell := range r.cells {
		if cell.TotalCount() == 0 {
			continue
		}
		series := &r.file.Record.Series[i]
		series.Cells = append(series.Cells, pipeline.Cell{
			Second: r.second, Bytes: receivedBytes * cell.TotalCount(), Latency: stats.FromHDR(cell),
		})
		cell.Reset()
	}
}

func (r *recorder) close() error {
	r.finish()
	return r.file.Write(r.out)
}
