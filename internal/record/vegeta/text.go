package vegeta

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"bellwether/internal/record/lines"
	"bellwether/internal/record/tally"
)

// columns of the CSV: timestamp, code, latency, bytes out, bytes in, error, body, attack, seq, method, url, headers.
const columns = 12

// ReadJSON reads a file of `vegeta encode`, which has a line for every result.
func ReadJSON(text io.Reader) (*tally.Tally, error) {
	var t tally.Tally
	in := lines.New(text)
	one := &single{}
	decode := vegeta.NewJSONDecoder(one)
	for {
		line, err := in.Next()
		if err == io.EOF {
			return finish(&t)
		}
		if err != nil {
			return nil, err
		}
		one.set(line)
		var r vegeta.Result
		if err := decode(&r); err != nil {
			return nil, in.Errorf("no result of Vegeta, or cut off: %w", err)
		}
		if err := add(&t, &r); err != nil {
			return nil, in.Errorf("%w", err)
		}
	}
}

// single gives a decoder one line at a time, so that nothing is read ahead and the number of the line is known.
type single struct{ rest []byte }

func (s *single) set(line []byte) { s.rest = append(append(s.rest[:0], line...), '\n') }

func (s *single) Read(p []byte) (int, error) {
	if len(s.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

// ReadCSV reads a file of `vegeta encode -to csv`, which has no header.
func ReadCSV(text io.Reader) (*tally.Tally, error) {
	var t tally.Tally
	in := lines.New(text)
	var fields [][]byte
	for {
		line, err := in.Next()
		if err == io.EOF {
			return finish(&t)
		}
		if err != nil {
			return nil, err
		}
		if fields, err = in.Fields(line, ',', fields[:0]); err != nil {
			return nil, err
		}
		r, err := result(fields)
		if err == nil {
			err = add(&t, &r)
		}
		if err != nil {
			return nil, in.Errorf("%w", err)
		}
	}
}

// result is a line, without the body and the headers.
func result(fields [][]byte) (r vegeta.Result, err error) {
	if len(fields) != columns {
		return r, fmt.Errorf("%d columns, and Vegeta writes %d; the file is cut off or damaged here, or two files in one", len(fields), columns)
	}
	var numbers [5]int64
	for i, name := range [...]string{"timestamp", "code", "latency", "bytes out", "bytes in"} {
		numbers[i], err = strconv.ParseInt(string(fields[i]), 10, 64)
		if err != nil || numbers[i] < 0 || i == 1 && numbers[i] > 999 {
			return r, fmt.Errorf("its %s is %q", name, fields[i][:min(len(fields[i]), 40)])
		}
	}
	return vegeta.Result{
		Timestamp: time.Unix(0, numbers[0]), Code: uint16(numbers[1]), Latency: time.Duration(numbers[2]), BytesIn: uint64(numbers[4]),
		Error: string(fields[5]), Attack: string(fields[7]), Method: string(fields[9]), URL: string(bytes.TrimSpace(fields[10])),
	}, nil
}
