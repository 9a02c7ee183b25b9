package deployer

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func TestClean(t *testing.T) {
	tests := map[string]struct{ output, want string }{
		"plain":           {"a\tb\nc", "a\tb\nc"},
		"colour":          {"\x1b[1;31mred\x1b[0m", "red"},
		"cursor":          {"\x1b[2K\x1b[1Gdone\x1b[?25h", "done"},
		"title":           {"\x1b]0;title\x07ok \x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "ok link"},
		"half a sequence": {"end\x1b[", "end"},
		"windows":         {"one\r\ntwo\r\n", "one\ntwo\n"},
		"progress":        {"10 %\r50 %\r100 %\ndone", "100 %\ndone"},
		"progress, ended": {"10 %\r100 %\r\n", "100 %\n"},
		"bell, backspace": {"a\x07b\x08c\x00\x7f\u009b", "abc"},
		"turned round":    {"a\u202eb\u2066c", "abc"},
		"invalid UTF-8":   {"a\xff\xfeb", "a\uFFFDb"},
		"other alphabets": {"größer 大 🙂", "größer 大 🙂"},
		"nothing":         {"", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { require.Equal(t, test.want, clean(test.output)) })
	}
}

func TestTailKeepsTheEndFromTheBeginningOfALine(t *testing.T) {
	var out tail
	for i := range 20_000 {
		_, _ = fmt.Fprintf(&out, "line %d\n", i)
	}
	kept := out.String()
	require.LessOrEqual(t, len(kept), keptBytes)
	require.Greater(t, len(kept), keptBytes-20)
	require.True(t, strings.HasPrefix(kept, "line "))
	require.True(t, strings.HasSuffix(kept, "line 19999\n"))
}

func TestTailDropsALineThatIsTooLong(t *testing.T) {
	var out tail
	_, _ = out.Write([]byte(strings.Repeat("x", keptBytes) + "\nend"))
	require.Equal(t, "end", out.String())
}

func TestLastLines(t *testing.T) {
	require.Equal(t, "a\nb", lastLines("a\nb\n\n"))
	require.Equal(t, "", lastLines("\n"))
	require.Equal(t, keptLines, len(strings.Split(lastLines(strings.Repeat("x\n", 50)), "\n")))
}

func FuzzClean(f *testing.F) {
	f.Add("\x1b[1mbold\x1b]0;t\x07\r\n")
	f.Fuzz(func(t *testing.T, output string) {
		cleaned := clean(output)
		require.True(t, utf8.ValidString(cleaned))
		require.NotContains(t, cleaned, "\x1b")
		require.Equal(t, cleaned, clean(cleaned))
	})
}
