package webhook

import (
	"context"

	payload "github.com/go-playground/webhooks/v6/gitea"

	"bellwether/internal/intake"
	"bellwether/internal/intake/webhook/diff"
)

// giteaPushed and giteaPulled are payloads with what webhooks/v6 leaves out.
type (
	giteaPushed struct {
		payload.PushPayload
		TotalCommits int `json:"total_commits"`
	}
	giteaPulled struct {
		payload.PullRequestPayload
		Pull struct {
			payload.PullRequest
			Additions    *int `json:"additions"`
			Deletions    *int `json:"deletions"`
			ChangedFiles *int `json:"changed_files"`
		} `json:"pull_request"`
	}
)

// gitea reads push and pull_request, of Gitea and of Forgejo. https://docs.gitea.com/usage/webhooks
func gitea(event string, body []byte) ([]merge, error) {
	switch payload.Event(event) {
	case payload.PushEvent:
		return giteaPush(body)
	case payload.PullRequestEvent:
		return giteaPull(body)
	}
	return nil, ignored("the event " + event + " is no merge; push or pull_request are")
}

// giteaPush reads a push. Of its commits Gitea lists five, if it is not set otherwise, and counts all.
func giteaPush(body []byte) ([]merge, error) {
	var p giteaPushed
	if err := decode(body, &p); err != nil {
		return nil, err
	}
	if err := moved(p.Ref, p.After, len(p.Commits)); err != nil {
		return nil, err
	}
	if p.Repo == nil {
		return nil, merge{}.check()
	}
	m := merge{committed: true, Detail: intake.Detail{Repository: location(p.Repo.HTMLURL), Revision: p.After, Ref: p.Ref}}
	var lists [][]string
	for _, c := range p.Commits {
		if c == nil {
			continue
		}
		lists = append(lists, c.Added, c.Modified, c.Removed)
		if c.ID == p.After {
			m.Title, m.URL, m.at = firstLine(c.Message), c.URL, c.Timestamp
			if c.Author != nil {
				m.Author = c.Author.Name
			}
		}
	}
	if p.Repo.Updated.After(m.at) { // the push before this one, if Gitea does not count this one yet
		m.at = p.Repo.Updated
	}
	if !none(p.Before) {
		m.lists(p.TotalCommits == len(p.Commits), lists)
		m.ask = func(ctx context.Context, api *diff.API) (diff.Stat, error) {
			return api.GiteaCompare(ctx, name(m.Repository), p.Before, p.After)
		}
	}
	return []merge{m}, m.check()
}

func giteaPull(body []byte) ([]merge, error) {
	var p giteaPulled
	if err := decode(body, &p); err != nil {
		return nil, err
	}
	pull := p.Pull
	if p.Action != "closed" || pull.Merged == nil || pull.MergedCommitID == nil {
		return nil, ignored("pull request " + string(p.Action) + ", not merged")
	}
	if p.Repository == nil || pull.Base == nil {
		return nil, merge{}.check()
	}
	m := merge{at: *pull.Merged, Detail: intake.Detail{
		Repository: location(p.Repository.HTMLURL), Revision: *pull.MergedCommitID, Ref: "refs/heads/" + pull.Base.Ref,
		Title: firstLine(pull.Title), URL: pull.HTMLURL, FilesChanged: pull.ChangedFiles,
	}}
	if pull.Additions != nil && pull.Deletions != nil {
		m.LinesChanged = count(*pull.Additions + *pull.Deletions)
	}
	if pull.Poster != nil {
		m.Author = pull.Poster.UserName
	}
	for _, l := range pull.Labels {
		if l != nil {
			m.Labels = append(m.Labels, l.Name)
		}
	}
	m.ask = func(ctx context.Context, api *diff.API) (diff.Stat, error) {
		return api.GiteaPull(ctx, name(m.Repository), p.Index)
	}
	return []merge{m}, m.check()
}
