package webhook

import (
	"cmp"
	"context"
	"strings"
	"time"

	payload "github.com/go-playground/webhooks/v6/github"

	"bellwether/internal/intake"
	"bellwether/internal/intake/webhook/diff"
)

// What GitHub lists at most in a push. A list of this length may have been cut.
// https://docs.github.com/en/webhooks/webhook-events-and-payloads#push
const (
	githubCommits     = 2048
	githubCommitFiles = 3000
)

// github reads push and pull_request.
func github(event string, body []byte) ([]merge, error) {
	switch payload.Event(event) {
	case payload.PingEvent:
		return nil, ignored("hello GitHub: Bellwether listens, the secret is right")
	case payload.PushEvent:
		return githubPush(body)
	case payload.PullRequestEvent:
		return githubPull(body)
	}
	return nil, ignored("the event " + event + " is no merge; push or pull_request are")
}

func githubPush(body []byte) ([]merge, error) {
	var p payload.PushPayload
	if err := decode(body, &p); err != nil {
		return nil, err
	}
	if err := moved(p.Ref, p.After, len(p.Commits)); err != nil {
		return nil, err
	}
	head := p.HeadCommit
	m := merge{at: time.Unix(p.Repository.PushedAt, 0), Detail: intake.Detail{
		Repository: location(p.Repository.HTMLURL), Revision: p.After, Ref: p.Ref,
		Author: cmp.Or(head.Author.Username, head.Author.Name, p.Pusher.Name), Title: firstLine(head.Message), URL: head.URL,
	}}
	if !p.Forced && !none(p.Before) {
		var lists [][]string
		whole := len(p.Commits) < githubCommits
		for _, c := range p.Commits {
			lists = append(lists, c.Added, c.Modified, c.Removed)
			whole = whole && len(c.Added)+len(c.Modified)+len(c.Removed) < githubCommitFiles
		}
		m.lists(whole, lists)
		m.ask = func(ctx context.Context, api *diff.API) (diff.Stat, error) {
			return api.GitHubCompare(ctx, name(m.Repository), p.Before, p.After)
		}
	}
	return []merge{m}, m.check()
}

func githubPull(body []byte) ([]merge, error) {
	var p payload.PullRequestPayload
	if err := decode(body, &p); err != nil {
		return nil, err
	}
	pull := p.PullRequest
	if p.Action != "closed" || pull.MergedAt == nil || pull.MergeCommitSha == nil {
		return nil, ignored("pull request " + p.Action + ", not merged")
	}
	m := merge{at: *pull.MergedAt, Detail: intake.Detail{
		Repository: location(p.Repository.HTMLURL), Revision: *pull.MergeCommitSha, Ref: "refs/heads/" + pull.Base.Ref,
		Author: pull.User.Login, Title: firstLine(pull.Title), URL: pull.HTMLURL,
		FilesChanged: count(int(pull.ChangedFiles)), LinesChanged: count(int(pull.Additions + pull.Deletions)),
	}}
	for _, l := range pull.Labels {
		m.Labels = append(m.Labels, l.Name)
	}
	m.ask = func(ctx context.Context, api *diff.API) (diff.Stat, error) {
		return api.GitHubPull(ctx, name(m.Repository), p.Number)
	}
	return []merge{m}, m.check()
}

// moved wants a push to bring something to a branch. One that moves it back to an older commit, or copies another branch,
// brings no commit.
func moved(ref, after string, commits int) error {
	if err := onBranch(ref); err != nil {
		return err
	}
	branch := strings.TrimPrefix(ref, "refs/heads/")
	switch {
	case none(after):
		return ignored("the branch " + branch + " was deleted")
	case commits == 0:
		return ignored("the push to " + branch + " brings no commit")
	}
	return nil
}

// lists takes the paths of a push from those of its commits, if these are whole: part of them could leave out a service.
func (m *merge) lists(whole bool, of [][]string) {
	if whole {
		m.Paths = touched(of...)
		m.FilesChanged = count(len(m.Paths))
	}
}
