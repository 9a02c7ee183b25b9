package k6

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"time"
)

// instant reads a time in any of k6's formats: Unix seconds, ms, µs or ns, told apart by their size, or RFC 3339. It is Unix
// time in ns, to within a unit.
func instant(text []byte) (at, unit int64, err error) {
	n, ok := whole(text)
	switch {
	case !ok:
		var t time.Time
		if err := t.UnmarshalText(text); err != nil || t.Year() < 1970 || t.Year() > 2200 {
			return 0, 0, fmt.Errorf("its time is %q: neither Unix time nor RFC 3339", clipped(text))
		}
		unit := int64(time.Second)
		if bytes.IndexByte(text, '.') >= 0 {
			unit = 1
		}
		return t.UnixNano(), unit, nil
	case n < 1e10:
		unit = int64(time.Second)
	case n < 1e13:
		unit = int64(time.Millisecond)
	case n < 1e16:
		unit = int64(time.Microsecond)
	case n < 7e18:
		unit = 1
	default:
		return 0, 0, fmt.Errorf("its time is %q: no load was that late", clipped(text))
	}
	if unit == int64(time.Second) && n > 7e9 {
		return 0, 0, fmt.Errorf("its time is %q: no load was that late", clipped(text))
	}
	return n * unit, unit, nil
}

// whole reads digits.
func whole(text []byte) (n int64, ok bool) {
	if len(text) == 0 || len(text) > 19 {
		return 0, false
	}
	for _, c := range text {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + int64(c-'0')
	}
	return n, n >= 0
}

// micros reads milliseconds, and rounds down to a whole µs as our own engine does.
func micros(text []byte) (int64, error) {
	before, after, _ := bytes.Cut(text, []byte{'.'})
	n, ok := whole(before)
	if ok && len(before) <= 12 && digits(after) {
		for i := range 3 {
			n *= 10
			if i < len(after) {
				n += int64(after[i] - '0')
			}
		}
		return n, nil
	}
	f, err := number(text)
	if err != nil || f < 0 || f > 1e12 {
		return 0, fmt.Errorf("its value is %q: no duration in milliseconds", clipped(text))
	}
	return int64(math.Floor(f * 1000)), nil
}

func digits(text []byte) bool {
	for _, c := range text {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

func number(text []byte) (float64, error) {
	f, err := strconv.ParseFloat(string(text), 64)
	if err != nil || math.IsNaN(f) {
		return 0, fmt.Errorf("its value is %q: no number", clipped(text))
	}
	return f, nil
}

// clipped is as much of a text as an error needs.
func clipped(text []byte) []byte { return text[:min(len(text), 40)] }
