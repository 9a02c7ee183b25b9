package simulate

import (
	"encoding/csv"
	"encoding/json"
	"io"
	"strconv"
	"time"
)

// k6 writes what `k6 run` sends to its outputs: of each iteration, which is one request, all built-in metrics, and the virtual
// users once a second. Times are those of the end of a request, as k6 has it.
type k6 struct {
	points k6Points
	start  time.Time
	second int // whose virtual users were told
}

// k6Point is one value of one metric.
type k6Point struct {
	metric string
	at     time.Time
	value  float64
	tags   k6Tags
}

// k6Tags are the system tags, in k6's order. All but Scenario are those of requests.
type k6Tags struct {
	ErrorCode        string  `json:"error_code,omitempty"`
	ExpectedResponse string  `json:"expected_response,omitempty"`
	Group            *string `json:"group,omitempty"`
	Method           string  `json:"method,omitempty"`
	Name             string  `json:"name,omitempty"`
	Proto            string  `json:"proto,omitempty"`
	Scenario         string  `json:"scenario,omitempty"`
	Status           string  `json:"status,omitempty"`
	URL              string  `json:"url,omitempty"`
}

// k6Points is one of k6's outputs.
type k6Points interface {
	begin() error
	point(k6Point) error
	close() error
}

func newK6(points k6Points, start time.Time) (*k6, error) {
	return &k6{points: points, start: start, second: -1}, points.begin()
}

func (k *k6) write(s Sample) error {
	if err := k.users(s.At); err != nil {
		return err
	}
	end := k.start.Add(s.At + s.Latency)
	tags := k6RequestTags(s)
	for _, m := range k6Request(s) {
		if err := k.points.point(k6Point{m.name, end, m.value, tags}); err != nil {
			return err
		}
	}
	root := ""
	for _, m := range k6Iteration(s) {
		if err := k.points.point(k6Point{m.name, end, m.value, k6Tags{Group: &root, Scenario: "default"}}); err != nil {
			return err
		}
	}
	return nil
}

// users tells of the virtual users of each second that begins.
func (k *k6) users(at time.Duration) error {
	for ; k.second < int(at/time.Second); k.second++ {
		now := k.start.Add(time.Duration(k.second+1) * time.Second)
		for _, metric := range []string{"vus", "vus_max"} {
			if err := k.points.point(k6Point{metric: metric, at: now, value: 50}); err != nil {
				return err
			}
		}
	}
	return nil
}

func (k *k6) close() error { return k.points.close() }

func k6RequestTags(s Sample) k6Tags {
	root := ""
	tags := k6Tags{
		ExpectedResponse: "true", Group: &root, Method: "GET", Name: s.Target, Proto: "HTTP/1.1", Scenario: "default",
		Status: strconv.Itoa(s.status()), URL: s.url(),
	}
	if s.Failed {
		tags.ExpectedResponse, tags.ErrorCode = "false", "1500"
	}
	return tags
}

type k6Value struct {
	name  string
	value float64
}

// k6Request are the values of a request, times in milliseconds. Its duration is sending, waiting and receiving.
func k6Request(s Sample) []k6Value {
	const sending, receiving = 0.03, 0.1
	failed, duration := 0.0, milliseconds(s.Latency)
	if s.Failed {
		failed = 1
	}
	return []k6Value{
		{"http_reqs", 1},
		{"http_req_duration", duration},
		{"http_req_blocked", 0.004},
		{"http_req_connecting", 0},
		{"http_req_tls_handshaking", 0},
		{"http_req_sending", min(sending, duration)},
		{"http_req_waiting", max(0, duration-sending-receiving)},
		{"http_req_receiving", max(0, min(receiving, duration-sending))},
		{"http_req_failed", failed},
	}
}

func k6Iteration(s Sample) []k6Value {
	return []k6Value{
		{"data_sent", sentBytes},
		{"data_received", receivedBytes},
		{"iteration_duration", milliseconds(s.Latency) + 0.05},
		{"iterations", 1},
	}
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// k6CSV is k6's CSV output: one column for each system tag, times in whole seconds.
type k6CSV struct {
	rows *csv.Writer
	row  []string
}

var k6Columns = []string{
	"metric_name", "timestamp", "metric_value", "check", "error", "error_code", "expected_response", "group", "method", "name",
	"proto", "scenario", "service", "status", "subproto", "tls_version", "url", "extra_tags", "metadata",
}

func newK6CSV(w io.Writer) *k6CSV { return &k6CSV{rows: csv.NewWriter(w)} }

func (c *k6CSV) begin() error { return c.rows.Write(k6Columns) }

func (c *k6CSV) point(p k6Point) error {
	t := p.tags
	c.row = append(c.row[:0],
		p.metric, strconv.FormatInt(p.at.Unix(), 10), strconv.FormatFloat(p.value, 'f', 6, 64), "", "", t.ErrorCode, t.ExpectedResponse,
		"", t.Method, t.Name, t.Proto, t.Scenario, "", t.Status, "", "", t.URL, "", "")
	return c.rows.Write(c.row)
}

func (c *k6CSV) close() error {
	c.rows.Flush()
	return c.rows.Error()
}

// k6JSON is k6's JSON output: a line that introduces each metric before its first value, and a line for each value.
type k6JSON struct {
	lines      *json.Encoder
	introduced map[string]bool
}

// k6Kinds are the type of each metric, and what it contains.
var k6Kinds = map[string][2]string{
	"vus": {"gauge", "default"}, "vus_max": {"gauge", "default"},
	"http_reqs": {"counter", "default"}, "http_req_failed": {"rate", "default"},
	"http_req_duration": {"trend", "time"}, "http_req_blocked": {"trend", "time"}, "http_req_connecting": {"trend", "time"},
	"http_req_tls_handshaking": {"trend", "time"}, "http_req_sending": {"trend", "time"}, "http_req_waiting": {"trend", "time"},
	"http_req_receiving": {"trend", "time"}, "iteration_duration": {"trend", "time"},
	"data_sent": {"counter", "data"}, "data_received": {"counter", "data"}, "iterations": {"counter", "default"},
}

func newK6JSON(w io.Writer) *k6JSON {
	return &k6JSON{lines: json.NewEncoder(w), introduced: map[string]bool{}}
}

func (j *k6JSON) begin() error { return nil }

func (j *k6JSON) point(p k6Point) error {
	if !j.introduced[p.metric] {
		j.introduced[p.metric] = true
		if err := j.introduce(p.metric); err != nil {
			return err
		}
	}
	type data struct {
		Time  time.Time `json:"time"`
		Value float64   `json:"value"`
		Tags  *k6Tags   `json:"tags"`
	}
	line := struct {
		Metric string `json:"metric"`
		Type   string `json:"type"`
		Data   data   `json:"data"`
	}{p.metric, "Point", data{p.at, p.value, &p.tags}}
	if p.tags == (k6Tags{}) {
		line.Data.Tags = nil
	}
	return j.lines.Encode(line)
}

func (j *k6JSON) introduce(metric string) error {
	type data struct {
		Name       string   `json:"name"`
		Type       string   `json:"type"`
		Contains   string   `json:"contains"`
		Thresholds []string `json:"thresholds"`
		Submetrics []string `json:"submetrics"`
	}
	return j.lines.Encode(struct {
		Type   string `json:"type"`
		Data   data   `json:"data"`
		Metric string `json:"metric"`
	}{"Metric", data{metric, k6Kinds[metric][0], k6Kinds[metric][1], []string{}, nil}, metric})
}

func (j *k6JSON) close() error { return nil }
