package app

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"bellwether/internal/intake"
	"bellwether/pipeline"
)

// looksAfter is a catalog whose environment has a team of its own, in the channel infra, and these settings more.
func (s *site) looksAfter(t *testing.T, environment string, more ...string) {
	t.Helper()
	text := fmt.Sprintf(catalogText, "{web: team-checkout}", "{web: platform}", s.shop.URL)
	s.write(t, "catalog.yaml", strings.NewReplacer(append(more,
		"teams:\n", "teams:\n  infra: {zone: UTC, chat: {web: infra}}\n",
		"load: {url: ", "load: {team: infra, "+environment+"url: ",
	)...).Replace(text))
}

// note is a message of the chat page.
type note struct {
	Channel string
	Thread  string // id of its root; empty for a root
	ID      string
	Text    string
	Actions []string
}

// notes of a channel and its threads, oldest first.
func (s *site) notes(t *testing.T, channel string) (some []note) {
	t.Helper()
	var all struct{ Messages []note }
	require.NoError(t, json.Unmarshal([]byte(s.ask(t, http.MethodGet, "/chat/transcript.json", "")), &all))
	for _, n := range all.Messages {
		if n.Channel == channel {
			some = append(some, n)
		}
	}
	return some
}

// wreckable breaks the environment with a broken version: nothing can be deployed any more until somebody mends it.
const wreckable = `#!/bin/sh
case $1 in *-broken) touch wrecked ;; esac
if test -e wrecked; then echo "no space left on device"; exit 3; fi
printf %s "$1" >deployed.new
mv deployed.new deployed
`

// A deploy that fails, and whose restore fails too, leaves its environment on hold until those who look after it release it.
func TestAnUnwellEnvironmentIsOnHold(t *testing.T) {
	t.Parallel()
	s := newWebSite(t)
	s.looksAfter(t, "")
	s.write(t, "deploy.sh", wreckable)
	s.serve(t)
	s.test(t, "1.0.0")
	broken := s.test(t, "1.1.0-broken")
	require.Equal(t, pipeline.Failed, broken.Verdict)
	require.Contains(t, broken.Headline, "the deploy failed: exit status 3")
	s.read(t, "load is not well and on hold")
	waits := s.submit(t, "1.2.0")
	s.read(t, "checkout 1.2.0: the load test waits, because load is on hold")

	s.quiet(t)
	hold := s.notes(t, "infra")
	require.Len(t, hold, 1)
	require.Contains(t, hold[0].Text, "checkout could not be set back to 1.0.0: exit status 3")
	require.Contains(t, hold[0].Actions, "Release")
	root := s.root(t, broken)
	require.Contains(t, root.Text, "restoring 1.0.0 failed too: exit status 3")
	require.Contains(t, root.Text, "on hold until somebody releases it")
	board, err := s.memory(t).Board(t.Context(), "load")
	require.NoError(t, err)
	require.Nil(t, board.Held)

	require.NoError(t, os.Remove(filepath.Join(s.dir, "wrecked")))
	s.types(t, "infra", "release load")
	require.NotEqual(t, pipeline.Failed, s.ended(t, waits).Verdict)
	require.Equal(t, "1.2.0", s.deployed(t))
	s.quiet(t)
	hold = s.notes(t, "infra")
	require.Contains(t, hold[0].Text, "load was on hold, and is released")
}

// root of a run's thread in its team's channel.
func (s *site) root(t *testing.T, run intake.RunStatus) note {
	t.Helper()
	var roots []note
	for _, n := range s.notes(t, "team-checkout") {
		if n.Thread == "" && strings.HasPrefix(n.Text, run.Subject) {
			roots = append(roots, n)
		}
	}
	require.Len(t, roots, 1, run.Subject)
	return roots[0]
}
