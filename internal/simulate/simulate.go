// Package simulate makes up load tests whose properties are known: for whoever wants to see what a verdict is worth. The same
// seed makes the same run, byte for byte, in the formats of the tools that measure real ones.
package simulate

import (
	"encoding/binary"
	"errors"
	"iter"
	"math"
	"math/rand/v2"
	"time"
)

// Spec says what the runs of a service are like. Run n of a Spec has the latencies
//
//	exp(ln Median + Noise e_n + Tail x_i) (1 + Shift),  x_i = a x_(i-1) + sqrt(1-a^2) e_i,  a = Autocorrelation
//
// where every e is a standard normal: x is a Gaussian AR(1) process whose lag-1 correlation is a.
type Spec struct {
	Seed            uint64
	Start           time.Time     // of run 0; each run begins a day after the one before
	Rate            float64       // requests a second, evenly spaced
	Duration        time.Duration // of a run
	Median          time.Duration // of the latency
	Tail            float64       // standard deviation of ln(latency) within a run: p95 is Median exp(1.64 Tail)
	Noise           float64       // standard deviation of ln(level) between runs; 0.05 is 5 %
	Autocorrelation float64       // of ln(latency) from one request to the next, from 0 up to, but not, 1
	Shift           float64       // how much slower it is; 0.2 is +20 %
	Errors          float64       // fraction of requests that are answered with 500
	Targets         []string      // take turns
}

// Sample is one answered request.
type Sample struct {
	Number  int           // from 0
	At      time.Duration // since the run's start, when it was sent
	Latency time.Duration
	Target  string
	Failed  bool // it was answered with 500, else with 200
}

// Validate says what no run can be like.
func (s Spec) Validate() error {
	switch {
	case !(s.Rate > 0) || s.Duration <= 0 || s.Rate*s.Duration.Seconds() < 1:
		return errors.New("a run needs one request at least: a rate and a duration")
	case s.Rate > 1e6:
		return errors.New("the rate is at most 1,000,000/s")
	case s.Median <= 0:
		return errors.New("the latency must be more than 0")
	case !(s.Tail >= 0) || !(s.Noise >= 0) || s.Tail > 3 || s.Noise > 3:
		return errors.New("tail and noise are from 0 to 3 (300 %)")
	case !(s.Autocorrelation >= 0) || s.Autocorrelation >= 1:
		return errors.New("the autocorrelation is from 0 up to, but not, 1")
	case !(s.Shift > -1) || s.Shift > 1000:
		return errors.New("the shift is more than -100 %, and at most 100,000 %")
	case !(s.Errors >= 0) || s.Errors > 1:
		return errors.New("errors are from 0 to 100 %")
	case len(s.Targets) == 0:
		return errors.New("a run needs a target")
	}
	return nil
}

// Run is a valid Spec's run n, request by request. Nothing is kept between requests but the one before.
func (s Spec) Run(n int) iter.Seq[Sample] {
	return func(yield func(Sample) bool) {
		random := rand.New(rand.NewChaCha8(s.key(n)))
		level := float64(s.Median) * (1 + s.Shift) * math.Exp(s.Noise*random.NormFloat64())
		fresh := math.Sqrt(1 - s.Autocorrelation*s.Autocorrelation)
		x := random.NormFloat64()
		for i := range s.requests() {
			sample := Sample{
				Number: i, At: time.Duration(math.Round(float64(i) / s.Rate * float64(time.Second))),
				Latency: time.Duration(level * math.Exp(s.Tail*x)),
				Target:  s.Targets[i%len(s.Targets)],
				Failed:  random.Float64() < s.Errors,
			}
			if !yield(sample) {
				return
			}
			x = s.Autocorrelation*x + fresh*random.NormFloat64()
		}
	}
}

// key begins the randomness of run n: ChaCha8 makes unrelated sequences even of keys that are neighbours.
func (s Spec) key(n int) (key [32]byte) {
	binary.LittleEndian.PutUint64(key[:], s.Seed)
	binary.LittleEndian.PutUint64(key[8:], uint64(n))
	return key
}

// requests of a run.
func (s Spec) requests() int { return int(math.Round(s.Rate * s.Duration.Seconds())) }

// seconds of a run, the last one perhaps in part.
func (s Spec) seconds() int { return int(math.Ceil(s.Duration.Seconds())) }

// begin is when run n starts.
func (s Spec) begin(n int) time.Time { return s.Start.AddDate(0, 0, n) }

func (s Sample) status() int {
	if s.Failed {
		return 500
	}
	return 200
}

func (s Sample) url() string { return "http://shop.example/" + s.Target }

// What else a response is like; nothing is judged by it.
const (
	sentBytes     = 120
	receivedBytes = 512
)
