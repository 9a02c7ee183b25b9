package app

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"bellwether/commands"
)

// offered are the commands that Teams lists, which takes twelve. The others are buttons, or in help.
var offered = []string{"help", "status", "open", "history", "rerun", "full", "cancel", "ack", "accept", "triage", "hold", "release"}

// What Teams offers whoever mentions the bot is what help says, in its order.
func TestTeamsManifestListsCommands(t *testing.T) {
	text, err := os.ReadFile("../../deploy/teams/manifest.json")
	require.NoError(t, err)
	type command struct{ Title, Description string }
	var manifest struct {
		Bots []struct {
			Scopes       []string
			CommandLists []struct {
				Scopes   []string
				Commands []command
			}
		}
	}
	require.NoError(t, json.Unmarshal(text, &manifest))
	var want []command
	for _, one := range new(commands.Desk).Usage() {
		verb, _, _ := strings.Cut(one.Usage, " ")
		if slices.Contains(offered, verb) {
			want = append(want, command{verb, described(one)})
		}
	}
	list := manifest.Bots[0].CommandLists[0]
	require.Len(t, want, len(offered))
	require.Equal(t, want, list.Commands)
	require.Equal(t, manifest.Bots[0].Scopes, list.Scopes)
}

// described is the usage with its help, or the help alone where that is too much for the 128 letters that Teams shows.
func described(one commands.Usage) string {
	if both := one.Usage + ": " + one.Help; utf8.RuneCountInString(both) <= 128 {
		return both
	}
	return one.Help
}
