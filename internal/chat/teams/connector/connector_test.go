package connector

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/infracloudio/msbotbuilder-go/core"
	"github.com/infracloudio/msbotbuilder-go/core/activity"
	"github.com/infracloudio/msbotbuilder-go/schema"
	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"bellwether/internal/peers"
)

const thread = peers.TeamsChannel + ";messageid=1795438653001"

// begun is a Teams with one thread, and a client of it.
func begun(t *testing.T) (*peers.FlakyTeams, *Client) {
	teams := peers.NewFlakyTeams(peers.TeamsChannel)
	t.Cleanup(teams.Close)
	c := over(http.DefaultTransport)
	c.Home = home(t, teams.URL())
	id, err := c.Create(t.Context(), teams.URL(), peers.TeamsChannel, Conversation{
		IsGroup: true, Bot: Account{peers.TeamsBot}, Tenant: peers.TeamsTenant, Activity: &Activity{Type: "message", Text: "root"},
		ChannelData: &ChannelData{Channel: &Account{peers.TeamsChannel}, Tenant: Account{peers.TeamsTenant}},
	})
	require.NoError(t, err)
	require.Equal(t, thread, id)
	return teams, c
}

func home(t *testing.T, address string) *url.URL {
	u, err := url.Parse(address)
	require.NoError(t, err)
	return u
}

// microsoft is where all other tests send to, over a transport of theirs.
const microsoft = "https://smba.trafficmanager.net/teams/"

func over(transport http.RoundTripper) *Client {
	return &Client{
		Tokens: oauth2.StaticTokenSource(&oauth2.Token{AccessToken: peers.TeamsToken}),
		HTTP:   &http.Client{Transport: transport}, Pace: &Pace{Now: time.Now},
	}
}

func TestSendUpdateMember(t *testing.T) {
	teams, c := begun(t)
	id, err := c.Send(t.Context(), teams.URL(), thread, Activity{Type: "message", Text: "one"})
	require.NoError(t, err)
	require.NoError(t, c.Update(t.Context(), teams.URL(), thread, id, Activity{Type: "message", Text: "two"}))
	require.Equal(t, "two", teams.Messages()[1].Text)
	m, err := c.Member(t.Context(), teams.URL(), peers.TeamsChannel, peers.TeamsUser)
	require.NoError(t, err)
	require.Equal(t, Member{Role: "user", Tenant: peers.TeamsTenant}, m)
}

// What msbotbuilder-go's adapter sends goes out like all else: without the zero times of its type, with a token of ours.
func TestLibrarySendsThroughTheClient(t *testing.T) {
	teams, c := begun(t)
	adapter := &core.BotFrameworkAdapter{Client: c}
	a := schema.Activity{
		Type: schema.Message, ID: "1795438653001", Text: "said by the library", ServiceURL: teams.URL(),
		Conversation: schema.ConversationAccount{ID: thread},
		Attachments:  []schema.Attachment{{ContentType: "application/vnd.microsoft.card.adaptive", Content: map[string]any{"type": "AdaptiveCard"}}},
	}
	say := activity.HandlerFuncs{OnMessageFunc: func(turn *activity.TurnContext) (schema.Activity, error) { return turn.Activity, nil }}
	require.NoError(t, adapter.ProcessActivity(t.Context(), a, say))
	require.Equal(t, "said by the library", teams.Messages()[1].Text)
	require.JSONEq(t, `{"type":"AdaptiveCard"}`, teams.Messages()[1].Card)

	a.Text = "said otherwise"
	require.NoError(t, adapter.UpdateActivity(t.Context(), a))
	require.Equal(t, "said otherwise", teams.Messages()[0].Text)
	reference := schema.ConversationReference{ActivityID: a.ID, Conversation: a.Conversation, ServiceURL: a.ServiceURL}
	require.NoError(t, adapter.DeleteActivity(t.Context(), a.ID, reference))
	require.Len(t, teams.Messages(), 1)

	teams.Fail(func(string) *peers.Fault { f := peers.TeamsSays(403, "BotDisabledByAdmin"); return &f })
	answer, ok := errors.AsType[*Answer](adapter.ProcessActivity(t.Context(), a, say))
	require.True(t, ok, "an error tells as much as it does elsewhere")
	require.Equal(t, "BotDisabledByAdmin", answer.Code)
}

// answering is a transport that answers everything at once.
type answering func() *http.Response

func (f answering) RoundTrip(*http.Request) (*http.Response, error) { return f(), nil }

func recorded(code int, body string, header ...string) answering {
	return func() *http.Response {
		w := httptest.NewRecorder()
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
		_, _ = w.WriteString(body)
		return w.Result()
	}
}

func TestAnswers(t *testing.T) {
	long := strings.Repeat("x", answerLimit)
	for name, test := range map[string]struct {
		answers answering
		want    string
	}{
		"no JSON":        {recorded(200, "<html>"), "read the connector's answer"},
		"endless":        {recorded(200, `{"id":"`+long+`"}`), "read the connector's answer"},
		"no id":          {recorded(201, `{}`), "did not say where"},
		"a page":         {recorded(502, "<html>"), "teams answers 502 Bad Gateway"},
		"a long reason":  {recorded(400, `{"error":{"code":"Bad","message":"`+strings.Repeat("é", 300)+`"}}`), "teams answers 400 Bad " + strings.Repeat("é", 200) + "…"},
		"an odd reason":  {recorded(400, `{"error":7}`), "teams answers 400 Bad Request"},
		"lines, hostile": {recorded(400, `{"error":{"code":"a\nb","message":"c\r\nlevel=ERROR"}}`), "teams answers 400 a b c level=ERROR"},
	} {
		_, err := over(test.answers).Send(t.Context(), microsoft, "a:1", Activity{Type: "message"})
		require.ErrorContains(t, err, test.want, name)
		require.Less(t, len(err.Error()), 600)
	}
}

func TestRetryAfter(t *testing.T) {
	in20 := time.Now().Add(20 * time.Second).UTC().Format(http.TimeFormat)
	for value, want := range map[string]time.Duration{
		"17": 17 * time.Second, "0": time.Second, "-5": time.Second, "86400": time.Hour, "": 0, "soon": 0, in20: 20 * time.Second,
		"Mon, 01 Jan 2001 00:00:00 GMT": time.Second,
	} {
		_, err := over(recorded(429, "", "Retry-After", value)).Send(t.Context(), microsoft, "a:1", Activity{})
		answer, ok := errors.AsType[*Answer](err)
		require.True(t, ok)
		require.InDelta(t, want, answer.After, float64(2*time.Second), value)
	}
}

// stalled never answers.
type stalled struct{}

func (stalled) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func TestNoRequestTakesLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		_, err := over(stalled{}).Send(t.Context(), microsoft, "a:1", Activity{})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.False(t, errors.As(err, new(*Unsent)), "it may have got through")
		require.Equal(t, requestLimit, time.Since(began))
	})
}

func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, began := &Pace{Now: time.Now}, time.Now()
		var at []time.Duration
		for len(at) < 1900 {
			err := p.Wait(t.Context(), "thread")
			if busy, ok := errors.AsType[*Busy](err); ok {
				require.Greater(t, busy.After, waits)
				time.Sleep(busy.After)
				continue
			}
			require.NoError(t, err)
			at = append(at, time.Since(began))
		}
		require.Zero(t, at[6], "seven at once")
		require.Greater(t, at[8]-at[0], 2*time.Second, "and eight in two seconds")
		for _, w := range windows {
			for i := w.most; i < len(at); i++ {
				require.GreaterOrEqual(t, at[i]-at[i-w.most], w.in, "%d in %s, from the %dth on", w.most, w.in, i)
			}
		}
		require.Less(t, at[1799], 16*time.Minute, "no slower than it must be")
		before := time.Now()
		require.NoError(t, p.Wait(t.Context(), "another"))
		require.Equal(t, before, time.Now(), "each conversation by itself")
	})
}

// To Teams a conversation is a channel, not one thread in it.
func TestThreadsShareThePaceOfTheirChannel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &Pace{Now: time.Now}
		for i := range 60 {
			require.NoError(t, p.Wait(t.Context(), fmt.Sprint("channel;messageid=", i)))
		}
		require.ErrorAs(t, p.Wait(t.Context(), "channel;messageid=60"), new(*Busy))
		require.ErrorAs(t, p.Wait(t.Context(), "channel"), new(*Busy))
	})
}

func TestPaceGivesUpWithItsCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &Pace{Now: time.Now}
		for range 7 {
			require.NoError(t, p.Wait(t.Context(), "thread"))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		require.ErrorAs(t, p.Wait(ctx, "thread"), new(*Unsent))
	})
}

func TestPaceForgetsQuietConversations(t *testing.T) {
	now := time.Now()
	p := &Pace{Now: func() time.Time { return now }}
	for i := range sweepAt {
		require.NoError(t, p.Wait(t.Context(), fmt.Sprint(i)))
	}
	now = now.Add(longestWindow)
	require.NoError(t, p.Wait(t.Context(), "loud"))
	require.Len(t, p.sent, 1)
}

// inProcess answers without a network, so that the clock of a synctest bubble can run.
type inProcess struct{ http.Handler }

func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	return w.Result(), nil
}

// At the pace of the client, Teams never has a reason to turn it away.
func TestPaceKeepsTeamsContent(t *testing.T) {
	teams, _ := begun(t)
	teams.Limit()
	synctest.Test(t, func(t *testing.T) {
		c := over(inProcess{teams})
		c.Home = home(t, teams.URL())
		say := func() error {
			_, err := c.Send(t.Context(), teams.URL(), thread, Activity{Type: "message", Text: "x"})
			return err
		}
		for range 30 {
			require.NoError(t, say())
		}
		c.Pace.Now = func() time.Time { return time.Now().Add(longestWindow) } // as if nothing had been sent
		var err error
		for range 9 {
			err = errors.Join(err, say())
		}
		answer, ok := errors.AsType[*Answer](err)
		require.True(t, ok, "and without it, it does")
		require.Equal(t, []any{429, time.Second}, []any{answer.Status, answer.After})
	})
}
