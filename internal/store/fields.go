package store

import (
	"encoding/json"
	"fmt"
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

func (f *fields) json(name string, into any) {
	f.read(name, func(raw string) error { return json.Unmarshal([]byte(raw), into) })
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
		all = strings.Split(raw, ",")
		return nil
	})
	return all
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
