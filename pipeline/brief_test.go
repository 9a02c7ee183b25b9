package pipeline_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/pipeline"
)

func TestDurationsAreBrief(t *testing.T) {
	for want, d := range map[string]time.Duration{
		"1h": time.Hour, "30m": 30 * time.Minute, "1h30m": 90 * time.Minute, "1h0m5s": time.Hour + 5*time.Second, "10m": 10 * time.Minute,
		"20s": 20 * time.Second, "10h": 10 * time.Hour, "0s": 0,
	} {
		require.Equal(t, want, pipeline.Brief(d))
	}
}
