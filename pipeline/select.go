package pipeline

import (
	"fmt"
	"slices"
	"strings"
)

// Selection is which scenarios a change runs, and why these.
type Selection struct {
	Touched   []string   `json:"touched"` // tags
	Full      bool       `json:"full"`    // it is for all scenarios, for a reason of its own
	Reason    string     `json:"reason"`  // for people
	Scenarios []Selected `json:"scenarios"`
	Only      []string   `json:"only,omitempty"` // the scenarios that somebody chose; empty: all
	Of        int        `json:"of,omitempty"`   // how many there were to choose from; 0 when nobody chose
}

// Selected is one scenario and the way that led to it.
type Selected struct {
	Scenario string   `json:"scenario"`
	Path     []string `json:"path"` // "db:orders", "checkout", "checkout-flow"
}

// Names of the selected scenarios, in order.
func (s Selection) Names() []string {
	names := make([]string, len(s.Scenarios))
	for i, sc := range s.Scenarios {
		names[i] = sc.Scenario
	}
	return names
}

// narrowed leaves only the scenarios that somebody chose; all when nobody chose any.
func (s Selection) narrowed(only []string) Selection {
	if len(only) == 0 {
		return s
	}
	s.Only, s.Of = only, max(s.Of, len(s.Scenarios))
	s.Scenarios = slices.DeleteFunc(slices.Clone(s.Scenarios), func(sc Selected) bool { return !slices.Contains(only, sc.Scenario) })
	return s
}

// Part tells whether somebody left scenarios out.
func (s Selection) Part() bool { return len(s.Scenarios) < s.Of }

// inOrder compares results by the place of their scenarios.
func (s Selection) inOrder(a, b Result) int {
	return slices.Index(s.Names(), a.Scenario) - slices.Index(s.Names(), b.Scenario)
}

// String is the way for people: "db:orders -> checkout -> checkout-flow".
func (s Selected) String() string { return strings.Join(s.Path, " -> ") }

// Select chooses the scenarios for a change: those that share a tag with what the change touches, or with the tags of a
// service whose uses meet it; never from uses to uses. A large change runs everything.
func (c *Catalog) Select(change Change, extra ...string) Selection {
	thing, _ := c.Thing(change.Kind, change.Name)
	touched := slices.Compact(slices.Sorted(slices.Values(append(slices.Clone(thing.Tags), extra...))))
	if why := c.FullSuite.wants(change); why != "" {
		full := c.SelectAll(why)
		full.Touched = touched
		return full
	}
	sel := Selection{Touched: touched, Scenarios: []Selected{}}
	for _, name := range sortedKeys(c.Scenarios) {
		if path := c.path(c.Scenarios[name], touched); path != nil {
			sel.Scenarios = append(sel.Scenarios, Selected{name, path})
		}
	}
	sel.Reason = "touches " + strings.Join(touched, ", ")
	if change.Files == nil && change.Lines == nil {
		sel.Reason += "; size unknown"
	}
	return sel
}

// SelectAll chooses every scenario.
func (c *Catalog) SelectAll(why string) Selection {
	sel := Selection{Full: true, Reason: why, Touched: []string{}, Scenarios: []Selected{}}
	for _, name := range sortedKeys(c.Scenarios) {
		sel.Scenarios = append(sel.Scenarios, Selected{name, []string{"full suite", name}})
	}
	return sel
}

// path is the shortest way from the touched tags to the scenario, nil when there is none.
func (c *Catalog) path(s Scenario, touched []string) []string {
	if tag, ok := meet(touched, s.Tags); ok {
		return []string{tag, s.Name}
	}
	for _, name := range sortedKeys(c.Services) {
		service := c.Services[name]
		used, uses := meet(touched, service.Uses)
		if _, tests := meet(service.Tags, s.Tags); uses && tests {
			return []string{used, name, s.Name}
		}
	}
	return nil
}

func meet(a, b []string) (string, bool) {
	for _, tag := range a {
		if slices.Contains(b, tag) {
			return tag, true
		}
	}
	return "", false
}

func (f FullSuite) wants(c Change) string {
	switch {
	case f.Files > 0 && c.Files != nil && *c.Files >= f.Files:
		return fmt.Sprintf("full suite: %d files changed, %d or more run everything", *c.Files, f.Files)
	case f.Lines > 0 && c.Lines != nil && *c.Lines >= f.Lines:
		return fmt.Sprintf("full suite: %d lines changed, %d or more run everything", *c.Lines, f.Lines)
	}
	if label, ok := meet(c.Labels, f.Labels); ok {
		return "full suite: labelled " + label
	}
	return ""
}
