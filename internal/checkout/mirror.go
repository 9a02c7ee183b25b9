package checkout

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"bellwether/internal/scratch"
)

// mirror is a bare copy of a repository's branches. Whoever holds its lock has it alone; the git processes that are
// started for it hold it too, so that nobody works beside those that a Bellwether that was killed has left.
type mirror struct {
	name        string // host/path
	url         string
	dir         string
	lock        *os.File
	git         git
	credentials []string // for git's environment when it fetches, and not when it writes files
}

func (m *mirror) close() error { return m.lock.Close() }

// checkout fetches, and fills the folder with the revision if it is on one of the branches.
func (m *mirror) checkout(ctx context.Context, branches []string, revision, folder string) error {
	if err := m.fetch(ctx); err != nil {
		return err
	}
	commit, err := m.find(ctx, revision)
	if err != nil {
		return err
	}
	if err := m.admit(ctx, commit, branches); err != nil {
		return err
	}
	if err := m.fill(ctx, commit, folder); err != nil {
		return fmt.Errorf("check %s of %s out: %w", revision, m.name, err)
	}
	return contained(folder)
}

// fetch brings the branches up to date. A mirror that is broken, by a full disk or a git that was killed, is made anew once.
func (m *mirror) fetch(ctx context.Context) error {
	err := m.update(ctx)
	failure, failed := errors.AsType[*gitError](err)
	if err == nil || ctx.Err() != nil || failed && (failure.absent() || m.remote(failure)) {
		return m.unfetched(err)
	}
	if err := os.RemoveAll(m.dir); err != nil {
		return fmt.Errorf("delete the broken mirror of %s: %w", m.name, err)
	}
	return m.unfetched(m.update(ctx))
}

func (m *mirror) update(ctx context.Context) error {
	if err := m.reset(); err != nil {
		return err
	}
	if _, err := m.git.run(ctx, "init", "--quiet", "--bare", "--template=", m.dir); err != nil {
		return err
	}
	git := m.git
	git.env = slices.Concat(git.env, m.credentials)
	_, err := git.run(ctx, "--git-dir="+m.dir, "fetch", "--quiet", "--prune", "--force", "--no-tags", "--no-write-fetch-head",
		"--no-recurse-submodules", m.url, "+refs/heads/*:refs/heads/*")
	return err
}

// reset makes the mirror's configuration what git init would: it could have git run a program.
func (m *mirror) reset() error {
	for _, path := range []string{"config", "info"} {
		if err := os.RemoveAll(filepath.Join(m.dir, path)); err != nil {
			return fmt.Errorf("reset the mirror of %s: %w", m.name, err)
		}
	}
	return nil
}

// remote tells whether the forge is to blame, or the way there, and not the mirror.
func (m *mirror) remote(failure *gitError) bool {
	return failure.remote(m.dir, m.url, strings.TrimPrefix(m.url, "file://"))
}

// unfetched tells people that a repository cannot be fetched.
func (m *mirror) unfetched(err error) error {
	failure, ok := errors.AsType[*gitError](err)
	if !ok {
		return err
	}
	reason := fmt.Sprintf("%s cannot be fetched: %s", m.name, failure.said())
	if m.remote(failure) {
		return outOfReach(reason)
	}
	return trouble(errors.New(reason))
}

// find is the full id of the commit.
func (m *mirror) find(ctx context.Context, revision string) (string, error) {
	found, err := m.git.run(ctx, "--git-dir="+m.dir, "rev-parse", "--verify", "--end-of-options", revision+"^{commit}")
	commit := strings.TrimSpace(found)
	failure, failed := errors.AsType[*gitError](err)
	switch {
	case failed && strings.Contains(failure.stderr, "ambiguous"):
		return "", refused(fmt.Sprintf("several commits of %s begin with %s", m.name, revision), "send the whole id as the change's revision")
	case failed || err == nil && !strings.HasPrefix(commit, revision): // it could be a branch's name
		return "", refused(fmt.Sprintf("%s has no commit %s on any branch", m.name, revision), "push it, or send another revision")
	}
	return commit, err
}

// admit refuses a commit that is on none of the branches.
func (m *mirror) admit(ctx context.Context, commit string, branches []string) error {
	on, err := m.git.run(ctx, "--git-dir="+m.dir, "for-each-ref", "--contains="+commit, "--format=%(refname)", "refs/heads/")
	if err != nil {
		return fmt.Errorf("find the branches of %s of %s: %w", commit, m.name, err)
	}
	for ref := range strings.Lines(on) {
		if slices.Contains(branches, strings.TrimPrefix(strings.TrimSpace(ref), "refs/heads/")) {
			return nil
		}
	}
	return refused(fmt.Sprintf("commit %.7s of %s is not on %s: only what is there may run", commit, m.name, strings.Join(branches, ", ")),
		"merge it first")
}

// fill writes the commit's files into the folder, by way of an index that is deleted again.
func (m *mirror) fill(ctx context.Context, commit, folder string) error {
	git := m.git
	index := folder + ".index"
	git.env = append(slices.Clone(git.env), "GIT_DIR="+m.dir, "GIT_WORK_TREE="+folder, "GIT_INDEX_FILE="+index)
	git.dir = folder
	_, err := git.run(ctx, "read-tree", commit)
	if err == nil {
		_, err = git.run(ctx, "checkout-index", "--all", "--quiet")
	}
	if gone := os.Remove(index); err == nil {
		err = gone
	}
	return err
}

// lockFile waits for the lock. The system releases it when the file is closed everywhere, or its processes are killed.
func lockFile(ctx context.Context, path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := scratch.Lock(ctx, file); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}
