package terraform

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	tfjson "github.com/hashicorp/terraform-json"

	"bellwether/pipeline"
)

// actions are those that change something outside the state. The others, no-op, read and forget, do not, nor do imports
// and moves.
var actions = map[tfjson.Action]string{
	tfjson.ActionCreate: "create", tfjson.ActionUpdate: "update", tfjson.ActionDelete: "delete",
}

// action is what a change does to a resource; empty for nothing.
func action(all tfjson.Actions) string {
	var does string
	for _, a := range all {
		this := actions[a]
		if a == tfjson.ActionForget && len(all) > 1 {
			this = actions[tfjson.ActionDelete] // replaced all the same, though the old one lives on
		}
		if does != "" && this != "" && this != does {
			return "replace"
		}
		does = cmp.Or(does, this)
	}
	return does
}

// changes are the resource changes that do something to a resource.
func changes(plan *tfjson.Plan) []*tfjson.ResourceChange {
	return slices.DeleteFunc(slices.Clone(plan.ResourceChanges), func(r *tfjson.ResourceChange) bool {
		return r == nil || r.Change == nil || r.Mode != tfjson.ManagedResourceMode || action(r.Change.Actions) == ""
	})
}

// summarise leaves of a plan what people may read anywhere.
func summarise(plan *tfjson.Plan, mapping []pipeline.ResourceTags) pipeline.Plan {
	var summary pipeline.Plan
	for _, r := range changes(plan) {
		summary.Resources = append(summary.Resources, pipeline.Resource{
			Address: address(r), Type: r.Type, Action: action(r.Change.Actions), Tags: tags(r, mapping),
		})
	}
	summary.StateOnly = slices.ContainsFunc(plan.ResourceChanges, restates)
	slices.SortFunc(summary.Resources, func(a, b pipeline.Resource) int { return strings.Compare(a.Address, b.Address) })
	for _, name := range sortedKeys(plan.OutputChanges) {
		if change := plan.OutputChanges[name]; change != nil && action(change.Actions) != "" {
			summary.Outputs = append(summary.Outputs, name)
		}
	}
	return summary
}

// restates tells whether a change is one of the state: what an address means, or that it means nothing any more.
func restates(r *tfjson.ResourceChange) bool {
	if r == nil || r.Change == nil {
		return false
	}
	return r.Change.Importing != nil || r.PreviousAddress != "" || slices.Contains(r.Change.Actions, tfjson.ActionForget)
}

// address is how the change is called: a leftover of an earlier replacement has the address of its successor.
func address(r *tfjson.ResourceChange) string {
	if r.DeposedKey != "" {
		return r.Address + " (deposed " + r.DeposedKey + ")"
	}
	return r.Address
}

// tagged are the attributes that hold tags: of AWS and Azure with and without the provider's default tags, of Google Cloud
// likewise, and of most others.
var tagged = []string{"tags", "tags_all", "labels", "effective_labels", "terraform_labels"}

// tags are the resource's before and after the change, and those that the stack says it has, sorted.
func tags(r *tfjson.ResourceChange, mapping []pipeline.ResourceTags) []string {
	var all []string
	for _, name := range tagged {
		all = append(all, readTags(at(r.Change.Before, name), at(r.Change.BeforeSensitive, name))...)
		all = append(all, readTags(at(r.Change.After, name), at(r.Change.AfterSensitive, name))...)
	}
	for _, m := range mapping {
		if matches(m.Address, names(r)) {
			all = append(all, m.Tags...)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// readTags reads {"key": "value"} or ["key:value"], but what is sensitive, or no text. What is not known yet is not there.
func readTags(value, sensitive any) []string {
	var tags []string
	if sensitive == true {
		return nil
	}
	switch value := value.(type) {
	case map[string]any:
		for key, v := range value {
			if text, ok := v.(string); ok && at(sensitive, key) != true {
				tags = append(tags, key+":"+text)
			}
		}
	case []any:
		for i, v := range value {
			if text, ok := v.(string); ok && strings.Contains(text, ":") && element(sensitive, i) != true {
				tags = append(tags, text)
			}
		}
	}
	return tags
}

// at is an attribute of an object. A mask of what is sensitive may be true in place of an object: all of it is.
func at(object any, name string) any {
	if object == true {
		return true
	}
	attributes, _ := object.(map[string]any)
	return attributes[name]
}

func element(list any, i int) any {
	if elements, ok := list.([]any); ok && i < len(elements) {
		return elements[i]
	}
	return list == true
}

// shortestSecret is the length in bytes from which on a sensitive value is taken out of texts. Shorter ones are in every
// other word.
const shortestSecret = 4

// secrets are values that the configuration or a provider calls sensitive.
type secrets map[string]bool

// sensitiveValues are the plan's.
func sensitiveValues(plan *tfjson.Plan) secrets {
	found := secrets{}
	for _, r := range slices.Concat(plan.ResourceChanges, plan.ResourceDrift) {
		if r != nil {
			found.change(r.Change)
		}
	}
	for _, change := range plan.OutputChanges {
		found.change(change)
	}
	if plan.Config != nil && plan.Config.RootModule != nil {
		for name, declared := range plan.Config.RootModule.Variables {
			if given := plan.Variables[name]; declared != nil && given != nil {
				found.collect(given.Value, declared.Sensitive)
			}
		}
	}
	if plan.PriorState != nil {
		found.state(plan.PriorState.Values)
	}
	return found
}

func (s secrets) change(change *tfjson.Change) {
	if change != nil {
		s.collect(change.Before, change.BeforeSensitive)
		s.collect(change.After, change.AfterSensitive)
	}
}

func (s secrets) state(values *tfjson.StateValues) {
	if values == nil {
		return
	}
	for _, output := range values.Outputs {
		if output != nil {
			s.collect(output.Value, output.Sensitive)
		}
	}
	s.module(values.RootModule)
}

func (s secrets) module(module *tfjson.StateModule) {
	if module == nil {
		return
	}
	for _, r := range module.Resources {
		if r == nil {
			continue
		}
		var mask any
		if json.Unmarshal(r.SensitiveValues, &mask) == nil {
			s.collect(r.AttributeValues, mask)
		}
	}
	for _, child := range module.ChildModules {
		s.module(child)
	}
}

// collect notes what in value the mask calls sensitive: texts whole and line by line, and numbers.
func (s secrets) collect(value, mask any) {
	switch value := value.(type) {
	case map[string]any:
		for key, v := range value {
			s.collect(v, at(mask, key))
		}
	case []any:
		for i, v := range value {
			s.collect(v, element(mask, i))
		}
	case string:
		for _, part := range append(strings.Split(value, "\n"), value) {
			s.note(mask, spellings(part)...)
		}
	case json.Number:
		s.note(mask, value.String())
	case float64:
		s.note(mask, strconv.FormatFloat(value, 'f', -1, 64), fmt.Sprint(value))
	}
}

func (s secrets) note(mask any, texts ...string) {
	for _, text := range texts {
		if mask == true && len(text) >= shortestSecret {
			s[text] = true
		}
	}
}

// spellings are how a text is found in messages: as it is, in the quotes of Go and of JSON, and in URLs.
func spellings(text string) []string {
	quoted, escaped := strconv.Quote(text), new(strings.Builder)
	plain := json.NewEncoder(escaped)
	plain.SetEscapeHTML(false)
	_ = plain.Encode(text)        // a text can always be encoded
	html, _ := json.Marshal(text) // so it can here
	return []string{
		text, inner(quoted), inner(strings.TrimSpace(escaped.String())), inner(string(html)),
		url.QueryEscape(text), url.PathEscape(text),
	}
}

// inner is what is between the quotes.
func inner(quoted string) string { return quoted[1 : len(quoted)-1] }

// replacer replaces the longest secrets first: one may be the beginning of another.
func (s secrets) replacer() *strings.Replacer {
	var pairs []string
	for _, secret := range slices.SortedFunc(maps.Keys(s), func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) }) {
		pairs = append(pairs, secret, "(sensitive)")
	}
	return strings.NewReplacer(pairs...)
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
