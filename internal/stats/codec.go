package stats

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

var (
	errOrder = errors.New("bins are not ascending from 0 with positive counts")
	errCut   = errors.New("it ends within a number")
	errRange = errors.New("a value or the sum of counts exceeds 63 bits")
)

// MarshalText encodes h for JSON as unpadded URL-safe base64 of two varints a bin: how many values were skipped since
// the bin before, and the count. One second of 50 requests takes about 200 bytes. Bins out of order or without samples,
// and values or counts beyond 63 bits, are errors.
func (h Histogram) MarshalText() ([]byte, error) {
	raw := make([]byte, 0, 3*len(h))
	var next, total int64 // next is the lowest value the coming bin may have
	for _, bin := range h {
		switch {
		case bin.Value < next || bin.Count <= 0:
			return nil, fmt.Errorf("encode histogram: bin %+v: %w", bin, errOrder)
		case bin.Value == math.MaxInt64 || bin.Count > math.MaxInt64-total:
			return nil, fmt.Errorf("encode histogram: bin %+v: %w", bin, errRange)
		}
		raw = binary.AppendUvarint(raw, uint64(bin.Value-next))
		raw = binary.AppendUvarint(raw, uint64(bin.Count))
		next, total = bin.Value+1, total+bin.Count
	}
	return base64.RawURLEncoding.AppendEncode(nil, raw), nil
}

// UnmarshalText decodes what MarshalText wrote. Anything else is an error and leaves h as it was; memory stays within
// eight times the text.
func (h *Histogram) UnmarshalText(text []byte) error {
	raw, err := base64.RawURLEncoding.AppendDecode(nil, text)
	if err != nil {
		return fmt.Errorf("decode histogram: %w", err)
	}
	decoded, err := decodeBins(raw)
	if err != nil {
		return fmt.Errorf("decode histogram: %w", err)
	}
	*h = decoded
	return nil
}

func decodeBins(raw []byte) (Histogram, error) {
	if len(raw) == 0 {
		return nil, nil
	}
	bins := make(Histogram, 0, len(raw)/2)
	var next, total uint64
	for len(raw) > 0 {
		skipped, count, rest, err := twoVarints(raw)
		if err != nil {
			return nil, err
		}
		if count == 0 {
			return nil, errOrder
		}
		if skipped >= math.MaxInt64-next || count > math.MaxInt64-total {
			return nil, errRange
		}
		value := next + skipped
		bins = append(bins, Bin{Value: int64(value), Count: int64(count)})
		next, total, raw = value+1, total+count, rest
	}
	return bins, nil
}

// twoVarints reads a bin's numbers and returns what follows them.
func twoVarints(raw []byte) (a, b uint64, rest []byte, err error) {
	a, n := binary.Uvarint(raw)
	if n <= 0 {
		return 0, 0, nil, varintError(n)
	}
	b, m := binary.Uvarint(raw[n:])
	if m <= 0 {
		return 0, 0, nil, varintError(m)
	}
	return a, b, raw[n+m:], nil
}

// varintError names what binary.Uvarint means by the length n.
func varintError(n int) error {
	if n == 0 {
		return errCut
	}
	return errRange
}
