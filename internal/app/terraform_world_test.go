package app

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/internal/peers"
	"bellwether/pipeline"
)

// estatePassword is the orders database's: a value that only Terraform's state may hold.
const estatePassword = "hunter2-of-orders"

// estate is a site whose environment is made by a stack: real Terraform with our provider, whose cloud is a folder, and the
// stack's repository.
type estate struct {
	*site
	cloud      string // folder; what exists is a file there
	repository string // folder
	state      string // Terraform's, a file
	temp       string // folder, of the replicas' temporary files
}

// terraformMirror leaves the test out where there is no Terraform.
func terraformMirror(t *testing.T) (settings string) {
	t.Helper()
	peers.NeedsTerraform(t)
	settings, err := peers.TerraformMirror(t.TempDir())
	require.NoError(t, err)
	return settings
}

// newEstate takes the settings of apply.terraform as YAML.
func newEstate(t *testing.T, mirror, redis, terraform string) *estate {
	t.Helper()
	temp, err := os.MkdirTemp("", "bw-") // short, for Terraform's sockets are in it
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(temp)) })
	e := &estate{site: newSite(t, redis), temp: temp}
	e.cloud, e.state = filepath.Join(e.dir, "cloud"), filepath.Join(e.dir, "terraform.tfstate")
	e.repository = filepath.Join(e.dir, "git/infrastructure/platform")
	for _, folder := range []string{e.cloud, e.repository} {
		require.NoError(t, os.MkdirAll(folder, 0o700))
	}
	e.write(t, "password", estatePassword)
	e.git(t, "init", "--quiet", "--initial-branch=main")
	e.shop = openOrdersShop(t, filepath.Join(e.cloud, "database-orders.json"))
	e.env = []string{"TF_CLI_CONFIG_FILE=" + mirror, "CLOUD_FOLDER=" + e.cloud, "TMPDIR=" + temp}
	e.settings["commands"] = object{"environment": []string{"TF_CLI_CONFIG_FILE", "CLOUD_FOLDER"}}
	e.settings["git"] = object{"git.innerscale.example": object{"url": "file://" + filepath.Join(e.dir, "git")}}
	e.settings["chat"] = object{"web": object{"enabled": true}}
	e.catalog(t, terraform, func(team string) string { return "web: " + team })
	return e
}

// catalog gives each team, and what nobody owns, the channel of chat.
func (e *estate) catalog(t *testing.T, terraform string, chat func(team string) string) {
	t.Helper()
	text := estateCatalog
	for _, team := range []string{"infrastructure", "operations", "checkout", "billing", "operations"} {
		text = strings.Replace(text, "CHAT", chat(team), 1)
	}
	e.write(t, "catalog.yaml", strings.NewReplacer("TERRAFORM", terraform, "URL", e.shop.URL).Replace(text))
}

const estateCatalog = `
people:
  dev-sg: {slack: T0TEAM/U0DEVSG, web: dev-sg, zone: Asia/Singapore}
teams:
  infrastructure: {zone: UTC, chat: {CHAT}}
  operations: {zone: UTC, chat: {CHAT}}
  checkout: {zone: UTC, chat: {CHAT}, members: [dev-sg], oncall: {users: [dev-sg]}}
  billing: {zone: UTC, chat: {CHAT}}
services:
  checkout: {team: checkout, tags: [service:checkout], uses: [db:orders], deploy: {command: {run: [./deploy.sh, "{{.Version}}"]}}}
  billing: {team: billing, tags: [service:billing], uses: [db:orders]}
  search: {team: billing, tags: [service:search]}
stacks:
  platform:
    team: infrastructure
    repositories: [git.innerscale.example/infrastructure/platform]
    tags: [stack:platform]
    apply: {terraform: {TERRAFORM}}
environments:
  load: {url: "URL", team: operations}
scenarios:
  checkout-flow: {tags: [service:checkout], load: {rate: 110/s, duration: 2s}, targets: [{name: cart, path: /cart}]}
  billing-flow: {tags: [service:billing], load: {rate: 110/s, duration: 2s}, targets: [{name: invoice, path: /invoice}]}
  search-flow: {tags: [service:search], load: {rate: 110/s, duration: 2s}, targets: [{name: search, path: /search}]}
unowned: {CHAT}
`

// openOrdersShop is 20 ms slow, and a millisecond more for each unit of its database's size.
func openOrdersShop(t *testing.T, database string) *shop {
	t.Helper()
	s := &shop{}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		s.Requests.Add(1)
		var orders struct{ Size time.Duration }
		text, _ := os.ReadFile(database)  // it may not be there yet
		_ = json.Unmarshal(text, &orders) // nor whole
		select {
		case <-time.After((20 + orders.Size) * time.Millisecond):
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(server.Close)
	s.URL = server.URL
	return s
}

// ordersDatabase is a configuration.
func ordersDatabase(engine string, size int) string {
	return fmt.Sprintf(`
resource "bellwether_database" "orders" {
  name     = "orders"
  engine   = %q
  size     = %d
  password = local.password
  tags     = { db = "orders" }
}
`, engine, size)
}

// untaggedInstance follows the orders database; nothing is tested because of it.
const untaggedInstance = `
resource "bellwether_instance" "web" {
  name       = "web"
  password   = local.password
  depends_on = [bellwether_database.orders]
}
`

// commit makes a configuration the stack, and returns the commit.
func (e *estate) commit(t *testing.T, configuration string) (id string) {
	t.Helper()
	head := fmt.Sprintf(`terraform {
  required_providers {
    bellwether = { source = "innerscale.example/test/bellwether" }
  }
  backend "local" {
    path = %q
  }
}
locals {
  password = file(%q)
}
`, e.state, filepath.Join(e.dir, "password"))
	require.NoError(t, os.WriteFile(filepath.Join(e.repository, "main.tf"), []byte(head+configuration), 0o600))
	e.git(t, "add", "--all")
	e.git(t, "commit", "--quiet", "--message=stack")
	return e.git(t, "rev-parse", "HEAD")
}

func (e *estate) git(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", args...)
	cmd.Dir = e.repository
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=dev", "GIT_AUTHOR_EMAIL=dev@example", "GIT_COMMITTER_NAME=dev", "GIT_COMMITTER_EMAIL=dev@example")
	output, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", output)
	return strings.TrimSpace(string(output))
}

// bring commits a configuration and sends the change; it returns the run that comes of it.
func (e *estate) bring(t *testing.T, configuration string) string {
	t.Helper()
	return e.submit(t, "", "--kind", "stack", "--name", "platform", "--revision", e.commit(t, configuration),
		"--title", "Another platform")
}

// stored is the run as it stands.
func (e *estate) stored(t *testing.T, run string) pipeline.Run {
	t.Helper()
	r, err := e.memory(t).Load(t.Context(), run)
	require.NoError(t, err)
	return r
}

// tested names the scenarios that ran.
func tested(run pipeline.Run) []string {
	names := []string{}
	for _, r := range run.Results {
		names = append(names, r.Scenario)
	}
	return names
}

// exists names what the cloud has.
func (e *estate) exists(t *testing.T) []string {
	t.Helper()
	names := []string{}
	files, err := filepath.Glob(filepath.Join(e.cloud, "*.json"))
	require.NoError(t, err)
	for _, file := range files {
		names = append(names, strings.TrimSuffix(filepath.Base(file), ".json"))
	}
	return names
}

// orders is the database as the cloud has it.
func (e *estate) orders(t *testing.T) string {
	t.Helper()
	return e.file(t, filepath.Join(e.cloud, "database-orders.json"))
}

func (e *estate) file(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(text)
}

// misbehave has the cloud treat a thing as our provider says; the function ends that.
func (e *estate) misbehave(t *testing.T, name, text string) (behave func()) {
	t.Helper()
	file := filepath.Join(e.cloud, name)
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	return func() { require.NoError(t, os.Remove(file)) }
}

// webPost is a message of the chat page.
type webPost struct {
	Channel, Thread, ID, Author, Text string
	Actions                           []string
}

// posts of a channel of the chat page.
func (e *estate) posts(t *testing.T, channel string) (posts []webPost) {
	t.Helper()
	var all struct{ Messages []webPost }
	require.NoError(t, json.Unmarshal([]byte(e.ask(t, http.MethodGet, "/chat/transcript.json", "")), &all))
	for _, p := range all.Messages {
		if p.Channel == channel && p.Author == "Bellwether" {
			posts = append(posts, p)
		}
	}
	return posts
}

// root is the one post of the channel that is no reply and says so.
func (e *estate) root(t *testing.T, channel, text string) webPost {
	t.Helper()
	var roots []webPost
	for _, p := range e.posts(t, channel) {
		if p.Thread == "" && strings.Contains(p.Text, text) {
			roots = append(roots, p)
		}
	}
	require.Len(t, roots, 1, "%s in %s", text, channel)
	return roots[0]
}

// keepsSecrets: the password is in Terraform's state, and nowhere that Bellwether writes; plans are deleted.
func (e *estate) keepsSecrets(t *testing.T, out map[string]string) {
	t.Helper()
	out["redis"] = e.dump(t)
	require.NoError(t, filepath.WalkDir(e.temp, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			out[path] = e.file(t, path)
		}
		return err
	}))
	secrets := []string{estatePassword, base64.StdEncoding.EncodeToString([]byte(estatePassword))}
	require.NotEmpty(t, found(secrets, e.file(t, e.state)), "it reached Terraform")
	for where, text := range out {
		require.Empty(t, found(secrets, text), where)
	}
	plans, err := os.ReadDir(filepath.Join(e.temp, fmt.Sprintf("bellwether-%d", os.Getuid()), "plans"))
	require.NoError(t, err)
	require.Empty(t, plans)
}
