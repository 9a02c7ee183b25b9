package teams

import (
	"cmp"
	"context"
	"encoding/json"
	"html"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/infracloudio/msbotbuilder-go/schema"

	"bellwether/bot"
	"bellwether/commands"
	"bellwether/internal/chat/teams/card"
	"bellwether/internal/chat/teams/connector"
	"bellwether/pipeline"
)

// activity is anything that Teams says, with what the library's type drops.
type activity struct {
	schema.Activity
	Recipient   recipient   `json:"recipient"`
	Entities    []entity    `json:"entities"`
	ChannelData channelData `json:"channelData"`
}

// recipient is the bot.
type recipient struct {
	schema.ChannelAccount
	Targeted bool `json:"isTargeted"` // it was spoken to by a slash command, which mentions nobody
}

// entity is a mention, or what Teams knows of the speaker's client.
type entity struct {
	Type      string                `json:"type"`
	Text      string                `json:"text"`
	Mentioned schema.ChannelAccount `json:"mentioned"`
	Zone      string                `json:"timezone"`
}

// channelData is where something happened.
type channelData struct {
	Tenant struct {
		ID string `json:"id"`
	} `json:"tenant"`
	Team struct {
		ID    string `json:"id"`
		Name  string `json:"name"`
		Group string `json:"aadGroupId"`
	} `json:"team"`
	Channel struct {
		ID string `json:"id"`
	} `json:"channel"`
}

// tenants that the activity says it is of; more than one only when somebody made it up.
func (a activity) tenants() []string {
	both := []string{a.ChannelData.Tenant.ID, a.Conversation.TenantID}
	return slices.DeleteFunc(both, func(t string) bool { return t == "" })
}

// installation is what the activity says of where it happened: of a team, or of a chat by its id.
func (a activity) installation(tenant string) bot.Installation {
	top, _, _ := strings.Cut(a.Conversation.ID, connector.ThreadMark)
	team := a.ChannelData.Team
	return bot.Installation{Team: cmp.Or(team.ID, top), Group: team.Group, Name: team.Name, Tenant: tenant, ServiceURL: a.ServiceURL}
}

// removes tells whether the bot itself was taken out.
func (a activity) removes() bool {
	gone := slices.ContainsFunc(a.MembersRemoved, func(m schema.ChannelAccount) bool { return m.ID == a.Recipient.ID })
	return a.Type == schema.ConversationUpdate && gone ||
		a.Type == schema.InstallationUpdate && strings.HasPrefix(a.Action, "remove")
}

// alone tells a chat of one person with the bot.
func (a activity) alone() bool { return a.Conversation.ConversationType == "personal" }

// words are what somebody said, whichever way they came.
type words struct {
	key          string // of the delivery: the same for a repetition
	caller       commands.Caller
	speaker      string // Teams' id of who spoke
	service      string // takes the answer
	conversation string // that they were said in
	root         string // reference of the message that began the thread, or that has the pressed button
	alone        bool   // with the bot
	text         string
	button       card.Data // that was pressed; zero for words that were typed
}

// said are the words of an activity, but for the text.
func (c *Chat) said(a activity) *words {
	top, _, inThread := strings.Cut(a.Conversation.ID, connector.ThreadMark)
	w := &words{
		key: a.Conversation.ID + "/" + a.ID, speaker: a.From.ID, service: a.ServiceURL, conversation: a.Conversation.ID,
		root: a.ReplyToID, alone: a.alone(),
		caller: commands.Caller{
			Channel:   pipeline.Channel{Platform: Platform, Group: a.ChannelData.Team.ID, ID: top},
			Workspace: c.Tenant, User: a.From.AadObjectID, Name: a.From.Name, Zone: a.zone(), Bare: true,
		},
	}
	if inThread {
		w.root = a.Conversation.ID
	}
	return w
}

// heard reads a message: a mention of the bot, a slash command, anything in a chat with it alone, or a button of a client that knows no better
// way. Others, and what bots say, are nothing to it.
func (c *Chat) heard(a activity) *words {
	text, mentioned := a.spoken()
	switch {
	case a.From.ID == a.Recipient.ID || a.From.Role == "bot":
		return nil
	case a.Value != nil:
		return c.pressed(a, a.Value)
	case !mentioned && !a.Recipient.Targeted && !a.alone():
		return nil
	}
	said := c.said(a)
	said.text = text
	return said
}

// pressed reads a button; nil for one of somebody else's. What it carries comes from outside: a command in it is worth as
// much as one that is typed.
func (c *Chat) pressed(a activity, data map[string]any) *words {
	said := c.said(a)
	raw, err := json.Marshal(data)
	if err != nil || json.Unmarshal(raw, &said.button) != nil || said.button.Command == "" {
		return nil
	}
	said.text = said.button.Command
	if said.button.Verb == card.VerbSubmit {
		said.text = bot.Line(said.text, card.Filled(data))
	}
	return said
}

var tag = regexp.MustCompile(`</?at[^>]*>`)

// spoken is the text as it was typed, without the mention of the bot, and whether that was mentioned.
func (a activity) spoken() (text string, mentioned bool) {
	text = a.Text
	for _, e := range a.Entities {
		if e.Type != "mention" || e.Text == "" {
			continue
		}
		if e.Mentioned.ID == a.Recipient.ID {
			mentioned = true
			text = strings.ReplaceAll(text, e.Text, " ")
		}
	}
	return strings.TrimSpace(html.UnescapeString(tag.ReplaceAllString(text, ""))), mentioned
}

// zone that the speaker's client is in; nil when it does not say.
func (a activity) zone() *time.Location {
	name := a.LocalTimezone
	for _, e := range a.Entities {
		if e.Type == "clientInfo" {
			name = cmp.Or(name, e.Zone)
		}
	}
	zone, err := time.LoadLocation(name)
	if err != nil || name == "" || name == "Local" {
		return nil
	}
	return zone
}

// caller adds what Teams does not say with the words: whether the speaker is one of ours, and, without the store unknown, the
// run that the thread is about. Who the speaker is in Entra is believed of Teams' answer before it is of the words, whose
// token vouches for the bot that they are for, and for nothing in them.
func (c *Chat) caller(ctx context.Context, said *words) commands.Caller {
	caller := said.caller
	m := c.member(ctx, said)
	user := cmp.Or(m.user, caller.User)
	caller.Outsider, caller.Unproven, caller.Workspace = m.outsider || user == "", m.unproven, cmp.Or(m.tenant, caller.Workspace)
	caller.User, caller.Name = cmp.Or(user, said.speaker), cmp.Or(m.name, caller.Name, said.speaker)
	if said.root != "" {
		run, err := c.Threads.RunOf(ctx, caller.Channel, said.root)
		if err != nil {
			c.Log.Error("no telling which run a thread speaks of", "channel", caller.Channel, "root", said.root, "error", err)
		}
		caller.Run = run
	}
	return caller
}

// member is what is known of a speaker, as asked at a time.
type member struct {
	user     string // Entra's id
	name     string
	outsider bool   // a guest, anonymous, or of another organisation
	unproven bool   // Teams does not tell
	tenant   string // that the speaker belongs to
	at       time.Time
}

const (
	memberFor   = 5 * time.Minute // that an answer is good for
	membersKept = 10_000
)

// member asks who the speaker is. Whom Teams does not tell of is an outsider: nobody gets more rights by an outage.
func (c *Chat) member(ctx context.Context, said *words) member {
	key := said.caller.Channel.ID + " " + said.speaker
	c.mu.Lock()
	known, ok := c.members[key]
	c.mu.Unlock()
	if ok && c.Now().Sub(known.at) < memberFor {
		return known
	}
	found, err := c.client.Member(ctx, said.service, said.caller.Channel.ID, said.speaker)
	if err != nil {
		c.Log.Error("teams does not tell who speaks, who is an outsider until it does", "channel", said.caller.Channel, "error", err)
		return member{outsider: true, unproven: true}
	}
	m := member{user: found.User(), name: found.Name, outsider: !found.Of(c.Tenant), tenant: found.Tenant, at: c.Now()}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.members) >= membersKept {
		clear(c.members)
	}
	c.members[key] = m
	return m
}
