package teams

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"bellwether/bot"
	"bellwether/internal/chat/teams/card"
	"bellwether/internal/chat/teams/connector"
)

// Types of what an invoke is answered with.
// https://learn.microsoft.com/adaptive-cards/authoring-cards/universal-action-model
const (
	answersText  = "application/vnd.microsoft.activity.message"
	answersError = "application/vnd.microsoft.error"
)

// invoked is what comes of a pressed button: a card in the place of the one that has it, or a text that only who pressed sees.
type invoked struct {
	Status int    `json:"statusCode"`
	Type   string `json:"type"`
	Value  any    `json:"value"`
}

// problem is the value of an error.
type problem struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

func told(s string) invoked         { return invoked{http.StatusOK, answersText, s} }
func shows(drawn card.Card) invoked { return invoked{http.StatusOK, card.ContentType, drawn} }

// What is answered to a press that has no outcome to show.
var (
	foreign = invoked{http.StatusBadRequest, answersError, problem{"BadRequest", "This button says nothing to Bellwether."}}
	working = told("Working on it; what comes of it shows here.")
	again   = told("That was done already.")
	nothing = told("Nothing was done.")
)

// receiveInvoke answers what Teams waits for: a pressed button, a link to unfurl.
func (c *Chat) receiveInvoke(w http.ResponseWriter, r *http.Request, a activity, desk Desk) error {
	switch a.Name {
	case "adaptiveCard/action":
		return c.receivePress(w, r, a, desk)
	case "composeExtension/queryLink":
		return c.receiveLink(w, r, a, desk)
	}
	w.WriteHeader(http.StatusNotImplemented)
	return nil
}

// receivePress answers in the response when the command is quick, else in the conversation.
func (c *Chat) receivePress(w http.ResponseWriter, r *http.Request, a activity, desk Desk) error {
	action, _ := a.Value["action"].(map[string]any)
	data, _ := action["data"].(map[string]any)
	said := c.pressed(a, data)
	if said == nil {
		return write(w, foreign)
	}
	first, err := c.first(r.Context(), said)
	if err != nil {
		return err
	}
	if !first {
		return write(w, again)
	}
	done := make(chan outcome, 1)
	c.background(r.Context(), func(ctx context.Context) { done <- c.carryOut(ctx, said, desk) })
	select {
	case o := <-done:
		return write(w, c.show(r.Context(), said, o))
	case <-time.After(patience):
		c.background(r.Context(), func(ctx context.Context) { c.answer(ctx, said, <-done) })
		return write(w, working)
	}
}

// write answers an invoke. Whom it does not reach has gone.
func write(w http.ResponseWriter, answer any) error {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer)
	return nil
}

// show makes an answer of an outcome. What was done publicly shows in the message whose button was pressed.
func (c *Chat) show(ctx context.Context, said *words, o outcome) invoked {
	if o.form != nil {
		return shows(card.DrawForm(*o.form, card.Options{Intent: said.button.Intent}))
	}
	if o.reply.Private {
		return told(o.reply.Message.String())
	}
	drawn, err := c.current(ctx, said)
	if err == nil {
		return shows(drawn)
	}
	if !errors.Is(err, bot.ErrNotFound) {
		c.Log.Error("no telling what a message shows now", "intent", said.button.Intent, "error", err)
	}
	if said.button.Verb == card.VerbCancel {
		return nothing
	}
	if drawn, err = c.draw(bot.Outgoing{Message: o.reply.Message}, ""); err != nil {
		c.Log.Error("a reply cannot be drawn", "error", err)
		return told(o.reply.Message.String())
	}
	return shows(drawn)
}

// current is the message whose button was pressed as it is to be seen now. The intent that a button carries may be made up:
// of another channel nothing is shown.
func (c *Chat) current(ctx context.Context, said *words) (drawn card.Card, err error) {
	if said.button.Intent == "" {
		return drawn, bot.ErrNotFound
	}
	letter, err := c.Letters.Open(ctx, said.button.Intent)
	if err != nil {
		return drawn, fmt.Errorf("open %s: %w", said.button.Intent, err)
	}
	if !letter.Channel.Same(said.caller.Channel) {
		return drawn, fmt.Errorf("%s is in channel %s, and the button was pressed in %s", letter.ID, letter.Channel, said.caller.Channel)
	}
	at, err := c.installed(ctx, said.caller.Channel)
	if err != nil {
		return drawn, err
	}
	return c.draw(letter.Outgoing, at.Group)
}

// receiveLink unfurls a link to one of our runs.
func (c *Chat) receiveLink(w http.ResponseWriter, r *http.Request, a activity, desk Desk) error {
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	link, _ := a.Value["url"].(string)
	m, ours := desk.Preview(ctx, c.caller(ctx, c.said(a)), link)
	if !ours {
		return write(w, struct{}{})
	}
	drawn, err := c.draw(bot.Outgoing{Message: m}, "")
	if err != nil {
		return fmt.Errorf("draw the preview of a link: %w", err)
	}
	return write(w, unfurled(drawn, m))
}

// preview is the line that Teams shows of a card while somebody is still writing.
type preview struct {
	connector.Attachment
	Preview connector.Attachment `json:"preview"`
}

func unfurled(drawn card.Card, m bot.Message) any {
	type extension struct {
		Type        string    `json:"type"`
		Layout      string    `json:"attachmentLayout"`
		Attachments []preview `json:"attachments"`
	}
	line := map[string]string{"title": m.Title, "text": card.Fallback(m)}
	return map[string]extension{"composeExtension": {"result", "list", []preview{{
		connector.Attachment{ContentType: card.ContentType, Content: drawn},
		connector.Attachment{ContentType: "application/vnd.microsoft.card.thumbnail", Content: line},
	}}}}
}
