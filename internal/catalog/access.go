package catalog

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"bellwether/internal/strictyaml"
	"bellwether/internal/suggest"
	"bellwether/pipeline"
)

// inherent are the roles that somebody has without being written down.
var inherent = []string{string(pipeline.Anyone), string(pipeline.Member), string(pipeline.OnCall)}

var (
	group = regexp.MustCompile(`^(slack-group:[TE][A-Z0-9]+/S[A-Z0-9]+|entra-group:` + guidForm + `)$`)
	guid  = regexp.MustCompile(`^` + guidForm + `$`)
)

const guidForm = `[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}`

const (
	exampleHolders    = `names of people, or groups such as "slack-group:T0TEAM/S0PERF" and "entra-group:" with an object id`
	examplePermission = "a role, a list of roles, or for example {role: member, cooldown: 30m}"
)

// role is who has it: people, and groups of a chat platform.
func (d *decoder) role(name string, v strictyaml.Value) []string {
	if slices.Contains(inherent, name) {
		v.Errorf("everybody has this role by what they are; name yours otherwise")
	}
	holders := strictyaml.List(v, d.holder)
	if v.Listed() && len(holders) == 0 {
		v.Errorf("names nobody; write %s", exampleHolders)
	}
	return holders
}

func (d *decoder) holder(v strictyaml.Value) string {
	text := v.Text()
	switch {
	case text == "":
		v.Errorf("names nobody; write %s", exampleHolders)
	case !strings.Contains(text, ":"):
		return d.reference(v, people, "person")
	case !group.MatchString(text):
		v.Errorf("%s is no group; write %s", v.Quote(), exampleHolders)
	}
	return folded(text)
}

// folded is an id as Entra writes it: what is a GUID is compared in small letters.
func folded(id string) string {
	if kind, name, ok := strings.Cut(id, ":"); ok && guid.MatchString(name) {
		return kind + ":" + strings.ToLower(name)
	}
	if guid.MatchString(id) {
		return strings.ToLower(id)
	}
	return id
}

func (d *decoder) roles() map[pipeline.Role][]string {
	all := map[pipeline.Role][]string{}
	for name, v := range d.written[roles] {
		all[pipeline.Role(name)] = d.role(name, v)
	}
	return all
}

// permissionsHere are those of one environment.
func (d *decoder) permissionsHere(v strictyaml.Value) pipeline.Permissions {
	var all pipeline.Permissions
	for verb, written := range v.Entries() {
		if all == nil {
			all = pipeline.Permissions{}
		}
		all[verb] = d.permission(verb, written)
	}
	return all
}

// stead are verbs of the chat whose permission is another one's.
var stead = map[string]string{
	"help": "status", "open": "status", "compare": "status", "history": "status", "release": "hold", "reject": "approve", "acknowledge": "ack",
	"accept": "baseline", "invalid": "baseline", "triage": "baseline", "reopen": "baseline", "pin": "baseline", "unpin": "baseline",
}

func (d *decoder) permission(verb string, v strictyaml.Value) (p pipeline.Permission) {
	if known := pipeline.Permitted(); !slices.Contains(known, verb) {
		if other, ok := stead[verb]; ok {
			v.Errorf("goes with %s; write that instead", other)
		} else {
			v.Errorf("there is no such permission%s", suggest.Hint(verb, known))
		}
	}
	if v.Plain() || v.Listed() {
		return pipeline.Permission{Roles: d.required(v)}
	}
	v.Object(func(o *strictyaml.Object) {
		p = pipeline.Permission{Roles: d.required(o.Need("role", "a role such as member, or a list of roles")), Cooldown: span(o.Get("cooldown"))}
	})
	return p
}

// required are the roles of which any will do.
func (d *decoder) required(v strictyaml.Value) (some []pipeline.Role) {
	if v.Plain() {
		return []pipeline.Role{d.roleName(v)}
	}
	some = strictyaml.List(v, d.roleName)
	if v.Listed() && len(some) == 0 {
		v.Errorf("names no role, so nobody could; write %s", examplePermission)
	}
	return some
}

func (d *decoder) roleName(v strictyaml.Value) pipeline.Role {
	name := v.TextAs(examplePermission)
	known := slices.Concat(inherent, []string{string(pipeline.Admin)}, slices.Collect(maps.Keys(d.written[roles])))
	slices.Sort(known)
	if known = slices.Compact(known); !slices.Contains(known, name) {
		v.Errorf("%s is no role%s", v.Quote(), suggest.Hint(name, known))
	}
	d.wanted = append(d.wanted, wanted{pipeline.Role(name), v})
	return pipeline.Role(name)
}

// wanted is a role that a permission asks for, and where.
type wanted struct {
	role pipeline.Role
	at   strictyaml.Value
}

// warnAccess tells of permissions that are wider or narrower than they look.
func (d *decoder) warnAccess(c *pipeline.Catalog) {
	byMembers := false
	for _, w := range d.wanted {
		byMembers = byMembers || w.role == pipeline.Member
		if w.role == pipeline.Admin && len(c.Roles[pipeline.Admin]) == 0 {
			w.at.Warnf("nobody is an admin; write them under roles.admin: %s", exampleHolders)
		}
	}
	for name, t := range c.Teams {
		if byMembers && len(t.Members) == 0 {
			d.written[teams][name].Warnf("names no members, so whoever speaks in its channel may do what members may; write members under it")
		}
	}
	d.warnTwins(c)
}

// warnTwins tells of people whom a platform cannot tell apart: what one may, the other may not.
func (d *decoder) warnTwins(c *pipeline.Catalog) {
	first := map[string]string{} // name by identity
	for _, name := range d.names(people) {
		p := c.People[name]
		for platform, id := range map[string]string{"slack": p.Slack, "teams": p.Teams, "web": p.Web} {
			same := first[platform+":"+id]
			if same == "" && id != "" {
				first[platform+":"+id] = name
			} else if id != "" {
				d.written[people][name].Warnf("is the same on %s as %s, at %s, and counts as %s there; keep one of them",
					platform, same, d.written[people][same].Where(), same)
			}
		}
	}
}
