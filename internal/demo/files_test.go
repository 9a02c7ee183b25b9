package demo

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

func written(t *testing.T, path string) (content map[string]any) {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(text, &content), string(text))
	return content
}

func TestFilesHoldWhatTheDemoWasStartedWith(t *testing.T) {
	dir := t.TempDir()
	path, err := Files(dir, Params{
		Executable: `/home/J. "Jo" Doe/bin/bellwether`, ShopURL: "http://127.0.0.1:1001", ControlURL: "http://127.0.0.1:1002",
		RedisURL: "redis://127.0.0.1:1003", Listen: "127.0.0.1:1004", Token: "s3cret",
	})
	require.NoError(t, err)
	require.Equal(t, filepath.Join(dir, "bellwether.yaml"), path)
	require.Equal(t, map[string]any{
		"redis":   "redis://127.0.0.1:1003",
		"http":    map[string]any{"listen": "127.0.0.1:1004", "public_url": "http://127.0.0.1:1004"},
		"intake":  map[string]any{"http": map[string]any{"token": "s3cret"}},
		"chat":    map[string]any{"web": map[string]any{"enabled": true}},
		"catalog": "catalog",
	}, written(t, path))

	things := written(t, filepath.Join(dir, "catalog", "things.yaml"))
	require.Equal(t, map[string]any{"load": map[string]any{"url": "http://127.0.0.1:1001"}}, things["environments"])
	for _, service := range []string{"search", "checkout", "billing"} {
		require.Equal(t, map[string]any{"command": map[string]any{"timeout": "1m", "run": []any{
			`/home/J. "Jo" Doe/bin/bellwether`, "shop", "deploy", "--control=http://127.0.0.1:1002",
			"--service={{.Service}}", "--image={{.Image}}",
		}}}, things["services"].(map[string]any)[service].(map[string]any)["deploy"], service)
	}
	require.Equal(t, map[string]any{"command": map[string]any{"timeout": "1m", "run": []any{
		`/home/J. "Jo" Doe/bin/bellwether`, "shop", "apply", "--control=http://127.0.0.1:1002", "--release={{.Version}}",
	}}}, things["stacks"].(map[string]any)["orders-db"].(map[string]any)["apply"])
}

func TestOnlyTheOwnerMayReadTheToken(t *testing.T) {
	path, err := Files(t.TempDir(), Params{Token: "s3cret"})
	require.NoError(t, err)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
}

func TestEveryScenarioSendsWhatTheShopAnswers(t *testing.T) {
	dir := t.TempDir()
	_, err := Files(dir, Params{})
	require.NoError(t, err)
	var catalog struct {
		Scenarios map[string]struct {
			Load    struct{ Rate, Duration, Warmup string }
			Targets []struct{ Path string }
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, "catalog", "scenarios.yaml"))
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(text, &catalog))
	require.Len(t, catalog.Scenarios, 3)

	shop := newShop(t)
	for service := range releases {
		mustDeploy(t, shop, service, "1.0.0")
	}
	for name, scenario := range catalog.Scenarios {
		require.Equal(t, "4s/1s", scenario.Load.Duration+"/"+scenario.Load.Warmup, "%s: 3 s must be left to judge", name)
		for _, target := range scenario.Targets {
			require.Equal(t, "1.0.0", mustAsk(t, shop, target.Path), "%s %s", name, target.Path)
		}
	}
}

func TestFilesNeedTheirFolder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err := Files(file, Params{})
	require.ErrorContains(t, err, "write the demo's files")
}
