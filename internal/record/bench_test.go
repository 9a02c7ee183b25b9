package record

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	benchPoints = 1_000_000
	memoryGoal  = 64 << 20
)

// k6Metrics are the samples of one request, in k6's order.
var k6Metrics = [...]string{
	"http_reqs", "http_req_duration", "http_req_blocked", "http_req_connecting", "http_req_tls_handshaking", "http_req_sending",
	"http_req_waiting", "http_req_receiving", "http_req_failed",
}

// k6Load writes n points of a k6 run: twelve endpoints, 2,000 requests a second. It returns how many bytes that are.
func k6Load(w io.Writer, asJSON bool, n int) (written int64) {
	random := rand.New(rand.NewPCG(5, 5))
	out := bufio.NewWriterSize(w, 1<<20)
	if !asJSON {
		fmt.Fprintln(out, "metric_name,timestamp,metric_value,check,error,error_code,expected_response,group,method,name,proto,scenario,service,status,subproto,tls_version,url,extra_tags,metadata")
	}
	start := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for i := 0; i < n; i++ {
		request := i / len(k6Metrics)
		at, name := start.Add(time.Duration(request)*500*time.Microsecond), request%12
		metric, value := k6Metrics[i%len(k6Metrics)], 20+30*random.ExpFloat64()
		if metric == "http_req_failed" {
			value = 0
		}
		var line int
		if asJSON {
			line, _ = fmt.Fprintf(out, `{"metric":"%s","type":"Point","data":{"time":"%s","value":%.6g,"tags":{"expected_response":"true","group":"::buy","method":"GET","name":"https://shop.example.com/endpoint/%d","proto":"HTTP/1.1","scenario":"checkout","status":"200","tls_version":"tls1.3","url":"https://shop.example.com/endpoint/%d"}}}`+"\n",
				metric, at.Format(time.RFC3339Nano), value, name, name)
		} else {
			line, _ = fmt.Fprintf(out, "%s,%d,%f,,,,true,::buy,GET,https://shop.example.com/endpoint/%d,HTTP/1.1,checkout,,200,,tls1.3,https://shop.example.com/endpoint/%d,,\n",
				metric, at.Unix(), value, name, name)
		}
		written += int64(line)
	}
	if out.Flush() != nil {
		return 0
	}
	return written
}

// envelope has the fields that a reader of k6's JSON needs.
type envelope struct {
	Metric string
	Type   string
	Data   struct {
		Time  time.Time
		Value float64
		Tags  struct {
			Scenario, Group, Name, Status string
			Expected                      string `json:"expected_response"`
		}
	}
}

// byEncodingJSON is the yardstick.
func byEncodingJSON(b *testing.B, path string) time.Duration {
	file, err := os.Open(path)
	require.NoError(b, err)
	defer file.Close()
	began := time.Now()
	lines := bufio.NewScanner(file)
	var sum float64
	for lines.Scan() {
		var e envelope
		require.NoError(b, json.Unmarshal(lines.Bytes(), &e))
		sum += e.Data.Value
	}
	require.NoError(b, lines.Err())
	require.Positive(b, sum)
	return time.Since(began)
}

// reading is how long a file takes, and the most memory that the process had in use.
func reading(b *testing.B, path string) (took time.Duration, peak uint64) {
	runtime.GC()
	began, chunks := time.Now(), 0
	f, err := Open(path, func(int64) {
		if chunks++; chunks%128 == 0 {
			peak = max(peak, inUse())
		}
	})
	require.NoError(b, err)
	require.EqualValues(b, benchPoints/len(k6Metrics), f.result().Groups[""].Requests)
	return time.Since(began), max(peak, inUse())
}

func inUse() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}

// BenchmarkK6 reads a million points of k6 as CSV and as JSON lines, beside encoding/json on the same JSON lines: median of three,
// interleaved.
func BenchmarkK6(b *testing.B) {
	paths := map[string]string{}
	for kind, asJSON := range map[string]bool{"csv": false, "json": true} {
		paths[kind] = filepath.Join(b.TempDir(), "run")
		out, err := os.Create(paths[kind])
		require.NoError(b, err)
		k6Load(out, asJSON, benchPoints)
		require.NoError(b, out.Close())
	}
	for b.Loop() {
		took := map[string][]float64{}
		var peak uint64
		for range 3 {
			for kind, path := range paths {
				d, used := reading(b, path)
				took[kind], peak = append(took[kind], d.Seconds()), max(peak, used)
			}
			took["yardstick"] = append(took["yardstick"], byEncodingJSON(b, paths["json"]).Seconds())
		}
		for kind, seconds := range took {
			slices.Sort(seconds)
			b.ReportMetric(seconds[1]*1e9/benchPoints, "ns/"+kind+"-line")
		}
		b.ReportMetric(took["yardstick"][1]/took["csv"][1], "x-csv")
		b.ReportMetric(20, "x-csv-goal")
		b.ReportMetric(took["yardstick"][1]/took["json"][1], "x-json")
		b.ReportMetric(5, "x-json-goal")
		b.ReportMetric(float64(peak)/(1<<20), "MiB-peak")
		b.ReportMetric(memoryGoal>>20, "MiB-goal")
		require.Less(b, peak, uint64(memoryGoal))
	}
}
