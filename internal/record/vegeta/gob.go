package vegeta

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"bellwether/internal/record/tally"
)

// largest is how many bytes a message of a gob may have, which holds one result with its body.
const largest = 1 << 20

// ReadGob reads what `vegeta attack` writes. Its errors say in which result they are, for a gob has no lines.
func ReadGob(text io.Reader) (*tally.Tally, error) {
	var t tally.Tally
	decode := vegeta.NewDecoder(&messages{in: bufio.NewReader(text)})
	for n := int64(1); ; n++ {
		var r vegeta.Result
		err := decode(&r)
		if err == io.EOF {
			return finish(&t)
		}
		if err != nil {
			return nil, fmt.Errorf("result %d: %w", n, explain(err))
		}
		if err := add(&t, &r); err != nil {
			return nil, fmt.Errorf("result %d: %w", n, err)
		}
	}
}

func explain(err error) error {
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("cut off; copy the file again")
	case strings.Contains(err.Error(), "duplicate type"):
		return errors.New("another file begins here; compare them one by one")
	}
	return err
}

// messages passes a gob on, message by message, and refuses those that are too large before anybody makes room for them. The
// length of a message is a byte below 128, or the negated number of the big-endian bytes that it is in. Source: the
// documentation of encoding/gob, "Encoding Details".
type messages struct {
	in   *bufio.Reader
	head []byte // of the length, what was not passed on yet
	rest uint64 // bytes of the message that are left
}

// ReadByte makes the decoder read from here without a buffer of its own.
func (m *messages) ReadByte() (byte, error) {
	var one [1]byte
	if _, err := io.ReadFull(m, one[:]); err != nil {
		return 0, err
	}
	return one[0], nil
}

func (m *messages) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if len(m.head) == 0 && m.rest == 0 {
		if err := m.next(); err != nil {
			return 0, err
		}
	}
	if len(m.head) > 0 {
		n := copy(p, m.head)
		m.head = m.head[n:]
		return n, nil
	}
	n, err := m.in.Read(p[:min(uint64(len(p)), m.rest)])
	m.rest -= uint64(n)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// next reads the length of a message.
func (m *messages) next() error {
	first, err := m.in.ReadByte()
	if err != nil {
		return err
	}
	m.head, m.rest = append(m.head[:0], first), uint64(first)
	if first >= 128 {
		count := -int(int8(first))
		if count > 8 {
			return errors.New("damaged: no length of a message")
		}
		var length [8]byte
		if _, err := io.ReadFull(m.in, length[8-count:]); err != nil {
			return io.ErrUnexpectedEOF
		}
		m.head, m.rest = append(m.head, length[8-count:]...), binary.BigEndian.Uint64(length[:])
	}
	if m.rest > largest {
		return fmt.Errorf("a result of %d bytes, more than %d MiB; damaged, or with bodies that large", m.rest, largest>>20)
	}
	return nil
}
