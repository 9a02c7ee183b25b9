package catalog

import (
	"cmp"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"text/template"
	"time"

	"bellwether/internal/strictyaml"
	"bellwether/internal/suggest"
	"bellwether/pipeline"
)

const defaultTimeout = 5 * time.Minute // of a command

// command is what stands under reset, setup and teardown.
func command(v strictyaml.Value) (c *pipeline.Command) {
	v.Object(func(o *strictyaml.Object) {
		c = program(o.Need("command", `a program, such as {run: ["./reset.sh", "{{.URL}}"]}`))
	})
	return c
}

func program(v strictyaml.Value) (c *pipeline.Command) {
	v.Object(func(o *strictyaml.Object) {
		dir := filepath.Dir(v.File())
		c = &pipeline.Command{
			Run:     arguments(o.Need("run", `a list such as ["./deploy.sh", "{{.Image}}"]`), dir),
			Timeout: cmp.Or(span(o.Get("timeout")), defaultTimeout),
			Dir:     dir,
		}
	})
	return c
}

func arguments(v strictyaml.Value, dir string) (list []string) {
	for item := range v.Items() {
		fill(item, sampleValues)
		if len(list) == 0 {
			warnUnlessExecutable(item, dir)
		}
		list = append(list, item.Text())
	}
	return list
}

// warnUnlessExecutable looks at a program that is given by its path. One that is not there may be where Bellwether runs.
func warnUnlessExecutable(v strictyaml.Value, dir string) {
	name := v.Text()
	if !strings.Contains(name, "/") {
		return
	}
	info, err := os.Stat(beside(dir, name))
	switch {
	case err != nil:
	case info.IsDir():
		v.Warnf("%s is a folder, not a program", v.Quote())
	case info.Mode()&0o111 == 0:
		v.Warnf("%s is not executable; run chmod +x on it", v.Quote())
	}
}

// beside resolves a path against the folder of the file it stands in.
func beside(dir, path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

const sampleRevision = "0123456789abcdef0123456789abcdef01234567"

var sampleValues = pipeline.Values{
	Service: "s", Environment: "e", URL: "http://e", Image: "r/i:t", Revision: sampleRevision, Version: "1",
}

// tagTemplate must name the revision, or no image could be joined with its merge.
func tagTemplate(v strictyaml.Value) string {
	one, ok := fill(v, pipeline.Artefact{Revision: sampleRevision, Version: "1", Image: "r/i"})
	other, _ := fill(v, pipeline.Artefact{Revision: strings.Repeat("f", len(sampleRevision)), Version: "1", Image: "r/i"})
	if ok && v.Given() && one == other {
		v.Errorf(`%s does not name the revision; write for example "{{.Revision}}"`, v.Quote())
	}
	return v.Text()
}

var unknownName = regexp.MustCompile(`can't evaluate field (\S+) in type|map has no entry for key "(.*)"$`)

// fill fills a template in with a sample, a struct or a map, because a template that cannot be filled in must be refused
// now and not in the middle of a run.
func fill(v strictyaml.Value, sample any) (out string, ok bool) {
	t, err := template.New("").Option("missingkey=error").Parse(v.Text())
	if err != nil {
		v.Errorf("%s is no template: %s", v.Quote(), strings.TrimPrefix(err.Error(), "template: :1: "))
		return "", false
	}
	var b strings.Builder
	if err = t.Execute(&b, sample); err == nil {
		return b.String(), true
	}
	if found := unknownName.FindStringSubmatch(err.Error()); found != nil {
		name, known := found[1]+found[2], fields(sample)
		hint := suggest.Hint(name, known)
		if len(known) == 0 {
			hint = "; it would be a column of a data file, and there is none"
		}
		v.Errorf("{{.%s}} is not known here%s", name, hint)
	} else {
		v.Errorf("%s cannot be filled in; check its functions", v.Quote())
	}
	return "", false
}

// fields are what a template may name.
func fields(sample any) (names []string) {
	if columns, ok := sample.(map[string]string); ok {
		return slices.Sorted(maps.Keys(columns))
	}
	for _, f := range reflect.VisibleFields(reflect.TypeOf(sample)) {
		names = append(names, f.Name)
	}
	return names
}
