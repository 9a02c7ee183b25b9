package token

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/infracloudio/msbotbuilder-go/connector/auth"
	"github.com/infracloudio/msbotbuilder-go/core"
	"github.com/infracloudio/msbotbuilder-go/schema"
	"github.com/stretchr/testify/require"

	"bellwether/internal/peers"
)

const emea = "https://smba.trafficmanager.net/emea/"

func settings(m *peers.Microsoft) Settings {
	return Settings{AppID: m.AppID, Password: m.Password, Tenant: m.Tenant, Login: m.URL, OpenID: m.OpenID(), Now: m.Now}
}

func newValidator(t testing.TB, m *peers.Microsoft) *Validator {
	t.Helper()
	v, err := NewValidator(settings(m))
	require.NoError(t, err)
	return v
}

// activity is as Teams sends it.
func activity(m *peers.Microsoft) schema.Activity {
	return schema.Activity{
		ChannelID: "msteams", ServiceURL: emea, Conversation: schema.ConversationAccount{TenantID: m.Tenant},
		ChannelData: map[string]any{"tenant": map[string]any{"id": m.Tenant}},
	}
}

func authenticate(t *testing.T, v *Validator, a schema.Activity, header string) (auth.ClaimsIdentity, error) {
	t.Helper()
	return v.AuthenticateRequest(t.Context(), a, header, auth.SimpleCredentialProvider{}, "")
}

func TestGenuineTokensAreBelieved(t *testing.T) {
	m := peers.NewMicrosoft(t)
	v := newValidator(t, m)
	for name, change := range map[string]func(claims map[string]any, a *schema.Activity){
		"as they are":         func(map[string]any, *schema.Activity) {},
		"other spelling":      func(c map[string]any, _ *schema.Activity) { c["serviceUrl"] = c["serviceurl"]; delete(c, "serviceurl") },
		"no slash, capitals":  func(c map[string]any, _ *schema.Activity) { c["serviceurl"] = "HTTPS://SMBA.trafficmanager.net/emea" },
		"ended a moment ago":  func(c map[string]any, _ *schema.Activity) { c["exp"] = m.Now().Add(-4 * time.Minute).Unix() },
		"begins in a moment":  func(c map[string]any, _ *schema.Activity) { c["nbf"] = m.Now().Add(4 * time.Minute).Unix() },
		"several audiences":   func(c map[string]any, _ *schema.Activity) { c["aud"] = []string{"another", m.AppID} },
		"odd further claims":  func(c map[string]any, _ *schema.Activity) { c["roles"], c["appid"] = []any{1, nil}, 7 },
		"tenant in capitals":  func(_ map[string]any, a *schema.Activity) { a.Conversation.TenantID = strings.ToUpper(m.Tenant) },
		"only channel data":   func(_ map[string]any, a *schema.Activity) { a.Conversation.TenantID = "" },
		"only a conversation": func(_ map[string]any, a *schema.Activity) { a.ChannelData = nil },
	} {
		t.Run(name, func(t *testing.T) {
			claims, a := m.Claims(emea), activity(m)
			change(claims, &a)
			who, err := authenticate(t, v, a, m.Mint(claims))
			require.NoError(t, err)
			require.True(t, who.IsAuthenticated())
			require.Equal(t, "https://api.botframework.com", who.GetClaimValue("iss"))
			require.Empty(t, who.GetClaimValue("exp"), "it is a number")
			require.Empty(t, who.GetClaimValue("none such"))
		})
	}
}

// attacks are tokens that a stranger, a colleague with another bot, or a thief might send; each with the reason it is refused for.
func attacks(m *peers.Microsoft) map[string]struct {
	header, why string
} {
	claims := func(key string, value any) map[string]any {
		all := m.Claims(emea)
		all[key] = value
		if value == nil {
			delete(all, key)
		}
		return all
	}
	genuine := m.Mint(m.Claims(emea))
	parts := strings.Split(genuine, ".")
	return map[string]struct{ header, why string }{
		"no header":             {"", "no bearer token"},
		"no token":              {"Bearer ", "none that is signed with RS256"},
		"another scheme":        {strings.Replace(genuine, "Bearer", "Basic", 1), "no bearer token"},
		"no scheme":             {strings.TrimPrefix(genuine, "Bearer "), "no bearer token"},
		"two tokens":            {genuine + " " + genuine, "none that is signed with RS256"},
		"two parts":             {parts[0] + "." + parts[1], "none that is signed with RS256"},
		"JSON serialisation":    {`Bearer {"payload":"e30","signatures":[]}`, "none that is signed with RS256"},
		"enormous":              {genuine + strings.Repeat("A", maxHeader), "no bearer token"},
		"signature cut off":     {parts[0] + "." + parts[1] + ".", "verify"},
		"changed claims":        {parts[0] + "." + strings.Split(m.Mint(claims("aud", "x")), ".")[1] + "." + parts[2], "verify"},
		"a stranger's key":      {m.Forge(m.Claims(emea), peers.Forgery{Key: peers.StrangersKey()}), "verify"},
		"unknown kid":           {m.ForgeKeyID(m.Claims(emea), "../../etc/passwd"), "has no key"},
		"no kid":                {m.Forge(m.Claims(emea), peers.Forgery{Nameless: true}), "has no key"},
		"algorithm none":        {m.Forge(m.Claims(emea), peers.Forgery{Algorithm: "none"}), "none that is signed with RS256"},
		"HS256, public key":     {m.Forge(m.Claims(emea), peers.Forgery{Algorithm: "HS256", Key: m.PublicKey("key-0")}), "none that is signed with RS256"},
		"RS512":                 {m.Forge(m.Claims(emea), peers.Forgery{Algorithm: "RS512"}), "none that is signed with RS256"},
		"PS256":                 {m.Forge(m.Claims(emea), peers.Forgery{Algorithm: "PS256"}), "none that is signed with RS256"},
		"another issuer":        {m.Mint(claims("iss", "https://evil.example.com")), "different provider"},
		"the emulator":          {m.Mint(claims("iss", "https://sts.windows.net/"+m.Tenant+"/")), "different provider"},
		"the emulator, v2":      {m.Mint(claims("iss", "https://login.microsoftonline.com/"+m.Tenant+"/v2.0")), "different provider"},
		"no issuer":             {m.Mint(claims("iss", nil)), "different provider"},
		"issuer of wrong type":  {m.Mint(claims("iss", []int{1})), "unmarshal"},
		"another bot's":         {m.Mint(claims("aud", "99999999-0d47-4a54-9f0e-6f1f5a0f3c11")), "audience"},
		"no audience":           {m.Mint(claims("aud", nil)), "audience"},
		"audience a number":     {m.Mint(claims("aud", 1)), "unmarshal"},
		"audience nested":       {m.Mint(claims("aud", []any{[]any{m.AppID}})), "unmarshal"},
		"expired":               {m.Mint(claims("exp", m.Now().Add(-6*time.Minute).Unix())), "expired"},
		"no end":                {m.Mint(claims("exp", nil)), "never expires"},
		"end a text":            {m.Mint(claims("exp", "tomorrow")), "unmarshal"},
		"end beyond all years":  {m.Mint(claims("exp", 1e300)), ""},
		"not yet":               {m.Mint(claims("nbf", m.Now().Add(6*time.Minute).Unix())), "not valid yet"},
		"issued in the future":  {m.Mint(claims("iat", m.Now().Add(time.Hour).Unix())), "future"},
		"another service":       {m.Mint(m.Claims("https://evil.example.com/emea/")), "claim serviceurl is not"},
		"another path":          {m.Mint(m.Claims("https://smba.trafficmanager.net/amer/")), "claim serviceurl is not"},
		"no service":            {m.Mint(claims("serviceurl", nil)), "no claim serviceurl"},
		"service a number":      {m.Mint(claims("serviceurl", 7)), "claim serviceurl is not"},
		"service null":          {m.ForgeRaw(withNull(m.Claims(emea)), peers.Forgery{}), "claim serviceurl is not"},
		"service nested":        {m.Mint(claims("serviceurl", map[string]any{"url": emea})), "claim serviceurl is not"},
		"two services":          {m.Mint(claims("serviceUrl", "https://evil.example.com")), "claim serviceUrl is not"},
		"claims null":           {m.ForgeRaw([]byte("null"), peers.Forgery{}), "different provider"},
		"claims an array":       {m.ForgeRaw([]byte("[1]"), peers.Forgery{}), "unmarshal"},
		"claims no JSON":        {m.ForgeRaw([]byte("{"), peers.Forgery{}), "unmarshal"},
		"claims elsewhere":      {m.Mint(claims("_claim_names", map[string]any{"tid": "x"})), "source does not exist"},
		"claims nested deeply":  {m.ForgeRaw([]byte(strings.Repeat(`[`, 11000)), peers.Forgery{}), ""},
		"control characters":    {"Bearer \x00\n\x1b[31m", "none that is signed with RS256"},
		"not endorsed":          {m.Forge(m.Claims(emea), peers.Forgery{KeyID: "key-1"}), "may speak for"},
		"endorsed for Web Chat": {m.Forge(m.Claims(emea), peers.Forgery{KeyID: "key-2"}), "may speak for"},
		"key withdrawn":         {m.Forge(m.Claims(emea), peers.Forgery{KeyID: "key-3"}), "has no key"},
	}
}

func withNull(claims map[string]any) []byte {
	claims = maps.Clone(claims)
	claims["serviceurl"] = nil
	raw, _ := json.Marshal(claims)
	return raw
}

// attacked has, beside its good key, one without endorsements, one for Web Chat only and one that is withdrawn.
func attacked(t testing.TB) *peers.Microsoft {
	m := peers.NewMicrosoft(t)
	m.AddKey()
	m.AddKey("webchat")
	m.Withdraw(m.AddKey("msteams"))
	m.AddKey("msteams")
	return m
}

func TestForgedTokensAreRefused(t *testing.T) {
	m := attacked(t)
	v := newValidator(t, m)
	for name, attack := range attacks(m) {
		t.Run(name, func(t *testing.T) {
			who, err := authenticate(t, v, activity(m), attack.header)
			require.ErrorContains(t, err, attack.why)
			require.NotErrorIs(t, err, ErrUnavailable)
			require.Nil(t, who)
			silent(t, err, attack.header)
		})
	}
	require.LessOrEqual(t, m.Asked(peers.AtKeys), 1, "one fetch for all that are unknown")
	_, err := authenticate(t, v, activity(m), m.Mint(m.Claims(emea)))
	require.NoError(t, err, "the genuine one is still believed")
}

// silent requires that no part of a secret is in an error.
func silent(t *testing.T, err error, secret string) {
	t.Helper()
	for _, part := range strings.FieldsFunc(strings.TrimPrefix(secret, "Bearer "), func(r rune) bool { return r == '.' || r == ' ' }) {
		if len(part) > 20 {
			require.NotContains(t, fmt.Sprintf("%+v %#v", err, err), part)
		}
	}
}

func TestActivitiesThatTheTokenIsNotForAreRefused(t *testing.T) {
	m := peers.NewMicrosoft(t)
	v := newValidator(t, m)
	data := func(tenant any) map[string]any { return map[string]any{"tenant": tenant} }
	const elsewhere = "11111111-5b9e-4c41-8d31-0f2a9d1c6e11"
	for name, test := range map[string]struct {
		change func(a *schema.Activity)
		why    string
	}{
		"no channel":             {func(a *schema.Activity) { a.ChannelID = "" }, "channel"},
		"Web Chat":               {func(a *schema.Activity) { a.ChannelID = "webchat" }, "channel"},
		"endorsed, but no Teams": {func(a *schema.Activity) { a.ChannelID = "skype" }, "want msteams"},
		"another service":        {func(a *schema.Activity) { a.ServiceURL = "https://evil.example.com/" }, "serviceurl"},
		"service with a user":    {func(a *schema.Activity) { a.ServiceURL = "https://smba.trafficmanager.net@evil.example.com/emea/" }, "plain URL"},
		"no service":             {func(a *schema.Activity) { a.ServiceURL = "" }, "plain URL"},
		"service is no URL":      {func(a *schema.Activity) { a.ServiceURL = "http://[::1" }, "plain URL"},
		"another tenant":         {func(a *schema.Activity) { a.Conversation.TenantID = elsewhere }, "tenant that is not"},
		"another in the data":    {func(a *schema.Activity) { a.ChannelData = data(map[string]any{"id": elsewhere}) }, "tenant that is not"},
		"tenant of wrong type":   {func(a *schema.Activity) { a.ChannelData = data(m.Tenant) }, "tenant that is not"},
		"tenant id of no type":   {func(a *schema.Activity) { a.ChannelData = data(map[string]any{"id": nil}) }, "tenant that is not"},
		"tenant id an array":     {func(a *schema.Activity) { a.ChannelData = data(map[string]any{"id": []any{m.Tenant}}) }, "tenant that is not"},
		"tenant null":            {func(a *schema.Activity) { a.ChannelData = data(nil) }, "tenant that is not"},
		"no tenant":              {func(a *schema.Activity) { a.ChannelData, a.Conversation.TenantID = nil, "" }, "names no tenant"},
	} {
		t.Run(name, func(t *testing.T) {
			a := activity(m)
			test.change(&a)
			_, err := authenticate(t, v, a, m.Mint(m.Claims(emea)))
			require.ErrorContains(t, err, test.why)
		})
	}
}

// The library's own validator lets everybody in when there is no app id.
func TestAValidatorNeedsAnAppAndATenant(t *testing.T) {
	_, err := NewValidator(Settings{Tenant: "t"})
	require.ErrorContains(t, err, "chat.teams.app_id")
	_, err = NewValidator(Settings{AppID: "a"})
	require.ErrorContains(t, err, "chat.teams.tenant")
}

func TestTheLibraryTakesTheValidator(t *testing.T) {
	m := peers.NewMicrosoft(t)
	adapter := &core.BotFrameworkAdapter{TokenValidator: newValidator(t, m)}
	post := func(header string) error {
		body := fmt.Sprintf(`{"type":"message","channelId":"msteams","serviceUrl":%q,"channelData":{"tenant":{"id":%q}}}`, emea, m.Tenant)
		_, err := adapter.ParseRequest(t.Context(), request(body, header))
		return err
	}
	require.NoError(t, post(m.Mint(m.Claims(emea))))
	require.ErrorContains(t, post("Bearer x"), "none that is signed")
	m.Break(peers.AtOpenID, broken)
	adapter.TokenValidator = newValidator(t, m)
	require.ErrorIs(t, post(m.Mint(m.Claims(emea))), ErrUnavailable, "an adapter can tell a refusal from a failure")
}

func FuzzHeaderAndClaims(f *testing.F) {
	m := attacked(f)
	v := newValidator(f, m)
	for _, attack := range attacks(m) {
		f.Add(attack.header, []byte(`{"iss":"https://api.botframework.com"}`))
	}
	good, _ := json.Marshal(m.Claims(emea))
	for _, was := range []string{`"iss":`, `"aud":`, `"exp":`, `"nbf":`, `"serviceurl":`} {
		for _, value := range []string{"null", "[]", "{}", "1e999", `"\u0000"`, "[[1]]"} {
			f.Add("", []byte(strings.Replace(string(good), was, was+value+`,"x":`, 1)))
		}
	}
	f.Fuzz(func(t *testing.T, header string, claims []byte) {
		_, err := authenticate(t, v, activity(m), header)
		require.Error(t, err, "nobody can guess a signature")
		a := activity(m)
		a.ServiceURL = "https://elsewhere.example.com"
		who, err := authenticate(t, v, a, m.ForgeRaw(claims, peers.Forgery{}))
		if err == nil {
			said := who.GetClaimValue("serviceurl") + who.GetClaimValue("serviceUrl")
			require.Contains(t, strings.ToLower(said), "elsewhere", "a token for another service was believed")
		}
	})
}
