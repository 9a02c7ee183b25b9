package webhook

import (
	"cmp"
	"context"

	payload "github.com/go-playground/webhooks/v6/gitlab"

	"bellwether/internal/intake"
	"bellwether/internal/intake/webhook/diff"
)

// mergeRequest is a Merge Request Hook, with what webhooks/v6 leaves out.
type mergeRequest struct {
	payload.MergeRequestEventPayload
	Attributes struct {
		payload.ObjectAttributes
		MergeCommit  string `json:"merge_commit_sha"`
		SquashCommit string `json:"squash_commit_sha"`
	} `json:"object_attributes"`
}

// gitlabMerges reads Push Hook and Merge Request Hook.
// https://docs.gitlab.com/user/project/integrations/webhook_events/
func gitlabMerges(event string, body []byte) ([]merge, error) {
	switch payload.Event(event) {
	case payload.PushEvents:
		return gitlabPush(body)
	case payload.MergeRequestEvents:
		return gitlabMergeRequest(body)
	}
	return nil, ignored("the event " + event + " is no merge; Push Hook or Merge Request Hook are")
}

// gitlabPush reads a push. Of its commits GitLab lists twenty, and counts all.
func gitlabPush(body []byte) ([]merge, error) {
	var p payload.PushEventPayload
	if err := decode(body, &p); err != nil {
		return nil, err
	}
	if err := moved(p.Ref, p.After, len(p.Commits)); err != nil {
		return nil, err
	}
	m := merge{committed: true, Detail: intake.Detail{
		Repository: location(p.Project.WebURL), Revision: p.After, Ref: p.Ref, Author: p.UserName,
	}}
	var lists [][]string
	for _, c := range p.Commits {
		lists = append(lists, c.Added, c.Modified, c.Removed)
		if c.ID == p.After {
			m.Author, m.Title, m.URL, m.at = c.Author.Name, firstLine(c.Message), c.URL, c.Timestamp.Time
		}
	}
	if !none(p.Before) {
		m.lists(p.TotalCommitsCount == int64(len(p.Commits)), lists)
		m.ask = func(ctx context.Context, api *diff.API) (diff.Stat, error) {
			return api.GitLabCompare(ctx, path(m.Repository), p.Before, p.After)
		}
	}
	return []merge{m}, m.check()
}

// gitlabMergeRequest reads a merge. When it was fast-forwarded GitLab does not tell to which commit: the last one of the source
// branch is not it if the commits were squashed. https://gitlab.com/gitlab-org/gitlab/-/issues/415449
func gitlabMergeRequest(body []byte) ([]merge, error) {
	var p mergeRequest
	if err := decode(body, &p); err != nil {
		return nil, err
	}
	a := p.Attributes
	if a.Action != "merge" {
		return nil, ignored("merge request " + a.Action + ", not merged")
	}
	revision := cmp.Or(a.MergeCommit, a.SquashCommit)
	if revision == "" {
		return nil, ignored("a fast-forward, whose revision only its push tells; subscribe to push events too")
	}
	m := merge{at: a.UpdatedAt.Time, Detail: intake.Detail{
		Repository: location(p.Project.WebURL), Revision: revision, Ref: "refs/heads/" + a.TargetBranch,
		Author: a.LastCommit.Author.Name, Title: firstLine(a.Title), URL: a.URL,
	}}
	for _, l := range p.Labels {
		m.Labels = append(m.Labels, l.Title)
	}
	m.ask = func(ctx context.Context, api *diff.API) (diff.Stat, error) {
		return api.GitLabMerge(ctx, path(m.Repository), a.IID)
	}
	return []merge{m}, m.check()
}
