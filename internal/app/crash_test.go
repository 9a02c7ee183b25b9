package app

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"bellwether/internal/lane"
	"bellwether/internal/peers"
	"bellwether/pipeline"
)

// measurement is how long the load of the catalog's scenario may take: once, and once more on a machine too busy for it.
const measurement = 2 * 2 * time.Second

// A replica is killed in the middle of a measurement: another one finishes the run, and nobody reads anything twice.
func TestTakeover(t *testing.T) {
	t.Parallel()
	s := newSite(t, peers.Redis(t))
	s.speakSlack(t)
	sites := map[string]*site{}
	replicas := map[string]*replica{}
	for _, one := range []*site{s, s.twin(t)} {
		r := one.serve(t)
		sites[r.pid()], replicas[r.pid()] = one, r
	}
	run := s.submit(t, "1.0.0")
	s.shop.underLoad(t)
	holder := s.holder(t)
	require.Contains(t, replicas, holder)
	replicas[holder].kill()
	killed := time.Now()

	delete(sites, holder)
	for _, survivor := range sites {
		require.Equal(t, pipeline.Done, survivor.ended(t, run).State)
	}
	require.Less(t, time.Since(killed), 20*time.Second+measurement)
	t.Logf("finished %s after the kill", time.Since(killed).Round(100*time.Millisecond))
	s.wholeThread(t, run)
}

// A replica is asked to stop in the middle of a measurement: it does so in order, and the next one finishes the run.
func TestStop(t *testing.T) {
	t.Parallel()
	s := newSite(t, peers.Redis(t))
	s.speakSlack(t)
	replica := s.serve(t)
	run := s.submit(t, "1.0.0")
	s.shop.underLoad(t)
	began := time.Now()
	replica.stop(t)
	t.Logf("stopped within %s", time.Since(began).Round(time.Millisecond))
	require.Empty(t, s.holder(t), "the environment is given back")

	s.serve(t)
	require.Equal(t, pipeline.Done, s.ended(t, run).State)
	s.wholeThread(t, run)
}

// wholeThread: the channel holds one root and one report, and nothing else.
func (s *site) wholeThread(t *testing.T, run string) {
	t.Helper()
	s.quiet(t)
	root := s.message(t, run, "root")
	require.Contains(t, root.Text, "Finished")
	for _, name := range []string{"results", "chart/checkout-flow"} {
		require.Equal(t, root.TS, s.message(t, run, name).Thread)
	}
	require.Len(t, s.messages(t, peers.SlackChannel), 3)
}

// lanes of the installation.
func (s *site) lanes(t *testing.T) *lane.Lanes {
	client := redis.NewClient(&redis.Options{Addr: s.redis})
	t.Cleanup(func() { _ = client.Close() })
	return &lane.Lanes{Redis: client, Prefix: "bellwether:"}
}

// quiet waits until nothing is left to do or to say before the next day.
func (s *site) quiet(t *testing.T) {
	t.Helper()
	lanes := s.lanes(t)
	eventually(t, "everything is done and said", func() bool {
		tomorrow := strconv.FormatInt(time.Now().AddDate(0, 0, 1).UnixMilli(), 10)
		busy, err := lanes.Redis.ZCount(t.Context(), lanes.Prefix+"lanes", "-inf", tomorrow).Result()
		return err == nil && busy == 0
	})
}

// holder is the process that has the environment; "" when nobody has.
func (s *site) holder(t *testing.T) string {
	t.Helper()
	state, err := s.lanes(t).State(t.Context(), "environment/load")
	require.NoError(t, err)
	_, pid, _ := strings.Cut(state.Holder, "/")
	return pid
}

// A catalog with mistakes is refused and told; the one before stays in force until the mistakes are mended.
func TestCatalogIsReadAgain(t *testing.T) {
	t.Parallel()
	s := newSite(t, miniredis.RunT(t).Addr())
	s.speak(t, object{"web": object{"enabled": true}}, "{web: team-checkout}", "{web: platform}")
	replica := s.serve(t)
	good, err := os.ReadFile(filepath.Join(s.dir, "catalog.yaml"))
	require.NoError(t, err)
	const mistake = `\"Asia/Singapor\" is no IANA zone` // as JSON has it

	s.write(t, "catalog.yaml", strings.ReplaceAll(string(good), "Asia/Singapore", "Asia/Singapor"))
	eventually(t, "the mistake shows", func() bool { return strings.Contains(s.readiness(t), mistake) })
	require.Contains(t, replica.said(t), mistake)
	require.Contains(t, replica.said(t), "the one before stays in force")
	require.Equal(t, pipeline.Done, s.test(t, "1.0.0").State)

	s.write(t, "catalog.yaml", strings.ReplaceAll(string(good), "checkout-flow", "checkout-again"))
	eventually(t, "the mistake is gone", func() bool { return strings.Contains(s.readiness(t), `"catalog_problems": []`) })
	require.Equal(t, pipeline.Done, s.test(t, "1.0.1").State)
	require.Contains(t, s.ask(t, "GET", "/chat/transcript.json", ""), "checkout-again")
}

func (s *site) readiness(t *testing.T) string {
	t.Helper()
	require.Equal(t, 200, status(s.url+"/readyz"))
	return s.page(t, "http://"+s.admin+"/readyz")
}
