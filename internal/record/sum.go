package record

import (
	"fmt"

	"bellwether/pipeline"
)

// enough is how many baselines of a scenario are judged by their numbers alone.
const enough = 3

// Gather adds a baseline to those that were read before. When there are enough of its scenario, what they measured second by
// second is forgotten: two of the largest files fit into memory, ten do not.
func Gather(baselines []File, f File) []File {
	baselines = append(baselines, f)
	if len(of(baselines, f.Scenario)) < enough {
		return baselines
	}
	for i := range baselines {
		if b := &baselines[i]; b.Scenario == f.Scenario && b.sum == nil {
			sum := b.result()
			b.sum, b.Record = &sum, pipeline.Record{}
		}
	}
	return baselines
}

// records are what a candidate and each of its baselines measured, as long as none was forgotten.
func records(c File, baselines []File) []pipeline.Record {
	if len(baselines) == 0 || len(baselines) >= enough {
		return nil
	}
	all := []pipeline.Record{c.Record}
	for _, b := range baselines {
		all = append(all, b.Record)
	}
	return all
}

// result sums the record up anew: nothing is believed but what was measured.
func (f File) result() pipeline.Result {
	if f.sum != nil {
		return *f.sum
	}
	return pipeline.Result{
		ID: f.id(), Run: f.Run, Scenario: f.Scenario, Environment: f.Environment, Hash: f.Hash, Start: f.Start,
		Seconds: (f.Record.Seconds() - f.Record.Warmup) * max(1, f.Record.Step), Warmup: f.Record.Warmup, Versions: f.Versions,
		Groups: pipeline.Summarise(f.Record), Invalid: f.unwell(),
	}
}

// most is how much of the load a tool may say it did not send.
const most = 0.01

// unwell says why the record is no good; empty when it is good. Other tools rarely say what they wanted to send.
func (f File) unwell() string {
	var offered, sent int64
	for _, tick := range f.Record.Generator {
		offered, sent = offered+tick.Offered, sent+tick.Sent
	}
	if f.Tool != "" && float64(offered-sent) > most*float64(offered) {
		return fmt.Sprintf("iterations were dropped: %s sent only %d of about %d requests", f.Tool, sent, offered)
	}
	return pipeline.Unwell(f.Record)
}
