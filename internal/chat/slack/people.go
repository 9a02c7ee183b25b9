package slack

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"bellwether/commands"
)

const (
	introduction = 2 * time.Second // Slack may take to tell: a form has to open within three of the press
	acquaintance = 5 * time.Minute // what a user is may have changed after that
	membership   = time.Minute     // likewise who is in a group
	crowd        = 5_000           // users that are remembered at once
)

// person is what Slack tells of a user, as asked at a time.
type person struct {
	name     string
	team     string // workspace that the user belongs to
	outsider bool
	zone     *time.Location
	at       time.Time
}

// meet completes the caller with what Slack tells, which no event can be trusted to. Whom Slack does not tell of may do no
// more than anybody from outside.
func (c *Chat) meet(ctx context.Context, w *workspace, caller commands.Caller) commands.Caller {
	p, err := c.person(ctx, w, caller.User)
	if err != nil {
		c.log.Warn("slack does not tell who somebody is, who is taken for a guest", "user", caller.User, "workspace", w.id, "error", err)
		caller.Name, caller.Outsider, caller.Unproven = cmp.Or(caller.Name, caller.User), true, true
		return caller
	}
	caller.Name, caller.Workspace, caller.Outsider, caller.Zone = p.name, p.team, p.outsider, p.zone
	return caller
}

func (c *Chat) person(ctx context.Context, w *workspace, user string) (person, error) {
	key := w.id + "/" + user
	c.mu.Lock()
	known, ok := c.people[key]
	c.mu.Unlock()
	if ok && c.now().Sub(known.at) < acquaintance {
		return known, nil
	}
	var info *slack.User
	ctx, cancel := context.WithTimeout(ctx, introduction)
	defer cancel()
	err := w.call(ctx, func(api *slack.Client) (err error) {
		info, err = api.GetUserInfoContext(ctx, user)
		return err
	})
	if err != nil {
		return person{}, err
	}
	known = c.describe(w, info)
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.people) >= crowd {
		clear(c.people)
	}
	c.people[key] = known
	return known, nil
}

// describe a user as the workspace sees them: people of other organisations come in by Slack Connect, and people of the same
// Enterprise Grid belong to each workspace that they are in.
func (c *Chat) describe(w *workspace, u *slack.User) person {
	team := u.TeamID
	if slices.Contains(u.Enterprise.Teams, w.id) {
		team = w.id
	}
	guest := u.IsRestricted || u.IsUltraRestricted || u.IsStranger || u.IsBot || u.Deleted
	p := person{name: cmp.Or(u.Name, u.ID), team: team, outsider: guest || team != w.id, at: c.now()}
	if zone, err := time.LoadLocation(u.TZ); err == nil && u.TZ != "" {
		p.zone = zone
	}
	return p
}

// members of a user group, as asked at a time.
type members struct {
	users []string
	at    time.Time
}

var _ commands.Groups = (*Chat)(nil)

// Contains tells whether the speaker is in a user group of the workspace that they belong to: "T0TEAM/S0PERF".
func (c *Chat) Contains(ctx context.Context, group string, who commands.Caller) (bool, error) {
	team, id, _ := strings.Cut(group, "/")
	w := c.of(team)
	if who.Channel.Platform != Platform || who.Outsider || who.Workspace != team || team == "" || id == "" || w == nil {
		return false, nil
	}
	users, err := c.members(ctx, w, id)
	if err != nil {
		return false, fmt.Errorf("look into the slack group %s: %w", group, err)
	}
	return slices.Contains(users, who.User), nil
}

func (c *Chat) members(ctx context.Context, w *workspace, group string) ([]string, error) {
	key := w.id + "/" + group
	c.mu.Lock()
	known, ok := c.groups[key]
	c.mu.Unlock()
	if ok && c.now().Sub(known.at) < membership {
		return known.users, nil
	}
	var users []string
	ctx, cancel := context.WithTimeout(ctx, introduction)
	defer cancel()
	err := w.call(ctx, func(api *slack.Client) (err error) {
		users, err = api.GetUserGroupMembersContext(ctx, group)
		return err
	})
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.groups[key] = members{users, c.now()} // no more of them than the catalog names
	return users, nil
}
