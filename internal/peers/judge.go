package peers

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// Judge lets a script of testdata/lint, which asks somebody else's software, read the samples as JSON and returns what it
// finds wrong with them; nothing is the best verdict. The needed modules are from npm.
func Judge(t testing.TB, script string, samples any, needed ...string) string {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		missing(t, script, "there is no node")
	}
	for _, module := range needed {
		installed(t, script, filepath.Join(folder(), "node_modules", filepath.FromSlash(module)))
	}
	raw, err := json.Marshal(samples)
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), node, filepath.Join(folder(), "..", "lint", script))
	cmd.Stdin = bytes.NewReader(raw)
	said, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s could not judge: %s", script, said)
	return string(said)
}
