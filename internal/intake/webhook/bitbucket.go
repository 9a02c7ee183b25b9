package webhook

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	cloud "github.com/go-playground/webhooks/v6/bitbucket"
	server "github.com/go-playground/webhooks/v6/bitbucket-server"

	"bellwether/internal/intake"
	"bellwether/internal/intake/webhook/diff"
)

// bitbucket reads repo:push and pullrequest:fulfilled of Bitbucket Cloud, repo:refs_changed and pr:merged of Data Center. No push
// of either lists files.
//
// https://support.atlassian.com/bitbucket-cloud/docs/event-payloads/
// https://confluence.atlassian.com/bitbucketserver/event-payload-938025882.html
func bitbucket(event string, body []byte) ([]merge, error) {
	switch event {
	case string(cloud.RepoPushEvent):
		return cloudPush(body)
	case string(cloud.PullRequestMergedEvent):
		return cloudPull(body)
	case string(server.RepositoryReferenceChangedEvent):
		return serverPush(body)
	case string(server.PullRequestMergedEvent):
		return serverPull(body)
	case "diagnostics:ping":
		return nil, ignored("hello Bitbucket: Bellwether listens, the secret is right")
	}
	return nil, ignored("the event " + event + " is no merge; repo:push or pullrequest:fulfilled are, and of Data Center repo:refs_changed or pr:merged")
}

// each reads n changes of one push. It is ignored when all of them are, for the reason of the first.
func each(n int, read func(i int) (merge, error)) ([]merge, error) {
	var merges []merge
	var skipped []error
	for i := range n {
		m, err := read(i)
		if _, ok := errors.AsType[ignored](err); ok {
			skipped = append(skipped, err)
			continue
		}
		if err != nil {
			return nil, err
		}
		merges = append(merges, m)
	}
	switch {
	case len(merges) > 0:
		return merges, nil
	case len(skipped) > 0:
		return nil, skipped[0]
	}
	return nil, ignored("the push brings nothing")
}

func cloudPush(body []byte) ([]merge, error) {
	var p cloud.RepoPushPayload
	if err := decode(body, &p); err != nil {
		return nil, err
	}
	return each(len(p.Push.Changes), func(i int) (merge, error) { return cloudMoved(p, i) })
}

func cloudMoved(p cloud.RepoPushPayload, i int) (merge, error) {
	c := p.Push.Changes[i]
	head, before := c.New.Target, c.Old.Target.Hash
	switch {
	case c.New.Type == "":
		return merge{}, ignored("the " + c.Old.Type + " " + c.Old.Name + " was deleted")
	case c.New.Type != "branch":
		return merge{}, ignored("the " + c.New.Type + " " + c.New.Name + " is no branch")
	}
	ref := "refs/heads/" + c.New.Name
	if err := moved(ref, head.Hash, len(c.Commits)); err != nil {
		return merge{}, err
	}
	m := merge{at: head.Date, committed: true, Detail: intake.Detail{
		Repository: location(p.Repository.Links.HTML.Href), Revision: head.Hash, Ref: ref,
		Author: p.Actor.DisplayName, Title: firstLine(head.Message), URL: head.Links.HTML.Href,
	}}
	if !c.Forced && !none(before) {
		m.ask = func(ctx context.Context, api *diff.API) (diff.Stat, error) {
			return api.BitbucketCompare(ctx, name(m.Repository), before, head.Hash)
		}
	}
	return m, m.check()
}

// cloudPull reads a merge, whose revision Bitbucket Cloud shortens to twelve characters.
func cloudPull(body []byte) ([]merge, error) {
	var p cloud.PullRequestMergedPayload
	if err := decode(body, &p); err != nil {
		return nil, err
	}
	pull := p.PullRequest
	m := merge{at: pull.UpdatedOn, Detail: intake.Detail{
		Repository: location(p.Repository.Links.HTML.Href), Revision: pull.MergeCommit.Hash, Ref: "refs/heads/" + pull.Destination.Branch.Name,
		Author: pull.Author.DisplayName, Title: firstLine(pull.Title), URL: pull.Links.HTML.Href,
	}}
	if short(m.Revision) {
		m.whole = func(ctx context.Context, api *diff.API) (string, error) {
			return api.BitbucketCommit(ctx, name(m.Repository), pull.MergeCommit.Hash)
		}
	}
	m.ask = func(ctx context.Context, api *diff.API) (diff.Stat, error) {
		return api.BitbucketPull(ctx, name(m.Repository), pull.ID)
	}
	return []merge{m}, m.check()
}

// changedRefs is repo:refs_changed, with what webhooks/v6 leaves out: the newest commit, which newer versions tell.
type changedRefs struct {
	server.RepositoryReferenceChangedPayload
	ToCommit struct {
		ID      string      `json:"id"`
		Message string      `json:"message"`
		Author  server.User `json:"author"`
	} `json:"toCommit"`
}

func serverPush(body []byte) ([]merge, error) {
	var p changedRefs
	if err := decode(body, &p); err != nil {
		return nil, err
	}
	return each(len(p.Changes), func(i int) (merge, error) { return serverMoved(p, p.Changes[i]) })
}

func serverMoved(p changedRefs, c server.RepositoryChange) (merge, error) {
	if err := onBranch(c.Reference.ID); err != nil {
		return merge{}, err
	}
	if c.Type == "DELETE" || none(c.ToHash) {
		return merge{}, ignored("the branch " + c.Reference.DisplayID + " was deleted")
	}
	m := inServer(p.Repository, time.Time(p.Date))
	m.Revision, m.Ref, m.Author = c.ToHash, c.Reference.ID, p.Actor.DisplayName
	if p.ToCommit.ID == c.ToHash {
		m.Title, m.Author = firstLine(p.ToCommit.Message), cmp.Or(p.ToCommit.Author.DisplayName, p.ToCommit.Author.Name, m.Author)
	}
	if page, ok := strings.CutSuffix(link(p.Repository.Links, "self", ""), "/browse"); ok {
		m.URL = page + "/commits/" + c.ToHash
	}
	if !none(c.FromHash) && m.is(p.Repository) {
		m.ask = func(ctx context.Context, api *diff.API) (diff.Stat, error) {
			return api.DataCenterCompare(ctx, p.Repository.Project.Key, p.Repository.Slug, c.FromHash, c.ToHash)
		}
	}
	return m, m.check()
}

func serverPull(body []byte) ([]merge, error) {
	var p server.PullRequestMergedPayload
	if err := decode(body, &p); err != nil {
		return nil, err
	}
	pull, to := p.PullRequest, p.PullRequest.ToRef.Repository
	m := inServer(to, time.Time(p.Date))
	commit, _ := pull.Properties["mergeCommit"].(map[string]any)
	m.Revision, _ = commit["id"].(string)
	m.Ref, m.Author = pull.ToRef.ID, cmp.Or(pull.Author.User.DisplayName, pull.Author.User.Name)
	m.Title, m.URL = firstLine(pull.Title), link(pull.Links, "self", "")
	if m.is(to) {
		m.ask = func(ctx context.Context, api *diff.API) (diff.Stat, error) {
			return api.DataCenterPull(ctx, to.Project.Key, to.Slug, pull.ID)
		}
	}
	return []merge{m}, m.check()
}

// inServer is a merge in a repository of Data Center, which has two addresses: host/scm/project/slug over HTTP, and
// host/project/slug over SSH. The catalog may have either.
func inServer(r server.Repository, at time.Time) merge {
	web, ssh := location(link(r.Links, "clone", "http")), location(link(r.Links, "clone", "ssh"))
	return merge{at: at, Detail: intake.Detail{Repository: cmp.Or(web, ssh)}, also: []string{ssh}}
}

// is tells whether the API's name of the repository is that of its addresses, of which the catalog knows one.
func (m merge) is(r server.Repository) bool {
	known := slices.DeleteFunc(append([]string{m.Repository}, m.also...), func(address string) bool { return address == "" })
	return !slices.ContainsFunc(known, func(address string) bool {
		return !strings.EqualFold(name(address), r.Project.Key+"/"+r.Slug)
	})
}

// link is the address in a list of Data Center's links; with a name the one of that name.
func link(links map[string]any, list, name string) string {
	all, _ := links[list].([]any)
	for _, entry := range all {
		one, _ := entry.(map[string]any)
		if called, _ := one["name"].(string); called == name {
			href, _ := one["href"].(string)
			return href
		}
	}
	return ""
}
