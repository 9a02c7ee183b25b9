package k6

import (
	"bytes"
	"io"
	"slices"

	"bellwether/internal/record/lines"
	"bellwether/internal/record/tally"
)

// header is how the first line of a CSV file begins.
const header = "metric_name,timestamp,metric_value"

// IsCSV tells whether a file that begins like this is k6's CSV.
func IsCSV(head []byte) bool { return bytes.HasPrefix(head, []byte(header)) }

// columns are those that matter, in the order of point.fields.
var columns = [...]string{
	"metric_name", "timestamp", "metric_value", "scenario", "group", "name", "url", "status", "expected_response", "error_code",
}

// fields are where the columns go.
func (p *point) fields() [len(columns)]*[]byte {
	return [...]*[]byte{&p.metric, &p.time, &p.value, &p.scenario, &p.group, &p.name, &p.url, &p.status, &p.expected, &p.failure}
}

// table is a CSV file.
type table struct {
	reader
	lines  *lines.Reader
	header []byte
	width  int
	at     [len(columns)]int // where the columns are; -1: absent
	fields [][]byte
	point  point
}

// ReadCSV reads a file of `k6 run --out csv`. Which columns it has depends on the tags that the script wants; the first three are
// always the same.
func ReadCSV(text io.Reader) (*tally.Tally, error) {
	t := table{lines: lines.New(text)}
	first, err := t.lines.Next()
	if err != nil {
		return nil, err
	}
	t.header = bytes.Clone(first)
	names := bytes.Split(t.header, []byte{','})
	t.width = len(names)
	for i, column := range columns {
		t.at[i] = slices.IndexFunc(names, func(name []byte) bool { return string(name) == column })
	}
	for {
		line, err := t.lines.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		if err := t.read(line); err != nil {
			return nil, err
		}
	}
	return t.finish()
}

// read counts a line. Most are of metrics that nobody judges, and are only counted through.
func (t *table) read(line []byte) error {
	plain := bytes.IndexByte(line, '"') < 0
	if plain && bytes.Count(line, []byte{','}) == t.width-1 && !interesting(line[:bytes.IndexByte(line, ',')]) {
		return t.again(line)
	}
	if bytes.HasPrefix(line, []byte("{")) {
		return t.lines.Errorf("JSON after CSV: these are two files, compare them one by one")
	}
	var err error
	if t.fields, err = t.lines.Fields(line, ',', t.fields[:0]); err != nil {
		return err
	}
	if len(t.fields) != t.width {
		return t.mixed(line)
	}
	t.fill()
	if err := t.add(&t.point); err != nil {
		return t.lines.Errorf("%w", err)
	}
	return nil
}

// again lets the header be repeated, as where files were joined; another one has other columns.
func (t *table) again(line []byte) error {
	if bytes.HasPrefix(line, []byte(header)) && !bytes.Equal(line, t.header) {
		return t.lines.Errorf("a header with other columns than the first: these are two files, compare them one by one")
	}
	return nil
}

// mixed says what is wrong with a line of another width.
func (t *table) mixed(line []byte) error {
	if IsCSV(line) {
		return t.again(line)
	}
	return t.lines.Errorf("%d columns, and the header has %d; the file is cut off or damaged here", len(t.fields), t.width)
}

func (t *table) fill() {
	for i, field := range t.point.fields() {
		*field = nil
		if at := t.at[i]; at >= 0 {
			*field = t.fields[at]
		}
	}
}
