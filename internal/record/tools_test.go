package record

import (
	"bytes"
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/tsenart/vegeta/v12/lib"

	"bellwether/pipeline"
)

var update = flag.Bool("update", false, "have Vegeta write its samples in testdata anew")

// samples are the same three requests as each tool records them: cart in 114 ms, an order that failed after 20 ms with 503, and
// a cart that got no answer.
var samples = map[string]struct{ tool, scenario, cart, order string }{
	"k6.csv":      {"k6", "checkout", "buy/cart", "buy/order, paid"},
	"k6.json":     {"k6", "checkout", "buy/cart", "buy/order, paid"},
	"jmeter.jtl":  {"JMeter", "all", "cart", "order, paid"},
	"vegeta.json": {"Vegeta", "checkout", "GET /cart", "POST /orders"},
	"vegeta.csv":  {"Vegeta", "checkout", "GET /cart", "POST /orders"},
	"vegeta.gob":  {"Vegeta", "checkout", "GET /cart", "POST /orders"},
}

func TestFilesOfOtherTools(t *testing.T) {
	if *update {
		vegetaWrites(t)
	}
	for name, want := range samples {
		for _, packed := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				text, err := os.ReadFile(filepath.Join("testdata", name))
				require.NoError(t, err)
				if packed {
					text = zipped(t, string(text))
				}
				f, err := Read(bytes.NewReader(text))
				require.NoError(t, err)
				require.Equal(t, want.tool, f.Tool)
				require.Equal(t, want.scenario, f.Scenario)
				requireTheThree(t, f.Record, want.cart, want.order)
			})
		}
	}
}

func requireTheThree(t *testing.T, r pipeline.Record, cart, order string) {
	t.Helper()
	require.Equal(t, "2022-01-04T12:15:36Z", r.Start.Format(time.RFC3339))
	require.True(t, r.Closed)
	require.Equal(t, 3, r.Seconds())
	require.NotEmpty(t, r.Fault)
	type measured struct {
		target, class string
		failed        bool
		second        int
	}
	got := map[measured]int64{}
	for _, s := range r.Series {
		for _, c := range s.Cells {
			require.Len(t, c.Latency, 1)
			got[measured{s.Target, s.Class, s.Failed, c.Second}] = c.Latency[0].Value / 1000
		}
	}
	require.Equal(t, map[measured]int64{
		{cart, "2xx", false, 0}: 114, {order, "5xx", true, 2}: 20, {cart, "none", true, 2}: got[measured{cart, "none", true, 2}],
	}, got)
}

// vegetaWrites writes the samples as Vegeta itself does.
func vegetaWrites(t *testing.T) {
	for name, encoder := range map[string]func(*os.File) vegeta.Encoder{
		"vegeta.json": func(f *os.File) vegeta.Encoder { return vegeta.NewJSONEncoder(f) },
		"vegeta.csv":  func(f *os.File) vegeta.Encoder { return vegeta.NewCSVEncoder(f) },
		"vegeta.gob":  func(f *os.File) vegeta.Encoder { return vegeta.NewEncoder(f) },
	} {
		out, err := os.Create(filepath.Join("testdata", name))
		require.NoError(t, err)
		encode := encoder(out)
		began := time.Date(2022, 1, 4, 12, 15, 36, 2e8, time.UTC)
		for i, r := range []vegeta.Result{
			{Code: 200, Timestamp: began, Latency: 114365 * time.Microsecond, BytesIn: 9, Body: []byte("two\nlines"), Method: "GET", URL: "https://shop.test/cart?id=1"},
			{Code: 503, Timestamp: began.Add(2500 * time.Millisecond), Latency: 20 * time.Millisecond, Error: "503 Service \"Unavailable\",\nlater", Method: "POST", URL: "https://shop.test/orders"},
			{Timestamp: began.Add(2700 * time.Millisecond), Latency: 30 * time.Millisecond, Error: "dial: i/o timeout", Method: "GET", URL: "https://shop.test/cart?id=2"},
		} {
			r.Attack, r.Seq, r.Headers = "checkout", uint64(i), http.Header{"Content-Type": {"text/plain"}}
			require.NoError(t, encode(&r))
		}
		require.NoError(t, out.Close())
	}
}

// Whatever is cut off, is said to be, or is a smaller file of whole lines.
func TestWhatIsCutOff(t *testing.T) {
	for name := range samples {
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join("testdata", name))
			require.NoError(t, err)
			packed := zipped(t, string(text))
			for _, length := range []int{len(packed) - 4, len(packed) * 3 / 4, len(packed) / 2} {
				_, err := Read(bytes.NewReader(packed[:length]))
				require.ErrorContains(t, err, "cut off", length)
			}
			_, err = Read(bytes.NewReader(text[:len(text)*8/10]))
			require.ErrorContains(t, err, "cut off")
			require.Regexp(t, `^(line|result) \d+: `, err.Error())
		})
	}
}

func TestFilesThatAreRefused(t *testing.T) {
	const csv = "metric_name,timestamp,metric_value,scenario\n"
	const point = `{"metric":"http_req_duration","type":"Point","data":{"time":"2022-01-04T12:15:36Z","value":1,"tags":null}}` + "\n"
	const jtl = "timeStamp,elapsed,label,responseCode,success\n"
	const result = "1641298536200000000,200,1000,0,0,,,a,0,GET,/,\n"
	for says, text := range map[string]string{
		"line 2: 3 columns, and the header has 4":                                                                       csv + "http_req_duration,1641298536,1\n",
		"line 3: JSON after CSV: these are two files":                                                                   csv + "vus,1641298536,1,\n" + point,
		"line 2: CSV after JSON: these are two files":                                                                   point + csv,
		"line 2: a header with other columns":                                                                           csv + "metric_name,timestamp,metric_value,group\n",
		`line 2: its time is "yesterday": neither Unix time nor RFC 3339`:                                               csv + "http_req_duration,yesterday,1,\n",
		`line 2: its value is "fast": no duration in milliseconds`:                                                      csv + "http_req_duration,1641298536,fast,\n",
		`line 2: its value is "-1": no duration in milliseconds`:                                                        csv + "http_req_duration,1641298536,-1,\n",
		"line 3: a request at 2022-01-04 12:15:36, and others at 2000-01-01 00:00:00: no load lasts longer than 7 days": csv + "http_req_duration,946684800,1,\nhttp_req_duration,1641298536,1,\nvus,1,1,\n",
		"line 2: an empty line":                                                                                         point + "\n" + point,
		"line 2: cut off; copy the file again":                                                                          point + point[:50],
		"line 2: JSON, and neither a Metric nor a Point":                                                                point + `{"a":1}` + "\n",
		"line 2: invalid character":                                                                                     point + "\x00\x01\n",
		"line 2: longer than 1 MiB":                                                                                     csv + string(bytes.Repeat([]byte("x"), 2<<20)) + "\n",
		"line 2: a quoted field has no end":                                                                             csv + `vus,1641298536,1,"` + "\nvus,1641298536,1,\n",
		"k6 recorded no finished request":                                                                               csv + "vus,1641298536,1,\n",
		"the column success is missing":                                                                                 "timeStamp,elapsed,label\n",
		"line 2: its timeStamp is \"2022/01/04 12:15:36\"":                                                              jtl + "2022/01/04 12:15:36,1,a,200,true\n",
		"line 2: its elapsed is \"-1\"":                                                                                 jtl + "1641298536200,-1,a,200,true\n",
		"line 2: its success is \"\"":                                                                                   jtl + "1641298536200,1,a,200,\n",
		"JMeter recorded no finished sample":                                                                            jtl,
		"JMeter's results in XML; have it write CSV":                                                                    `<?xml version="1.0" encoding="UTF-8"?>` + "\n<testResults version=\"1.2\">\n",
		"looks like JMeter's results, and its header is":                                                                "1641298536200,114,cart,200,OK,Thread Group 1-1,text,true,,25251\n",
		"line 2: 1 columns, and Vegeta writes 12":                                                                       result + "x\n",
		"line 2: column 2: bare \" in non-quoted-field; the file is damaged here, or two files in one":                  result + "{\"latency\":1}\n",
		"line 2: its latency is \"-5\"":                                                                                 result + "1641298536200000000,200,-5,0,0,,,a,0,GET,/,\n",
		"line 2: no result of Vegeta, or cut off":                                                                       `{"timestamp":"2022-01-04T12:15:36Z","latency":1}` + "\nx\n",
		"line 2: it has no timestamp: no result of Vegeta":                                                              `{"timestamp":"2022-01-04T12:15:36Z","latency":1}` + "\n{}\n",
	} {
		_, err := Read(bytes.NewReader([]byte(text)))
		require.ErrorContains(t, err, says)
	}
}

func TestAMarkBeforeTheText(t *testing.T) {
	for _, name := range []string{"k6.csv", "k6.json", "jmeter.jtl"} {
		text, err := os.ReadFile(filepath.Join("testdata", name))
		require.NoError(t, err)
		f, err := Read(bytes.NewReader(append([]byte("\uFEFF"), text...)))
		require.NoError(t, err)
		require.Equal(t, samples[name].tool, f.Tool)
	}
}

// Files that were joined, each with its header, are one.
func TestTheSameHeaderAgain(t *testing.T) {
	for _, name := range []string{"k6.csv", "jmeter.jtl"} {
		text, err := os.ReadFile(filepath.Join("testdata", name))
		require.NoError(t, err)
		f, err := Read(bytes.NewReader(append(bytes.Clone(text), text...)))
		require.NoError(t, err)
		require.EqualValues(t, 6, f.result().Groups[""].Requests)
	}
}

func TestDroppedIterationsAreNoGoodMeasurement(t *testing.T) {
	text := "metric_name,timestamp,metric_value\nhttp_req_duration,1641298536,5\nhttp_req_duration,1641298536,5\niterations,1641298536,1\ndropped_iterations,1641298537,3\n"
	f, err := Read(bytes.NewReader([]byte(text)))
	require.NoError(t, err)
	require.Equal(t, "iterations were dropped: k6 sent only 2 of about 8 requests", f.result().Invalid)
}

// Whatever is in a file of whatever tool, it is refused or counted: nothing crashes.
func FuzzTools(f *testing.F) {
	for name := range samples {
		text, err := os.ReadFile(filepath.Join("testdata", name))
		require.NoError(f, err)
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		file, err := read(bytes.NewReader(text), 1<<20)
		if err != nil || file.Tool == "" {
			return
		}
		require.NotEmpty(t, file.result().Groups)
		require.LessOrEqual(t, len(file.result().Groups), 102)
	})
}
