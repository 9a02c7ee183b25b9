package webhook

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"bellwether/internal/intake"
	"bellwether/internal/intake/webhook/diff"
	"bellwether/pipeline"
)

// How old or young a merge may be. No signature but GitLab's covers a time or a delivery, so who has seen a webhook can send
// it again: what is younger than this is known by its id, which is kept for 14 days, and what is older is refused.
const (
	tooOld = 13 * 24 * time.Hour
	ahead  = 5 * time.Minute // clocks differ
)

// patienceForSize is how long a host is asked for what it did not tell.
const patienceForSize = 4 * time.Second

// What of a change's text and paths is sent on. The paths have done their duty once the services are found.
const (
	maxTitle = 200 // runes
	maxPaths = 64 << 10
)

// merge is what a webhook tells: a branch of a repository has got a new revision.
type merge struct {
	intake.Detail          // without kind and name, which the catalog knows; Paths only when they are all of them
	also          []string // other names of the repository
	at            time.Time
	ask           func(ctx context.Context, api *diff.API) (diff.Stat, error) // nil: the host's API knows no better
	whole         func(ctx context.Context, api *diff.API) (string, error)    // the whole revision, when it is shortened

	committed bool // at is when it was committed: the host does not tell when it was pushed
	timely    bool // the signature says that it was sent just now
}

// id is the same for all that a host tells of the same merge, and however often: a push and a pull request have the revision in
// common, of which Bitbucket gives one shortened.
func (m merge) id(host string) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{host, strings.ToLower(m.Repository), m.Ref, m.Revision[:12]}, "\n")))
	return host + "-" + hex.EncodeToString(sum[:16])
}

// resolve finds the changes that a merge is, one for each service and stack it concerns. What concerns nobody is ignored: a
// webhook of a whole organisation tells of every branch of every repository.
func (m merge) resolve(catalog *pipeline.Catalog) ([]pipeline.Change, error) {
	for _, name := range append([]string{m.Repository}, m.also...) {
		changes, err := catalog.Resolve(pipeline.Change{Repository: name, Revision: m.Revision, Ref: m.Ref, Paths: m.Paths})
		refusal, refused := errors.AsType[*pipeline.Refusal](err)
		switch {
		case refused && refusal.Unowned:
			continue
		case refused:
			return nil, ignored(refusal.Reason)
		case err != nil:
			return nil, err
		case len(changes) == 0:
			return nil, ignored("it touches no path that counts in " + name)
		}
		return changes, nil
	}
	return nil, ignored("nothing in the catalog has repository " + m.Repository)
}

// current refuses a merge that may have been sent again by somebody else. Its error is *refused.
func (m merge) current(now time.Time) error {
	switch at := m.at.UTC().Format(time.RFC3339); {
	case m.timely:
		return nil
	case now.Sub(m.at) > tooOld:
		return refuse(http.StatusConflict, "too old: it is of %s, and nothing older than 13 days is taken; bellwether emit tests it", at)
	case m.at.Sub(now) > ahead:
		return refuse(http.StatusConflict, "too early: it is of %s, which is yet to come; set the clock of the host, or of who committed it", at)
	}
	return nil
}

// complete asks the host for what its webhook did not tell. After an error the merge is as it was.
func (m *merge) complete(ctx context.Context, api *diff.API) error {
	ctx, cancel := context.WithTimeout(ctx, patienceForSize)
	defer cancel()
	if m.whole != nil {
		revision, err := m.whole(ctx, api)
		if err != nil {
			return err
		}
		m.Revision = revision
	}
	if m.ask == nil || m.Paths != nil && m.LinesChanged != nil {
		return nil
	}
	stat, err := m.ask(ctx, api)
	if err != nil {
		return err
	}
	if stat.Paths != nil {
		m.Paths = stat.Paths
	}
	if stat.Files != nil {
		m.FilesChanged = stat.Files
	}
	if stat.Lines != nil {
		m.LinesChanged = stat.Lines
	}
	return nil
}

// revision is a whole commit id, of SHA-1 or SHA-256, or what Bitbucket shortens it to.
var revision = regexp.MustCompile(`^[0-9a-f]{12}([0-9a-f]{28}|[0-9a-f]{52})?$`)

func short(id string) bool { return len(id) < 40 }

// check refuses what no host of this kind sends, before it is used in names.
func (m merge) check() error {
	if !revision.MatchString(m.Revision) {
		return refuse(http.StatusBadRequest, "the webhook names no revision")
	}
	if m.Repository == "" {
		return refuse(http.StatusBadRequest, "the webhook does not tell where its repository is")
	}
	return nil
}

// decode reads a payload. Its error is for the host's list of deliveries.
func decode(body []byte, into any) error {
	if err := json.Unmarshal(body, into); err != nil {
		return refuse(http.StatusBadRequest, "not a payload of this event: %s", firstLine(err.Error()))
	}
	return nil
}

// onBranch wants a ref to be a branch.
func onBranch(ref string) error {
	if branch, ok := strings.CutPrefix(ref, "refs/heads/"); !ok || branch == "" {
		return ignored(ref + " is no branch")
	}
	return nil
}

// none tells whether a host means no revision: that of a branch that was not there, or is not any more.
func none(id string) bool { return strings.Trim(id, "0") == "" }

// at tells whether the repository is at a host of the settings. Ports make no difference, as in the catalog.
func at(host, repository string) bool {
	wanted, _, _ := strings.Cut(host, ":")
	is, _, _ := strings.Cut(repository, "/")
	return strings.EqualFold(is, wanted)
}

// path is where a repository is at its host. With it the host's API is asked: what else the webhook calls the repository could
// be another one.
func path(repository string) string {
	_, path, _ := strings.Cut(repository, "/")
	return path
}

// name is owner/name, at the end of the path.
func name(repository string) string {
	parts := strings.Split(path(repository), "/")
	return strings.Join(parts[max(0, len(parts)-2):], "/")
}

// location is an address as host/path; empty when it is no address, or one that leads elsewhere.
func location(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || slices.ContainsFunc(strings.Split(u.Path, "/"), dots) {
		return ""
	}
	return u.Hostname() + strings.TrimSuffix(strings.TrimRight(u.Path, "/"), ".git")
}

// dots are a part of a path that leads to another one.
func dots(part string) bool { return part == "." || part == ".." }

// firstLine is the subject of a commit's message, or as much of any text as is told.
func firstLine(message string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(message), "\n")
	if runes := []rune(strings.TrimSpace(line)); len(runes) > maxTitle {
		return string(runes[:maxTitle-1]) + "…"
	}
	return strings.TrimSpace(line)
}

// touched is the sorted union of lists of paths, never nil.
func touched(lists ...[]string) []string {
	all := slices.Concat(lists...)
	slices.Sort(all)
	return append([]string{}, slices.Compact(all)...)
}

// telling are paths that are few enough to be told; no paths are unknown ones.
func telling(paths []string) []string {
	size := 0
	for _, p := range paths {
		size += len(p)
	}
	if size > maxPaths {
		return nil
	}
	return paths
}

func count(n int) *int { return &n }
