package catalog

import (
	"cmp"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"bellwether/internal/strictyaml"
	"bellwether/pipeline"
)

// How long things may take when nothing is said.
const (
	defaultRollout     = 10 * time.Minute // Kubernetes
	defaultSteady      = 15 * time.Minute // Amazon ECS
	defaultTerraform   = 30 * time.Minute
	defaultLockTimeout = time.Minute
	defaultApproval    = 2 * time.Hour
)

// deploy is how a service is deployed.
func deploy(v strictyaml.Value) (d *pipeline.Deploy) {
	v.Object(func(o *strictyaml.Object) {
		ways := o.One("how it is deployed", "command", pipeline.PlatformKubernetes, pipeline.PlatformECS)
		d = &pipeline.Deploy{Command: program(ways[0]), Kubernetes: workload(ways[1]), ECS: ecsService(ways[2])}
	})
	return d
}

var (
	kubernetesName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$`)
	kubernetesPart = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)
	ecsName        = regexp.MustCompile(`^(arn:[\w:/-]+|[\w-]{1,255})$`)
)

func workload(v strictyaml.Value) (w *pipeline.KubernetesWorkload) {
	const flaw = "no name in Kubernetes; write it as kubectl shows it, such as checkout"
	v.Object(func(o *strictyaml.Object) {
		kinds := o.One("the name of the workload, such as checkout", "deployment", "statefulset")
		w = &pipeline.KubernetesWorkload{
			Kind:      "Deployment",
			Name:      matching(kinds[0], kubernetesName, flaw),
			Container: matching(o.Get("container"), kubernetesPart, flaw),
			Timeout:   cmp.Or(span(o.Get("timeout")), defaultRollout),
		}
		if kinds[1].Given() {
			w.Kind, w.Name = "StatefulSet", matching(kinds[1], kubernetesName, flaw)
		}
	})
	return w
}

func ecsService(v strictyaml.Value) (s *pipeline.ECSService) {
	const flaw = "no name in Amazon ECS; write it as the console shows it, such as checkout"
	v.Object(func(o *strictyaml.Object) {
		s = &pipeline.ECSService{
			Service:   matching(o.Need("service", "the service's name in Amazon ECS"), ecsName, flaw),
			Container: matching(o.Get("container"), ecsName, flaw),
			Timeout:   cmp.Or(span(o.Get("timeout")), defaultSteady),
		}
	})
	return s
}

// apply is how a stack is applied.
func apply(v strictyaml.Value) (a *pipeline.Apply) {
	v.Object(func(o *strictyaml.Object) {
		ways := o.One("how it is applied", "command", "terraform")
		a = &pipeline.Apply{Command: program(ways[0]), Terraform: terraform(ways[1])}
	})
	return a
}

func terraform(v strictyaml.Value) (t *pipeline.Terraform) {
	v.Object(func(o *strictyaml.Object) {
		t = &pipeline.Terraform{
			Dir:         inside(o.Get("dir")),
			Binary:      binary(o.Get("binary")),
			Protect:     strictyaml.List(o.Get("protect"), address),
			MaxChanges:  o.Get("max_changes").Int(1, most),
			Providers:   strictyaml.List(o.Get("providers"), provider),
			Approve:     approval(o.Get("approve")),
			Resources:   strictyaml.List(o.Get("resources"), resource),
			LockTimeout: cmp.Or(span(o.Get("lock_timeout")), defaultLockTimeout),
			Timeout:     cmp.Or(span(o.Get("timeout")), defaultTerraform),
		}
	})
	return t
}

// inside is a folder within the repository that is checked out.
func inside(v strictyaml.Value) string {
	dir := cmp.Or(v.Text(), ".")
	if !filepath.IsLocal(dir) {
		v.Errorf("%s is not inside the repository; write a folder as seen from its root, such as infra/load", v.Quote())
	}
	return path.Clean(dir)
}

func binary(v strictyaml.Value) string {
	name := cmp.Or(v.Text(), "terraform")
	if strings.Contains(name, "/") && !filepath.IsAbs(name) {
		v.Errorf("%s is neither a name nor an absolute path; write for example tofu, or /usr/local/bin/tofu", v.Quote())
	}
	warnUnlessExecutable(v, "/")
	return name
}

// addressForm leaves the keys of for_each alone, which may be any text.
var addressForm = regexp.MustCompile(`^[A-Za-z_*?][^\n]*$`)

func address(v strictyaml.Value) string {
	return filled(v, addressForm, `no address or type of resources; write for example "aws_db_instance.*"`)
}

var providerForm = regexp.MustCompile(`^([A-Za-z0-9.-]+(:\d+)?/)?[A-Za-z0-9_-]+/[A-Za-z0-9_-]+$`)

func provider(v strictyaml.Value) string {
	return filled(v, providerForm, "no provider; write for example hashicorp/aws, or registry.terraform.io/hashicorp/aws")
}

// filled is matching that also refuses an empty text: in a policy that would allow what it is there to forbid.
func filled(v strictyaml.Value, form *regexp.Regexp, flaw string) string {
	text := matching(v, form, flaw)
	if text == "" && v.Plain() {
		v.Errorf("%s is %s", v.Quote(), flaw)
	}
	return text
}

func approval(v strictyaml.Value) (patience time.Duration) {
	v.Object(func(o *strictyaml.Object) { patience = cmp.Or(span(o.Get("expires")), defaultApproval) })
	return patience
}

func resource(v strictyaml.Value) (r pipeline.ResourceTags) {
	v.Object(func(o *strictyaml.Object) {
		r = pipeline.ResourceTags{
			Address: address(o.Need("address", `what they are called, such as "aws_db_instance.orders*"`)),
			Tags:    plain(tags(o.Need("tags", "what they are, such as [db:orders]"))),
		}
	})
	return r
}
