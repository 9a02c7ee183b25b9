package strictyaml

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// MaxSize of a file, in bytes.
const MaxSize = 1 << 20

// maxNodes bounds what one Reader walks through, because aliases can unfold a small file into a huge one.
const maxNodes = 1 << 20

// maxMistakes is where a Reader gives up: whoever wrote so many has one mistake, made everywhere.
const maxMistakes = 1000

// Reader parses any number of files and collects the problems of all of them.
type Reader struct {
	Env  func(name string) (string, bool)  // what ${NAME} stands for
	File func(path string) ([]byte, error) // what ${file:PATH} stands for

	problems []Problem
	mistakes int // problems that are no warnings
	nodes    int
	secrets  []string // see Secrets
}

// Add notes a problem that the caller found on its own.
func (r *Reader) Add(p Problem) {
	if !p.Warning {
		r.mistakes++
		if r.mistakes > maxMistakes {
			return
		}
		if r.mistakes == maxMistakes {
			p.Text += fmt.Sprintf(" (this is problem %d; the rest is not looked for)", maxMistakes)
		}
	}
	r.problems = append(r.problems, p)
}

// gaveUp tells whether there is no use in reading on.
func (r *Reader) gaveUp() bool { return r.mistakes >= maxMistakes }

// Problems found so far, by file and line.
func (r *Reader) Problems() []Problem { return sorted(r.problems) }

// Parse reads one file's text. An empty file is an empty mapping, and so is what cannot be parsed at all.
func (r *Reader) Parse(file string, text []byte) Value {
	top := Value{reader: r, file: file, line: 1, node: &yaml.Node{Kind: yaml.MappingNode}}
	if len(text) > MaxSize {
		return top.unreadable(0, "is larger than 1 MiB; split it")
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var doc, next yaml.Node
	if err := decoder.Decode(&doc); errors.Is(err, io.EOF) {
		return top
	} else if err != nil {
		return top.unreadable(syntax(err))
	}
	if err := decoder.Decode(&next); err == nil {
		return top.unreadable(next.Line, "starts a second document; put it into a file of its own")
	} else if !errors.Is(err, io.EOF) {
		return top.unreadable(syntax(err))
	}
	if root := doc.Content[0]; root.ShortTag() != "!!null" {
		top.node, top.line = root, root.Line
	}
	return top
}

// unreadable notes why nothing of the file can be used.
func (v Value) unreadable(line int, text string) Value {
	v.line = line
	v.Errorf("%s", text)
	v.node = nil
	return v
}

var (
	yamlError = regexp.MustCompile(`(?s)^yaml: (?:line (\d+): )?(.*)$`)
	// fromZero are the messages whose lines the YAML parser counts from 0; for the others it counts from 1.
	fromZero = regexp.MustCompile(`^did not find expected (<|node content|'-' indicator|key|',' or )`)
)

// syntax takes the line out of the parser's error, which has it in its text only; 0 when it names none.
func syntax(err error) (line int, text string) {
	parts := yamlError.FindStringSubmatch(err.Error())
	if parts == nil {
		return 0, "is no YAML: " + err.Error()
	}
	line, _ = strconv.Atoi(parts[1]) // no number is line 0
	if fromZero.MatchString(parts[2]) {
		line++
	}
	return line, "is no YAML: " + parts[2]
}
