// Package catalog reads what teams have written down about themselves (people, teams, services, stacks, environments and
// scenarios) from YAML files into a pipeline.Catalog, refuses it with every mistake named, and reads it again when it
// changes.
package catalog

import (
	"maps"
	"regexp"
	"slices"

	"bellwether/internal/strictyaml"
	"bellwether/internal/suggest"
	"bellwether/pipeline"
)

// The sections of a catalog file that hold named things.
const (
	people       = "people"
	teams        = "teams"
	services     = "services"
	stacks       = "stacks"
	environments = "environments"
	scenarios    = "scenarios"
	roles        = "roles"
	permissions  = "permissions"
)

var sections = []string{people, teams, services, stacks, environments, scenarios, roles, permissions}

// Load reads the catalog at path: one file, or a folder whose *.yaml and *.yml files are merged. A catalog with mistakes
// is nil; warnings alone refuse nothing. The problems are ordered by file and line. env is os.LookupEnv but in tests.
func Load(path string, env func(string) (string, bool)) (*pipeline.Catalog, []strictyaml.Problem) {
	c, problems, _, _ := load(path, env)
	return c, problems
}

// load also returns what it has read, to see later whether that has changed, and the secrets that came from outside.
func load(path string, env func(string) (string, bool)) (
	c *pipeline.Catalog, problems []strictyaml.Problem, read *files, secrets []string,
) {
	read = newFiles()
	reader := &strictyaml.Reader{Env: env, File: read.content}
	unreadable := func(path string, err error) {
		reader.Add(strictyaml.Problem{File: path, Text: "cannot be read: " + err.Error()})
	}
	names, err := read.list(path)
	if err != nil {
		unreadable(path, err)
	}
	d := newDecoder(read)
	for _, name := range names {
		if text, err := read.content(name); err != nil {
			unreadable(name, err)
		} else {
			d.merge(reader.Parse(name, text))
		}
	}
	c = d.decode()
	problems = reader.Problems()
	if strictyaml.Refused(problems) {
		c = nil
	}
	return c, problems, read, reader.Secrets()
}

// decoder turns the merged files into a catalog. Everything is merged before anything is decoded, so that names can be
// looked up whichever file they stand in.
type decoder struct {
	files     *files
	written   map[string]map[string]strictyaml.Value // by section and name
	fullSuite strictyaml.Value
	unowned   strictyaml.Value

	places map[string]pipeline.Environment // read before what is deployed there

	used   []tagged // tags that services depend on
	tested []tagged // tags of scenarios
	wanted []wanted // roles that permissions ask for
}

// tagged is a tag and where it is written.
type tagged struct {
	tag string
	at  strictyaml.Value
}

func newDecoder(f *files) *decoder {
	d := &decoder{files: f, written: map[string]map[string]strictyaml.Value{}}
	for _, section := range sections {
		d.written[section] = map[string]strictyaml.Value{}
	}
	return d
}

// merge adds one file.
func (d *decoder) merge(file strictyaml.Value) {
	file.Object(func(o *strictyaml.Object) {
		for _, section := range sections {
			for name, v := range o.Get(section).Entries() {
				d.add(section, name, v)
			}
		}
		once(&d.fullSuite, o.Get("full_suite"))
		once(&d.unowned, o.Get("unowned"))
	})
}

var properName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

func (d *decoder) add(section, name string, v strictyaml.Value) {
	if !properName.MatchString(name) {
		v.Errorf("a name is up to 64 letters, digits, dots, dashes and underscores")
	}
	if first, twice := d.written[section][name]; twice {
		v.Errorf("is already defined at %s; keep one of them", first.Where())
		return
	}
	d.written[section][name] = v
}

func once(kept *strictyaml.Value, v strictyaml.Value) {
	if kept.Given() && v.Given() {
		v.Errorf("is already defined at %s; keep one of them", kept.Where())
	}
	if v.Given() {
		*kept = v
	}
}

func (d *decoder) decode() *pipeline.Catalog {
	d.places = each(d, environments, d.environment)
	c := &pipeline.Catalog{
		People:       each(d, people, person),
		Teams:        each(d, teams, d.team),
		Services:     each(d, services, d.service),
		Stacks:       each(d, stacks, d.stack),
		Environments: d.places,
		Scenarios:    each(d, scenarios, d.scenario),
		FullSuite:    fullSuite(d.fullSuite),
		Unowned:      channels(d.unowned),
		Roles:        d.roles(),
		Permissions:  each(d, permissions, d.permission),
	}
	d.refuseSharedNames()
	d.warn(c)
	return c
}

func each[T any](d *decoder, section string, read func(name string, v strictyaml.Value) T) map[string]T {
	all := map[string]T{}
	for name, v := range d.written[section] {
		all[name] = read(name, v)
	}
	return all
}

// refuseSharedNames: "rerun checkout" and the list of what an environment runs know things by name alone.
func (d *decoder) refuseSharedNames() {
	for name, stack := range d.written[stacks] {
		if service, ok := d.written[services][name]; ok {
			stack.Errorf("is also the name of a service, at %s; rename one of them", service.Where())
		}
	}
}

// reference reads the name of something that is defined in that section.
func (d *decoder) reference(v strictyaml.Value, section, noun string) string {
	name := v.Text()
	if _, ok := d.written[section][name]; !ok && name != "" {
		v.Errorf("no %s is called %s%s", noun, v.Quote(), suggest.Hint(name, d.names(section)))
	}
	return name
}

func (d *decoder) names(section string) []string {
	return slices.Sorted(maps.Keys(d.written[section]))
}

// most of anything that is counted.
const most = 1 << 30

func fullSuite(v strictyaml.Value) (f pipeline.FullSuite) {
	v.Object(func(o *strictyaml.Object) {
		f = pipeline.FullSuite{
			Files:     o.Get("files").Int(1, most),
			Lines:     o.Get("lines").Int(1, most),
			Resources: o.Get("resources").Int(1, most),
			Labels:    o.Get("labels").Strings(),
		}
	})
	return f
}

var properTag = regexp.MustCompile(`^[^\s:]+:[^\s]+$`)

func tags(v strictyaml.Value) (list []tagged) {
	for item := range v.Items() {
		tag := item.Text()
		if tag != "" && !properTag.MatchString(tag) {
			item.Errorf("%s is no tag; write key:value, such as service:checkout", item.Quote())
		}
		list = append(list, tagged{tag, item})
	}
	return list
}

func plain(list []tagged) (tags []string) {
	for _, t := range list {
		tags = append(tags, t.tag)
	}
	return tags
}
