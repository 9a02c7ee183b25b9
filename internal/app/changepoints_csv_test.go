package app

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFirstLineNamesTheColumnsUnlessItIsAllNumbers(t *testing.T) {
	for name, c := range map[string]struct {
		text  string
		names []string
		rows  int
	}{
		"names":              {"p50, p95 \n1,2\n", []string{"p50", "p95"}, 1},
		"numbers":            {"1,2\n3,4\n", []string{"1", "2"}, 2},
		"numbers, one lost":  {"1,\n3,4\n", []string{"1", "2"}, 2},
		"one without a name": {",p95\n1,2\n", []string{"1", "p95"}, 1},
		"a mark before it":   {"\uFEFFp50\n1\n", []string{"p50"}, 1},
		"Windows":            {"p50\r\n1\r\n2\r\n", []string{"p50"}, 2},
		"quoted":             {"\"p50, ms\"\n1\n", []string{"p50, ms"}, 1},
		"semicolons":         {"\np50;p95\n1;2\n", []string{"p50", "p95"}, 1},
		"tabs":               {"p50\tp95\n1\t2\n", []string{"p50", "p95"}, 1},
		"commas, semicolons": {"p50;ms,p95;ms\n1,2\n", []string{"p50;ms", "p95;ms"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			table, err := readTable(strings.NewReader(c.text))
			require.NoError(t, err)
			require.Equal(t, c.names, table.names)
			require.Len(t, table.rows, c.rows)
		})
	}
}

func TestWhatIsNoTable(t *testing.T) {
	for says, text := range map[string]string{
		"it is no text in UTF-8; if it is packed, unpack it first": "\xff\xfep\x009\x005\x00\n\x00",
		`line 2: a name has control characters: "p\x1b[2J"`:        "\np\x1b[2J,x\n1,2\n",
		"it has more than 8 MiB, as no history of releases has":    "p95\n\"" + strings.Repeat("1\n", largestTable/2),
	} {
		_, err := readTable(strings.NewReader(text))
		require.EqualError(t, err, says)
	}
}

func TestMissingCells(t *testing.T) {
	for _, cell := range []string{"", " ", "NaN", "nan", "Inf", "-inf"} {
		v, err := number(cell)
		require.NoError(t, err, cell)
		require.True(t, math.IsNaN(v), cell)
	}
	v, err := number(" -1.5e3 ")
	require.NoError(t, err)
	require.Equal(t, -1500.0, v)
}

// Whatever the file, every column that is read has a value for each row, and an error for a person is one line a problem.
func FuzzReadTable(f *testing.F) {
	for _, text := range []string{"", "a,b\n1,2\n", "1\n\n2\n", "a\n\"x", "\uFEFFa;b\n", "a,b\n1\n", "1e999\nx\n", "\"\n\"\n1\n"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		table, err := readTable(strings.NewReader(text))
		if err != nil {
			require.NotContains(t, err.Error(), "\n")
			return
		}
		columns, _, err := table.numeric()
		require.Equal(t, len(columns) == 0, err != nil)
		for _, c := range columns {
			require.Len(t, c.values, len(table.rows))
			require.Positive(t, c.measured())
			for _, v := range c.values {
				require.False(t, math.IsInf(v, 0))
			}
		}
	})
}
