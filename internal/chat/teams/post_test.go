package teams

import (
	"bytes"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/bot"
	"bellwether/internal/peers"
	"bellwether/pipeline"
)

func root(channel pipeline.Channel) bot.Outgoing {
	return bot.Outgoing{
		ID: "R42/" + channel.String() + "/root", Channel: channel, Run: "R42", Version: 1,
		Message: bot.Message{Title: "checkout 1.5.0", Mood: bot.MoodWaiting},
	}
}

func results(channel pipeline.Channel) bot.Outgoing {
	o := root(channel)
	o.ID, o.Root = "R42/"+channel.String()+"/results", o.ID
	o.Message = bot.Message{Title: "Results of 1.5.0", Body: []bot.Text{{bot.ThreadOf("R41")}}}
	return o
}

// postman delivers by the site.
func (s *site) postman() *bot.Postman {
	return &bot.Postman{
		Outbox: s.letters, Chats: map[string]bot.Chat{Platform: s.Chat}, Operator: func() []pipeline.Channel { return nil },
		Now: time.Now, Log: s.Log,
	}
}

// deliver says what is to be said, and is satisfied.
func (s *site) deliver(o bot.Outgoing) bot.Letter {
	s.t.Helper()
	require.NoError(s.t, s.letters.Want(s.t.Context(), o, time.Time{}))
	require.NoError(s.t, s.postman().Deliver(s.t.Context(), o.ID, 1))
	return s.letters.letters[o.ID]
}

func TestPostReplyEdit(t *testing.T) {
	personal := pipeline.Channel{Platform: Platform, ID: "a:" + peers.TeamsUser}
	for name, channel := range map[string]pipeline.Channel{"channel": checkout, "unnamed team": {Platform: Platform, ID: checkout.ID}, "chat": personal} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			first, reply := s.deliver(root(channel)), s.deliver(results(channel))
			o := root(channel)
			o.Version, o.Message.Title = 2, "checkout 1.5.0 is done"
			require.Equal(t, first.Ref, s.deliver(o).Ref, "edited, not posted again")
			o = results(channel)
			o.Version, o.Message.Title = 2, "Other results"
			require.Equal(t, reply.Ref, s.deliver(o).Ref)

			shown := s.teams.Messages()
			require.Len(t, shown, 2)
			require.Equal(t, shown[0].Conversation, shown[1].Conversation, "in one thread")
			if channel.ID == checkout.ID {
				require.Equal(t, shown[0].Conversation, first.Ref, "a root is known by its thread, in which people answer")
			}
			for i, title := range []string{"checkout 1.5.0 is done", "Other results"} {
				require.Equal(t, 1, shown[i].Edits)
				require.Contains(t, shown[i].Card, title)
				require.Contains(t, shown[i].Summary, title)
			}
		})
	}
}

func TestLinksToThreads(t *testing.T) {
	const link = "https://teams.microsoft.com/l/message/19:checkout@thread.tacv2/17?"
	for group, want := range map[string]string{
		peers.TeamsGroup: link + "groupId=" + peers.TeamsGroup + "&parentMessageId=17&tenantId=" + peers.TeamsTenant,
		"":               link + "parentMessageId=17&tenantId=" + peers.TeamsTenant,
	} {
		s := newSite(t)
		s.stored.teams[checkout.Group] = bot.Installation{Team: peers.TeamsTeam, Group: group}
		o := results(checkout)
		o.Links = map[string]string{"R41": peers.TeamsChannel + ";messageid=17", "R40": "a message of a chat"}
		require.Equal(t, map[string]string{"R41": want}, s.links(o, group))
		_, err := s.Post(t.Context(), o)
		require.NoError(t, err)
		require.Contains(t, strings.ReplaceAll(s.teams.Messages()[0].Card, `\u0026`, "&"), want)
	}
}

func TestPictureIsFetchedByItsAddress(t *testing.T) {
	s := newSite(t)
	o := root(checkout)
	o.Message = bot.Message{Title: "Latency", Picture: &bot.Picture{Key: "k1", Alt: "p95 169 ms"}}
	_, err := s.Post(t.Context(), o)
	require.NoError(t, err)
	card := s.teams.Messages()[0].Card
	require.Contains(t, card, "https://bellwether.example/pictures/k1")
	require.Contains(t, card, "p95 169 ms")
}

// What nobody can tell of is said again, and says so; progress is rather lost.
func TestUnknownEndIsSaidAgain(t *testing.T) {
	for _, passing := range []bool{false, true} {
		s := newSite(t)
		o := root(checkout)
		o.Passing = passing
		require.NoError(t, s.letters.Want(t.Context(), o, time.Time{}))
		s.fail("create", peers.Cut().Accepted())
		require.Error(t, s.postman().Deliver(t.Context(), o.ID, 1))
		s.teams.Fail(nil)
		require.NoError(t, s.postman().Deliver(t.Context(), o.ID, 1))

		shown := s.teams.Messages()
		if passing {
			require.Len(t, shown, 1)
			require.NotEmpty(t, s.letters.letters[o.ID].Parked)
			continue
		}
		require.Len(t, shown, 2)
		require.NotContains(t, shown[0].Card, "Sent again")
		require.Contains(t, shown[1].Card, "Sent again")
		require.Equal(t, shown[1].Conversation, s.letters.letters[o.ID].Ref)
	}
}

// fail has all requests of an operation meet the fault.
func (s *site) fail(operation string, fault peers.Fault) {
	s.teams.Fail(func(asked string) *peers.Fault {
		if asked == operation {
			return &fault
		}
		return nil
	})
}

func kind(err error) string {
	switch {
	case errors.As(err, new(*bot.NotSent)):
		return "not sent"
	case errors.As(err, new(*bot.Refused)):
		return "refused"
	}
	return "unclear"
}

func TestErrorKinds(t *testing.T) {
	redirect := peers.Fault{Name: "302", Serve: func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		http.Redirect(w, r, "https://evil.example/", http.StatusFound)
	}}
	text := peers.Fault{Name: "no JSON", Serve: func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { _, _ = w.Write([]byte("<html>")) }}
	for name, test := range map[string]struct {
		fault peers.Fault
		kind  string
		after time.Duration
	}{
		"429":                      {peers.Limited(17 * time.Second), "not sent", 17 * time.Second},
		"429 for a day":            {peers.Limited(24 * time.Hour), "not sent", time.Hour},
		"429 without a time":       {peers.Status(429), "not sent", unwell},
		"412":                      {peers.Status(412), "not sent", collided},
		"redirect":                 {redirect, "not sent", unwell},
		"400":                      {peers.Status(400), "refused", 0},
		"403":                      {peers.Status(403), "not sent", unmended},
		"404":                      {peers.Status(404), "not sent", unmended},
		"408":                      {peers.Status(408), "unclear", 0},
		"413":                      {peers.Status(413), "refused", 0},
		"418":                      {peers.Status(418), "refused", 0},
		"500":                      {peers.Status(500), "unclear", 0},
		"502":                      {peers.Status(502), "unclear", 0},
		"504":                      {peers.Status(504), "unclear", 0},
		"not in the team":          {peers.TeamsSays(403, "BotNotInConversationRoster"), "not sent", uninvited},
		"no such channel":          {peers.TeamsSays(404, "ConversationNotFound"), "not sent", unmended},
		"blocked by its only user": {peers.TeamsSays(403, "MessageWritesBlocked"), "refused", 0},
		"message deleted":          {peers.TeamsSays(404, "ActivityNotFoundInConversation"), "refused", 0},
		"no JSON":                  {text, "unclear", 0},
		"dropped connection":       {peers.Cut(), "unclear", 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			s.teams.Fail(func(string) *peers.Fault { return &test.fault })
			_, posted := s.Post(t.Context(), root(checkout))
			edited := s.Edit(t.Context(), root(checkout), thread)
			for _, err := range []error{posted, edited} {
				if err == nil && name == "no JSON" {
					continue // an edit has no id to read
				}
				require.Error(t, err)
				require.Equal(t, test.kind, kind(err), err)
				if late, ok := errors.AsType[*bot.NotSent](err); ok {
					require.Equal(t, test.after, late.After)
				}
				require.NotContains(t, err.Error(), peers.TeamsToken)
			}
			require.Equal(t, []string{"create", "update"}, s.teams.Calls(), "asked once, whatever happens")
		})
	}
}

func TestReasonsSayWhatToDo(t *testing.T) {
	for code, meaning := range reasons {
		s := newSite(t)
		s.fail("create", peers.TeamsSays(403, code))
		_, err := s.Post(t.Context(), root(checkout))
		require.ErrorContains(t, err, code)
		require.ErrorContains(t, err, meaning.step)
	}
}

// The operator is told once when a channel begins to rest, and again when it does so another time.
func TestTroubleIsToldOnce(t *testing.T) {
	s := newSite(t)
	var log bytes.Buffer
	s.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelError}))
	for said := range 2 {
		s.fail("create", peers.TeamsSays(403, "BotNotInConversationRoster"))
		for range 3 {
			_, err := s.Post(t.Context(), root(checkout))
			require.Equal(t, "not sent", kind(err))
			require.Equal(t, said+1, strings.Count(log.String(), "level=ERROR"))
		}
		s.teams.Fail(nil)
		_, err := s.Post(t.Context(), root(checkout))
		require.NoError(t, err, "it appears once the bot is added")
	}
	require.Contains(t, log.String(), "add the app Bellwether to the team")
}

func TestUnreachable(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	s := newSite(t)
	s.ServiceURL = "http://" + l.Addr().String()
	_, err = s.Post(t.Context(), root(checkout))
	require.Equal(t, "not sent", kind(err))
}

func TestRefusedTokenIsRenewedOnce(t *testing.T) {
	s := newSite(t)
	s.tokens.next = []string{"revoked", "renewed", "never used"}
	s.teams.Accept("renewed")
	_, err := s.Post(t.Context(), root(checkout))
	require.NoError(t, err)

	s.teams.Accept("nobody has it")
	_, err = s.Post(t.Context(), root(checkout))
	require.Equal(t, "not sent", kind(err))
	require.ErrorContains(t, err, "chat.teams.app_id")
	require.NotContains(t, err.Error(), "never used")
	require.Equal(t, []string{"create", "create", "create", "create"}, s.teams.Calls())

	s.tokens.err = errors.New("login is down")
	_, err = s.Post(t.Context(), root(checkout))
	require.Equal(t, "not sent", kind(err))
}

// Messages go where the team last said that it takes them.
func TestInstallationNamesTheService(t *testing.T) {
	s := newSite(t)
	s.stored.teams[peers.TeamsGroup] = bot.Installation{Team: peers.TeamsGroup, ServiceURL: s.teams.URL()}
	s.ServiceURL = "http://127.0.0.1:1/"
	_, err := s.Post(t.Context(), root(checkout))
	require.NoError(t, err)

	s.stored.err = errors.New("redis is away")
	_, err = s.Post(t.Context(), root(checkout))
	require.Equal(t, "not sent", kind(err))
	require.Equal(t, "not sent", kind(s.Edit(t.Context(), root(checkout), thread)))
}

func TestHello(t *testing.T) {
	s := newSite(t)
	require.NoError(t, s.Hello(t.Context()))
	s.tokens.err = errors.New("login is down")
	err := s.Hello(t.Context())
	require.ErrorContains(t, err, "login is down")
	require.ErrorContains(t, err, "chat.teams.app_id")
}

func TestNewWantsToKnowItsOwn(t *testing.T) {
	s := newSite(t)
	for missing, change := range map[string]func(*Settings){
		"chat.teams.app_id":              func(s *Settings) { s.AppID = "" },
		"chat.teams.tenant":              func(s *Settings) { s.Tenant = "" },
		"validator":                      func(s *Settings) { s.Validator = nil },
		"source":                         func(s *Settings) { s.Tokens = nil },
		"chat.teams.endpoints.connector": func(s *Settings) { s.ServiceURL = "teams" },
	} {
		settings := s.settings()
		change(&settings)
		_, err := New(settings)
		require.ErrorContains(t, err, missing)
	}
}
