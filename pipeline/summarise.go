package pipeline

import (
	"fmt"
	"slices"
	"time"

	"bellwether/internal/stats"
)

// What makes a generator unwell: its measurement is then no good, whatever it says.
const (
	maxLag      = 50 * time.Millisecond // p99 of a request's sending behind its intended time
	minAchieved = 0.99                  // sent over offered
	busy        = 0.95                  // of its CPU, in more than half of the seconds
)

// window is how many seconds errors are counted over. It outlasts a burst of errors, so that the windows of a summary are
// nearly independent of each other.
const window = 5

// latencies are the metrics that are quantiles of the responses that were no error.
var latencies = map[Metric]float64{P50: 0.50, P95: 0.95, P99: 0.99}

// Summarise reduces the judged part of a record to one summary for the whole scenario (group "") and, where there are
// several, one for each target.
func Summarise(rec Record) map[string]Summary {
	groups := map[string]Summary{"": summary(rec, "")}
	targets := rec.targets()
	if len(targets) > 1 {
		for _, target := range targets {
			groups[target] = summary(rec, target)
		}
	}
	return groups
}

// Unwell says why a record is no good as a measurement; empty when it is good.
func Unwell(rec Record) string {
	offered, sent := rec.rates()
	behind, strained := rec.lag(), rec.strained()
	switch {
	case rec.Closed && !rec.answered():
		return "nothing was measured after the warm-up"
	case !rec.Closed && offered == 0:
		return "no request was due after the warm-up"
	case !rec.Closed && float64(sent) < minAchieved*float64(offered):
		return fmt.Sprintf("the load generator sent only %d of %d requests", sent, offered)
	case 2*strained > len(rec.judged()):
		return fmt.Sprintf("the load generator used over %.0f %% of its CPU in %d of %d seconds", 100*busy, strained, len(rec.judged()))
	case behind > maxLag:
		return fmt.Sprintf("the load generator was %d ms late (p99; at most %d ms)", behind.Round(time.Millisecond).Milliseconds(), maxLag.Milliseconds())
	}
	return ""
}

// Latency is the histogram (µs) of all responses in [from, till) seconds that were no error, of one target or of all ("").
func (r Record) Latency(target string, from, till int) stats.Histogram {
	var parts []stats.Histogram
	r.each(target, from, till, func(s Series, c Cell) {
		if !s.Failed {
			parts = append(parts, c.Latency)
		}
	})
	return stats.Histogram{}.Merge(parts...)
}

// Windows counts requests and errors, second by second, in [from, till).
func (r Record) Windows(target string, from, till int) []stats.Window {
	windows := make([]stats.Window, max(0, till-from))
	r.each(target, from, till, func(s Series, c Cell) {
		n := c.Latency.Count()
		windows[c.Second-from].Requests += n
		if s.Failed {
			windows[c.Second-from].Errors += n
		}
	})
	return windows
}

// Seconds is how long the load was, warm-up included.
func (r Record) Seconds() int { return len(r.Generator) }

func (r Record) each(target string, from, till int, visit func(Series, Cell)) {
	for _, s := range r.Series {
		if target != "" && s.Target != target {
			continue
		}
		for _, c := range s.Cells {
			if c.Second >= from && c.Second < till {
				visit(s, c)
			}
		}
	}
}

func (r Record) targets() []string {
	var names []string
	for _, s := range r.Series {
		if !slices.Contains(names, s.Target) {
			names = append(names, s.Target)
		}
	}
	return names
}

func summary(rec Record, target string) Summary {
	from, till := rec.Warmup, rec.Seconds()
	s := Summary{Values: map[Metric]float64{}}
	for seconds := range slices.Chunk(rec.Windows(target, from, till), window) {
		w := merged(seconds)
		s.Windows = append(s.Windows, w)
		s.Requests += w.Requests
		s.Errors += w.Errors
	}
	latency := rec.Latency(target, from, till)
	for metric, q := range latencies {
		if stats.Judgeable(latency.Count(), q) {
			s.Values[metric] = latency.Quantile(q) / 1000
		}
	}
	if s.Requests > 0 {
		s.Values[Errors] = float64(s.Errors) / float64(s.Requests)
	}
	if target == "" {
		rec.throughput(&s)
	}
	return s
}

// throughput adds how much of the load was sent; where nobody knows how much was wanted, how much of it was served.
func (r Record) throughput(s *Summary) {
	offered, sent := r.rates()
	switch seconds := len(r.judged()) * max(1, r.Step); {
	case r.Closed && seconds > 0:
		s.Values[Throughput] = float64(s.Requests-s.Errors) / float64(seconds)
	case !r.Closed && offered > 0:
		s.Values[Throughput] = float64(sent) / float64(offered)
	}
}

func merged(windows []stats.Window) stats.Window {
	var sum stats.Window
	for _, w := range windows {
		sum.Errors += w.Errors
		sum.Requests += w.Requests
	}
	return sum
}

func (r Record) rates() (offered, sent int64) {
	for _, tick := range r.judged() {
		offered += tick.Offered
		sent += tick.Sent
	}
	return offered, sent
}

// lag is the p99 of how late requests were sent; 0 when that was not recorded.
func (r Record) lag() time.Duration {
	var parts []stats.Histogram
	for _, tick := range r.judged() {
		parts = append(parts, tick.Lag)
	}
	all := stats.Histogram{}.Merge(parts...)
	if all.Count() == 0 {
		return 0
	}
	return time.Duration(all.Quantile(0.99)) * time.Microsecond
}

// strained counts the seconds in which the generator had hardly any CPU left.
func (r Record) strained() (seconds int) {
	for _, tick := range r.judged() {
		if tick.CPU > busy {
			seconds++
		}
	}
	return seconds
}

// answered tells whether there is any response, or the want of one, to judge.
func (r Record) answered() bool {
	some := false
	r.each("", r.Warmup, r.Seconds(), func(_ Series, c Cell) { some = some || len(c.Latency) > 0 })
	return some
}

// seconds are the latencies of the responses of one target, or of all (""), that were no error, each judged second apart.
func (r Record) seconds(target string) []stats.Histogram {
	parts := make([][]stats.Histogram, len(r.judged()))
	r.each(target, r.Warmup, r.Seconds(), func(s Series, c Cell) {
		if !s.Failed {
			parts[c.Second-r.Warmup] = append(parts[c.Second-r.Warmup], c.Latency)
		}
	})
	seconds := make([]stats.Histogram, len(parts))
	for i, part := range parts {
		seconds[i] = stats.Histogram{}.Merge(part...)
	}
	return seconds
}

// judged is the generator's health after the warm-up.
func (r Record) judged() []Tick { return r.Generator[min(r.Warmup, len(r.Generator)):] }
