package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"bellwether/internal/lane"
	"bellwether/internal/peers"
	"bellwether/internal/stats"
	"bellwether/pipeline"
)

// What the benchmarks are held to.
const (
	claimGoal  = 3    // round trips that taking a change in may last
	memoryGoal = 4096 // bytes of a finished run, beside its results
)

// BenchmarkStoredRuns measures what finished runs take of a real Redis: with all that is kept until they expire, beside their
// results; and those of three scenarios with what was measured and found.
func BenchmarkStoredRuns(b *testing.B) {
	runs := 100_000
	if testing.Short() {
		runs = 10_000
	}
	for b.Loop() {
		b.ReportMetric(stored(b, runs, func(*pipeline.Run) {}), "B/run")
		b.ReportMetric(memoryGoal, "B-goal")
		outcomes := judged()
		b.ReportMetric(stored(b, runs/20, func(run *pipeline.Run) {
			run.Results, run.Outcomes = measurements(), outcomes
		}), "B/run-with-results")
	}
}

// stored is how many bytes each of so many finished runs takes.
func stored(b *testing.B, runs int, measure func(*pipeline.Run)) float64 {
	s := open(b, peers.Redis(b))
	accept(b, s, change("holder", "k0"))
	held, holder := hold(b, s, "R1")
	defer holder.end(nil)
	before := usedMemory(b, s)
	numbers := make(chan int)
	var finishing sync.WaitGroup
	for range 16 {
		finishing.Go(func() {
			for n := range numbers {
				finish(b, s, held, n, measure)
			}
		})
	}
	for n := range runs {
		numbers <- n
	}
	close(numbers)
	finishing.Wait()
	return float64(usedMemory(b, s)-before) / float64(runs)
}

// finish takes a change in and ends its run, as its holder would.
func finish(b *testing.B, s *Store, held pipeline.Lease, n int, measure func(*pipeline.Run)) {
	sub := withEvent(change(fmt.Sprint("service", n%100), fmt.Sprintf("%040x", n)), fmt.Sprintf("%032x", n))
	c := &sub.Run.Changes[0]
	c.Image, c.Repository = c.Image+"@sha256:"+fmt.Sprintf("%064x", n), "example/"+c.Name
	c.Author, c.Title, c.URL, c.Ref, c.At = "anna", fmt.Sprint("Cache the answers of the catalogue, part ", n), "https://git.example.com/pulls/1", "main", noon
	sub.Run.Team, sub.Run.Selection = "shop", pipeline.Selection{Reason: "what " + c.Name + " touches", Scenarios: []pipeline.Selected{
		{Scenario: "browse", Path: []string{c.Name, "browse"}},
		{Scenario: "buy", Path: []string{"db:orders", c.Name, "buy"}},
		{Scenario: "search", Path: []string{c.Name, "search"}},
	}}
	receipt, err := s.Enqueue(context.Background(), sub)
	run := sub.Run
	run.ID, run.State, run.Stage, run.Verdict = receipt.Run, pipeline.Done, pipeline.StageReport, pipeline.Pass
	run.Started, run.Finished, run.Before = noon, noon.Add(5*time.Minute), &pipeline.Artefact{Revision: c.Revision, Image: c.Image}
	measure(&run)
	if err == nil {
		err = s.Save(context.Background(), held, run)
	}
	if err == nil {
		_, err = s.do(context.Background(), outOfLane, "environment/load", run.ID)
	}
	if err != nil {
		b.Error(err)
	}
}

var outOfLane = redis.NewScript(common + `lane_remove(prefix, ARGV[2], ARGV[3])`)

func usedMemory(b *testing.B, s *Store) int64 {
	info := s.redis().InfoMap(b.Context(), "memory")
	require.NoError(b, info.Err())
	used, err := strconv.ParseInt(info.Item("Memory", "used_memory"), 10, 64)
	require.NoError(b, err)
	return used
}

// measurements are the results of three scenarios with two targets each, among twenty services.
func measurements() []pipeline.Result {
	var results []pipeline.Result
	for _, scenario := range []string{"browse", "buy", "search"} {
		r := measured(rand.IntN(1e6))
		r.Scenario, r.Versions, r.Groups = scenario, map[string]string{}, map[string]pipeline.Summary{}
		for i := range 20 {
			r.Versions[fmt.Sprint("service:service", i)] = fmt.Sprintf("1.%d.0", rand.IntN(100))
		}
		for _, group := range []string{"", "GET /", "POST /cart"} {
			r.Groups[group] = summary()
		}
		results = append(results, r)
	}
	return results
}

func summary() pipeline.Summary {
	sum := pipeline.Summary{Requests: 6000, Values: map[pipeline.Metric]float64{}, Windows: make([]stats.Window, 12)}
	for _, m := range []pipeline.Metric{pipeline.P50, pipeline.P95, pipeline.P99, pipeline.Errors, pipeline.Throughput} {
		sum.Values[m] = 20 + rand.Float64()
	}
	for i := range sum.Windows {
		sum.Windows[i].Requests = 450 + rand.Int64N(100)
	}
	return sum
}

// judged are the outcomes of such measurements.
func judged() []pipeline.Outcome {
	comparisons := make([]pipeline.Comparison, 3)
	for range 11 {
		for i, r := range measurements() {
			c := &comparisons[i]
			c.Scenario.Name, c.Result, c.Past.Results = r.Scenario, r, append(c.Past.Results, c.Result)
		}
	}
	for i := range comparisons {
		comparisons[i].Past.Results = comparisons[i].Past.Results[1:]
	}
	return pipeline.Judge(comparisons)
}

// BenchmarkClaim compares taking a change in, until it is queued, with one round trip to the same Redis, where a hundred
// other services have a change waiting. Both are medians of calls made in turn. On a Redis that keeps what it acknowledges, a
// round trip is one write.
func BenchmarkClaim(b *testing.B) {
	b.Run("in-memory", func(b *testing.B) {
		s := open(b, peers.Redis(b))
		compareClaim(b, s, func() error { return s.redis().Ping(b.Context()).Err() })
	})
	b.Run("durable", func(b *testing.B) {
		s := open(b, peers.Redis(b, "--appendonly", "yes", "--appendfsync", "always"))
		compareClaim(b, s, func() error { return s.redis().Set(b.Context(), "bw:one", "write", 0).Err() })
	})
}

func compareClaim(b *testing.B, s *Store, roundTrip func() error) {
	for i := range 100 {
		accept(b, s, change(fmt.Sprint("service", i), "k0"))
	}
	for b.Loop() {
		var fresh, superseding, trips []time.Duration
		for n := range 1000 {
			known, unknown := fmt.Sprint("service", n%100), fmt.Sprint("another", n)
			superseding = append(superseding, claim(b, s, withEvent(change(known, fmt.Sprint("k", n+1)), fmt.Sprint("e", n))))
			fresh = append(fresh, claim(b, s, withEvent(change(unknown, "k0"), fmt.Sprint("f", n))))
			trips = append(trips, timed(func() { require.NoError(b, roundTrip()) }))
		}
		b.ReportMetric(float64(median(fresh).Microseconds()), "µs/claim")
		b.ReportMetric(float64(median(trips).Microseconds()), "µs/round-trip")
		b.ReportMetric(float64(median(fresh))/float64(median(trips)), "x")
		b.ReportMetric(float64(median(superseding))/float64(median(trips)), "x-superseding")
		b.ReportMetric(claimGoal, "x-goal")
	}
}

func claim(b *testing.B, s *Store, sub pipeline.Submission) time.Duration {
	return timed(func() { accepted(b, s, sub) })
}

func median(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[len(all)/2]
}

func timed(do func()) time.Duration {
	start := time.Now()
	do()
	return time.Since(start)
}

func accepted(b *testing.B, s *Store, sub pipeline.Submission) pipeline.Receipt {
	receipt, err := s.Enqueue(b.Context(), sub)
	require.NoError(b, err)
	require.Equal(b, pipeline.Accepted, receipt.Outcome)
	return receipt
}

// BenchmarkDrain has 1,000 changes of 100 services queued, in any order, and then worked off by two replicas: the last change
// of every service, in the order in which those came. It measures how many were superseded, and the most places by which a
// run was worked off later than it came.
func BenchmarkDrain(b *testing.B) {
	for b.Loop() {
		s := open(b, peers.Redis(b))
		var came []string
		superseded := 0
		for n, service := range rand.Perm(1000) {
			receipt := accepted(b, s, change(fmt.Sprint("service", service%100), fmt.Sprint("k", n)))
			superseded += len(receipt.Superseded)
			came = slices.DeleteFunc(came, func(id string) bool { return slices.Contains(receipt.Superseded, id) })
			came = append(came, receipt.Run)
		}
		start := time.Now()
		worked := drained(b, s, len(came))
		b.ReportMetric(float64(len(came))/time.Since(start).Seconds(), "runs/s")
		b.ReportMetric(float64(superseded), "superseded")
		b.ReportMetric(float64(delay(came, worked)), "places-late")
		require.Equal(b, came, worked)
	}
}

// drained works off so many runs, by two replicas, and returns them in that order.
func drained(b *testing.B, s *Store, runs int) []string {
	ctx, cancel := context.WithCancel(b.Context())
	worked := make(chan string, runs)
	work := func(_ context.Context, held *lane.Held) error {
		worked <- held.Item.ID
		return nil
	}
	var draining sync.WaitGroup
	for range 2 {
		draining.Go(func() {
			if err := s.Lanes.Drain(ctx, "environment/", work); !errors.Is(err, context.Canceled) {
				require.NoError(b, err)
			}
		})
	}
	var order []string
	for range runs {
		select {
		case id := <-worked:
			order = append(order, id)
		case <-time.After(time.Minute):
			require.FailNow(b, "the lane sticks", "after %d runs", len(order))
		}
	}
	cancel()
	draining.Wait()
	return order
}

// delay is the most places by which one was worked off later than it came.
func delay(came, worked []string) int {
	most := 0
	for i, id := range came {
		most = max(most, slices.Index(worked, id)-i)
	}
	return most
}
