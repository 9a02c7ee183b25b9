package token

import (
	"context"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/sync/singleflight"
)

const (
	fresh     = 24 * time.Hour   // that fetched keys are, as the Bot Framework's documentation asks
	calm      = time.Minute      // between two fetches, which unknown key ids cause: anybody can make ids up
	retry     = 10 * time.Second // after a fetch that failed
	maxAnswer = 1 << 20          // bytes
)

// signer is a key that the Bot Framework signs with. go-oidc's own key set knows no endorsements.
type signer struct {
	public       *rsa.PublicKey
	endorsements []string // the chat platforms that it may speak for
	issuer       string
}

// signers are the Bot Framework's keys, fetched as needed. Those known stay in use while they cannot be fetched.
type signers struct {
	url    string // of the OpenID metadata
	client *http.Client
	now    func() time.Time
	known  atomic.Pointer[published]

	flight  singleflight.Group // guards what follows
	next    time.Time          // fetch not before
	failure error              // of the last fetch
}

// published is what one fetch brought.
type published struct {
	keys map[string]signer // by key id
	at   time.Time
}

func newSigners(s Settings) *signers {
	all := &signers{url: s.OpenID, client: s.Client, now: s.Now}
	all.known.Store(&published{})
	return all
}

// find returns the key with that id, which anybody may have made up.
func (s *signers) find(ctx context.Context, id string) (signer, error) {
	known := s.known.Load()
	if key, ok := known.keys[id]; ok && s.now().Sub(known.at) < fresh {
		return key, nil
	}
	err := s.refresh(ctx)
	if key, ok := s.known.Load().keys[id]; ok {
		return key, nil
	}
	if err != nil {
		return signer{}, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return signer{}, fmt.Errorf("the Bot Framework has no key %.40q", id)
}

// refresh waits for a fetch, which all who want one share.
func (s *signers) refresh(ctx context.Context) error {
	done := s.flight.DoChan("", func() (any, error) { return nil, s.fetchInTime() })
	select {
	case <-ctx.Done():
		return ctx.Err()
	case r := <-done:
		return r.Err
	}
}

// fetchInTime fetches unless that was done a moment ago; then it repeats what came of it.
func (s *signers) fetchInTime() error {
	if s.now().Before(s.next) {
		return s.failure
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience) // of no caller: others wait for it too
	defer cancel()
	latest, err := s.fetch(ctx)
	s.failure = err
	if err != nil {
		s.next = s.now().Add(retry)
		return err
	}
	s.next = s.now().Add(calm)
	s.known.Store(latest)
	return nil
}

func (s *signers) fetch(ctx context.Context) (*published, error) {
	var metadata struct {
		Issuer string `json:"issuer"`
		Keys   string `json:"jwks_uri"`
	}
	if err := s.get(ctx, s.url, &metadata); err != nil {
		return nil, err
	}
	if metadata.Issuer == "" || metadata.Keys == "" {
		return nil, fmt.Errorf("%s names no issuer or no jwks_uri: it is no OpenID metadata", s.url)
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := s.get(ctx, metadata.Keys, &set); err != nil {
		return nil, err
	}
	latest := &published{keys: map[string]signer{}, at: s.now()}
	for _, raw := range set.Keys {
		if id, key, ok := parse(raw, metadata.Issuer); ok {
			latest.keys[id] = key
		}
	}
	if len(latest.keys) == 0 {
		return nil, fmt.Errorf("%s has no RSA key", metadata.Keys)
	}
	return latest, nil
}

// parse leaves out, as RFC 7517 section 5 asks, a key that it does not understand.
func parse(raw []byte, issuer string) (id string, key signer, ok bool) {
	var common jose.JSONWebKey
	var own struct {
		Endorsements []string `json:"endorsements"`
	}
	if err := errors.Join(json.Unmarshal(raw, &common), json.Unmarshal(raw, &own)); err != nil {
		return "", signer{}, false
	}
	public, isRSA := common.Key.(*rsa.PublicKey)
	signs := common.Use == "" || common.Use == "sig"
	return common.KeyID, signer{public, own.Endorsements, issuer}, isRSA && signs && common.KeyID != ""
}

func (s *signers) get(ctx context.Context, url string, into any) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	answer, err := s.client.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %s", url, answer.Status)
	}
	if err := json.NewDecoder(http.MaxBytesReader(nil, answer.Body, maxAnswer)).Decode(into); err != nil {
		return fmt.Errorf("read %s: %w", url, err)
	}
	return nil
}
