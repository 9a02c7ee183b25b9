package slack

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"bellwether/bot"
	"bellwether/commands"
	"bellwether/internal/chat/slack/blockkit"
)

const (
	asks   = "form-"         // how the action_id of a button begins whose command a form completes
	window = 3 * time.Second // from a press on, in which Slack opens a form for it
)

// place is where a form was asked for and what was said already. It goes with the modal and comes back with what was filled
// in; it permits nothing.
type place struct {
	Channel string `json:"channel,omitempty"` // empty: the Home tab
	Thread  string `json:"thread,omitempty"`
	Root    string `json:"root,omitempty"`
	Command string `json:"command"`
}

func (p place) String() string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // it would take up the room of six
	_ = e.Encode(p)        // of texts only: it cannot fail
	return strings.TrimSpace(b.String())
}

// interaction reads what somebody did with a message or a view: a button's value is a command, a form completes one. What
// else they do, following a link among it, says nothing.
func (c *Chat) interaction(i slack.InteractionCallback) (*deed, error) {
	w := c.where(i.View.AppInstalledTeamID, i.Team.ID, i.User.TeamID)
	presses := i.ActionCallback.BlockActions
	switch {
	case w == nil:
		return nil, nil
	case i.Type == slack.InteractionTypeViewSubmission:
		return c.submission(w, i)
	case i.Type != slack.InteractionTypeBlockActions || len(presses) == 0 || presses[0] == nil || presses[0].Value == "":
		return nil, nil
	case i.View.Type == slack.VTHomeTab || channelOf(i) == "":
		return c.pressAtHome(w, i, presses[0])
	}
	return c.press(w, i, presses[0])
}

func channelOf(i slack.InteractionCallback) string {
	return cmp.Or(i.Channel.ID, i.Container.ChannelID)
}

// press of a button in a message. A public answer is left out: what the press did shows in its thread. A private one to a press
// on a thread's root goes to the channel, where the root stands: whoever has not opened the thread would never see it there.
func (c *Chat) press(w *workspace, i slack.InteractionCallback, button *slack.BlockAction) (*deed, error) {
	if err := c.answerable(i.TriggerID, i.ResponseURL); err != nil {
		return nil, err
	}
	thread := cmp.Or(i.Message.ThreadTimestamp, i.Container.ThreadTs)
	message := cmp.Or(i.Message.Timestamp, i.Container.MessageTs)
	said := &words{
		at: w, root: cmp.Or(thread, message), text: button.Value,
		caller: caller(w, channelOf(i), i.User.ID, i.User.Name, i.User.TeamID),
	}
	if thread != message {
		said.thread = thread
	}
	return &deed{"trigger/" + i.TriggerID, func(ctx context.Context, desk Desk) {
		reply := c.pressed(ctx, said, i.TriggerID, button, desk)
		if reply.Private {
			c.respond(ctx, i.ResponseURL, reply, said.thread)
		}
	}}, nil
}

// pressAtHome is a press in the Home tab, which has no channel: it is drawn anew, and a private answer opens as a window.
func (c *Chat) pressAtHome(w *workspace, i slack.InteractionCallback, button *slack.BlockAction) (*deed, error) {
	if i.TriggerID == "" {
		return nil, fmt.Errorf("%w: no trigger_id", errMalformed)
	}
	said := &words{at: w, text: button.Value, caller: caller(w, "", i.User.ID, i.User.Name, i.User.TeamID)}
	return &deed{"trigger/" + i.TriggerID, func(ctx context.Context, desk Desk) {
		c.atHome(ctx, said, i.TriggerID, c.pressed(ctx, said, i.TriggerID, button, desk), desk)
	}}, nil
}

func (c *Chat) atHome(ctx context.Context, said *words, trigger string, reply commands.Reply, desk Desk) {
	if reply.Private {
		c.notice(ctx, said, trigger, reply.Message)
	}
	c.publish(ctx, said, desk)
}

// pressed does what the button says, or asks for the rest of it. What is left to be told is in the reply.
func (c *Chat) pressed(ctx context.Context, said *words, trigger string, button *slack.BlockAction, desk Desk) commands.Reply {
	if !strings.HasPrefix(button.ActionID, asks) {
		return c.carryOut(ctx, said, desk)
	}
	form, reply := desk.Form(ctx, c.speaker(ctx, said), said.text)
	reply.Private = true
	if form == nil {
		return reply
	}
	if err := c.ask(ctx, said, trigger, *form); err != nil {
		c.log.Error("slack did not show a form", "command", form.Command, "error", err)
		return unasked(form.Command)
	}
	return commands.Reply{}
}

// ask opens the form.
func (c *Chat) ask(ctx context.Context, said *words, trigger string, form bot.Form) error {
	at := place{Channel: said.caller.Channel.ID, Thread: said.thread, Root: said.root, Command: form.Command}
	modal := blockkit.Modal(form, at.String())
	if err := blockkit.LintModal(modal); err != nil {
		return fmt.Errorf("the form is not as slack wants it, a fault of Bellwether's: %w", err)
	}
	return openView(ctx, said.at, trigger, modal)
}

func openView(ctx context.Context, w *workspace, trigger string, view slack.ModalViewRequest) error {
	ctx, cancel := context.WithTimeout(ctx, window)
	defer cancel()
	return w.call(ctx, func(api *slack.Client) error {
		_, err := api.OpenViewContext(ctx, trigger, view)
		return err
	})
}

func unasked(command string) commands.Reply {
	return commands.Reply{Private: true, Message: bot.Message{Body: []bot.Text{
		{{Text: "Slack did not open the form. Please press again, or type "}, bot.Code("/loadtest " + command), {Text: " with the rest behind it."}},
	}}}
}

// submission of a form: the command, completed by what was filled in.
func (c *Chat) submission(w *workspace, i slack.InteractionCallback) (*deed, error) {
	var at place
	if err := json.Unmarshal([]byte(i.View.PrivateMetadata), &at); err != nil || at.Command == "" || i.View.ID == "" {
		return nil, fmt.Errorf("%w: a form that is not Bellwether's", errMalformed)
	}
	said := &words{
		at: w, thread: at.Thread, root: at.Root, text: bot.Line(at.Command, filled(i.View.State)),
		caller: caller(w, at.Channel, i.User.ID, i.User.Name, i.User.TeamID),
	}
	return &deed{"view/" + i.View.ID, func(ctx context.Context, desk Desk) {
		reply := c.carryOut(ctx, said, desk)
		switch {
		case at.Channel == "":
			c.atHome(ctx, said, i.TriggerID, reply, desk)
		case reply.Private:
			c.whisper(ctx, said, reply.Message)
		}
	}}, nil
}

// filled in is what people wrote and chose, by the block's id, which is the field's word.
func filled(state *slack.ViewState) map[string][]string {
	if state == nil {
		return nil
	}
	values := map[string][]string{}
	for word, actions := range state.Values {
		for _, a := range actions {
			values[word] = append(values[word], a.Value, a.SelectedOption.Value, a.SelectedDate)
			for _, o := range a.SelectedOptions {
				values[word] = append(values[word], o.Value)
			}
		}
	}
	return values
}

// publish draws the Home tab of the person who speaks.
func (c *Chat) publish(ctx context.Context, said *words, desk Desk) {
	view := blockkit.Home(desk.Do(ctx, c.speaker(ctx, said), "open").Message)
	err := blockkit.LintHome(view)
	if err == nil {
		err = said.at.call(ctx, func(api *slack.Client) error {
			_, err := api.PublishViewContext(ctx, slack.PublishViewContextRequest{UserID: said.caller.User, View: view})
			return err
		})
	}
	if err != nil {
		c.log.Error("slack did not show a Home tab", "user", said.caller.User, "error", err)
	}
}

// notice shows a message to one person as a window; when it is too late for that, as a direct message.
func (c *Chat) notice(ctx context.Context, said *words, trigger string, m bot.Message) {
	m.Actions = nil // a window has no place for them
	view := blockkit.Modal(bot.Form{}, "")
	view.Submit, view.Blocks.BlockSet = nil, blockkit.Draw(m, blockkit.Options{})
	if err := openView(ctx, said.at, trigger, view); err != nil {
		c.log.Warn("slack opened no window for an answer", "user", said.caller.User, "error", err)
		c.whisper(ctx, said, m)
	}
}
