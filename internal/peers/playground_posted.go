package peers

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"
)

// PlaygroundMessage is what the bot posted, as the Playground shows it now.
type PlaygroundMessage struct {
	ID     string
	Thread string // the conversation of its thread; the chat's in a personal chat
	Root   bool
	Text   string
	Card   json.RawMessage // nil when there is none
	Edits  int
}

// Messages that the bot posted in a channel and its threads, in one thread, or in the personal chat, oldest first.
func (p *Playground) Messages(conversation string) []PlaygroundMessage {
	p.mu.Lock()
	defer p.mu.Unlock()
	var found []PlaygroundMessage
	for _, m := range p.posted {
		channel, _, _ := strings.Cut(m.Thread, ";")
		if m.Thread == conversation || channel == conversation {
			found = append(found, m)
		}
	}
	return found
}

// spoken is one of the socket that its page listens to.
type spoken struct {
	Action       string `json:"action"`
	Conversation string `json:"actionConversationId"`
	Message      struct {
		ID          string `json:"messageId"`
		Text        string `json:"text"`
		Thread      string `json:"postConversationId"` // of a new root
		Attachments []struct {
			Content json.RawMessage `json:"content"`
		} `json:"attachments"`
	} `json:"message"`
}

// listen to the socket until the test ends.
func (p *Playground) listen() {
	p.t.Helper()
	socket, r, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(p.URL, "http")+"/_ws_conversation/v1/conversations/stream", nil)
	require.NoError(p.t, err)
	_ = r.Body.Close()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			var e spoken
			if socket.ReadJSON(&e) != nil {
				return // the test is over
			}
			p.hear(e)
		}
	}()
	p.t.Cleanup(func() {
		_ = socket.Close()
		<-ended
	})
}

func (p *Playground) hear(e spoken) {
	p.mu.Lock()
	defer p.mu.Unlock()
	m := PlaygroundMessage{ID: e.Message.ID, Thread: e.Conversation, Text: e.Message.Text}
	if e.Message.Thread != "" {
		m.Thread, m.Root = e.Message.Thread, true
	}
	if len(e.Message.Attachments) > 0 {
		m.Card = e.Message.Attachments[0].Content
	}
	i := slices.IndexFunc(p.posted, func(old PlaygroundMessage) bool { return old.ID == m.ID })
	switch {
	case e.Action == "createMessage" && i < 0:
		p.posted = append(p.posted, m)
	case e.Action == "updateMessage" && i >= 0:
		p.posted[i].Text, p.posted[i].Card, p.posted[i].Edits = m.Text, m.Card, p.posted[i].Edits+1
	}
}
