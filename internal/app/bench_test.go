package app

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	slackapi "github.com/slack-go/slack"

	"bellwether/internal/catalog"
	"bellwether/internal/config"
	"bellwether/internal/peers"
)

// peerDelay is how long the benchmark's SQS and Slack take for every answer.
const peerDelay = 80 * time.Millisecond

// announceGoal is the most that an announcement may take, as a multiple of a straight-line receive and post.
const announceGoal = 1.25

// BenchmarkAnnouncement measures from a message on the queue to its announcement in chat, on real Redis, beside a straight line
// that receives the message and posts to Slack: same clients, same peers, interleaved, median of seven.
func BenchmarkAnnouncement(b *testing.B) {
	for b.Loop() {
		ours, straight := newQueuePeer(b), newQueuePeer(b)
		startBellwether(b, ours)
		line := newStraightLine(b, straight)
		var mine, yardstick []float64
		for i := range 7 {
			mine = append(mine, ours.announce(b, i))
			go line()
			yardstick = append(yardstick, straight.announce(b, i))
		}
		ratio := median(mine) / median(yardstick)
		b.ReportMetric(median(mine), "ms/announcement")
		b.ReportMetric(median(yardstick), "ms/straight-line")
		b.ReportMetric(ratio, "x-straight-line")
		b.ReportMetric(announceGoal, "x-goal")
	}
}

func median(xs []float64) float64 {
	sorted := slices.Sorted(slices.Values(xs))
	return sorted[len(sorted)/2]
}

// queuePeer answers as SQS and Slack do, as far as an announcement needs them, each answer late by peerDelay.
type queuePeer struct {
	server *httptest.Server
	queue  chan string
	posted chan time.Time
}

func newQueuePeer(b *testing.B) *queuePeer {
	p := &queuePeer{queue: make(chan string), posted: make(chan time.Time, 100)}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /queue/", p.sqs)
	mux.HandleFunc("/api/", p.slack)
	p.server = httptest.NewServer(mux)
	b.Cleanup(p.server.Close)
	return p
}

func (p *queuePeer) sqs(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body) // only then does the server notice that a client is gone
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	if r.Header.Get("X-Amz-Target") != "AmazonSQS.ReceiveMessage" {
		late(r.Context())
		fmt.Fprint(w, "{}")
		return
	}
	select {
	case body := <-p.queue:
		late(r.Context())
		sum := md5.Sum([]byte(body))
		_ = json.NewEncoder(w).Encode(map[string]any{"Messages": []map[string]string{{
			"MessageId": "m", "ReceiptHandle": "r", "Body": body, "MD5OfBody": hex.EncodeToString(sum[:]),
		}}})
	case <-r.Context().Done():
	}
}

func (p *queuePeer) slack(w http.ResponseWriter, r *http.Request) {
	late(r.Context())
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"ok":true,"url":"%s/","team_id":"T1","user_id":"U1","bot_id":"B1","channel":"C1","ts":"%d.000100"}`, p.server.URL, time.Now().Unix())
	if r.URL.Path == "/api/chat.postMessage" {
		p.posted <- time.Now()
	}
}

func late(ctx context.Context) {
	timer := time.NewTimer(peerDelay)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// announce puts a change of another service on the queue and waits for the first post; in ms.
func (p *queuePeer) announce(b *testing.B, i int) float64 {
	body := fmt.Sprintf(`{"id":"e%d","detail-type":"Bellwether Change","source":"bench","time":"2026-11-23T00:00:00Z",
		"detail":{"kind":"service","name":"service%d","revision":"r"}}`, i, i)
	start := time.Now()
	p.queue <- body
	select {
	case at := <-p.posted:
		return float64(at.Sub(start)) / float64(time.Millisecond)
	case <-time.After(time.Minute):
		b.Fatal("nothing was posted")
		return 0
	}
}

// startBellwether runs the server of serve on real Redis with one team and channel a service, so that no channel's pace is
// measured.
func startBellwether(b *testing.B, p *queuePeer) {
	dir := b.TempDir()
	b.Setenv("AWS_ACCESS_KEY_ID", "test")
	b.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	settings := fmt.Sprintf(`
redis: "redis://%s/0"
http: {listen: "127.0.0.1:0", public_url: "http://127.0.0.1:1"}
intake: {sqs: {queue_url: "%[2]s/queue/changes", region: eu-west-1, endpoint: "%[2]s/queue/"}}
chat: {slack: {bot_token: xoxb-benchmark, signing_secret: benchmark-secret, api_url: "%[2]s/api/"}}
catalog: catalog.yaml
`, peers.Redis(b), p.server.URL)
	text := "environments: {load: {url: \"http://127.0.0.1:1\"}}\n"
	var teams, services string
	for i := range 7 {
		teams += fmt.Sprintf("  team%d: {zone: UTC, chat: {slack: C0000000%d}}\n", i, i)
		services += fmt.Sprintf("  service%d: {team: team%d, tags: [\"service:%d\"]}\n", i, i, i)
	}
	text += "teams:\n" + teams + "services:\n" + services
	require.NoError(b, os.WriteFile(filepath.Join(dir, "catalog.yaml"), []byte(text), 0o600))
	require.NoError(b, os.WriteFile(filepath.Join(dir, "bellwether.yaml"), []byte(settings), 0o600))

	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	loaded, problems := config.Load(filepath.Join(dir, "bellwether.yaml"), os.LookupEnv)
	require.Empty(b, problems)
	source, _ := catalog.Open(loaded.Catalog, os.LookupEnv, log)
	require.NotNil(b, source)
	ctx, stop := context.WithCancel(context.Background())
	s, err := newServer(ctx, loaded, source, log, time.Now)
	require.NoError(b, err)
	ended := make(chan error, 1)
	go func() { ended <- s.run(ctx) }()
	b.Cleanup(func() {
		stop()
		require.NoError(b, <-ended)
		s.close()
	})
}

// newStraightLine receives one message and posts it: the least that has to happen.
func newStraightLine(b *testing.B, p *queuePeer) func() {
	aws, err := awsconfig.LoadDefaultConfig(context.Background(), regionOf("eu-west-1"))
	require.NoError(b, err)
	client := sqs.NewFromConfig(aws, func(o *sqs.Options) { o.BaseEndpoint = endpoint(p.server.URL + "/queue/") })
	slack := slackapi.New("xoxb-benchmark", slackapi.OptionAPIURL(p.server.URL+"/api/"))
	url := p.server.URL + "/queue/changes"
	return func() {
		out, err := client.ReceiveMessage(context.Background(), &sqs.ReceiveMessageInput{QueueUrl: &url, WaitTimeSeconds: 20})
		if err != nil || len(out.Messages) != 1 {
			b.Errorf("receive: %v", err)
			return
		}
		if _, _, err := slack.PostMessage("C00000001", slackapi.MsgOptionText(*out.Messages[0].Body, false)); err != nil {
			b.Errorf("post: %v", err)
		}
	}
}
