package commands

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"bellwether/bot"
)

var update = flag.Bool("update", false, "write the golden files anew")

// example is a message as testdata/messages has it for the adapters, which draw all of them.
type example struct {
	ID      string      `json:"id"`
	Message bot.Message `json:"message"`
}

// golden compares what the desk says with testdata/messages/NAME.json, where the adapters find it: messages as a list of
// example, a form as it is.
func golden(t *testing.T, name string, said any) {
	t.Helper()
	var data strings.Builder
	encoder := json.NewEncoder(&data)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	require.NoError(t, encoder.Encode(said))
	path := filepath.Join("..", "testdata", "messages", name+".json")
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(data.String()), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), data.String(), "if this is better than before: go test ./commands -update, and read the diff")
}
