package rotation

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/internal/peers"
)

const (
	clientID, clientSecret = "1.2", "client-secret"
	first                  = "xoxe-first"
	life                   = 12 * time.Hour
)

// vault keeps in memory what it is given; it can be away.
type vault struct {
	mu    sync.Mutex
	kept  map[string][]byte
	swaps int
	away  func(swap int) error // nil: never
}

func newVault() *vault { return &vault{kept: map[string][]byte{}} }

func (v *vault) Tokens(_ context.Context, key string) ([]byte, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.kept[key], nil
}

func (v *vault) SwapTokens(_ context.Context, key string, was, now []byte) (bool, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.swaps++
	if v.away != nil {
		if err := v.away(v.swaps); err != nil {
			return false, err
		}
	}
	if !bytes.Equal(v.kept[key], was) {
		return false, nil
	}
	v.kept[key] = now
	return true, nil
}

// world is a Slack whose tokens expire, a store, and the time.
type world struct {
	t     *testing.T
	slack *peers.FlakySlack
	vault *vault

	mu  sync.Mutex
	now time.Time
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, slack: peers.NewFlakySlack(), vault: newVault(), now: time.Now()}
	t.Cleanup(w.slack.Close)
	w.slack.Rotate(clientID, clientSecret, first, life)
	return w
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// replica is a source of its own over the same store.
func (w *world) replica() *Source {
	s, err := New(App{
		ClientID: clientID, ClientSecret: clientSecret, APIURL: w.slack.API(), HTTP: http.DefaultClient, Store: w.vault, Now: w.clock,
		Log: slog.New(slog.NewTextHandler(w.t.Output(), nil)),
	}, first)
	require.NoError(w.t, err)
	return s
}

func (w *world) token(s *Source) string {
	w.t.Helper()
	token, err := s.Token(w.t.Context())
	require.NoError(w.t, err)
	return token
}

func (w *world) fail(code string) {
	if code == "" {
		w.slack.Fail(nil)
		return
	}
	fault := peers.Says(code)
	w.slack.Fail(func(string) *peers.Fault { return &fault })
}

func TestAPairLastsUntilShortlyBeforeItExpires(t *testing.T) {
	w := newWorld(t)
	s := w.replica()
	require.Equal(t, "xoxe.xoxb-1", w.token(s))
	w.pass(life - early - time.Second)
	require.Equal(t, "xoxe.xoxb-1", w.token(s))
	w.pass(2 * time.Second)
	require.Equal(t, "xoxe.xoxb-2", w.token(s))
	require.Equal(t, "xoxe.xoxb-2", w.token(w.replica()), "a replica that starts later, or the next start")
	require.Equal(t, 2, w.slack.Exchanges())
}

// A refresh token works once: of many replicas that need another token at the same moment, one gets it for all.
func TestReplicasTakeTurns(t *testing.T) {
	w := newWorld(t)
	var replicas []*Source
	for range 5 {
		replicas = append(replicas, w.replica())
	}
	for round := range 3 {
		var all sync.WaitGroup
		tokens := make([]string, 4*len(replicas))
		for i := range tokens {
			all.Go(func() { tokens[i] = w.token(replicas[i%len(replicas)]) })
		}
		all.Wait()
		require.Equal(t, round+1, w.slack.Exchanges())
		w.pass(life) // all have expired
	}
}

// As long as the old token works, nobody waits for the replica that is at it.
func TestTheOldTokenServesMeanwhile(t *testing.T) {
	w := newWorld(t)
	s := w.replica()
	w.token(s)
	w.pass(life - early + time.Second)
	other := w.replica()
	require.NoError(t, other.load(t.Context()))
	taken := other.pair
	taken.Taken = w.clock().Add(turn)
	ok, err := other.swap(t.Context(), taken)
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, "xoxe.xoxb-1", w.token(s))
	w.pass(pause + turn) // the other replica has died
	require.Equal(t, "xoxe.xoxb-2", w.token(s))
}

func TestFailuresLeaveTheOldToken(t *testing.T) {
	w := newWorld(t)
	s := w.replica()
	w.token(s)
	w.pass(life - early + time.Second)
	w.fail("internal_error")
	require.Equal(t, "xoxe.xoxb-1", w.token(s))
	w.fail("")
	require.Equal(t, "xoxe.xoxb-1", w.token(s), "not at every request")
	w.pass(pause)
	require.Equal(t, "xoxe.xoxb-2", w.token(s))

	w.fail("invalid_refresh_token")
	w.pass(life)
	_, err := s.Token(t.Context())
	require.ErrorContains(t, err, "chat.slack.rotation.refresh_token")
	require.NotContains(t, err.Error(), "xoxe")
}

// The new pair works before it is stored, and is stored as soon as that goes, even if somebody tried the spent one since.
func TestThePairOutlivesAStoreThatIsAway(t *testing.T) {
	w := newWorld(t)
	s, other := w.replica(), w.replica()
	w.vault.away = func(swap int) error {
		if swap == 2 || swap == 3 { // after the exchange
			return errors.New("redis is away")
		}
		return nil
	}
	require.Equal(t, "xoxe.xoxb-1", w.token(s))
	w.pass(pause)
	require.Equal(t, "xoxe.xoxb-1", w.token(s))
	_, err := other.Token(t.Context())
	require.ErrorContains(t, err, "invalid_refresh_token", "it knows of the spent one only")
	w.pass(pause)
	require.Equal(t, "xoxe.xoxb-1", w.token(s))
	require.Equal(t, "xoxe.xoxb-1", w.token(other))
	require.Equal(t, 1, w.slack.Exchanges())
}

func TestAnEmptyStoreIsFilledAgain(t *testing.T) {
	w := newWorld(t)
	s := w.replica()
	w.token(s)
	clear(w.vault.kept)
	w.pass(life)
	require.Equal(t, "xoxe.xoxb-2", w.token(s))
	require.Len(t, w.vault.kept, 1)
}

func TestARefusedTokenIsReplaced(t *testing.T) {
	w := newWorld(t)
	s, other := w.replica(), w.replica()
	w.token(s)
	w.token(other)
	require.True(t, s.Refused("xoxe.xoxb-1"))
	require.Equal(t, "xoxe.xoxb-2", w.token(s))
	require.True(t, other.Refused("xoxe.xoxb-1"))
	require.Equal(t, "xoxe.xoxb-2", w.token(other), "which the first replica got")
	require.Equal(t, 2, w.slack.Exchanges())
}

func TestWaitingEnds(t *testing.T) {
	w := newWorld(t)
	s := w.replica()
	ok, err := s.swap(t.Context(), pair{Refresh: first, Taken: w.clock().Add(turn)})
	require.NoError(t, err)
	require.True(t, ok)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	_, err = w.replica().Token(ctx)
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

// Whoever asks for a token may give up any moment; the exchange that this began does not.
func TestAnExchangeIsNotGivenUp(t *testing.T) {
	w := newWorld(t)
	s := w.replica()
	ctx, giveUp := context.WithCancel(t.Context())
	s.app.HTTP = &http.Client{Transport: during(giveUp)}
	_, err := s.Token(ctx)
	require.NoError(t, err)
	require.Equal(t, "xoxe.xoxb-1", w.token(s))
	require.Equal(t, 1, w.slack.Exchanges())
}

// during does something while a request is on its way.
type during func()

func (d during) RoundTrip(r *http.Request) (*http.Response, error) {
	d()
	return http.DefaultTransport.RoundTrip(r)
}

func TestTheStoreSeesNoToken(t *testing.T) {
	w := newWorld(t)
	w.token(w.replica())
	for key, sealed := range w.vault.kept {
		require.NotContains(t, string(sealed)+key, "xox")
		for i := range sealed { // nor does anybody change it unseen
			changed := bytes.Clone(sealed)
			changed[i] ^= 1
			w.vault.kept[key] = changed
			_, err := w.replica().Token(t.Context())
			require.ErrorIs(t, err, errSealed)
		}
		w.vault.kept[key] = sealed
	}
	s := w.replica()
	other, err := newSeal("another secret", first)
	require.NoError(t, err)
	s.seal = other
	_, err = s.Token(t.Context())
	require.ErrorIs(t, err, errSealed)

	moved, err := New(s.app, "xoxe-of-another-installation")
	require.NoError(t, err)
	w.vault.kept[moved.seal.key] = w.vault.kept[w.replica().seal.key]
	_, err = moved.Token(t.Context())
	require.ErrorIs(t, err, errSealed, "bound to its installation")
}

func TestAnAnswerWithoutAPair(t *testing.T) {
	w := newWorld(t)
	fault := peers.Fault{Name: "ok", Serve: func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		_, _ = w.Write([]byte(`{"ok":true,"access_token":"xoxb-1"}`))
	}}
	w.slack.Fail(func(string) *peers.Fault { return &fault })
	_, err := w.replica().Token(t.Context())
	require.ErrorContains(t, err, "is token rotation turned on")
}
