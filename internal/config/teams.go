package config

import (
	"regexp"
	"strings"

	"bellwether/internal/strictyaml"
)

// Teams is one Microsoft Teams bot, of one tenant.
type Teams struct {
	AppID       string
	AppPassword Secret
	Tenant      string
	Endpoints   TeamsEndpoints
}

// TeamsEndpoints are where Microsoft's clouds have what a bot needs; empty: in the public one.
type TeamsEndpoints struct {
	Login     string // gives out tokens
	OpenID    string // says who signs what Teams sends
	Connector string // takes messages, for a team that has not said yet where
	Graph     string // knows who is in a group
}

var uuid = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// teams needs an id and a tenant: without them anybody's token would do.
func teams(v strictyaml.Value) (t *Teams) {
	v.Object(func(o *strictyaml.Object) {
		t = &Teams{
			AppID:       id(o.Need("app_id", "the bot's application id, as Entra shows it")),
			AppPassword: secret(o.Need("app_password", `the bot's secret such as "${TEAMS_APP_PASSWORD}"`)),
			Tenant:      id(o.Need("tenant", "the id of the Entra tenant whose people may use the bot")),
		}
		o.Get("endpoints").Object(func(o *strictyaml.Object) {
			t.Endpoints = TeamsEndpoints{
				Login: base(o.Get("login")), OpenID: webURL(o.Get("openid")),
				Connector: base(o.Get("connector")), Graph: base(o.Get("graph")),
			}
		})
	})
	return t
}

func id(v strictyaml.Value) string {
	text := v.Text()
	if text != "" && !uuid.MatchString(text) {
		v.Warnf("%s is no id of Entra's; it looks like 2c9f2a3e-0d47-4a54-9f0e-6f1f5a0f3c11", v.Quote())
	}
	return strings.ToLower(text)
}

// base is a URL that paths are put behind.
func base(v strictyaml.Value) string { return strings.TrimRight(webURL(v), "/") }
