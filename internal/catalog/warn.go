package catalog

import (
	"slices"
	"strings"

	"bellwether/internal/suggest"
	"bellwether/pipeline"
)

// warn notes what is allowed and does nothing: tags that meet no other, services that no scenario tests, people on call
// whom nothing mentions, and the like.
func (d *decoder) warn(c *pipeline.Catalog) {
	d.warnTags(c)
	d.warnAccess(c)
	for name, s := range c.Services {
		d.warnService(name, s)
	}
	for name, t := range c.Teams {
		if len(t.OnCall) == 0 {
			d.written[teams][name].Warnf("has nobody on call, so nobody is mentioned when something got slower")
		}
		d.warnOnCall(c, t)
	}
}

func (d *decoder) warnTags(c *pipeline.Catalog) {
	carried, open := carriers(c)
	for _, t := range d.used {
		t.warnUnlessIn(carried, open, "nothing carries the tag", "no change reaches this service by it")
	}
	for _, t := range d.tested {
		t.warnUnlessIn(carried, open, "no service or stack carries the tag", "no change runs this scenario by it")
	}
}

// carriers are the tags of all that can change. They are open when Terraform is used: what its resources carry is known
// no sooner than in a plan.
func carriers(c *pipeline.Catalog) (carried []string, open bool) {
	for _, thing := range c.Things() {
		carried = append(carried, thing.Tags...)
	}
	for _, s := range c.Stacks {
		if s.Apply == nil || s.Apply.Terraform == nil {
			continue
		}
		open = true
		for _, r := range s.Apply.Terraform.Resources {
			carried = append(carried, r.Tags...)
		}
	}
	slices.Sort(carried)
	return carried, open
}

// warnUnlessIn tells of a tag that nothing carries; with Terraform only of one that looks like a slip of the pen.
func (t tagged) warnUnlessIn(carried []string, open bool, flaw, effect string) {
	close := suggest.Nearest(t.tag, carried)
	switch {
	case slices.Contains(carried, t.tag) || open && close == "":
	case open:
		t.at.Warnf("%s %s, unless a resource of Terraform does; did you mean %s?", flaw, t.at.Quote(), close)
	case close != "":
		t.at.Warnf("%s %s, so %s; did you mean %s?", flaw, t.at.Quote(), effect, close)
	default:
		t.at.Warnf("%s %s, so %s", flaw, t.at.Quote(), effect)
	}
}

func (d *decoder) warnService(name string, s pipeline.Service) {
	v := d.written[services][name]
	if !slices.ContainsFunc(d.tested, func(t tagged) bool { return slices.Contains(s.Tags, t.tag) }) {
		v.Warnf("no scenario has one of its tags, so its changes are deployed without a test")
	}
	if s.Image != "" && s.ImageTag == "" {
		v.Warnf(`has an image without image_tag, so a pushed image is not joined with its merge; write for example image_tag: "{{.Revision}}"`)
	}
	if s.Restore && s.Deploy == nil {
		v.Warnf("has after_regression: restore without deploy, so nothing is restored; write deploy too, or leave it out")
	}
}

// warnOnCall tells of people who are asked where they have no name to be mentioned by.
func (d *decoder) warnOnCall(c *pipeline.Catalog, t pipeline.Team) {
	var platforms []string
	for _, ch := range t.Channels {
		platforms = append(platforms, ch.Platform)
	}
	for _, name := range t.OnCall {
		p, known := c.People[name]
		names := map[string]string{"slack": p.Slack, "teams": p.Teams, "web": p.Web}
		mentioned := func(platform string) bool { return names[platform] != "" }
		if known && len(platforms) > 0 && !slices.ContainsFunc(platforms, mentioned) {
			d.written[people][name].Warnf("is on call for %s and has no identity where that team reads, so is never mentioned; write %s under it",
				t.Name, strings.Join(platforms, " or "))
		}
	}
}
