package app

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"bellwether/internal/intake"
	"bellwether/pipeline"
)

// hostile is what somebody may write into a commit message, and so is each of dashed.
const hostile = "Faster \"cart\" $(touch pwned) `touch pwned` '; touch pwned #\n\nmore"

func snippetOf(t *testing.T, ci, to string) string {
	t.Helper()
	var out strings.Builder
	code := Run(t.Context(), Process{Out: &out, Err: os.Stderr, Env: os.LookupEnv, Args: []string{
		"emit", "--snippet", ci, "--kind", "service", "--name", "Mei's \\ \"shop\"", "--to", to, "--timeout", "15s",
	}})
	require.Zero(t, code)
	return out.String()
}

var dashed = []string{hostile, "- fix", "--help", "--", "-", "--title=x", `-"'\` + "`$x", "'", "100% -v", ""}

// jobs are the scripts of the jobs for GitHub and GitLab, after how these are read.
func jobs(t *testing.T, to string) (github, gitlab string) {
	t.Helper()
	var onGitHub struct {
		Jobs map[string]struct {
			Minutes int `yaml:"timeout-minutes"`
			Steps   []struct {
				Env map[string]string
				Run string
			}
		}
	}
	require.NoError(t, yaml.Unmarshal([]byte(snippetOf(t, "github", to)), &onGitHub))
	step := onGitHub.Jobs["load-test"].Steps[0]
	require.Equal(t, map[string]string{
		"BELLWETHER_EVENTS_TOKEN": "${{ secrets.BELLWETHER_EVENTS_TOKEN }}", "MESSAGE": "${{ github.event.head_commit.message }}",
	}, step.Env)
	require.NotContains(t, step.Run, "${{")
	require.Equal(t, 5, onGitHub.Jobs["load-test"].Minutes)

	var onGitLab map[string]struct {
		Timeout string
		Script  []string
	}
	require.NoError(t, yaml.Unmarshal([]byte(snippetOf(t, "gitlab", to)), &onGitLab))
	require.Len(t, onGitLab["bellwether"].Script, 1)
	require.Equal(t, "5 minutes", onGitLab["bellwether"].Timeout)
	return step.Run, onGitLab["bellwether"].Script[0]
}

// The jobs' scripts run here as CI runs them, with a bellwether that notes how it was called.
func TestJobsPassEverythingAsOneArgument(t *testing.T) {
	github, gitlab := jobs(t, "https://b.example")
	for _, title := range dashed {
		line := strings.Split(title, "\n")[0]
		env := []string{
			"MESSAGE=" + title, "GITHUB_SHA=1f6c", "GITHUB_REF=refs/heads/main", "GITHUB_ACTOR=mei", "GITHUB_SERVER_URL=https://h",
			"GITHUB_REPOSITORY=i/shop", "CI_COMMIT_SHA=1f6c", "CI_COMMIT_BRANCH=main", "GITLAB_USER_NAME=-Mei L", "CI_PROJECT_URL=https://h/i/shop",
			"CI_COMMIT_TITLE=" + line,
		}
		for script, want := range map[string][]string{
			github: {"refs/heads/main", "mei", "https://h/i/shop/commit/1f6c"},
			gitlab: {"main", "-Mei L", "https://h/i/shop/-/commit/1f6c"},
		} {
			called, code := inShell(t, script, nil, env...)
			require.Equal(t, 7, code, "the job ends as bellwether does")
			require.Equal(t, []string{
				"emit", "--to=https://b.example", "--kind=service", "--name=Mei's \\ \"shop\"", "--revision=1f6c", "--ref=" + want[0],
				"--author=" + want[1], "--title=" + line, "--url=" + want[2], "--wait", "--timeout=15s",
			}, strings.Split(strings.TrimSuffix(called, "\n"), "\n"))
		}
	}
}

// What the jobs call bellwether with, it understands, whatever somebody called a commit.
func TestJobsTellAnyTitle(t *testing.T) {
	for _, title := range dashed {
		title = strings.Split(title, "\n")[0]
		var changes []pipeline.Change
		github, gitlab := jobs(t, door(t, &changes, map[string][]pipeline.Run{"R1": {ended(pipeline.Pass)}}))
		for _, script := range []string{github, gitlab} {
			called, _ := inShell(t, script, nil, "MESSAGE="+title, "CI_COMMIT_TITLE="+title, "GITHUB_SHA=1f6c", "CI_COMMIT_SHA=1f6c")
			var out strings.Builder
			args := append(strings.Split(strings.TrimSuffix(called, "\n"), "\n"), "--token", `t0p"s3\cret`)
			require.Zero(t, Run(t.Context(), Process{Out: &out, Err: &out, Env: os.LookupEnv, Args: args}), out.String())
		}
		require.Len(t, changes, 2)
		for _, change := range changes {
			require.Equal(t, title, change.Title)
		}
	}
}

// inShell runs a script beside a bellwether that prints its arguments and ends with 7, and without waiting where it sleeps.
func inShell(t *testing.T, script string, begin []string, env ...string) (output string, code int) {
	t.Helper()
	folder := t.TempDir()
	for name, text := range map[string]string{
		"bellwether": "#!/bin/sh\nprintf '%s\\n' \"$@\"\nexit 7\n", "sleep": "#!/bin/sh\n", "script": script,
	} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(text), 0o700))
	}
	if begin == nil {
		begin = []string{"sh", "-e"}
	}
	cmd := exec.CommandContext(t.Context(), begin[0], append(begin[1:], "script")...)
	cmd.Dir, cmd.Env = folder, append(env, "PATH="+folder+":"+os.Getenv("PATH"))
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if ended, failed := errors.AsType[*exec.ExitError](cmd.Run()); failed {
		code = ended.ExitCode()
	}
	require.NoFileExists(t, filepath.Join(folder, "pwned"))
	return out.String(), code
}

// door is the real way in, before a pipeline whose runs go through these states, one more with each question.
func door(t *testing.T, changes *[]pipeline.Change, runs map[string][]pipeline.Run) string {
	t.Helper()
	var asked atomic.Int32
	d := &intake.Door{
		Token: `t0p"s3\cret`, RunURL: func(id string) string { return "https://b.example/runs/" + id + "?expires=1&key=2" },
		Load: func(_ context.Context, id string) (pipeline.Run, error) {
			states := runs[id]
			if len(states) == 0 {
				return pipeline.Run{}, pipeline.ErrNotFound
			}
			run := states[min(int(asked.Add(1)), len(states))-1]
			run.ID = id
			return run, nil
		},
		Intake: &intake.Intake{
			Submit: func(_ context.Context, c pipeline.Change) ([]pipeline.Receipt, error) {
				*changes = append(*changes, c)
				if c.Revision == "refused" {
					return nil, &pipeline.Refusal{Reason: "ref: dev is not one of the branches"}
				}
				var receipts []pipeline.Receipt
				for _, id := range []string{"R1", "R5"} {
					if runs[id] != nil {
						receipts = append(receipts, pipeline.Receipt{Outcome: pipeline.Accepted, Run: id})
					}
				}
				return receipts, nil
			},
			Refuse: func(context.Context, string, string, string) error { return nil },
			Redact: func(s string) string { return s }, Secret: func(string) bool { return false },
			Count: func(string) {}, Log: slog.New(slog.DiscardHandler),
		},
	}
	server := httptest.NewServer(d.Handler())
	t.Cleanup(server.Close)
	return server.URL
}

func ended(verdict pipeline.Verdict) pipeline.Run {
	return pipeline.Run{State: pipeline.Done, Verdict: verdict}
}

func TestShellSnippet(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("left out: there is no curl")
	}
	waits, runs := pipeline.Run{State: pipeline.Waiting}, pipeline.Run{State: pipeline.Running}
	replaced := pipeline.Run{State: pipeline.Superseded, Successor: "R9"}
	token := `BELLWETHER_EVENTS_TOKEN=t0p"s3\cret`
	for name, c := range map[string]struct {
		runs map[string][]pipeline.Run
		env  []string
		code int
		says string
	}{
		"passed":       {runs: map[string][]pipeline.Run{"R1": {waits, runs, ended(pipeline.Pass)}}, says: "R1 done pass https://b.example/runs/R1?expires=1&key=2\n"},
		"regressed":    {runs: map[string][]pipeline.Run{"R1": {ended(pipeline.Regressed)}}, code: 1, says: "R1 done regressed"},
		"invalid":      {runs: map[string][]pipeline.Run{"R1": {ended(pipeline.Invalid)}}, code: 2, says: "R1 done invalid"},
		"cancelled":    {runs: map[string][]pipeline.Run{"R1": {{State: pipeline.Cancelled}}}, code: 2, says: "R1 cancelled"},
		"superseded":   {runs: map[string][]pipeline.Run{"R1": {replaced}, "R9": {ended(pipeline.Improved)}}, says: "R9 done improved"},
		"two runs":     {runs: map[string][]pipeline.Run{"R1": {ended(pipeline.Failed)}, "R5": {ended(pipeline.Suspect)}}, code: 2, says: "R5 done suspect"},
		"no end":       {runs: map[string][]pipeline.Run{"R1": {runs}}, code: 2, says: "R1: no end after 15s"},
		"no run":       {says: "nothing to test: "},
		"refused":      {env: []string{"REVISION=refused"}, code: 2, says: "ref: dev is not one of the branches"},
		"wrong token":  {env: []string{"BELLWETHER_EVENTS_TOKEN=guessed"}, code: 2, says: "wrong or missing bearer token"},
		"no token":     {env: []string{"BELLWETHER_EVENTS_TOKEN="}, code: 2, says: "BELLWETHER_EVENTS_TOKEN is not set"},
		"no revision":  {env: []string{"REVISION="}, code: 2, says: "REVISION is not set, and git has none checked out"},
		"run vanished": {runs: map[string][]pipeline.Run{"R1": {replaced}}, code: 2, says: "R9: no answer."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var changes []pipeline.Change
			script := snippetOf(t, "shell", door(t, &changes, c.runs))
			env := append([]string{token, "REVISION=1f6c", "REF=main", "AUTHOR=Mei", "TITLE=" + hostile, "GIT_CEILING_DIRECTORIES=/"}, c.env...)
			out, code := inShell(t, script, []string{"sh"}, env...)
			require.Equal(t, c.code, code, out)
			require.Contains(t, out, c.says)
			if len(c.env) > 0 {
				return
			}
			require.Len(t, changes, 1)
			got := changes[0]
			require.Equal(t, "Mei's \\ \"shop\"", got.Name)
			require.Equal(t, strings.ReplaceAll(hostile, "\n", " "), got.Title)
			require.Equal(t, []string{"1f6c", "main", "Mei", ""}, []string{got.Revision, got.Ref, got.Author, got.Image})
		})
	}
}

// Other shells than this machine's own read the snippet in the same way; those that are here must.
func TestShellSnippetInOtherShells(t *testing.T) {
	for _, begin := range [][]string{{"sh"}, {"bash"}, {"bash", "--posix"}, {"dash"}, {"busybox", "sh"}, {"ksh"}, {"zsh"}} {
		if _, err := exec.LookPath(begin[0]); err != nil {
			continue
		}
		for _, title := range dashed {
			var changes []pipeline.Change
			script := snippetOf(t, "shell", door(t, &changes, map[string][]pipeline.Run{"R1": {ended(pipeline.Suspect)}}))
			out, code := inShell(t, script, begin, `BELLWETHER_EVENTS_TOKEN=t0p"s3\cret`, "REVISION=1f6c", "TITLE="+title, "AUTHOR="+title)
			require.Equal(t, 1, code, out)
			require.Len(t, changes, 1)
			require.Equal(t, strings.ReplaceAll(title, "\n", " "), changes[0].Title)
		}
	}
}

// A Bellwether that is restarted meanwhile is asked again, and knows the event.
func TestShellSnippetSendsAgain(t *testing.T) {
	var changes []pipeline.Change
	target, err := url.Parse(door(t, &changes, map[string][]pipeline.Run{"R1": {ended(pipeline.Pass)}}))
	require.NoError(t, err)
	through := httputil.NewSingleHostReverseProxy(target)
	var times atomic.Int32
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if times.Add(1) == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		through.ServeHTTP(w, r)
	}))
	defer front.Close()
	out, code := inShell(t, snippetOf(t, "shell", front.URL), []string{"sh"}, `BELLWETHER_EVENTS_TOKEN=t0p"s3\cret`, "REVISION=1f6c")
	require.Zero(t, code, out)
	require.Len(t, changes, 1)
}
