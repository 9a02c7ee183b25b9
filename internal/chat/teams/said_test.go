package teams

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"bellwether/bot"
	"bellwether/internal/peers"
)

// Everything that the bot can say is within what Teams takes, as package card draws it and this one sends it.
func TestEverythingCanBeSaid(t *testing.T) {
	files, err := filepath.Glob("../../../testdata/messages/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	teams := peers.NewFlakyTeams(peers.TeamsChannel)
	defer teams.Close()
	for _, file := range files {
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		var said []struct{ Message bot.Message }
		if json.Unmarshal(raw, &said) != nil {
			continue // a form
		}
		synctest.Test(t, func(t *testing.T) { // where keeping to the pace takes no time
			c := newQuietSite(t)
			c.Tokens.(*tokens).next = []string{peers.TeamsToken}
			c.client.HTTP.Transport = inProcess{teams}
			for _, s := range said {
				o := root(checkout)
				o.Message = s.Message
				_, err := c.Post(t.Context(), o)
				require.NoError(t, err, file)
			}
		})
	}
}
