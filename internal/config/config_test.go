package config

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"bellwether/internal/strictyaml"
)

var update = flag.Bool("update", false, "write the golden files anew")

func environ(name string) (string, bool) {
	value, ok := map[string]string{"EVENTS_TOKEN": "t0ken-of-events", "REDIS_PASSWORD": "hunter2", "EMPTY": ""}[name]
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
	require.True(t, c == Config{
		Redis:   "redis://:hunter2@127.0.0.1:6379/0",
		HTTP:    HTTP{Listen: "0.0.0.0:8080", PublicURL: "https://bellwether.example.com", Admin: "127.0.0.1:9090"},
		Intake:  c.Intake,
		Publish: c.Publish,
		Chat:    c.Chat,
		Catalog: "testdata/catalog",
	}, c)
	require.Equal(t, SQS{QueueURL: "https://sqs.eu-west-1.amazonaws.com/123456789012/changes", Region: "eu-west-1"}, *c.Intake.SQS)
	require.Equal(t, HTTPIntake{Token: "t0ken-of-events"}, *c.Intake.HTTP)
	require.Equal(t, EventBridge{Bus: "default", Region: "eu-west-1", Endpoint: "http://127.0.0.1:4566"}, *c.Publish.EventBridge)
	require.Equal(t, Chat{Slack: &Slack{BotToken: "xoxb-1", SigningSecret: "s1gning"}}, c.Chat)
	require.ElementsMatch(t, []string{"hunter2", "t0ken-of-events", "xoxb-1", "s1gning", ""}, revealed(c.Secrets()))
}

func TestSocketModeNeedsNoSigningSecret(t *testing.T) {
	c, problems := Load("testdata/socket-mode.yaml", environ)
	require.Empty(t, problems)
	require.Equal(t, Chat{Slack: &Slack{BotToken: "xoxb-1", AppToken: "xapp-1"}, Web: true}, c.Chat)
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
	require.Equal(t, EventBridge{Bus: "default"}, *c.Publish.EventBridge)
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
		require.True(t, c.Intake.SQS != nil || c.Intake.HTTP != nil)
		require.True(t, c.Chat.Slack != nil || c.Chat.Web)
	})
}
