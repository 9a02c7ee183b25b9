package pipeline_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"bellwether/internal/stats"
	"bellwether/pipeline"
)

// noisy is a result at a level, its latencies with 5 % noise between runs that they mostly share.
func noisy(random *rand.Rand, level float64) pipeline.Result {
	r := measured("R", level, 0)
	shared := random.NormFloat64()
	for _, metric := range []pipeline.Metric{pipeline.P50, pipeline.P95, pipeline.P99} {
		noise := 0.05 * (0.8*shared + 0.6*random.NormFloat64())
		r.Groups[""].Values[metric] *= math.Exp(noise)
	}
	return r
}

// regressed is the share of releases in which something was confirmed: three scenarios, ten earlier runs each, of which the
// first one is slower by shift.
func regressed(releases int, shift float64) float64 {
	random := rand.New(rand.NewPCG(7, 11))
	found := 0
	for range releases {
		var release []pipeline.Comparison
		levels := []float64{100 * shift, 100, 100}
		for _, level := range levels {
			var past []pipeline.Result
			for range 10 {
				past = append(past, noisy(random, 100))
			}
			release = append(release, flow(noisy(random, level), past))
		}
		verdict := pipeline.Pass
		for i, o := range pipeline.Judge(release) {
			if o.Verdict == pipeline.Suspect {
				o = followedUp(random, release[i], o, levels[i])
			}
			verdict = pipeline.Worst(verdict, o.Verdict)
		}
		if verdict == pipeline.Regressed {
			found++
		}
	}
	return float64(found) / float64(releases)
}

// followedUp is the outcome after as many legs as it takes.
func followedUp(random *rand.Rand, c pipeline.Comparison, o pipeline.Outcome, level float64) pipeline.Outcome {
	var all []pipeline.Leg
	for _, fresh := range pipeline.Order(true) {
		if !c.Undecided(o, all) {
			break
		}
		at := 100.0
		if fresh {
			at = level
		}
		all = append(all, pipeline.Leg{New: fresh, Results: []pipeline.Result{noisy(random, at)}})
	}
	return c.Confirm(o, all)
}

// With 5 % of the releases suspected at most, and one in twenty of these confirmed for each metric, next to none is
// reported though nothing changed.
func TestFalseAlarmsAndFinds(t *testing.T) {
	t.Parallel()
	require.LessOrEqual(t, regressed(1000, 1), 0.02)
	require.GreaterOrEqual(t, regressed(300, 1.2), 0.70)
	require.GreaterOrEqual(t, regressed(100, 1.4), 0.99)
}

// anyResult is what a result may be that somebody wrote by hand.
func anyResult(t *rapid.T) pipeline.Result {
	latency := rapid.OneOf(rapid.Float64Range(1, 1000), rapid.Float64(), rapid.SampledFrom([]float64{
		0, -1, 5e-324, 1e-300, 1e300, math.MaxFloat64, math.NaN(), math.Inf(1), math.Inf(-1),
	}))
	count := rapid.OneOf(rapid.Int64Range(0, 1000), rapid.Int64())
	window := rapid.Custom(func(t *rapid.T) stats.Window {
		return stats.Window{Errors: count.Draw(t, "errors"), Requests: count.Draw(t, "requests")}
	})
	summary := rapid.Custom(func(t *rapid.T) pipeline.Summary {
		return pipeline.Summary{
			Requests: count.Draw(t, "count"), Windows: rapid.SliceOfN(window, 0, 4).Draw(t, "windows"),
			Values: rapid.MapOfN(rapid.SampledFrom([]pipeline.Metric{
				pipeline.P50, pipeline.P95, pipeline.P99, pipeline.Errors, pipeline.Throughput,
			}), latency, 0, 5).Draw(t, "values"),
		}
	})
	return pipeline.Result{
		Run: "R", Scenario: "flow", Hash: rapid.SampledFrom([]string{"h1", "h1", "h1", "h2"}).Draw(t, "hash"),
		Invalid: rapid.SampledFrom([]string{"", "", "", "late"}).Draw(t, "invalid"),
		Groups:  rapid.MapOfN(rapid.SampledFrom([]string{"", "", "order", "cart"}), summary, 0, 3).Draw(t, "groups"),
	}
}

func anyRegression(t *rapid.T) pipeline.Regression {
	level := rapid.OneOf(rapid.Float64Range(0, 1000), rapid.Float64Min(0))
	return pipeline.Regression{
		Group: "flow", Since: "P1", Was: level.Draw(t, "was"), Level: level.Draw(t, "level"), MDE: rapid.Float64Range(0, 1).Draw(t, "mde"),
		Metric: rapid.SampledFrom([]pipeline.Metric{pipeline.P50, pipeline.P95, pipeline.Errors, pipeline.Throughput}).Draw(t, "metric"),
	}
}

func TestWhateverWasMeasuredTheVerdictCanBeStated(t *testing.T) {
	result := rapid.Custom(anyResult)
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.Float64Range(0, 1e9).Draw(t, "limit")
		comparison := rapid.Custom(func(t *rapid.T) pipeline.Comparison {
			c := flow(result.Draw(t, "result"), rapid.SliceOfN(result, 0, 25).Draw(t, "past"))
			c.Scenario.Baseline.Previous = rapid.Bool().Draw(t, "previous")
			c.Past.Pin = rapid.SampledFrom([]string{"", "", "P1"}).Draw(t, "pin")
			c.Past.Pinned = rapid.SliceOfN(result, 0, 2).Draw(t, "pinned")
			c.Known = rapid.SliceOfN(rapid.Custom(anyRegression), 0, 3).Draw(t, "known")
			c.Scenario.Gates = []pipeline.Gate{{Metric: pipeline.P95, Limit: limit}, {Metric: pipeline.Errors, Limit: limit / 1e9}}
			return c
		})
		release := rapid.SliceOfN(comparison, 0, 4).Draw(t, "release")
		given := fmt.Sprintf("%+v", release)
		outcomes := pipeline.Judge(release)
		require.Equal(t, stated(t, outcomes), stated(t, pipeline.Judge(release)), "the same again")
		fresh := rapid.SliceOfN(result, 0, 2)
		for i, c := range release {
			all := []pipeline.Leg{{Results: fresh.Draw(t, "old")}, {New: true, Results: fresh.Draw(t, "new")}}
			all = append(all, all...)
			confirmed := c.Confirm(outcomes[i], all)
			require.Equal(t, stated(t, confirmed), stated(t, c.Confirm(outcomes[i], all)), "the same again")
			require.NotEmpty(t, confirmed.Verdict)
		}
		require.Equal(t, given, fmt.Sprintf("%+v", release), "nothing given was touched")
	})
}

// stated is the JSON of v, which has neither NaN nor infinities.
func stated(t *rapid.T, v any) string {
	text, err := json.Marshal(v)
	require.NoError(t, err)
	return string(text)
}

// A release of 200 scenarios with five metrics each, ten runs for a baseline and sixty to learn the noise from.
func BenchmarkJudge(b *testing.B) {
	random := rand.New(rand.NewPCG(13, 17))
	var release []pipeline.Comparison
	for range 200 {
		var past []pipeline.Result
		for range 60 {
			past = append(past, noisy(random, 100))
		}
		release = append(release, flow(noisy(random, 100), past))
	}
	findings := 0
	begun := cpu(b)
	for b.Loop() {
		for _, o := range pipeline.Judge(release) {
			findings += len(o.Findings)
		}
	}
	b.ReportMetric((cpu(b)-begun).Seconds()*1000/float64(b.N), "cpu-ms/op")
	require.Equal(b, 1000*b.N, findings)
}

// BenchmarkYardstick is a known piece of work, to tell how quick the machine is: a million logarithms.
func BenchmarkYardstick(b *testing.B) {
	sum := 0.0
	for b.Loop() {
		for i := range 1_000_000 {
			sum += math.Log(float64(i + 1))
		}
	}
	require.NotZero(b, sum)
}

// cpu is the processor time that the test has used.
func cpu(tb testing.TB) time.Duration {
	var usage syscall.Rusage
	require.NoError(tb, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
