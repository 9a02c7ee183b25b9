package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/internal/catalog"
	"bellwether/internal/intake"
	"bellwether/internal/lane"
	"bellwether/internal/peers"
	"bellwether/internal/store"
	"bellwether/pipeline"
)

// mallCatalog has three services of one team, each with a scenario of its own, and one scenario of all of them.
const mallCatalog = `
people:
  dev-sg: {slack: T0TEAM/U0DEVSG, web: dev-sg, zone: Asia/Singapore}
teams:
  checkout: {zone: UTC, chat: %[1]s, members: [dev-sg], oncall: {users: [dev-sg]}}
services:
  checkout: {team: checkout, tags: [service:checkout], deploy: &deploy {command: {run: [./deploy.sh, "{{.Service}}", "{{.Version}}"]}}}
  billing: {team: checkout, tags: [service:billing], deploy: *deploy}
  search: {team: checkout, tags: [service:search], deploy: *deploy}
environments:
  load: {url: %[3]q, batch: true}
scenarios:
  checkout-flow: {tags: [service:checkout], load: &load {rate: 200/s, duration: 1s}, targets: [{name: page, path: /checkout}]}
  billing-flow: {tags: [service:billing], load: *load, targets: [{name: page, path: /billing}]}
  search-flow: {tags: [service:search], load: *load, targets: [{name: page, path: /search}]}
  mall-flow: {tags: [service:checkout, service:billing, service:search], load: *load, targets: [{name: page, path: /all}]}
unowned: %[2]s
`

var mallServices = []string{"checkout", "billing", "search"}

// mall is a site whose services share an environment that tests in batches.
type mall struct {
	*site
	store *store.Store
}

func newMall(t *testing.T, s *site, team, unowned string) mall {
	t.Helper()
	s.shop = openMall(t, s.dir)
	s.write(t, "catalog.yaml", fmt.Sprintf(mallCatalog, team, unowned, s.shop.URL))
	s.write(t, "deploy.sh", "#!/bin/sh\nset -e\nprintf %s \"$2\" >\"new-$1\"\nmv \"new-$1\" \"deployed-$1\"\n")
	for _, service := range mallServices {
		s.write(t, "deployed-"+service, "1.0.0")
	}
	return mall{s, s.memory(t)}
}

// openMall is as slow as the service that is asked for, or as the slowest of all.
func openMall(t *testing.T, dir string) *shop {
	t.Helper()
	s := &shop{}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		s.Requests.Add(1)
		takes, asked := 20*time.Millisecond, []string{path.Base(r.URL.Path)}
		if asked[0] == "all" {
			asked = mallServices
		}
		for _, service := range asked {
			if version, _ := os.ReadFile(filepath.Join(dir, "deployed-"+service)); strings.HasSuffix(string(version), "-slow") {
				takes = 100 * time.Millisecond
			}
		}
		select {
		case <-time.After(takes):
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(server.Close)
	s.URL = server.URL
	return s
}

// remembers three runs of every scenario, and that 1.0.0 of everything is installed.
func (m mall) remembers(t *testing.T) {
	t.Helper()
	lanes := m.lanes(t)
	source, problems := catalog.Open(filepath.Join(m.dir, "catalog.yaml"), os.LookupEnv, nil)
	require.Empty(t, problems)
	require.NoError(t, lanes.Push(t.Context(), "environment/load", lane.Item{ID: "past"}))
	ctx, stop := context.WithCancel(t.Context())
	require.NoError(t, lanes.Drain(ctx, "environment/", func(ctx context.Context, held *lane.Held) error {
		defer stop()
		err := m.remember(ctx, pipeline.Lease{Environment: "load", Fence: held.Fence}, source.Current().Scenarios)
		if err != nil {
			t.Error(err)
		}
		return nil
	}))
	m.quiet(t)
}

func (m mall) remember(ctx context.Context, lease pipeline.Lease, scenarios map[string]pipeline.Scenario) (err error) {
	for _, service := range mallServices {
		first := pipeline.Artefact{Version: "1.0.0", Revision: "rev-1.0.0"}
		err = errors.Join(err, m.store.Install(ctx, lease, "", "service:"+service, first))
	}
	for _, s := range scenarios {
		for _, r := range pastOf(s) {
			err = errors.Join(err, m.store.Count(ctx, lease, r))
		}
	}
	return err
}

// pastOf is three results that differ from each other as those of a busy machine do.
func pastOf(s pipeline.Scenario) (past []pipeline.Result) {
	for i, ms := range []float64{21, 24, 27} {
		run := fmt.Sprint("P", i+1)
		past = append(past, pipeline.Result{
			ID: run + "/" + s.Name, Run: run, Scenario: s.Name, Environment: "load", Hash: s.Hash(), Seconds: 1,
			Start:    time.Now().Add(time.Duration(i-3) * time.Hour),
			Versions: map[string]string{"service:checkout": "1.0.0", "service:billing": "1.0.0", "service:search": "1.0.0"},
			Groups: map[string]pipeline.Summary{"": {
				Requests: 200, Values: map[pipeline.Metric]float64{pipeline.P50: ms, pipeline.P95: 1.1 * ms, pipeline.Errors: 0, pipeline.Throughput: 1},
			}},
		})
	}
	return past
}

// together submits a version of each service while load is on hold, and releases it.
func (m mall) together(t *testing.T, hold func(command string), versions ...string) (runs []string) {
	t.Helper()
	hold("hold load because of an upgrade")
	eventually(t, "load is on hold", func() bool {
		board, err := m.store.Board(t.Context(), "load")
		return err == nil && board.Hold != nil
	})
	for i, version := range versions {
		runs = append(runs, m.submit(t, version, "--name", mallServices[i]))
	}
	hold("release load")
	return runs
}

func (m mall) load(t *testing.T, run string) pipeline.Run {
	t.Helper()
	r, err := m.store.Load(t.Context(), run)
	require.NoError(t, err)
	return r
}

// Changes that wait together are tested together, in one load of each scenario; when something is slower, the change at
// fault is found, and only that one regresses.
func TestBatchFindsTheCulprit(t *testing.T) {
	t.Parallel()
	s := newWebSite(t)
	m := newMall(t, s, "{web: team-checkout}", "{web: platform}")
	m.remembers(t)
	s.serve(t)
	runs := m.together(t, func(command string) { s.types(t, "platform", command) }, "2.0.0", "2.0.1", "2.0.2-slow")
	eventually(t, "they are tested together", func() bool { return slices.Equal(m.load(t, runs[0]).Batch, runs[1:]) })
	s.shop.underLoad(t)
	var ends []intake.RunStatus
	for _, run := range runs {
		ends = append(ends, s.ended(t, run))
	}
	require.Equal(t, pipeline.Regressed, ends[2].Verdict, ends[2].Headline)
	for _, innocent := range ends[:2] {
		require.Contains(t, []pipeline.Verdict{pipeline.Pass, pipeline.Improved}, innocent.Verdict, innocent.Headline)
	}
	for i, version := range []string{"2.0.0", "2.0.1", "2.0.2-slow"} {
		installed, err := os.ReadFile(filepath.Join(s.dir, "deployed-"+mallServices[i]))
		require.NoError(t, err)
		require.Equal(t, version, string(installed), "a version that regressed stays")
	}
	s.quiet(t)
	for _, end := range ends {
		require.True(t, strings.HasPrefix(s.root(t, end).Text, end.Headline))
	}
}

// A replica is killed in the middle of a batch: each of its runs ends in one report.
func TestBatchOutlivesItsReplica(t *testing.T) {
	t.Parallel()
	s := newSite(t, peers.Redis(t))
	s.speakSlack(t)
	m := newMall(t, s, "{slack: "+peers.SlackChannel+"}", "{slack: "+peers.SlackOther+"}")
	first := s.serve(t)
	command := func(text string) { s.slack.Command(peers.SlackOther, text) }
	runs := m.together(t, command, "2.0.0", "2.0.1", "2.0.2")
	eventually(t, "something is tested", func() bool { return len(m.load(t, runs[0]).Results) > 0 })
	s.shop.underLoad(t)
	first.kill()
	require.Len(t, m.load(t, runs[0]).Batch, 2)
	s.serve(t)
	for _, run := range runs {
		require.Equal(t, pipeline.Done, s.ended(t, run).State)
	}
	s.quiet(t)
	for i, run := range runs {
		require.Contains(t, s.message(t, run, "root").Text, mallServices[i]+" 2.0.")
		require.Equal(t, s.message(t, run, "root").TS, s.message(t, run, "results").Thread)
		for _, r := range m.load(t, run).Results {
			require.True(t, strings.HasPrefix(r.ID, runs[0]+"/"), "%s: one load for all", r.ID)
		}
	}
	s.nothingIsSaidTwice(t)
}
