package checkout

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/pipeline"
)

const name = "git.example/infrastructure/platform"

// forge is a folder of repositories that are fetched from, and one of them with a commit on main.
type forge struct {
	*Repositories
	dir  string // of the repository
	main string // the first commit
}

func newForge(t *testing.T) *forge {
	root := t.TempDir()
	f := &forge{dir: filepath.Join(root, "infrastructure/platform")}
	require.NoError(t, os.MkdirAll(f.dir, 0o700))
	f.git(t, "init", "--quiet", "--initial-branch=main")
	f.main = f.commit(t, "main.tf", "one")
	f.Repositories = &Repositories{Hosts: map[string]Host{"git.example": {URL: "file://" + root}}, Dir: filepath.Join(t.TempDir(), "mirrors")}
	return f
}

func (f *forge) git(t *testing.T, args ...string) string {
	cmd := exec.Command("git", args...)
	cmd.Dir = f.dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=dev", "GIT_AUTHOR_EMAIL=dev@example", "GIT_COMMITTER_NAME=dev", "GIT_COMMITTER_EMAIL=dev@example")
	output, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", output)
	return strings.TrimSpace(string(output))
}

func (f *forge) commit(t *testing.T, file, text string) (id string) {
	require.NoError(t, os.WriteFile(filepath.Join(f.dir, file), []byte(text), 0o600))
	return f.commitAll(t, text)
}

func (f *forge) commitAll(t *testing.T, text string) (id string) {
	f.git(t, "add", "--all")
	f.git(t, "commit", "--quiet", "--message="+text)
	return f.git(t, "rev-parse", "HEAD")
}

var allowed = []pipeline.Repository{{URL: name, Branches: []string{"main", "release"}}}

// checkout is the folder that the revision is in.
func (f *forge) checkout(t *testing.T, revision string) (folder string, err error) {
	folder = filepath.Join(t.TempDir(), "source")
	require.NoError(t, os.Mkdir(folder, 0o700))
	return folder, f.Checkout(t.Context(), allowed, pipeline.Change{Repository: "https://git.example/Infrastructure/platform.git", Revision: revision}, folder)
}

func (f *forge) text(t *testing.T, revision string) string {
	folder, err := f.checkout(t, revision)
	require.NoError(t, err)
	text, err := os.ReadFile(filepath.Join(folder, "main.tf"))
	require.NoError(t, err)
	return string(text)
}

// mirror is the folder of the only mirror.
func (f *forge) mirror(t *testing.T) string {
	mirrors, err := filepath.Glob(filepath.Join(f.Dir, "*[0-9a-f]"))
	require.NoError(t, err)
	require.Len(t, mirrors, 1)
	return mirrors[0]
}

func explanation(t *testing.T, err error) pipeline.Explanation {
	var step pipeline.StepError
	require.ErrorAs(t, err, &step)
	require.Equal(t, step.Explain().Reason, err.Error())
	require.True(t, step.Explain().Untouched)
	return step.Explain()
}

func TestCheckoutIsJustThatRevision(t *testing.T) {
	f := newForge(t)
	require.Equal(t, "one", f.text(t, f.main))
	second := f.commit(t, "main.tf", "two")
	require.Equal(t, "two", f.text(t, second), "a known mirror is brought up to date")
	require.Equal(t, "one", f.text(t, f.main[:7]))

	folder, err := f.checkout(t, f.main)
	require.NoError(t, err)
	for _, dir := range []string{filepath.Dir(folder), folder} {
		entries, err := os.ReadDir(dir)
		require.NoError(t, err)
		require.Len(t, entries, 1, "nothing beside it, and no .git")
	}
}

func TestWhatMayNotRunIsRefused(t *testing.T) {
	f := newForge(t)
	f.git(t, "checkout", "--quiet", "-b", "abcdef1")
	feature := f.commit(t, "main.tf", "feature")
	f.git(t, "checkout", "--quiet", "-b", "release", "main")
	release := f.commit(t, "main.tf", "release")
	f.git(t, "checkout", "--quiet", "main")
	f.git(t, "tag", "1234567", feature)
	require.Equal(t, "release", f.text(t, release))

	tests := map[string]struct{ revision, reason string }{
		"on another branch":    {feature, fmt.Sprintf("commit %.7s of %s is not on main, release: only what is there may run", feature, name)},
		"nowhere":              {strings.Repeat("0", 40), fmt.Sprintf("%s has no commit %040d on any branch", name, 0)},
		"the name of a branch": {"abcdef1", name + " has no commit abcdef1 on any branch"},
		"the name of a tag":    {"1234567", name + " has no commit 1234567 on any branch"},
		"no id":                {"main", `"main" is no commit`},
		"an option":            {"--upload-pack=touch", `"--upload-pack=touch" is no commit`},
		"nothing":              {"", `"" is no commit`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			folder, err := f.checkout(t, test.revision)
			e := explanation(t, err)
			require.Equal(t, test.reason, e.Reason)
			require.Equal(t, pipeline.FaultChange, e.Fault)
			require.NotEmpty(t, e.Next)
			entries, err := os.ReadDir(folder)
			require.NoError(t, err)
			require.Empty(t, entries)
		})
	}
}

func TestACommitTakenBackIsRefused(t *testing.T) {
	f := newForge(t)
	second := f.commit(t, "main.tf", "two")
	require.Equal(t, "two", f.text(t, second))
	f.git(t, "reset", "--quiet", "--hard", f.main)
	_, err := f.checkout(t, second)
	require.Contains(t, explanation(t, err).Reason, "is not on main, release")
}

func TestOnlyTheStacksRepositories(t *testing.T) {
	f := newForge(t)
	two := append([]pipeline.Repository{{URL: "git.example/other"}}, allowed...)
	tests := map[string]struct {
		repositories []pipeline.Repository
		repository   string
		reason       string
	}{
		"another":        {allowed, "https://git.example/evil", "repository git.example/evil is none of the stack's"},
		"another host":   {allowed, "evil.example/infrastructure/platform", "repository evil.example/infrastructure/platform is none of the stack's"},
		"not said which": {two, "", "the change does not say which of 2 repositories it is of"},
		"none":           {nil, "", "the change does not say which of 0 repositories it is of"},
		"out of the forge": {
			[]pipeline.Repository{{URL: "git.example/../../etc"}}, "git.example/../../etc", "git.example/../../etc is no repository",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			err := f.Checkout(t.Context(), test.repositories, pipeline.Change{Repository: test.repository, Revision: f.main}, t.TempDir())
			require.Equal(t, test.reason, explanation(t, err).Reason)
		})
	}
	folder := filepath.Join(t.TempDir(), "source")
	require.NoError(t, os.Mkdir(folder, 0o700))
	require.NoError(t, f.Checkout(t.Context(), allowed, pipeline.Change{Revision: f.main}, folder), "the only one needs no name")
}

func TestSymbolicLinksStayInside(t *testing.T) {
	f := newForge(t)
	require.NoError(t, os.Symlink("main.tf", filepath.Join(f.dir, "inside.tf")))
	require.NoError(t, os.Symlink("nowhere", filepath.Join(f.dir, "dangling.tf")))
	inside := f.commitAll(t, "inside")
	folder, err := f.checkout(t, inside)
	require.NoError(t, err)
	text, err := os.ReadFile(filepath.Join(folder, "inside.tf"))
	require.NoError(t, err)
	require.Equal(t, "one", string(text))
	for link, target := range map[string]string{"absolute.tf": "/etc/passwd", "up.tf": "../../secrets"} {
		require.NoError(t, os.Symlink(target, filepath.Join(f.dir, link)))
		_, err = f.checkout(t, f.commitAll(t, link))
		require.Equal(t, link+" is a symbolic link that leads out of the repository", explanation(t, err).Reason)
		require.NoError(t, os.Remove(filepath.Join(f.dir, link)))
	}
}

// Nothing that a repository, or the machine, could have git run is run.
func TestNothingOfTheRepositoryRuns(t *testing.T) {
	f := newForge(t)
	home := t.TempDir()
	ran := filepath.Join(home, "ran")
	script := "#!/bin/sh\ntouch " + ran + "\ncat\n"
	require.NoError(t, os.WriteFile(filepath.Join(home, "run"), []byte(script), 0o700))
	require.NoError(t, os.Mkdir(filepath.Join(home, "hooks"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(home, "hooks/reference-transaction"), []byte(script), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(home, ".gitconfig"), fmt.Appendf(nil,
		"[core]\nhooksPath = %[1]s/hooks\n[filter \"lfs\"]\nsmudge = %[1]s/run\nprocess = %[1]s/run\n[filter \"x\"]\nsmudge = %[1]s/run\n", home), 0o600))
	t.Setenv("HOME", home)
	t.Setenv("GIT_CONFIG_GLOBAL", filepath.Join(home, ".gitconfig"))
	require.NoError(t, os.WriteFile(filepath.Join(f.dir, ".gitattributes"), []byte("main.tf filter=lfs\n*.md filter=x\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(f.dir, ".gitmodules"), []byte("[submodule \"s\"]\npath = s\nurl = ../s\n"), 0o600))
	commit := f.commit(t, "readme.md", "x")
	t.Setenv("GIT_DIR", home)
	require.Equal(t, "one", f.text(t, commit))
	require.NoFileExists(t, ran)
}

func TestManyAtOnce(t *testing.T) {
	f := newForge(t)
	second := f.commit(t, "main.tf", "two")
	var all sync.WaitGroup
	for i := range 6 {
		all.Go(func() {
			want, revision := "one", f.main
			if i%2 == 0 {
				want, revision = "two", second
			}
			other := &forge{Repositories: &Repositories{Hosts: f.Hosts, Dir: f.Dir}, dir: f.dir}
			folder, err := other.checkout(t, revision)
			text, _ := os.ReadFile(filepath.Join(folder, "main.tf"))
			if err != nil || string(text) != want {
				t.Errorf("got %q, %v", text, err)
			}
		})
	}
	all.Wait()
}

// What a git that was killed may leave behind does not stop the next one.
func TestAMirrorSurvivesAKill(t *testing.T) {
	f := newForge(t)
	require.Equal(t, "one", f.text(t, f.main))
	mirror := f.mirror(t)
	damage := map[string]func(){
		"locks": func() {
			for _, lock := range []string{"config.lock", "packed-refs.lock", "HEAD.lock", "refs/heads/main.lock"} {
				require.NoError(t, os.WriteFile(filepath.Join(mirror, lock), nil, 0o600))
			}
		},
		"no HEAD": func() { require.NoError(t, os.Remove(filepath.Join(mirror, "HEAD"))) },
		"an empty object": func() {
			require.NoError(t, filepath.WalkDir(filepath.Join(mirror, "objects"), func(path string, entry fs.DirEntry, err error) error {
				if err != nil || entry.IsDir() {
					return err
				}
				return errors.Join(os.Chmod(path, 0o600), os.Truncate(path, 0))
			}))
		},
		"half a config": func() { require.NoError(t, os.WriteFile(filepath.Join(mirror, "config"), []byte("[core"), 0o600)) },
	}
	for name, harm := range damage {
		t.Run(name, func(t *testing.T) {
			harm()
			next := f.commit(t, "main.tf", name)
			require.Equal(t, name, f.text(t, next))
		})
	}
}

func TestCheckoutEndsWithItsContext(t *testing.T) {
	f := newForge(t)
	require.Equal(t, "one", f.text(t, f.main))
	locks, err := filepath.Glob(filepath.Join(f.Dir, "*.lock"))
	require.NoError(t, err)
	other, err := lockFile(t.Context(), locks[0])
	require.NoError(t, err)
	defer func() { require.NoError(t, other.Close()) }()
	cause := errors.New("the lane is lost")
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(200*time.Millisecond, func() { cancel(cause) })
	require.ErrorIs(t, f.Checkout(ctx, allowed, pipeline.Change{Revision: f.main}, t.TempDir()), cause)

	f.Timeout = 100 * time.Millisecond
	err = f.Checkout(t.Context(), allowed, pipeline.Change{Revision: f.main}, t.TempDir())
	require.Equal(t, "checking "+name+" out took longer than 100ms", explanation(t, err).Reason)
	require.Equal(t, pipeline.FaultEnvironment, explanation(t, err).Fault)
}
