package app

import (
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"bellwether/commands"
)

// What Slack shows beside /loadtest is all that may be said, in as many letters as it takes.
// https://docs.slack.dev/reference/app-manifest#features
func TestSlackManifestHintsAtEveryCommand(t *testing.T) {
	text, err := os.ReadFile("../../deploy/slack/manifest.yaml")
	require.NoError(t, err)
	var manifest struct {
		Features struct {
			Commands []struct {
				Hint string `yaml:"usage_hint"`
			} `yaml:"slash_commands"`
		}
	}
	require.NoError(t, yaml.Unmarshal(text, &manifest))
	hint := manifest.Features.Commands[0].Hint
	require.LessOrEqual(t, utf8.RuneCountInString(hint), 1000)
	for _, one := range new(commands.Desk).Usage() {
		require.Contains(t, hint, strings.ReplaceAll(one.Usage, " | ", "|"))
	}
}
