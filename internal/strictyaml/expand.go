package strictyaml

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
)

var variable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// expand puts in what ${NAME} and ${file:PATH} stand for, once; $${ is a plain ${. It is not ok when one stands for
// nothing, which is noted.
func (v Value) expand(text string) (out string, ok bool) {
	var b strings.Builder
	for {
		i := strings.Index(text, "${")
		if i < 0 {
			b.WriteString(text)
			return b.String(), true
		}
		if i > 0 && text[i-1] == '$' {
			b.WriteString(text[:i-1] + "${")
			text = text[i+2:]
			continue
		}
		name, rest, closed := strings.Cut(text[i+2:], "}")
		if !closed {
			v.Errorf("has ${ without an end; write $${ for a plain ${")
			return "", false
		}
		value, err := v.lookUp(name)
		if err != nil {
			v.Errorf("%s", err)
			return "", false
		}
		v.reader.note(name, value)
		b.WriteString(text[:i] + value)
		text = rest
	}
}

// lookUp finds what stands outside the file under that name.
func (v Value) lookUp(name string) (string, error) {
	if path, ok := strings.CutPrefix(name, "file:"); ok {
		if !filepath.IsAbs(path) {
			path = filepath.Join(filepath.Dir(v.file), path)
		}
		content, err := v.reader.File(path)
		if err != nil {
			return "", fmt.Errorf("cannot read ${%s}: %w", name, err)
		}
		return strings.TrimRight(string(content), "\r\n"), nil
	}
	if !variable.MatchString(name) {
		return "", fmt.Errorf("${%.40s} names no variable; write ${NAME}, ${file:PATH}, or $${ for a plain ${", name)
	}
	value, ok := v.reader.Env(name)
	if !ok {
		return "", fmt.Errorf("the environment variable %s is not set", name)
	}
	return value, nil
}
