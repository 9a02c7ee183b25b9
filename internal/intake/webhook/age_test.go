package webhook

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/pipeline"
)

func TestReplaysChangeNothing(t *testing.T) {
	w := newWorld(t)
	for i, want := range []string{pipeline.Accepted, pipeline.Repeated, pipeline.Repeated} {
		again := recorded(t, "github/push")
		again.header.Set("X-GitHub-Delivery", strconv.Itoa(i)) // no signature covers it
		_, said := w.post(t, again)
		require.Equal(t, want, said.Runs[0].Outcome)
	}
	require.Len(t, w.submitted, 1)
}

func TestOldAndFutureMergesAreRefused(t *testing.T) {
	for _, example := range []string{"github/push", "github/pull-merged", "gitlab/merge", "gitea/pull-merged", "bitbucket/server-refs-changed"} {
		for name, c := range map[string]struct {
			now    time.Time
			status int
			told   string
		}{
			"almost too old":   {merged.Add(13*24*time.Hour - time.Second), http.StatusAccepted, ""},
			"too old":          {merged.Add(13*24*time.Hour + time.Second), http.StatusConflict, "bellwether emit tests it"},
			"a clock is ahead": {merged.Add(-4 * time.Minute), http.StatusAccepted, ""},
			"future":           {merged.Add(-6 * time.Minute), http.StatusConflict, "yet to come"},
		} {
			t.Run(example+"/"+name, func(t *testing.T) {
				w := newWorld(t)
				w.known("bitbucket", Host{Name: dataCenter})
				w.Now = func() time.Time { return c.now }
				status, said := w.post(t, recorded(t, example))
				require.Equal(t, c.status, status)
				require.Contains(t, said.Error, c.told)
				require.Empty(t, w.refused)
			})
		}
	}
}

// Somebody's work of last month may be merged today, as it is. The host is not to switch its webhook off for that, and people
// are to know.
func TestOldAndFutureCommitsAreTold(t *testing.T) {
	for _, example := range []string{"gitlab/push", "gitea/push", "bitbucket/push"} {
		for told, now := range map[string]time.Time{
			"too old: it is of 2026-11-20T09:30:00Z": merged.Add(13*24*time.Hour + time.Second),
			"yet to come":                            merged.Add(-6 * time.Minute),
		} {
			t.Run(example+"/"+told, func(t *testing.T) {
				w := newWorld(t)
				w.Now = func() time.Time { return now }
				status, said := w.post(t, recorded(t, example))
				require.Equal(t, http.StatusOK, status)
				require.Len(t, said.Ignored, 1)
				require.Contains(t, said.Ignored[0], told)
				require.Empty(t, w.submitted)
				require.Len(t, w.refused, 1)
				require.Contains(t, w.refused[0], told)
				require.Contains(t, w.refused[0], "\nbellwether emit --kind service --name checkout --revision 9f2c1b7e4d3a58c6b0e1f2a3948576c1d2e3f405")

				w.Refuse = func(context.Context, string, string, string) error { return errors.New("dial tcp: refused") }
				status, _ = w.post(t, recorded(t, example))
				require.Equal(t, http.StatusServiceUnavailable, status, "until people are told it is not over")
			})
		}
	}
}

func TestGiteaKnowsOfNewerPushesThanItsCommits(t *testing.T) {
	w := newWorld(t)
	status, _ := w.post(t, recorded(t, "gitea/push").with(t, `"timestamp": "2026-11-20T09:30:00Z"`, `"timestamp": "2026-10-20T09:30:00Z"`))
	require.Equal(t, http.StatusAccepted, status)
}

// A signature that says when it was made does away with the question how old the commit is.
func TestAnOldCommitThatWasPushedJustNow(t *testing.T) {
	now := merged.Add(90 * 24 * time.Hour)
	w := newWorld(t)
	w.Now = func() time.Time { return now }
	w.known("gitlab", Host{Secrets: []string{"whsec_" + base64.StdEncoding.EncodeToString([]byte(signingKey))}})
	status, said := w.post(t, standard(recorded(t, "gitlab/push"), signingKey, now))
	require.Equal(t, http.StatusAccepted, status, said)
	require.Len(t, w.submitted, 1)
}

func TestAnOldMergeHoldsUpNoOtherOfTheSamePush(t *testing.T) {
	w := newWorld(t)
	push := recorded(t, "bitbucket/push-and-deleted-branch")
	var payload struct {
		Push struct {
			Changes []json.RawMessage `json:"changes"`
		} `json:"push"`
	}
	require.NoError(t, json.Unmarshal(push.body, &payload))
	change := string(payload.Push.Changes[1])
	old := strings.ReplaceAll(change, "2026-11-20T09:30:00", "2026-10-20T09:30:00")
	status, said := w.post(t, push.with(t, change, old+","+change))
	require.Equal(t, http.StatusAccepted, status)
	require.Contains(t, said.Ignored[0], "too old")
	require.Len(t, said.Runs, 1)
}

func TestAnOldPushThatConcernsNobodyIsNoError(t *testing.T) {
	w := newWorld(t)
	w.Now = func() time.Time { return merged.Add(90 * 24 * time.Hour) }
	status, _ := w.post(t, recorded(t, "github/push-of-a-fork"))
	require.Equal(t, http.StatusOK, status, "hosts switch off a webhook that fails again and again")
}
