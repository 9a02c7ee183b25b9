package store

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// fields reads a hash. An absent field leaves its zero value; the first malformed one is the error, and ends the reading.
type fields struct {
	key    string
	values map[string]string
	err    error
}

// fields are those of a hash as a script returns it: names and values in turn.
func (s *Store) fields(reply any, kind string, name ...string) *fields {
	list, _ := reply.([]any)
	values := make(map[string]string, len(list)/2)
	for pair := range slices.Chunk(list, 2) {
		values[pair[0].(string)] = pair[1].(string)
	}
	return &fields{key: s.key(kind, name...), values: values}
}

func (f *fields) json(name string, into any) {
	f.read(name, func(raw string) error { return json.Unmarshal([]byte(raw), into) })
}

// gzipped is how gzip begins, and JSON never does.
const gzipped = "\x1f\x8b"

// packed reads JSON, gzipped or not: before there was the field zipped, the record was.
func (f *fields) packed(name string, into any) {
	if !strings.HasPrefix(f.values[name], gzipped) {
		f.json(name, into)
		return
	}
	f.read(name, func(raw string) error { return unzip([]byte(raw), into) })
}

func (f *fields) int(name string) (n int64) {
	f.read(name, func(raw string) (err error) {
		n, err = strconv.ParseInt(raw, 10, 64)
		return err
	})
	return n
}

func (f *fields) time(name string) (at time.Time) {
	f.read(name, func(raw string) error { return at.UnmarshalText([]byte(raw)) })
	return at
}

// list is nil when nothing is in it.
func (f *fields) list(name string) (all []string) {
	f.read(name, func(raw string) error {
		all = split(raw)
		return nil
	})
	return all
}

// about are the fields of a name, that about the whole and those about its parts: name, name/cart.
func (f *fields) about(name string) (names []string) {
	for _, field := range slices.Sorted(maps.Keys(f.values)) {
		if field == name || strings.HasPrefix(field, name+"/") {
			names = append(names, field)
		}
	}
	return names
}

// split undoes what Lua joined with commas.
func split(list string) []string {
	if list == "" {
		return nil
	}
	return strings.Split(list, ",")
}

func (f *fields) read(name string, parse func(raw string) error) {
	raw := f.values[name]
	if raw == "" || f.err != nil {
		return
	}
	if err := parse(raw); err != nil {
		f.err = fmt.Errorf("redis key %s, field %s: %w", f.key, name, err)
	}
}

// stamp writes what fields.time reads; "" for the zero time.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339Nano)
}
