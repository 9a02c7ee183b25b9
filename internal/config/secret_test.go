package config

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

const canary = "canary-5f2a"

// everyPrinting shows a value in all the ways that a log line or a dump may.
func everyPrinting(t *testing.T, v any) []string {
	t.Helper()
	var out []string
	for _, verb := range "vsqxXdtbcoOUeEfFgGpT" {
		if verb == 'T' || verb == 'p' {
			continue // the type and the address
		}
		for _, flags := range []string{"", "+", "#", "-20", ".3", " ", "0"} {
			out = append(out, fmt.Sprintf("%"+flags+string(verb), v))
		}
	}
	asJSON, err := json.Marshal(map[string]any{"v": v})
	require.NoError(t, err)
	asYAML, err := yaml.Marshal(map[string]any{"v": v})
	require.NoError(t, err)
	var logs bytes.Buffer
	slog.New(slog.NewTextHandler(&logs, nil)).Info("x", "v", v, slog.Group("g", "v", v))
	slog.New(slog.NewJSONHandler(&logs, nil)).Info("x", "v", v, "list", []any{v})
	return append(out, fmt.Sprint(v), fmt.Sprintln(v), fmt.Errorf("with %v: %w", v, errors.New("x")).Error(),
		string(asJSON), string(asYAML), logs.String())
}

func TestNothingPrintsASecret(t *testing.T) {
	secret := Secret(canary)
	config := Config{
		Redis:  "redis://bot:" + canary + "@cache:6379/0?x=" + canary,
		Intake: Intake{HTTP: &HTTPIntake{Token: secret}, Webhooks: map[string]Webhook{"github": {Secrets: []Secret{secret}}}},
		Git:    map[string]GitHost{"github.com": {Token: secret}},
		Chat: Chat{
			Slack: &Slack{BotTokens: []Secret{secret}, SigningSecret: secret, AppToken: secret, Rotation: &Rotation{ClientSecret: secret, RefreshTokens: []Secret{secret}}},
			Teams: &Teams{AppPassword: secret},
		},
		HTTP:     HTTP{OIDC: &OIDC{ClientSecret: secret}},
		Commands: Commands{Secrets: []Secret{secret}},
	}
	for _, v := range []any{
		secret, &secret,
		[]Secret{secret},
		map[string]Secret{"s": secret},
		struct{ S Secret }{secret},
		config.Redis, *config.Chat.Slack, *config.Intake.HTTP, *config.Chat.Teams, *config.Chat.Slack.Rotation, *config.HTTP.OIDC, config,
	} {
		for _, shown := range everyPrinting(t, v) {
			require.NotContains(t, shown, canary)
			require.NotContains(t, strings.ToLower(shown), fmt.Sprintf("%x", canary))
			require.NotContains(t, shown, "99 97 110", "as bytes")
		}
	}
	asXML, err := xml.Marshal(config.Chat.Slack)
	require.NoError(t, err)
	require.NotContains(t, string(asXML), canary)
	require.Equal(t, canary, secret.Reveal())
}

func TestRedisURLShowsAllButThePassword(t *testing.T) {
	for url, want := range map[RedisURL]string{
		"redis://127.0.0.1:6379/0":        "redis://127.0.0.1:6379/0",
		"redis://:hunter2@cache:6379/1":   "redis://:***@cache:6379/1",
		"rediss://bot:hunter2@cache:6380": "rediss://bot:***@cache:6380",
		"rediss://bot@cache:6380":         "rediss://bot@cache:6380",
		"redis://:p%zz@cache":             "***",
	} {
		require.Equal(t, want, url.String())
		require.Equal(t, want, fmt.Sprintf("%x", url))
	}
	require.Equal(t, Secret("hunter2"), RedisURL("redis://:hunter2@cache").Password())
	require.Empty(t, RedisURL("redis://cache").Password().Reveal())
}
