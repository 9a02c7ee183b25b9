package strictyaml

import (
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Value is one place in a file: what stands there, or that nothing does.
type Value struct {
	reader *Reader
	file   string
	line   int
	key    string
	node   *yaml.Node // nil when nothing stands here
	need   string     // what must stand here, for people; empty when it may be left out
}

// Given tells whether anything is written here.
func (v Value) Given() bool { return v.node != nil }

// Plain tells whether a single value stands here, neither a list nor a mapping.
func (v Value) Plain() bool {
	node := v.followed()
	return node != nil && node.Kind == yaml.ScalarNode
}

// Listed tells whether a list stands here.
func (v Value) Listed() bool {
	node := v.followed()
	return node != nil && node.Kind == yaml.SequenceNode
}

// Errorf notes a mistake at this place.
func (v Value) Errorf(format string, args ...any) { v.note(false, format, args...) }

// Warnf notes something here that is allowed and probably not meant.
func (v Value) Warnf(format string, args ...any) { v.note(true, format, args...) }

func (v Value) note(warning bool, format string, args ...any) {
	v.reader.Add(Problem{File: v.file, Line: v.line, Key: v.key, Text: fmt.Sprintf(format, args...), Warning: warning})
}

// File is the file that the value stands in.
func (v Value) File() string { return v.file }

// Where names the place for another problem's text: "catalog/teams.yaml:14".
func (v Value) Where() string { return v.file + ":" + strconv.Itoa(v.line) }

// Quote shows the scalar as it was written, so that what ${…} stands for never gets into a message.
func (v Value) Quote() string {
	const longest = 80
	text := v.node.Value
	if v.node.Kind == yaml.AliasNode {
		text = v.node.Alias.Value
	}
	if runes := []rune(text); len(runes) > longest {
		text = string(runes[:longest]) + "…"
	}
	return strconv.Quote(text)
}

// Text is a string. A number or boolean must be put in quotes to be one.
func (v Value) Text() string { return v.TextAs("text in quotes") }

// TextAs is a string of a certain form, which want tells to somebody who wrote no string at all: "a rate such as 50/s".
func (v Value) TextAs(want string) string {
	text, ok := v.scalar(want, "!!str")
	if ok && text == "" && v.need != "" {
		v.Errorf("is empty; write %s", v.need)
	}
	return text
}

// Int is a whole number from low to high.
func (v Value) Int(low, high int) int {
	want := fmt.Sprintf("a whole number from %d to %d", low, high)
	text, ok := v.scalar(want, "!!int")
	if !ok {
		return 0
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < low || n > high {
		v.Errorf("%s is not %s", v.Quote(), want)
		return 0
	}
	return n
}

// Bool is true or false.
func (v Value) Bool() bool {
	text, ok := v.scalar("true or false", "!!bool")
	if ok && text != "true" && text != "false" {
		v.Errorf("%s is not true or false", v.Quote())
	}
	return text == "true"
}

// Duration is a span of time as Go writes it (1m30s), not negative; not ok when there is none.
func (v Value) Duration() (d time.Duration, ok bool) {
	text, ok := v.scalar("a duration such as 90s", "!!str")
	if !ok {
		return 0, false
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		v.Errorf("%s is no duration; write for example 90s, 5m or 1h30m", v.Quote())
		return 0, false
	}
	return d, true
}

// Strings is a list of texts.
func (v Value) Strings() []string { return List(v, Value.Text) }

// List reads every item of a list in the same way; nil when nothing is there.
func List[T any](v Value, read func(Value) T) []T {
	var list []T
	for item := range v.Items() {
		list = append(list, read(item))
	}
	return list
}

// Items are the members of a list. A list that is needed must have one.
func (v Value) Items() iter.Seq[Value] {
	return func(yield func(Value) bool) {
		content, ok := v.content(yaml.SequenceNode, "a list")
		if ok && len(content) == 0 && v.need != "" {
			v.Errorf("is an empty list; write %s", v.need)
		}
		for i, node := range content {
			item := v.child(fmt.Sprintf("%s[%d]", v.key, i), node)
			item.need = v.need
			if v.reader.gaveUp() || !yield(item) {
				return
			}
		}
	}
}

// Entries are the members of a mapping whose keys are names, in the order of the file. A name given twice is a mistake.
func (v Value) Entries() iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		content, _ := v.content(yaml.MappingNode, mapping)
		first := map[string]Value{}
		for i := 0; i+1 < len(content); i += 2 {
			name := content[i].Value
			member := v.child(name, content[i+1])
			if v.key != "" {
				member.key = v.key + "." + name
			}
			member.line = content[i].Line
			if !member.named(content[i], first[name]) {
				continue
			}
			first[name] = member
			if v.reader.gaveUp() || !yield(name, member) {
				return
			}
		}
	}
}

// named tells whether the member has a proper key of its own.
func (v Value) named(key *yaml.Node, first Value) bool {
	switch {
	case key.Kind != yaml.ScalarNode:
		v.Errorf("a key must be a plain word")
	case key.ShortTag() == "!!merge":
		v.Errorf("merge keys are not understood here; write the keys out")
	case first.Given():
		v.Errorf("is given twice, first in line %d", first.line)
	default:
		return true
	}
	return false
}

func (v Value) child(key string, node *yaml.Node) Value {
	return Value{reader: v.reader, file: v.file, line: node.Line, key: key, node: node}
}

// content of a list or mapping; not ok when the value is something else, which is noted, or absent, which is not.
func (v Value) content(kind yaml.Kind, want string) ([]*yaml.Node, bool) {
	node := v.followed()
	if node == nil {
		return nil, false
	}
	if node.Kind != kind {
		v.Errorf("is %s, want %s", found(node), want)
		return nil, false
	}
	if v.reader.nodes += len(node.Content); v.reader.nodes > maxNodes {
		v.Errorf("is too much to read: its aliases unfold to more than %d values", maxNodes)
		return nil, false
	}
	return node.Content, true
}

// scalar is the text of a value of the given YAML type, with ${…} expanded; what comes from outside has no type of its own.
// It is not ok when the value is something else, which is noted, or absent, which is not.
func (v Value) scalar(want, tag string) (text string, ok bool) {
	node := v.followed()
	if node == nil {
		return "", false
	}
	if node.Kind != yaml.ScalarNode || (node.ShortTag() != tag && !strings.Contains(node.Value, "${")) {
		v.Errorf("is %s, want %s", found(node), want)
		return "", false
	}
	return v.expand(node.Value)
}

// followed is the node, or the one that an alias stands for.
func (v Value) followed() *yaml.Node {
	if v.node != nil && v.node.Kind == yaml.AliasNode {
		return v.node.Alias
	}
	return v.node
}

const mapping = "keys with values"

var kinds = map[string]string{
	"!!map": "a mapping", "!!seq": "a list", "!!str": "text", "!!null": "empty", "!!bool": "true or false",
	"!!int": "a number", "!!float": "a number", "!!timestamp": "a date", "!!binary": "binary",
}

// found says what a node is, for people.
func found(node *yaml.Node) string {
	if kind, ok := kinds[node.ShortTag()]; ok {
		return kind
	}
	return "tagged " + node.ShortTag()
}
