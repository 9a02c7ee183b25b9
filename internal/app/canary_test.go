package app

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"bellwether/internal/peers"
	"bellwether/pipeline"
)

// What the canary's settings hold, besides what the peers prescribe. Nobody could know these by their shape.
const (
	canaryRedis = "canary/in+redis=1"
	canaryDoor  = "canary-at.the~door/+2=="
	canaryTeams = `canary<in>"teams"&3`
)

// configured are all secrets of its settings.
var configured = []string{
	canaryRedis, canaryDoor, canaryTeams, peers.SlackBotToken, peers.SlackAppToken, peers.SlackSigningSecret,
}

// shaped are secrets that nobody configured, and the shape that each is known by.
var shaped = []struct{ secret, shape string }{
	{"AKIACANARYCANARY4444", "aws configure set %s"},
	{"ghp_canary5canary5canary5canary5canary55", "cloning with %s"},
	{"glpat-canary6canary6canary6", "%s was used"},
	{"xoxp-canary7-canary7-canary7", "slack says %s"},
	{"eyJhbGciOiJIUzI1NiJ9.canary8canary8.signed", "session %s"},
	{"canary9-hunter2", "password=%s"},
	{"canary10-hunter2", `{"api_key": "%s"}`},
	{"canary11-hunter2", "postgres://shop:%s@db/orders"},
	{"canary12canary12canary12", "Authorization: Bearer %s"},
	{"canary13canary13canary13", "-----BEGIN PRIVATE KEY-----\n%s\n-----END PRIVATE KEY-----"},
}

// TestCanary plants secrets wherever they come in, and looks for them wherever anything comes out.
func TestCanary(t *testing.T) {
	t.Parallel()
	s := newSite(t, peers.Redis(t, "--user", "canary", "on", ">"+canaryRedis, "~*", "&*", "+@all"))
	leak, secrets := leaks()
	s.plant(t, leak)
	replica := s.serve(t, "--log-level", "debug")

	passing := s.submit(t, "1.0.0", "--title", "Rotated\n"+leak, "--author", leak, "--label", leak, "--path", leak,
		"--url", "https://shop:"+url.QueryEscape(canaryDoor)+"@example.com/")
	require.NotEqual(t, pipeline.Failed, s.ended(t, passing).Verdict)
	failing := s.submit(t, "1.1.0-broken", "--title", "Rotated again")
	require.Equal(t, pipeline.Failed, s.ended(t, failing).Verdict)
	refused := s.ask(t, http.MethodPost, "/events", malformed(t, leak))
	s.quiet(t)

	out := s.everything(t, passing, failing)
	out["answer to a refused event"] = refused
	replica.stop(t)
	out["log"] = replica.said(t)
	require.ElementsMatch(t, secrets, found(secrets, leak), "they are all planted")
	for where, text := range out {
		require.Empty(t, found(secrets, text), where)
	}
	require.Contains(t, refused, "neither service nor stack")
	require.Contains(t, s.message(t, passing, "root").Text, "Rotated")
	require.Contains(t, s.message(t, failing, "root").Text, "exit status 3")
	require.Contains(t, s.message(t, failing, "output").Raw, "password=***")
}

// leaks is a text with every secret in it, one a line, and whatever must never be seen of it.
func leaks() (text string, secrets []string) {
	var lines []string
	for _, secret := range configured {
		spellings := []string{secret, url.QueryEscape(secret), base64.StdEncoding.EncodeToString([]byte(secret))}
		lines = append(lines, "it is "+strings.Join(spellings, " or "))
		secrets = append(secrets, spellings...)
	}
	for _, s := range shaped {
		lines = append(lines, fmt.Sprintf(s.shape, s.secret))
		secrets = append(secrets, s.secret)
	}
	return strings.Join(lines, "\n"), secrets
}

// unescaped is what quoting, in Go or in JSON, hides from a search.
var unescaped = strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&", `\`, "")

// found are those of the secrets that are in a text, quoted or not.
func found(secrets []string, text string) []string {
	text = unescaped.Replace(text)
	return slices.DeleteFunc(slices.Clone(secrets), func(secret string) bool { return !strings.Contains(text, secret) })
}

// plant writes settings full of secrets, and a deploy command that prints the leak and fails for broken versions.
func (s *site) plant(t *testing.T, leak string) {
	microsoft := peers.NewMicrosoft(t)
	microsoft.Password = canaryTeams
	t.Helper()
	s.slack = peers.NewSlack(t, "")
	s.speak(t, object{
		"slack": object{
			"bot_token": peers.SlackBotToken, "signing_secret": peers.SlackSigningSecret, "app_token": "${CANARY_APP_TOKEN}",
			"api_url": s.slack.API(),
		},
		"teams": object{
			"app_id": microsoft.AppID, "app_password": canaryTeams, "tenant": microsoft.Tenant,
			"endpoints": object{"login": microsoft.URL, "openid": microsoft.OpenID(), "graph": microsoft.URL},
		},
		"web": object{"enabled": true},
	}, "{slack: "+peers.SlackChannel+", web: team-checkout}", "{slack: "+peers.SlackOther+", web: platform}")
	s.env = append(s.env, "CANARY_APP_TOKEN="+peers.SlackAppToken)
	s.token = canaryDoor
	s.settings["redis"] = "redis://canary:" + url.QueryEscape(canaryRedis) + "@" + s.redis
	s.write(t, "leak", leak)
	s.write(t, "deploy.sh", "#!/bin/sh\ncat leak\ncase $1 in *-broken) exit 3 ;; esac\n")
}

// malformed is an event whose mistake is full of secrets.
func malformed(t *testing.T, leak string) string {
	t.Helper()
	body, err := json.Marshal(object{"id": leak, "detail-type": "Bellwether Change", "detail": object{"kind": leak}})
	require.NoError(t, err)
	return string(body)
}

// everything that can be seen of the installation, but its log.
func (s *site) everything(t *testing.T, runs ...string) map[string]string {
	t.Helper()
	seen := map[string]string{
		"redis":          s.dump(t),
		"chat page":      s.page(t, s.url+"/"),
		"web transcript": s.page(t, s.url+"/chat/transcript.json"),
		"slack log":      unauthenticated(s.page(t, s.slack.URL+"/_control/log")),
		"slack":          s.page(t, s.slack.URL+"/_control/messages/"+peers.SlackChannel),
		"slack, unowned": s.page(t, s.slack.URL+"/_control/messages/"+peers.SlackOther),
		"readyz":         s.page(t, s.url+"/readyz"),
		"metrics":        s.page(t, "http://"+s.admin+"/metrics"),
		"command line":   s.page(t, "http://"+s.admin+"/debug/pprof/cmdline"),
	}
	for _, run := range runs {
		seen["page of "+run] = s.page(t, s.linkOf(t, run))
	}
	return seen
}

// unauthenticated is what Slack was sent without the token that it knows the sender by.
func unauthenticated(log string) string {
	return strings.ReplaceAll(log, `"token":"`+peers.SlackBotToken+`"`, "")
}

// page reads one as its reader does: without the escapes of HTML and of Slack.
func (s *site) page(t *testing.T, address string) string {
	t.Helper()
	r, err := http.Get(address)
	require.NoError(t, err)
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, r.StatusCode, address)
	require.NotEmpty(t, text)
	return html.UnescapeString(string(text))
}

// linkOf a run's page, as its root message has it.
func (s *site) linkOf(t *testing.T, run string) string {
	t.Helper()
	link := regexp.MustCompile(regexp.QuoteMeta(s.url) + `/runs/[^|"]+`).FindString(s.message(t, run, "root").Raw)
	require.NotEmpty(t, link)
	return html.UnescapeString(link)
}

// dump is every key of Redis with its value.
func (s *site) dump(t *testing.T) string {
	t.Helper()
	client := s.lanes(t).Redis
	keys, err := client.Keys(t.Context(), "*").Result()
	require.NoError(t, err)
	require.NotEmpty(t, keys)
	var all strings.Builder
	for _, key := range keys {
		fmt.Fprintf(&all, "%s: %v\n", key, value(t, client, key))
	}
	return all.String()
}

func value(t *testing.T, client redis.UniversalClient, key string) any {
	t.Helper()
	kind, err := client.Type(t.Context(), key).Result()
	require.NoError(t, err)
	var v any
	switch kind {
	case "string":
		var text string
		text, err = client.Get(t.Context(), key).Result()
		v = unzipped(t, text)
	case "hash":
		v, err = client.HGetAll(t.Context(), key).Result()
	case "list":
		v, err = client.LRange(t.Context(), key, 0, -1).Result()
	case "set":
		v, err = client.SMembers(t.Context(), key).Result()
	case "zset":
		v, err = client.ZRange(t.Context(), key, 0, -1).Result()
	case "stream":
		v, err = client.XRange(t.Context(), key, "-", "+").Result()
	default:
		require.Fail(t, "this dump misses something", "%s is a %s", key, kind)
	}
	require.NoError(t, err)
	return v
}

// unzipped is text that may be compressed.
func unzipped(t *testing.T, text string) string {
	t.Helper()
	if !strings.HasPrefix(text, "\x1f\x8b") {
		return text
	}
	r, err := gzip.NewReader(bytes.NewReader([]byte(text)))
	require.NoError(t, err)
	plain, err := io.ReadAll(r)
	require.NoError(t, err)
	return string(plain)
}
