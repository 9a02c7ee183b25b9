package simulate

import (
	"encoding/csv"
	"io"
	"net/http"
	"strconv"
	"time"
)

// jmeter writes the CSV that `jmeter -n -l results.jtl` does, with the settings it comes with: a row for each sample, times
// and latencies in whole milliseconds, stamped with the start of the request.
type jmeter struct {
	rows  *csv.Writer
	start time.Time
}

var jmeterColumns = []string{
	"timeStamp", "elapsed", "label", "responseCode", "responseMessage", "threadName", "dataType", "success", "failureMessage",
	"bytes", "sentBytes", "grpThreads", "allThreads", "URL", "Latency", "IdleTime", "Connect",
}

func newJMeter(w io.Writer, start time.Time) (jmeter, error) {
	j := jmeter{csv.NewWriter(w), start}
	return j, j.rows.Write(jmeterColumns)
}

func (j jmeter) write(s Sample) error {
	elapsed := strconv.FormatInt(s.Latency.Milliseconds(), 10)
	return j.rows.Write([]string{
		strconv.FormatInt(j.start.Add(s.At).UnixMilli(), 10), elapsed, s.Target, strconv.Itoa(s.status()), http.StatusText(s.status()),
		"Simulated 1-1", "text", strconv.FormatBool(!s.Failed), "", strconv.Itoa(receivedBytes), strconv.Itoa(sentBytes), "50", "50",
		s.url(), elapsed, "0", "0",
	})
}

func (j jmeter) close() error {
	j.rows.Flush()
	return j.rows.Error()
}
