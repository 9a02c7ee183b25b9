package main

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"image"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

var (
	folder = os.DirFS("../../deploy/teams")
	ours   = App{ID: "2c9f2a3e-0d47-4a54-9f0e-6f1f5a0f3c11", Host: "bellwether.example.com", Version: "1.2.3"}
)

// unpacked is the app as Teams gets it, by file name.
func unpacked(t *testing.T, a App) map[string][]byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "bin", "app.zip")
	require.NoError(t, a.write(folder, path))
	z, err := zip.OpenReader(path)
	require.NoError(t, err)
	defer z.Close()
	files := map[string][]byte{}
	for _, f := range z.File {
		r, err := f.Open()
		require.NoError(t, err)
		files[f.Name], err = io.ReadAll(r)
		require.NoError(t, err)
		require.NoError(t, r.Close())
	}
	return files
}

func manifestOf(t *testing.T, a App) Manifest {
	t.Helper()
	var m Manifest
	require.NoError(t, json.Unmarshal(unpacked(t, a)["manifest.json"], &m))
	return m
}

func TestTheAppIsFilledIn(t *testing.T) {
	files := unpacked(t, ours)
	require.Len(t, files, 3)
	require.NotContains(t, string(files["manifest.json"]), "{{")
	m := manifestOf(t, ours)
	require.Equal(t, []string{ours.ID, ours.ID, ours.ID}, []string{m.ID, m.Bots[0].ID, m.Extensions[0].Bot})
	require.Equal(t, "1.2.3", m.Release)
	require.Equal(t, "https://bellwether.example.com", m.Provider.Website)
	require.Equal(t, []string{ours.Host}, m.Domains)
	require.Equal(t, []string{ours.Host}, m.Extensions[0].Handlers[0].Value.Domains)
	require.Contains(t, m.Schema, "/v"+m.Version+"/")
	require.Equal(t, []string{"team", "personal"}, m.Bots[0].Scopes)
}

// Nothing that the schema of a version before 1.29 does not know, and nobody is asked for a permission.
func TestTheAppAsksForNothing(t *testing.T) {
	var m map[string]any
	require.NoError(t, json.Unmarshal(unpacked(t, ours)["manifest.json"], &m))
	for _, key := range []string{"permissions", "authorization", "webApplicationInfo", "devicePermissions", "supportsChannelFeatures"} {
		require.NotContains(t, m, key)
	}
	require.NotContains(t, string(unpacked(t, ours)["manifest.json"]), "argeted")
}

func TestSlashIsOptIn(t *testing.T) {
	slash := ours
	slash.Slash = true
	m, plain := manifestOf(t, slash), manifestOf(t, ours)
	require.Equal(t, "1.29", m.Version)
	require.Contains(t, m.Schema, "/v1.29/")
	require.True(t, m.Bots[0].Targeted)
	require.Len(t, m.Bots[0].Lists, 2)
	require.Equal(t, CommandList{[]string{"team"}, []string{"mention", "slash"}, plain.Bots[0].Lists[0].Commands}, m.Bots[0].Lists[0])
	require.Equal(t, CommandList{[]string{"personal"}, []string{"mention"}, plain.Bots[0].Lists[0].Commands}, m.Bots[0].Lists[1])
}

func TestTheIconsAreWhatTeamsWants(t *testing.T) {
	files := unpacked(t, ours)
	color, err := png.Decode(bytes.NewReader(files["color.png"]))
	require.NoError(t, err)
	require.Equal(t, image.Pt(192, 192), color.Bounds().Size())
	corner, _, _, alpha := color.At(0, 0).RGBA()
	require.Equal(t, []uint32{0x0b0b, 0xffff}, []uint32{corner, alpha}, "it fills its square")
	outline, err := png.Decode(bytes.NewReader(files["outline.png"]))
	require.NoError(t, err)
	require.Equal(t, image.Pt(32, 32), outline.Bounds().Size())
	drawn := 0
	for x := range 32 {
		for y := range 32 {
			r, g, b, a := outline.At(x, y).RGBA()
			if a > 0 {
				drawn++
				require.Equal(t, []uint32{a, a, a}, []uint32{r, g, b}, "white, more or less transparent, at %d, %d", x, y)
			}
		}
	}
	require.Greater(t, drawn, 50)
	require.Less(t, drawn, 32*32/2)
}

func TestWrongAppsAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*App)
		says   string
	}{
		"no id":              {func(a *App) { a.ID = "" }, "APP_ID"},
		"an id in braces":    {func(a *App) { a.ID = "{" + a.ID + "}" }, "APP_ID"},
		"a quote in the id":  {func(a *App) { a.ID = a.ID[:35] + `"` }, "APP_ID"},
		"no host":            {func(a *App) { a.Host = "" }, "HOST"},
		"a URL":              {func(a *App) { a.Host = "https://bellwether.example.com" }, "HOST"},
		"a port":             {func(a *App) { a.Host = "bellwether.example.com:8080" }, "HOST"},
		"a path":             {func(a *App) { a.Host = "example.com/bellwether" }, "HOST"},
		"everybody's":        {func(a *App) { a.Host = "*.example.com" }, "HOST"},
		"this machine":       {func(a *App) { a.Host = "localhost" }, "HOST"},
		"an address":         {func(a *App) { a.Host = "10.0.0.1" }, "HOST"},
		"a long host":        {func(a *App) { a.Host = strings.Repeat("a.", 130) + "com" }, "HOST"},
		"a version of git's": {func(a *App) { a.Version = "v1.0-3-gabc" }, "VERSION"},
		"a leading nought":   {func(a *App) { a.Version = "1.01.0" }, "VERSION"},
	} {
		t.Run(name, func(t *testing.T) {
			a := ours
			c.change(&a)
			path := filepath.Join(t.TempDir(), "app.zip")
			require.ErrorContains(t, a.write(folder, path), c.says)
			require.NoFileExists(t, path)
		})
	}
}

func TestWrongTemplatesAreRefused(t *testing.T) {
	good := map[string]string{}
	for _, name := range []string{"manifest.json", "color.png", "outline.png"} {
		data, err := os.ReadFile("../../deploy/teams/" + name)
		require.NoError(t, err)
		good[name] = string(data)
	}
	for name, c := range map[string]struct{ file, old, new, says string }{
		"a field of no schema":     {"manifest.json", `"accentColor"`, `"accentColour"`, "accentColour"},
		"a long name":              {"manifest.json", `"short": "Bellwether"`, `"short": "` + strings.Repeat("b", 31) + `"`, "the name has 31 letters"},
		"a long description":       {"manifest.json", `"short": "Load-tests`, `"short": "` + strings.Repeat("b", 81), "the description has"},
		"a long title":             {"manifest.json", `"title": "status"`, `"title": "` + strings.Repeat("s", 33) + `"`, "title has 33 letters"},
		"a command without a word": {"manifest.json", `"title": "status"`, `"title": ""`, "title has 0 letters"},
		"too many commands":        {"manifest.json", `{ "title": "status"`, `{ "title": "a", "description": "b" }, { "title": "status"`, "13 commands"},
		"a wrong icon":             {"outline.png", good["outline.png"], good["color.png"], "outline.png has 192 by 192 pixels"},
		"no icon":                  {"color.png", good["color.png"], "", "color.png"},
	} {
		t.Run(name, func(t *testing.T) {
			files := fstest.MapFS{}
			for n, data := range good {
				if n == c.file {
					require.Contains(t, data, c.old)
					data = strings.Replace(data, c.old, c.new, 1)
				}
				files[n] = &fstest.MapFile{Data: []byte(data)}
			}
			_, err := ours.manifest(files)
			require.ErrorContains(t, err, c.says)
		})
	}
}
