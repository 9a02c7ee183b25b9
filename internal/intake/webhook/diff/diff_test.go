package diff

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const token = "never-to-be-seen"

// serve answers each address with a body, as "path?query" or only "path"; %s in it is the server's own address.
func serve(t *testing.T, answers map[string]string, headers map[string]string) *API {
	var base string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+token {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		for _, address := range []string{r.URL.RequestURI(), r.URL.EscapedPath()} {
			if body, ok := answers[address]; ok {
				if link := headers[address]; link != "" {
					w.Header().Set("Link", link)
				}
				_, _ = fmt.Fprint(w, strings.ReplaceAll(body, "%s", base))
				return
			}
		}
		w.WriteHeader(http.StatusNotFound)
	}))
	t.Cleanup(server.Close)
	base = server.URL + "/api"
	return &API{Base: base + "/", Token: token, Client: server.Client()}
}

const next = `<https://git.example.com/x?page=2>; rel="next", <https://git.example.com/x?page=2>; rel="last"`

// The answers have the shapes that the hosts document.
func TestWhatTheHostsAnswer(t *testing.T) {
	n := func(i int) *int { return &i }
	ctx := context.Background()
	for name, c := range map[string]struct {
		answers, headers map[string]string
		ask              func(*API) (Stat, error)
		want             Stat
	}{
		"GitHub, a pull request": {
			answers: map[string]string{
				"/api/repos/innerscale/shop/pulls/412/files?limit=100&page=1&per_page=100": `[
					{"sha":"bbcd538c","filename":"cart.go","status":"modified","additions":80,"deletions":2,"changes":82,"patch":"@@ -1 +1 @@"},
					{"sha":"cbcd538c","filename":"price/new.go","previous_filename":"price/old.go","status":"renamed","additions":3,"deletions":1,"changes":4}]`,
				"/api/repos/innerscale/shop/pulls/412/files?limit=100&page=2&per_page=100": `[
					{"sha":"dbcd538c","filename":"README.md","status":"removed","additions":0,"deletions":10,"changes":10}]`,
			},
			headers: map[string]string{"/api/repos/innerscale/shop/pulls/412/files?limit=100&page=1&per_page=100": next},
			ask:     func(a *API) (Stat, error) { return a.GitHubPull(ctx, "innerscale/shop", 412) },
			want:    Stat{[]string{"README.md", "cart.go", "price/new.go", "price/old.go"}, n(3), n(96)},
		},
		"GitHub, a comparison": {
			answers: map[string]string{"/api/repos/innerscale/shop/compare/1e65...9f2c": `{"status":"ahead","ahead_by":2,"total_commits":2,"commits":[],
				"files":[{"filename":"cart.go","additions":8,"deletions":2}]}`},
			ask:  func(a *API) (Stat, error) { return a.GitHubCompare(ctx, "innerscale/shop", "1e65", "9f2c") },
			want: Stat{[]string{"cart.go"}, n(1), n(10)},
		},
		"GitHub, as many files as it compares": {
			answers: map[string]string{"/api/repos/innerscale/shop/compare/1e65...9f2c": `{"files":[` + strings.TrimSuffix(strings.Repeat(`{"filename":"a"},`, maxCompared), ",") + `]}`},
			ask:     func(a *API) (Stat, error) { return a.GitHubCompare(ctx, "innerscale/shop", "1e65", "9f2c") },
			want:    Stat{},
		},
		"Gitea, a pull request": {
			answers: map[string]string{"/api/repos/innerscale/checkout/pulls/31/files": `[{"filename":"cart.go","status":"changed","additions":8,"deletions":2,"changes":10,"html_url":"…"}]`},
			ask:     func(a *API) (Stat, error) { return a.GiteaPull(ctx, "innerscale/checkout", 31) },
			want:    Stat{[]string{"cart.go"}, n(1), n(10)},
		},
		"Gitea, one commit": {
			answers: map[string]string{"/api/repos/innerscale/checkout/compare/1e65...9f2c": `{"total_commits":1,"commits":[{"sha":"9f2c","files":[{"filename":"cart.go","status":"modified"}],"stats":{"total":12,"additions":8,"deletions":4}}]}`},
			ask:     func(a *API) (Stat, error) { return a.GiteaCompare(ctx, "innerscale/checkout", "1e65", "9f2c") },
			want:    Stat{[]string{"cart.go"}, n(1), n(12)},
		},
		"Gitea, two commits may undo each other's lines": {
			answers: map[string]string{"/api/repos/innerscale/checkout/compare/1e65...9f2c": `{"total_commits":2,"commits":[{"files":[{"filename":"b.go"},{"filename":"a.go"}],"stats":{"total":1}},{"files":[{"filename":"a.go"}],"stats":{"total":1}}]}`},
			ask:     func(a *API) (Stat, error) { return a.GiteaCompare(ctx, "innerscale/checkout", "1e65", "9f2c") },
			want:    Stat{[]string{"a.go", "b.go"}, n(2), nil},
		},
		"Gitea, not all commits": {
			answers: map[string]string{"/api/repos/innerscale/checkout/compare/1e65...9f2c": `{"total_commits":51,"commits":[{"files":[{"filename":"b.go"}]}]}`},
			ask:     func(a *API) (Stat, error) { return a.GiteaCompare(ctx, "innerscale/checkout", "1e65", "9f2c") },
			want:    Stat{},
		},
		"GitLab, a merge request": {
			answers: map[string]string{"/api/projects/shop%2Fteam%2Fcheckout/merge_requests/31/diffs": `[
				{"old_path":"cart.go","new_path":"cart.go","a_mode":"100644","b_mode":"100644","diff":"@@ -1,3 +1,3 @@\n package cart\n-// old\n+// new\n+\n","new_file":false,"renamed_file":false,"deleted_file":false,"generated_file":null},
				{"old_path":"a.go","new_path":"b.go","diff":"","renamed_file":true}]`},
			ask:  func(a *API) (Stat, error) { return a.GitLabMerge(ctx, "shop/team/checkout", 31) },
			want: Stat{[]string{"a.go", "b.go", "cart.go"}, n(2), n(3)},
		},
		"GitLab, a file too large to show": {
			answers: map[string]string{"/api/projects/shop%2Fteam%2Fcheckout/merge_requests/31/diffs": `[{"old_path":"big","new_path":"big","diff":"","too_large":true},{"old_path":"cart.go","new_path":"cart.go","diff":"@@ @@\n+x\n"}]`},
			ask:     func(a *API) (Stat, error) { return a.GitLabMerge(ctx, "shop/team/checkout", 31) },
			want:    Stat{[]string{"big", "cart.go"}, n(2), nil},
		},
		"GitLab, a comparison": {
			answers: map[string]string{"/api/projects/shop%2Fteam%2Fcheckout/repository/compare?from=1e65&straight=true&to=9f2c": `{"commit":{},"commits":[],"diffs":[{"old_path":"cart.go","new_path":"cart.go","diff":"@@ @@\n+x\n-y\n"}],"compare_timeout":false,"compare_same_ref":false}`},
			ask:     func(a *API) (Stat, error) { return a.GitLabCompare(ctx, "shop/team/checkout", "1e65", "9f2c") },
			want:    Stat{[]string{"cart.go"}, n(1), n(2)},
		},
		"GitLab, more than it compares": {
			answers: map[string]string{"/api/projects/shop%2Fteam%2Fcheckout/repository/compare": `{"diffs":[{"old_path":"cart.go","new_path":"cart.go"}],"compare_timeout":true}`},
			ask:     func(a *API) (Stat, error) { return a.GitLabCompare(ctx, "shop/team/checkout", "1e65", "9f2c") },
			want:    Stat{},
		},
		"Bitbucket Cloud, two pages": {
			answers: map[string]string{
				"/api/repositories/innerscale/checkout/pullrequests/31/diffstat?pagelen=100": `{"pagelen":100,"page":1,"size":2,"next":"%s/repositories/innerscale/checkout/diffstat/x?page=2",
					"values":[{"type":"diffstat","status":"renamed","lines_added":1,"lines_removed":2,"old":{"path":"a.go","type":"commit_file"},"new":{"path":"b.go","type":"commit_file"}}]}`,
				"/api/repositories/innerscale/checkout/diffstat/x?page=2": `{"values":[{"status":"removed","lines_added":0,"lines_removed":4,"old":{"path":"c.go"},"new":null}]}`,
			},
			ask:  func(a *API) (Stat, error) { return a.BitbucketPull(ctx, "innerscale/checkout", 31) },
			want: Stat{[]string{"a.go", "b.go", "c.go"}, n(2), n(7)},
		},
		"Bitbucket Cloud, a comparison, the newer first": {
			answers: map[string]string{"/api/repositories/innerscale/checkout/diffstat/9f2c..1e65": `{"values":[{"status":"added","lines_added":5,"lines_removed":0,"old":null,"new":{"path":"a.go"}}]}`},
			ask:     func(a *API) (Stat, error) { return a.BitbucketCompare(ctx, "innerscale/checkout", "1e65", "9f2c") },
			want:    Stat{[]string{"a.go"}, n(1), n(5)},
		},
		"Bitbucket Data Center, two pages": {
			answers: map[string]string{
				"/api/projects/SHOP/repos/checkout/pull-requests/31/changes?limit=100":         `{"values":[{"path":{"components":["a.go"],"toString":"a.go"},"srcPath":{"toString":"b.go"},"type":"MOVE"}],"size":1,"isLastPage":false,"start":0,"limit":1,"nextPageStart":1}`,
				"/api/projects/SHOP/repos/checkout/pull-requests/31/changes?limit=100&start=1": `{"values":[{"path":{"toString":"c.go"},"type":"ADD"}],"isLastPage":true,"nextPageStart":null}`,
			},
			ask:  func(a *API) (Stat, error) { return a.DataCenterPull(ctx, "SHOP", "checkout", 31) },
			want: Stat{[]string{"a.go", "b.go", "c.go"}, n(2), nil},
		},
		"Bitbucket Data Center, a comparison in somebody's own project": {
			answers: map[string]string{"/api/projects/~mei/repos/checkout/changes?limit=100&since=1e65&until=9f2c": `{"values":[{"path":{"toString":"c.go"}}],"isLastPage":true}`},
			ask:     func(a *API) (Stat, error) { return a.DataCenterCompare(ctx, "~mei", "checkout", "1e65", "9f2c") },
			want:    Stat{[]string{"c.go"}, n(1), nil},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := c.ask(serve(t, c.answers, c.headers))
			require.NoError(t, err)
			require.Equal(t, c.want, got)
		})
	}
}

func TestMoreFilesThanAreReadAreUnknown(t *testing.T) {
	const path = "/api/projects/shop%2Fteam%2Fcheckout/merge_requests/31/diffs"
	page := "[" + strings.TrimSuffix(strings.Repeat(`{"old_path":"a","new_path":"a"},`, perPage), ",") + "]"
	api := serve(t, map[string]string{path: page}, map[string]string{path: next})
	stat, err := api.GitLabMerge(context.Background(), "shop/team/checkout", 31)
	require.NoError(t, err)
	require.Equal(t, Stat{}, stat)
}

func TestFailuresAreToldWithoutTheToken(t *testing.T) {
	gone := serve(t, nil, nil)
	broken := serve(t, map[string]string{"/api/projects/shop%2Fteam%2Fcheckout/merge_requests/31/diffs": `{"message":"401"}`}, nil)
	nowhere := &API{Base: "http://127.0.0.1:1", Token: token, Client: http.DefaultClient}
	for name, c := range map[string]struct {
		api  *API
		told string
	}{
		"no such thing": {gone, "answered 404"},
		"another shape": {broken, "read the answer"},
		"unreachable":   {nowhere, "refused"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := c.api.GitLabMerge(context.Background(), "shop/team/checkout", 31)
			require.ErrorContains(t, err, c.told)
			require.NotContains(t, err.Error(), token)
		})
	}
}

func TestTheTokenStaysAtItsHost(t *testing.T) {
	for _, elsewhere := range []string{"http://127.0.0.1:1/steal", "%s.evil.example/steal"} {
		api := serve(t, map[string]string{"/api/repositories/a/b/pullrequests/1/diffstat": `{"next":"` + elsewhere + `","values":[]}`}, nil)
		_, err := api.BitbucketPull(context.Background(), "a/b", 1)
		require.ErrorContains(t, err, "elsewhere")
	}
}

// GitLab need not be at the root of its host; then a repository's path begins with where it is.
func TestGitLabBelowTheRoot(t *testing.T) {
	for base, want := range map[string]string{
		"https://git.example/api/v4":         "gitlab%2Fshop%2Fcheckout",
		"https://git.example/gitlab/api/v4/": "shop%2Fcheckout",
	} {
		require.Equal(t, want, (&API{Base: base}).project("gitlab/shop/checkout"))
	}
}

func TestNoNameLeadsElsewhere(t *testing.T) {
	asked := false
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }))
	defer server.Close()
	api := &API{Base: server.URL + "/repos", Token: token, Client: server.Client()}
	for _, name := range []string{"../user", "innerscale/..", "./shop", "innerscale/shop/../../x/y"} {
		_, err := api.GitHubCompare(context.Background(), name, "1e65", "9f2c")
		require.ErrorContains(t, err, "leads elsewhere")
	}
	require.False(t, asked)
}

func TestTheWholeRevision(t *testing.T) {
	const whole = "9f2c1b7e4d3a58c6b0e1f2a3948576c1d2e3f405"
	for answer, want := range map[string]string{
		`{"type":"commit","hash":"` + whole + `"}`:            whole,
		`{"hash":"9f2c1b7e4d3a"}`:                             "",
		`{"hash":"0000000000000000000000000000000000000000"}`: "",
	} {
		api := serve(t, map[string]string{"/api/repositories/innerscale/checkout/commit/9f2c1b7e4d3a": answer}, nil)
		got, err := api.BitbucketCommit(context.Background(), "innerscale/checkout", "9f2c1b7e4d3a")
		require.Equal(t, want, got)
		require.Equal(t, want == "", err != nil)
	}
}

func TestNamesCannotLeaveTheirPlaceInThePath(t *testing.T) {
	api := serve(t, map[string]string{"/api/repos/a/b%3Fx=%23/pulls/1/files": `[]`}, nil)
	_, err := api.GitHubPull(context.Background(), "a/b?x=#", 1)
	require.NoError(t, err)
}
