package catalog

import (
	"cmp"
	"regexp"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"

	"bellwether/internal/strictyaml"
	"bellwether/internal/suggest"
	"bellwether/pipeline"
)

const (
	defaultWaitForImage = 15 * time.Minute
	defaultBudget       = time.Hour
	leastBudget         = time.Minute
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
			Deploy:       deploy(o.Get("deploy")),
			WaitForImage: cmp.Or(span(wait), defaultWaitForImage),
			Budget:       budget(o.Get("budget")),
			Restore:      afterRegression(o.Get("after_regression")) == restore,
		}
		d.refuseUnreachable(o.Get("deploy"), s)
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
		if s.Apply != nil && s.Apply.Terraform != nil {
			refuseUnplannable(o, s)
		}
	})
	return s
}

// refuseUnplannable: Terraform needs a root module, which has one state. Applied for two environments it would be one of them,
// in turn.
func refuseUnplannable(o *strictyaml.Object, s pipeline.Stack) {
	if len(s.Repositories) == 0 {
		o.Get("apply").Errorf("needs a repository to plan from; write repositories under the stack, such as [github.com/innerscale/platform]")
	}
	if in := o.Get("environments"); in.Given() && len(s.Environments) > 1 {
		in.Errorf("names %d environments, but a Terraform root module has one state; write a stack for each environment, with its own dir", len(s.Environments))
	}
}

func budget(v strictyaml.Value) time.Duration {
	d := span(v)
	if d > 0 && d < leastBudget {
		v.Errorf("%s must be at least 1m", v.Quote())
	}
	return cmp.Or(d, defaultBudget)
}

// restore is what after_regression says when a version that regressed is to be taken back.
const restore = "restore"

func afterRegression(v strictyaml.Value) string {
	return oneOf(v, []string{"keep", restore}, "nothing to do after a regression; write keep or restore")
}

// refuseUnreachable: what deploys by itself needs an image, and a target in each of the environments.
func (d *decoder) refuseUnreachable(v strictyaml.Value, s pipeline.Service) {
	platform := s.Deploy.Platform()
	if platform == "" {
		return
	}
	if s.Image == "" {
		v.Errorf("needs an image to deploy; write image under the service, such as registry.example/checkout")
	}
	for _, name := range s.Environments {
		e, known := d.places[name]
		if known && !destinations[platform].in(e) {
			v.Errorf("has no target in %s; write %s under environments.%s, at %s",
				name, destinations[platform].example, name, d.written[environments][name].Where())
		}
	}
}

// environments are those named, or the only one there is.
func (d *decoder) environments(v strictyaml.Value) []string {
	known := d.names(environments)
	switch {
	case v.Given():
		list := strictyaml.List(v, func(v strictyaml.Value) string { return d.reference(v, environments, "environment") })
		if len(list) == 0 {
			v.Errorf("names no environment%s", suggest.Hint("", known))
		}
		return list
	case len(known) == 0:
		v.Errorf("there is no environment to run in; define one under environments")
	case len(known) > 1:
		v.Errorf("is missing; there are several, so write which%s", suggest.Hint("", known))
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
