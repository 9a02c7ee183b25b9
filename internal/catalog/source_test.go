package catalog

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

const small = `
teams:
  checkout: {zone: Europe/London, chat: {web: checkout}}
`

func open(t *testing.T, path string) (*Source, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	s, problems := Open(path, environ, slog.New(slog.NewTextHandler(&log, nil)))
	require.NotNil(t, s, problems)
	return s, &log
}

func TestSourceRefusesABadCatalogAndKeepsTheOldOne(t *testing.T) {
	file := filepath.Join(t.TempDir(), "catalog.yaml")
	write(t, file, small)
	s, log := open(t, file)
	first := s.Current()

	s.refresh()
	require.Same(t, first, s.Current(), "nothing changed")

	write(t, file, small+"  search: {zone: Australia/Sidney, chat: {web: search}}\n")
	s.refresh()
	require.Same(t, first, s.Current())
	require.Equal(t, file+`:4: teams.search.zone: "Australia/Sidney" is no IANA zone; did you mean Australia/Sydney?`,
		s.Problems()[0].String())
	require.Contains(t, log.String(), "did you mean Australia/Sydney")
	require.Contains(t, log.String(), "level=ERROR")

	write(t, file, small+"  search: {zone: Australia/Sydney, chat: {web: search}}\n")
	s.refresh()
	require.Empty(t, s.Problems())
	require.Contains(t, s.Current().Teams, "search")
}

func TestSourceSeesReferencedAndNewFiles(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, os.DirFS("testdata/good")))
	s, _ := open(t, dir)
	before := s.Current()

	write(t, filepath.Join(dir, "users.csv"), "user,password\nalan,turing\n")
	s.refresh()
	require.NotEqual(t, before.Scenarios["checkout-flow"].Hash(), s.Current().Scenarios["checkout-flow"].Hash())

	require.NoError(t, os.Remove(filepath.Join(dir, "users.csv")))
	s.refresh()
	require.NotEmpty(t, s.Problems())
	write(t, filepath.Join(dir, "users.csv"), "user,password\nada,lovelace\ngrace,hopper\n")
	s.refresh()
	require.Empty(t, s.Problems(), "the file is back")
	require.Equal(t, before.Scenarios, s.Current().Scenarios)

	write(t, filepath.Join(dir, "more.yaml"), "environments:\n  soak: {url: \"http://127.0.0.1:9001\"}\n")
	s.refresh()
	require.Len(t, s.Problems(), 1, "the stack no longer has one environment to default to")
}

// A ConfigMap is mounted as links through ..data, which is swapped as a whole.
func TestSourceFollowsASwappedLink(t *testing.T) {
	dir := t.TempDir()
	for version, text := range map[string]string{"..1": small, "..2": small + "  search: {zone: UTC, chat: {web: search}}\n"} {
		require.NoError(t, os.Mkdir(filepath.Join(dir, version), 0o755))
		write(t, filepath.Join(dir, version, "catalog.yaml"), text)
	}
	require.NoError(t, os.Symlink("..1", filepath.Join(dir, "..data")))
	require.NoError(t, os.Symlink("..data/catalog.yaml", filepath.Join(dir, "catalog.yaml")))
	s, _ := open(t, dir)

	require.NoError(t, os.Symlink("..2", filepath.Join(dir, "..next")))
	require.NoError(t, os.Rename(filepath.Join(dir, "..next"), filepath.Join(dir, "..data")))
	s.refresh()
	require.Contains(t, s.Current().Teams, "search")
}

func TestWatchLooksEveryTwoSeconds(t *testing.T) {
	file := filepath.Join(t.TempDir(), "catalog.yaml")
	write(t, file, small)
	synctest.Test(t, func(t *testing.T) {
		s, _ := open(t, file)
		ctx, stop := context.WithCancel(t.Context())
		go s.Watch(ctx)
		synctest.Wait()
		write(t, file, small+"  search: {zone: UTC, chat: {web: search}}\n")

		<-time.After(1900 * time.Millisecond)
		synctest.Wait()
		require.NotContains(t, s.Current().Teams, "search")
		<-time.After(200 * time.Millisecond)
		synctest.Wait()
		require.Contains(t, s.Current().Teams, "search")
		stop()
	})
}

func TestOpenNeedsAGoodCatalog(t *testing.T) {
	s, problems := Open("testdata/wrong/zone-typo.yaml", environ, slog.New(slog.DiscardHandler))
	require.Nil(t, s)
	require.NotEmpty(t, problems)
}

// A run that is under way still uses what the catalog said when it began.
func TestSourceKnowsItsSecrets(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "key"), "4f2a-9c1e\n")
	write(t, filepath.Join(dir, "catalog.yaml"), `
environments:
  load: {url: "http://127.0.0.1:9000", reset: {command: {run: [./reset, "--in=${REGION}", "--key=${file:key}"]}}}
`)
	s, _ := open(t, dir)
	require.Equal(t, []string{"4f2a-9c1e"}, s.Secrets())

	write(t, filepath.Join(dir, "key"), "b7d3-0e55\n")
	s.refresh()
	require.Equal(t, []string{"4f2a-9c1e", "b7d3-0e55"}, s.Secrets())
}
