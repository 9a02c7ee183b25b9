// Package vegeta reads the results of Vegeta, in the three encodings of `vegeta encode`.
//
// A latency is Vegeta's own: from the sending of a request until its body was read, connecting included. Its timestamp is when
// that began. An error is a status outside 200 to 399, or a result with an error's text, as in `vegeta report`.
package vegeta

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"bellwether/internal/record/tally"
)

var errNothing = errors.New("vegeta recorded no result in it")

// IsJSON tells whether a file that begins like this is Vegeta's JSON.
func IsJSON(head []byte) bool {
	line, _, _ := bytes.Cut(head, []byte{'\n'})
	return bytes.HasPrefix(line, []byte("{")) && bytes.Contains(line, []byte(`"latency":`)) && bytes.Contains(line, []byte(`"timestamp":`))
}

// IsCSV tells whether a file that begins like this is Vegeta's CSV: it has no header, and begins with the time in ns.
func IsCSV(head []byte) bool {
	line, _, _ := bytes.Cut(head, []byte{'\n'})
	fields := bytes.Split(line, []byte{','})
	return len(fields) >= columns/2 && len(fields[0]) == 19 && whole(fields[0]) && whole(fields[1]) && whole(fields[2])
}

// IsGob tells whether a file that begins like this is Vegeta's own encoding: a gob begins with the definition of its type.
func IsGob(head []byte) bool {
	head = head[:min(len(head), 256)]
	return bytes.Contains(head, []byte("\x06Result\x01")) && bytes.Contains(head, []byte("Timestamp")) && bytes.Contains(head, []byte("Latency"))
}

func whole(text []byte) bool {
	return len(text) > 0 && !bytes.ContainsFunc(text, func(r rune) bool { return r < '0' || r > '9' })
}

// add counts a result.
func add(t *tally.Tally, r *vegeta.Result) error {
	switch {
	case r.Timestamp.Year() < 1970 || r.Timestamp.Year() > 2200:
		return errors.New("it has no timestamp: no result of Vegeta")
	case r.Latency < 0:
		return fmt.Errorf("its latency is %s", r.Latency)
	}
	if r.Code == 0 {
		t.Fault([]byte(r.Error))
	}
	return t.Add(t.Target([]byte(r.Attack), nil, name(r)), tally.Request{
		Start: r.Timestamp.UnixNano(), Took: int64(r.Latency / time.Microsecond), Status: int(r.Code),
		Failed: r.Code < 200 || r.Code >= 400 || r.Error != "", Bytes: int64(r.BytesIn),
	})
}

// name is what was asked for: the method, and the path without its query.
func name(r *vegeta.Result) []byte {
	path := r.URL
	if u, err := url.Parse(r.URL); err == nil {
		path = u.EscapedPath()
	}
	return bytes.TrimSpace([]byte(r.Method + " " + path))
}

func finish(t *tally.Tally) (*tally.Tally, error) {
	if t.Requests() == 0 {
		return nil, errNothing
	}
	return t, nil
}
