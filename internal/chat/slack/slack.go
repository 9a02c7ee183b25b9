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
	"bellwether/internal/chat/slack/rotation"
	"bellwether/pipeline"
)

// How long Slack may take. Whether a message got through is looked into later than that (bot.Postman.Settle).
const (
	requestLimit = 10 * time.Second
	uploadLimit  = 15 * time.Second // for the three requests of a picture together
)

// Platform is how channels of Slack are marked.
const Platform = "slack"

// Desk carries out what people say.
type Desk interface {
	Do(ctx context.Context, who commands.Caller, line string) commands.Reply
	// Form asks for the rest of a command; where there is nothing to ask it is nil, and the reply says why.
	Form(ctx context.Context, who commands.Caller, line string) (*bot.Form, commands.Reply)
	// Preview is what a link is shown as; false when it leads to nothing of ours.
	Preview(ctx context.Context, who commands.Caller, link string) (bot.Message, bool)
}

// Seen remembers, for all replicas, what came before: First is true once for a key within the time to live.
type Seen interface {
	First(ctx context.Context, key string, ttl time.Duration) (bool, error)
}

// Threads knows which run a thread speaks of; "" when it speaks of none.
type Threads interface {
	RunOf(ctx context.Context, channel pipeline.Channel, rootRef string) (string, error)
}

// Settings of one Slack app.
type Settings struct {
	Workspaces    []Workspace // that it is installed in; the first is where channels are that name none
	SigningSecret string      // needed for HTTP
	AppToken      string      // needed for Socket Mode
	ClientID      string      // needed for token rotation, as are the next two
	ClientSecret  string
	Tokens        rotation.Store
	APIURL        string // where the Web API is, with its last slash; empty for Slack itself
	Seen          Seen
	Threads       Threads
	RunURL        func(run string) string // page of a run; empty when there are no pages. May be nil
	PictureURL    func(key string) string // where Slack fetches the picture of an answer; signed. May be nil
	Revoked       func(workspace string)  // called when a workspace has removed the app. May be nil
	Log           *slog.Logger
	Now           func() time.Time
	HTTP          *http.Client // nil for one with a time-out that follows no redirect
}

// Chat speaks in the channels of the workspaces of one app. It is safe for concurrent use once Hello has returned.
type Chat struct {
	signingSecret string
	appToken      string
	seen          Seen
	threads       Threads
	log           *slog.Logger
	now           func() time.Time
	http          *http.Client
	runURL        func(run string) string
	pictureURL    func(key string) string
	revoked       func(workspace string)

	workspaces []*workspace
	base       *url.URL
	every      rate.Limit // messages a second in one channel

	mu       sync.Mutex
	paces    map[string]*rate.Limiter // by channel
	troubles map[string]string        // by channel: the answer that keeps it resting; empty when it is well
	people   map[string]person        // by workspace and user id
	groups   map[string]members       // by workspace and group id

	answers sync.WaitGroup
}

var _ bot.Chat = (*Chat)(nil)

// New checks the settings; it does not talk to Slack yet.
func New(s Settings) (*Chat, error) {
	switch {
	case len(s.Workspaces) == 0:
		return nil, errors.New("chat.slack has neither bot_token nor rotation.refresh_token: copy the bot token (xoxb-…) from the app's page \"OAuth & Permissions\"")
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
	c := &Chat{
		signingSecret: s.SigningSecret, appToken: s.AppToken, seen: s.Seen, threads: s.Threads, log: s.Log, now: s.Now, http: s.HTTP,
		runURL: s.RunURL, pictureURL: s.PictureURL, revoked: s.Revoked, base: base, every: 1,
		paces: map[string]*rate.Limiter{}, troubles: map[string]string{}, people: map[string]person{}, groups: map[string]members{},
	}
	return c, c.install(s)
}

// noRedirect keeps tokens and messages from following where an answer points.
func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

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
