// Package rotation has a valid bot token at hand, for package slack, where a Slack app's tokens expire: every twelve hours a
// refresh token, which works once, is exchanged for a new pair. Replicas share the pair through a store that sees it sealed
// only, and take turns by nothing but the store's compare and set.
package rotation

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/slack-go/slack"
)

const (
	early = 2 * time.Hour    // before they expire, tokens are exchanged
	turn  = 30 * time.Second // a replica has for an exchange; longer than the request may take
	limit = 10 * time.Second // for that request
	pause = time.Minute      // before another try, while the token at hand still works
	look  = 200 * time.Millisecond
)

// Store keeps sealed tokens for all replicas.
type Store interface {
	// Tokens are what was kept last under the key; nil when nothing was.
	Tokens(ctx context.Context, key string) ([]byte, error)
	// SwapTokens keeps now if was is still what is kept (nil: nothing), and tells whether it did.
	SwapTokens(ctx context.Context, key string, was, now []byte) (bool, error)
}

// App is what an exchange takes, besides the refresh token.
type App struct {
	ClientID     string
	ClientSecret string
	APIURL       string // with its last slash
	HTTP         *http.Client
	Store        Store
	Now          func() time.Time
	Log          *slog.Logger
}

// pair is what is kept for an installation.
type pair struct {
	Access  string    `json:"access,omitempty"`
	Refresh string    `json:"refresh"` // works once
	Expires time.Time `json:"expires,omitzero"`
	Taken   time.Time `json:"taken,omitzero"` // a replica exchanges it, until then at most
}

// Source is the bot token of one installation. It is safe for concurrent use.
type Source struct {
	app   App
	first string // refresh token of the settings
	seal  *seal

	mu      sync.Mutex
	pair           // as this replica knows it
	sealed  []byte // the same, as the store has it
	spent   string // refresh token that was exchanged for a pair which is not stored yet
	refused string // access token that Slack took for expired
	again   time.Time
}

// New source for an installation, by the refresh token that it came with. What became of that is kept under a digest of it,
// so that a new installation starts anew.
func New(app App, refreshToken string) (*Source, error) {
	s, err := newSeal(app.ClientSecret, refreshToken)
	if err != nil {
		return nil, fmt.Errorf("prepare to seal slack's tokens: %w", err)
	}
	return &Source{app: app, first: refreshToken, seal: s}, nil
}

// Token that works now.
func (s *Source) Token(ctx context.Context) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.app.Now()
	if s.works(0) && (s.spent == "" && s.works(early) || now.Before(s.again)) {
		return s.Access, nil
	}
	err := s.renew(ctx)
	if err == nil {
		return s.Access, nil
	}
	s.again = now.Add(pause)
	if s.works(0) {
		s.app.Log.Warn("slack's token is not renewed; it works on, and is tried again", "expires", s.Expires, "error", err)
		return s.Access, nil
	}
	return "", err
}

// Refused tells that Slack takes this token for expired, whatever the clock says: the next one will be another.
func (s *Source) Refused(token string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refused = token
	return true
}

// works tells whether the token at hand does, and will for so long.
func (s *Source) works(margin time.Duration) bool {
	return s.Access != "" && s.Access != s.refused && s.app.Now().Add(margin).Before(s.Expires)
}

// errTaken means that another replica is at it.
var errTaken = errors.New("another replica exchanges the token")

// renew gets a token that works for long: another replica's, or one by an exchange. Where another replica is at it, it waits
// as long as that has its turn.
func (s *Source) renew(ctx context.Context) error {
	if s.spent != "" {
		return s.keep(ctx)
	}
	for {
		err := s.attempt(ctx)
		if !errors.Is(err, errTaken) || s.works(0) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for another replica to renew slack's token: %w", ctx.Err())
		case <-time.After(look):
		}
	}
}

func (s *Source) attempt(ctx context.Context) error {
	if err := s.load(ctx); err != nil || s.works(early) {
		return err
	}
	if s.app.Now().Before(s.Taken) {
		return errTaken
	}
	mine := s.pair
	mine.Refresh, mine.Taken = cmp.Or(s.Refresh, s.first), s.app.Now().Add(turn)
	ok, err := s.swap(ctx, mine)
	if err != nil {
		return err
	}
	if !ok {
		return errTaken
	}
	if err := s.exchange(ctx); err != nil {
		s.release(ctx)
		return err
	}
	return s.keep(ctx)
}

// exchange spends the refresh token. The new pair is used at once, and kept as soon as the store takes it. Whoever asked for the
// token may be in more of a hurry, or gone: an exchange that is given up could have spent the refresh token for nothing.
func (s *Source) exchange(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	defer cancel()
	got, err := slack.RefreshOAuthV2TokenContext(ctx, s.app.HTTP, s.app.ClientID, s.app.ClientSecret, s.Refresh, slack.OAuthOptionAPIURL(s.app.APIURL))
	if err != nil {
		return fmt.Errorf("exchange slack's refresh token: %w", explain(err))
	}
	if got.AccessToken == "" || got.RefreshToken == "" || got.ExpiresIn <= 0 {
		return errors.New("exchange slack's refresh token: slack's answer has no pair of tokens: is token rotation turned on for the app?")
	}
	s.spent = s.Refresh
	s.pair = pair{Access: got.AccessToken, Refresh: got.RefreshToken, Expires: s.app.Now().Add(time.Duration(got.ExpiresIn) * time.Second)}
	s.app.Log.Info("slack's token was renewed", "workspace", got.Team.Name, "expires", s.Expires)
	return nil
}

// keep stores the new pair. Whoever took the spent refresh token since has got nothing for it, and is overruled; whoever has
// got a pair of its own was given a newer installation's.
func (s *Source) keep(ctx context.Context) error {
	for {
		if ok, err := s.swap(ctx, s.pair); err != nil || ok {
			if ok {
				s.spent = ""
			}
			return err
		}
		sealed, stored, err := s.read(ctx)
		if err != nil {
			return err
		}
		s.sealed = sealed
		if stored.Refresh != s.spent && stored.Refresh != "" {
			s.pair, s.spent = stored, ""
			return nil
		}
	}
}

// release gives the turn back after an exchange that failed. If that fails too, the turn ends by itself.
func (s *Source) release(ctx context.Context) {
	mine := s.pair
	mine.Taken = time.Time{}
	if _, err := s.swap(context.WithoutCancel(ctx), mine); err != nil {
		s.app.Log.Warn("the turn to renew slack's token ends by itself only", "error", err)
	}
}

// load what is stored. A store that has lost everything is given what this replica still knows.
func (s *Source) load(ctx context.Context) error {
	sealed, stored, err := s.read(ctx)
	if err != nil {
		return err
	}
	if s.sealed = sealed; sealed == nil {
		stored = s.pair
		stored.Taken = time.Time{}
	}
	s.pair = stored
	return nil
}

func (s *Source) read(ctx context.Context) ([]byte, pair, error) {
	sealed, err := s.app.Store.Tokens(ctx, s.seal.key)
	if err != nil || sealed == nil {
		return nil, pair{}, err
	}
	stored, err := s.seal.open(sealed)
	return sealed, stored, err
}

// swap makes a pair the stored one, if the store still has what this replica knows.
func (s *Source) swap(ctx context.Context, p pair) (bool, error) {
	sealed, err := s.seal.close(p)
	if err != nil {
		return false, err
	}
	ok, err := s.app.Store.SwapTokens(ctx, s.seal.key, s.sealed, sealed)
	if ok {
		s.sealed, s.pair = bytes.Clone(sealed), p
	}
	return ok, err
}
