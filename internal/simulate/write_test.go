package simulate

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"io"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	vegeta "github.com/tsenart/vegeta/v12/lib"
)

var formats = []Format{K6CSV, K6JSON, VegetaJSON, VegetaCSV, VegetaGob, JMeter, Record}

func written(t *testing.T, s Spec, f Format, n int) []byte {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, s.Write(&out, f, n))
	return out.Bytes()
}

func TestTheSameSeedWritesTheSameBytes(t *testing.T) {
	s, other := quiet(), quiet()
	s.Duration, other.Duration, other.Seed = 5*time.Second, 5*time.Second, 8
	s.Errors, other.Errors = 0.3, 0.3
	for _, f := range formats {
		require.Equal(t, written(t, s, f, 3), written(t, s, f, 3), f)
		require.NotEqual(t, written(t, s, f, 3), written(t, s, f, 4), f)
		require.NotEqual(t, written(t, s, f, 3), written(t, other, f, 3), f)
		require.NotEmpty(t, f.Extension())
	}
	require.ErrorContains(t, s.Write(io.Discard, "k7", 1), `unknown format "k7"`)
	s.Rate = 0
	require.ErrorContains(t, s.Write(io.Discard, K6CSV, 1), "one request at least")
}

func TestVegetaReadsItsFormats(t *testing.T) {
	s := quiet()
	s.Duration, s.Errors = 2*time.Second, 0.2
	for _, f := range []Format{VegetaJSON, VegetaCSV, VegetaGob} {
		decode := vegeta.DecoderFor(bytes.NewReader(written(t, s, f, 1)))
		require.NotNil(t, decode, f)
		for sample := range s.Run(1) {
			var r vegeta.Result
			require.NoError(t, decode(&r))
			require.Equal(t, sample.Latency, r.Latency)
			require.Equal(t, s.begin(1).Add(sample.At), r.Timestamp.UTC())
			require.EqualValues(t, sample.status(), r.Code)
			require.Equal(t, sample.Failed, r.Error != "")
			require.Equal(t, "http://shop.example/"+sample.Target, r.URL)
		}
		require.ErrorIs(t, decode(&vegeta.Result{}), io.EOF)
	}
}

// What a k6 of version 1 writes for one failed request.
func TestK6Lines(t *testing.T) {
	s := quiet()
	s.Tail, s.Rate, s.Duration, s.Errors, s.Targets = 0, 1, time.Second, 1, []string{"cart"}
	const csvTags = ",,,1500,false,,GET,cart,HTTP/1.1,default,,500,,,http://shop.example/cart,,\n"
	require.Equal(t, "metric_name,timestamp,metric_value,check,error,error_code,expected_response,group,method,name,proto,scenario,"+
		"service,status,subproto,tls_version,url,extra_tags,metadata\n"+
		"vus,1767312000,50.000000,,,,,,,,,,,,,,,,\n"+
		"vus_max,1767312000,50.000000,,,,,,,,,,,,,,,,\n"+
		"http_reqs,1767312000,1.000000"+csvTags+
		"http_req_duration,1767312000,200.000000"+csvTags, first(written(t, s, K6CSV, 1), 5))
	require.Equal(t, `{"type":"Metric","data":{"name":"vus","type":"gauge","contains":"default","thresholds":[],"submetrics":null},"metric":"vus"}
{"metric":"vus","type":"Point","data":{"time":"2026-01-02T00:00:00Z","value":50,"tags":null}}
`, first(written(t, s, K6JSON, 1), 2))
	require.Contains(t, string(written(t, s, K6JSON, 1)), `{"metric":"http_req_duration","type":"Point","data":{"time":"2026-01-02T00:00:00.2Z","value":200,`+
		`"tags":{"error_code":"1500","expected_response":"false","group":"","method":"GET","name":"cart","proto":"HTTP/1.1","scenario":"default",`+
		`"status":"500","url":"http://shop.example/cart"}}}`)
}

func TestK6DurationsAreTheSumOfTheirParts(t *testing.T) {
	for _, latency := range []time.Duration{time.Microsecond, 50 * time.Microsecond, time.Millisecond, time.Second} {
		parts := map[string]float64{}
		for _, v := range k6Request(Sample{Latency: latency}) {
			parts[v.name] = v.value
		}
		sum := parts["http_req_sending"] + parts["http_req_waiting"] + parts["http_req_receiving"]
		require.InDelta(t, parts["http_req_duration"], sum, 1e-9, latency)
	}
}

func TestEveryK6LineIsWhole(t *testing.T) {
	s := quiet()
	s.Duration = 3 * time.Second
	rows, err := csv.NewReader(bytes.NewReader(written(t, s, K6CSV, 1))).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 1+150*13+3*2)
	points, kinds := 0, map[string]bool{}
	for line := range bytes.Lines(written(t, s, K6JSON, 1)) {
		var l struct {
			Type, Metric string
			Data         struct{ Time string }
		}
		require.NoError(t, json.Unmarshal(line, &l))
		if l.Type == "Metric" {
			kinds[l.Metric] = true
			continue
		}
		require.True(t, kinds[l.Metric], "introduced before its first value")
		points++
	}
	require.Equal(t, 150*13+3*2, points)
	require.Len(t, kinds, len(k6Kinds))
}

func TestJMeterLines(t *testing.T) {
	s := quiet()
	s.Tail, s.Rate, s.Duration, s.Targets = 0, 1, time.Second, []string{"cart"}
	require.Equal(t, "timeStamp,elapsed,label,responseCode,responseMessage,threadName,dataType,success,failureMessage,bytes,sentBytes,"+
		"grpThreads,allThreads,URL,Latency,IdleTime,Connect\n"+
		"1767312000000,200,cart,200,OK,Simulated 1-1,text,true,,512,120,50,50,http://shop.example/cart,200,0,0\n", string(written(t, s, JMeter, 1)))
	s.Errors = 1
	require.Contains(t, string(written(t, s, JMeter, 1)), ",500,Internal Server Error,Simulated 1-1,text,false,")
}

// first are the first lines of a text.
func first(text []byte, n int) string {
	var out string
	for line := range bytes.Lines(text) {
		if n--; n < 0 {
			break
		}
		out += string(line)
	}
	return out
}

// scales is a writer that weighs the heap now and then.
type scales struct {
	written, weighed int
	most             uint64
}

func (s *scales) Write(p []byte) (int, error) {
	s.written += len(p)
	if s.written-s.weighed > 512<<10 {
		s.weighed = s.written
		s.most = max(s.most, heap())
	}
	return len(p), nil
}

func heap() uint64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

func TestMemoryDoesNotGrowWithTheRun(t *testing.T) {
	s := quiet()
	s.Duration = 5 * time.Minute
	for _, f := range []Format{K6CSV, VegetaGob, JMeter} {
		before, out := heap(), scales{}
		require.NoError(t, s.Write(&out, f, 1))
		require.Greater(t, out.weighed, 512<<10)
		require.Less(t, out.most, before+1<<20, f)
	}
}
