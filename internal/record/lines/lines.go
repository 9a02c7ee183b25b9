// Package lines reads text line by line for the readers of result files: in constant memory, and knowing where it is.
package lines

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
)

// longest is how many bytes a line may have. Vegeta's hold whole bodies.
const longest = 1 << 20

// Reader reads lines. Its errors say in which line they are.
type Reader struct {
	text   *bufio.Reader
	number int    // of the line read last
	quoted []byte // a record over several lines
}

// New returns a reader of text.
func New(text io.Reader) *Reader { return &Reader{text: bufio.NewReaderSize(text, longest)} }

// Next returns the next line without its end, which is valid until Next is called again; after the last line io.EOF.
func (r *Reader) Next() ([]byte, error) {
	line, err := r.text.ReadSlice('\n')
	if len(line) == 0 && err == io.EOF {
		return nil, io.EOF
	}
	r.number++
	if err != nil && err != io.EOF {
		return nil, r.broken(err)
	}
	line = bytes.TrimSuffix(line, []byte("\n"))
	return bytes.TrimSuffix(line, []byte("\r")), nil
}

func (r *Reader) broken(err error) error {
	corrupt := flate.CorruptInputError(0)
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return r.Errorf("longer than %d MiB, as no line of a result file is", longest>>20)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return r.Errorf("cut off in the middle of the gzipped text; copy the file again")
	case errors.As(err, &corrupt), errors.Is(err, gzip.ErrChecksum), errors.Is(err, gzip.ErrHeader):
		return r.Errorf("the gzipped text is damaged: %w", err)
	}
	return r.Errorf("%w", err)
}

// Errorf is an error in the line read last.
func (r *Reader) Errorf(format string, args ...any) error {
	return fmt.Errorf("line %d: "+format, append([]any{r.number}, args...)...)
}

// Fields splits the line that Next returned at the commas, and appends its fields to those given. A field in quotes may have
// commas, doubled quotes and ends of lines, for which further lines are read (RFC 4180).
func (r *Reader) Fields(line []byte, comma byte, fields [][]byte) ([][]byte, error) {
	if bytes.IndexByte(line, '"') >= 0 {
		return r.quotedFields(line, comma, fields)
	}
	for {
		i := bytes.IndexByte(line, comma)
		if i < 0 {
			return append(fields, line), nil
		}
		fields, line = append(fields, line[:i]), line[i+1:]
	}
}

func (r *Reader) quotedFields(line []byte, comma byte, fields [][]byte) ([][]byte, error) {
	first := r.number
	r.quoted = append(r.quoted[:0], line...)
	for bytes.Count(r.quoted, []byte{'"'})%2 == 1 {
		more, err := r.Next()
		if err == io.EOF {
			return nil, fmt.Errorf("line %d: a quoted field has no end; the file is cut off, or no CSV", first)
		}
		if err != nil {
			return nil, err
		}
		if len(r.quoted)+len(more) > longest {
			return nil, fmt.Errorf("line %d: a record of more than %d MiB; a quote may be missing", first, longest>>20)
		}
		r.quoted = append(append(r.quoted, '\n'), more...)
	}
	return r.exactly(r.quoted, comma, fields)
}

// exactly splits one record by encoding/csv.
func (r *Reader) exactly(record []byte, comma byte, fields [][]byte) ([][]byte, error) {
	exact := csv.NewReader(bytes.NewReader(record))
	exact.Comma = rune(comma)
	texts, err := exact.Read()
	if parse, ok := errors.AsType[*csv.ParseError](err); ok {
		return nil, r.Errorf("column %d: %w; the file is damaged here, or two files in one", parse.Column, parse.Err)
	}
	if err != nil {
		return nil, r.Errorf("%w", err)
	}
	for _, text := range texts {
		fields = append(fields, []byte(text))
	}
	return fields, nil
}
