package terraform

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	tfjson "github.com/hashicorp/terraform-json"

	"bellwether/pipeline"
)

// judge says what of a plan the stack's policy forbids, a sentence each.
func judge(plan *tfjson.Plan, policy pipeline.Terraform) []string {
	var refused []string
	refuse := func(format string, args ...any) { refused = append(refused, fmt.Sprintf(format, args...)) }
	changed := changes(plan)
	for _, provider := range providers(plan) {
		if !allowed(policy.Providers, provider) {
			refuse("provider %s is not among the stack's providers", provider)
		}
	}
	for _, r := range changed {
		if does := action(r.Change.Actions); does == "delete" || does == "replace" {
			if glob, found := protected(policy.Protect, r); found {
				refuse("%s of %s: it is protected by %s", does, address(r), glob)
			}
		}
	}
	if most := policy.MaxChanges; most > 0 && len(changed) > most {
		refuse("%d resources would change, %d at most may", len(changed), most)
	}
	for _, r := range plan.ResourceChanges {
		if strange := unknown(r); strange != "" {
			refuse("%s: Bellwether does not know what %q does", r.Address, strange)
		}
	}
	if n := len(plan.DeferredChanges); n > 0 {
		refuse("the plan is incomplete: Terraform puts off %d resources until others are applied", n)
	}
	return refused
}

// providers lists those that the plan uses.
func providers(plan *tfjson.Plan) []string {
	used := map[string]bool{}
	for _, r := range plan.ResourceChanges {
		if r != nil && r.ProviderName != "" {
			used[r.ProviderName] = true
		}
	}
	return sortedKeys(used)
}

// registries are where a provider is from that is named without one, "hashicorp/aws".
var registries = []string{"registry.terraform.io", "registry.opentofu.org"}

// builtIn is the provider of terraform_data, which is a part of the program.
const builtIn = "terraform.io/builtin/terraform"

// allowed tells whether a provider, by its full address, is in the list. An empty list has them all.
func allowed(list []string, provider string) bool {
	provider = strings.ToLower(provider)
	if len(list) == 0 || provider == builtIn {
		return true
	}
	return slices.ContainsFunc(list, func(name string) bool {
		name = strings.ToLower(name)
		if strings.Count(name, "/") == 1 {
			return slices.ContainsFunc(registries, func(registry string) bool { return registry+"/"+name == provider })
		}
		return name == provider
	})
}

// protected finds what protects a resource: a glob over its type, or its address, now or before it was moved.
func protected(globs []string, r *tfjson.ResourceChange) (glob string, found bool) {
	i := slices.IndexFunc(globs, func(glob string) bool { return matches(glob, append(names(r), r.Type)) })
	if i < 0 {
		return "", false
	}
	return globs[i], true
}

// unknown is an action that this package has never heard of; empty when there is none.
func unknown(r *tfjson.ResourceChange) tfjson.Action {
	known := []tfjson.Action{
		tfjson.ActionNoop, tfjson.ActionRead, tfjson.ActionForget,
		tfjson.ActionCreate, tfjson.ActionUpdate, tfjson.ActionDelete,
	}
	if r == nil || r.Change == nil {
		return ""
	}
	for _, a := range r.Change.Actions {
		if !slices.Contains(known, a) {
			return a
		}
	}
	return ""
}

// index is the [0] or ["eu/west"] of an address. A key may hold brackets, and quotes behind a backslash.
var index = regexp.MustCompile(`\[(?:\d+|"(?:[^"\\]|\\.)*")\]`)

// names are what a glob may match of a resource: its address now and before it was moved, each also without the module and
// without the indexes.
func names(r *tfjson.ResourceChange) []string {
	var all []string
	for _, full := range []string{r.Address, r.PreviousAddress} {
		if full == "" {
			continue
		}
		bare := strings.TrimPrefix(strings.TrimPrefix(full, r.ModuleAddress), ".")
		all = append(all, full, bare, index.ReplaceAllString(full, ""), index.ReplaceAllString(bare, ""))
	}
	return all
}

// matches tells whether a glob matches one of the names, whole. A * stands for any text, a ? for any character, also for
// dots, slashes and what is in brackets; everything else stands for itself, brackets too.
func matches(glob string, names []string) bool {
	pattern := strings.NewReplacer(`\*`, `.*`, `\?`, `.`).Replace(regexp.QuoteMeta(strings.ToValidUTF8(glob, "?")))
	whole := regexp.MustCompile(`(?s)^(?:` + pattern + `)$`)
	return slices.ContainsFunc(names, whole.MatchString)
}
