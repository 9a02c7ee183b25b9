package card

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/internal/chat/sample"
)

// BenchmarkDraw draws the results of a regression, for which a person waits. The yardstick is encoding the same message as
// JSON.
func BenchmarkDraw(b *testing.B) {
	m := sample.Messages(b)["regressed"][1].Message
	o := options("R42/results")
	require.NotNil(b, m.Table)
	var drawing, encoding time.Duration
	for b.Loop() {
		start := time.Now()
		_ = Draw(m, o)
		drawn := time.Now()
		_, _ = json.Marshal(m)
		drawing, encoding = drawing+drawn.Sub(start), encoding+time.Since(drawn)
	}
	b.ReportMetric(float64(drawing.Nanoseconds())/float64(b.N), "ns/draw")
	b.ReportMetric(float64(drawing)/float64(encoding), "x-encoding")
}
