package checkout

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"bellwether/pipeline"
)

// What somebody else on the machine has prepared would be run, or read, by git.
func TestAPlantedFolderIsRefused(t *testing.T) {
	f := newForge(t)
	require.NoError(t, os.Mkdir(f.Dir, 0o700))
	require.NoError(t, os.Chmod(f.Dir, 0o777))
	_, err := f.checkout(t, f.main)
	e := explanation(t, err)
	require.Contains(t, e.Reason, f.Dir+" is not a folder of Bellwether's alone")
	require.Equal(t, pipeline.FaultEnvironment, e.Fault)
}

func TestAMirrorsConfigurationIsNotTrusted(t *testing.T) {
	f := newForge(t)
	require.Equal(t, "one", f.text(t, f.main))
	mirror, ran := f.mirror(t), filepath.Join(t.TempDir(), "ran")
	require.NoError(t, exec.Command("git", "--git-dir="+mirror, "config", "filter.x.smudge", "touch "+ran+"; cat").Run())
	require.NoError(t, os.MkdirAll(filepath.Join(mirror, "info"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(mirror, "info/attributes"), []byte("* filter=x\n"), 0o600))
	require.Equal(t, "one", f.text(t, f.main))
	require.NoFileExists(t, ran)
}

// Only git's fetch gets the token: what writes the files could be made to start a program.
func TestOnlyTheFetchKnowsTheToken(t *testing.T) {
	f := newForge(t)
	f.Hosts["git.example"] = Host{URL: f.Hosts["git.example"].URL, Token: token}
	real, err := exec.LookPath("git")
	require.NoError(t, err)
	bin := t.TempDir()
	log := filepath.Join(bin, "log")
	script := fmt.Sprintf("#!/bin/sh\nenv | grep -q %s && echo \"$@\" >> %s\nexec %s \"$@\"\n", token, log, real)
	require.NoError(t, os.WriteFile(filepath.Join(bin, "git"), []byte(script), 0o700))
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	require.Equal(t, "one", f.text(t, f.main))
	told, err := os.ReadFile(log)
	require.NoError(t, err)
	require.Regexp(t, `\A--git-dir=\S+ fetch .*\n\z`, string(told), "one line")
}

// A repository's name, or a branch's, may be a word of git's about the network.
func TestAMirrorOfAnyNameSurvivesAKill(t *testing.T) {
	for _, repository := range []string{"transport-api", "connection-pool", "does not exist"} {
		t.Run(repository, func(t *testing.T) {
			f := newForge(t)
			dir := filepath.Join(filepath.Dir(f.dir), repository)
			require.NoError(t, os.Rename(f.dir, dir))
			f.dir = dir
			f.git(t, "branch", "connection")
			repositories := []pipeline.Repository{{URL: "git.example/infrastructure/" + repository, Branches: []string{"main"}}}
			require.NoError(t, f.Checkout(t.Context(), repositories, pipeline.Change{Revision: f.main}, t.TempDir()))
			next := f.commit(t, "main.tf", "two")
			f.git(t, "branch", "--force", "connection")
			require.NoError(t, os.WriteFile(filepath.Join(f.mirror(t), "refs/heads/connection.lock"), nil, 0o600))
			require.NoError(t, f.Checkout(t.Context(), repositories, pipeline.Change{Revision: next}, t.TempDir()))
		})
	}
}

func TestTheMachineIsToBlameForItsOwnTrouble(t *testing.T) {
	tests := map[string]struct{ script, reason string }{
		"no git":      {"", `exec: "git": executable file not found in $PATH`},
		"a full disk": {"#!/bin/sh\necho 'fatal: write error: No space left on device' >&2; exit 128\n", "write error: No space left on device"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := newForge(t)
			bin := t.TempDir()
			if test.script != "" {
				require.NoError(t, os.WriteFile(filepath.Join(bin, "git"), []byte(test.script), 0o700))
			}
			t.Setenv("PATH", bin)
			_, err := f.checkout(t, f.main)
			e := explanation(t, err)
			require.Equal(t, "git.example/infrastructure/platform cannot be fetched: "+test.reason, e.Reason)
			require.Contains(t, e.Next, "its disk and its git")
			require.Equal(t, pipeline.FaultEnvironment, e.Fault)
		})
	}
}

func TestAForgeDoesNotActOnTheReadersScreen(t *testing.T) {
	f := newForge(t)
	f.serve(t)
	forge := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-git-upload-pack-advertisement")
		line := "ERR gone\x1b[2J\u202e for good"
		_, _ = fmt.Fprintf(w, "001e# service=git-upload-pack\n0000%04x%s", len(line)+4, line)
	}))
	t.Cleanup(forge.Close)
	f.Hosts["git.example"] = Host{URL: forge.URL}
	_, err := f.checkout(t, f.main)
	reason := explanation(t, err).Reason
	require.Contains(t, reason, "[2J for good")
	require.NotRegexp(t, `\p{Cc}|\x{202e}`, reason)
}

func TestARepositoryListedTwiceHasTheBranchesOfBoth(t *testing.T) {
	f := newForge(t)
	f.git(t, "checkout", "--quiet", "-b", "release")
	release := f.commit(t, "main.tf", "release")
	twice := []pipeline.Repository{{URL: name, Branches: []string{"main"}}, {URL: name, Branches: []string{"release"}}}
	require.NoError(t, f.Checkout(t.Context(), twice, pipeline.Change{Repository: name, Revision: release}, t.TempDir()))
}

func TestANameIsNoReason(t *testing.T) {
	const dir, url = "/tmp/remote:/ab12", "https://git.example/connection-pool"
	tests := map[string]bool{
		"fatal: unable to access 'https://git.example/connection-pool/': Could not resolve host: git.example": true,
		"fatal: remote error: upload-pack: not our ref":                                                       true,
		"fatal: '/tmp/remote:/ab12' is odd":                                                                   false,
		"error: https://git.example/connection-pool did not send all necessary objects":                       false,
		"error: cannot lock ref 'refs/heads/connection': it is odd":                                           false,
		"remote: fatal: the packfile is corrupt\nfatal: protocol error: bad pack header":                      true,
	}
	for stderr, want := range tests {
		require.Equal(t, want, (&mirror{dir: dir, url: url}).remote(&gitError{stderr: stderr}), stderr)
	}
}
