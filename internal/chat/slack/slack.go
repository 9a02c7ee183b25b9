// Package slack is Slack as Bellwether sees it, for package bot, which speaks through it, and for package commands, which is
// spoken to: over signed HTTP for several replicas, over Socket Mode for a bot that nobody can reach.
package slack

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/slack-go/slack"
	"golang.org/x/time/rate"

	"bellwether/bot"
	"bellwether/commands"
	"bellwether/pipeline"
)

// How long Slack may take. Whether a message got through is looked into later than that (bot.Postman.Settle).
const (
	requestLimit = 10 * time.Second
	uploadLimit  = 15 * time.Second // for the three requests of a picture together
)

// Platform is how channels of Slack are marked.
const Platform = "slack"

// Doer carries out what people say.
type Doer interface {
	Do(ctx context.Context, c commands.Caller, text string) commands.Reply
}

// Seen remembers, for all replicas, what came before: First is true once for a key within the time to live.
type Seen interface {
	First(ctx context.Context, key string, ttl time.Duration) (bool, error)
}

// Threads knows which run a thread speaks of; "" when it speaks of none.
type Threads interface {
	RunOf(ctx context.Context, channel pipeline.Channel, rootRef string) (string, error)
}

// Settings of one Slack app in one workspace.
type Settings struct {
	BotToken      string
	SigningSecret string // needed for HTTP
	AppToken      string // needed for Socket Mode
	APIURL        string // where the Web API is, with its last slash; empty for Slack itself
	Seen          Seen
	Threads       Threads
	Log           *slog.Logger
	Now           func() time.Time
	HTTP          *http.Client // nil for one with a time-out that follows no redirect
}

// Chat speaks in the channels of one workspace. It is safe for concurrent use once Hello has returned.
type Chat struct {
	signingSecret string
	appToken      string
	seen          Seen
	threads       Threads
	log           *slog.Logger
	now           func() time.Time
	http          *http.Client

	api       *slack.Client
	base      *url.URL
	workspace string     // address of the workspace, as Hello learnt it
	self      string     // the bot's own user id, likewise
	every     rate.Limit // messages a second in one channel

	mu       sync.Mutex
	paces    map[string]*rate.Limiter // by channel
	troubles map[string]string        // by channel: the answer that keeps it resting; empty when it is well
	names    map[string]named         // by user id

	answers sync.WaitGroup
}

var _ bot.Chat = (*Chat)(nil)

// New checks the settings; it does not talk to Slack yet.
func New(s Settings) (*Chat, error) {
	switch {
	case s.BotToken == "":
		return nil, errors.New("chat.slack.bot_token is empty: copy the bot token (xoxb-…) from the app's page \"OAuth & Permissions\"")
	case s.SigningSecret == "" && s.AppToken == "":
		return nil, errors.New("chat.slack.signing_secret is empty, anybody could give commands: copy it from the app's page " +
			"\"Basic Information\", or set app_token to use Socket Mode")
	}
	if s.HTTP == nil {
		s.HTTP = &http.Client{Timeout: requestLimit, CheckRedirect: noRedirect}
	}
	if s.APIURL == "" {
		s.APIURL = slack.APIURL
	}
	s.APIURL = strings.TrimRight(s.APIURL, "/") + "/"
	base, err := url.Parse(s.APIURL)
	if err != nil || base.Host == "" {
		return nil, fmt.Errorf("chat.slack.api_url: %q is no URL; leave it out to use Slack itself", s.APIURL)
	}
	api := slack.New(s.BotToken, slack.OptionHTTPClient(s.HTTP), slack.OptionAPIURL(s.APIURL), slack.OptionAppLevelToken(s.AppToken))
	return &Chat{
		signingSecret: s.SigningSecret, appToken: s.AppToken, seen: s.Seen, threads: s.Threads, log: s.Log, now: s.Now, http: s.HTTP,
		api: api, base: base, workspace: "https://slack.com/", every: 1,
		paces: map[string]*rate.Limiter{}, troubles: map[string]string{}, names: map[string]named{},
	}, nil
}

// noRedirect keeps tokens and messages from following where an answer points.
func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// Hello proves the bot token and learns the address of the workspace. Call it once, before anything else.
func (c *Chat) Hello(ctx context.Context) error {
	who, err := c.api.AuthTestContext(ctx)
	if err != nil {
		return fmt.Errorf("slack does not know Bellwether: %w", explain(err))
	}
	if who.URL != "" {
		c.workspace = strings.TrimRight(who.URL, "/") + "/"
	}
	c.self = who.UserID
	c.log.Info("connected to slack", "workspace", who.Team, "bot", who.User)
	return nil
}

// Wait returns when everything that people said so far is answered. Call it when nothing more can be said.
func (c *Chat) Wait() { c.answers.Wait() }

// pace waits until the channel takes another message: Slack takes one a second in each.
func (c *Chat) pace(ctx context.Context, channel string) error {
	c.mu.Lock()
	limiter, ok := c.paces[channel]
	if !ok {
		limiter = rate.NewLimiter(c.every, 1)
		c.paces[channel] = limiter
	}
	c.mu.Unlock()
	if err := limiter.Wait(ctx); err != nil {
		return &bot.NotSent{After: time.Second, Err: fmt.Errorf("wait for a turn in slack channel %s: %w", channel, err)}
	}
	return nil
}

// named is what a user is called, as asked at a time.
type named struct {
	name string
	at   time.Time
}

// name of a user whose event carries the id alone. When Slack does not tell, the id has to do.
func (c *Chat) name(ctx context.Context, user string) string {
	c.mu.Lock()
	known, ok := c.names[user]
	c.mu.Unlock()
	if ok && c.now().Sub(known.at) < time.Hour {
		return known.name
	}
	info, err := c.api.GetUserInfoContext(ctx, user)
	if err != nil {
		c.log.Warn("slack does not tell a user's name", "user", user, "error", err)
		return user
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.names[user] = named{info.Name, c.now()}
	return info.Name
}
