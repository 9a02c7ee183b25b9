package k6

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"bellwether/internal/record/tally"
	"bellwether/pipeline"
)

const tagged = `"tags":{"scenario":"s","group":"::g","name":"n","status":"200","expected_response":"true"}}}`

// Lines as k6 writes them are read by hand; the rest is left to encoding/json.
func TestPlainLinesAreScanned(t *testing.T) {
	for line, plain := range map[string]bool{
		`{"metric":"vus","type":"Point","data":{"time":"t","value":0.001,` + tagged:                           true,
		`{"type":"Point","data":{"time":"t","value":12,"tags":null},"metric":"vus"}`:                          true,
		`{"metric":"vus","type":"Point","data":{"time":"t","value":1e-3,` + tagged:                            false,
		`{"metric":"vus","type":"Point","data":{"time":"t","value":01,` + tagged:                              false,
		`{"metric":"vus","type":"Point","data":{"time":"t","value":1.,` + tagged:                              false,
		`{"metric":"vus","type":"Point","data":{"time":"t","value":1,"tags":null,"metadata":{"a":"b"}}}`:      false,
		`{"metric":"vus", "type":"Point","data":{"time":"t","value":1,` + tagged:                              false,
		`{"metric":"vus","type":"Point","data":{"time":"t","value":1,` + tagged + "}":                         false,
		`{"metric":"vus","type":"Metric","data":{"time":"t","value":1,` + tagged:                              false,
		`{"metric":"v\u0075s","type":"Point","data":{"time":"t","value":1,` + tagged:                          false,
		`{"metric":"vus","type":"Point","data":{"time":"t","value":1}}`:                                       false,
		`{"metric":"vus","type":"Point","data":{"time":"t","value":1,"tags":{"scenario":null}}}`:              false,
		`{"metric":"vus","metric":"vus","type":"Point","data":{"time":"t","value":1,"tags":null}}`:            false,
		`{"metric":"vus","type":"Point","data":{"time":"t","value":1,"tags":{"scenario":"a","scenario":"b"}}`: false,
	} {
		var p point
		require.Equal(t, plain, scan([]byte(line), &p), line)
	}
}

// Whatever is scanned by hand, encoding/json understands in the same way.
func FuzzScan(f *testing.F) {
	for _, metric := range []string{"http_req_duration", "dropped_iterations", "vus"} {
		f.Add(`{"metric":"` + metric + `","type":"Point","data":{"time":"2026-01-01T00:00:00Z","value":0.25,` + tagged)
	}
	f.Fuzz(func(t *testing.T, line string) {
		var fast point
		if !scan([]byte(line), &fast) {
			return
		}
		exact, err := decode([]byte(line))
		require.NoError(t, err)
		require.True(t, json.Valid([]byte(line)))
		if !interesting(fast.metric) {
			require.Empty(t, exact)
			return
		}
		got, want := fast.fields(), exact.fields()
		for i := range got {
			require.Equal(t, string(*want[i]), string(*got[i]), columns[i])
		}
	})
}

// A line without quotes is read as the exact parser reads it, all in quotes.
func FuzzCSV(f *testing.F) {
	f.Add("http_req_duration,1641298536,1.25,s,g,n")
	f.Add("http_req_failed,1641298536,1,s,g,n")
	f.Add("http_req_duration,2026-01-01T00:00:00.5Z,1e3,,,")
	f.Fuzz(func(t *testing.T, line string) {
		if strings.ContainsAny(line, "\"\r\n") || line == "" || line[0] == '{' || strings.HasPrefix(line, header) {
			return
		}
		const columns = header + ",scenario,group,name\n"
		const first = "http_req_duration,1641298536,1,s,,n\n"
		fast, wrong := ReadCSV(strings.NewReader(columns + first + line + "\n"))
		exact, err := ReadCSV(strings.NewReader(columns + first + `"` + strings.ReplaceAll(line, ",", `","`) + "\"\n"))
		require.Equal(t, wrong == nil, err == nil, "%v; %v", wrong, err)
		if err == nil {
			require.Equal(t, exact.Record(), fast.Record())
		}
	})
}

func read(t *testing.T, text string) (*tally.Tally, pipeline.Summary) {
	t.Helper()
	counted, err := ReadCSV(strings.NewReader(text))
	require.NoError(t, err)
	return counted, pipeline.Summarise(counted.Record())[""]
}

// An error is what k6 says is one.
func TestErrorsAreK6sOwn(t *testing.T) {
	for name, tc := range map[string]struct {
		lines  string
		errors int64
	}{
		"404 was expected":        {"http_req_duration,1641298536,1,true,404\n", 0},
		"200 was not":             {"http_req_duration,1641298536,1,false,200\n", 1},
		"failed says so":          {"http_req_duration,1641298536,1,,200\nhttp_req_failed,1641298536,1,,200\n", 1},
		"failed says not":         {"http_req_duration,1641298536,1,,404\nhttp_req_failed,1641298536,0,,404\n", 0},
		"failed of another":       {"http_req_duration,1641298536,1,,200\nhttp_req_failed,1641298599,1,,200\n", 0},
		"old k6 knows the status": {"http_req_duration,1641298536,1,,404\n", 1},
		"old k6, no answer":       {"http_req_duration,1641298536,1,,0\n", 1},
		"nothing tells":           {"http_req_duration,1641298536,1,,\n", 0},
		"old k6, redirected":      {"http_req_duration,1641298536,1,,302\n", 0},
	} {
		t.Run(name, func(t *testing.T) {
			_, got := read(t, "metric_name,timestamp,metric_value,expected_response,status\n"+tc.lines)
			require.EqualValues(t, 1, got.Requests)
			require.Equal(t, tc.errors, got.Errors)
		})
	}
}

func TestTimesOfAllKinds(t *testing.T) {
	for _, text := range []string{
		"1641298536", "1641298536250", "1641298536250000", "1641298536250000000", "2022-01-04T12:15:36Z", "2022-01-04T13:15:36.25+01:00",
	} {
		counted, _ := read(t, header+"\nhttp_req_duration,"+text+",10\n")
		require.EqualValues(t, 1641298536, counted.Record().Start.Unix(), text)
	}
	for _, text := range []string{"", "-1", "99999999999999999999", "8999999999999999999", "12:15", "0001-01-01T00:00:00Z", "9e9", "8000000000"} {
		_, err := ReadCSV(strings.NewReader(header + "\nhttp_req_duration," + text + ",10\n"))
		require.ErrorContains(t, err, "line 2: its time is ", text)
	}
}

func TestDurationsAreRoundedDown(t *testing.T) {
	for text, want := range map[string]int64{
		"114.365000": 114365, "0.0019": 1, "5": 5000, "1.25e2": 125000, "20.5": 20500, "459.8657296": 459865, "1000000000": 1e12,
	} {
		got, err := micros([]byte(text))
		require.NoError(t, err)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{"", "-1", "NaN", "Inf", "1e300", "x", "1.x"} {
		_, err := micros([]byte(text))
		require.Error(t, err, text)
	}
}
