package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"bellwether/internal/intake"
	"bellwether/pipeline"
)

var update = flag.Bool("update", false, "write the golden files")

func TestRecordedWebhooks(t *testing.T) {
	files, err := filepath.Glob("testdata/*/*.http")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		name := strings.TrimSuffix(strings.TrimPrefix(file, "testdata/"), ".http")
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			if strings.HasPrefix(name, "bitbucket/server-") {
				w.known("bitbucket", Host{Name: dataCenter})
			}
			status, said := w.post(t, recorded(t, name))
			got, err := json.MarshalIndent(map[string]any{"status": status, "answer": said, "submitted": w.submitted}, "", "  ")
			require.NoError(t, err)
			golden := strings.TrimSuffix(file, ".http") + ".json"
			if *update {
				require.NoError(t, os.WriteFile(golden, append(got, '\n'), 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			require.Equal(t, string(want), string(got)+"\n")
			require.Empty(t, w.refused, "people are not told of what a webhook brings in vain")
		})
	}
}

func TestPushAndPullRequestOfOneMergeAreOneChange(t *testing.T) {
	for name, pair := range map[string][2]string{
		"GitHub":                {"github/push", "github/pull-merged"},
		"GitLab":                {"gitlab/push", "gitlab/merge"},
		"Gitea":                 {"gitea/push", "gitea/pull-merged"},
		"Bitbucket Data Center": {"bitbucket/server-refs-changed", "bitbucket/server-pull-merged"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			if name == "Bitbucket Data Center" {
				w.known("bitbucket", Host{Name: dataCenter})
			}
			_, first := w.post(t, recorded(t, pair[0]))
			_, second := w.post(t, recorded(t, pair[1]))
			require.Equal(t, pipeline.Accepted, first.Runs[0].Outcome)
			require.Equal(t, pipeline.Repeated, outcomeOf(t, second, "run-checkout"))
		})
	}
}

func outcomeOf(t *testing.T, said answer, run string) string {
	for _, r := range said.Runs {
		if r.Run == run {
			return r.Outcome
		}
	}
	require.Fail(t, "no such run", run)
	return ""
}

func TestMonorepoReachesOnlyTheServicesConcerned(t *testing.T) {
	for name, want := range map[string][]string{
		"github/push":               {"checkout"},
		"github/push-two-services":  {"billing", "checkout"},
		"github/push-stack":         {"platform"},
		"github/push-documentation": nil,
		"github/push-forced":        {"billing", "checkout", "platform"}, // what was thrown away is not told: no paths are known
		"github/push-other-branch":  nil,
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.post(t, recorded(t, name))
			var got []string
			for _, c := range w.submitted {
				got = append(got, c.Name)
			}
			require.Equal(t, want, got)
		})
	}
}

// A list that was cut short must not exclude a service.
func TestCutListsOfCommitsAreUnknownPaths(t *testing.T) {
	commit := `{"id":"5a4b3c2d1e0f9a8b7c6d5e4f3a2b1c0d9e8f7a6b","added":[],"removed":[],"modified":["docs/carts.md"]}`
	many := func(n int) string { return strings.TrimSuffix(strings.Repeat(commit+",", n), ",") }
	files := strings.TrimSuffix(strings.Repeat(`"docs/carts.md",`, 3000), ",")
	for name, c := range map[string]struct {
		commits string
		all     bool
	}{
		"2047 commits":               {many(2047), false},
		"2048 commits":               {many(2048), true},
		"a commit of 3000 files":     {strings.Replace(commit, `"docs/carts.md"`, files, 1), true},
		"a commit of 1 file is told": {many(1), false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			d := recorded(t, "github/push")
			var payload map[string]json.RawMessage
			require.NoError(t, json.Unmarshal(d.body, &payload))
			payload["commits"] = json.RawMessage("[" + c.commits + "]")
			var err error
			d.body, err = json.Marshal(payload)
			require.NoError(t, err)
			w.post(t, d.sign(secret))
			require.Equal(t, c.all, len(w.submitted) == 3)
			for _, change := range w.submitted {
				require.Nil(t, change.Paths)
				require.Nil(t, change.Files)
			}
		})
	}
}

func TestChangesArePublishedWhenThereIsABus(t *testing.T) {
	w := newWorld(t)
	var ids []string
	var told []intake.Detail
	w.Publish = func(_ context.Context, id string, d intake.Detail) (string, error) {
		ids, told = append(ids, id), append(told, d)
		return fmt.Sprintf("on-the-bus-%d", len(told)), nil
	}
	for range 2 {
		status, said := w.post(t, recorded(t, "github/push-two-services"))
		require.Equal(t, http.StatusAccepted, status)
		require.Len(t, said.Published, 2)
	}
	require.Empty(t, w.submitted)
	require.Equal(t, []string{"billing", "checkout"}, []string{told[0].Name, told[1].Name})
	require.Equal(t, "service", told[0].Kind)
	require.Equal(t, "refs/heads/main", told[0].Ref)
	require.Equal(t, ids[:2], ids[2:], "a redelivery has the same id")

	w.Publish = func(context.Context, string, intake.Detail) (string, error) { return "", errors.New("throttled") }
	status, said := w.post(t, recorded(t, "github/push"))
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Contains(t, said.Error, "deliver it again")
}

func TestLongTextsAndListsAreNotSentOn(t *testing.T) {
	w := newWorld(t)
	many := strings.Repeat(`"services/checkout/a-file-with-a-long-name.go", `, 2000)
	w.post(t, recorded(t, "github/push").
		with(t, `"added": [`, `"added": [`+strings.TrimSuffix(many, ", ")+",").
		with(t, "Merge pull request #412", strings.Repeat("é", 300)))
	require.Len(t, w.submitted, 1, "the same file two thousand times is one path")
	require.Len(t, []rune(w.submitted[0].Title), maxTitle)
	require.Equal(t, 4, *w.submitted[0].Files)

	var names strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&names, `"services/checkout/a-file-with-a-long-name-%d.go",`, i)
	}
	w = newWorld(t)
	w.post(t, recorded(t, "github/push").with(t, `"added": [`, `"added": [`+names.String()))
	require.Len(t, w.submitted, 1, "they were looked at")
	require.Nil(t, w.submitted[0].Paths)
	require.Equal(t, 2003, *w.submitted[0].Files)
}

func TestAHostThatHangsUpTakesNoMergeAway(t *testing.T) {
	w := newHooks()
	gone, hangUp := context.WithCancel(context.Background())
	hangUp()
	alive := false
	w.Take = func(ctx context.Context, _ []byte) ([]pipeline.Receipt, error) {
		alive = ctx.Err() == nil
		return nil, nil
	}
	d := recorded(t, "github/push")
	request := httptest.NewRequestWithContext(gone, http.MethodPost, "/webhooks/github", bytes.NewReader(d.body))
	request.Header = d.header
	w.Handler().ServeHTTP(httptest.NewRecorder(), request)
	require.True(t, alive)
}

// The ways in which an intake may fail, and what the host then shows.
func TestWhatTheHostIsToldOfFailures(t *testing.T) {
	for name, c := range map[string]struct {
		err    error
		status int
		told   string
	}{
		"not stored": {errors.New("dial tcp: refused"), http.StatusServiceUnavailable, "the change could not be stored; deliver it again"},
		"malformed":  {&intake.Malformed{Reason: "detail.ref: holds a secret"}, http.StatusBadRequest, "detail.ref: holds a secret"},
		"refused":    {&pipeline.Refusal{Reason: "name: gone"}, http.StatusUnprocessableEntity, "name: gone"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.Take = func(context.Context, []byte) ([]pipeline.Receipt, error) { return nil, c.err }
			status, said := w.post(t, recorded(t, "github/push"))
			require.Equal(t, c.status, status)
			require.Equal(t, c.told, said.Error)
		})
	}
}

func TestAsksTheHostForWhatItDidNotTell(t *testing.T) {
	w := newWorld(t)
	api, _ := host(t, map[string]string{
		"/repos/innerscale/shop/pulls/412/files": `[{"filename":"services/billing/money.go","additions":80,"deletions":16}]`,
	})
	w.known("github", Host{API: api})
	status, _ := w.post(t, recorded(t, "github/pull-merged"))
	require.Equal(t, http.StatusAccepted, status)
	require.Len(t, w.submitted, 1, "now the paths are known")
	require.Equal(t, "billing", w.submitted[0].Name)
	require.Equal(t, 96, *w.submitted[0].Lines)
}

func TestAHostThatIsSilentLosesNoMerge(t *testing.T) {
	for name, ask := range map[string]string{"push": "github/push", "pull request": "github/pull-merged", "other host": "gitlab/push"} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			api, asked := host(t, nil)
			for name := range w.Hosts {
				w.known(name, Host{API: api})
			}
			status, _ := w.post(t, recorded(t, ask))
			require.Equal(t, http.StatusAccepted, status)
			require.NotEmpty(t, *asked)
			require.Contains(t, w.logged.String(), "404")
			require.NotContains(t, w.logged.String(), "the-api-token")
		})
	}
}

func TestTheHostIsAskedAboutNothingThatConcernsNobody(t *testing.T) {
	w := newWorld(t)
	api, asked := host(t, nil)
	w.known("github", Host{API: api})
	w.post(t, recorded(t, "github/push-of-a-fork"))
	w.post(t, recorded(t, "github/push-other-branch"))
	require.Empty(t, *asked)
}

// What a forced push throws away is in no comparison with what it replaces.
func TestTheHostIsNotAskedToCompareAcrossAForcedPush(t *testing.T) {
	w := newWorld(t)
	api, asked := host(t, nil)
	w.known("github", Host{API: api})
	w.known("bitbucket", Host{API: api})
	w.post(t, recorded(t, "github/push-forced"))
	w.post(t, recorded(t, "bitbucket/push").with(t, `"forced": false`, `"forced": true`))
	require.Len(t, w.submitted, 4)
	require.Empty(t, *asked)
}

func TestBitbucketsShortRevision(t *testing.T) {
	const whole = "9f2c1b7e4d3a58c6b0e1f2a3948576c1d2e3f405"
	const repo = "/repositories/innerscale/checkout"
	w := newWorld(t)
	api, _ := host(t, map[string]string{
		repo + "/commit/9f2c1b7e4d3a":      `{"hash":"` + whole + `"}`,
		repo + "/pullrequests/31/diffstat": `{"values":[{"lines_added":84,"lines_removed":12,"new":{"path":"cart.go"},"old":{"path":"cart.go"}}]}`,
	})
	w.known("bitbucket", Host{API: api})
	w.post(t, recorded(t, "bitbucket/pull-fulfilled"))
	require.Len(t, w.submitted, 1)
	require.Equal(t, whole, w.submitted[0].Revision)
	require.Equal(t, []string{"cart.go"}, w.submitted[0].Paths)

	_, said := w.post(t, recorded(t, "bitbucket/push"))
	require.Equal(t, pipeline.Repeated, said.Runs[0].Outcome, "the push is the same merge")

	silent, _ := host(t, nil)
	w.known("bitbucket", Host{API: silent})
	status, _ := w.post(t, recorded(t, "bitbucket/pull-fulfilled"))
	require.Equal(t, http.StatusServiceUnavailable, status, "Bitbucket delivers it again")
}
