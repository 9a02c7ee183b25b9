package catalog

import (
	"regexp"

	"bellwether/internal/strictyaml"
	"bellwether/pipeline"
)

const exampleBaseline = "previous, or for example {last: 5} or {pinned: R42}"

// fewestResults and mostResults can be asked for: fewer do not tell how much they vary, more are of another time.
const fewestResults, mostResults = 3, 60

var runID = regexp.MustCompile(`^R[1-9][0-9]{0,17}$`)

// baseline says against which earlier results a scenario is judged.
func baseline(v strictyaml.Value) (p pipeline.Policy) {
	if v.Plain() {
		text := v.TextAs(exampleBaseline)
		if text != "" && text != "previous" {
			v.Errorf("%s is no baseline; write %s, or leave it out for the last 10", v.Quote(), exampleBaseline)
		}
		return pipeline.Policy{Previous: text == "previous"}
	}
	v.Object(func(o *strictyaml.Object) {
		ways := o.One("for example {last: 5} or {pinned: R42}", "last", "pinned")
		p.Last = results(ways[0])
		p.Pinned = matching(ways[1], runID, "no run; write its id, such as R42")
	})
	return p
}

// results are so many of them, the newest.
func results(v strictyaml.Value) int {
	n := v.Int(1, mostResults)
	if n > 0 && n < fewestResults {
		v.Errorf("%s is too few: fewer than %d results do not tell how much they vary; write previous for the release before, or for example 5",
			v.Quote(), fewestResults)
	}
	return n
}
