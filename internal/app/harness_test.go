package app

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/internal/intake"
	"bellwether/internal/peers"
	"bellwether/pipeline"
)

// patience is for a machine that is busy with other tests.
const patience = 90 * time.Second

type object = map[string]any

// site is one installation in a folder of its own: settings, a catalog, a shop to test. Every command of Bellwether's is a
// process of its own, as in real life.
type site struct {
	dir      string
	address  string // of its listener
	admin    string // of the operator's
	url      string
	public   string // what people reach it by, when that is not url
	token    string // of the door for events
	redis    string // address
	settings object // written by config; JSON is YAML
	env      []string
	shop     *shop
	slack    *peers.Slack
}

// newSite has neither chat nor queue yet.
func newSite(t *testing.T, redis string) *site {
	s := &site{dir: t.TempDir(), redis: redis, token: "the-token-of-the-door"}
	s.shop = openShop(t, filepath.Join(s.dir, "deployed"))
	s.settings = object{"redis": "redis://" + redis, "catalog": "catalog.yaml", "intake": object{}}
	s.move(t)
	s.write(t, "deploy.sh", "#!/bin/sh\nset -e\nprintf %s \"$1\" >deployed.new\nmv deployed.new deployed\n")
	return s
}

// move takes free addresses.
func (s *site) move(t *testing.T) {
	t.Helper()
	for _, address := range []*string{&s.address, &s.admin} {
		var err error
		*address, err = freePort("127.0.0.1:0")
		require.NoError(t, err)
	}
	s.url = "http://" + s.address
}

// twin is another replica of the same installation.
func (s *site) twin(t *testing.T) *site {
	t.Helper()
	other := *s
	other.move(t)
	return &other
}

func (s *site) write(t *testing.T, name, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o700))
}

// speak has the site use chats, each team's channel of which is given as YAML.
func (s *site) speak(t *testing.T, chats object, team, unowned string) {
	t.Helper()
	s.settings["chat"] = chats
	s.write(t, "catalog.yaml", fmt.Sprintf(catalogText, team, unowned, s.shop.URL))
}

// speakSlack has it use a Slack that calls it by HTTP.
func (s *site) speakSlack(t *testing.T) {
	t.Helper()
	s.slack = peers.NewSlack(t, s.url+"/slack/events")
	s.speak(t, object{"slack": object{
		"bot_token": peers.SlackBotToken, "signing_secret": peers.SlackSigningSecret, "api_url": s.slack.API(),
	}}, "{slack: "+peers.SlackChannel+"}", "{slack: "+peers.SlackOther+"}")
}

const catalogText = `
people:
  dev-sg: {slack: T0TEAM/U0DEVSG, teams: 5b0f7f0e-1111-4a6b-8c3d-000000000001, web: dev-sg, zone: Asia/Singapore}
teams:
  checkout:
    zone: Asia/Singapore
    chat: %[1]s
    members: [dev-sg]
    oncall: {users: [dev-sg]}
services:
  checkout:
    team: checkout
    repositories: [github.com/innerscale/checkout]
    tags: [service:checkout]
    deploy: {command: {run: [./deploy.sh, "{{.Version}}"], timeout: 1m}}
environments:
  load: {url: %[3]q}
scenarios:
  checkout-flow:
    tags: [service:checkout]
    load: {rate: 110/s, duration: 2s}
    targets: [{name: cart, path: /cart}]
unowned: %[2]s
`

// config writes the settings and returns their file.
func (s *site) config(t *testing.T) string {
	t.Helper()
	s.settings["http"] = object{"listen": s.address, "public_url": cmp.Or(s.public, s.url), "admin": s.admin}
	s.settings["intake"].(object)["http"] = object{"token": s.token}
	text, err := json.Marshal(s.settings)
	require.NoError(t, err)
	name := "bellwether-" + strings.ReplaceAll(s.address, ":", "-") + ".yaml"
	s.write(t, name, string(text))
	return filepath.Join(s.dir, name)
}

// command is Bellwether with these arguments; TestMain puts this very test binary into the PATH under that name.
func (s *site) command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "bellwether", args...)
	cmd.Env = append(os.Environ(), s.env...)
	return cmd
}

// replica is a running "bellwether serve".
type replica struct {
	process *os.Process
	log     string        // file
	ended   chan struct{} // closed when the process has ended
	err     error         // why, after that
}

// serve starts a replica and waits until it is ready.
func (s *site) serve(t *testing.T, flags ...string) *replica {
	t.Helper()
	cmd := s.command(t, append([]string{"serve", "--config", s.config(t)}, flags...)...)
	log, err := os.CreateTemp(t.TempDir(), "log")
	require.NoError(t, err)
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	require.NoError(t, cmd.Start())
	r := &replica{process: cmd.Process, log: log.Name(), ended: make(chan struct{})}
	go func() {
		r.err = cmd.Wait()
		close(r.ended)
	}()
	t.Cleanup(func() {
		r.kill()
		if t.Failed() {
			t.Logf("bellwether on %s:\n%s", s.address, r.said(t))
		}
	})
	eventually(t, "the server is ready", func() bool { return r.over() || status(s.url+"/readyz") == http.StatusOK })
	require.False(t, r.over(), "bellwether ended at once")
	return r
}

func (r *replica) over() bool {
	select {
	case <-r.ended:
		return true
	default:
		return false
	}
}

func (r *replica) pid() string { return strconv.Itoa(r.process.Pid) }

// kill is kill -9.
func (r *replica) kill() {
	_ = r.process.Kill() // it may have ended
	<-r.ended
}

// stop asks the replica to end, which it has to do in order and within the time that a stop may take.
func (r *replica) stop(t *testing.T) {
	t.Helper()
	require.NoError(t, r.process.Signal(syscall.SIGTERM))
	select {
	case <-r.ended:
		require.NoError(t, r.err)
	case <-time.After(goodbye):
		t.Fatalf("still running %s after SIGTERM", goodbye)
	}
}

// said is the replica's log so far.
func (r *replica) said(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(r.log)
	require.NoError(t, err)
	return string(text)
}

// run carries out a command and returns what it printed and its exit code.
func (s *site) run(t *testing.T, args ...string) (string, int) {
	t.Helper()
	cmd := s.command(t, args...)
	var complaints strings.Builder
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil && !errors.As(err, new(*exec.ExitError)) {
		require.NoError(t, err)
	}
	t.Logf("bellwether %s: exit code %d\n%s", args[0], cmd.ProcessState.ExitCode(), complaints.String())
	return string(out), cmd.ProcessState.ExitCode()
}

// change is "bellwether emit" of a version of checkout.
func change(version string, more ...string) []string {
	return append([]string{
		"emit", "--kind", "service", "--name", "checkout", "--version", version, "--revision", "rev-" + version,
		"--title", "Release " + version, "--author", "dev-sg",
	}, more...)
}

// submit sends a change to the replica at s; it returns the run that comes of it.
func (s *site) submit(t *testing.T, version string, more ...string) string {
	t.Helper()
	out, code := s.run(t, change(version, append(more, "--to", s.url, "--token", s.token, "--json")...)...)
	require.Zero(t, code)
	var answer struct{ Runs []pipeline.Receipt }
	require.NoError(t, json.Unmarshal([]byte(out), &answer))
	require.Len(t, answer.Runs, 1)
	require.Equal(t, pipeline.Accepted, answer.Runs[0].Outcome)
	return answer.Runs[0].Run
}

// test sends a change and waits for how its run ends.
func (s *site) test(t *testing.T, version string) intake.RunStatus {
	t.Helper()
	out, _ := s.run(t, change(version, "--to", s.url, "--token", s.token, "--json", "--wait")...)
	var answer struct{ Runs []intake.RunStatus }
	require.NoError(t, json.Unmarshal([]byte(out), &answer), out)
	require.Len(t, answer.Runs, 1)
	return answer.Runs[0]
}

// ended waits for a run's end.
func (s *site) ended(t *testing.T, run string) (end intake.RunStatus) {
	t.Helper()
	eventually(t, run+" ends", func() bool {
		answer := s.ask(t, http.MethodGet, "/events/runs/"+run, "")
		return json.Unmarshal([]byte(answer), &end) == nil && end.State.Final()
	})
	return end
}

// ask knocks at the door for events.
func (s *site) ask(t *testing.T, method, path, body string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.url+path, strings.NewReader(body))
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer "+s.token)
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return string(text)
}

func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	require.Eventually(t, condition, patience, 50*time.Millisecond, what)
}

// status of a GET; 0 when nobody answers.
func status(url string) int {
	r, err := http.Get(url)
	if err != nil {
		return 0
	}
	_ = r.Body.Close()
	return r.StatusCode
}
