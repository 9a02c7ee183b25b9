package teams

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"

	"bellwether/internal/peers"
)

func TestHostileActivities(t *testing.T) {
	s := newSite(t)
	other := map[string]any{"id": "00000000-dead-beef-0000-000000000000"}
	for name, test := range map[string]struct {
		change map[string]any
		codes  []int
	}{
		"other tenant":              {map[string]any{"channelData": map[string]any{"tenant": other}}, []int{401, 403}},
		"other tenant, chat":        {map[string]any{"conversation": map[string]any{"id": "a:1", "tenantId": other["id"]}}, []int{401, 403}},
		"no tenant":                 {map[string]any{"channelData": nil, "conversation": map[string]any{"id": "a:1"}}, []int{401, 403}},
		"web chat":                  {map[string]any{"channelId": "webchat"}, []int{401, 403}},
		"no id":                     {map[string]any{"id": ""}, []int{400}},
		"no conversation":           {map[string]any{"conversation": nil}, []int{400}},
		"no speaker":                {map[string]any{"from": nil}, []int{400}},
		"value that is no object":   {map[string]any{"value": []any{1}}, []int{400}},
		"serviceUrl elsewhere":      {map[string]any{"serviceUrl": "https://evil.example/"}, []int{403}},
		"serviceUrl next door":      {map[string]any{"serviceUrl": "https://smba.trafficmanager.net.evil.example/"}, []int{403}},
		"serviceUrl into our own":   {map[string]any{"serviceUrl": "http://169.254.169.254/latest"}, []int{403}},
		"serviceUrl on this host":   {map[string]any{"serviceUrl": "http://127.0.0.1:1/"}, []int{403}},
		"serviceUrl without TLS":    {map[string]any{"serviceUrl": "http://smba.trafficmanager.net/teams/"}, []int{403}},
		"another kind of chat":      {map[string]any{"serviceUrl": "https://directline.botframework.com/"}, []int{403}},
		"another's traffic manager": {map[string]any{"serviceUrl": "https://evil.trafficmanager.net/"}, []int{403}},
	} {
		d := answering("x", false)
		a := s.mention("status")
		for k, v := range test.change {
			a[k] = v
		}
		require.Contains(t, test.codes, s.send(d, a).Code, name)
		strict := s.adapter.TokenValidator
		s.adapter.TokenValidator = believing{} // what a validator lets through is looked at again
		require.Equal(t, test.codes[len(test.codes)-1], s.send(d, a).Code, name)
		s.adapter.TokenValidator = strict
		require.Empty(t, d.said, name)
	}
	require.Empty(t, s.stored.teams, "nothing of it is remembered")
	require.Empty(t, s.teams.Calls(), "and nobody called")
}

func TestTokensOfOthers(t *testing.T) {
	s, d := newSite(t), answering("x", false)
	body, m := s.body(s.mention("status")), s.microsoft
	claims := func(changes map[string]any) map[string]any {
		c := m.Claims(s.teams.URL())
		for k, v := range changes {
			c[k] = v
		}
		return c
	}
	for name, authorization := range map[string]string{
		"none":          "",
		"no bearer":     "Basic YTpi",
		"not signed":    "Bearer a.b.c",
		"other app":     m.Mint(claims(map[string]any{"aud": "other"})),
		"other issuer":  m.Mint(claims(map[string]any{"iss": "https://evil.example"})),
		"other service": m.Mint(claims(map[string]any{"serviceurl": "https://smba.trafficmanager.net/"})),
		"expired":       m.Mint(claims(map[string]any{"exp": time.Now().Add(-time.Hour).Unix()})),
		"odd claims":    m.Mint(claims(map[string]any{"serviceurl": 7, "aud": map[string]any{"a": 1}})),
		"other key":     m.Forge(claims(nil), peers.Forgery{Key: peers.StrangersKey()}),
		"alg none":      m.Forge(claims(nil), peers.Forgery{Algorithm: jose.SignatureAlgorithm("none")}),
	} {
		w := s.sendRaw(d, body, authorization)
		require.Equal(t, http.StatusUnauthorized, w.Code, name)
		require.NotContains(t, w.Body.String(), "eyJ", name)
	}
	require.Empty(t, d.said)
	require.Equal(t, http.StatusOK, s.sendRaw(d, body, m.Mint(claims(nil))).Code, "and the genuine one gets in")
	require.Len(t, d.said, 1)
}

func TestKeysOutOfReach(t *testing.T) {
	s := newSite(t)
	s.microsoft.Break(peers.AtKeys, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	w := s.send(answering("x", false), s.mention("status"))
	require.Equal(t, http.StatusServiceUnavailable, w.Code, "so that teams delivers it again")
}

func TestHostileBodies(t *testing.T) {
	s := newSite(t)
	good := s.microsoft.Mint(s.microsoft.Claims(""))
	nested := strings.Repeat("[", 100_000)
	for body, code := range map[string]int{
		strings.Repeat(" ", bodyLimit+1): http.StatusRequestEntityTooLarge,
		"":                               http.StatusBadRequest,
		"{":                              http.StatusBadRequest,
		"[]":                             http.StatusBadRequest,
		nested:                           http.StatusBadRequest,
		`{"value":{"a":` + nested:        http.StatusBadRequest,
		`{"entities":"x"}`:               http.StatusBadRequest,
		`{"timestamp":"yesterday"}`:      http.StatusBadRequest,
		"null":                           http.StatusUnauthorized,
		`{"a":` + strings.Repeat(`{"a":`, 9000) + `1` + strings.Repeat("}", 9001): http.StatusUnauthorized,
	} {
		require.Equal(t, code, s.sendRaw(answering("x", false), body, good).Code, "%.40s", body)
	}
	w := httptest.NewRecorder()
	s.Handler(answering("x", true)).ServeHTTP(w, httptest.NewRequest("GET", "/teams/messages", nil))
	require.Equal(t, http.StatusMethodNotAllowed, w.Code)
}

// Whatever Teams may send, nothing panics, and it is answered.
func FuzzActivity(f *testing.F) {
	f.Add(`{"type":"message","text":"<at>B</at> status","entities":[{"type":"mention","text":"<at>B</at>","mentioned":{"id":"28:b"}}],"recipient":{"id":"28:b"}}`)
	f.Add(`{"type":"invoke","name":"adaptiveCard/action","value":{"action":{"data":{"verb":"submit","command":"ack R42","because":"x","several":["a"]}}}}`)
	f.Add(`{"type":"invoke","name":"composeExtension/queryLink","value":{"url":7}}`)
	f.Add(`{"type":"message","value":{"verb":"command","command":"rerun","form":true,"several":7}}`)
	f.Add(`{"type":"conversationUpdate","membersRemoved":[{}],"localTimezone":"../../etc/passwd"}`)
	f.Fuzz(func(t *testing.T, body string) {
		c := newQuietSite(t)
		a := map[string]any{}
		if json.Unmarshal([]byte(body), &a) != nil || a == nil {
			a = map[string]any{"text": body}
		}
		for k, v := range map[string]any{
			"channelId": "msteams", "id": "1", "serviceUrl": c.ServiceURL, "conversation": map[string]any{"id": "a:1", "conversationType": "personal"},
			"from": map[string]any{"id": "29:1"}, "channelData": map[string]any{"tenant": map[string]any{"id": c.Tenant}},
		} {
			a[k] = v
		}
		raw, err := json.Marshal(a)
		require.NoError(t, err)
		r := httptest.NewRequest("POST", "/teams/messages", strings.NewReader(string(raw)))
		r.Header.Set("Authorization", "Bearer any")
		w := httptest.NewRecorder()
		c.Handler(answering("x", false)).ServeHTTP(w, r)
		c.Wait()
		require.Contains(t, []int{200, 400, 501}, w.Code)
	})
}
