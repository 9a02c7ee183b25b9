package app

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSubtitlesHaveRoomForOneName(t *testing.T) {
	require.Empty(t, against(nil))
	require.Equal(t, " · against a.csv", against([]string{"a.csv"}))
	require.Equal(t, " · against 2 earlier runs", against([]string{"a.csv", "b.csv"}))
}

// Nothing is said of short files; of long ones it is overwritten, and taken away in the end.
func TestProgress(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	var out bytes.Buffer
	p := &progress{out: &out, path: "run.csv", now: func() time.Time { return now }, next: now.Add(silence)}
	p.read(1 << 20)
	p.clear()
	require.Empty(t, out.String())
	now = now.Add(silence)
	p.read(700 << 20)
	p.read(701 << 20)
	now = now.Add(pace)
	p.read(900 << 20)
	p.clear()
	require.Equal(t, "\rrun.csv: 700 MiB read\rrun.csv: 900 MiB read\r\x1b[K", out.String())
	require.False(t, terminal(&out))
}
