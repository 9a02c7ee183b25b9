package commands

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/bot"
	"bellwether/pipeline"
)

var (
	checkouts = pipeline.Channel{Platform: "slack", ID: "C0CHECKOUT"}
	searches  = pipeline.Channel{Platform: "slack", ID: "C0SEARCH"}
	random    = pipeline.Channel{Platform: "slack", ID: "C0RANDOM"}
)

// speaking in a channel of Slack; everybody is of one workspace.
func speaking(channel pipeline.Channel, user string) Caller {
	return Caller{Channel: channel, Workspace: "T0TEAM", User: user, Name: "whoever"}
}

var (
	member   = speaking(random, "U0MEMBER") // of checkout, wherever they speak
	watching = speaking(checkouts, "U0ONCALL")
	searcher = speaking(searches, "U0SEARCHER")
	lead     = speaking(searches, "U0LEAD")
	grouped  = speaking(searches, "U0GROUPED")
	nobody   = speaking(random, "U0NOBODY")
	guest    = Caller{Channel: checkouts, Workspace: "T0TEAM", User: "U0LEAD", Name: "perf-lead", Outsider: true}
)

// guarded has three teams: checkout names its members, search names none, infrastructure looks after soak.
func guarded() *pipeline.Catalog {
	c := catalog("load", "soak")
	person := func(name, user string) pipeline.Person { return pipeline.Person{Name: name, Slack: "T0TEAM/" + user} }
	c.People = map[string]pipeline.Person{
		"siti": person("siti", "U0MEMBER"), "watch": person("watch", "U0ONCALL"), "lead": person("lead", "U0LEAD"),
		"jo": person("jo", "U0SEARCHER"), "ops": {Name: "ops", Teams: "0a1b"},
	}
	c.Teams = map[string]pipeline.Team{
		"checkout":       {Name: "checkout", Channels: []pipeline.Channel{checkouts}, Members: []string{"siti"}, OnCall: []string{"watch"}},
		"search":         {Name: "search", Channels: []pipeline.Channel{searches}},
		"infrastructure": {Name: "infrastructure", Members: []string{"ops", ""}}, // a slip of the pen makes nobody a member
	}
	c.Services["checkout"] = pipeline.Service{Name: "checkout", Team: "checkout", Tags: []string{"service:checkout"}}
	c.Scenarios["checkout-flow"] = pipeline.Scenario{Name: "checkout-flow", Tags: []string{"service:checkout"}}
	c.Environments["soak"] = pipeline.Environment{
		Name: "soak", Team: "infrastructure", Permissions: pipeline.Permissions{"hold": {Roles: []pipeline.Role{pipeline.OnCall, "release-manager"}}},
	}
	c.Roles = map[pipeline.Role][]string{
		pipeline.Admin: {"lead", "slack-group:T0TEAM/S0PERF"}, "release-manager": {"slack-group:T0TEAM/S0RELEASE", "jo"},
	}
	c.Permissions = pipeline.Permissions{
		"hold": {Roles: []pipeline.Role{pipeline.Admin}}, "approve": {Roles: []pipeline.Role{pipeline.OnCall}},
		"full": {Roles: []pipeline.Role{pipeline.Member}, Cooldown: 30 * time.Minute},
	}
	return c
}

// membership is a chat platform's groups: users by group.
type membership map[string]string

var errAway = errors.New("dial tcp 10.0.0.7:443: away")

func (m membership) Contains(_ context.Context, group string, who Caller) (bool, error) {
	if m == nil {
		return false, errAway
	}
	return m[group] == who.User, nil
}

// office is a desk where permissions matter: R1 to R9 are of checkout and search.
func office() (*Desk, *ledger) {
	d, l, _ := desk()
	c := guarded()
	d.Catalog = func() *pipeline.Catalog { return c }
	d.Submit.Catalog = d.Catalog
	d.Groups = map[string]Groups{"slack-group": membership{"T0TEAM/S0PERF": "U0GROUPED", "T0TEAM/S0RELEASE": "U0MANAGER"}}
	for id, run := range l.runs {
		run.Team = "checkout"
		if run.Change().Name == "search" {
			run.Team = "search"
		}
		if run.Change().Kind == pipeline.KindStack {
			run.Team = "" // nobody's
		}
		l.runs[id] = run
	}
	return d, l
}

const denied = "You may not "

func TestWhoMayDoWhat(t *testing.T) {
	for name, c := range map[string]struct {
		who  Caller
		line string
		may  bool
	}{
		"a member":                                {member, "cancel R3", true},
		"whoever is on call is a member":          {watching, "cancel R3", true},
		"another team's run":                      {member, "cancel R4", false},
		"in the channel of a team with members":   {speaking(checkouts, "U0NOBODY"), "cancel R3", false},
		"in the channel of one that names none":   {speaking(searches, "U0NOBODY"), "cancel R4", true},
		"elsewhere":                               {nobody, "cancel R4", false},
		"another platform's channel of that id":   {Caller{Channel: pipeline.Channel{Platform: "teams", ID: "C0SEARCH"}, User: "x"}, "cancel R4", false},
		"another workspace's user of that id":     {Caller{Channel: checkouts, Workspace: "T0OTHER", User: "U0MEMBER"}, "cancel R3", false},
		"nobody at all":                           {Caller{Channel: checkouts}, "cancel R3", false},
		"an admin":                                {lead, "cancel R3", true},
		"an admin by a group":                     {grouped, "cancel R3", true},
		"a guest with an admin's id":              {guest, "cancel R3", false},
		"a guest where nobody is named":           {Caller{Channel: searches, User: "U0GUEST", Outsider: true}, "cancel R4", false},
		"a guest may look":                        {guest, "status", true},
		"a guest may ask for help":                {guest, "help", true},
		"a member reruns":                         {member, "rerun R1", true},
		"not another team's":                      {member, "rerun R5", false},
		"acknowledges":                            {member, "ack R2", true},
		"on call acknowledges":                    {watching, "ack R2", true},
		"a stranger does not":                     {nobody, "ack R2", false},
		"whose service got slower may":            {watching, "ack R5", true},
		"nobody's run, on call for some team":     {watching, "approve R9", true},
		"nobody's run, a member of some team":     {member, "approve R9", false},
		"reject is approve":                       {member, "reject R9", false},
		"nobody looks after load: not a member":   {member, "hold load because x", false},
		"nobody looks after load: an admin":       {lead, "hold load because x", true},
		"soak's own permission: not on call":      {watching, "hold soak because x", false},
		"soak's own permission: by name":          {searcher, "hold soak because x", true},
		"soak's own permission: by group":         {speaking(checkouts, "U0MANAGER"), "hold soak because x", true},
		"soak's own permission: still an admin":   {grouped, "hold soak because x", true},
		"release is hold":                         {member, "release load", false},
		"full where nobody looks after it":        {member, "full load", true},
		"full where another team looks after it":  {member, "full soak", false},
		"full by that team, on another platform":  {Caller{Channel: pipeline.Channel{Platform: "teams", ID: "19:x"}, Workspace: "tenant", User: "0a1b"}, "full soak", true},
		"full by somebody in any team's channel":  {speaking(searches, "U0NOBODY"), "full load", true},
		"full by somebody in nobody's channel":    {nobody, "full load", false},
		"a button carries no more than a command": {nobody, "cancel R3 ", false},
	} {
		t.Run(name, func(t *testing.T) {
			d, l := office()
			reply := d.Do(t.Context(), c.who, c.line)
			if c.may {
				require.NotContains(t, reply.Message.Title, denied)
				return
			}
			require.Contains(t, reply.Message.Title, denied)
			require.True(t, reply.Private)
			require.Equal(t, bot.MoodRefused, reply.Message.Mood)
			require.Empty(t, l.told, "nothing happened")
			require.Nil(t, l.hold)
		})
	}
}

func TestStatusMayBeForMembers(t *testing.T) {
	d, _ := office()
	soak := d.Catalog().Environments["soak"]
	soak.Permissions = pipeline.Permissions{"status": {Roles: []pipeline.Role{pipeline.Member}}}
	d.Catalog().Environments["soak"] = soak
	require.Equal(t, "What runs and what waits\nload: free", d.Do(t.Context(), member, "status").Message.String(), "of what they may see")
	require.Equal(t, "You may not look at soak", d.Do(t.Context(), member, "status soak").Message.Title)

	d.Catalog().Permissions["status"] = pipeline.Permission{Roles: []pipeline.Role{pipeline.Member}}
	require.Equal(t, "What runs and what waits\nload: free", d.Do(t.Context(), member, "status").Message.String())
	require.Contains(t, d.Do(t.Context(), guest, "status").Message.Title, denied)
	require.Equal(t, "You may not ask Bellwether anything", d.Do(t.Context(), guest, "help").Message.Title)
}

func TestATeamThatIsGoneIsNobodys(t *testing.T) {
	d, l := office()
	orphan := l.runs["R3"]
	orphan.Team = "billing"
	l.runs["R3"] = orphan
	require.Contains(t, d.Do(t.Context(), nobody, "cancel R3").Message.Title, denied)
	require.Contains(t, d.Do(t.Context(), member, "cancel R3").Message.String(), "cancelled R3")
}

func TestAGroupThatCannotBeAsked(t *testing.T) {
	for name, groups := range map[string]map[string]Groups{"it is away": {"slack-group": membership(nil)}, "there is none": nil} {
		t.Run(name, func(t *testing.T) {
			d, _, log := desk()
			c := guarded()
			d.Catalog, d.Groups = func() *pipeline.Catalog { return c }, groups
			reply := d.Do(t.Context(), grouped, "hold load because x")
			require.Contains(t, reply.Message.String(), "could not be found out whether you are in slack group T0TEAM/S0PERF")
			require.NotContains(t, reply.Message.String(), "10.0.0.7")
			require.Contains(t, log.String(), "group=slack-group:T0TEAM/S0PERF")

			require.NotContains(t, d.Do(t.Context(), lead, "hold load because x").Message.Title, denied, "who is named needs no group")
		})
	}
}

func TestCooldown(t *testing.T) {
	d, l := office()
	d.Do(t.Context(), nobody, "full load")
	require.Empty(t, l.claims, "only who may do it begins a cooldown")

	require.Contains(t, d.Do(t.Context(), member, "full load").Message.String(), "asked for the full suite on load")
	reply := d.Do(t.Context(), lead, "full load")
	require.Equal(t, "You may not run the full suite on load yet\nOnce in 30 min is enough.\nPossible again from 23 Nov 12:30 UTC", reply.Message.String())
	require.Contains(t, reply.Message.Body[1], bot.At(noon.Add(30*time.Minute)), "in the reader's zone")
	require.Contains(t, d.Do(t.Context(), lead, "full soak").Message.String(), "asked for", "another environment has its own")
}

func TestACooldownIsGivenBackWhenNothingWasDone(t *testing.T) {
	d, l := office()
	d.Submit.Queue = closed{l}
	require.Contains(t, d.Do(t.Context(), member, "full load").Message.String(), "did not work")
	d.Submit.Queue = l
	require.Contains(t, d.Do(t.Context(), member, "full load").Message.String(), "asked for the full suite")
}

// closed takes nothing in.
type closed struct{ *ledger }

func (closed) Enqueue(context.Context, pipeline.Submission) (pipeline.Receipt, error) {
	return pipeline.Receipt{}, errors.New("redis is away")
}

// mute tells nobody anything.
type mute struct{ *ledger }

func (mute) Tell(context.Context, pipeline.Run) error { return errors.New("redis is away") }

// Whoever hears that it did not work asks again, and gets two.
func TestARunThatWaitsIsNoFailure(t *testing.T) {
	d, l := office()
	log := &strings.Builder{}
	d.Log, d.Submit.Teller = slog.New(slog.NewTextHandler(log, nil)), mute{l}
	require.Contains(t, d.Do(t.Context(), member, "full load").Message.String(), "asked for the full suite on load: R109")
	require.Contains(t, d.Do(t.Context(), member, "rerun R1").Message.String(), "asked for a rerun of R1 (checkout 1.5.1): R110")
	require.Equal(t, ResultDone, l.entries[1].Result)
	require.Contains(t, log.String(), "run=R109")
	require.Contains(t, d.Do(t.Context(), lead, "full load").Message.Title, denied, "its cooldown has begun")
}

// A hold may be asked for once an hour; whoever holds can always let go.
func TestReleaseHasNoCooldown(t *testing.T) {
	d, _ := office()
	d.Catalog().Permissions["hold"] = pipeline.Permission{Roles: []pipeline.Role{pipeline.Member}, Cooldown: time.Hour}
	require.Contains(t, d.Do(t.Context(), member, "hold load because x").Message.String(), "is on hold")
	require.Contains(t, d.Do(t.Context(), member, "release load").Message.String(), "is released")
	require.Equal(t, "You may not hold load yet", d.Do(t.Context(), member, "hold load because y").Message.Title)
}

func TestDenials(t *testing.T) {
	d, l := office()
	var said []example
	deny := func(id string, who Caller, line string) {
		reply := d.Do(t.Context(), who, line)
		require.Contains(t, reply.Message.Title, denied, id)
		said = append(said, example{id, reply.Message})
	}
	deny("denial", searcher, "cancel R3")
	deny("denial-stranger", nobody, "rerun R5")
	deny("denial-guest", guest, "ack R2")
	deny("denial-admins", member, "hold load because of an upgrade")
	deny("denial-role", member, "hold soak because of an upgrade")
	deny("denial-nobodys", nobody, "approve R9")
	d.Do(t.Context(), member, "full load")
	deny("denial-cooldown", lead, "full load")
	d.Groups = nil
	deny("denial-unasked", member, "release load")
	crowd := d.Catalog().Teams["checkout"]
	crowd.Members = []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o"}
	d.Catalog().Teams["checkout"] = crowd
	deny("denial-crowd", searcher, "cancel R3")
	require.Equal(t, []string{"R109"}, l.told, "that full run, and nothing else")
	golden(t, "denial", said)
}

// Nobody is pinged by what somebody else may not do.
func TestADenialMentionsNobody(t *testing.T) {
	d, _ := office()
	for _, line := range d.Do(t.Context(), searcher, "cancel R3").Message.Body {
		for _, span := range line {
			require.Nil(t, span.Person)
		}
	}
}
