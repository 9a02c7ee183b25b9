// Package checkout fetches the revision of a repository that a plan is made of, with git.
//
// What is fetched will run, so it hands out nothing but revisions that are on an allowed branch of an allowed repository,
// and git runs without the machine's own configuration, without hooks, filters and submodules, and without anybody to ask.
// Credentials reach git through its environment alone: they are in no URL, on no command line and in no file.
package checkout

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"bellwether/internal/scratch"
	"bellwether/pipeline"
)

// Repositories are the repositories on some hosts. What has been fetched is kept, so that the next time only what is new
// is; any number of processes may share the folder.
type Repositories struct {
	Hosts   map[string]Host     // by name, as repositories have it: "github.com"; others are reached by https without credentials
	Dir     string              // holds a bare mirror for each repository; made when it is missing, refused when it is not ours alone
	Redact  func(string) string // takes secrets out of a text; nil when there are none
	Timeout time.Duration       // for a checkout; 0 means 10 minutes
	Grace   time.Duration       // from SIGTERM to SIGKILL of git; 0 means 1 s
}

// Host is where repositories are fetched from.
type Host struct {
	URL      string // https://host or file:///folder; empty: https and the host's name
	Username string // for https, with a token; empty: "git", which the large hosts take
	Token    string // may read, and should be able to do no more
}

// Checkout fills the folder, which is empty, with the change's revision: no .git, nothing but the files. Of a change that
// names no repository it is the only one there is. Its errors are ctx's cause, or a *Failure.
func (r *Repositories) Checkout(ctx context.Context, repositories []pipeline.Repository, change pipeline.Change, folder string) error {
	repository, err := choose(repositories, change.Repository)
	if err != nil {
		return err
	}
	if !revision.MatchString(change.Revision) {
		return refused(fmt.Sprintf("%q is no commit", change.Revision), "send the commit's id as the change's revision")
	}
	limit := cmp.Or(r.Timeout, 10*time.Minute)
	ctx, cancel := context.WithTimeoutCause(ctx, limit, outOfReach(fmt.Sprintf("checking %s out took longer than %s", repository.URL, pipeline.Brief(limit))))
	defer cancel()
	m, err := r.open(ctx, repository)
	if err != nil {
		return ended(ctx, err)
	}
	err = m.checkout(ctx, repository.Branches, change.Revision, folder)
	return ended(ctx, errors.Join(err, m.close()))
}

// ended prefers why ctx ended to what broke by it.
func ended(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if failure, ok := errors.AsType[*Failure](err); ok {
		return failure
	}
	if err != nil {
		return trouble(err)
	}
	return nil
}

// revision is a commit's id, or the beginning of one.
var revision = regexp.MustCompile(`^[0-9a-f]{7,64}$`)

// address parts https://user@host:port/path.git, and git@host:path, into host and path.
var address = regexp.MustCompile(`^(?:[a-z+]+://)?(?:[^@/]*@)?([^:/]+)(?::\d+/|[:/])/*(.+?)(?:\.git)?/*$`)

// choose finds the repository that a change names among those that it may name.
func choose(repositories []pipeline.Repository, name string) (pipeline.Repository, error) {
	bare := func(url string) string { return address.ReplaceAllString(strings.ToLower(url), "$1/$2") }
	i := slices.IndexFunc(repositories, func(r pipeline.Repository) bool { return bare(r.URL) == bare(name) })
	switch {
	case i >= 0:
		return merged(repositories, repositories[i]), nil
	case name == "" && len(repositories) == 1:
		return repositories[0], nil
	case name == "":
		return pipeline.Repository{}, refused(fmt.Sprintf("the change does not say which of %d repositories it is of", len(repositories)), "send the change's repository")
	}
	return pipeline.Repository{}, refused(fmt.Sprintf("repository %s is none of the stack's", bare(name)), "add it to the stack's repositories if it may be run")
}

// merged has the branches of all entries of a repository: different branches may have different paths.
func merged(repositories []pipeline.Repository, one pipeline.Repository) pipeline.Repository {
	one.Branches = nil
	for _, r := range repositories {
		if r.URL == one.URL {
			one.Branches = append(one.Branches, r.Branches...)
		}
	}
	return one
}

// remote is where the repository is fetched from.
func (r *Repositories) remote(repository pipeline.Repository) (url string, host Host, err error) {
	name, path, _ := strings.Cut(repository.URL, "/")
	host = r.Hosts[name]
	host.URL = strings.TrimSuffix(cmp.Or(host.URL, "https://"+name), "/")
	if scheme, _, _ := strings.Cut(host.URL, "://"); scheme != "https" && scheme != "file" || strings.Contains(host.URL, "@") {
		return "", host, outOfReach(fmt.Sprintf("the url of host %s must begin with https:// or file://, and hold no user", name))
	}
	if path == "" || strings.Contains("/"+path+"/", "/../") {
		return "", host, refused(repository.URL+" is no repository", "write host/path")
	}
	return host.URL + "/" + path, host, nil
}

// open locks the repository's mirror, which it makes when there is none yet.
func (r *Repositories) open(ctx context.Context, repository pipeline.Repository) (*mirror, error) {
	url, host, err := r.remote(repository)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(url))
	path, err := filepath.Abs(filepath.Join(r.Dir, hex.EncodeToString(sum[:16])))
	if err != nil {
		return nil, err
	}
	if err := scratch.Folder(r.Dir); err != nil {
		return nil, fmt.Errorf("make the folder of the mirrors: %w", err)
	}
	lock, err := lockFile(ctx, path+".lock")
	if err != nil {
		return nil, fmt.Errorf("lock the mirror of %s: %w", repository.URL, err)
	}
	return &mirror{
		name: repository.URL, url: url, dir: path, lock: lock, credentials: credentials(host),
		git: git{env: environment(host.URL), lock: lock, grace: cmp.Or(r.Grace, time.Second), redact: r.redactor(host)},
	}, nil
}

func (r *Repositories) redactor(host Host) func(string) string {
	return func(text string) string {
		if r.Redact != nil {
			text = r.Redact(text)
		}
		if host.Token != "" {
			text = strings.ReplaceAll(text, host.Token, "(token)")
		}
		return text
	}
}

// contained refuses a folder with symbolic links that lead out of it.
func contained(folder string) error {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	return fs.WalkDir(root.FS(), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.Type()&fs.ModeSymlink == 0 {
			return err
		}
		if _, err := root.Stat(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return refused(path+" is a symbolic link that leads out of the repository", "")
		}
		return nil
	})
}
