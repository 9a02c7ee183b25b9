package app

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/internal/catalog"
	"bellwether/internal/config"
	"bellwether/internal/peers"
	"bellwether/pipeline"
)

// What answering commands is held to.
const (
	commandRate = 100                    // a second
	commandGoal = 200 * time.Millisecond // of the slowest in a hundred
	commandsFor = 10 * time.Second
)

// BenchmarkCommand measures signed slash commands at a steady rate, each from the request to the end of the answer: of
// Bellwether on real Redis, with its permissions and its audit log, beside a handler that writes one key for each.
func BenchmarkCommand(b *testing.B) {
	for b.Loop() {
		slack := peers.NewFlakySlack(peers.SlackChannel)
		b.Cleanup(slack.Close)
		s := openQuiet(b, slack)
		ours := httptest.NewServer(s.handler())
		yardstick := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			if err := s.redis.Set(r.Context(), "yardstick", "1", 0).Err(); err != nil {
				w.WriteHeader(http.StatusInternalServerError)
			}
		}))
		b.Cleanup(ours.Close)
		b.Cleanup(yardstick.Close)
		took, least := steadily(b, ours.URL), steadily(b, yardstick.URL)
		b.ReportMetric(milliseconds(quantile(took, 0.50)), "ms-p50")
		b.ReportMetric(milliseconds(quantile(took, 0.99)), "ms-p99")
		b.ReportMetric(milliseconds(commandGoal), "ms-p99-goal")
		b.ReportMetric(milliseconds(quantile(least, 0.50)), "ms-p50-of-one-SET")
		b.ReportMetric(milliseconds(quantile(took, 0.50))/milliseconds(quantile(least, 0.50)), "x-one-SET")
	}
}

// openQuiet is an installation on real Redis with one team, of which one service regressed.
func openQuiet(b *testing.B, slack *peers.FlakySlack) *server {
	dir := b.TempDir()
	settings := fmt.Sprintf(`
redis: "redis://%s/0"
http: {listen: "127.0.0.1:0", public_url: "https://bellwether.example.com"}
intake: {http: {token: a-token-for-events}}
chat: {slack: {bot_token: %s, signing_secret: %s, api_url: %q}}
catalog: catalog.yaml
`, peers.Redis(b, "--appendonly", "yes", "--appendfsync", "always"), peers.SlackBotToken, peers.SlackSigningSecret, slack.API())
	text := fmt.Sprintf(catalogText, "{slack: "+peers.SlackChannel+"}", "{slack: "+peers.SlackChannel+"}", "http://127.0.0.1:1")
	require.NoError(b, os.WriteFile(filepath.Join(dir, "catalog.yaml"), []byte(text), 0o600))
	require.NoError(b, os.WriteFile(filepath.Join(dir, "deploy.sh"), []byte("#!/bin/sh\n"), 0o700))
	require.NoError(b, os.WriteFile(filepath.Join(dir, "bellwether.yaml"), []byte(settings), 0o600))
	loaded, problems := config.Load(filepath.Join(dir, "bellwether.yaml"), os.LookupEnv)
	require.Empty(b, problems)
	log := slog.New(slog.DiscardHandler)
	source, _ := catalog.Open(loaded.Catalog, os.LookupEnv, log)
	require.NotNil(b, source)
	s, err := newServer(context.Background(), loaded, source, log, time.Now)
	require.NoError(b, err)
	b.Cleanup(s.close)
	_, err = s.submitter.Submit(b.Context(), pipeline.Change{Kind: pipeline.KindService, Name: "checkout", Revision: "r1", Version: "1.0.0"})
	require.NoError(b, err)
	return s
}

// steadily sends a command every so often, whether or not the one before is answered, and returns how long each took.
func steadily(b *testing.B, base string) []time.Duration {
	var mu sync.Mutex
	var took []time.Duration
	var all sync.WaitGroup
	ticker := time.NewTicker(time.Second / commandRate)
	defer ticker.Stop()
	for i := range int(commandsFor.Seconds()) * commandRate {
		due := <-ticker.C
		all.Go(func() {
			ask(b, base, i)
			mu.Lock()
			defer mu.Unlock()
			took = append(took, time.Since(due))
		})
	}
	all.Wait()
	slices.Sort(took)
	return took
}

// ask gives one of the commands that people give.
func ask(b *testing.B, base string, i int) {
	lines := []string{"status", "open", "rerun chekout", "cancel R1", "ack R1 because it is known", "help"}
	body := url.Values{
		"command": {"/loadtest"}, "text": {lines[i%len(lines)]}, "trigger_id": {fmt.Sprint("t", base, i)}, "team_id": {peers.SlackTeam},
		"channel_id": {peers.SlackChannel}, "user_id": {peers.SlackUser}, "user_name": {"dev-sg"},
		"response_url": {"https://hooks.slack.com/commands/1"},
	}.Encode()
	r, err := http.NewRequest(http.MethodPost, base+"/slack/commands", strings.NewReader(body))
	require.NoError(b, err)
	stamp := fmt.Sprint(time.Now().Unix())
	mac := hmac.New(sha256.New, []byte(peers.SlackSigningSecret))
	fmt.Fprintf(mac, "v0:%s:%s", stamp, body)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("X-Slack-Request-Timestamp", stamp)
	r.Header.Set("X-Slack-Signature", "v0="+hex.EncodeToString(mac.Sum(nil)))
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		b.Error(err)
		return
	}
	defer answer.Body.Close()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil || answer.StatusCode != http.StatusOK {
		b.Errorf("%d: %v", answer.StatusCode, err)
	}
}

// quantile of sorted values.
func quantile(sorted []time.Duration, q float64) time.Duration {
	return sorted[int(q*float64(len(sorted)-1))]
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
