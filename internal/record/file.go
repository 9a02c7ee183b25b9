// Package record is the file in which one result leaves Bellwether: whoever doubts a verdict downloads it, and those of its
// baseline, from the page of a run, and has `bellwether compare` judge them again. It also reads the result files of k6, Vegeta and
// JMeter, whatever their size, into the same record, so that they are judged by the same rules.
package record

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"time"

	"bellwether/pipeline"
)

// format is the version of the files that this package writes, and the newest one it reads.
const format = 1

// File is one result and what else its judgement depends on. It is written as gzipped JSON.
type File struct {
	Format      int               `json:"bellwether"` // the version of the file's format; first, for files are known by it
	Run         string            `json:"run"`
	Scenario    string            `json:"scenario"`
	Environment string            `json:"environment"`
	Hash        string            `json:"hash"` // results with another one sent other requests or another load
	Start       time.Time         `json:"start"`
	Thing       string            `json:"thing"`    // what the run tested: "service:checkout"; empty for a full run
	Versions    map[string]string `json:"versions"` // of everything in the environment
	Gates       []Gate            `json:"gates"`
	Together    []string          `json:"together"` // all scenarios that the run judged together, this one among them
	Baseline    []string          `json:"baseline"` // runs it was judged against, newest first
	Past        []Earlier         `json:"past"`     // the results that the noise between runs was learned from, newest first
	Record      pipeline.Record   `json:"record"`   // what was measured, second by second

	Tool  string           `json:"-"` // whose file it is: "k6"; empty for our own
	Notes []string         `json:"-"` // what people should know of how it was read, in sentences
	sum   *pipeline.Result // the record in numbers, when the record itself was forgotten
}

// Gate is an absolute limit: milliseconds for latencies, a fraction for errors.
type Gate struct {
	Metric pipeline.Metric `json:"metric"`
	Limit  float64         `json:"limit"`
}

// Earlier is what an earlier result measured, in numbers: of the whole scenario ("") and of each target.
type Earlier struct {
	Run      string                                 `json:"run"`
	Hash     string                                 `json:"hash"`
	Versions map[string]string                      `json:"versions"`
	Groups   map[string]map[pipeline.Metric]float64 `json:"groups"`
}

// Write writes the file.
func (f File) Write(w io.Writer) error {
	f.Format = format
	zipped := gzip.NewWriter(w)
	if err := json.NewEncoder(zipped).Encode(f); err != nil {
		return err
	}
	return zipped.Close()
}

// Of is the file of an outcome of a run. Gates are those of the catalog, past the results that are kept of its scenario. It is
// false when the run does not have the result.
func Of(run pipeline.Run, o pipeline.Outcome, gates []pipeline.Gate, past []pipeline.Result, measured pipeline.Record) (File, bool) {
	for _, r := range run.Results {
		if r.ID != o.Result {
			continue
		}
		return File{
			Run: run.ID, Scenario: r.Scenario, Environment: r.Environment, Hash: r.Hash, Start: r.Start, Thing: thing(run.Change()),
			Versions: r.Versions, Gates: judgedBy(o, gates), Together: scenarios(run.Outcomes), Baseline: append([]string{}, o.Baseline...),
			Past: before(r, past), Record: measured,
		}, true
	}
	return File{}, false
}

// thing is a change's as a result's versions name it.
func thing(c pipeline.Change) string {
	if c.Name == "" {
		return ""
	}
	return string(c.Kind) + ":" + c.Name
}

func scenarios(outcomes []pipeline.Outcome) []string {
	names := []string{}
	for _, o := range outcomes {
		names = append(names, o.Scenario)
	}
	return names
}

// judgedBy are the gates that an outcome was judged by: its findings know them, also when the catalog has others by now. Of
// what was not measured, and of limits of 0, only the catalog knows.
func judgedBy(o pipeline.Outcome, current []pipeline.Gate) []Gate {
	gates, measured := []Gate{}, map[pipeline.Metric]bool{}
	for _, f := range o.Findings {
		if f.Group != o.Scenario {
			continue
		}
		measured[f.Metric] = true
		if f.Gate > 0 {
			gates = append(gates, Gate{f.Metric, f.Gate})
		}
	}
	for _, g := range current {
		if g.Limit == 0 || !measured[g.Metric] {
			gates = append(gates, Gate(g))
		}
	}
	return gates
}

// before are the results that were there when this one was judged: an environment runs one at a time.
func before(result pipeline.Result, past []pipeline.Result) []Earlier {
	earlier := []Earlier{}
	for _, r := range past {
		if !r.Start.Before(result.Start) {
			continue
		}
		e := Earlier{Run: r.Run, Hash: r.Hash, Versions: r.Versions, Groups: map[string]map[pipeline.Metric]float64{}}
		for name, summary := range r.Groups {
			e.Groups[name] = summary.Values
		}
		earlier = append(earlier, e)
	}
	return earlier
}
