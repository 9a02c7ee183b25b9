package web

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/bot"
)

// shared are the messages and forms that every platform draws: what bot and commands say in their own tests.
const shared = "../../../testdata/messages/"

// beside are those that stand as goldens beside the other platforms'.
var beside = []string{
	"waiting", "waiting-behind", "testing", "passed", "improved", "suspect", "regressed", "failed-deploy", "plan-refused", "invalid",
	"superseded", "cancelled", "passed-first", "acknowledged", "plan-approval", "stack-regressed",
	"help", "status", "open", "denial", "error", "compare",
}

// drawn is what a file of messages looks like on the page.
func drawn(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	if strings.HasPrefix(filepath.Base(path), "form-") {
		var form bot.Form
		require.NoError(t, json.Unmarshal(raw, &form))
		html, err := render("form", formView{form})
		require.NoError(t, err)
		return html
	}
	var said []struct {
		ID      string
		Message bot.Message
	}
	require.NoError(t, json.Unmarshal(raw, &said))
	require.NotEmpty(t, said)
	var parts []string
	for i, one := range said {
		p := post{number: i + 1, author: botName, message: one.Message, at: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)}
		html, err := render("message", viewOf(p))
		require.NoError(t, err, one.ID)
		parts = append(parts, "<!-- "+one.ID+" -->\n"+html)
	}
	return strings.Join(parts, "\n\n")
}

func TestEveryMessageIsDrawn(t *testing.T) {
	all, err := filepath.Glob(shared + "*.json")
	require.NoError(t, err)
	require.Greater(t, len(all), 70)
	for _, path := range all {
		require.NotContains(t, drawn(t, path), "<no value>", path)
	}
}

func TestMessagesBesideOtherPlatforms(t *testing.T) {
	for _, name := range append(beside, "form-ack", "form-rerun", "form-compare") {
		t.Run(name, func(t *testing.T) {
			golden(t, filepath.Join("messages", name+".html"), drawn(t, shared+name+".json"))
		})
	}
}
