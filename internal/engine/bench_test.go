package engine

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	vegeta "github.com/tsenart/vegeta/v12/lib"

	"bellwether/pipeline"
)

// The benchmark's load: enough requests a second that the generator has something to do, on a service that is fast
// enough not to need many workers.
const (
	benchRate = 1000
	benchTime = 2 * time.Second
	benchWait = 2 * time.Millisecond
)

// TestMain makes the test binary a server when it is started as one, so that the server's CPU is not measured.
func TestMain(m *testing.M) {
	if os.Getenv("ENGINE_TEST_SERVER") != "" {
		serve()
		return
	}
	os.Exit(m.Run())
}

func serve() {
	answer := []byte(strings.Repeat("x", 256))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(benchWait)
		_, _ = w.Write(answer)
	}))
	defer server.Close()
	fmt.Println(server.URL)
	_, _ = io.Copy(io.Discard, os.Stdin) // until the parent closes it or is gone
}

// startServer starts the server in a process of its own and returns its address.
func startServer(b *testing.B) string {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "ENGINE_TEST_SERVER=1")
	stdin, err := cmd.StdinPipe()
	require.NoError(b, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(b, err)
	require.NoError(b, cmd.Start())
	b.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Wait()
	})
	address, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(b, err)
	return strings.TrimSpace(address)
}

// BenchmarkMeasureAgainstVegeta reports what a request costs here in CPU and allocated memory, and the ratios to what it
// costs with Vegeta's own attack and metrics: interleaved, medians of 7. The goal is a ratio of at most 1.1.
func BenchmarkMeasureAgainstVegeta(b *testing.B) {
	address := startServer(b)
	for b.Loop() {
		var ours, theirs, cpu, memory []float64
		for range 7 {
			theirCPU, theirBytes := cost(b, func() { yardstick(b, address) })
			ourCPU, ourBytes := cost(b, func() { measure(b, address) })
			ours, theirs = append(ours, ourCPU), append(theirs, theirCPU)
			cpu, memory = append(cpu, ourCPU/theirCPU), append(memory, ourBytes/theirBytes)
		}
		requests := benchRate * benchTime.Seconds()
		b.ReportMetric(median(ours)/requests*1e6, "cpu-µs/request")
		b.ReportMetric(median(theirs)/requests*1e6, "vegeta-cpu-µs/request")
		b.ReportMetric(median(cpu), "x-vegeta-cpu")
		b.ReportMetric(median(memory), "x-vegeta-memory")
	}
}

func measure(b *testing.B, address string) {
	scenario := pipeline.Scenario{
		Name:    "bench",
		Load:    pipeline.Load{Stages: []pipeline.LoadStage{{From: benchRate, To: benchRate, Over: benchTime}}},
		Targets: []pipeline.Target{{Name: "root", Path: "/"}},
	}
	v := &Vegeta{Log: slog.New(slog.DiscardHandler)}
	rec, err := v.Measure(context.Background(), scenario, pipeline.Environment{URL: address}, unseen)
	require.NoError(b, err)
	require.Len(b, rec.Series, 1)
	require.False(b, rec.Series[0].Failed)
}

func yardstick(b *testing.B, address string) {
	attacker := vegeta.NewAttacker(vegeta.MaxBody(0))
	target := vegeta.NewStaticTargeter(vegeta.Target{Method: "GET", URL: address + "/"})
	var metrics vegeta.Metrics
	for r := range attacker.Attack(target, vegeta.Rate{Freq: benchRate, Per: time.Second}, benchTime, "") {
		metrics.Add(r)
	}
	metrics.Close()
	require.EqualValues(b, 1, metrics.Success)
}

// cost is the user and system time in seconds that this process spent while work ran, and the bytes it allocated.
func cost(b *testing.B, work func()) (cpu, bytes float64) {
	cpuBefore, bytesBefore := used(b)
	work()
	cpuAfter, bytesAfter := used(b)
	return cpuAfter - cpuBefore, bytesAfter - bytesBefore
}

func used(b *testing.B) (cpu, bytes float64) {
	var u syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds(), float64(m.TotalAlloc)
}

func median(xs []float64) float64 {
	return slices.Sorted(slices.Values(xs))[len(xs)/2]
}
