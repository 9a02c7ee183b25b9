// Package sample has messages for the tests of what draws them: all that the bot says, and what somebody hostile could make
// it say.
package sample

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"bellwether/bot"
)

// Kinds are the messages that every platform keeps goldens of, so that they can be compared side by side.
var Kinds = []string{
	"waiting", "waiting-behind", "testing", "passed", "improved", "suspect", "regressed", "failed-deploy", "plan-refused", "invalid",
	"superseded", "cancelled", "passed-first", "acknowledged", "plan-approval", "stack-regressed", "together",
	"known-still", "recovered", "worse-rearmed", "resolved", "accepted", "invalid-run", "triaged-environment", "reminder",
	"help", "status", "open", "denial", "error", "compare", "history",
}

// Forms are all that the bot asks for.
var Forms = []string{"form-ack", "form-rerun", "form-compare"}

// Links are the URLs of the threads of a channel, by run. Some runs have none.
var Links = map[string]string{
	"R22": "https://chat.example.com/threads/22", "R36": "https://chat.example.com/threads/36", "R37": "https://chat.example.com/threads/37",
	"R40": "https://chat.example.com/threads/40", "R41": "https://chat.example.com/threads/41", "R43": "https://chat.example.com/threads/43",
}

// More is where all of a message can be read.
const More = "https://bellwether.example.com/runs/R42"

// Spoken is a message and its intent.
type Spoken struct {
	ID      string      `json:"id"`
	Message bot.Message `json:"message"`
}

// folder has the messages, as the tests of bot and commands write them.
func folder() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..", "..", "testdata", "messages")
}

// Messages are all that the bot says, by kind.
func Messages(t testing.TB) map[string][]Spoken {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(folder(), "*.json"))
	require.NoError(t, err)
	all := map[string][]Spoken{}
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".json")
		if !strings.HasPrefix(name, "form-") {
			all[name] = read[[]Spoken](t, name)
		}
	}
	return all
}

// Form is one of Forms.
func Form(t testing.TB, name string) bot.Form {
	t.Helper()
	return read[bot.Form](t, name)
}

func read[T any](t testing.TB, name string) (v T) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(folder(), name+".json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(raw, &v), name)
	return v
}

// Golden compares what was drawn with testdata/NAME.json, or writes it there.
func Golden(t testing.TB, update bool, name string, drawn any) {
	t.Helper()
	var got strings.Builder
	e := json.NewEncoder(&got)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	require.NoError(t, e.Encode(drawn))
	path := filepath.Join("testdata", name+".json")
	if update {
		require.NoError(t, os.WriteFile(path, []byte(got.String()), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), got.String(), "if this is better than before: go test -update, and read the diff")
}
