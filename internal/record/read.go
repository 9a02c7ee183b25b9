package record

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"
)

// largest is how many bytes a file may have once it is unpacked: several hours of load on twenty targets, at some 200 bytes a
// second and target. What has more is a bomb.
const largest = 64 << 20

// Open reads a file. Its errors name the file, and where in its unpacked text they are.
func Open(path string) (File, error) {
	file, err := os.Open(path)
	if err != nil {
		return File{}, err // names the file
	}
	defer file.Close()
	f, err := Read(file)
	if err != nil {
		return File{}, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

// Read reads what Write wrote, gzipped or not. It may come from anywhere.
func Read(r io.Reader) (File, error) { return read(r, largest) }

func read(r io.Reader, limit int64) (File, error) {
	text, err := unpacked(r, limit)
	if err != nil {
		return File{}, err
	}
	if !ours(text) {
		return File{}, errors.New("not a file that this version understands; it reads the measurements that the page of a run offers, " +
			"such as checkout-flow-R42.json.gz")
	}
	f, err := decode(text)
	if err == nil {
		err = f.validate()
	}
	return f, err
}

// unpacked is the text of a file, whether gzipped or not.
func unpacked(r io.Reader, limit int64) ([]byte, error) {
	buffered := bufio.NewReader(r)
	var plain io.Reader = buffered
	if magic, _ := buffered.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) { // too short is seen below
		zipped, err := gzip.NewReader(buffered)
		if err != nil {
			return nil, fmt.Errorf("unpack: %w", err)
		}
		plain = zipped
	}
	text, err := io.ReadAll(io.LimitReader(plain, limit+1))
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, fmt.Errorf("cut off after %d bytes of its text; download it again", len(text))
	case err != nil:
		return nil, fmt.Errorf("unpack: byte %d of its text: %w", len(text), err)
	case int64(len(text)) > limit:
		return nil, fmt.Errorf("its text has more than %d MiB, as no result has", limit>>20)
	}
	return text, nil
}

// ours tells whether a text begins as a File does, whatever follows.
func ours(text []byte) bool {
	tokens := json.NewDecoder(bytes.NewReader(text))
	brace, err := tokens.Token()
	if err != nil || brace != json.Delim('{') {
		return false
	}
	key, err := tokens.Token()
	return err == nil && key == "bellwether"
}

// decode says where a text is malformed.
func decode(text []byte) (File, error) {
	var version struct {
		Format int `json:"bellwether"`
	}
	if err := json.Unmarshal(text, &version); err != nil {
		return File{}, located(text, err)
	}
	if version.Format != format {
		return File{}, fmt.Errorf("format %d, of another version of Bellwether; this one reads format %d", version.Format, format)
	}
	var f File
	if err := json.Unmarshal(text, &f); err != nil {
		return File{}, located(text, err)
	}
	return f, nil
}

// located says where an error is, as far as it knows.
func located(text []byte, err error) error {
	var offset int64
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		offset = syntax.Offset
	} else if mistyped, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		offset = mistyped.Offset
	} else {
		return err
	}
	line := 1 + bytes.Count(text[:min(offset, int64(len(text)))], []byte("\n"))
	return fmt.Errorf("line %d, byte %d: %w", line, offset, err)
}

// validate refuses what no Bellwether writes, and what nobody should print on a terminal.
func (f File) validate() error {
	names := []string{f.Run, f.Scenario, f.Environment, f.Hash, f.Thing}
	names = append(append(names, f.Together...), f.Baseline...)
	for thing, version := range f.Versions {
		names = append(names, thing, version)
	}
	for _, g := range f.Gates {
		names = append(names, string(g.Metric))
	}
	for _, s := range f.Record.Series {
		names = append(names, s.Target, s.Class)
	}
	for _, name := range names {
		if strings.ContainsFunc(name, unicode.IsControl) {
			return fmt.Errorf("a name has control characters: %q", name)
		}
	}
	switch {
	case f.Run == "", f.Scenario == "":
		return errors.New("run or scenario is missing")
	case f.Record.Warmup < 0 || f.Record.Warmup > f.Record.Seconds():
		return fmt.Errorf("record.warmup: %d of %d s", f.Record.Warmup, f.Record.Seconds())
	}
	for i, tick := range f.Record.Generator {
		if tick.Offered < 0 || tick.Sent < 0 {
			return fmt.Errorf("record.generator[%d]: a negative number of requests", i)
		}
	}
	return nil
}
