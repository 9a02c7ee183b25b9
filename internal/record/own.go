package record

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
)

// largest is how many bytes a file of our own may have once it is unpacked: several hours of load on twenty targets, at some 200
// bytes a second and target. What has more is a bomb.
const largest = 64 << 20

// readOwn reads what Write wrote.
func readOwn(r io.Reader, limit int64) (File, error) {
	text, err := io.ReadAll(io.LimitReader(r, limit+1))
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return File{}, fmt.Errorf("cut off after %d bytes of its text; download it again", len(text))
	case err != nil:
		return File{}, fmt.Errorf("unpack: byte %d of its text: %w", len(text), err)
	case int64(len(text)) > limit:
		return File{}, fmt.Errorf("its text has more than %d MiB, as no result has", limit>>20)
	}
	f, err := decode(text)
	if err == nil {
		err = f.validate()
	}
	return f, err
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
