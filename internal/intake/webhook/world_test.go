package webhook

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/internal/intake"
	"bellwether/internal/intake/webhook/diff"
	"bellwether/pipeline"
)

const secret = "correct horse battery staple"

// merged is when everything in testdata was merged; the clock stands a minute later.
var merged = time.Date(2026, 11, 20, 9, 30, 0, 0, time.UTC)

// shop is a monorepo at GitHub, and the same service at the other hosts.
var shop = &pipeline.Catalog{
	Services: map[string]pipeline.Service{
		"checkout": {Name: "checkout", Environments: []string{"load"}, Repositories: []pipeline.Repository{
			{URL: "github.com/innerscale/shop", Branches: []string{"main"}, Paths: []string{"services/checkout/**"}, Ignore: []string{"**/*.md"}},
			{URL: "https://gitlab.innerscale.example/shop/checkout.git", Branches: []string{"main"}},
			{URL: "gitea.innerscale.example/innerscale/checkout", Branches: []string{"main"}},
			{URL: "bitbucket.org/innerscale/checkout", Branches: []string{"main"}},
			{URL: "ssh://git@bitbucket.innerscale.example:7999/shop/checkout.git", Branches: []string{"main"}},
		}},
		"billing": {Name: "billing", Environments: []string{"load"}, Repositories: []pipeline.Repository{
			{URL: "github.com/innerscale/shop", Branches: []string{"main"}, Paths: []string{"services/billing/**"}, Ignore: []string{"**/*.md"}},
		}},
	},
	Stacks: map[string]pipeline.Stack{
		"platform": {Name: "platform", Environments: []string{"load"}, Repositories: []pipeline.Repository{
			{URL: "github.com/innerscale/shop", Branches: []string{"main"}, Paths: []string{"terraform/**"}},
		}},
	},
}

// world is a Hooks before a real Intake, whose changes are kept.
type world struct {
	*Hooks
	server *httptest.Server

	mu        sync.Mutex
	submitted []pipeline.Change
	refused   []string
	logged    bytes.Buffer
}

func newWorld(t testing.TB) *world {
	w := newHooks()
	w.server = httptest.NewServer(w.Handler())
	t.Cleanup(w.server.Close)
	return w
}

// newHooks is a world without a server.
func newHooks() *world {
	w := &world{}
	log := slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug}))
	same := func(s string) string { return s }
	in := &intake.Intake{
		Submit: w.submit,
		Refuse: func(_ context.Context, _, what, reason string) error {
			w.refused = append(w.refused, what+": "+reason)
			return nil
		},
		Redact: same, Secret: func(string) bool { return false }, Count: func(string) {}, Log: log,
	}
	w.Hooks = &Hooks{
		Hosts:   map[string]Host{},
		Catalog: func() *pipeline.Catalog { return shop },
		Take:    in.Take,
		Refuse:  in.Refuse,
		Now:     func() time.Time { return merged.Add(time.Minute) },
		Log:     log,
	}
	for kind, name := range names {
		w.Hosts[kind] = Host{Name: name, Secrets: []string{"", "an older secret", secret}}
	}
	return w
}

// names are the hosts in testdata. Bitbucket's Data Center has another.
var names = map[string]string{
	"github": "github.com", "gitlab": "gitlab.innerscale.example:8443", "gitea": "gitea.innerscale.example", "bitbucket": "bitbucket.org",
}

const dataCenter = "bitbucket.innerscale.example"

// known has secrets, an API and the name of another host, where these are given.
func (w *world) known(kind string, as Host) {
	host := w.Hosts[kind]
	host.Name = cmp.Or(as.Name, host.Name)
	host.API = cmp.Or(as.API, host.API)
	if as.Secrets != nil {
		host.Secrets = as.Secrets
	}
	w.Hosts[kind] = host
}

func (w *world) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.logged.Write(p)
}

// submit resolves as the pipeline does, and knows event ids again.
func (w *world) submit(_ context.Context, c pipeline.Change) ([]pipeline.Receipt, error) {
	changes, err := shop.Resolve(c)
	if err != nil {
		return nil, err
	}
	var receipts []pipeline.Receipt
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, one := range changes {
		outcome := pipeline.Accepted
		for _, had := range w.submitted {
			if had.EventID == one.EventID && had.Name == one.Name {
				outcome = pipeline.Repeated
			}
		}
		if outcome == pipeline.Accepted {
			w.submitted = append(w.submitted, one)
		}
		receipts = append(receipts, pipeline.Receipt{Outcome: outcome, Run: "run-" + one.Name})
	}
	return receipts, nil
}

// delivery is one recorded webhook.
type delivery struct {
	host   string
	header http.Header
	body   []byte
}

// recorded reads testdata: header lines, an empty line, the payload.
func recorded(t testing.TB, path string) delivery {
	file, err := os.ReadFile(filepath.Join("testdata", path+".http"))
	require.NoError(t, err)
	reader := bufio.NewReader(bytes.NewReader(file))
	header, err := textproto.NewReader(reader).ReadMIMEHeader()
	require.NoError(t, err)
	body, err := io.ReadAll(reader)
	require.NoError(t, err)
	return delivery{filepath.Dir(path), http.Header(header), body}.sign(secret)
}

// with replaces text in the payload, which must be there, and signs it anew.
func (d delivery) with(t testing.TB, old, new string) delivery {
	require.Contains(t, string(d.body), old)
	d.body = []byte(strings.ReplaceAll(string(d.body), old, new))
	return d.sign(secret)
}

// sign signs as the host does, with what its documentation says.
func (d delivery) sign(secret string) delivery {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(d.body)
	sum := hex.EncodeToString(mac.Sum(nil))
	d.header = d.header.Clone()
	switch d.host {
	case "github":
		d.header.Set("X-Hub-Signature-256", "sha256="+sum)
	case "gitlab":
		d.header.Set("X-Gitlab-Token", secret)
	case "gitea":
		d.header.Set("X-Gitea-Signature", sum)
		d.header.Set("X-Hub-Signature-256", "sha256="+sum)
	case "bitbucket":
		d.header.Set("X-Hub-Signature", "sha256="+sum)
	}
	return d
}

func (w *world) post(t testing.TB, d delivery) (int, answer) {
	request, err := http.NewRequest(http.MethodPost, w.server.URL+"/webhooks/"+d.host, bytes.NewReader(d.body))
	require.NoError(t, err)
	request.Header = d.header
	response, err := w.server.Client().Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	var said answer
	require.NoError(t, json.NewDecoder(response.Body).Decode(&said))
	return response.StatusCode, said
}

// host answers as an API does, and keeps what it was asked.
func host(t *testing.T, answers map[string]string) (*diff.API, *[]string) {
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Path)
		body, ok := answers[r.URL.Path]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
		}
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	return &diff.API{Base: server.URL, Token: "the-api-token", Client: server.Client()}, &asked
}
