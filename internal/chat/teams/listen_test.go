package teams

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/bot"
	"bellwether/internal/peers"
	"bellwether/pipeline"
)

func TestMention(t *testing.T) {
	s, d := newSite(t), answering("Status", false)
	s.deliver(root(checkout)) // begins the thread
	a := s.mention("ack because &lt;at&gt; <at>Ana</at> knows a &amp; b")
	require.Equal(t, http.StatusOK, s.send(d, a).Code)
	require.Equal(t, []string{"ack because <at> Ana knows a & b"}, d.said)

	who := d.who
	require.True(t, who.Bare, "Teams has no /loadtest")
	require.Equal(t, "Asia/Singapore", who.Zone.String())
	who.Zone = nil
	require.Equal(t, pipeline.Channel{Platform: Platform, Group: peers.TeamsTeam, ID: peers.TeamsChannel}, who.Channel)
	require.Equal(t, []any{user, "Dev Singh", peers.TeamsTenant, "R42", false}, []any{who.User, who.Name, who.Workspace, who.Run, who.Outsider})

	shown := s.teams.Messages()
	require.Len(t, shown, 2)
	require.Equal(t, thread, shown[1].Conversation, "in the thread it was said in")
	require.Contains(t, shown[1].Card, "Status")
}

func TestChatWithTheBotAlone(t *testing.T) {
	for _, private := range []bool{false, true} {
		s, d := newSite(t), answering("Status", private)
		require.Equal(t, http.StatusOK, s.send(d, s.alone("status")).Code)
		require.Equal(t, []string{"status"}, d.said)
		require.Empty(t, d.who.Run)
		require.Equal(t, pipeline.Channel{Platform: Platform, ID: "a:" + peers.TeamsUser}, d.who.Channel)
		require.Equal(t, "a:"+peers.TeamsUser, s.teams.Messages()[0].Conversation)
	}
}

// What is private reaches the speaker alone, or nobody.
func TestPrivateAnswerToAMention(t *testing.T) {
	for _, reachable := range []bool{true, false} {
		s, d := newSite(t), answering("You may not do that", true)
		s.deliver(root(checkout))
		s.teams.Join(peers.TeamsUser, peers.TeamsMember{Role: "user", Tenant: peers.TeamsTenant}, reachable)
		s.send(d, s.mention("hold"))
		answer := s.teams.Messages()[1]
		if reachable {
			require.Equal(t, "a:"+peers.TeamsUser, answer.Conversation)
			require.Contains(t, answer.Card, "You may not do that")
			require.Len(t, s.teams.Messages(), 2, "the thread is left in peace")
			continue
		}
		require.Equal(t, thread, answer.Conversation)
		require.Contains(t, answer.Card, "Open a chat with me")
		require.NotContains(t, answer.Card, "You may not do that")
	}
}

func TestPictureOfAPrivateAnswer(t *testing.T) {
	s, d := newSite(t), answering("checkout-flow: p95 +38 %", true)
	s.deliver(root(checkout))
	d.reply.Message.Picture = &bot.Picture{Key: "history/ab", Alt: "14 runs, last 312 ms"}
	d.reply.Message.Table = &bot.Table{Head: []string{"p95 ms", "now"}, Rows: [][]string{{"checkout-flow", "312"}}}
	d.reply.Picture = drawn(t, 1000)
	s.teams.Join(peers.TeamsUser, peers.TeamsMember{Role: "user", Tenant: peers.TeamsTenant}, true)
	s.send(d, s.mention("history checkout-flow"))
	answer := s.teams.Messages()[1]
	require.Equal(t, "a:"+peers.TeamsUser, answer.Conversation)
	require.Contains(t, answer.Card, "https://bellwether.example/pictures/history/ab")
	require.Contains(t, answer.Card, "14 runs, last 312 ms")
	require.Contains(t, answer.Card, `"Table"`, "beside it")
}

// An answer that met another is sent again; one of which nobody knows is not.
func TestAnswerIsSentAgain(t *testing.T) {
	for status, want := range map[int]int{412: tries, 502: 1, 403: 1} {
		synctest.Test(t, func(t *testing.T) {
			c, sent := newQuietSite(t), 0
			c.client.HTTP.Transport = inProcess{http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPost {
					sent++
				}
				w.WriteHeader(status)
			})}
			s := &site{t: t, Chat: c}
			s.sendRaw(answering("Status", false), s.body(s.alone("status")), "Bearer any")
			require.Equal(t, want, sent, status)
		})
	}
}

// A conversation in which much is said takes nothing for up to half a minute, and the answer all the same.
func TestAnswerWaitsForItsTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, sent, began := newQuietSite(t), 0, time.Now()
		c.client.HTTP.Transport = inProcess{http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodPost {
				return
			}
			if sent++; sent == 1 {
				w.Header().Set("Retry-After", "30")
				w.WriteHeader(http.StatusTooManyRequests)
				return
			}
			_, _ = w.Write([]byte(`{"id":"1"}`))
		})}
		s := &site{t: t, Chat: c}
		s.sendRaw(answering("Status", false), s.body(s.alone("status")), "Bearer any")
		require.Equal(t, 2, sent)
		require.InDelta(t, 30*time.Second, time.Since(began), float64(2*time.Second))
	})
}

// What the words say of their speaker is worth less than what Teams says when it is asked.
func TestTeamsKnowsWhoSpeaks(t *testing.T) {
	for member, want := range map[string][]any{
		`"aadObjectId":"id-of-ana","name":"Ana"`: {"id-of-ana", "Ana"},
		`"objectId":"id-of-ana"`:                 {"id-of-ana", "Dev Singh"},
		`"email":"ana@shop.example"`:             {user, "Dev Singh"},
	} {
		c, d := newQuietSite(t), answering("Status", false)
		c.client.HTTP.Transport = inProcess{http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`{"id":"1","userRole":"user","tenantId":"` + peers.TeamsTenant + `",` + member + `}`))
		})}
		s := &site{t: t, Chat: c}
		s.sendRaw(d, s.body(s.alone("status")), "Bearer any")
		require.Equal(t, append(want, false), []any{d.who.User, d.who.Name, d.who.Outsider}, member)
	}
}

func TestOutsiders(t *testing.T) {
	for name, test := range map[string]struct {
		member   peers.TeamsMember
		outsider bool
		tenant   string
	}{
		"one of ours":    {peers.TeamsMember{Role: "user", Tenant: peers.TeamsTenant}, false, peers.TeamsTenant},
		"guest":          {peers.TeamsMember{Role: "guest", Tenant: peers.TeamsTenant}, true, peers.TeamsTenant},
		"anonymous":      {peers.TeamsMember{Role: "anonymous"}, true, peers.TeamsTenant},
		"shared channel": {peers.TeamsMember{Role: "user", Tenant: "other"}, true, "other"},
		"no tenant":      {peers.TeamsMember{Role: "user"}, true, peers.TeamsTenant},
		"no role":        {peers.TeamsMember{Tenant: peers.TeamsTenant}, true, peers.TeamsTenant},
	} {
		t.Run(name, func(t *testing.T) {
			s, d := newSite(t), answering("Status", false)
			s.teams.Join(peers.TeamsUser, test.member, true)
			s.send(d, s.mention("status"))
			require.Equal(t, test.outsider, d.who.Outsider)
			require.Equal(t, test.tenant, d.who.Workspace)
		})
	}
	t.Run("unknown to teams", func(t *testing.T) {
		s, d := newSite(t), answering("Status", false)
		s.fail("member", peers.Status(500))
		s.send(d, s.mention("status"))
		require.True(t, d.who.Outsider)
		s.teams.Fail(nil)
		s.send(d, s.mention("status"))
		require.False(t, d.who.Outsider, "no longer than it lasts")
	})
	t.Run("nobody in Entra", func(t *testing.T) {
		s, d := newSite(t), answering("Status", false)
		a := s.mention("status")
		a["from"] = map[string]any{"id": peers.TeamsUser}
		s.send(d, a)
		require.True(t, d.who.Outsider)
		require.Equal(t, peers.TeamsUser, d.who.User)
	})
}

func TestMembersAreAskedForNowAndThen(t *testing.T) {
	s, d := newSite(t), answering("Status", false)
	now := time.Now()
	s.Now = func() time.Time { return now }
	asked := func() (n int) {
		for _, call := range s.teams.Calls() {
			if call == "member" {
				n++
			}
		}
		return n
	}
	s.send(d, s.mention("status"))
	s.send(d, s.mention("status"))
	require.Equal(t, 1, asked())
	now = now.Add(memberFor)
	s.send(d, s.mention("status"))
	require.Equal(t, 2, asked())
}

// A slash command mentions nobody; Teams marks it instead.
func TestSlashCommand(t *testing.T) {
	s, d := newSite(t), answering("Status", false)
	a := s.activity(map[string]any{"text": "status load", "recipient": map[string]any{"id": peers.TeamsBot, "isTargeted": true}})
	require.Equal(t, http.StatusOK, s.send(d, a).Code)
	require.Equal(t, []string{"status load"}, d.said)
}

func TestWhatSaysNothing(t *testing.T) {
	s := newSite(t)
	for name, change := range map[string]map[string]any{
		"not mentioned": {"text": "status"},
		"another is":    {"text": "<at>Ana</at> status", "entities": []any{map[string]any{"type": "mention", "text": "<at>Ana</at>", "mentioned": map[string]any{"id": "29:ana"}}}},
		"a bot speaks":  {"text": "status", "from": map[string]any{"id": "28:other", "role": "bot"}, "conversation": map[string]any{"id": "a:1", "conversationType": "personal"}},
		"itself speaks": {"text": "status", "from": map[string]any{"id": peers.TeamsBot}, "conversation": map[string]any{"id": "a:1", "conversationType": "personal"}},
		"edited":        {"type": "messageUpdate", "text": "<at>Bellwether</at> status"},
		"reaction":      {"type": "messageReaction"},
		"other button":  {"value": map[string]any{"action": "like"}},
		"odd button":    {"value": map[string]any{"command": 7}},
	} {
		d := answering("x", false)
		require.Equal(t, http.StatusOK, s.send(d, s.activity(change)).Code, name)
		require.Empty(t, d.said, name)
	}
	require.Empty(t, s.teams.Messages())
}

func TestRepetitionIsDoneOnce(t *testing.T) {
	s, d := newSite(t), answering("Status", false)
	for n, a := range []map[string]any{s.mention("status"), s.press(map[string]any{"verb": "command", "command": "status"})} {
		for range 3 {
			require.Equal(t, http.StatusOK, s.send(d, a).Code)
		}
		require.Len(t, d.said, n+1)
	}
}

// When the store does not answer, Teams is told so before anything is done, and what it delivers again gets through.
func TestStoreDown(t *testing.T) {
	s, d := newSite(t), answering("Status", false)
	for _, down := range []*error{&s.seen.err, &s.stored.err} {
		for _, a := range []map[string]any{s.mention("status"), s.press(map[string]any{"verb": "command", "command": "status"})} {
			clear(s.Chat.teams)
			d.said, *down = nil, errors.New("redis is away")
			require.Equal(t, http.StatusInternalServerError, s.send(d, a).Code)
			require.Empty(t, d.said)
			*down = nil
			require.Equal(t, http.StatusOK, s.send(d, a).Code)
			require.Len(t, d.said, 1)
		}
	}
}

func TestInstallations(t *testing.T) {
	s := newSite(t)
	added := s.activity(map[string]any{
		"type": "conversationUpdate", "membersAdded": []any{map[string]any{"id": peers.TeamsBot}},
		"channelData": map[string]any{
			"tenant": map[string]any{"id": peers.TeamsTenant}, "eventType": "teamMemberAdded",
			"team": map[string]any{"id": peers.TeamsTeam, "name": "Shop", "aadGroupId": peers.TeamsGroup},
		},
	})
	require.Equal(t, http.StatusOK, s.send(answering("x", false), added).Code)
	want := bot.Installation{Team: peers.TeamsTeam, Group: peers.TeamsGroup, Name: "Shop", Tenant: peers.TeamsTenant, ServiceURL: s.teams.URL()}
	require.Equal(t, want, s.stored.teams[peers.TeamsTeam])
	require.Equal(t, want, s.stored.teams[peers.TeamsGroup])

	clear(s.Chat.teams) // another replica, to which a message says neither name nor group
	s.send(answering("x", false), s.mention("status"))
	require.Equal(t, want, s.stored.teams[peers.TeamsTeam])
	require.Equal(t, 1, s.stored.kept, "what is known is not stored again")

	moved := s.mention("status")
	moved["serviceUrl"] = "https://smba.trafficmanager.net/emea/"
	s.fail("member", peers.Cut()) // there is nobody
	s.client.HTTP.Transport = refusing{}
	s.send(answering("x", false), moved)
	want.ServiceURL = "https://smba.trafficmanager.net/emea/"
	require.Equal(t, want, s.stored.teams[peers.TeamsTeam])
}

func TestFewInstallationsAreKeptInMemory(t *testing.T) {
	c := newQuietSite(t)
	for i := range teamsKept + 5 {
		c.remember(bot.Installation{Team: fmt.Sprint(i)})
	}
	require.Len(t, c.teams, 5)
}

func TestRemovalIsLogged(t *testing.T) {
	for _, change := range []map[string]any{
		{"type": "conversationUpdate", "membersRemoved": []any{map[string]any{"id": peers.TeamsBot}}},
		{"type": "installationUpdate", "action": "remove-upgrade"},
	} {
		s := newSite(t)
		var log bytes.Buffer
		s.Log = slog.New(slog.NewTextHandler(&log, nil))
		require.Equal(t, http.StatusOK, s.send(answering("x", false), s.activity(change)).Code)
		require.Contains(t, log.String(), "the bot was removed")
		require.Zero(t, s.stored.kept)
	}
}
