package arch

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// core are the packages that every adapter may use: the line from change to report, and pure leaves.
var core = []string{"pipeline", "bot", "commands", "charts", "internal/stats", "internal/suggest"}

// allowed says which of our packages a package may import; "*" is everything. Tests may import more, see testOnly.
var allowed = map[string][]string{
	"charts":                        {},
	"internal/arch":                 {},
	"internal/lane":                 {},
	"internal/peers":                {},
	"internal/scratch":              {},
	"internal/stats":                {},
	"internal/suggest":              {},
	"internal/strictyaml":           {"internal/suggest"},
	"pipeline":                      {"internal/stats"},
	"bot":                           {"pipeline", "charts"},
	"commands":                      {"pipeline", "bot", "charts", "internal/stats", "internal/suggest"},
	"internal/chaos":                {"*"},
	"internal/catalog":              append([]string{"internal/strictyaml"}, core...),
	"internal/config":               append([]string{"internal/strictyaml"}, core...),
	"internal/intake":               core,
	"internal/intake/webhook":       append([]string{"internal/intake", "internal/intake/webhook/diff"}, core...),
	"internal/intake/webhook/diff":  {},
	"internal/checkout":             append([]string{"internal/scratch"}, core...),
	"internal/deployer":             core,
	"internal/deployer/ecs":         append([]string{"internal/deployer"}, core...),
	"internal/deployer/kubernetes":  append([]string{"internal/deployer"}, core...),
	"internal/engine":               core,
	"internal/terraform":            append([]string{"internal/scratch"}, core...),
	"internal/chat/slack":           append([]string{"internal/chat/slack/blockkit", "internal/chat/slack/rotation"}, core...),
	"internal/chat/slack/blockkit":  {"pipeline", "bot", "internal/chat/text"},
	"internal/chat/slack/rotation":  {},
	"internal/chat/teams":           append([]string{"internal/chat/teams/card", "internal/chat/teams/connector", "internal/chat/teams/token"}, core...),
	"internal/chat/teams/card":      {"pipeline", "bot", "internal/chat/text"},
	"internal/chat/teams/connector": {},
	"internal/chat/sample":          {"bot"},
	"internal/chat/text":            {"pipeline", "bot"},
	"internal/chat/teams/graph":     append([]string{"internal/chat/teams/token"}, core...),
	"internal/chat/teams/token":     {},
	"internal/chat/web":             core,
	"internal/store":                append([]string{"internal/lane"}, core...),
	"internal/demo":                 core,
	"internal/realload":             {"*"},
	"internal/record":               {"pipeline", "internal/stats", "internal/record/jmeter", "internal/record/k6", "internal/record/tally", "internal/record/vegeta"},
	"internal/record/jmeter":        {"pipeline", "internal/record/lines", "internal/record/tally"},
	"internal/record/k6":            {"pipeline", "internal/record/lines", "internal/record/tally"},
	"internal/record/lines":         {},
	"internal/record/tally":         {"pipeline", "internal/stats"},
	"internal/record/vegeta":        {"pipeline", "internal/record/lines", "internal/record/tally"},
	"internal/simulate":             {"pipeline", "internal/record", "internal/stats"},
	"internal/calibration":          {"pipeline", "internal/record", "internal/simulate", "internal/stats"},
	"internal/web":                  append([]string{"internal/record", "internal/web/login"}, core...),
	"internal/web/login":            {},
	"internal/app":                  {"*"},
	"cmd/bellwether":                {"internal/app"},
	"scripts/teamsapp":              {},
}

// testOnly may be imported by any test.
var testOnly = []string{"internal/peers", "internal/chat/sample"}

const (
	module = "bellwether/"
	root   = "../.."
)

func TestImportsPointInward(t *testing.T) {
	files := 0
	require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() && skipped(entry.Name()) {
			return skip(err)
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		files++
		folder, err := filepath.Rel(root, filepath.Dir(path))
		require.NoError(t, err)
		may, known := allowed[filepath.ToSlash(folder)]
		require.True(t, known, "%s: package %s is not in the table; add it with what it may import", path, folder)
		for _, used := range imports(t, path) {
			inTest := strings.HasSuffix(path, "_test.go") && slices.Contains(testOnly, used)
			if used != folder && !inTest && !slices.Contains(may, used) && !slices.Contains(may, "*") {
				t.Errorf("%s imports %s; %s may import %v", path, used, folder, may)
			}
		}
		return nil
	}))
	require.Greater(t, files, len(allowed), "the walk must find the code")
}

func skipped(folder string) bool {
	return folder == "node_modules" || folder == "testdata" || folder == "tools" || strings.HasPrefix(folder, ".") && len(folder) > 2
}

func skip(err error) error {
	if err != nil {
		return err
	}
	return fs.SkipDir
}

// imports are those of our own module, without its name.
func imports(t *testing.T, path string) []string {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
	require.NoError(t, err)
	var ours []string
	for _, spec := range file.Imports {
		name, err := strconv.Unquote(spec.Path.Value)
		require.NoError(t, err)
		if rest, ok := strings.CutPrefix(name, module); ok {
			ours = append(ours, rest)
		}
	}
	return ours
}
