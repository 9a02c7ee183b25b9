package pipeline

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"bellwether/internal/stats"
)

// reference is what a result is held against, worked out once for all of its metrics.
type reference struct {
	baseline []Result   // newest first
	least    int        // so many values of a metric are needed to judge it
	lacking  string     // for people: why there is no baseline, or too little of one
	others   []Result   // comparable ones of other versions, newest first
	alike    [][]Result // the past in groups within which nothing changed that counts
}

func (c Comparison) reference() reference {
	same := c.comparable(c.Past.Results)
	ref := reference{least: 1, others: c.released(same), alike: c.alike()}
	switch policy := c.Scenario.Baseline; {
	case c.Past.Pin != "":
		ref.baseline = c.comparable(c.Past.Pinned)
		ref.lacking = c.withoutPin(ref.baseline)
	case policy.Previous:
		ref.baseline = c.previous(c.sinceLevel(ref.others))
		if len(ref.baseline) == 0 {
			ref.lacking = "no baseline yet: no comparable run of another version" + c.sinceWhen() + c.otherLoads()
		}
	default:
		ref.baseline = newest(c.sinceLevel(same), policy.Last)
		if len(c.Records) < 2 {
			ref.least = minBaseline
		}
		if n := len(ref.baseline); n < ref.least {
			ref.lacking = fmt.Sprintf("no baseline yet: %d of %d comparable runs%s%s", n, minBaseline, c.sinceWhen(), c.otherLoads())
		}
	}
	return ref
}

func newest(results []Result, n int) []Result {
	if n == 0 {
		n = maxBaseline
	}
	return results[:min(n, len(results))]
}

// comparable are the good results of the same requests under the same load, in their order.
func (c Comparison) comparable(results []Result) []Result {
	same := make([]Result, 0, len(results))
	for _, r := range results {
		if r.Hash == c.Result.Hash && r.Failed == "" && r.Invalid == "" {
			same = append(same, r)
		}
	}
	return same
}

// released are those of other versions of what is tested; for a full run, which tests no version, all.
func (c Comparison) released(results []Result) []Result {
	if c.Thing == "" {
		return results
	}
	return slices.DeleteFunc(slices.Clone(results), func(r Result) bool {
		return r.Versions[c.Thing] == c.Result.Versions[c.Thing]
	})
}

// previous are those of the newest version among the released; for a full run, of the newest run.
func (c Comparison) previous(released []Result) []Result {
	var results []Result
	for _, r := range released {
		if c.Thing == "" && r.Run == released[0].Run || c.Thing != "" && r.Versions[c.Thing] == released[0].Versions[c.Thing] {
			results = append(results, r)
		}
	}
	return results
}

// withoutPin says why the pinned run is no baseline. Nothing else takes its place: nobody asked for that.
func (c Comparison) withoutPin(baseline []Result) string {
	switch {
	case len(baseline) > 0:
		return ""
	case len(c.Past.Pinned) == 0:
		return fmt.Sprintf("no baseline: %s is pinned, and its results are not kept any more", c.Past.Pin)
	}
	return fmt.Sprintf("no baseline: %s is pinned, and it sent other requests or another load", c.Past.Pin)
}

// newestLevel is the newest that somebody accepted, if any.
func (c Comparison) newestLevel() (newest Level) {
	for _, l := range c.Past.Levels {
		if !l.From.Before(newest.From) {
			newest = l
		}
	}
	return newest
}

func (c Comparison) sinceLevel(results []Result) []Result {
	from := c.newestLevel().From
	return slices.DeleteFunc(slices.Clone(results), func(r Result) bool { return r.Start.Before(from) })
}

func (c Comparison) sinceWhen() string {
	if run := c.newestLevel().Run; run != "" {
		return fmt.Sprintf(" since %s was accepted", run)
	}
	return ""
}

func (c Comparison) otherLoads() string {
	if slices.ContainsFunc(c.Past.Results, func(r Result) bool { return r.Hash != c.Result.Hash }) {
		return "; earlier ones sent other requests or another load"
	}
	return ""
}

// alike groups the past by what was sent, and by the levels that people accepted.
func (c Comparison) alike() [][]Result {
	type group struct {
		hash  string
		epoch int
	}
	var groups [][]Result
	place := map[group]int{}
	for _, r := range c.Past.Results {
		g := group{hash: r.Hash}
		for _, l := range c.Past.Levels {
			if !r.Start.Before(l.From) {
				g.epoch++
			}
		}
		i, ok := place[g]
		if !ok {
			i, place[g] = len(groups), len(groups)
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], r)
	}
	return groups
}

// noise between runs of one metric, learned from all results that can be grouped with comparable ones.
func (ref reference) noise(group string, metric Metric) stats.Noise {
	groups := make([][]float64, len(ref.alike))
	for i, results := range ref.alike {
		groups[i] = values(results, group, metric)
	}
	return stats.LearnNoise(groups)
}

// alsoChanged lists what else is another version than in the newest run of the baseline: "checkout 1.4.0 → 1.5.0". What such
// a comparison finds may be due to any of them.
func (h hearing) alsoChanged() []string {
	if len(h.baseline) == 0 {
		return nil
	}
	var changed []string
	for _, thing := range sortedKeys(h.Result.Versions) {
		was, is := h.baseline[0].Versions[thing], h.Result.Versions[thing]
		if thing == h.Thing || was == is {
			continue
		}
		_, name, _ := strings.Cut(thing, ":")
		if was == "" {
			changed = append(changed, fmt.Sprintf("%s %s (new)", name, is))
			continue
		}
		changed = append(changed, fmt.Sprintf("%s %s → %s", name, was, is))
	}
	return changed
}

// value of a metric, if it was measured: a latency of nothing was not.
func (r Result) value(group string, metric Metric) (v float64, measured bool) {
	v, ok := r.Groups[group].Values[metric]
	return v, ok && !math.IsInf(v, 0) && (v > 0 || v == 0 && metric == Errors)
}

// values of a metric in results, in their order, where it was measured.
func values(results []Result, group string, metric Metric) []float64 {
	out := make([]float64, 0, len(results))
	for _, r := range results {
		if v, measured := r.value(group, metric); measured {
			out = append(out, v)
		}
	}
	return out
}

func windows(results []Result, group string) []stats.Window {
	var out []stats.Window
	for _, r := range results {
		out = append(out, r.Groups[group].Windows...)
	}
	return out
}
