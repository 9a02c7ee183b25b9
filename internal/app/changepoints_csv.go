package app

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"bellwether/internal/suggest"
)

// table is a CSV file.
type table struct {
	names []string
	rows  [][]string
	lines []int // of each row, in the file
}

// column is the values of one; NaN is one that is missing.
type column struct {
	name   string
	values []float64
}

func (c column) measured() (n int) {
	for _, v := range c.values {
		if !math.IsNaN(v) {
			n++
		}
	}
	return n
}

func openTable(path string) (table, error) {
	if path == "-" {
		return readTable(os.Stdin)
	}
	file, err := os.Open(path)
	if err != nil {
		return table{}, errors.Unwrap(err) // the caller names the file
	}
	defer file.Close()
	return readTable(file)
}

// largestTable is how many bytes a file may have, for all of it is kept: ten thousand releases of a hundred columns.
const largestTable = 8 << 20

// readTable reads CSV whose first line names the columns, unless it is all numbers.
func readTable(r io.Reader) (table, error) {
	limited := &io.LimitedReader{R: r, N: largestTable + 1}
	lines, err := records(bufio.NewReader(limited))
	if err != nil {
		return table{}, err
	}
	var t table
	for {
		row, err := lines.Read()
		switch {
		case limited.N == 0:
			return table{}, fmt.Errorf("it has more than %d MiB, as no history of releases has", largestTable>>20)
		case errors.Is(err, io.EOF):
			return t.named()
		case err != nil && !errors.Is(err, csv.ErrFieldCount):
			return table{}, broken(err)
		}
		line, _ := lines.FieldPos(0)
		if err != nil {
			return table{}, fmt.Errorf("line %d: %s, but line %d has %d", line, counted(len(row)), t.lines[0], len(t.rows[0]))
		}
		t.rows, t.lines = append(t.rows, row), append(t.lines, line)
	}
}

// records reads a text divided by commas; by semicolons or tabs, as spreadsheets write them, when its first line has no comma.
func records(text *bufio.Reader) (*csv.Reader, error) {
	if mark, _ := text.Peek(3); string(mark) == "\uFEFF" { // spreadsheets begin with it
		_, _ = text.Discard(len(mark))
	}
	head, _ := text.Peek(text.Size())
	if bytes.IndexByte(head, 0) >= 0 {
		return nil, errors.New("it is no text in UTF-8; if it is packed, unpack it first")
	}
	lines := csv.NewReader(text)
	first, _, _ := bytes.Cut(bytes.TrimLeft(head, "\r\n"), []byte("\n"))
	for _, delimiter := range "\t;," { // the last one that is there counts
		if bytes.ContainsRune(first, delimiter) {
			lines.Comma = delimiter
		}
	}
	return lines, nil
}

func counted(cells int) string {
	if cells == 1 {
		return "one cell"
	}
	return fmt.Sprintf("%d cells", cells)
}

// broken says what is wrong with the CSV as this file's other errors do.
func broken(err error) error {
	if wrong, ok := errors.AsType[*csv.ParseError](err); ok {
		return fmt.Errorf("line %d, byte %d: %w", wrong.Line, wrong.Column, wrong.Err)
	}
	return err
}

// named takes the names of the columns from the first row, or counts them.
func (t table) named() (table, error) {
	if len(t.rows) == 0 {
		return t, errors.New("the file is empty")
	}
	t.names = make([]string, len(t.rows[0]))
	isHeader := slices.ContainsFunc(t.rows[0], func(cell string) bool {
		_, err := number(cell)
		return err != nil
	})
	for i, cell := range t.rows[0] {
		t.names[i] = strconv.Itoa(i + 1)
		if name := strings.TrimSpace(cell); isHeader && name != "" {
			t.names[i] = name
		}
		if strings.ContainsFunc(t.names[i], unicode.IsControl) { // nobody should print it on a terminal
			return t, fmt.Errorf("line %d: a name has control characters: %q", t.lines[0], t.names[i])
		}
	}
	if isHeader {
		t.rows, t.lines = t.rows[1:], t.lines[1:]
	}
	if len(t.rows) == 0 {
		return t, errors.New("there is no row below the names of the columns")
	}
	return t, nil
}

// column is the one of that name.
func (t table) column(name string) (column, error) {
	i := slices.Index(t.names, name)
	switch {
	case i < 0:
		return column{}, fmt.Errorf("there is no column %q%s", name, suggest.Hint(name, t.names))
	case slices.Contains(t.names[i+1:], name):
		return column{}, fmt.Errorf("there are several columns %q; name them apart", name)
	}
	c, err := t.parse(i)
	if err == nil && c.measured() == 0 {
		err = fmt.Errorf("column %q has no number in it", name)
	}
	return c, err
}

// numeric is all columns of numbers. Of one that has both numbers and others it tells what is none. When no column is left, the
// error tells it of the last column too: where numbers are expected.
func (t table) numeric() (columns []column, left []error, err error) {
	var text error
	for i := range t.names {
		switch c, err := t.parse(i); {
		case c.measured() == 0:
			text = err
		case err != nil:
			left = append(left, err)
		default:
			columns = append(columns, c)
		}
	}
	if len(columns) == 0 {
		return nil, nil, errors.Join(append([]error{errors.New("there is no column of numbers"), text}, left...)...)
	}
	return columns, left, nil
}

// parse reads all numbers of a column. The error is about the first cell that is none.
func (t table) parse(i int) (c column, err error) {
	c = column{name: t.names[i], values: make([]float64, len(t.rows))}
	for n, row := range t.rows {
		v, wrong := number(row[i])
		if wrong != nil && err == nil {
			err = fmt.Errorf("line %d: column %q: %w", t.lines[n], c.name, wrong)
		}
		c.values[n] = v
	}
	return c, err
}

// number is NaN for a cell that is missing or wrong.
func number(cell string) (float64, error) {
	cell = strings.TrimSpace(cell)
	if cell == "" {
		return math.NaN(), nil
	}
	v, err := strconv.ParseFloat(cell, 64)
	switch {
	case errors.Is(err, strconv.ErrRange):
		return math.NaN(), fmt.Errorf("%q is out of range", cell)
	case err != nil:
		return math.NaN(), fmt.Errorf("%q is not a number", cell)
	case math.IsInf(v, 0):
		return math.NaN(), nil
	}
	return v, nil
}
