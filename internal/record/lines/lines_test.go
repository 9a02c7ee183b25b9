package lines

import (
	"bytes"
	"encoding/csv"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

func TestLines(t *testing.T) {
	r := New(iotest.OneByteReader(strings.NewReader("a\nb\r\n\nlast")))
	for _, want := range []string{"a", "b", "", "last"} {
		line, err := r.Next()
		require.NoError(t, err)
		require.Equal(t, want, string(line))
	}
	require.EqualError(t, r.Errorf("wrong"), "line 4: wrong")
	_, err := r.Next()
	require.Equal(t, io.EOF, err)
}

func TestALineIsBounded(t *testing.T) {
	r := New(strings.NewReader("a\n" + strings.Repeat("x", longest) + "\n"))
	_, err := r.Next()
	require.NoError(t, err)
	_, err = r.Next()
	require.EqualError(t, err, "line 2: longer than 1 MiB, as no line of a result file is")

	r = New(strings.NewReader(`"` + strings.Repeat(strings.Repeat("x", 1000)+"\n", 2000)))
	line, err := r.Next()
	require.NoError(t, err)
	_, err = r.Fields(line, ',', nil)
	require.ErrorContains(t, err, "line 1: a record of more than 1 MiB; a quote may be missing")
}

func TestABrokenSource(t *testing.T) {
	r := New(io.MultiReader(strings.NewReader("a\nb"), iotest.ErrReader(io.ErrClosedPipe)))
	_, err := r.Next()
	require.NoError(t, err)
	_, err = r.Next()
	require.ErrorIs(t, err, io.ErrClosedPipe)
	require.ErrorContains(t, err, "line 2: ")
}

// Fields are those of encoding/csv.
func FuzzFields(f *testing.F) {
	f.Add("a,b,c\n", byte(','))
	f.Add("a,\"b \"\"x\"\", y\nz\",c", byte(','))
	f.Add("a\"b;c", byte(';'))
	f.Fuzz(func(t *testing.T, text string, comma byte) {
		if comma != ',' && comma != ';' && comma != '\t' || strings.TrimLeft(text, "\r\n") != text || text == "" || strings.ContainsAny(text, "\r\x00") {
			return
		}
		exact := csv.NewReader(strings.NewReader(text))
		exact.Comma = rune(comma)
		want, wrong := exact.Read()
		r := New(strings.NewReader(text))
		line, err := r.Next()
		require.NoError(t, err)
		got, err := r.Fields(line, comma, nil)
		if wrong != nil || err != nil {
			require.Error(t, err)
			return // more is wrong than encoding/csv minds: a quote that opens nothing
		}
		require.Equal(t, want, strings.Split(string(bytes.Join(got, []byte{0})), "\x00"))
	})
}
