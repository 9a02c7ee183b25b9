package commands

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"bellwether/pipeline"
)

// Groups tells who is in a group that a chat platform keeps.
type Groups interface {
	// Contains tells whether the speaker is in the group, which is named as the platform does: "T0TEAM/S0PERF".
	Contains(ctx context.Context, group string, who Caller) (bool, error)
}

// Cooldowns keep something from being done too often.
type Cooldowns interface {
	// Claim is true once within d for a key, and for the same claimant again; either way it tells when the next one's turn is.
	Claim(ctx context.Context, key, by string, d time.Duration) (ok bool, again time.Time, err error)
	// Return gives up what that claimant has, and nobody else.
	Return(ctx context.Context, key, by string) error
}

// matter is what a command is about, as far as permissions go.
type matter struct {
	name        string // a run, an environment or a team; empty: nothing in particular
	environment string
	teams       []string // that own it; empty: nobody in particular
}

func aboutRun(run pipeline.Run) matter {
	m := matter{name: run.ID, environment: run.Environment}
	if run.Team != "" {
		m.teams = []string{run.Team}
	}
	return m
}

// aboutRegression concerns the teams whose services got slower, too, also when they are not any more.
func (d *Desk) aboutRegression(run pipeline.Run) matter {
	m := aboutRun(run)
	for _, g := range run.Regressions {
		m.teams = append(m.teams, d.Catalog().OwnersOf(g.Scenario)...)
	}
	return m
}

// aboutScope concerns the teams whose services a scenario of the run tests; without one, those that got slower.
func (d *Desk) aboutScope(run pipeline.Run, scenario string) matter {
	if scenario == "" {
		return d.aboutRegression(run)
	}
	m := aboutRun(run)
	for _, o := range run.Outcomes {
		if strings.EqualFold(o.Scenario, scenario) {
			m.teams = append(m.teams, d.Catalog().OwnersOf(o.Scenario)...)
		}
	}
	return m
}

func (d *Desk) aboutEnvironment(name string) matter {
	m := matter{name: name, environment: name}
	if team := d.Catalog().Environments[name].Team; team != "" {
		m.teams = []string{team}
	}
	return m
}

// claiming are the verbs that begin the cooldown of another one's permission. Others that go with one take back what it permits,
// or look.
var claiming = map[string]string{"accept": "baseline", "invalid": "baseline", "triage": "baseline", "pin": "baseline"}

// may is nil when the speaker may do it now, a *Denied when not. It is for whoever goes on to do it: a cooldown begins, unless
// the command then fails.
func (t *turn) may(ctx context.Context, verb string, about matter) error {
	if err := t.permitted(ctx, verb, about); err != nil {
		return err
	}
	wait := t.Catalog().Permission(about.environment, verb).Cooldown
	if wait == 0 || verb != cmp.Or(claiming[t.Verb], t.Verb) { // a hold that may be asked for once an hour can be released at any time
		return nil
	}
	key := about.environment + "/" + verb
	ok, again, err := t.Cooldowns.Claim(ctx, key, t.id, wait)
	switch {
	case err != nil:
		return err
	case !ok:
		return t.tooSoon(about, wait, again)
	}
	t.claimed = append(t.claimed, key)
	return nil
}

// visible are those environments in which the speaker may look at something; without any it is denied.
func (t *turn) visible(ctx context.Context, environments []string, about func(environment string) matter) (some []string, err error) {
	for _, name := range environments {
		if err = t.may(ctx, "status", about(name)); err == nil {
			some = append(some, name)
		} else if !isA[*Denied](err) {
			return nil, err
		}
	}
	if len(some) > 0 {
		return some, nil
	}
	return nil, err
}

// giveBack the cooldowns of a command that was not carried out.
func (t *turn) giveBack(ctx context.Context) {
	for _, key := range t.claimed {
		if err := t.Cooldowns.Return(context.WithoutCancel(ctx), key, t.id); err != nil {
			t.Log.Warn("cooldown stays though nothing was done", "key", key, "error", err)
		}
	}
}

// permitted is nil when the speaker has a role that may do it, a *Denied when not. Nothing is claimed by asking.
func (t *turn) permitted(ctx context.Context, verb string, about matter) error {
	catalog := t.Catalog()
	roles := catalog.Permission(about.environment, verb).Roles
	if slices.Contains(roles, pipeline.Anyone) {
		return nil
	}
	if !slices.Contains(roles, pipeline.Admin) {
		roles = append(slices.Clone(roles), pipeline.Admin)
	}
	g := newGate(catalog, t.who, about)
	if t.who.Outsider {
		return g.refuse(t.act(about), roles)
	}
	if slices.ContainsFunc(roles, g.plays) {
		return nil
	}
	for _, group := range groupsOf(catalog, roles) {
		in, err := t.in(ctx, group)
		if err != nil {
			g.unasked = append(g.unasked, group)
			t.Log.Warn("cannot tell whether somebody is in a group", "group", group, "user", t.who.User, "error", err)
		}
		if in {
			return nil
		}
	}
	return g.refuse(t.act(about), roles)
}

var errNoSuchPlatform = errors.New("no chat platform with such groups is set up")

// in tells whether the speaker is in a group, named as in the catalog: "slack-group:T0TEAM/S0PERF".
func (t *turn) in(ctx context.Context, group string) (bool, error) {
	kind, name, _ := strings.Cut(group, ":")
	groups, ok := t.Groups[kind]
	if !ok {
		return false, errNoSuchPlatform
	}
	in, err := groups.Contains(ctx, name, t.who)
	if err != nil {
		return false, fmt.Errorf("ask whether they are in %s: %w", group, err)
	}
	return in, nil
}

// gate tells who somebody is to a matter.
type gate struct {
	catalog *pipeline.Catalog
	who     Caller
	person  string          // as the catalog calls them; empty when it does not know them
	owners  []pipeline.Team // of the matter
	all     bool            // nobody owns it, so owners are all teams
	unasked []string        // groups of which nobody could tell whether the speaker is in them
}

func newGate(catalog *pipeline.Catalog, who Caller, about matter) *gate {
	g := &gate{catalog: catalog, who: who}
	if person, known := catalog.PersonOf(who.Channel.Platform, who.Workspace, who.User); known {
		g.person = person.Name
	}
	g.owners = teamsOf(catalog, about.teams)
	if len(g.owners) == 0 { // also of a team that was taken out of the catalog: somebody has to be able to cancel its runs
		g.owners, g.all = teamsOf(catalog, slices.Sorted(maps.Keys(catalog.Teams))), true
	}
	return g
}

// plays tells whether the catalog itself gives the speaker a role.
func (g *gate) plays(role pipeline.Role) bool {
	switch role {
	case pipeline.Member:
		return slices.ContainsFunc(g.owners, g.belongs)
	case pipeline.OnCall:
		return slices.ContainsFunc(g.owners, func(t pipeline.Team) bool { return g.among(t.OnCall) })
	}
	return g.among(g.catalog.Roles[role])
}

// belongs tells whether the speaker is a member of a team. To a team that names nobody belongs whoever speaks in its channel.
func (g *gate) belongs(team pipeline.Team) bool {
	if len(team.Members) == 0 && slices.ContainsFunc(team.Channels, g.who.Channel.Same) {
		return true
	}
	return g.among(team.Members) || g.among(team.OnCall)
}

func (g *gate) among(names []string) bool { return g.person != "" && slices.Contains(names, g.person) }

// teamsOf those names, each once.
func teamsOf(catalog *pipeline.Catalog, names []string) (teams []pipeline.Team) {
	for i, name := range names {
		if team, ok := catalog.Teams[name]; ok && !slices.Contains(names[:i], name) {
			teams = append(teams, team)
		}
	}
	return teams
}

// groupsOf roles, each once.
func groupsOf(catalog *pipeline.Catalog, roles []pipeline.Role) (groups []string) {
	for _, role := range roles {
		for _, name := range catalog.Roles[role] {
			if isGroup(name) && !slices.Contains(groups, name) {
				groups = append(groups, name)
			}
		}
	}
	return groups
}

// isGroup tells a group from a person: no name of a person has a colon.
func isGroup(name string) bool { return strings.Contains(name, ":") }
