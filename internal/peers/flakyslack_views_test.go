package peers

import (
	"net/http"
	"testing"
	"time"

	"github.com/slack-go/slack"
	"github.com/stretchr/testify/require"
)

func TestFlakySlackRotatesTokens(t *testing.T) {
	s, old := flaky(t)
	s.Rotate("1.2", "secret", "xoxe-first", time.Hour)
	exchange := func(id, secret, refresh string) (*slack.OAuthV2Response, error) {
		return slack.RefreshOAuthV2TokenContext(t.Context(), http.DefaultClient, id, secret, refresh, slack.OAuthOptionAPIURL(s.API()))
	}
	pair, err := exchange("1.2", "secret", "xoxe-first")
	require.NoError(t, err)
	require.Equal(t, 3600, pair.ExpiresIn)
	for want, args := range map[string][3]string{
		"invalid_refresh_token": {"1.2", "secret", "xoxe-first"}, "invalid_client_id": {"2.1", "secret", pair.RefreshToken},
		"bad_client_secret": {"1.2", "guess", pair.RefreshToken},
	} {
		_, err := exchange(args[0], args[1], args[2])
		require.EqualError(t, err, want)
	}
	api := slack.New(pair.AccessToken, slack.OptionAPIURL(s.API()))
	_, err = api.AuthTestContext(t.Context())
	require.NoError(t, err)
	_, err = old.AuthTestContext(t.Context())
	require.EqualError(t, err, "invalid_auth")
	s.ExpireTokens()
	_, err = api.AuthTestContext(t.Context())
	require.EqualError(t, err, "token_expired")
	require.Equal(t, 1, s.Exchanges())
}

func TestFlakySlackKnowsWorkspacesAndPeople(t *testing.T) {
	s, api := flaky(t)
	s.Install("xoxb-2", SlackWorkspace{Team: "T0SECOND", Bot: "U0SECOND", URL: "https://second.slack.com/"})
	s.Meet("U1", SlackPerson{Name: "guest", Team: "T0PARTNER", Zone: "Europe/Berlin", SingleOnly: true})
	s.Group("S1", "U1")
	for token, team := range map[string]string{SlackBotToken: SlackTeam, "xoxb-2": "T0SECOND"} {
		who, err := slack.New(token, slack.OptionAPIURL(s.API())).AuthTestContext(t.Context())
		require.NoError(t, err)
		require.Equal(t, team, who.TeamID)
	}
	u, err := api.GetUserInfoContext(t.Context(), "U1")
	require.NoError(t, err)
	require.Equal(t, []any{"guest", "T0PARTNER", "Europe/Berlin", true, true}, []any{u.Name, u.TeamID, u.TZ, u.IsRestricted, u.IsUltraRestricted})
	members, err := api.GetUserGroupMembersContext(t.Context(), "S1")
	require.NoError(t, err)
	require.Equal(t, []string{"U1"}, members)
	_, err = api.GetUserGroupMembersContext(t.Context(), "S2")
	require.EqualError(t, err, "no_such_subteam")
	_, err = api.GetUserInfoContext(t.Context(), "U2")
	require.EqualError(t, err, "user_not_found")
}

func TestFlakySlackShowsViewsWhispersAndUnfurls(t *testing.T) {
	s, api := flaky(t)
	home := slack.HomeTabViewRequest{Type: slack.VTHomeTab, Blocks: slack.Blocks{BlockSet: []slack.Block{slack.NewDividerBlock()}}}
	_, err := api.PublishViewContext(t.Context(), slack.PublishViewContextRequest{UserID: SlackUser, View: home})
	require.NoError(t, err)
	_, err = api.PublishViewContext(t.Context(), slack.PublishViewContextRequest{UserID: "U0NOBODY", View: home})
	require.ErrorContains(t, err, "invalid_arguments")
	_, err = api.OpenViewContext(t.Context(), "t1", slack.ModalViewRequest{Type: slack.VTModal, Blocks: home.Blocks})
	require.NoError(t, err)
	_, err = api.OpenViewContext(t.Context(), "t2", slack.ModalViewRequest{Type: slack.VTHomeTab, Blocks: home.Blocks})
	require.ErrorContains(t, err, "invalid_arguments")
	require.Equal(t, []string{SlackUser, ""}, []string{s.Views()[0].User, s.Views()[1].User})
	require.Equal(t, "t1", s.Views()[1].Trigger)

	_, err = api.PostEphemeralContext(t.Context(), SlackChannel, SlackUser, slack.MsgOptionText("psst", false))
	require.NoError(t, err)
	require.Equal(t, "psst", s.Whispers()[0].Text)
	require.Equal(t, SlackUser, s.Whispers()[0].To)
	_, err = api.PostEphemeralContext(t.Context(), SlackChannel, "U0NOBODY", slack.MsgOptionText("psst", false))
	require.EqualError(t, err, "user_not_in_channel")
	require.Empty(t, s.Messages())

	links := map[string]slack.Attachment{"https://x.example/": {Text: "x"}}
	_, _, _, err = api.UnfurlMessageContext(t.Context(), SlackChannel, "1.1", links)
	require.NoError(t, err)
	_, _, _, err = api.UnfurlMessageContext(t.Context(), SlackChannel, "1.1", nil)
	require.EqualError(t, err, "cannot_parse_attachment")
	require.Equal(t, "1.1", s.Unfurls()[0].TS)
}

func TestFlakySlackTakesItsTime(t *testing.T) {
	s, api := flaky(t)
	s.Process(time.Hour)
	root, err := say(t, api, "root", "")
	require.NoError(t, err)
	s.mu.Lock()
	s.files["F1"] = &upload{name: "chart.png", size: 1, data: []byte("x")}
	s.mu.Unlock()
	_, err = api.CompleteUploadExternalContext(t.Context(), slack.CompleteUploadExternalParameters{
		Files: []slack.FileSummary{{ID: "F1"}}, Channel: SlackChannel, ThreadTimestamp: root,
	})
	require.NoError(t, err)
	thread, _, _, err := api.GetConversationRepliesContext(t.Context(), &slack.GetConversationRepliesParameters{ChannelID: SlackChannel, Timestamp: root})
	require.NoError(t, err)
	require.Len(t, thread, 1, "the file is still processed")
	require.Len(t, s.Messages(), 2)

	s.Limit(time.Hour)
	_, err = say(t, api, "first", "")
	require.NoError(t, err)
	_, err = say(t, api, "second", "")
	var limited *slack.RateLimitedError
	require.ErrorAs(t, err, &limited)
	require.InDelta(t, time.Hour.Seconds(), limited.RetryAfter.Seconds(), 2)
	require.Len(t, s.Messages(), 3)
}
