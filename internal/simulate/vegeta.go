package simulate

import (
	"io"
	"net/http"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// vegetaResults writes what `vegeta attack` and `vegeta encode` write, with Vegeta's own encoders.
type vegetaResults struct {
	encode vegeta.Encoder
	start  time.Time
}

func newVegeta(w io.Writer, f Format, start time.Time) vegetaResults {
	encoders := map[Format]func(io.Writer) vegeta.Encoder{
		VegetaJSON: vegeta.NewJSONEncoder, VegetaCSV: vegeta.NewCSVEncoder, VegetaGob: vegeta.NewEncoder,
	}
	return vegetaResults{encoders[f](w), start}
}

func (v vegetaResults) write(s Sample) error {
	result := vegeta.Result{
		Attack: "simulated", Seq: uint64(s.Number), Code: uint16(s.status()), Timestamp: v.start.Add(s.At), Latency: s.Latency,
		BytesIn: receivedBytes, Method: http.MethodGet, URL: s.url(), Headers: http.Header{"Content-Type": {"application/json"}},
	}
	if s.Failed {
		result.Error = "500 Internal Server Error"
	}
	return v.encode(&result)
}

func (v vegetaResults) close() error { return nil }
