package strictyaml

import (
	"strings"

	"go.yaml.in/yaml/v3"

	"bellwether/internal/suggest"
)

// Object is a mapping with a fixed set of keys.
type Object struct {
	at     Value
	fields map[string]Value
	asked  []string
}

// Object reads a mapping whose keys are known: read asks for every key there may be, and what it did not ask for is a
// mistake. It is not called when nothing or something else stands here.
func (v Value) Object(read func(o *Object)) {
	if _, ok := v.content(yaml.MappingNode, mapping); !ok {
		return
	}
	o := &Object{at: v, fields: map[string]Value{}}
	var order []string
	for name, field := range v.Entries() {
		o.fields[name] = field
		order = append(order, name)
	}
	read(o)
	for _, name := range order {
		if field := o.fields[name]; !o.knows(name) {
			field.Errorf("unknown key%s", suggest.Hint(name, o.asked))
		}
	}
}

// Get is the value of a key that may be left out.
func (o *Object) Get(key string) Value {
	o.asked = append(o.asked, key)
	if field, ok := o.fields[key]; ok {
		return field
	}
	path := key
	if o.at.key != "" {
		path = o.at.key + "." + key
	}
	return Value{reader: o.at.reader, file: o.at.file, line: o.at.line, key: path}
}

// Need is the value of a key that must be there; want says what it holds: "an IANA zone such as Europe/London".
func (o *Object) Need(key, want string) Value {
	field := o.Get(key)
	field.need = want
	if !field.Given() {
		field.Errorf("is missing; write %s", want)
	}
	return field
}

// One is Get for keys of which just one must be there; want says what it holds: "the name of the workload".
func (o *Object) One(want string, keys ...string) (fields []Value) {
	given := ""
	for _, key := range keys {
		field := o.Get(key)
		field.need = want
		fields = append(fields, field)
		switch {
		case field.Given() && given != "":
			field.Errorf("cannot stand beside %s; keep one of them", given)
		case field.Given():
			given = key
		}
	}
	if given == "" {
		o.at.Errorf("is missing one of %s; write %s", strings.Join(keys, ", "), want)
	}
	return fields
}

// At is the mapping itself, to complain about.
func (o *Object) At() Value { return o.at }

func (o *Object) knows(name string) bool {
	for _, key := range o.asked {
		if key == name {
			return true
		}
	}
	return false
}
