package catalog

import (
	"cmp"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"bellwether/internal/strictyaml"
	"bellwether/pipeline"
)

func (d *decoder) environment(name string, v strictyaml.Value) (e pipeline.Environment) {
	v.Object(func(o *strictyaml.Object) {
		base := loaded(o.Need("url", "where load is sent, such as http://127.0.0.1:9000"))
		e = pipeline.Environment{
			Name:       name,
			URL:        base,
			Team:       d.reference(o.Get("team"), teams, "team"),
			Health:     health(o.Get("health"), base),
			Reset:      command(o.Get("reset")),
			Kubernetes: kubernetesCluster(o.Get(pipeline.PlatformKubernetes)),
			ECS:        ecsCluster(o.Get(pipeline.PlatformECS)),
			Abort:      abort(o.Get("abort")),
			Batch:      o.Get("batch").Bool(),
			MaxWait:    span(o.Get("max_wait")),
			Confirm:    confirm(o.Get("confirm")),

			Permissions: d.permissionsHere(o.Get("permissions")),
		}
	})
	return e
}

// loaded is where load is sent, without a slash at the end.
func loaded(v strictyaml.Value) string {
	text := strings.TrimRight(v.Text(), "/")
	if u, ok := web(text); text != "" && (!ok || u.RawQuery != "") {
		v.Errorf("%s is no URL to send load to; write for example http://127.0.0.1:9000", v.Quote())
	}
	return text
}

// health is a URL, or a path at the environment's own.
func health(v strictyaml.Value, base string) string {
	text := v.Text()
	if strings.HasPrefix(text, "/") {
		return base + text
	}
	if _, ok := web(text); text != "" && !ok {
		v.Errorf("%s is no URL to look at; write for example /healthz, or http://127.0.0.1:9000/healthz", v.Quote())
	}
	return text
}

// web tells whether a text is a URL of http or https that names a host.
func web(text string) (*url.URL, bool) {
	u, err := url.Parse(text)
	return u, err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" && u.Fragment == ""
}

// destination is where in an environment a platform deploys to.
type destination struct {
	in      func(pipeline.Environment) bool
	example string
}

var destinations = map[string]destination{
	pipeline.PlatformKubernetes: {func(e pipeline.Environment) bool { return e.Kubernetes != nil }, "kubernetes: {context: load, namespace: shop}"},
	pipeline.PlatformECS:        {func(e pipeline.Environment) bool { return e.ECS != nil }, "ecs: {cluster: load, region: eu-west-1}"},
}

func kubernetesCluster(v strictyaml.Value) (c *pipeline.KubernetesCluster) {
	v.Object(func(o *strictyaml.Object) {
		c = &pipeline.KubernetesCluster{
			Kubeconfig: kubeconfig(o.Get("kubeconfig")),
			Context:    o.Get("context").Text(),
			Namespace:  cmp.Or(matching(o.Get("namespace"), kubernetesPart, "no namespace; write it as kubectl shows it, such as shop"), "default"),
		}
	})
	return c
}

func kubeconfig(v strictyaml.Value) string {
	path := beside(filepath.Dir(v.File()), v.Text())
	if _, err := os.Stat(path); path != "" && err != nil {
		v.Warnf("%s cannot be read here: %s", v.Quote(), err)
	}
	return path
}

var region = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-\d$`)

func ecsCluster(v strictyaml.Value) (c *pipeline.ECSCluster) {
	v.Object(func(o *strictyaml.Object) {
		endpoint := o.Get("endpoint")
		c = &pipeline.ECSCluster{
			Cluster:  matching(o.Need("cluster", "the cluster's name"), ecsName, "no name in Amazon ECS; write the cluster's name, such as load"),
			Region:   matching(o.Need("region", "a region such as eu-west-1"), region, "no region; write for example eu-west-1"),
			Endpoint: endpoint.Text(),
		}
		if _, ok := web(c.Endpoint); c.Endpoint != "" && !ok {
			endpoint.Errorf("%s is no URL; write for example http://127.0.0.1:4566, or leave it out for AWS", endpoint.Quote())
		}
	})
	return c
}

// patience is how long a suspicion may be followed up unless something else is said.
const patience = 10 * time.Minute

func confirm(v strictyaml.Value) time.Duration {
	budget := patience
	v.Object(func(o *strictyaml.Object) {
		budget = cmp.Or(span(o.Need("budget", "how long a suspicion may be followed up, such as 10m")), patience)
	})
	return budget
}

// usual is when load is ended unless something else is said.
var usual = pipeline.Abort{Errors: 0.5, For: 10 * time.Second}

// abort is off, or from which share of errors on, for how long, load is ended.
func abort(v strictyaml.Value) (a pipeline.Abort) {
	const example = "off, or for example {errors: 50%, for: 10s}"
	a = usual
	if v.Plain() {
		switch v.TextAs(example) {
		case "off":
			return pipeline.Abort{}
		case "":
		default:
			v.Errorf("%s is no limit; write %s", v.Quote(), example)
		}
		return a
	}
	v.Object(func(o *strictyaml.Object) {
		limit := o.Get("errors")
		share, ok := percent(limit)
		if ok && share == 0 {
			limit.Errorf("%s would end every load; write off, or for example 50%%", limit.Quote())
		}
		a = pipeline.Abort{Errors: cmp.Or(share, usual.Errors), For: cmp.Or(span(o.Get("for")), usual.For)}
	})
	return a
}
