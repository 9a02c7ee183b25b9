package demo

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"text/template"
)

// registry holds the shop's images, by name: nothing is ever pulled from it.
const registry = "registry.innerscale.example"

// Params are what the demo's configuration and catalog depend on.
type Params struct {
	Executable string // bellwether itself: the catalog calls it to deploy and to apply
	ShopURL    string
	ControlURL string // of the shop
	RedisURL   string
	Listen     string // host:port
	Token      string // of POST /events
}

//go:embed templates
var templates embed.FS

// Files writes bellwether.yaml and the catalog beside it into dir, which must exist, and returns the path of the former.
func Files(dir string, p Params) (string, error) {
	root, err := fs.Sub(templates, "templates")
	if err != nil {
		return "", err
	}
	err = fs.WalkDir(root, ".", func(path string, entry fs.DirEntry, err error) error {
		target := filepath.Join(dir, filepath.FromSlash(path))
		switch {
		case err != nil:
			return err
		case entry.IsDir():
			return os.MkdirAll(target, 0o700)
		}
		return fill(root, path, target, p)
	})
	if err != nil {
		return "", fmt.Errorf("write the demo's files: %w", err)
	}
	return filepath.Join(dir, "bellwether.yaml"), nil
}

// fill writes one template. It is marked with << >>, for {{ }} are the catalog's own. The settings hold the token, so
// nobody else may read them.
func fill(root fs.FS, path, target string, p Params) error {
	text, err := fs.ReadFile(root, path)
	if err != nil {
		return err
	}
	t, err := template.New(path).Delims("<<", ">>").Funcs(template.FuncMap{"quote": quote}).Parse(string(text))
	if err != nil {
		return err
	}
	var filled bytes.Buffer
	if err := t.Execute(&filled, p); err != nil {
		return err
	}
	return os.WriteFile(target, filled.Bytes(), 0o600)
}

// quote is text as a double-quoted scalar: JSON strings are YAML too.
func quote(text string) (string, error) {
	quoted, err := json.Marshal(text)
	return string(quoted), err
}
