package slack

import (
	"cmp"
	"context"
	"fmt"
	"regexp"

	"github.com/slack-go/slack"

	"bellwether/commands"
	"bellwether/internal/chat/slack/blockkit"
)

// mostLinks of one message are looked at.
const mostLinks = 5

// event is the part of an Events API request that matters here.
type event struct {
	Type           string `json:"type"`
	Challenge      string `json:"challenge"`
	ID             string `json:"event_id"`
	Team           string `json:"team_id"`
	Authorizations []struct {
		Team string `json:"team_id"`
	} `json:"authorizations"` // one installation that may see it
	Event happening `json:"event"`
}

// happening is what an event tells.
type happening struct {
	Type    string    `json:"type"`
	User    string    `json:"user"`
	Team    string    `json:"user_team"` // the user's
	Bot     string    `json:"bot_id"`
	Text    string    `json:"text"`
	TS      string    `json:"ts"`
	Thread  string    `json:"thread_ts"`
	Channel string    `json:"channel"`
	Edited  *struct{} `json:"edited"`

	Tab string `json:"tab"` // of the app's home

	Message string `json:"message_ts"` // that has the links
	Unfurl  string `json:"unfurl_id"`
	Source  string `json:"source"`
	Links   []struct {
		URL string `json:"url"`
	} `json:"links"`

	Tokens struct {
		Bot []string `json:"bot"`
	} `json:"tokens"` // that were revoked
}

// hear reads an event. Most say nothing.
func (c *Chat) hear(e event) (*deed, error) {
	read := map[string]func(*workspace, happening) func(context.Context, Desk){
		"app_mention": c.mention, "app_home_opened": c.homeOpened, "link_shared": c.linkShared,
		"tokens_revoked": c.tokensRevoked, "app_uninstalled": c.uninstalled,
	}[e.Event.Type]
	if e.Type != "event_callback" || read == nil {
		return nil, nil
	}
	teams := []string{e.Team}
	if len(e.Authorizations) > 0 {
		teams = []string{e.Authorizations[0].Team, e.Team}
	}
	w := c.where(teams...)
	if w == nil {
		return nil, nil
	}
	do := read(w, e.Event)
	switch {
	case do == nil:
		return nil, nil
	case e.ID == "":
		return nil, fmt.Errorf("%w: no event_id", errMalformed)
	}
	return &deed{"event/" + e.ID, do}, nil
}

var mentioned = regexp.MustCompile(`<@([A-Z0-9]+)(?:\|[^>]*)?>`)

// mention reads "@bellwether …", which works in threads too. What bots say, and what was changed afterwards, says nothing.
func (c *Chat) mention(w *workspace, m happening) func(context.Context, Desk) {
	if m.Bot != "" || m.User == "" || m.Edited != nil {
		return nil
	}
	text := mentioned.ReplaceAllStringFunc(m.Text, func(s string) string {
		if mentioned.FindStringSubmatch(s)[1] == w.self {
			return ""
		}
		return s
	})
	said := &words{at: w, thread: m.Thread, root: m.Thread, text: spoken(text), caller: caller(w, m.Channel, m.User, "", m.Team)}
	return func(ctx context.Context, desk Desk) {
		c.say(ctx, said, cmp.Or(m.Thread, m.TS), c.carryOut(ctx, said, desk)) // a thread begins with the mention itself
	}
}

func (c *Chat) homeOpened(w *workspace, h happening) func(context.Context, Desk) {
	if h.Tab != "home" || h.User == "" {
		return nil
	}
	said := &words{at: w, caller: caller(w, "", h.User, "", h.Team)}
	return func(ctx context.Context, desk Desk) { c.publish(ctx, said, desk) }
}

// linkShared shows below a message, or in the box it is being written in, what its links lead to.
func (c *Chat) linkShared(w *workspace, h happening) func(context.Context, Desk) {
	if h.User == "" || len(h.Links) == 0 {
		return nil
	}
	said := &words{at: w, caller: caller(w, h.Channel, h.User, "", h.Team)}
	return func(ctx context.Context, desk Desk) {
		previews := c.previews(ctx, c.speaker(ctx, said), h, desk)
		if len(previews) == 0 {
			return
		}
		if err := h.unfurl(ctx, w, previews); err != nil {
			c.log.Error("slack did not unfurl a link", "channel", h.Channel, "error", err)
		}
	}
}

// previews are by the link as Slack wrote it.
func (c *Chat) previews(ctx context.Context, who commands.Caller, h happening, desk Desk) map[string]slack.Attachment {
	previews := map[string]slack.Attachment{}
	for _, l := range h.Links[:min(len(h.Links), mostLinks)] {
		m, ours := desk.Preview(ctx, who, unescaped.Replace(l.URL))
		if !ours {
			continue
		}
		preview := blockkit.Unfurl(m)
		if err := blockkit.Lint(preview.Blocks.BlockSet, preview.Fallback); err != nil {
			c.log.Error("a preview is not as slack wants it, a fault of Bellwether's", "error", err)
			continue
		}
		previews[l.URL] = preview
	}
	return previews
}

func (h happening) unfurl(ctx context.Context, w *workspace, previews map[string]slack.Attachment) error {
	return w.call(ctx, func(api *slack.Client) (err error) {
		if h.Unfurl != "" && h.Source != "" {
			_, _, _, err = api.UnfurlMessageByIDContext(ctx, h.Unfurl, h.Source, previews)
		} else {
			_, _, _, err = api.UnfurlMessageContext(ctx, h.Channel, h.Message, previews)
		}
		return err
	})
}

// tokensRevoked tells the operator when the bot's token was revoked. People's tokens are none of Bellwether's.
func (c *Chat) tokensRevoked(w *workspace, h happening) func(context.Context, Desk) {
	if len(h.Tokens.Bot) == 0 {
		return nil
	}
	return c.uninstalled(w, h)
}

// uninstalled tells the operator that a workspace has removed the app. Messages for it are refused by Slack from now on, and
// parked.
func (c *Chat) uninstalled(w *workspace, h happening) func(context.Context, Desk) {
	return func(context.Context, Desk) {
		c.log.Error("a slack workspace has removed Bellwether: install the app again and renew its token in chat.slack; then bellwether outbox send --all",
			"workspace", w.id, "event", h.Type)
		if c.revoked != nil {
			c.revoked(w.id)
		}
	}
}
