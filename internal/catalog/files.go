package catalog

import (
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"bellwether/internal/strictyaml"
)

// largest file that is read, in bytes; catalog files have a lower limit of their own.
const largest = 32 << 20

// files remembers what one load has read, or tried to read, to see later whether a load would read something else.
type files struct {
	contents map[string]digest
	lists    map[string]digest
}

type digest [sha256.Size]byte

func newFiles() *files { return &files{map[string]digest{}, map[string]digest{}} }

// content of a file.
func (f *files) content(path string) ([]byte, error) {
	text, err := contentOf(path)
	f.contents[path] = sum(text, err)
	return text, err
}

// list names the catalog files at path: the file itself, or those in the folder.
func (f *files) list(path string) ([]string, error) {
	names, err := listOf(path)
	f.lists[path] = sum([]byte(strings.Join(names, "\n")), err)
	return names, err
}

// changed reads everything once more and compares.
func (f *files) changed() bool {
	for path, was := range f.lists {
		names, err := listOf(path)
		if sum([]byte(strings.Join(names, "\n")), err) != was {
			return true
		}
	}
	for path, was := range f.contents {
		if sum(contentOf(path)) != was {
			return true
		}
	}
	return false
}

func sum(content []byte, err error) digest {
	if err != nil {
		return sha256.Sum256([]byte("error: " + err.Error()))
	}
	return sha256.Sum256(content)
}

func contentOf(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no plain file", path)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, largest+1))
	if err == nil && len(text) > largest {
		err = fmt.Errorf("%s is larger than %d MiB", path, largest>>20)
	}
	return text, err
}

func listOf(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if ext := filepath.Ext(e.Name()); (ext == ".yaml" || ext == ".yml") && !strings.HasPrefix(e.Name(), ".") {
			names = append(names, filepath.Join(path, e.Name()))
		}
	}
	if len(names) == 0 {
		return nil, errors.New("the folder holds no *.yaml file")
	}
	return names, nil
}

// table is a scenario's data file.
type table struct {
	path, hash string
	sample     map[string]string // its first row by column; nil when the file is no good
}

// table reads the CSV file named here, relative to the catalog file. Without a file there are no columns.
func (d *decoder) table(v strictyaml.Value) table {
	name := v.Text()
	if name == "" {
		return table{sample: map[string]string{}}
	}
	t := table{path: beside(filepath.Dir(v.File()), name)}
	content, err := d.files.content(t.path)
	if err == nil {
		t.sample, err = firstRow(content)
	}
	if err != nil {
		v.Errorf("%s is no data file: %s", v.Quote(), err)
	}
	digest := sum(content, err)
	t.hash = hex.EncodeToString(digest[:])
	return t
}

// firstRow checks the whole of a CSV file with a header and at least one row.
func firstRow(content []byte) (map[string]string, error) {
	lines, err := csv.NewReader(bytes.NewReader(content)).ReadAll()
	if err != nil {
		return nil, err
	}
	if len(lines) < 2 {
		return nil, errors.New("it needs a line with the columns' names and one with values")
	}
	row := map[string]string{}
	for i, column := range lines[0] {
		column = strings.TrimSpace(column)
		if _, twice := row[column]; twice || column == "" {
			return nil, fmt.Errorf("column %d has no name of its own", i+1)
		}
		row[column] = lines[1][i]
	}
	return row, nil
}

// template is a text in which {{.name}} is a column; it is filled in once to see that it can be.
func (t table) template(v strictyaml.Value) string {
	text := v.Text()
	if t.sample != nil && strings.Contains(text, "{{") {
		fill(v, t.sample)
	}
	return text
}
