package catalog

import (
	"cmp"
	"regexp"
	"strings"

	"bellwether/internal/strictyaml"
	"bellwether/pipeline"
)

// engines that this version has.
var engines = []string{"vegeta"}

func (d *decoder) scenario(name string, v strictyaml.Value) (s pipeline.Scenario) {
	v.Object(func(o *strictyaml.Object) {
		tested := tags(o.Need("tags", "what it tests, such as [service:checkout]"))
		d.tested = append(d.tested, tested...)
		data := d.table(o.Get("data"))
		s = pipeline.Scenario{
			Name:     name,
			Tags:     plain(tested),
			Engine:   engine(o.Get("engine")),
			Load:     profile(o.Need("load", "how much for how long, such as {rate: 50/s, duration: 60s, warmup: 10s}")),
			Targets:  targets(o.Need("targets", "the requests, such as [{name: cart, path: /cart}]"), data),
			Data:     data.path,
			DataHash: data.hash,
			Setup:    command(o.Get("setup")),
			Teardown: command(o.Get("teardown")),
			Gates:    gates(o.Get("gates")),
		}
	})
	return s
}

func engine(v strictyaml.Value) string {
	return oneOf(v, engines, "no engine of this version; write vegeta, or leave it out")
}

// oneOf is one of the known words, the first of them when none is given.
func oneOf(v strictyaml.Value, known []string, flaw string) string {
	word := cmp.Or(v.Text(), known[0])
	for _, k := range known {
		if k == word {
			return word
		}
	}
	v.Errorf("%s is %s", v.Quote(), flaw)
	return known[0]
}

func targets(v strictyaml.Value, data table) (list []pipeline.Target) {
	first := map[string]strictyaml.Value{}
	for item := range v.Items() {
		item.Object(func(o *strictyaml.Object) {
			at := o.Need("name", "what people call the request, such as cart")
			t := target(o, data)
			if t.Name = at.Text(); t.Name != "" && first[t.Name].Given() {
				at.Errorf("%s is already the name of a target, at %s; rename one of them", at.Quote(), first[t.Name].Where())
			}
			first[t.Name] = at
			list = append(list, t)
		})
	}
	return list
}

var methods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

func target(o *strictyaml.Object, data table) pipeline.Target {
	path := o.Need("path", "the path, such as /cart")
	method := o.Get("method")
	t := pipeline.Target{
		Weight:  cmp.Or(o.Get("weight").Int(1, 10_000), 1),
		Method:  oneOf(method, methods, "no method; write one of "+strings.Join(methods, ", ")),
		Path:    data.template(path),
		Body:    data.template(o.Get("body")),
		Headers: headers(o.Get("headers"), data),
	}
	if t.Path != "" && !strings.HasPrefix(t.Path, "/") {
		path.Errorf("%s must begin with a slash; the host is the environment's", path.Quote())
	}
	o.Get("expect").Object(func(o *strictyaml.Object) {
		t.Expect = strictyaml.List(o.Need("status", "the statuses that are no error, such as [401]"),
			func(v strictyaml.Value) int { return v.Int(100, 599) })
	})
	return t
}

// headerName is a token of RFC 9110.
var headerName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")

func headers(v strictyaml.Value, data table) map[string]string {
	var all map[string]string
	for name, value := range v.Entries() {
		if !headerName.MatchString(name) {
			value.Errorf("is no name of a header; write for example Content-Type")
		}
		text := data.template(value)
		if strings.ContainsAny(text, "\r\n\x00") {
			value.Errorf("a header must be one line")
		}
		if all == nil {
			all = map[string]string{}
		}
		all[name] = text
	}
	return all
}

func gates(v strictyaml.Value) (list []pipeline.Gate) {
	v.Object(func(o *strictyaml.Object) {
		for _, metric := range []pipeline.Metric{pipeline.P50, pipeline.P95, pipeline.P99} {
			if limit := o.Get(string(metric)); limit.Given() {
				list = append(list, pipeline.Gate{Metric: metric, Limit: milliseconds(span(limit))})
			}
		}
		if limit := o.Get("errors"); limit.Given() {
			list = append(list, pipeline.Gate{Metric: pipeline.Errors, Limit: percent(limit)})
		}
	})
	return list
}
