package teams

import (
	"bytes"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/bot"
	"bellwether/internal/peers"
)

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
	s.ServiceURL, s.client.Home = "http://"+l.Addr().String(), &url.URL{Scheme: "http", Host: l.Addr().String()}
	_, err = s.Post(t.Context(), root(checkout))
	require.Equal(t, "not sent", kind(err))
	require.ErrorContains(t, err, "connection refused")
}
