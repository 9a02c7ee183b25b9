package terraform

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	tfjson "github.com/hashicorp/terraform-json"
)

// journal is an io.Writer that keeps of terraform's messages (terraform's "machine-readable UI", one JSON object a line)
// what people are told. The messages of an apply hold values; they are not kept.
type journal struct {
	unread        []byte // the beginning of a line
	errors        []tfjson.Diagnostic
	started, done []string // addresses, at an apply
	outputs       []string // their names, at the end of an apply
}

// message is what a line may hold.
type message struct {
	Type       string            `json:"type"`
	Diagnostic tfjson.Diagnostic `json:"diagnostic"`
	Outputs    map[string]struct {
		Value json.RawMessage `json:"value"`
	} `json:"outputs"`
	Hook struct {
		Resource struct {
			Address string `json:"addr"`
		} `json:"resource"`
		Action string `json:"action"`
	} `json:"hook"`
}

// Write never fails: what is no message is left out.
func (j *journal) Write(p []byte) (int, error) {
	j.unread = append(j.unread, p...)
	for {
		line, rest, whole := bytes.Cut(j.unread, []byte("\n"))
		if !whole {
			return len(p), nil
		}
		j.unread = rest
		var m message
		if json.Unmarshal(line, &m) == nil {
			j.note(m)
		}
	}
}

func (j *journal) note(m message) {
	address := m.Hook.Resource.Address
	switch m.Type {
	case "diagnostic":
		if m.Diagnostic.Severity == tfjson.DiagnosticSeverityError {
			j.errors = append(j.errors, m.Diagnostic)
		}
	case "apply_start":
		j.start(address, m.Hook.Action)
	case "apply_complete":
		if slices.Contains(j.started, address) {
			j.done = append(j.done, address)
		}
	case "outputs":
		j.outputs = sortedKeys(m.Outputs)
	}
}

// start notes that a change begins. One that is replaced begins twice, and is not done before the second half is.
func (j *journal) start(address, action string) {
	if action == string(tfjson.ActionRead) {
		return
	}
	j.done = slices.DeleteFunc(j.done, func(done string) bool { return done == address })
	if !slices.Contains(j.started, address) {
		j.started = append(j.started, address)
	}
}

// unfinished are the addresses whose change began and is not known to have succeeded.
func (j *journal) unfinished() []string {
	return slices.DeleteFunc(slices.Clone(j.started), func(address string) bool { return slices.Contains(j.done, address) })
}

// How much people are shown.
const (
	shownLines     = 20
	shownAddresses = 10
	shownRunes     = 300 // of a line that is a reason
)

func listed(addresses []string) string {
	if len(addresses) == 0 {
		return "nothing"
	}
	shown := addresses[:min(len(addresses), shownAddresses)]
	text := strings.Join(shown, ", ")
	if len(shown) < len(addresses) {
		text += ", …"
	}
	return text
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	if runes := []rune(line); len(runes) > shownRunes {
		line = string(runes[:shownRunes]) + "…"
	}
	return line
}

func firstLines(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[:min(len(lines), shownLines)], "\n")
}

func lastLines(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-shownLines):], "\n")
}
