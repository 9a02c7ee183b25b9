package token

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/internal/peers"
)

func request(body, header string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/api/messages", strings.NewReader(body))
	r.Header.Set("Authorization", header)
	return r
}

func broken(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusBadGateway) }

// clock is advanced by hand; it is safe to read meanwhile.
type clock struct{ past atomic.Int64 }

var start = time.Date(2026, 11, 23, 7, 0, 0, 0, time.UTC)

func (c *clock) now() time.Time          { return start.Add(time.Duration(c.past.Load())) }
func (c *clock) advance(d time.Duration) { c.past.Add(int64(d)) }
func newClocked(t testing.TB) (*peers.Microsoft, *clock) {
	m, c := peers.NewMicrosoft(t), &clock{}
	m.Now = c.now
	return m, c
}

func TestANewKeyIsFetchedWhenItIsSeen(t *testing.T) {
	m, c := newClocked(t)
	v := newValidator(t, m)
	_, err := authenticate(t, v, activity(m), m.Mint(m.Claims(emea)))
	require.NoError(t, err)

	m.Withdraw("key-0")
	m.AddKey("msteams")
	_, err = authenticate(t, v, activity(m), m.Mint(m.Claims(emea)))
	require.ErrorContains(t, err, "has no key", "keys were fetched a moment ago")
	c.advance(calm)
	_, err = authenticate(t, v, activity(m), m.Mint(m.Claims(emea)))
	require.NoError(t, err)
	_, err = authenticate(t, v, activity(m), m.Forge(m.Claims(emea), peers.Forgery{KeyID: "key-0"}))
	require.ErrorContains(t, err, "has no key", "the old one was withdrawn")
	require.Equal(t, 2, m.Asked(peers.AtKeys))
}

func TestAWithdrawnKeyIsForgottenWithinADay(t *testing.T) {
	m, c := newClocked(t)
	v := newValidator(t, m)
	old := func() error {
		_, err := authenticate(t, v, activity(m), m.Forge(m.Claims(emea), peers.Forgery{KeyID: "key-0"}))
		return err
	}
	require.NoError(t, old())
	m.AddKey("msteams")
	m.Withdraw("key-0")
	c.advance(fresh - time.Second)
	require.NoError(t, old())
	c.advance(time.Second)
	require.ErrorContains(t, old(), "has no key")
}

func TestOldKeysServeWhileTheEndpointIsDown(t *testing.T) {
	for name, at := range map[string]peers.Endpoint{"metadata": peers.AtOpenID, "keys": peers.AtKeys} {
		for what, fault := range map[string]http.HandlerFunc{
			"down":    broken,
			"no JSON": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") },
			"empty":   func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "{}") },
			"enormous": func(w http.ResponseWriter, _ *http.Request) {
				fmt.Fprintf(w, `{"keys":["%s"]}`, strings.Repeat("a", maxAnswer))
			},
			"odd types": func(w http.ResponseWriter, _ *http.Request) {
				fmt.Fprint(w, `{"issuer":1,"keys":[1,null,{"kty":"RSA","kid":"key-0"}]}`)
			},
		} {
			t.Run(name+" "+what, func(t *testing.T) {
				m, c := newClocked(t)
				v := newValidator(t, m)
				m.Break(at, fault)
				_, err := authenticate(t, v, activity(m), m.Mint(m.Claims(emea)))
				require.ErrorIs(t, err, ErrUnavailable)
				m.Break(at, nil)
				c.advance(retry)
				_, err = authenticate(t, v, activity(m), m.Mint(m.Claims(emea)))
				require.NoError(t, err)

				m.Break(at, fault)
				c.advance(2 * fresh)
				_, err = authenticate(t, v, activity(m), m.Mint(m.Claims(emea)))
				require.NoError(t, err)
			})
		}
	}
}

func TestMetadataIsWantedWholeAndShort(t *testing.T) {
	m := peers.NewMicrosoft(t)
	for _, test := range []struct {
		status, padding int
		err             error
	}{
		{http.StatusOK, 10, nil},
		{http.StatusOK, maxAnswer, ErrUnavailable},
		{http.StatusBadGateway, 10, ErrUnavailable},
	} {
		m.Break(peers.AtOpenID, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(test.status)
			fmt.Fprintf(w, `{"x":"%s","issuer":"https://api.botframework.com","jwks_uri":"%s/v1/.well-known/keys"}`, strings.Repeat("x", test.padding), m.URL)
		})
		_, err := authenticate(t, newValidator(t, m), activity(m), m.Mint(m.Claims(emea)))
		require.ErrorIs(t, err, test.err)
	}
}

func TestMadeUpKeyIDsCauseFewFetches(t *testing.T) {
	m, c := newClocked(t)
	v := newValidator(t, m)
	flood := func() {
		var all sync.WaitGroup
		for i := range 200 {
			header := m.ForgeKeyID(m.Claims(emea), fmt.Sprintf("made-up-%d", i))
			all.Go(func() {
				_, err := v.AuthenticateRequest(context.Background(), activity(m), header, nil, "")
				if err == nil {
					t.Error("a made-up key was believed")
				}
			})
		}
		all.Wait()
	}
	flood()
	require.Equal(t, 1, m.Asked(peers.AtKeys))
	c.advance(calm)
	flood()
	require.Equal(t, 2, m.Asked(peers.AtKeys))

	m.Break(peers.AtOpenID, broken)
	before := m.Asked(peers.AtOpenID)
	c.advance(calm)
	flood()
	require.Equal(t, before+1, m.Asked(peers.AtOpenID), "a failure is not tried again at once")
}

// Whoever asks first may give up; the fetch goes on for those who wait with it.
func TestAFetchIsSharedAndOutlivesItsFirstCaller(t *testing.T) {
	m, _ := newClocked(t)
	v := newValidator(t, m)
	asked, release := make(chan struct{}), make(chan struct{})
	m.Break(peers.AtOpenID, func(w http.ResponseWriter, _ *http.Request) {
		close(asked)
		<-release
		fmt.Fprintf(w, `{"issuer":"https://api.botframework.com","jwks_uri":"%s/v1/.well-known/keys"}`, m.URL)
	})
	header := m.Mint(m.Claims(emea))
	ctx, giveUp := context.WithCancel(t.Context())
	first := make(chan error)
	go func() {
		_, err := v.AuthenticateRequest(ctx, activity(m), header, nil, "")
		first <- err
	}()
	<-asked
	giveUp()
	require.ErrorIs(t, <-first, context.Canceled)
	second := make(chan error)
	go func() {
		_, err := v.AuthenticateRequest(t.Context(), activity(m), header, nil, "")
		second <- err
	}()
	close(release)
	require.NoError(t, <-second)
	require.Equal(t, 1, m.Asked(peers.AtOpenID))
}

func TestAStalledEndpointIsGivenUp(t *testing.T) {
	m, _ := newClocked(t)
	s := settings(m)
	s.Client = &http.Client{Timeout: 20 * time.Millisecond}
	v, err := NewValidator(s)
	require.NoError(t, err)
	m.Break(peers.AtKeys, peers.StallMicrosoft)
	_, err = authenticate(t, v, activity(m), m.Mint(m.Claims(emea)))
	require.ErrorIs(t, err, ErrUnavailable)
}

func TestKeysRotateUnderLoad(t *testing.T) {
	m, c := newClocked(t)
	v := newValidator(t, m)
	var all sync.WaitGroup
	for range 4 {
		header := m.Mint(m.Claims(emea))
		all.Go(func() {
			for range 50 {
				if _, err := v.AuthenticateRequest(context.Background(), activity(m), header, nil, ""); err != nil {
					t.Errorf("a key that is still published was refused: %v", err)
				}
			}
		})
	}
	for range 3 {
		m.AddKey("msteams")
		c.advance(calm)
		_, err := authenticate(t, v, activity(m), m.Mint(m.Claims(emea)))
		require.NoError(t, err)
	}
	all.Wait()
}
