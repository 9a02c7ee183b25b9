package app

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/stretchr/testify/require"

	"bellwether/internal/peers"
)

// A link to a run that somebody posts in Slack shows how the run ended; other links show nothing. local-slack tells nobody of
// links, so that this goes against the fake.
func TestSlackUnfurlsALinkToARun(t *testing.T) {
	t.Parallel()
	slack := peers.NewFlakySlack(peers.SlackChannel, peers.SlackOther)
	t.Cleanup(slack.Close)
	s := newSite(t, miniredis.RunT(t).Addr())
	s.speak(t, object{"slack": object{
		"bot_token": peers.SlackBotToken, "signing_secret": peers.SlackSigningSecret, "api_url": slack.API(),
	}}, "{slack: "+peers.SlackChannel+"}", "{slack: "+peers.SlackOther+"}")
	replica := s.serve(t)
	run := s.test(t, "1.0.0")
	s.quiet(t)

	s.postLink(t, "Ev1", "https://elsewhere.example/runs/"+run.ID)
	s.postLink(t, "Ev2", s.url+"/runs/"+run.ID) // which nobody signed
	s.postLink(t, "Ev3", run.URL)
	eventually(t, "a link is unfurled", func() bool { return len(slack.Unfurls()) > 0 })
	replica.stop(t) // having answered everything
	require.Len(t, slack.Unfurls(), 1)
	shown := slack.Unfurls()[0]
	require.Equal(t, []string{peers.SlackChannel, "1.000001"}, []string{shown.Channel, shown.TS})
	var previews map[string]json.RawMessage // by link
	require.NoError(t, json.Unmarshal([]byte(shown.Links), &previews))
	require.Contains(t, string(previews[run.URL]), run.Headline)
}

// postLink is what Slack says to the app when somebody posts a link.
func (s *site) postLink(t *testing.T, event, link string) {
	t.Helper()
	body := fmt.Sprintf(`{"type": "event_callback", "event_id": %q, "team_id": %q, "event": {"type": "link_shared", "user": %q, "channel": %q,
		"message_ts": "1.000001", "links": [{"url": %q}]}}`, event, peers.SlackTeam, peers.SlackUser, peers.SlackChannel, link)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/slack/events", strings.NewReader(body))
	require.NoError(t, err)
	at := fmt.Sprint(time.Now().Unix())
	mac := hmac.New(sha256.New, []byte(peers.SlackSigningSecret))
	fmt.Fprint(mac, "v0:", at, ":", body)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Slack-Request-Timestamp", at)
	r.Header.Set("X-Slack-Signature", "v0="+hex.EncodeToString(mac.Sum(nil)))
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	_ = answer.Body.Close()
	require.Equal(t, http.StatusOK, answer.StatusCode)
}
