package app

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"text/template"
	"time"
	"unicode"

	"bellwether/pipeline"
)

// poll is how often the shell snippet asks how its run fares.
const poll = 5 * time.Second

//go:embed snippets
var snippetFiles embed.FS

// Delimiters that neither YAML nor GitHub's expressions nor a POSIX shell have a use for.
var snippets = template.Must(template.New("").Delims("[[", "]]").
	Funcs(template.FuncMap{"shell": shellQuoted}).ParseFS(snippetFiles, "snippets/*"))

var snippetNames = map[string]string{"github": "github.yml", "gitlab": "gitlab.yml", "shell": "shell.sh"}

// snippet is what a snippet for CI is made of. It has no secrets: those are variables of the CI.
type snippet struct {
	To, Kind string
	Subject  string // flags that name what changes, for a shell
	Fields   string // the same as members of a JSON object
	Timeout  string
	Minutes  int // after which CI ends the job itself
	Tries    int // of asking how the run fares
}

// validateSnippet refuses what CI will say of each change, and what would break out of its place in a script.
func (c *emitCommand) validateSnippet() error {
	told := c.Revision + c.Version + c.Image + c.Ref + c.Author + c.Title + c.URL + strings.Join(append(c.Path, c.Label...), "")
	useless := told != "" || c.Files != nil || c.Lines != nil || c.JSON || c.Config != "" || c.Region != "" || c.Bus != "default"
	switch {
	case c.Name == "" && c.Repository == "":
		return errors.New("what changes? say --name or --repository")
	case c.To == "":
		return errors.New("--snippet needs --to: the address of the Bellwether that CI will ask")
	case useless:
		return errors.New("--snippet goes with --kind, --name, --repository, --to and --timeout; CI itself says what each change brings")
	case strings.ContainsFunc(c.Name+c.Repository+c.To, unicode.IsControl):
		return errors.New("--name, --repository and --to are one line each")
	}
	return nil
}

func (c *emitCommand) printSnippet(w io.Writer) error {
	s := snippet{
		To: strings.TrimSuffix(c.To, "/"), Kind: c.Kind, Timeout: pipeline.Brief(c.Timeout),
		Minutes: int(c.Timeout.Minutes()) + 5, Tries: max(1, int(c.Timeout/poll)),
	}
	fields := []string{jsonMember("kind", c.Kind)}
	var flags []string
	for _, one := range [][2]string{{"name", c.Name}, {"repository", c.Repository}} {
		if one[1] != "" {
			flags = append(flags, "--"+one[0]+"="+shellQuoted(one[1]))
			fields = append(fields, jsonMember(one[0], one[1]))
		}
	}
	s.Subject, s.Fields = strings.Join(flags, " "), strings.Join(fields, ",")
	return snippets.ExecuteTemplate(w, snippetNames[c.Snippet], s)
}

func jsonMember(key, value string) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err) // a string always has a JSON form
	}
	return fmt.Sprintf("%q:%s", key, text)
}

var shellPlain = regexp.MustCompile(`^[A-Za-z0-9@%+=:,./_-]+$`)

// shellQuoted is text as one word of a POSIX shell.
func shellQuoted(text string) string {
	if shellPlain.MatchString(text) {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
