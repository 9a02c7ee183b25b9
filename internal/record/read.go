package record

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"

	"bellwether/internal/record/jmeter"
	"bellwether/internal/record/k6"
	"bellwether/internal/record/tally"
	"bellwether/internal/record/vegeta"
)

// head is how many bytes of a file tell what it is.
const head = 4096

// tool is one format of another tool's.
type tool struct {
	name string
	is   func(head []byte) bool
	read func(io.Reader) (*tally.Tally, error)
}

var tools = []tool{
	{"k6", k6.IsCSV, k6.ReadCSV},
	{"k6", k6.IsJSON, k6.ReadJSON},
	{"Vegeta", vegeta.IsJSON, vegeta.ReadJSON},
	{"Vegeta", vegeta.IsGob, vegeta.ReadGob},
	{"Vegeta", vegeta.IsCSV, vegeta.ReadCSV},
	{"JMeter", jmeter.IsCSV, jmeter.ReadCSV},
	{"JMeter", jmeter.IsXML, func(io.Reader) (*tally.Tally, error) { return nil, jmeter.ErrXML }},
	{"JMeter", jmeter.IsHeadless, func(io.Reader) (*tally.Tally, error) { return nil, jmeter.ErrHeadless }},
}

// Open reads a file, "-" is the standard input. Its errors name the file, and where in its unpacked text they are. What watches is
// told now and then how many bytes were read.
func Open(path string, watch ...func(read int64)) (File, error) {
	name, file := path, os.Stdin
	if path == "-" {
		name = "standard input"
	} else {
		opened, err := os.Open(path)
		if err != nil {
			return File{}, err // names the file
		}
		defer opened.Close()
		file = opened
	}
	f, err := Read(&watched{from: file, watch: watch})
	if err != nil {
		return File{}, fmt.Errorf("%s: %w", name, err)
	}
	if f.Tool != "" {
		f.Run = name
	}
	return f, nil
}

// watched counts what is read.
type watched struct {
	from  io.Reader
	read  int64
	watch []func(read int64)
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.from.Read(p)
	w.read += int64(n)
	for _, watch := range w.watch {
		watch(w.read)
	}
	return n, err
}

// Read reads a file of our own, or of another tool, gzipped or not, which may come from anywhere. What it is, is seen from its
// content. The run of another tool's file has no name.
func Read(r io.Reader) (File, error) { return read(r, largest) }

func read(r io.Reader, limit int64) (File, error) {
	text, err := unpacked(r)
	if err != nil {
		return File{}, err
	}
	unmarked(text)
	begins, err := text.Peek(head)
	switch {
	case len(begins) == 0 && err == io.EOF:
		return File{}, errors.New("it is empty")
	case len(begins) == 0:
		return File{}, fmt.Errorf("unpack: %w", err)
	case ours(begins):
		return readOwn(text, limit)
	}
	for _, t := range tools {
		if t.is(begins) {
			return t.file(text)
		}
	}
	return File{}, errors.New("not a file that this version understands; it reads k6's CSV and JSON lines, Vegeta's JSON, CSV and gob, " +
		"JMeter's CSV, and the measurements that the page of a run offers, such as checkout-flow-R42.json.gz")
}

// unpacked is the text of a file, whether gzipped or not.
func unpacked(r io.Reader) (*bufio.Reader, error) {
	buffered := bufio.NewReaderSize(r, 64<<10)
	if magic, _ := buffered.Peek(2); !bytes.Equal(magic, []byte{0x1f, 0x8b}) { // too short is seen later
		return bufio.NewReaderSize(buffered, 1<<20), nil
	}
	plain, err := gzip.NewReader(buffered)
	if err != nil {
		return nil, fmt.Errorf("unpack: %w", err)
	}
	return bufio.NewReaderSize(plain, 1<<20), nil
}

// unmarked drops the mark that some editors and spreadsheets begin a text with.
func unmarked(text *bufio.Reader) {
	if mark, _ := text.Peek(3); string(mark) == "\uFEFF" {
		_, _ = text.Discard(len(mark))
	}
}

// file reads a file of the tool's.
func (t tool) file(text io.Reader) (File, error) {
	counted, err := t.read(text)
	if err != nil {
		return File{}, err
	}
	f := File{Tool: t.name, Scenario: counted.Scenario(), Environment: t.name, Notes: counted.Notes(), Record: counted.Record()}
	f.Start = f.Record.Start
	return f, nil
}
