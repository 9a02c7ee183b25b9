package catalog

import (
	"cmp"
	"maps"
	"net/url"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"text/template"
	"time"

	"github.com/bmatcuk/doublestar/v4"

	"bellwether/internal/strictyaml"
	"bellwether/pipeline"
)

const (
	defaultTimeout      = 5 * time.Minute
	defaultWaitForImage = 15 * time.Minute
)

func (d *decoder) service(name string, v strictyaml.Value) (s pipeline.Service) {
	v.Object(func(o *strictyaml.Object) {
		imageTag, wait, uses := o.Get("image_tag"), o.Get("wait_for_image"), tags(o.Get("uses"))
		d.used = append(d.used, uses...)
		s = pipeline.Service{
			Name:         name,
			Team:         d.reference(o.Need("team", "the name of the team that owns it"), teams, "team"),
			Repositories: strictyaml.List(o.Get("repositories"), repository),
			Image:        image(o.Get("image")),
			ImageTag:     tagTemplate(imageTag),
			Tags:         plain(tags(o.Need("tags", "what it is, such as [service:checkout]"))),
			Uses:         plain(uses),
			Environments: d.environments(o.Get("environments")),
			Deploy:       command(o.Get("deploy")),
			WaitForImage: cmp.Or(span(wait), defaultWaitForImage),
		}
		for _, unused := range []strictyaml.Value{imageTag, wait} {
			if unused.Given() && !o.Get("image").Given() {
				unused.Errorf("does nothing without image; write image too, or leave this out")
			}
		}
	})
	return s
}

func (d *decoder) stack(name string, v strictyaml.Value) (s pipeline.Stack) {
	v.Object(func(o *strictyaml.Object) {
		s = pipeline.Stack{
			Name:         name,
			Team:         d.reference(o.Need("team", "the name of the team that owns it"), teams, "team"),
			Repositories: strictyaml.List(o.Get("repositories"), repository),
			Tags:         plain(tags(o.Need("tags", "what it is, such as [stack:platform]"))),
			Environments: d.environments(o.Get("environments")),
			Apply:        apply(o.Get("apply")),
		}
	})
	return s
}

func environment(name string, v strictyaml.Value) (e pipeline.Environment) {
	v.Object(func(o *strictyaml.Object) {
		at := o.Need("url", "where load is sent, such as http://127.0.0.1:9000")
		e = pipeline.Environment{
			Name:  name,
			URL:   strings.TrimRight(at.Text(), "/"),
			Reset: command(o.Get("reset")),
		}
		u, err := url.Parse(e.URL)
		if e.URL != "" && (err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" || u.RawQuery+u.Fragment != "") {
			at.Errorf("%s is no URL to send load to; write for example http://127.0.0.1:9000", at.Quote())
		}
	})
	return e
}

// environments are those named, or the only one there is.
func (d *decoder) environments(v strictyaml.Value) []string {
	known := d.names(environments)
	switch {
	case v.Given():
		list := strictyaml.List(v, func(v strictyaml.Value) string { return d.reference(v, environments, "environment") })
		if len(list) == 0 {
			v.Errorf("names no environment%s", strictyaml.Hint("", known))
		}
		return list
	case len(known) == 0:
		v.Errorf("there is no environment to run in; define one under environments")
	case len(known) > 1:
		v.Errorf("is missing; there are several, so write which%s", strictyaml.Hint("", known))
	}
	return known
}

var repositoryURL = regexp.MustCompile(`^[a-z0-9.-]+(:\d+)?(/[A-Za-z0-9._~-]+)+$`)

func repository(v strictyaml.Value) (r pipeline.Repository) {
	if v.Plain() {
		return pipeline.Repository{URL: repositoryName(v), Branches: []string{"main"}, Paths: []string{"**"}}
	}
	v.Object(func(o *strictyaml.Object) {
		r = pipeline.Repository{
			URL:      repositoryName(o.Need("url", "host/path, such as github.com/innerscale/checkout")),
			Branches: o.Get("branches").Strings(),
			Paths:    strictyaml.List(o.Get("paths"), glob),
			Ignore:   strictyaml.List(o.Get("ignore"), glob),
		}
		if len(r.Branches) == 0 {
			r.Branches = []string{"main"}
		}
		if len(r.Paths) == 0 {
			r.Paths = []string{"**"}
		}
	})
	return r
}

func repositoryName(v strictyaml.Value) string {
	name := v.Text()
	if name == "" {
		return ""
	}
	bare := name
	if _, rest, ok := strings.Cut(name, "://"); ok {
		bare = rest
	}
	if bare = strings.TrimSuffix(bare, ".git"); repositoryURL.MatchString(bare) && bare != name {
		v.Errorf("%s must be host and path alone; write %s", v.Quote(), bare)
	} else if !repositoryURL.MatchString(bare) {
		v.Errorf("%s is no repository; write host/path, such as github.com/innerscale/checkout", v.Quote())
	}
	return name
}

func glob(v strictyaml.Value) string {
	pattern := v.Text()
	if pattern == "" || !doublestar.ValidatePattern(pattern) {
		v.Errorf(`%s is no pattern of paths; write for example "src/**" or "**/*.md"`, v.Quote())
	}
	return pattern
}

// image is a repository of images; a tag or digest would pin what is meant to change.
func image(v strictyaml.Value) string {
	name := v.Text()
	if last := name[strings.LastIndex(name, "/")+1:]; strings.ContainsAny(last, ":@") || strings.ContainsAny(name, " \t\n") {
		v.Errorf("%s is no repository of images; write it without a tag or digest, such as registry.example/checkout", v.Quote())
	}
	return name
}

// apply is how a stack is applied.
func apply(v strictyaml.Value) (c *pipeline.Command) {
	v.Object(func(o *strictyaml.Object) {
		terraform := o.Get("terraform")
		if terraform.Given() {
			terraform.Errorf("Terraform is not built in yet; use apply.command")
			o.Get("command")
			return
		}
		c = program(o)
	})
	return c
}

// command is what stands under deploy, reset, setup and teardown.
func command(v strictyaml.Value) (c *pipeline.Command) {
	v.Object(func(o *strictyaml.Object) { c = program(o) })
	return c
}

func program(o *strictyaml.Object) (c *pipeline.Command) {
	v := o.Need("command", `a program, such as {run: ["./deploy.sh", "{{.Image}}"]}`)
	v.Object(func(o *strictyaml.Object) {
		c = &pipeline.Command{
			Run:     strictyaml.List(o.Need("run", `a list such as ["./deploy.sh", "{{.Image}}"]`), argument),
			Timeout: cmp.Or(span(o.Get("timeout")), defaultTimeout),
			Dir:     filepath.Dir(v.File()),
		}
	})
	return c
}

const sampleRevision = "0123456789abcdef0123456789abcdef01234567"

var sampleValues = pipeline.Values{
	Service: "s", Environment: "e", URL: "http://e", Image: "r/i:t", Revision: sampleRevision, Version: "1",
}

func argument(v strictyaml.Value) string {
	fill(v, sampleValues)
	return v.Text()
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
		hint := strictyaml.Hint(name, known)
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
