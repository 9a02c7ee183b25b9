package commands

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"bellwether/bot"
	"bellwether/pipeline"
)

// Denied is a command that the speaker may not give; it says why, and who may.
type Denied struct {
	What string     // "cancel R42"
	Why  string     // a sentence
	Who  []bot.Text // may; a line for each role
	When time.Time  // it is possible again; zero when that is not the reason
}

func (d *Denied) Error() string { return d.Why }

func (d *Denied) message() bot.Message {
	m := bot.Message{Title: "You may not " + d.What, Mood: bot.MoodRefused, Body: append([]bot.Text{bot.Plain(d.Why)}, d.Who...)}
	if !d.When.IsZero() {
		m.Title += " yet"
		m.Body = append(m.Body, bot.Text{{Text: "Possible again from "}, bot.At(d.When)})
	}
	return m
}

// acts are the verbs as a denial says them, in front of what they are about.
var acts = map[string]string{
	"status": "look at", "open": "look at", "compare": "look at", "rerun": "repeat",
	"full": "run the full suite on", "ack": "acknowledge", "cancel": "cancel", "approve": "approve the plan of",
	"reject": "reject the plan of", "hold": "hold", "release": "release", "history": "look at",
	"accept": "accept", "invalid": "invalidate", "triage": "triage", "reopen": "reopen", "pin": "pin", "unpin": "unpin",
}

// act is what the speaker wanted: "cancel R42".
func (t *turn) act(about matter) string {
	if about.name == "" {
		return "ask Bellwether anything"
	}
	return acts[t.Verb] + " " + about.name
}

func (t *turn) tooSoon(about matter, wait time.Duration, again time.Time) error {
	return &Denied{What: t.act(about), Why: fmt.Sprintf("Once in %s is enough.", bot.Roughly(wait)), When: again}
}

const (
	mostNamed = 8 // people and groups of a role
	mostTeams = 3 // whose people are named
)

// refuse says who may: people are named, never called. Guests learn no names.
func (g *gate) refuse(act string, roles []pipeline.Role) error {
	who := g.spoken(roles)
	var called []string
	for _, role := range who {
		called = append(called, g.called(role))
	}
	d := &Denied{What: act, Why: fmt.Sprintf("Only %s may %s.", listed(called), act)}
	switch {
	case g.who.Unproven:
		d.Why = "The chat does not tell at the moment who you are; please try again in a minute. " + d.Why
		return d
	case g.who.Outsider:
		d.Why = "You are a guest here, or of another organisation. " + d.Why
		return d
	}
	if !slices.Contains(who, pipeline.Admin) && len(g.catalog.Roles[pipeline.Admin]) > 0 {
		who = append(who, pipeline.Admin)
	}
	for _, role := range who {
		d.Who = append(d.Who, g.named(role)...)
	}
	d.Who = append(d.Who, g.advice()...)
	return d
}

// spoken are the roles that are worth a word: admins may everything, and who is on call is a member.
func (g *gate) spoken(roles []pipeline.Role) []pipeline.Role {
	some := slices.DeleteFunc(slices.Clone(roles), func(r pipeline.Role) bool {
		return r == pipeline.Admin || r == pipeline.OnCall && slices.Contains(roles, pipeline.Member)
	})
	if len(some) == 0 {
		return []pipeline.Role{pipeline.Admin}
	}
	return some
}

// called is what those who have a role are called.
func (g *gate) called(role pipeline.Role) string {
	switch role {
	case pipeline.Member:
		return "members of " + g.ownership()
	case pipeline.OnCall:
		return "those on call for " + g.ownership()
	case pipeline.Admin:
		return "admins"
	}
	return "those with the role " + string(role)
}

func (g *gate) ownership() string {
	var names []string
	for _, team := range g.owners {
		names = append(names, team.Name)
	}
	switch {
	case g.all:
		return "a team"
	case len(names) == 1:
		return "team " + names[0]
	}
	return "the teams " + listed(names)
}

// named are those who have a role, a line for each team.
func (g *gate) named(role pipeline.Role) (lines []bot.Text) {
	if role != pipeline.Member && role != pipeline.OnCall {
		return []bot.Text{g.entitled(role)}
	}
	if g.all {
		return nil
	}
	for _, team := range g.owners[:min(len(g.owners), mostTeams)] {
		lines = append(lines, bot.Plain(people(role, team)))
	}
	return lines
}

func people(role pipeline.Role, team pipeline.Team) string {
	members := slices.Compact(slices.Sorted(slices.Values(slices.Concat(team.Members, team.OnCall))))
	switch {
	case role == pipeline.OnCall && len(team.OnCall) == 0:
		return "Nobody is on call for team " + team.Name
	case role == pipeline.OnCall:
		return "On call for team " + team.Name + ": " + listed(team.OnCall)
	case len(team.Members) == 0:
		return "Team " + team.Name + " names no members: whoever speaks in its own channel is one"
	}
	return "Members of team " + team.Name + ": " + listed(members)
}

// entitled are the people and groups that the catalog's roles name.
func (g *gate) entitled(role pipeline.Role) bot.Text {
	title := "Role " + string(role)
	if role == pipeline.Admin {
		title = "Admins"
	}
	var names []string
	for _, name := range g.catalog.Roles[role] {
		if isGroup(name) {
			name = "anybody in " + spelt(name)
		}
		names = append(names, name)
	}
	if len(names) == 0 {
		return bot.Plain(title + ": nobody, for the catalog names none")
	}
	return bot.Plain(title + ": " + listed(names))
}

// spelt is a group's name in words: "slack group T0TEAM/S0PERF".
func spelt(group string) string {
	kind, name, _ := strings.Cut(group, ":")
	return strings.ReplaceAll(kind, "-", " ") + " " + name
}

// advice is what to do for those who should be allowed.
func (g *gate) advice() (lines []bot.Text) {
	for _, group := range g.unasked {
		lines = append(lines, bot.Plain("It could not be found out whether you are in "+spelt(group)+"; try again in a minute, or ask an admin."))
	}
	if g.person == "" {
		id := g.who.User
		if g.who.Channel.Platform == "slack" { // where ids are those of a workspace
			id = speaker(g.who)
		}
		lines = append(lines, bot.Text{
			{Text: "Bellwether does not know you. If you should be allowed, have yourself added to the catalog's people, with "},
			bot.Code(g.who.Channel.Platform + ": " + id),
		})
	}
	return lines
}

// listed are names as a sentence has them: "a, b and c", or "a, b and 7 more".
func listed(names []string) string {
	if more := len(names) - mostNamed; more > 1 {
		names = append(slices.Clone(names[:mostNamed]), fmt.Sprintf("%d more", more))
	}
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last]
}
