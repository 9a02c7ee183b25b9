package deployer

import (
	"bytes"
	"regexp"
	"strings"
	"unicode"
)

// How much of a command's output people are shown.
const (
	keptBytes = 64 << 10
	keptLines = 20
)

// tail is an io.Writer that keeps the end of what is written.
type tail struct {
	kept []byte
	cut  bool
}

func (t *tail) Write(p []byte) (int, error) {
	t.kept = append(t.kept, p...)
	if over := len(t.kept) - keptBytes; over > 0 {
		t.kept = append(t.kept[:0], t.kept[over:]...)
		t.cut = true
	}
	return len(p), nil
}

// String is what was kept, from the beginning of a line: half a line could hold half a secret, which nobody would
// recognise as one.
func (t *tail) String() string {
	if !t.cut {
		return string(t.kept)
	}
	_, whole, _ := bytes.Cut(t.kept, []byte("\n"))
	return string(whole)
}

// escapes are the sequences with which programs colour text, move the cursor and set titles (ECMA-48).
var escapes = regexp.MustCompile(`\x1b(\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b]*(\x07|\x1b\\)|[ -/]*[0-~])`)

// clean makes a program's output fit to be read: no terminal control, nothing invisible or turned round, and of a
// progress bar that was drawn over and over the last state only.
func clean(output string) string {
	output = escapes.ReplaceAllString(strings.ToValidUTF8(output, "\uFFFD"), "")
	lines := strings.Split(output, "\n")
	for i, line := range lines {
		line = strings.TrimRight(line, "\r")
		line = line[strings.LastIndexByte(line, '\r')+1:]
		lines[i] = strings.Map(visible, line)
	}
	return strings.Join(lines, "\n")
}

// visible drops what would act on the reader's screen.
func visible(r rune) rune {
	if r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)) {
		return -1
	}
	return r
}

// Clean is the last lines of a text that others wrote, fit to be read.
func Clean(text string, lines int) string { return last(clean(text), lines) }

func lastLines(output string) string { return last(output, keptLines) }

func last(text string, n int) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
