package app

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/stretchr/testify/require"

	"bellwether/internal/intake"
	"bellwether/internal/peers"
	"bellwether/pipeline"
)

// classroom is an installation that speaks in Microsoft Teams: its peer, and who vouches for both.
type classroom struct {
	*site
	microsoft  *peers.Microsoft
	playground *peers.Playground
}

// TestTeamsLine takes changes all the way on Microsoft Teams, and commands back. The peer's requests are signed, and its
// tokens checked, as in earnest.
func TestTeamsLine(t *testing.T) {
	t.Parallel()
	c := openClassroom(t)
	replica := c.serve(t)
	c.installs(t)
	c.refusesWhatMicrosoftDidNotSign(t)
	for i := range 3 {
		until(t, pipeline.Pass, func(try int) intake.RunStatus { return c.test(t, "1."+string(rune('0'+i))+"."+string(rune('0'+try))) })
	}
	slow := c.slowerShows(t)
	c.formAcknowledges(t, slow)
	c.mentionReruns(t, slow)
	c.personalChatAnswers(t)
	c.quiet(t)
	c.oneRootEach(t)
	replica.stop(t)
	require.NotContains(t, replica.said(t), `"level":"ERROR"`)
}

// openClassroom has the site behind TLS: Teams fetches pictures in no other way.
func openClassroom(t *testing.T) *classroom {
	c := &classroom{site: newSite(t, miniredis.RunT(t).Addr()), microsoft: peers.NewMicrosoft(t)}
	to, err := url.Parse(c.url)
	require.NoError(t, err)
	tls := httptest.NewTLSServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) }})
	t.Cleanup(tls.Close)
	c.public = tls.URL
	c.playground = peers.NewPlayground(t, c.microsoft, c.url+"/teams/messages")
	m := c.microsoft
	c.speak(t, object{"teams": object{
		"app_id": m.AppID, "app_password": m.Password, "tenant": m.Tenant,
		"endpoints": object{"login": m.URL, "openid": m.OpenID(), "graph": m.URL, "connector": c.playground.Connector()},
	}}, "{teams: {team: "+peers.PlaygroundGroup+", channel: \""+peers.PlaygroundChannel+"\"}}",
		"{teams: {team: "+peers.PlaygroundGroup+", channel: \""+peers.PlaygroundTeam+"\"}}")
	return c
}

func (c *classroom) installs(t *testing.T) {
	t.Helper()
	c.playground.Install(peers.PlaygroundChannel)
	c.playground.Install(peers.PlaygroundPersonal)
}

func (c *classroom) refusesWhatMicrosoftDidNotSign(t *testing.T) {
	claims := c.microsoft.Claims(c.playground.Connector())
	for name, token := range map[string]string{
		"no token": "", "no bearer": "Basic x", "another's key": "Bearer " + c.microsoft.Forge(claims, peers.Forgery{Key: peers.StrangersKey()}),
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.url+"/teams/messages",
			strings.NewReader(`{"type":"message","channelId":"msteams","id":"1","text":"full"}`))
		require.NoError(t, err)
		r.Header.Set("Authorization", token)
		answer, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		_ = answer.Body.Close()
		require.Equal(t, http.StatusUnauthorized, answer.StatusCode, name)
	}
}

// slowerShows its announcement edited to the end, and in the thread the results, the chart and who is called.
func (c *classroom) slowerShows(t *testing.T) intake.RunStatus {
	slow := until(t, pipeline.Regressed, func(try int) intake.RunStatus {
		if try > 0 {
			c.test(t, "1.4."+string(rune('0'+try)))
		}
		return c.test(t, "1.5."+string(rune('0'+try))+"-slow")
	})
	c.quiet(t)
	root := c.root(t, slow)
	require.Contains(t, string(root.Card), "is slower")
	require.Positive(t, root.Edits)
	thread := ""
	for _, m := range c.playground.Messages(root.Thread) {
		thread += string(m.Card)
	}
	for _, said := range []string{"fresh measurements", "<at>dev-sg</at>", `"type":"Table"`, c.public + "/pictures/"} {
		require.Contains(t, thread, said)
	}
	_, picture, _ := strings.Cut(thread, c.public+"/pictures/")
	picture, _, _ = strings.Cut(picture, `"`)
	require.Equal(t, http.StatusOK, status(c.url+"/pictures/"+strings.ReplaceAll(picture, `\u0026`, "&")), picture)
	return slow
}

// formAcknowledges: the button is answered with a form, the form with the card as it is then, and the message is edited.
func (c *classroom) formAcknowledges(t *testing.T, run intake.RunStatus) {
	root := c.root(t, run)
	form := c.playground.Press(peers.PlaygroundMe, root.Thread, root.ID, "command", button(t, root.Card, "Acknowledge"))
	require.Equal(t, "application/vnd.microsoft.card.adaptive", form.Type, string(form.Value))
	filled := button(t, form.Value, "Acknowledge")
	filled["because"] = "the cache is cold"
	denied := c.playground.Press(peers.PlaygroundOther, root.Thread, root.ID, "submit", filled)
	require.Contains(t, string(denied.Value), "may", "a member of another team")
	require.NotContains(t, string(c.root(t, run).Card), "Acknowledged by")
	now := c.playground.Press(peers.PlaygroundMe, root.Thread, root.ID, "submit", filled)
	require.Contains(t, string(now.Value), "Acknowledged by")
	eventually(t, "everybody sees the acknowledgement", func() bool {
		return strings.Contains(string(c.root(t, run).Card), "the cache is cold")
	})
}

// mentionReruns: a thread's run needs no name.
func (c *classroom) mentionReruns(t *testing.T, run intake.RunStatus) {
	root := c.root(t, run)
	c.playground.Say(root.Thread, "rerun")
	eventually(t, "the run says that it is repeated", func() bool {
		return strings.Contains(string(c.root(t, run).Card), "Repeated as")
	})
}

func (c *classroom) personalChatAnswers(t *testing.T) {
	c.playground.Say(peers.PlaygroundPersonal, "open checkout")
	eventually(t, "an answer in the personal chat", func() bool {
		for _, m := range c.playground.Messages(peers.PlaygroundPersonal) {
			if strings.Contains(string(m.Card), "checkout") {
				return true
			}
		}
		return false
	})
}

// root is the message that began a run's thread.
func (c *classroom) root(t *testing.T, run intake.RunStatus) peers.PlaygroundMessage {
	t.Helper()
	var found []peers.PlaygroundMessage
	for _, m := range c.playground.Messages(peers.PlaygroundChannel) {
		if m.Root && strings.Contains(string(m.Card), `/runs/`+run.ID+`?`) {
			found = append(found, m)
		}
	}
	require.Len(t, found, 1, run.ID)
	return found[0]
}

func (c *classroom) oneRootEach(t *testing.T) {
	seen := map[string]int{}
	for _, m := range c.playground.Messages(peers.PlaygroundChannel) {
		if _, run, found := strings.Cut(string(m.Card), c.public+"/runs/"); m.Root && found {
			run, _, _ = strings.Cut(run, "?")
			seen[run]++
		}
	}
	require.GreaterOrEqual(t, len(seen), 5)
	for run, n := range seen {
		require.Equal(t, 1, n, run)
	}
}

// button is what the button of that title carries.
func button(t *testing.T, card json.RawMessage, title string) object {
	t.Helper()
	var parsed any
	require.NoError(t, json.Unmarshal(card, &parsed))
	data := executing(parsed, title)
	require.NotNil(t, data, "no button %q in %s", title, card)
	return data
}

func executing(in any, title string) object {
	switch in := in.(type) {
	case []any:
		for _, each := range in {
			if data := executing(each, title); data != nil {
				return data
			}
		}
	case object:
		if data, ok := in["data"].(object); ok && in["type"] == "Action.Execute" && in["title"] == title {
			return data
		}
		for _, each := range in {
			if data := executing(each, title); data != nil {
				return data
			}
		}
	}
	return nil
}
