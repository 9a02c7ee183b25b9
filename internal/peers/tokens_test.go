package peers

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// ask asks for a token and returns what Entra answers.
func ask(t *testing.T, m *Microsoft, tenant, app, password, scope string) (status int, body map[string]any) {
	t.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {app}, "client_secret": {password}, "scope": {scope}}
	r, err := http.PostForm(m.URL+"/"+tenant+"/oauth2/v2.0/token", form)
	require.NoError(t, err)
	defer r.Body.Close()
	require.NoError(t, json.NewDecoder(r.Body).Decode(&body))
	return r.StatusCode, body
}

func TestMicrosoftRefusesStrangers(t *testing.T) {
	m := NewMicrosoft(t)
	for _, test := range []struct{ tenant, app, password, scope, why string }{
		{"elsewhere", m.AppID, m.Password, BotScope, "AADSTS90002"},
		{m.Tenant, "another", m.Password, BotScope, "AADSTS700016"},
		{m.Tenant, m.AppID, "guessed", BotScope, "AADSTS7000215"},
		{m.Tenant, m.AppID, m.Password, "https://vault.azure.net/.default", "AADSTS70011"},
	} {
		status, body := ask(t, m, test.tenant, test.app, test.password, test.scope)
		require.GreaterOrEqual(t, status, 400)
		require.Contains(t, body["error_description"], test.why)
	}
	require.Equal(t, 4, m.Asked(AtLogin))
}

func TestMicrosoftKnowsTheTokensItGave(t *testing.T) {
	m := NewMicrosoft(t)
	_, body := ask(t, m, m.Tenant, m.AppID, m.Password, m.GraphScope())
	r, err := http.NewRequest(http.MethodPost, m.URL+"/v1.0/users/ada/checkMemberGroups", strings.NewReader(`{"groupIds":["perf","admins"]}`))
	require.NoError(t, err)
	require.False(t, m.Gave(r, m.GraphScope()), "there is no token yet")
	r.Header.Set("Authorization", "Bearer "+body["access_token"].(string))
	require.True(t, m.Gave(r, m.GraphScope()))
	require.False(t, m.Gave(r, BotScope), "it is for Graph only")

	m.Join("ada", "perf", "search")
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer answer.Body.Close()
	var in struct{ Value []string }
	require.NoError(t, json.NewDecoder(answer.Body).Decode(&in))
	require.Equal(t, []string{"perf"}, in.Value)
}

func TestMicrosoftPublishesEndorsements(t *testing.T) {
	m := NewMicrosoft(t)
	old := m.AddKey()
	newest := m.AddKey("msteams")
	m.Withdraw(old)
	r, err := http.Get(m.URL + "/v1/.well-known/keys")
	require.NoError(t, err)
	defer r.Body.Close()
	var set struct {
		Keys []struct {
			ID           string `json:"kid"`
			Kind         string `json:"kty"`
			Endorsements []string
		}
	}
	require.NoError(t, json.NewDecoder(r.Body).Decode(&set))
	require.Len(t, set.Keys, 2)
	require.Equal(t, newest, set.Keys[1].ID)
	require.Equal(t, "RSA", set.Keys[1].Kind)
	require.Equal(t, []string{"msteams"}, set.Keys[1].Endorsements)
}
