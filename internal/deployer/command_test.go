package deployer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/pipeline"
)

var values = pipeline.Values{
	Service: "checkout", Environment: "load", URL: "http://127.0.0.1:9000",
	Image: "registry.example/checkout:1.4.0", Revision: "0a1b2c3", Version: "1.4.0; touch /tmp/$(id) `id` 'x'",
}

func command() *Command {
	return &Command{Log: slog.New(slog.DiscardHandler), Grace: 300 * time.Millisecond}
}

// script writes a shell script into a new folder and returns the command that starts it there.
func script(t *testing.T, text string, args ...string) pipeline.Command {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "deploy.sh"), []byte("#!/bin/sh\n"+text), 0o700))
	return pipeline.Command{Dir: dir, Run: append([]string{"./deploy.sh"}, args...)}
}

func TestRunReturnsWhatWasPrinted(t *testing.T) {
	output, err := command().Run(t.Context(), script(t, "echo one; echo two >&2; pwd"), values)
	require.NoError(t, err)
	require.Regexp(t, `^one\ntwo\n/.*$`, output)
}

func TestRunStartsInTheCommandsFolder(t *testing.T) {
	cmd := script(t, "cat version")
	require.NoError(t, os.WriteFile(filepath.Join(cmd.Dir, "version"), []byte("here"), 0o600))
	output, err := command().Run(t.Context(), cmd, values)
	require.NoError(t, err)
	require.Equal(t, "here", output)
}

func TestRunFillsArgumentsWithoutAShell(t *testing.T) {
	cmd := script(t, `for a in "$@"; do echo "[$a]"; done`, "{{.Service}}", "--image={{.Image}}", "{{.Version}}", "$HOME *", "-v")
	output, err := command().Run(t.Context(), cmd, values)
	require.NoError(t, err)
	require.Equal(t, "[checkout]\n[--image=registry.example/checkout:1.4.0]\n["+values.Version+"]\n[$HOME *]\n[-v]", output)
}

func TestRunRefusesDangerousOrSenselessArguments(t *testing.T) {
	tests := map[string]struct {
		run    []string
		reason string
	}{
		"an option from outside":    {[]string{"./deploy.sh", "{{.Version}}"}, `argument 1, {{.Version}}, would become the option "--all"; refused`},
		"an option made of two":     {[]string{"./deploy.sh", "{{.Image}}{{.Version}}"}, "would become the option"},
		"a program from outside":    {[]string{"{{.Version}}"}, "the program must not be a template"},
		"no such value":             {[]string{"./deploy.sh", "x", "{{.Imag}}"}, "argument 2: "},
		"a template that is broken": {[]string{"./deploy.sh", "{{.Image"}, "argument 1: "},
		"nothing":                   {nil, "no program is named"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			cmd := script(t, "echo ran > ran")
			cmd.Run = test.run
			_, err := command().Run(t.Context(), cmd, pipeline.Values{Version: "--all"})
			var failure *Failure
			require.ErrorAs(t, err, &failure)
			require.Contains(t, failure.Reason, test.reason)
			require.NoFileExists(t, filepath.Join(cmd.Dir, "ran"))
		})
	}
}

func TestRunGivesACleanEnvironment(t *testing.T) {
	t.Setenv("SLACK_BOT_TOKEN", "xoxb-secret")
	t.Setenv("KUBECONFIG", "/etc/kube")
	c := command()
	c.Pass = []string{"KUBECONFIG", "NOT_SET_ANYWHERE"}
	output, err := c.Run(t.Context(), pipeline.Command{Run: []string{"env"}, Dir: t.TempDir()}, values)
	require.NoError(t, err)
	names := map[string]string{}
	for line := range strings.Lines(output) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		names[name] = value
	}
	for _, usual := range []string{"PATH", "HOME", "LANG", "TMPDIR", "PWD"} {
		delete(names, usual)
	}
	require.Equal(t, map[string]string{
		"KUBECONFIG": "/etc/kube", "BELLWETHER_SERVICE": "checkout", "BELLWETHER_ENVIRONMENT": "load",
		"BELLWETHER_URL": values.URL, "BELLWETHER_IMAGE": values.Image, "BELLWETHER_REVISION": values.Revision,
		"BELLWETHER_VERSION": values.Version,
	}, names)
}

func TestRunSaysWhyItFailed(t *testing.T) {
	plain := script(t, "")
	require.NoError(t, os.WriteFile(filepath.Join(plain.Dir, "data.txt"), []byte("hi"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(plain.Dir, "bare.sh"), []byte("echo hi"), 0o700))
	in := func(program string) pipeline.Command { return pipeline.Command{Dir: plain.Dir, Run: []string{program}} }
	gone := in("./deploy.sh")
	gone.Dir += "/gone"
	tests := map[string]struct {
		cmd     pipeline.Command
		message string
	}{
		"status":         {script(t, "echo broken; exit 3"), "./deploy.sh: exit status 3"},
		"signal":         {script(t, "kill -9 $$"), "./deploy.sh: signal: killed"},
		"not there":      {in("./gone.sh"), "./gone.sh: no such file or directory (in " + plain.Dir + "); look at its path"},
		"not in PATH":    {in("no-such-program"), `no-such-program: executable file not found in $PATH`},
		"folder gone":    {gone, "./deploy.sh: no such file or directory (in " + plain.Dir + "/gone)"},
		"not executable": {in("./data.txt"), "./data.txt: permission denied (in " + plain.Dir + "); make it executable"},
		"no shell":       {in("./bare.sh"), "./bare.sh: exec format error (in " + plain.Dir + "); a script's first line"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := command().Run(t.Context(), test.cmd, values)
			require.ErrorContains(t, err, test.message)
		})
	}
}

// A program that is not there is no fault of what it was to deploy, and neither it nor a refused value changes anything.
func TestWhoseFaultAFailureIs(t *testing.T) {
	missing := pipeline.Command{Dir: t.TempDir(), Run: []string{"./gone.sh"}}
	closed := script(t, "")
	require.NoError(t, os.WriteFile(filepath.Join(closed.Dir, "file"), nil, 0o600))
	closed.Dir = filepath.Join(closed.Dir, "file") // ENOTDIR
	for name, test := range map[string]struct {
		cmd       pipeline.Command
		want      pipeline.Fault
		untouched bool
	}{
		"the program's":            {script(t, "exit 3"), pipeline.FaultChange, false},
		"of its not being there":   {missing, pipeline.FaultEnvironment, true},
		"of a folder that is none": {closed, pipeline.FaultEnvironment, true},
		"the argument's":           {script(t, "", "{{.Version}}"), pipeline.FaultChange, true},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := command().Run(t.Context(), test.cmd, pipeline.Values{Version: "--all"})
			var failure *Failure
			require.ErrorAs(t, err, &failure)
			require.Equal(t, test.want, failure.Explain().Fault)
			require.Equal(t, test.untouched, failure.Explain().Untouched)
		})
	}
}

func TestRunShowsTheLastLinesOfAFailure(t *testing.T) {
	output, err := command().Run(t.Context(), script(t, "seq 1 30; exit 1"), values)
	var failure *Failure
	require.ErrorAs(t, err, &failure)
	require.Equal(t, output, failure.Output)
	lines := strings.Split(output, "\n")
	require.Len(t, lines, 20)
	require.Equal(t, "30", lines[19])
	require.NotContains(t, err.Error(), "30")
}

func TestRunRedactsBeforeAnybodySeesIt(t *testing.T) {
	var log strings.Builder
	c := command()
	c.Log = slog.New(slog.NewTextHandler(&log, nil))
	c.Redact = func(text string) string { return strings.ReplaceAll(text, "hunter2", "***") }
	output, err := c.Run(t.Context(), script(t, `printf 'pw hun\033[1mter2\n'; exit 1`), values)
	require.Equal(t, "pw ***", output)
	require.NotContains(t, fmt.Sprintf("%s %+v %s", err, err.(*Failure).Output, log.String()), "hunter2")

	_, err = c.Run(t.Context(), script(t, "", "{{.Version}}"), pipeline.Values{Version: "-hunter2"})
	require.ErrorContains(t, err, "-***")
}

func TestRunStopsTheWholeGroupAtItsTimeout(t *testing.T) {
	tests := map[string]string{
		"a child that is waited for": "echo going\nsleep 60 & echo $! >pid; wait",
		"a child in the background":  "echo going\nsleep 60 >/dev/null 2>&1 & echo $! >pid; wait",
		"a deaf child":               "echo going\n(trap '' TERM; while :; do sleep 0.05; done) & echo $! >pid; wait",
		"a deaf program":             "trap '' TERM; echo $$ >pid; echo going; while :; do sleep 0.05; done",
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := script(t, text)
			cmd.Timeout = 500 * time.Millisecond
			start := time.Now()
			output, err := command().Run(t.Context(), cmd, values)
			require.EqualError(t, err, "./deploy.sh: took longer than 500ms")
			require.Equal(t, "going", output)
			require.Less(t, time.Since(start), 5*time.Second)
			requireGone(t, filepath.Join(cmd.Dir, "pid"))
		})
	}
}

func TestRunLetsAProgramEndInItsOwnWay(t *testing.T) {
	cmd := script(t, "trap 'echo unlocked; exit 0' TERM; while :; do sleep 0.02; done")
	cmd.Timeout = 300 * time.Millisecond
	c := command()
	c.Grace = 10 * time.Second
	output, err := c.Run(t.Context(), cmd, values)
	require.ErrorContains(t, err, "took longer than 300ms")
	require.Contains(t, output, "unlocked")
}

func TestRunEndsWithItsContext(t *testing.T) {
	cause := errors.New("the lane is lost")
	ctx, cancel := context.WithCancelCause(t.Context())
	cmd := script(t, "echo $$ >pid; sleep 60")
	time.AfterFunc(300*time.Millisecond, func() { cancel(cause) })
	_, err := command().Run(ctx, cmd, values)
	require.ErrorIs(t, err, cause)
	require.EqualError(t, err, "./deploy.sh: the lane is lost")
	requireGone(t, filepath.Join(cmd.Dir, "pid"))

	_, err = command().Run(ctx, script(t, "echo ran"), values)
	require.ErrorIs(t, err, cause)
}

// A lane's holder hears of its loss a third of the lease, 3.3 s, before another one may deploy.
func TestRunIsOverBeforeAnotherHolderDeploys(t *testing.T) {
	t.Parallel()
	c := command()
	c.Grace = 0
	cmd := script(t, "trap '' TERM; echo $$ >pid; while :; do sleep 0.05; done")
	ctx, cancel := context.WithCancel(t.Context())
	lost := make(chan time.Time, 1)
	time.AfterFunc(300*time.Millisecond, func() { lost <- time.Now(); cancel() })
	_, err := c.Run(ctx, cmd, values)
	require.ErrorIs(t, err, context.Canceled)
	require.Less(t, time.Since(<-lost), 3300*time.Millisecond)
	requireGone(t, filepath.Join(cmd.Dir, "pid"))
}

func TestRunDoesNotWaitForAServerItLeftBehind(t *testing.T) {
	cmd := script(t, "sleep 60 & echo $! >pid; echo started")
	start := time.Now()
	output, err := command().Run(t.Context(), cmd, values)
	require.NoError(t, err)
	require.Equal(t, "started", output)
	require.Less(t, time.Since(start), 10*time.Second)
	server := read(t, filepath.Join(cmd.Dir, "pid"))
	require.NoError(t, syscall.Kill(server, syscall.SIGKILL), "the server must still be there")
}

// The kernel ends what a Bellwether that was killed had started.
func TestRunDiesWithBellwether(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux kills a child together with its parent")
	}
	cmd := script(t, "echo $$ >pid.new; mv pid.new pid; exec sleep 60")
	bellwether := exec.Command(os.Args[0], "-test.run=TestMain")
	bellwether.Env = append(os.Environ(), "DEPLOYER_TEST_DIR="+cmd.Dir)
	require.NoError(t, bellwether.Start())
	pid := filepath.Join(cmd.Dir, "pid")
	require.Eventually(t, func() bool { _, err := os.Stat(pid); return err == nil }, 10*time.Second, 10*time.Millisecond)
	require.NoError(t, bellwether.Process.Kill())
	_ = bellwether.Wait()
	requireGone(t, pid)
}

// TestMain makes the test binary a Bellwether that runs a command, for the test above to kill.
func TestMain(m *testing.M) {
	if dir := os.Getenv("DEPLOYER_TEST_DIR"); dir != "" {
		_, _ = command().Run(context.Background(), pipeline.Command{Dir: dir, Run: []string{"./deploy.sh"}}, values)
		return
	}
	os.Exit(m.Run())
}

// requireGone waits until the process whose id is in the file has ended. One that nobody has waited for counts too.
func requireGone(t *testing.T, file string) {
	pid := read(t, file)
	require.Eventually(t, func() bool {
		stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)) // Linux only; elsewhere init is quick to wait
		return syscall.Kill(pid, 0) != nil || strings.Contains(string(stat), ") Z ")
	}, 5*time.Second, 20*time.Millisecond)
}

func read(t *testing.T, file string) int {
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	require.NoError(t, err)
	return pid
}
