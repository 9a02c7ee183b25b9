package terraform

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/internal/peers"
	"bellwether/pipeline"
)

const secret = "hunter2-of-orders"

var (
	load   = pipeline.Environment{Name: "load", URL: "http://127.0.0.1:9000"}
	change = pipeline.Change{Kind: pipeline.KindStack, Name: "platform", Revision: "0a1b2c3"}
)

// TestMain makes the test binary a Bellwether that plans and applies a stack, for the tests to kill.
func TestMain(m *testing.M) {
	if dir := os.Getenv("TERRAFORM_TEST_DIR"); dir != "" {
		if err := victim(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	code := m.Run()
	if mirror.dir != "" {
		_ = os.RemoveAll(mirror.dir)
	}
	os.Exit(code)
}

// mirror is where terraform finds our provider. It is built once.
var mirror struct {
	once     sync.Once
	dir      string
	settings string // file
	err      error
}

func buildMirror() {
	if mirror.dir, mirror.err = os.MkdirTemp("", "bellwether-mirror-"); mirror.err == nil {
		mirror.settings, mirror.err = peers.TerraformMirror(mirror.dir)
	}
}

// world is a cloud, a stack in a repository that describes it, and a Bellwether that applies it.
type world struct {
	*Applier
	dir      string
	log      bytes.Buffer
	settings pipeline.Terraform
}

// copied is a Source whose only revision is what a folder holds.
type copied string

func (c copied) Checkout(_ context.Context, _ []pipeline.Repository, _ pipeline.Change, folder string) error {
	return os.CopyFS(folder, os.DirFS(string(c)))
}

func newWorld(t *testing.T) *world {
	peers.NeedsTerraform(t)
	mirror.once.Do(buildMirror)
	require.NoError(t, mirror.err)
	dir := t.TempDir()
	for _, name := range []string{"cloud", "repository"} {
		require.NoError(t, os.Mkdir(filepath.Join(dir, name), 0o700))
	}
	t.Setenv("TF_CLI_CONFIG_FILE", mirror.settings)
	t.Setenv("CLOUD_FOLDER", filepath.Join(dir, "cloud"))
	w := &world{dir: dir}
	w.Applier = applierOf(dir, slog.New(slog.NewTextHandler(&w.log, nil)))
	return w
}

func applierOf(dir string, log *slog.Logger) *Applier {
	return &Applier{
		Source: copied(filepath.Join(dir, "repository")), Dir: filepath.Join(dir, "plans"), Log: log,
		Pass: []string{"TF_CLI_CONFIG_FILE", "CLOUD_FOLDER"}, Grace: time.Second,
	}
}

func stackOf(settings pipeline.Terraform) pipeline.Stack {
	return pipeline.Stack{Name: "platform", Apply: &pipeline.Apply{Terraform: &settings}}
}

// head is the beginning of every configuration here.
func head(dir string) string {
	return fmt.Sprintf(`terraform {
  required_providers {
    bellwether = { source = "innerscale.example/test/bellwether" }
  }
  backend "local" {
    path = %q
  }
}
provider "bellwether" {
  default_tags = { team = "infrastructure" }
}
`, filepath.Join(dir, "state"))
}

const orders = `
resource "bellwether_database" "orders" {
  name     = "orders"
  engine   = "postgres"
  size     = 1
  password = "hunter2-of-orders"
  tags     = { db = "orders" }
}
output "orders" {
  value = bellwether_database.orders.size
}
`

const web = `
resource "bellwether_instance" "web" {
  name       = "web"
  tags       = { service = "checkout" }
  depends_on = [bellwether_database.orders]
}
`

// deaf is a stack whose apply starts a program that only SIGKILL ends.
const deaf = `
resource "terraform_data" "deaf" {
  provisioner "local-exec" {
    working_dir = "/"
    command     = "trap '' INT TERM; touch $CLOUD_FOLDER/orders.waiting; while :; do sleep 0.05; done"
  }
}
`

// write makes the configuration the only file of the repository.
func (w *world) write(t *testing.T, configuration string) {
	require.NoError(t, os.WriteFile(filepath.Join(w.dir, "repository", "main.tf"), []byte(head(w.dir)+configuration), 0o600))
}

func (w *world) plan(t *testing.T) pipeline.Planned {
	planned, err := w.Plan(t.Context(), stackOf(w.settings), load, change)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, planned.Close()) })
	return planned
}

func (w *world) apply(t *testing.T) {
	planned := w.plan(t)
	require.NoError(t, planned.Apply(t.Context()))
	require.NoError(t, planned.Close())
}

// broken plans in vain.
func (w *world) broken(t *testing.T) pipeline.Explanation {
	planned, err := w.Plan(t.Context(), stackOf(w.settings), load, change)
	require.Nil(t, planned)
	require.Empty(t, list(t, w.Dir), "nothing is left behind")
	return explanation(t, err)
}

func explanation(t *testing.T, err error) pipeline.Explanation {
	var step pipeline.StepError
	require.ErrorAs(t, err, &step)
	require.Equal(t, step.Explain().Reason, err.Error())
	require.NotContains(t, fmt.Sprintf("%+v", step.Explain()), secret)
	return step.Explain()
}

// cloud names what exists.
func (w *world) cloud(t *testing.T) []string {
	return slices.DeleteFunc(list(t, filepath.Join(w.dir, "cloud")), func(name string) bool { return filepath.Ext(name) != ".json" })
}

// misbehave writes a file that the cloud obeys, see the provider; the function takes it away again.
func (w *world) misbehave(t *testing.T, name, text string) (behave func()) {
	file := filepath.Join(w.dir, "cloud", name)
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	return func() { require.NoError(t, os.Remove(file)) }
}

// await waits for a file.
func await(t *testing.T, path string) {
	require.Eventually(t, func() bool { _, err := os.Stat(path); return err == nil }, 20*time.Second, 10*time.Millisecond, path)
}

// list names the files in a folder, which may be missing.
func list(t *testing.T, dir string) []string {
	names := []string{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		require.ErrorIs(t, err, fs.ErrNotExist)
	}
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

// grep names the files below a folder that hold the text.
func grep(t *testing.T, dir, text string) []string {
	var found []string
	require.NoError(t, filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		if strings.Contains(string(data), text) {
			found = append(found, filepath.Base(path))
		}
		return err
	}))
	return found
}
