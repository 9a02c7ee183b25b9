// Command teamsapp fills deploy/teams/manifest.json in for one Bellwether and zips it with its icons, for "make teams-app" and
// whoever uploads the app to Teams.
package main

import (
	"archive/zip"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

func main() {
	var app App
	flag.StringVar(&app.ID, "app-id", "", "the Entra app's id, a GUID")
	flag.StringVar(&app.Host, "host", "", "the host of http.public_url")
	flag.StringVar(&app.Version, "version", "1.0.0", "of the app; higher each time it is uploaded")
	flag.BoolVar(&app.Slash, "slash", false, "offer the commands behind / as well; Teams has that in a preview")
	from := flag.String("from", "deploy/teams", "the folder of manifest.json and the icons")
	to := flag.String("out", "bin/bellwether-teams.zip", "the file to write")
	flag.Parse()
	if err := app.write(os.DirFS(*from), *to); err != nil {
		fmt.Fprintf(os.Stderr, "teamsapp: %v\n", err)
		os.Exit(1)
	}
	fmt.Printf("%s is version %s of the app: upload it in the Teams admin center, see deploy/teams/README.md\n", *to, app.Version)
}

// write the app to a file, making its folder. When that fails there is no file.
func (a App) write(folder fs.FS, to string) error {
	m, err := a.manifest(folder)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return fmt.Errorf("make the folder of the app: %w", err)
	}
	file, err := os.Create(to)
	if err != nil {
		return fmt.Errorf("make the file of the app: %w", err)
	}
	if err := errors.Join(pack(file, m, folder), file.Close()); err != nil {
		return fmt.Errorf("write the app: %w", errors.Join(err, os.Remove(to)))
	}
	return nil
}

// pack zips a manifest and its icons, which Teams wants beside each other, not in a folder.
func pack(w io.Writer, m Manifest, folder fs.FS) error {
	manifest, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	z := zip.NewWriter(w)
	if err := add(z, "manifest.json", manifest); err != nil {
		return err
	}
	for _, name := range []string{m.Icons.Color, m.Icons.Outline} {
		icon, err := fs.ReadFile(folder, name)
		if err == nil {
			err = add(z, name, icon)
		}
		if err != nil {
			return err
		}
	}
	return z.Close()
}

// epoch is the first day that a zip file can name: the same app makes the same file.
var epoch = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

func add(z *zip.Writer, name string, data []byte) error {
	f, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: epoch})
	if err == nil {
		_, err = f.Write(data)
	}
	return err
}
