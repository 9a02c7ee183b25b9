package teams

import (
	"bytes"
	"errors"
	"image"
	"image/png"
	"net"
	"net/http"
	"net/http/httptest"
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
	for width, fits := range map[int]bool{1000: true, 2000: false} {
		o.Picture = drawn(t, width)
		_, err := s.Post(t.Context(), o)
		require.NoError(t, err)
		shown := s.teams.Messages()
		card := shown[len(shown)-1].Card
		require.Equal(t, fits, strings.Contains(card, "https://bellwether.example/pictures/k1"), "%d pixels", width)
		require.Contains(t, card, "p95 169 ms")
	}
}

// drawn is a PNG that wide.
func drawn(t *testing.T, width int) []byte {
	t.Helper()
	var raw bytes.Buffer
	require.NoError(t, png.Encode(&raw, image.NewGray(image.Rect(0, 0, width, 480))))
	return raw.Bytes()
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

// What is stored may be older than the settings, or somebody's who got at the store: the bot's token does not go there.
func TestStoredServiceIsNotBelievedBlindly(t *testing.T) {
	s := newSite(t)
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("%s was asked, with %q", r.URL, r.Header.Get("Authorization"))
	}))
	defer elsewhere.Close()
	s.stored.teams[peers.TeamsGroup] = bot.Installation{Team: peers.TeamsTeam, ServiceURL: elsewhere.URL}
	ref, err := s.Post(t.Context(), root(checkout))
	require.NoError(t, err)
	require.NoError(t, s.Edit(t.Context(), root(checkout), ref))
	require.Equal(t, []string{"create", "update"}, s.teams.Calls(), "it goes where the settings say")
}

// Whatever client the settings bring, no redirect is followed: it would take the message elsewhere.
func TestRedirectsAreNotFollowed(t *testing.T) {
	s := newSite(t)
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("somebody else was told") }))
	defer elsewhere.Close()
	s.teams.Fail(func(string) *peers.Fault {
		return &peers.Fault{Name: "307", Serve: func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
			http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
		}}
	})
	_, err := s.Post(t.Context(), root(checkout))
	require.Equal(t, "not sent", kind(err))
	require.ErrorContains(t, err, "307")
}

func TestHello(t *testing.T) {
	s := newSite(t)
	require.NoError(t, s.Hello(t.Context()))
	s.tokens.err = errors.New("login is down")
	err := s.Hello(t.Context())
	require.ErrorContains(t, err, "login is down")
	require.ErrorContains(t, err, "chat.teams.app_id")
	s.tokens.err = &net.OpError{Op: "dial", Err: errors.New("no route to host")}
	err = s.Hello(t.Context())
	require.ErrorContains(t, err, "teams cannot be reached")
	require.NotContains(t, err.Error(), "app_id", "which may be right")
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
