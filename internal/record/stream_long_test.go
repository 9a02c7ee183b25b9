//go:build long

package record

import (
	"bytes"
	"flag"
	"io"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var streamGiB = flag.Float64("stream", 0.2, "how many GiB TestLongStream sends through its pipe")

// TestLongStream reads a k6 file that is much larger than the memory it may take, from a pipe.
func TestLongStream(t *testing.T) {
	from, to, err := os.Pipe()
	require.NoError(t, err)
	go stream(to, int64(*streamGiB*(1<<30)))
	var peak uint64
	began, chunks := time.Now(), 0
	f, err := Read(&watched{from: from, watch: []func(int64){func(int64) {
		if chunks++; chunks%256 == 0 {
			peak = max(peak, inUse())
		}
	}}})
	require.NoError(t, err)
	all := f.result().Groups[""]
	peak = max(peak, inUse())
	t.Logf("%.1f GiB in %s: %d requests over %d s, at most %d MiB in use", *streamGiB, time.Since(began).Round(time.Second/10),
		all.Requests, f.result().Seconds, peak>>20)
	require.Zero(t, all.Requests%streamRequests)
	require.Less(t, peak, uint64(memoryGoal))
}

// streamRequests are in one block of the stream, which lasts ten seconds.
const streamRequests = 2000

// stream writes blocks whose times go on: writing must not cost more than reading.
func stream(to io.WriteCloser, goal int64) {
	defer to.Close()
	var block bytes.Buffer
	k6Load(&block, false, streamRequests*len(k6Metrics))
	header, points, _ := bytes.Cut(block.Bytes(), []byte("\n"))
	text := append(bytes.Clone(header), '\n')
	const tens = 179543520 // of seconds, when k6Load begins
	for n := 0; goal > 0; n++ {
		text = append(text, bytes.ReplaceAll(points, []byte(strconv.Itoa(tens)), []byte(strconv.Itoa(tens+n)))...)
		if _, err := to.Write(text); err != nil {
			return
		}
		goal, text = goal-int64(len(text)), text[:0]
	}
}
