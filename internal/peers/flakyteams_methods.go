package peers

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"
)

// What Teams' documentation says a message may have.
const (
	teamsBytes  = 28 << 10
	teamsPerSec = 7
)

// teamsActivity is what a bot says.
type teamsActivity struct {
	Type        string     `json:"type"`
	Text        string     `json:"text"`
	Summary     string     `json:"summary"`
	Timestamp   *time.Time `json:"timestamp"` // only Teams may say this
	Attachments []struct {
		ContentType string          `json:"contentType"`
		Content     json.RawMessage `json:"content"`
	} `json:"attachments"`
}

// create begins a thread in a channel, or a chat with one person.
func (t *FlakyTeams) create(w http.ResponseWriter, r *http.Request) {
	var with struct {
		IsGroup     bool                  `json:"isGroup"`
		Bot         struct{ ID string }   `json:"bot"`
		Members     []struct{ ID string } `json:"members"`
		Tenant      string                `json:"tenantId"`
		ChannelData struct {
			Channel struct{ ID string } `json:"channel"`
		} `json:"channelData"`
		Activity *teamsActivity `json:"activity"`
	}
	if json.NewDecoder(r.Body).Decode(&with) != nil || with.Bot.ID != TeamsBot || with.Tenant != TeamsTenant {
		turnAway(w, http.StatusBadRequest, "BadSyntax")
		return
	}
	if !with.IsGroup {
		t.chat(w, with.Members)
		return
	}
	channel := with.ChannelData.Channel.ID
	if !t.channels[channel] || with.Activity == nil {
		turnAway(w, http.StatusNotFound, "ConversationNotFound")
		return
	}
	id := t.number()
	conversation := channel + ";messageid=" + id
	if t.add(w, channel, &TeamsMessage{Conversation: conversation, ID: id}, *with.Activity) {
		made(w, map[string]string{"id": conversation, "activityId": id})
	}
}

func (t *FlakyTeams) chat(w http.ResponseWriter, members []struct{ ID string }) {
	if len(members) != 1 || !t.chats[members[0].ID] {
		turnAway(w, http.StatusForbidden, "BotNotInConversationRoster")
		return
	}
	made(w, map[string]string{"id": "a:" + members[0].ID})
}

// known tells whether a conversation is there: a chat, or a thread whose first message is.
func (t *FlakyTeams) known(conversation string) bool {
	if member, ok := strings.CutPrefix(conversation, "a:"); ok {
		return t.chats[member]
	}
	return slices.ContainsFunc(t.messages, func(m *TeamsMessage) bool { return m.Conversation == conversation })
}

func (t *FlakyTeams) send(w http.ResponseWriter, r *http.Request) {
	conversation := r.PathValue("conversation")
	var a teamsActivity
	switch {
	case json.NewDecoder(r.Body).Decode(&a) != nil:
		turnAway(w, http.StatusBadRequest, "BadSyntax")
	case !t.known(conversation):
		turnAway(w, http.StatusNotFound, "ConversationNotFound")
	default:
		m := &TeamsMessage{Conversation: conversation, ID: t.number()}
		if t.add(w, conversation, m, a) {
			made(w, map[string]string{"id": m.ID})
		}
	}
}

// add shows a message, unless it answers why not. The rate is counted for the place.
func (t *FlakyTeams) add(w http.ResponseWriter, place string, m *TeamsMessage, a teamsActivity) bool {
	taken := t.write(w, place, m, a)
	if taken {
		t.messages = append(t.messages, m)
	}
	return taken
}

// write gives a message its content, once that was looked at.
func (t *FlakyTeams) write(w http.ResponseWriter, place string, m *TeamsMessage, a teamsActivity) bool {
	content := ""
	for _, attached := range a.Attachments {
		if attached.ContentType != "application/vnd.microsoft.card.adaptive" {
			turnAway(w, http.StatusBadRequest, "BadSyntax")
			return false
		}
		content += string(attached.Content)
	}
	switch {
	case a.Type != "message" || a.Text == "" && content == "" || a.Timestamp != nil:
		turnAway(w, http.StatusBadRequest, "BadSyntax")
	case len(content)+len(a.Text)+len(a.Summary) > teamsBytes:
		turnAway(w, http.StatusRequestEntityTooLarge, "MessageSizeTooBig")
	case !t.turn(place):
		w.Header().Set("Retry-After", "1")
		turnAway(w, http.StatusTooManyRequests, "TooManyRequests")
	default:
		m.Text, m.Summary, m.Card = a.Text, a.Summary, content
		return true
	}
	return false
}

// turn tells whether a conversation takes another message within this second.
func (t *FlakyTeams) turn(place string) bool {
	now := time.Now()
	recent := slices.DeleteFunc(t.times[place], func(at time.Time) bool { return now.Sub(at) >= time.Second })
	t.times[place] = append(recent, now)
	return !t.limited || len(recent) < teamsPerSec
}

func (t *FlakyTeams) update(w http.ResponseWriter, r *http.Request) {
	m, conversation := t.find(r), r.PathValue("conversation")
	var a teamsActivity
	switch {
	case json.NewDecoder(r.Body).Decode(&a) != nil:
		turnAway(w, http.StatusBadRequest, "BadSyntax")
	case m == nil:
		turnAway(w, http.StatusNotFound, "ActivityNotFoundInConversation")
	case t.write(w, conversation, m, a):
		m.Edits++
		made(w, map[string]string{"id": m.ID})
	}
}

func (t *FlakyTeams) remove(w http.ResponseWriter, r *http.Request) {
	m := t.find(r)
	if m == nil {
		turnAway(w, http.StatusNotFound, "ActivityNotFoundInConversation")
		return
	}
	t.messages = slices.DeleteFunc(t.messages, func(other *TeamsMessage) bool { return other == m })
}

func (t *FlakyTeams) find(r *http.Request) *TeamsMessage {
	i := slices.IndexFunc(t.messages, func(m *TeamsMessage) bool {
		return m.Conversation == r.PathValue("conversation") && m.ID == r.PathValue("id")
	})
	if i < 0 {
		return nil
	}
	return t.messages[i]
}

func (t *FlakyTeams) member(w http.ResponseWriter, r *http.Request) {
	m, known := t.members[r.PathValue("id")]
	if !known {
		turnAway(w, http.StatusNotFound, "MemberNotFoundInConversation")
		return
	}
	made(w, m)
}
