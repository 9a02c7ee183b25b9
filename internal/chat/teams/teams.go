// Package teams is Microsoft Teams as Bellwether sees it, for package bot, which speaks through it, and for package commands,
// which is spoken to: mentions, personal chats, cards. Requests are read by msbotbuilder-go's adapter with a validator and a
// client of ours in it.
package teams

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/infracloudio/msbotbuilder-go/connector/auth"
	"github.com/infracloudio/msbotbuilder-go/core"
	"golang.org/x/oauth2"

	"bellwether/bot"
	"bellwether/commands"
	"bellwether/internal/chat/teams/connector"
	"bellwether/internal/chat/teams/token"
	"bellwether/pipeline"
)

// requestLimit is how long Teams may take. Whether a message got through is settled later than that (bot.Postman.Settle).
const requestLimit = 10 * time.Second

// Platform is how channels of Teams are marked.
const Platform = "teams"

// publicService takes messages for a team that has not said yet where it takes its own.
const publicService = "https://smba.trafficmanager.net/teams/"

// Desk carries out what people say.
type Desk interface {
	Do(ctx context.Context, who commands.Caller, line string) commands.Reply
	// Form is what to ask before the command is carried out; nil when the reply says why there is nothing to ask.
	Form(ctx context.Context, who commands.Caller, line string) (*bot.Form, commands.Reply)
	// Preview is what a link unfurls to; false for one that is none of ours.
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

// Letters are the messages that are shown, by intent, with the links that they lead to (bot.Outgoing.Links).
type Letters interface {
	Open(ctx context.Context, id string) (bot.Letter, error)
}

// Installations remembers where teams, and chats, can be addressed.
type Installations interface {
	// KeepInstallation stores what a team said of itself, to be found by its Team and by its Group.
	KeepInstallation(ctx context.Context, i bot.Installation) error
	// Installation of a team, or bot.ErrNotFound.
	Installation(ctx context.Context, team string) (bot.Installation, error)
}

// Settings of one bot in one tenant.
type Settings struct {
	AppID         string
	Tenant        string                  // Entra's; nobody else's people are listened to
	Validator     auth.TokenValidator     // of what comes in
	Tokens        oauth2.TokenSource      // for what goes out; a connector.Forgetter has a refused one renewed
	ServiceURL    string                  // takes messages for a team that has not said where; empty for the public cloud's
	PictureURL    func(key string) string // where Teams fetches a picture; signed, https
	RunURL        func(run string) string // page of a run, empty when there are no pages
	Installations Installations
	Seen          Seen
	Threads       Threads
	Letters       Letters
	Log           *slog.Logger
	Now           func() time.Time
	HTTP          *http.Client // nil for one with a time-out; redirects are not followed
}

// Chat speaks in the channels and chats of one tenant. It is safe for concurrent use.
type Chat struct {
	Settings
	adapter *core.BotFrameworkAdapter
	client  *connector.Client
	jitter  func(time.Duration) time.Duration // up to so long, so that replicas do not try again together

	mu       sync.Mutex
	troubles map[string]string           // by channel: the answer that keeps it resting
	members  map[string]member           // by conversation and user
	teams    map[string]bot.Installation // as stored

	answers sync.WaitGroup
}

var (
	_ bot.Chat            = (*Chat)(nil)
	_ connector.Forgetter = (*token.Tokens)(nil) // without it, a token that is refused would be shown until its end
)

// New checks the settings; it does not talk to Teams yet.
func New(s Settings) (*Chat, error) {
	if s.ServiceURL == "" {
		s.ServiceURL = publicService
	}
	home, err := url.Parse(s.ServiceURL)
	switch {
	case s.AppID == "":
		return nil, errors.New("chat.teams.app_id is empty, anybody could give commands: copy the \"Microsoft App ID\" from the " +
			"bot's page \"Configuration\" in the Azure portal")
	case s.Tenant == "":
		return nil, errors.New("chat.teams.tenant is empty, any organisation could give commands: copy the \"App Tenant ID\" from " +
			"the bot's page \"Configuration\" in the Azure portal")
	case s.Validator == nil || s.Tokens == nil:
		return nil, errors.New("teams needs a validator of tokens and a source of them")
	case err != nil || home.Host == "":
		return nil, fmt.Errorf("chat.teams.endpoints.connector: %q is no URL; leave it out to use Teams itself", s.ServiceURL)
	}
	with := *cmp.Or(s.HTTP, &http.Client{Timeout: requestLimit})
	with.CheckRedirect = noRedirect
	client := &connector.Client{Tokens: s.Tokens, HTTP: &with, Home: home, Pace: &connector.Pace{Now: s.Now}}
	return &Chat{
		Settings: s, client: client, jitter: rand.N[time.Duration],
		adapter:  &core.BotFrameworkAdapter{AdapterSetting: setting(s), TokenValidator: s.Validator, Client: client},
		troubles: map[string]string{}, members: map[string]member{}, teams: map[string]bot.Installation{},
	}, nil
}

// setting of the library's adapter. Its own sending, which needs the password, is replaced.
func setting(s Settings) core.AdapterSetting {
	return core.AdapterSetting{
		AppID: s.AppID, ChannelAuthTenant: s.Tenant, ChannelService: auth.ChannelService,
		CredentialProvider: auth.SimpleCredentialProvider{AppID: s.AppID},
	}
}

// noRedirect keeps tokens and messages from following where an answer points.
func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// Hello proves the bot's id and secret.
func (c *Chat) Hello(context.Context) error {
	_, err := c.Tokens.Token()
	var unreached *net.OpError
	if errors.As(err, &unreached) {
		return fmt.Errorf("teams cannot be reached: fetch a token: %w: is there a way out to it, and is chat.teams.endpoints.login right?", err)
	}
	if err != nil {
		return fmt.Errorf("teams does not know Bellwether: fetch a token: %w: compare chat.teams.app_id, app_password and tenant "+
			"with the bot's page \"Configuration\" in the Azure portal; its type has to be Single Tenant", err)
	}
	c.Log.Info("connected to teams", "app", c.AppID, "tenant", c.Tenant)
	return nil
}

// Wait returns when everything that people said so far is answered. Call it when nothing more can be said.
func (c *Chat) Wait() { c.answers.Wait() }

// background goes on when the request is over; Wait waits for it.
func (c *Chat) background(ctx context.Context, f func(context.Context)) {
	c.answers.Go(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), longest)
		defer cancel()
		f(ctx)
	})
}
