package peers

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// delivery is what reached a bot.
type delivery struct {
	Authorization string `json:"-"`
	Type          string `json:"type"`
	Action        string `json:"action"`
	Name          string `json:"name"`
	Text          string `json:"text"`
	ServiceURL    string `json:"serviceUrl"`
	ReplyTo       string `json:"replyToId"`
	From          struct {
		Object string `json:"aadObjectId"`
	} `json:"from"`
	Conversation struct {
		ID     string `json:"id"`
		Tenant string `json:"tenantId"`
	} `json:"conversation"`
	ChannelData struct {
		Team struct {
			ID string `json:"id"`
		} `json:"team"`
	} `json:"channelData"`
}

// recorder is a bot that answers every button with a card, and says what it got.
func recorder(t *testing.T) (endpoint string, got <-chan delivery) {
	heard := make(chan delivery, 20)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d := delivery{Authorization: r.Header.Get("Authorization")}
		if json.NewDecoder(r.Body).Decode(&d) == nil {
			heard <- d
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"statusCode": 200, "type": "application/vnd.microsoft.card.adaptive", "value": {"type": "AdaptiveCard"}}`)
	}))
	t.Cleanup(s.Close)
	return s.URL + "/teams/messages", heard
}

// awaited is the first delivery of a type.
func awaited(t *testing.T, got <-chan delivery, kind string) delivery {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for {
		select {
		case d := <-got:
			if d.Type == kind {
				return d
			}
		case <-ctx.Done():
			require.Fail(t, "the Playground sent no "+kind)
		}
	}
}

// connect asks the connector and returns its answer.
func (p *Playground) connect(method, path, body string) (status int, answer struct{ ID, ActivityID string }) {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), method, p.Connector()+"/v3/conversations"+path, bytes.NewBufferString(body))
	require.NoError(p.t, err)
	r.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(r)
	require.NoError(p.t, err)
	defer response.Body.Close()
	_ = json.NewDecoder(response.Body).Decode(&answer)
	return response.StatusCode, answer
}

// The facts about the peer that the Teams adapter's tests rest on.
func TestPlaygroundIsTheTeamsThatTestsNeed(t *testing.T) {
	endpoint, got := recorder(t)
	m := NewMicrosoft(t)
	p := NewPlayground(t, m, endpoint)

	t.Run("says where it was installed", func(t *testing.T) {
		p.Install(PlaygroundChannel)
		d := awaited(t, got, "installationUpdate")
		require.Equal(t, "add", d.Action)
		require.Equal(t, PlaygroundTeam, d.ChannelData.Team.ID)
	})
	t.Run("sends a mention as a thread, with a token", func(t *testing.T) {
		thread := p.Say(PlaygroundChannel, "status")
		d := awaited(t, got, "message")
		require.Equal(t, "<at>"+PlaygroundBot+"</at> status", d.Text)
		require.Equal(t, thread, d.Conversation.ID)
		require.Equal(t, m.Tenant, d.Conversation.Tenant)
		require.Equal(t, p.Connector(), d.ServiceURL)
		require.Equal(t, PlaygroundMe.Object, d.From.Object)
		require.Contains(t, d.Authorization, "Bearer ey")
	})
	t.Run("sends what is said in the personal chat", func(t *testing.T) {
		require.Equal(t, PlaygroundPersonal, p.Say(PlaygroundPersonal, "help"))
		d := awaited(t, got, "message")
		require.Equal(t, []string{"help", PlaygroundPersonal}, []string{d.Text, d.Conversation.ID})
	})
	t.Run("sends whatever it is told to", func(t *testing.T) {
		p.Send(map[string]any{"type": "message", "text": "it is me", "from": map[string]any{"aadObjectId": PlaygroundOther.Object}})
		require.Equal(t, PlaygroundOther.Object, awaited(t, got, "message").From.Object)
	})
	t.Run("asks for the preview of a link", func(t *testing.T) {
		p.Preview(PlaygroundChannel, "https://bellwether.example.com/runs/R1")
		require.Equal(t, "composeExtension/queryLink", awaited(t, got, "invoke").Name)
	})
}

func TestPlaygroundTakesRootsRepliesAndEdits(t *testing.T) {
	endpoint, got := recorder(t)
	p := NewPlayground(t, NewMicrosoft(t), endpoint)
	card := `{"type": "message", "attachments": [{"contentType": "application/vnd.microsoft.card.adaptive", "content": {"type": "AdaptiveCard", "version": "1.5"}}]}`
	status, root := p.connect(http.MethodPost, "", `{"isGroup": true, "channelData": {"channel": {"id": "`+PlaygroundChannel+`"}}, "activity": `+card+`}`)
	require.Equal(t, http.StatusCreated, status)
	require.Equal(t, PlaygroundChannel+";messageid="+root.ActivityID, root.ID)

	status, reply := p.connect(http.MethodPost, "/"+root.ID+"/activities", `{"type": "message", "text": "it waits"}`)
	require.Equal(t, http.StatusCreated, status)
	status, _ = p.connect(http.MethodPut, "/"+root.ID+"/activities/"+reply.ID, `{"type": "message", "text": "it runs"}`)
	require.Equal(t, http.StatusOK, status)
	require.Eventually(t, func() bool {
		all := p.Messages(PlaygroundChannel)
		return len(all) == 2 && all[1].Edits == 1
	}, 10*time.Second, 10*time.Millisecond)
	require.Equal(t, PlaygroundMessage{ID: reply.ID, Thread: root.ID, Text: "it runs", Edits: 1}, p.Messages(root.ID)[1])
	require.True(t, p.Messages(root.ID)[0].Root)
	require.JSONEq(t, `{"type": "AdaptiveCard", "version": "1.5"}`, string(p.Messages(root.ID)[0].Card))
	require.Empty(t, p.Messages(PlaygroundPersonal))

	answer := p.Press(PlaygroundOther, root.ID, root.ActivityID, "command", map[string]any{"command": "ack R1"})
	require.Equal(t, "application/vnd.microsoft.card.adaptive", answer.Type)
	d := awaited(t, got, "invoke")
	require.Equal(t, []string{PlaygroundOther.Object, root.ActivityID, root.ID}, []string{d.From.Object, d.ReplyTo, d.Conversation.ID})

	for method, want := range map[string]int{http.MethodDelete: http.StatusNotImplemented, http.MethodGet: http.StatusNotFound} {
		status, _ = p.connect(method, "/"+root.ID+"/activities/"+root.ActivityID, "")
		require.Equal(t, want, status, method)
	}
	status, _ = p.connect(http.MethodPut, "/"+root.ID+"/activities/1", `{"type": "message", "text": "nobody said this"}`)
	require.Equal(t, http.StatusNotFound, status)
}
