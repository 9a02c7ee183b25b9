package app

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/internal/intake"
	"bellwether/internal/peers"
	"bellwether/pipeline"
)

const (
	hookSecret = "the-secret-of-the-webhook"
	pushed     = "9f2c1b7e4d3a58c6b0e1f2a3948576c1d2e3f405" // the revision of the recorded push
)

// newHookedSite hears GitHub. Its services share a repository.
func newHookedSite(t *testing.T) *site {
	t.Helper()
	s := newWebSite(t)
	s.settings["intake"].(object)["webhooks"] = object{"github": object{"secret": hookSecret}}
	text := fmt.Sprintf(catalogText, "{web: team-checkout}", "{web: platform}", s.shop.URL)
	s.write(t, "catalog.yaml", strings.NewReplacer(
		"github.com/innerscale/checkout", `{url: github.com/innerscale/shop, paths: ["services/checkout/**"], ignore: ["**/*.md"]}`,
		"{{.Version}}", "{{.Revision}}",
	).Replace(text))
	return s
}

// push is the recorded push of GitHub's, as if it were of now.
func push(t *testing.T) string {
	t.Helper()
	recorded, err := os.ReadFile("../intake/webhook/testdata/github/push.http")
	require.NoError(t, err)
	_, body, found := strings.Cut(strings.ReplaceAll(string(recorded), "\r\n", "\n"), "\n\n")
	require.True(t, found)
	const then = `"pushed_at": 1795167000`
	require.Contains(t, body, then)
	return strings.ReplaceAll(body, then, fmt.Sprintf(`"pushed_at": %d`, time.Now().Unix()))
}

// heard is the answer to a webhook or an event.
type heard struct {
	Runs      []pipeline.Receipt
	Published []string
	Ignored   []string
	Error     string
}

// hook delivers a webhook of GitHub's, signed with a secret.
func (s *site) hook(t *testing.T, body, secret string) (int, heard) {
	t.Helper()
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	return s.post(t, "/webhooks/github", body, map[string]string{
		"Content-Type": "application/json", "X-GitHub-Event": "push",
		"X-Hub-Signature-256": "sha256=" + hex.EncodeToString(mac.Sum(nil)),
	})
}

func (s *site) post(t *testing.T, path, body string, headers map[string]string) (status int, said heard) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+path, strings.NewReader(body))
	require.NoError(t, err)
	for name, value := range headers {
		r.Header.Set(name, value)
	}
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &said), string(text))
	return answer.StatusCode, said
}

// A merge that a Git host tells of is a run, once however often it tells; so is one that comes as a CloudEvent.
func TestWebhookStraightIn(t *testing.T) {
	t.Parallel()
	s := newHookedSite(t)
	s.serve(t)
	body := push(t)

	status, said := s.hook(t, body, "a-guess")
	require.Equal(t, http.StatusUnauthorized, status)
	require.Contains(t, said.Error, "X-Hub-Signature-256")
	for ours, other := range map[string]string{"services/checkout/": "services/search/", ".go": ".md"} {
		status, said = s.hook(t, strings.ReplaceAll(body, ours, other), hookSecret)
		require.Equal(t, http.StatusOK, status)
		require.Equal(t, []string{"it touches no path that counts in github.com/innerscale/shop"}, said.Ignored)
	}

	status, said = s.hook(t, body, hookSecret)
	require.Equal(t, http.StatusAccepted, status)
	require.Equal(t, []pipeline.Receipt{{Run: "R1", Outcome: pipeline.Accepted}}, said.Runs)
	s.read(t, "Merge pull request #412 from innerscale/cart-cache")
	_, said = s.hook(t, body, hookSecret)
	require.Equal(t, []pipeline.Receipt{{Run: "R1", Outcome: pipeline.Repeated}}, said.Runs)
	require.Equal(t, pipeline.Done, s.ended(t, "R1").State)
	require.Equal(t, pushed, s.deployed(t))
	_, said = s.hook(t, body, hookSecret)
	require.Equal(t, []pipeline.Receipt{{Run: "R1", Outcome: pipeline.Repeated}}, said.Runs, "after its end too")

	s.takesACloudEvent(t, "R2")
	require.Contains(t, s.ask(t, http.MethodGet, "/events/runs/R3", ""), "no such run")
}

// takesACloudEvent in binary mode, and knows it again.
func (s *site) takesACloudEvent(t *testing.T, run string) {
	t.Helper()
	headers := map[string]string{
		"Authorization": "Bearer " + s.token, "Content-Type": "application/json", "Ce-Specversion": "1.0",
		"Ce-Id": "1", "Ce-Source": "//ci.example.com", "Ce-Type": intake.CloudChange,
	}
	for _, outcome := range []string{pipeline.Accepted, pipeline.Repeated} {
		status, said := s.post(t, "/events", `{"kind": "service", "name": "checkout", "revision": "cloud"}`, headers)
		require.Equal(t, http.StatusAccepted, status)
		require.Equal(t, []pipeline.Receipt{{Run: run, Outcome: outcome}}, said.Runs)
	}
	require.Equal(t, pipeline.Done, s.ended(t, run).State)
	require.Equal(t, "cloud", s.deployed(t))
}

func (s *site) deployed(t *testing.T) string {
	t.Helper()
	what, err := os.ReadFile(filepath.Join(s.dir, "deployed"))
	require.NoError(t, err)
	return string(what)
}

// stream is what a bus carries: changes go back to the site, twice as a bus may, and ends of runs are kept.
type stream struct {
	queuePeer
	mu   sync.Mutex
	ends []completed
}

// publish has the site publish to EventBridge, whose rule sends its changes to a queue that the site reads.
func (s *site) publish(t *testing.T) *stream {
	t.Helper()
	on := &stream{queuePeer: queuePeer{queue: make(chan string, 8)}}
	on.server = httptest.NewServer(http.HandlerFunc(on.sqs))
	t.Cleanup(on.server.Close)
	bus := peers.EventBridge(t, []byte(`{"source": ["bellwether"]}`), func(envelope []byte) {
		for range 2 {
			if err := on.carry(envelope); err != nil {
				t.Error(err)
			}
		}
	})
	s.settings["publish"] = object{"eventbridge": object{"bus": bus.Name, "region": bus.Region, "endpoint": bus.URL}}
	s.settings["intake"].(object)["sqs"] = object{"queue_url": on.server.URL + "/changes", "region": bus.Region, "endpoint": on.server.URL}
	s.env = append(s.env, "AWS_ACCESS_KEY_ID="+bus.AccessKey, "AWS_SECRET_ACCESS_KEY="+bus.SecretKey)
	return on
}

func (on *stream) carry(envelope []byte) error {
	var e intake.Envelope
	if err := json.Unmarshal(envelope, &e); err != nil {
		return err
	}
	if e.DetailType == runCompleted {
		on.mu.Lock()
		defer on.mu.Unlock()
		on.ends = append(on.ends, completed{})
		return json.Unmarshal(e.Detail, &on.ends[len(on.ends)-1])
	}
	on.queue <- string(envelope)
	return nil
}

// Where there is a bus, a webhook goes over it, and how the run ended goes back on it.
func TestWebhookOverTheBus(t *testing.T) {
	t.Parallel()
	s := newHookedSite(t)
	on := s.publish(t)
	s.serve(t)
	body := push(t)
	for range 2 {
		status, said := s.hook(t, body, hookSecret)
		require.Equal(t, http.StatusAccepted, status)
		require.Len(t, said.Published, 1)
		require.Empty(t, said.Runs)
	}
	end := s.ended(t, "R1")
	s.quiet(t)
	require.Contains(t, s.ask(t, http.MethodGet, "/events/runs/R2", ""), "no such run")
	on.mu.Lock()
	defer on.mu.Unlock()
	require.Len(t, on.ends, 2, "one event, which the bus delivers twice")
	require.Equal(t, on.ends[0], on.ends[1])
	require.Equal(t, "R1", on.ends[0].Run)
	require.Equal(t, end.Verdict, on.ends[0].Verdict)
	require.NotEmpty(t, end.Verdict)
	require.Equal(t, end.Headline, on.ends[0].Headline)
	require.Equal(t, []changed{{Kind: pipeline.KindService, Name: "checkout", Revision: pushed}}, on.ends[0].Changes)
}

// A commit that was old when it was merged is not tested by itself: who looks after Bellwether is told how it is.
func TestWebhookOfAnOldCommit(t *testing.T) {
	t.Parallel()
	s := newHookedSite(t)
	s.settings["intake"].(object)["webhooks"] = object{"gitlab": object{"secret": hookSecret, "host": "github.com"}}
	s.serve(t)
	body := `{"before": "1e65c05c1d5171631d92438a13901ca7dae9618c", "after": "` + pushed + `", "ref": "refs/heads/main",
		"project": {"web_url": "https://github.com/innerscale/shop"}, "total_commits_count": 1,
		"commits": [{"id": "` + pushed + `", "timestamp": "2026-01-10T09:30:00Z", "modified": ["services/checkout/cart.go"]}]}`
	headers := map[string]string{"Content-Type": "application/json", "X-Gitlab-Event": "Push Hook", "X-Gitlab-Token": hookSecret}
	for range 2 {
		status, said := s.post(t, "/webhooks/gitlab", body, headers)
		require.Equal(t, http.StatusOK, status)
		require.Len(t, said.Ignored, 1)
	}
	s.read(t, "bellwether emit --kind service --name checkout --revision "+pushed)
	s.quiet(t)
	require.Equal(t, 1, strings.Count(s.ask(t, http.MethodGet, "/chat/transcript.json", ""), "bellwether emit --kind"), "once")
	status, said := s.post(t, "/webhooks/gitlab", strings.ReplaceAll(body, "github.com", "gitlab.com"), headers)
	require.Equal(t, http.StatusForbidden, status)
	require.Contains(t, said.Error, "gitlab.com/innerscale/shop is not at github.com")
}

// A bus that nothing comes back from, because there is no queue, takes the ends of runs only.
func TestWebhookBesideABus(t *testing.T) {
	t.Parallel()
	s := newHookedSite(t)
	on := s.publish(t)
	delete(s.settings["intake"].(object), "sqs")
	s.serve(t)
	status, said := s.hook(t, push(t), hookSecret)
	require.Equal(t, http.StatusAccepted, status)
	require.Equal(t, []pipeline.Receipt{{Run: "R1", Outcome: pipeline.Accepted}}, said.Runs)
	s.ended(t, "R1")
	s.quiet(t)
	on.mu.Lock()
	defer on.mu.Unlock()
	require.Len(t, on.ends, 2)
	require.Empty(t, on.queue)
}
