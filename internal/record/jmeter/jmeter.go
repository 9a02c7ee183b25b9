// Package jmeter reads the result files (JTL) that JMeter writes as CSV, as it does unless it was told otherwise.
//
// A latency is JMeter's elapsed: from just before the request was sent until the last byte came. Its timeStamp is when that
// began. An error is a sample whose success is not true. Format: https://jmeter.apache.org/usermanual/listeners.html.
package jmeter

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"bellwether/internal/record/lines"
	"bellwether/internal/record/tally"
)

// columns are those that matter. Without the first four there is nothing to judge.
var columns = [...]string{"timeStamp", "elapsed", "label", "success", "responseCode", "responseMessage", "bytes"}

const needed = 4

// delimiters that JMeter is told to use.
const delimiters = ",;\t|"

// IsCSV tells whether a file that begins like this is a JTL with a header.
func IsCSV(head []byte) bool {
	line, _, _ := bytes.Cut(head, []byte{'\n'})
	names := bytes.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune(delimiters+"\r", r) })
	return len(names) > 1 && string(names[0]) == "timeStamp"
}

// IsXML tells whether a file that begins like this is a JTL in XML.
func IsXML(head []byte) bool {
	return bytes.HasPrefix(head, []byte("<?xml")) && bytes.Contains(head, []byte("<testResults"))
}

// IsHeadless tells whether a file that begins like this looks like the samples of a JTL without its header.
func IsHeadless(head []byte) bool {
	line, _, _ := bytes.Cut(head, []byte{'\n'})
	fields := bytes.Split(line, []byte{','})
	return len(fields) > 6 && len(fields[0]) == 13 && whole(fields[0]) && whole(fields[1]) && (bytes.Contains(line, []byte(",true,")) || bytes.Contains(line, []byte(",false,")))
}

// Why JTL files are refused.
var (
	ErrXML      = errors.New("JMeter's results in XML; have it write CSV: -Jjmeter.save.saveservice.output_format=csv")
	ErrHeadless = errors.New("it looks like JMeter's results, and its header is missing; have JMeter write one: " +
		"-Jjmeter.save.saveservice.print_field_names=true, or put the names of the columns in front: timeStamp,elapsed,label,…")
	errNothing = errors.New("JMeter recorded no finished sample in it")
)

// transaction is how the message of a sample begins that sums up others.
const transaction = "Number of samples in transaction"

// table is a JTL.
type table struct {
	lines        *lines.Reader
	header       []byte
	comma        byte
	width        int
	at           [len(columns)]int // where the columns are; -1: absent
	fields       [][]byte
	requests     tally.Tally
	transactions tally.Tally // of the samples that sum up others, which may be all there are
}

// ReadCSV reads a JTL with a header.
func ReadCSV(text io.Reader) (*tally.Tally, error) {
	t := table{lines: lines.New(text)}
	first, err := t.lines.Next()
	if err != nil {
		return nil, err
	}
	if err := t.open(bytes.Clone(first)); err != nil {
		return nil, t.lines.Errorf("%w", err)
	}
	for {
		line, err := t.lines.Next()
		if err == io.EOF {
			return t.finish()
		}
		if err != nil {
			return nil, err
		}
		if bytes.Equal(line, t.header) {
			continue // files that were joined
		}
		if err := t.read(line); err != nil {
			return nil, err
		}
	}
}

// open learns the columns.
func (t *table) open(header []byte) error {
	t.header, t.comma = header, header[len("timeStamp")]
	names := bytes.Split(header, []byte{t.comma})
	t.width = len(names)
	for i, column := range columns {
		t.at[i] = slices.IndexFunc(names, func(name []byte) bool { return string(bytes.Trim(name, `"`)) == column })
		if t.at[i] < 0 && i < needed {
			return fmt.Errorf("the column %s is missing; have JMeter write it: jmeter.save.saveservice.*", column)
		}
	}
	return nil
}

func (t *table) read(line []byte) (err error) {
	if t.fields, err = t.lines.Fields(line, t.comma, t.fields[:0]); err != nil {
		return err
	}
	if len(t.fields) != t.width {
		return t.lines.Errorf("%d columns, and the header has %d; the file is cut off or damaged here, or two files in one", len(t.fields), t.width)
	}
	if err := t.add(); err != nil {
		return t.lines.Errorf("%w", err)
	}
	return nil
}

// field is the one of a column; nil when it is absent.
func (t *table) field(column int) []byte {
	if t.at[column] < 0 {
		return nil
	}
	return t.fields[t.at[column]]
}

func (t *table) add() error {
	began, err := strconv.ParseInt(string(t.field(0)), 10, 64)
	if err != nil || began < 0 || began > 7e12 {
		return fmt.Errorf("its timeStamp is %q: no milliseconds since 1970; have JMeter write those: -Jjmeter.save.saveservice.timestamp_format=ms", clipped(t.field(0)))
	}
	elapsed, err := strconv.ParseInt(string(t.field(1)), 10, 64)
	if err != nil || elapsed < 0 || elapsed > 1e12 {
		return fmt.Errorf("its elapsed is %q: no milliseconds", clipped(t.field(1)))
	}
	success := string(t.field(3))
	if success != "true" && success != "false" {
		return fmt.Errorf("its success is %q: neither true nor false", clipped(t.field(3)))
	}
	status, _ := strconv.ParseUint(string(t.field(4)), 10, 16) // none, or in words
	received, _ := strconv.ParseUint(string(t.field(6)), 10, 62)
	into := t.of(t.field(5))
	if status == 0 && success == "false" {
		into.Fault(t.field(5))
	}
	return into.Add(into.Target(nil, nil, t.field(2)), tally.Request{
		Start: began * 1e6, Took: elapsed * 1000, Status: int(status), Failed: success == "false", Bytes: int64(received),
	})
}

// of is where a sample is counted: one that sums up others would count them twice.
func (t *table) of(message []byte) *tally.Tally {
	if bytes.HasPrefix(message, []byte(transaction)) {
		return &t.transactions
	}
	return &t.requests
}

func (t *table) finish() (*tally.Tally, error) {
	switch {
	case t.requests.Requests() > 0:
		return &t.requests, nil
	case t.transactions.Requests() > 0:
		return &t.transactions, nil
	}
	return nil, errNothing
}

func whole(text []byte) bool {
	return len(text) > 0 && !bytes.ContainsFunc(text, func(r rune) bool { return r < '0' || r > '9' })
}

// clipped is as much of a text as an error needs.
func clipped(text []byte) []byte { return text[:min(len(text), 40)] }
