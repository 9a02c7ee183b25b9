package config

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/internal/strictyaml"
)

var update = flag.Bool("update", false, "write the golden files anew")

func environ(name string) (string, bool) {
	value, ok := map[string]string{
		"EVENTS_TOKEN": "t0ken-of-events", "REDIS_PASSWORD": "hunter2", "EMPTY": "", "GIT_TOKEN": "glpat-0123456789",
		"KUBECONFIG": "/home/bellwether/.kube/config", "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI",
		"ALL_SETTINGS": "redis://:hunter2@127.0.0.1",
	}[name]
	return value, ok
}

func TestEveryMistakeIsNamed(t *testing.T) {
	files, err := filepath.Glob("testdata/wrong/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	var told strings.Builder
	for _, file := range files {
		_, problems := Load(file, environ)
		require.True(t, strictyaml.Refused(problems), file)
		require.Len(t, problems, 1, "%s must hold one mistake: %v", file, problems)
		fmt.Fprintln(&told, problems[0])
	}
	if *update {
		require.NoError(t, os.WriteFile("testdata/wrong.golden", []byte(told.String()), 0o644))
	}
	want, err := os.ReadFile("testdata/wrong.golden")
	require.NoError(t, err)
	require.Equal(t, string(want), told.String())
	require.NotContains(t, told.String(), "hunter2")
}

func TestLoad(t *testing.T) {
	c, problems := Load("testdata/good.yaml", environ)
	require.Empty(t, problems)
	require.Equal(t, Config{
		Redis:    "redis://:hunter2@127.0.0.1:6379/0",
		HTTP:     HTTP{Listen: "0.0.0.0:8080", PublicURL: "https://bellwether.example.com", Admin: "127.0.0.1:9090", OIDC: c.HTTP.OIDC},
		Intake:   c.Intake,
		Git:      c.Git,
		Publish:  c.Publish,
		Chat:     c.Chat,
		Audit:    Audit{Keep: 30 * 24 * time.Hour},
		Commands: c.Commands,
		Catalog:  "testdata/catalog",
	}, c)
	require.Equal(t, OIDC{Issuer: "https://id.example.com", ClientID: "bellwether", ClientSecret: "0idc", Groups: []string{"engineers"}, Emails: []string{"*@example.com"}}, *c.HTTP.OIDC)
	require.Equal(t, SQS{QueueURL: "https://sqs.eu-west-1.amazonaws.com/123456789012/changes", Region: "eu-west-1"}, *c.Intake.SQS)
	require.Equal(t, HTTPIntake{Token: "t0ken-of-events"}, *c.Intake.HTTP)
	require.Equal(t, EventBridge{Bus: "default", Region: "eu-west-1", Endpoint: "http://127.0.0.1:4566", Completed: true}, *c.Publish.EventBridge)
	require.Equal(t, Chat{
		Slack: &Slack{
			BotTokens: []Secret{"xoxe.xoxb-1", "xoxe.xoxb-2"}, SigningSecret: "s1gning",
			Rotation: &Rotation{ClientID: "12.34", ClientSecret: "cl1ent", RefreshTokens: []Secret{"xoxe-1", "xoxe-2"}},
		},
		Teams: &Teams{
			AppID: "2c9f2a3e-0d47-4a54-9f0e-6f1f5a0f3c11", AppPassword: "p4ss", Tenant: "7d6c1b52-91c7-4f6f-8c0e-2f5b8a3d9e10",
			Endpoints: TeamsEndpoints{Login: "https://login.microsoftonline.us"},
		},
	}, c.Chat)
	require.Equal(t, map[string]Webhook{"github": {Secrets: []Secret{"hook-new", "hook-old"}, Host: "github.com"}, "gitea": {Secrets: []Secret{"hook-gitea"}, Host: "gitea.innerscale.example:3000"}}, c.Intake.Webhooks)
	require.Equal(t, map[string]GitHost{
		"github.com":                   {Token: "ghp_0123456789", Username: "bot", URL: "https://github.com", API: "https://api.github.com"},
		"gitlab.innerscale.example:84": {Token: "glpat-0123456789", Username: "x-access-token", URL: "https://git.innerscale.example:8443", API: ""},
		"bitbucket.org":                {Username: "x-token-auth", URL: "file:///srv/git"},
	}, c.Git)
	require.Equal(t, []string{"KUBECONFIG", "AWS_SECRET_ACCESS_KEY"}, c.Commands.Environment)
	require.ElementsMatch(t, []string{
		"hunter2", "t0ken-of-events", "xoxe.xoxb-1", "xoxe.xoxb-2", "s1gning", "", "xoxe-1", "xoxe-2", "cl1ent", "p4ss", "0idc", "hook-new", "hook-old", "hook-gitea",
		"ghp_0123456789", "glpat-0123456789", "", "wJalrXUtnFEMI",
	}, revealed(c.Secrets()), "a path is no secret")
}

// settings are whole, but for what is put into them.
func settings(t *testing.T, more string) (Config, []string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "bellwether.yaml")
	require.NoError(t, os.WriteFile(file, []byte(`
redis: "redis://127.0.0.1:6379/0"
http: {listen: "127.0.0.1:8080", public_url: "https://bellwether.example.com"}
catalog: catalog
`+more), 0o644))
	c, problems := Load(file, environ)
	var told []string
	for _, p := range problems {
		told = append(told, strings.TrimPrefix(p.String(), file+":"))
	}
	return c, told
}

func TestWebhooksAloneAreAWayIn(t *testing.T) {
	c, told := settings(t, `
intake: {webhooks: {gitlab: {secret: "${EVENTS_TOKEN}"}}}
chat: {web: {enabled: true}}
`)
	require.Empty(t, told)
	require.Equal(t, map[string]Webhook{"gitlab": {Secrets: []Secret{"t0ken-of-events"}, Host: "gitlab.com"}}, c.Intake.Webhooks)
}

func TestGitLabsTokens(t *testing.T) {
	const web = "\nchat: {web: {enabled: true}}\n"
	for token, good := range map[string]bool{
		"plain": true, "whsec_YSBrZXkgb2YgdGhpcnR5LXR3byBieXRlcywgbm8=": true,
		"whsec_": false, "whsec_YSBrZXkgb2YgdGhpcnR5LXR3byBieXRlcywgbm8": false, "whsec_%": false,
	} {
		_, told := settings(t, "intake: {webhooks: {gitlab: {secret: [other, \""+token+"\"]}}}"+web)
		require.Equal(t, good, len(told) == 0, told)
		require.NotContains(t, strings.Join(told, ""), token)
		_, told = settings(t, "intake: {webhooks: {github: {secret: \""+token+"\"}}}"+web)
		require.Empty(t, told, "to others that is any secret")
	}
}

func TestCompletedRunsMayBeLeftOut(t *testing.T) {
	c, told := settings(t, `
intake: {http: {token: t0ken}}
publish: {eventbridge: {completed: false}}
chat: {web: {enabled: true}}
`)
	require.Empty(t, told)
	require.False(t, c.Publish.EventBridge.Completed)
}

func TestWarningsRefuseNothing(t *testing.T) {
	const signing = "0123456789abcdef0123456789abcdef"
	for more, want := range map[string][]string{
		`{bot_token: xapp-1, signing_secret: ` + signing + `}`: {
			"6: warning: chat.slack.bot_token: looks like the app-level token; write the bot token here",
		},
		`{bot_token: xoxp-1, signing_secret: xoxb-1}`: {
			"6: warning: chat.slack.bot_token: looks like a user's token; write the bot token here",
			"6: warning: chat.slack.signing_secret: looks like the bot token; write the signing secret here",
		},
		`{bot_token: "` + signing + `", app_token: xoxb-1}`: {
			"6: warning: chat.slack.app_token: looks like the bot token; write the app-level token here",
			"6: warning: chat.slack.bot_token: looks like the signing secret; write the bot token here",
		},
		"{bot_token: xoxb-1, app_token: xapp-1, signing_secret: " + signing + "}": nil,
		"{bot_token: other, signing_secret: other}\ncommands: {environment: [AWS_PROFILE]}": {
			`7: warning: commands.environment[0]: "AWS_PROFILE" is not set here, so commands do not get it`,
		},
		"{bot_token: other, signing_secret: other}\ngit: {git.example: {token: t0ken, api: \"http://git.example\"}}": {
			"7: warning: git.git.example.api: sends the token for everyone on the way to read; write https",
		},
		"{bot_token: other, signing_secret: other}, teams: {app_id: bellwether, app_password: p4ss, tenant: 2c9f2a3e-0d47-4a54-9f0e-6f1f5a0f3c11}": {
			`6: warning: chat.teams.app_id: "bellwether" is no id of Entra's; it looks like 2c9f2a3e-0d47-4a54-9f0e-6f1f5a0f3c11`,
		},
	} {
		_, told := settings(t, "intake: {http: {token: t0ken}}\nchat: {slack: "+braced(more))
		require.Equal(t, want, told, more)
	}
}

// braced closes the mapping of the chats at the end of its line.
func braced(more string) string {
	line, rest, _ := strings.Cut(more, "\n")
	return line + "}\n" + rest
}

func TestSocketModeNeedsNoSigningSecret(t *testing.T) {
	c, problems := Load("testdata/socket-mode.yaml", environ)
	require.Empty(t, problems)
	require.Equal(t, Chat{Slack: &Slack{BotTokens: []Secret{"xoxb-1"}, AppToken: "xapp-1"}, Web: true}, c.Chat)
	require.Equal(t, "/etc/bellwether/catalog", c.Catalog)
}

func TestRegionsMayBeLeftToAWS(t *testing.T) {
	file := filepath.Join(t.TempDir(), "bellwether.yaml")
	require.NoError(t, os.WriteFile(file, []byte(`
redis: "redis://127.0.0.1:6379/0"
http: {listen: "127.0.0.1:8080", public_url: "https://bellwether.example.com"}
intake: {sqs: {queue_url: "https://sqs.eu-west-1.amazonaws.com/123456789012/changes"}}
publish: {eventbridge: {}}
chat: {web: {enabled: true}}
catalog: catalog
`), 0o644))
	c, problems := Load(file, environ)
	require.Empty(t, problems)
	require.Equal(t, EventBridge{Bus: "default", Completed: true}, *c.Publish.EventBridge)
	require.Empty(t, c.Intake.SQS.Region)
}

func TestMistakesElsewhereLeaveTheCatalogToBeChecked(t *testing.T) {
	c, problems := Load("testdata/wrong/redis-missing.yaml", environ)
	require.True(t, strictyaml.Refused(problems))
	require.Equal(t, "testdata/wrong/catalog", c.Catalog)
}

func TestMissingFile(t *testing.T) {
	_, problems := Load("testdata/nowhere.yaml", environ)
	require.True(t, strictyaml.Refused(problems))
	require.Contains(t, problems[0].String(), "testdata/nowhere.yaml: cannot be read")
}

func revealed(secrets []Secret) (list []string) {
	for _, s := range secrets {
		list = append(list, s.Reveal())
	}
	return list
}

// FuzzConfig: whatever stands in the file, it is either whole settings or refused with a reason.
func FuzzConfig(f *testing.F) {
	for _, pattern := range []string{"testdata/*.yaml", "testdata/wrong/*.yaml"} {
		files, err := filepath.Glob(pattern)
		require.NoError(f, err)
		for _, file := range files {
			text, err := os.ReadFile(file)
			require.NoError(f, err)
			f.Add(text)
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		file := filepath.Join(t.TempDir(), "bellwether.yaml")
		require.NoError(t, os.WriteFile(file, text, 0o644))
		c, problems := Load(file, environ)
		if strictyaml.Refused(problems) {
			return
		}
		require.NotEmpty(t, c.Redis.Reveal())
		require.NotEmpty(t, c.HTTP.Listen)
		require.NotEmpty(t, c.HTTP.PublicURL)
		require.NotEmpty(t, c.Catalog)
		require.True(t, c.Intake.SQS != nil || c.Intake.HTTP != nil || len(c.Intake.Webhooks) > 0)
		require.True(t, c.Chat.Slack != nil || c.Chat.Web)
	})
}
