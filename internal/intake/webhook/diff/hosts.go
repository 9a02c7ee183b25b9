package diff

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// maxCompared is how many files GitHub compares; it does not say whether there are more.
// https://docs.github.com/en/rest/commits/commits#compare-two-commits
const maxCompared = 300

// changedFile is a file of GitHub and of Gitea, which follows it.
type changedFile struct {
	Name      string `json:"filename"`
	Previous  string `json:"previous_filename"`
	Additions int    `json:"additions"`
	Deletions int    `json:"deletions"`
}

func ofChanged(list []changedFile) []file {
	var files []file
	for _, f := range list {
		lines := f.Additions + f.Deletions
		files = append(files, file{[]string{f.Name, f.Previous}, &lines})
	}
	return files
}

// GitHubPull is what a pull request changed.
// https://docs.github.com/en/rest/pulls/pulls#list-pull-requests-files
func (a *API) GitHubPull(ctx context.Context, fullName string, number int64) (Stat, error) {
	list, err := paged[changedFile](ctx, a, fmt.Sprintf("/repos/%s/pulls/%d/files", repository(fullName), number))
	if err != nil {
		return Stat{}, err
	}
	return sum(ofChanged(list)), nil
}

// GitHubCompare is what lies between two revisions.
func (a *API) GitHubCompare(ctx context.Context, fullName, before, after string) (Stat, error) {
	var compared struct {
		Files []changedFile `json:"files"`
	}
	path := fmt.Sprintf("/repos/%s/compare/%s...%s", repository(fullName), url.PathEscape(before), url.PathEscape(after))
	if _, err := a.get(ctx, path, &compared); err != nil || len(compared.Files) >= maxCompared {
		return Stat{}, err
	}
	return sum(ofChanged(compared.Files)), nil
}

// GiteaPull is what a pull request changed, of Gitea or Forgejo.
// https://docs.gitea.com/api/#tag/repository/operation/repoGetPullRequestFiles
func (a *API) GiteaPull(ctx context.Context, fullName string, number int64) (Stat, error) {
	return a.GitHubPull(ctx, fullName, number)
}

// GiteaCompare is what lies between two revisions. Gitea tells it commit by commit: the files of all of them, and the lines
// of a single one only, since those of several may undo each other.
// https://docs.gitea.com/api/#tag/repository/operation/repoCompareDiff
func (a *API) GiteaCompare(ctx context.Context, fullName, before, after string) (Stat, error) {
	var compared struct {
		Total   int `json:"total_commits"`
		Commits []struct {
			Files []changedFile `json:"files"`
			Stats *struct {
				Total int `json:"total"`
			} `json:"stats"`
		} `json:"commits"`
	}
	path := fmt.Sprintf("/repos/%s/compare/%s...%s", repository(fullName), url.PathEscape(before), url.PathEscape(after))
	if _, err := a.get(ctx, path, &compared); err != nil || compared.Total != len(compared.Commits) {
		return Stat{}, err
	}
	files := map[string]bool{}
	for _, commit := range compared.Commits {
		for _, f := range commit.Files {
			files[f.Name] = true
		}
	}
	var list []file
	for name := range files {
		list = append(list, file{paths: []string{name}})
	}
	stat := sum(list)
	if len(compared.Commits) == 1 && compared.Commits[0].Stats != nil {
		stat.Lines = &compared.Commits[0].Stats.Total
	}
	return stat, nil
}

// gitlabDiff is one file of a GitLab diff.
type gitlabDiff struct {
	Old       string `json:"old_path"`
	New       string `json:"new_path"`
	Diff      string `json:"diff"`
	Collapsed bool   `json:"collapsed"`
	TooLarge  bool   `json:"too_large"`
}

func ofDiffs(diffs []gitlabDiff) []file {
	var files []file
	for _, d := range diffs {
		f := file{paths: []string{d.New, d.Old}}
		if !d.Collapsed && !d.TooLarge {
			f.lines = changedLines(d.Diff)
		}
		files = append(files, f)
	}
	return files
}

// changedLines counts the lines of a diff, which GitLab gives without the two lines that name the file.
func changedLines(diff string) *int {
	n := 0
	for line := range strings.Lines(diff) {
		if line[0] == '+' || line[0] == '-' {
			n++
		}
	}
	return &n
}

// project is a repository's path as GitLab takes it instead of a number: without that of GitLab itself, if it is not at the root.
// https://docs.gitlab.com/api/rest/#namespaced-paths
func (a *API) project(path string) string {
	if base, err := url.Parse(a.Base); err == nil {
		root := strings.TrimSuffix(strings.Trim(base.Path, "/"), "api/v4")
		path = strings.TrimPrefix(path, root)
	}
	return url.PathEscape(path)
}

// GitLabMerge is what a merge request changed.
// https://docs.gitlab.com/api/merge_requests/#list-merge-request-diffs
func (a *API) GitLabMerge(ctx context.Context, path string, iid int64) (Stat, error) {
	diffs, err := paged[gitlabDiff](ctx, a, fmt.Sprintf("/projects/%s/merge_requests/%d/diffs", a.project(path), iid))
	if err != nil {
		return Stat{}, err
	}
	return sum(ofDiffs(diffs)), nil
}

// GitLabCompare is what lies between two revisions.
// https://docs.gitlab.com/api/repositories/#compare-branches-tags-or-commits
func (a *API) GitLabCompare(ctx context.Context, path, before, after string) (Stat, error) {
	var compared struct {
		Diffs   []gitlabDiff `json:"diffs"`
		Timeout bool         `json:"compare_timeout"` // more than GitLab compares
	}
	query := url.Values{"from": {before}, "to": {after}, "straight": {"true"}}
	_, err := a.get(ctx, fmt.Sprintf("/projects/%s/repository/compare?%s", a.project(path), query.Encode()), &compared)
	if err != nil || compared.Timeout || len(compared.Diffs) >= maxFiles {
		return Stat{}, err
	}
	return sum(ofDiffs(compared.Diffs)), nil
}

// BitbucketPull is what a pull request of Bitbucket Cloud changed.
// https://developer.atlassian.com/cloud/bitbucket/rest/api-group-pullrequests/
func (a *API) BitbucketPull(ctx context.Context, fullName string, id int64) (Stat, error) {
	return a.bitbucket(ctx, fmt.Sprintf("/repositories/%s/pullrequests/%d/diffstat", repository(fullName), id))
}

// BitbucketCompare is what lies between two revisions. Bitbucket wants the newer one first.
// https://developer.atlassian.com/cloud/bitbucket/rest/api-group-commits/
func (a *API) BitbucketCompare(ctx context.Context, fullName, before, after string) (Stat, error) {
	return a.bitbucket(ctx, fmt.Sprintf("/repositories/%s/diffstat/%s..%s", repository(fullName), url.PathEscape(after), url.PathEscape(before)))
}

// bitbucket follows the pages by the links that each has to its next, since a pull request's are redirected elsewhere.
func (a *API) bitbucket(ctx context.Context, path string) (Stat, error) {
	path += "?pagelen=" + strconv.Itoa(perPage)
	var files []file
	for len(files) <= maxFiles {
		var part struct {
			Values []struct {
				Added   int                   `json:"lines_added"`
				Removed int                   `json:"lines_removed"`
				Old     struct{ Path string } `json:"old"`
				New     struct{ Path string } `json:"new"`
			} `json:"values"`
			Next string `json:"next"`
		}
		if _, err := a.get(ctx, path, &part); err != nil {
			return Stat{}, err
		}
		for _, v := range part.Values {
			lines := v.Added + v.Removed
			files = append(files, file{[]string{v.New.Path, v.Old.Path}, &lines})
		}
		if part.Next == "" {
			break
		}
		next, ours := strings.CutPrefix(part.Next, strings.TrimSuffix(a.Base, "/"))
		if !ours || !strings.HasPrefix(next, "/") {
			return Stat{}, fmt.Errorf("the next page of %s is elsewhere: %s", path, part.Next) // the token stays here
		}
		path = next
	}
	return sum(files), nil
}

// BitbucketCommit is the whole of a shortened revision: webhooks for pull requests carry twelve characters.
func (a *API) BitbucketCommit(ctx context.Context, fullName, short string) (string, error) {
	var commit struct {
		Hash string `json:"hash"`
	}
	path := fmt.Sprintf("/repositories/%s/commit/%s", repository(fullName), url.PathEscape(short))
	if _, err := a.get(ctx, path, &commit); err != nil {
		return "", err
	}
	if !strings.HasPrefix(commit.Hash, short) || len(commit.Hash) < 40 {
		return "", fmt.Errorf("commit %s of %s: Bitbucket answers with %q", short, fullName, commit.Hash)
	}
	return commit.Hash, nil
}

// DataCenterPull is what a pull request of Bitbucket Data Center changed. It counts no lines.
// https://developer.atlassian.com/server/bitbucket/rest/
func (a *API) DataCenterPull(ctx context.Context, project, slug string, id uint64) (Stat, error) {
	return a.dataCenter(ctx, project, slug, fmt.Sprintf("/pull-requests/%d/changes", id), url.Values{})
}

// DataCenterCompare is what lies between two revisions. It counts no lines.
func (a *API) DataCenterCompare(ctx context.Context, project, slug, before, after string) (Stat, error) {
	return a.dataCenter(ctx, project, slug, "/changes", url.Values{"since": {before}, "until": {after}})
}

func (a *API) dataCenter(ctx context.Context, project, slug, what string, query url.Values) (Stat, error) {
	path := fmt.Sprintf("/projects/%s/repos/%s%s", url.PathEscape(project), url.PathEscape(slug), what)
	query.Set("limit", strconv.Itoa(perPage))
	var files []file
	for len(files) <= maxFiles {
		type place struct {
			Path string `json:"toString"`
		}
		var part struct {
			Values []struct{ Path, SrcPath place }
			Last   bool `json:"isLastPage"`
			Next   int  `json:"nextPageStart"`
		}
		if _, err := a.get(ctx, path+"?"+query.Encode(), &part); err != nil {
			return Stat{}, err
		}
		for _, v := range part.Values {
			files = append(files, file{paths: []string{v.Path.Path, v.SrcPath.Path}})
		}
		if part.Last || len(part.Values) == 0 {
			break
		}
		query.Set("start", strconv.Itoa(part.Next))
	}
	return sum(files), nil
}
