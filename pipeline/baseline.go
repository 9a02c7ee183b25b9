package pipeline

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"bellwether/internal/stats"
)

// comparable are the past results of the same requests under the same load, newest first.
func (c Comparison) comparable() []Result {
	var same []Result
	for _, r := range c.Past {
		if r.Hash == c.Result.Hash {
			same = append(same, r)
		}
	}
	return same
}

// baseline is the newest comparable results.
func (c Comparison) baseline() []Result {
	same := c.comparable()
	return same[:min(maxBaseline, len(same))]
}

// released are the comparable results of other versions of what is tested; for a full run, which tests no version, all.
func (c Comparison) released() []Result {
	return slices.DeleteFunc(c.comparable(), func(r Result) bool {
		return c.Thing != "" && r.Versions[c.Thing] == c.Result.Versions[c.Thing]
	})
}

// alsoChanged lists what else is another version than in the newest run of the baseline: "checkout 1.4.0 → 1.5.0". What such
// a comparison finds may be due to any of them.
func (c Comparison) alsoChanged() []string {
	baseline := c.baseline()
	if len(baseline) == 0 {
		return nil
	}
	var changed []string
	for _, thing := range sortedKeys(c.Result.Versions) {
		was, is := baseline[0].Versions[thing], c.Result.Versions[thing]
		if thing == c.Thing || was == is {
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

// noise between runs of one metric, learned from all results that can be grouped with comparable ones.
func (c Comparison) noise(group string, metric Metric) stats.Noise {
	byHash := map[string][]Result{}
	for _, r := range c.Past {
		byHash[r.Hash] = append(byHash[r.Hash], r)
	}
	var groups [][]float64
	for _, hash := range sortedKeys(byHash) {
		groups = append(groups, values(byHash[hash], group, metric))
	}
	return stats.LearnNoise(groups)
}

// value of a metric, if it was measured: a latency of nothing was not.
func (r Result) value(group string, metric Metric) (v float64, measured bool) {
	v, ok := r.Groups[group].Values[metric]
	return v, ok && !math.IsInf(v, 0) && (v > 0 || v == 0 && metric == Errors)
}

// values of a metric in results, in their order, where it was measured.
func values(results []Result, group string, metric Metric) []float64 {
	var out []float64
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
