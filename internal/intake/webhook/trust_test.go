package webhook

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Who can sign for a host of one kind must not speak for another.
func TestAHostTellsOfItsOwnRepositoriesOnly(t *testing.T) {
	const github = "https://github.com/innerscale/shop"
	for host, d := range map[string]delivery{
		"gitlab":            recorded(t, "gitlab/push").with(t, "https://gitlab.innerscale.example/shop/checkout", github),
		"gitlab, merged":    recorded(t, "gitlab/merge").with(t, "https://gitlab.innerscale.example/shop/checkout", github),
		"gitea":             recorded(t, "gitea/push").with(t, "https://gitea.innerscale.example/innerscale/checkout", github),
		"bitbucket":         recorded(t, "bitbucket/push").with(t, "https://bitbucket.org/innerscale/checkout", github),
		"a user":            recorded(t, "github/push").with(t, `"html_url": "`+github, `"html_url": "https://github.com@gitlab.innerscale.example/shop/checkout`),
		"a host like ours":  recorded(t, "github/push").with(t, `"html_url": "https://github.com/`, `"html_url": "https://github.com.evil.example/`),
		"Data Center":       recorded(t, "bitbucket/server-refs-changed"),
		"its other address": recorded(t, "bitbucket/server-refs-changed").with(t, "https://bitbucket.innerscale.example/scm/", "https://bitbucket.org/scm/"),
	} {
		t.Run(host, func(t *testing.T) {
			w := newWorld(t)
			status, said := w.post(t, d)
			if host == "its other address" {
				require.Equal(t, http.StatusOK, status, "which no repository here has")
			} else {
				require.Equal(t, http.StatusForbidden, status)
				require.Contains(t, said.Error, "intake.webhooks."+d.host+".host says whose")
			}
			require.Empty(t, w.submitted)
			require.Empty(t, w.refused)
		})
	}
}

// The API is asked about the repository that the catalog has, whatever else the webhook calls it.
func TestTheAPIIsAskedAboutThatRepository(t *testing.T) {
	for name, c := range map[string]struct{ example, called, instead, path string }{
		"GitHub":               {"github/push", `"full_name": "innerscale/shop"`, `"full_name": "../user"`, "/repos/innerscale/shop/"},
		"Gitea":                {"gitea/push", `"full_name": "innerscale/checkout"`, `"full_name": "../user"`, "/repos/innerscale/checkout/"},
		"GitLab":               {"gitlab/push", `"project_id": 15`, `"project_id": 16`, "/projects/shop/checkout/"},
		"Bitbucket":            {"bitbucket/push", `"full_name": "innerscale/checkout"`, `"full_name": "../user"`, "/repositories/innerscale/checkout/"},
		"Data Center":          {"bitbucket/server-refs-changed", `"slug": "checkout"`, `"slug": "checkout"`, "/projects/SHOP/repos/checkout/"},
		"Data Center, by SSH":  {"bitbucket/server-refs-changed", "/scm/shop/checkout.git", "/scm/shop/other.git", ""},
		"Data Center, by slug": {"bitbucket/server-refs-changed", `"slug": "checkout"`, `"slug": "../x"`, ""},
		"Data Center, both":    {"bitbucket/server-pull-merged", `"slug": "checkout"`, `"slug": "../x"`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			api, asked := host(t, nil)
			d := recorded(t, c.example)
			w.known(d.host, Host{API: api})
			if strings.HasPrefix(name, "Data Center") {
				w.known(d.host, Host{Name: dataCenter})
			}
			status, _ := w.post(t, d.with(t, c.called, c.instead))
			require.Equal(t, http.StatusAccepted, status)
			if c.path == "" {
				require.Empty(t, *asked)
				return
			}
			require.Len(t, *asked, 1)
			require.True(t, strings.HasPrefix((*asked)[0], c.path), *asked)
		})
	}
}
