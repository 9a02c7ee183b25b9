package simulate

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"bellwether/internal/record"
	"bellwether/pipeline"
)

// What was written is read back: every request, its target, whether it failed, and its latency to the precision of the record.
func TestRoundTrip(t *testing.T) {
	s := quiet()
	s.Errors, s.Autocorrelation = 0.02, 0.5
	for _, f := range formats {
		t.Run(string(f), func(t *testing.T) {
			file, err := record.Read(bytes.NewReader(written(t, s, f, 1)))
			require.NoError(t, err)
			require.Empty(t, pipeline.Unwell(file.Record))
			groups := pipeline.Summarise(file.Record)
			require.Len(t, groups, 1+len(s.Targets))
			for _, target := range append([]string{""}, s.Targets...) {
				requireMeasured(t, s, target, groups[named(f, target)])
			}
		})
	}
}

// named is how a format names a target: Vegeta knows nothing but the request.
func named(f Format, target string) string {
	if strings.HasPrefix(string(f), "vegeta") && target != "" {
		return "GET /" + target
	}
	return target
}

func requireMeasured(t *testing.T, s Spec, target string, got pipeline.Summary) {
	t.Helper()
	var requests, failed int64
	var latencies []float64
	for sample := range s.Run(1) {
		if target != "" && sample.Target != target {
			continue
		}
		requests++
		if sample.Failed {
			failed++
			continue
		}
		latencies = append(latencies, milliseconds(sample.Latency))
	}
	slices.Sort(latencies)
	require.Equal(t, requests, got.Requests)
	require.Equal(t, failed, got.Errors)
	for metric, q := range map[pipeline.Metric]float64{pipeline.P50: 0.50, pipeline.P95: 0.95, pipeline.P99: 0.99} {
		exact := latencies[int(math.Ceil(q*float64(len(latencies))))-1]
		require.InEpsilon(t, exact, got.Values[metric], 0.01, metric)
	}
}
