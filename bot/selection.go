package bot

import (
	"fmt"
	"slices"
	"strings"

	"bellwether/pipeline"
)

// shown of a list before the rest is only counted.
const (
	shownScenarios = 5
	shownResources = 5
)

// scenarios names what runs, and the way that led there.
func (v voice) scenarios() string {
	sel := v.run.Selection
	switch {
	case v.unplanned():
		return "the plan will tell"
	case v.run.Plan != nil && v.run.Plan.Empty():
		return "none"
	case sel.Part():
		return v.chosen()
	case len(sel.Scenarios) == 0 && len(sel.Touched) > 0:
		return "none is for " + strings.Join(sel.Touched, ", ")
	case len(sel.Scenarios) == 0:
		return "none"
	case v.run.Cause == pipeline.CauseFull || v.run.Change().Name == "":
		return fmt.Sprintf("all %d", len(sel.Scenarios))
	case sel.Full:
		return fmt.Sprintf("all %d (%s)", len(sel.Scenarios), sel.Reason)
	}
	return strings.Join(v.ways(), "; ")
}

// chosen names what a rerun repeats, when somebody left scenarios out.
func (v voice) chosen() string {
	sel := v.run.Selection
	s := fmt.Sprintf("%d of %d, chosen by %s", len(sel.Scenarios), sel.Of, v.run.By)
	if len(sel.Scenarios) == 0 {
		return s
	}
	return s + ": " + firstOf(sel.Names())
}

// unplanned tells whether Terraform has not yet said what the change touches.
func (v voice) unplanned() bool {
	apply := v.Catalog().Stacks[v.run.Change().Name].Apply
	stack := v.run.Change().Kind == pipeline.KindStack && apply != nil && apply.Terraform != nil
	return stack && v.run.Plan == nil && !v.run.State.Final() && !v.run.Selection.Full
}

// ways lead from what was touched to the scenarios. Of a plan those that lead by one tag are one way, which begins at the
// resources.
func (v voice) ways() []string {
	ways := v.waysOfPlan()
	for _, s := range v.run.Selection.Scenarios {
		if v.run.Plan == nil || len(resources(*v.run.Plan, s.Path[0])) == 0 {
			ways = append(ways, s.String())
		}
	}
	if more := len(ways) - shownScenarios; more > 0 {
		ways = append(ways[:shownScenarios], fmt.Sprintf("%d more", more))
	}
	if c := v.run.Change(); v.run.Plan == nil && c.Files == nil && c.Lines == nil {
		ways = append(ways, "the size of the change is unknown")
	}
	return ways
}

// waysOfPlan are such as "aws_db_instance.orders -> db:orders -> checkout, billing -> 3 scenarios".
func (v voice) waysOfPlan() (ways []string) {
	if v.run.Plan == nil {
		return nil
	}
	services, scenarios := map[string][]string{}, map[string]int{}
	for _, s := range v.run.Selection.Scenarios {
		tag, between := s.Path[0], s.Path[1:len(s.Path)-1]
		scenarios[tag]++
		for _, service := range between {
			if !slices.Contains(services[tag], service) {
				services[tag] = append(services[tag], service)
			}
		}
	}
	for _, tag := range v.run.Selection.Touched {
		from := resources(*v.run.Plan, tag)
		if len(from) == 0 || scenarios[tag] == 0 {
			continue
		}
		way := []string{firstOf(from), tag}
		if len(services[tag]) > 0 {
			way = append(way, firstOf(services[tag]))
		}
		ways = append(ways, strings.Join(append(way, count(scenarios[tag], "scenario")), " -> "))
	}
	return ways
}

// resources of a plan that carry a tag, by address.
func resources(p pipeline.Plan, tag string) (addresses []string) {
	for _, r := range p.Resources {
		if slices.Contains(r.Tags, tag) {
			addresses = append(addresses, r.Address)
		}
	}
	return addresses
}

// firstOf names the first of a list.
func firstOf(names []string) string {
	if more := len(names) - shownResources; more > 0 {
		return strings.Join(names[:shownResources], ", ") + fmt.Sprintf(" and %d more", more)
	}
	return strings.Join(names, ", ")
}

// planned is what a plan does: "1 to create: aws_sns_topic.alarms; 2 to update: …". Never a value.
func planned(p pipeline.Plan) string {
	addresses := map[string][]string{}
	for _, r := range p.Resources {
		addresses[r.Action] = append(addresses[r.Action], r.Address)
	}
	var parts []string
	for _, action := range []string{"create", "update", "replace", "delete"} {
		if n := len(addresses[action]); n > 0 {
			parts = append(parts, fmt.Sprintf("%d to %s: %s", n, action, firstOf(addresses[action])))
		}
	}
	if len(parts) == 0 && len(p.Outputs) == 0 {
		return "only the state changes"
	}
	if len(parts) == 0 {
		return "only outputs: " + firstOf(p.Outputs)
	}
	return strings.Join(parts, "; ")
}
