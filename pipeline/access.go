package pipeline

import (
	"maps"
	"slices"
	"time"
)

// Role is what somebody is to Bellwether, or to the team that something belongs to.
type Role string

// The roles that need not be written down. Others are named in Catalog.Roles.
const (
	Anyone Role = "anyone" // guests and people of other organisations too
	Member Role = "member" // of the owning team
	OnCall Role = "oncall" // in the owning team
	Admin  Role = "admin"  // as Catalog.Roles says; may do whatever is permitted to anybody
)

// Permission says who may do something, and how often.
type Permission struct {
	Roles    []Role        // any of them will do
	Cooldown time.Duration // between two of them in one environment; 0: as often as they like
}

// Permissions are by what is permitted: a verb of the chat's commands, or what several of them change.
type Permissions map[string]Permission

// usual are the permissions of a catalog that names none.
var usual = Permissions{
	"status": {Roles: []Role{Anyone}},
	"rerun":  {Roles: []Role{Member}}, "full": {Roles: []Role{Member}}, "cancel": {Roles: []Role{Member}},
	"ack": {Roles: []Role{Member, OnCall}}, "approve": {Roles: []Role{Member}}, "hold": {Roles: []Role{Member}},
	"baseline": {Roles: []Role{Member, OnCall}}, // what runs are judged against: accept, invalid, triage, reopen, pin, unpin
}

// Permitted are the verbs that a permission can be about.
func Permitted() []string { return slices.Sorted(maps.Keys(usual)) }

// Permission for a verb: of the environment, else of the catalog, else the usual one.
func (c *Catalog) Permission(environment, verb string) Permission {
	for _, written := range []Permissions{c.Environments[environment].Permissions, c.Permissions, usual} {
		if p, ok := written[verb]; ok {
			return p
		}
	}
	return Permission{Roles: []Role{Admin}} // of a verb that nobody thought of
}
