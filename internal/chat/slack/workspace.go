package slack

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"bellwether/bot"
	"bellwether/internal/chat/slack/rotation"
)

// Workspace is one installation of the app.
type Workspace struct {
	BotToken     string // that does not expire
	RefreshToken string // for an app with token rotation: bot tokens are got for it, and the one above is not used
}

// workspace is an installation at work.
type workspace struct {
	source source
	open   func(token string) *slack.Client

	// As Hello learnt them:
	id   string // T0TEAM
	url  string // https://innerscale.slack.com/
	self string // the bot's user id
}

// source of the token that works now.
type source interface {
	Token(ctx context.Context) (string, error)
	// Refused tells that Slack takes the token for expired; true when another can be had.
	Refused(token string) bool
}

// fixed is a token that does not expire.
type fixed string

func (f fixed) Token(context.Context) (string, error) { return string(f), nil }
func (f fixed) Refused(string) bool                   { return false }

// install takes over the settings' workspaces.
func (c *Chat) install(s Settings) error {
	app := rotation.App{
		ClientID: s.ClientID, ClientSecret: s.ClientSecret, APIURL: s.APIURL, HTTP: s.HTTP, Store: s.Tokens, Now: s.Now, Log: s.Log,
	}
	for i, w := range s.Workspaces {
		var tokens source = fixed(w.BotToken)
		switch {
		case w.RefreshToken != "" && (s.ClientID == "" || s.ClientSecret == ""):
			return errors.New("chat.slack.rotation: client_id or client_secret is empty: copy both from the app's page \"Basic Information\"")
		case w.RefreshToken != "":
			rotating, err := rotation.New(app, w.RefreshToken)
			if err != nil {
				return err
			}
			tokens = rotating
		case w.BotToken == "":
			return fmt.Errorf("chat.slack.bot_token %d is empty: copy the bot token (xoxb-…) from the app's page \"OAuth & Permissions\"", i+1)
		}
		c.workspaces = append(c.workspaces, &workspace{source: tokens, open: c.web, url: "https://slack.com/"})
	}
	return nil
}

// web is the Web API with a token.
func (c *Chat) web(token string) *slack.Client {
	return slack.New(token, slack.OptionHTTPClient(c.http), slack.OptionAPIURL(c.base.String()), slack.OptionAppLevelToken(c.appToken))
}

// Hello proves the tokens and learns which workspaces they are for. Call it once, before anything else. One workspace that has
// removed the app does not keep Bellwether from the others.
func (c *Chat) Hello(ctx context.Context) error {
	var removed error
	for i, w := range c.workspaces {
		err := c.greet(ctx, w)
		switch {
		case neverConnected(err):
			return fmt.Errorf("slack cannot be reached: %w: is there a way out to it, and is chat.slack.api_url right?", err)
		case err != nil:
			err = fmt.Errorf("slack does not know Bellwether in workspace %d of %d: %w", i+1, len(c.workspaces), err)
		}
		switch code(err) {
		case "token_revoked", "account_inactive":
			c.log.Error("a slack workspace is left out", "error", err)
			removed = err
		default:
			if err != nil {
				return err
			}
		}
	}
	if len(c.known()) == 0 {
		return removed
	}
	return nil
}

func (c *Chat) greet(ctx context.Context, w *workspace) error {
	var who *slack.AuthTestResponse
	err := w.call(ctx, func(api *slack.Client) (err error) {
		who, err = api.AuthTestContext(ctx)
		return err
	})
	if err != nil {
		return err
	}
	if other := c.of(who.TeamID); other != nil && other != w {
		return fmt.Errorf("chat.slack has two tokens of the workspace %s (%s): leave one out", who.TeamID, who.Team)
	}
	w.id, w.self = who.TeamID, who.UserID
	if who.URL != "" {
		w.url = strings.TrimRight(who.URL, "/") + "/"
	}
	c.log.Info("connected to slack", "workspace", who.Team, "id", who.TeamID, "bot", who.User)
	return nil
}

// api is the Web API with the token that works now.
func (w *workspace) api(ctx context.Context) (*client, error) {
	token, err := w.source.Token(ctx)
	if err != nil {
		return nil, fmt.Errorf("get a token for slack: %w", err)
	}
	return &client{Client: w.open(token), workspace: w, token: token}, nil
}

// client speaks for a workspace with one token.
type client struct {
	*slack.Client
	workspace *workspace
	token     string
}

// expired tells whether Slack takes the token for expired and another can be had.
func (a *client) expired(err error) bool {
	return code(err) == "token_expired" && a.workspace.source.Refused(a.token)
}

// call asks the Web API for something that answers somebody. Where Slack says that it did nothing, since the token had expired
// or too much was asked, it is asked once more, if there is time.
func (w *workspace) call(ctx context.Context, ask func(*slack.Client) error) error {
	again, wait, err := w.once(ctx, ask)
	if again && rest(ctx, wait) {
		_, _, err = w.once(ctx, ask)
	}
	return err
}

func (w *workspace) once(ctx context.Context, ask func(*slack.Client) error) (again bool, wait time.Duration, err error) {
	api, err := w.api(ctx)
	if err != nil {
		return false, 0, err
	}
	err = ask(api.Client)
	var limited *slack.RateLimitedError
	if errors.As(err, &limited) {
		return true, limited.RetryAfter, err
	}
	return api.expired(err), 0, explain(err)
}

// rest waits so long; it does not begin, and is false, where the context ends before.
func rest(ctx context.Context, wait time.Duration) bool {
	if end, ok := ctx.Deadline(); ok && time.Until(end) < wait {
		return false
	}
	select {
	case <-ctx.Done():
		return false
	case <-time.After(wait):
		return true
	}
}

// of is the workspace with that id; the only one when none is named, and nil when there is no such.
func (c *Chat) of(id string) *workspace {
	for _, w := range c.workspaces {
		if w.id == id && id != "" || id == "" && len(c.workspaces) == 1 {
			return w
		}
	}
	return nil
}

// to is the workspace that a message goes to. Channels name theirs only where there are several; the first is meant where
// they do not.
func (c *Chat) to(o bot.Outgoing) (*workspace, error) {
	if o.Channel.Group == "" {
		return c.workspaces[0], nil
	}
	if w := c.of(o.Channel.Group); w != nil {
		return w, nil
	}
	return nil, &bot.Refused{Err: fmt.Errorf("channel %s is to be in slack workspace %s, and Bellwether is in %s only: mend it in the catalog",
		o.Channel.ID, o.Channel.Group, strings.Join(c.known(), ", "))}
}

// reach has the Web API of the workspace that a message goes to. Where there is none now, nothing was asked of Slack.
func (c *Chat) reach(ctx context.Context, o bot.Outgoing) (*client, error) {
	w, err := c.to(o)
	if err != nil {
		return nil, err
	}
	api, err := w.api(ctx)
	if err != nil {
		return nil, &bot.NotSent{After: unwell, Err: err}
	}
	return api, nil
}

// known are the workspaces that the app is installed in.
func (c *Chat) known() (ids []string) {
	for _, w := range c.workspaces {
		if w.id != "" {
			ids = append(ids, w.id)
		}
	}
	return ids
}
