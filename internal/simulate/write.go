package simulate

import (
	"bufio"
	"fmt"
	"io"
)

// Format is one in which a run can be written.
type Format string

// The formats.
const (
	K6CSV      Format = "k6-csv"
	K6JSON     Format = "k6-json"
	VegetaJSON Format = "vegeta-json"
	VegetaCSV  Format = "vegeta-csv"
	VegetaGob  Format = "vegeta-gob"
	JMeter     Format = "jmeter"
	Record     Format = "record" // Bellwether's own, always gzipped
)

// Extension is how the name of a file of the format usually ends.
func (f Format) Extension() string {
	return map[Format]string{
		K6CSV: ".csv", K6JSON: ".json", VegetaJSON: ".json", VegetaCSV: ".csv", VegetaGob: ".bin", JMeter: ".jtl", Record: ".json.gz",
	}[f]
}

// writer is a format being written: every sample in turn, then the end.
type writer interface {
	write(Sample) error
	close() error
}

// Write writes run n as the tool of a format would have. Memory does not grow with the run, but for a record's, which
// is a histogram a second.
func (s Spec) Write(w io.Writer, f Format, n int) error {
	buffered := bufio.NewWriterSize(w, 64<<10)
	out, err := s.writer(buffered, f, n)
	if err != nil {
		return err
	}
	for sample := range s.Run(n) {
		if err := out.write(sample); err != nil {
			return err
		}
	}
	if err := out.close(); err != nil {
		return err
	}
	return buffered.Flush()
}

func (s Spec) writer(w io.Writer, f Format, n int) (writer, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	start := s.begin(n)
	switch f {
	case K6CSV:
		return newK6(newK6CSV(w), start)
	case K6JSON:
		return newK6(newK6JSON(w), start)
	case VegetaJSON, VegetaCSV, VegetaGob:
		return newVegeta(w, f, start), nil
	case JMeter:
		return newJMeter(w, start)
	case Record:
		return s.newRecord(w, n), nil
	}
	return nil, fmt.Errorf("unknown format %q", f)
}
