package card

import (
	"bellwether/bot"
	"bellwether/internal/chat/text"
)

const (
	labelShare   = 60
	commandShare = 600 // bytes of JSON
	actionsShare = 9_000
)

// buttons drops an action whose command or link Teams would refuse: half a command means something else.
func (p *pen) buttons(actions []bot.Action, intent string) []Action {
	var drawn []Action
	share := actionsShare
	for _, a := range actions {
		b, ok := button(a, intent)
		if !ok {
			continue
		}
		if share -= size(b); len(drawn) == maxActions || share < 0 || !p.fits(b) {
			p.cut = true
			break
		}
		drawn = append(drawn, b)
	}
	return drawn
}

func button(a bot.Action, intent string) (drawn Action, ok bool) {
	label := text.Line(a.Label, labelShare)
	switch {
	case text.Blank(label):
		return Action{}, false
	case a.URL != "":
		return Action{Type: "Action.OpenUrl", Title: label, URL: a.URL}, linkable(a.URL)
	}
	var style string
	if a.Primary {
		style = "positive"
	}
	data := Data{Verb: VerbCommand, Command: a.Command, Intent: intent, Form: a.Form}
	return execute(label, style, data), !text.Blank(a.Command) && size(a.Command) <= commandShare
}

// execute is a button that sends the data, from any Teams.
func execute(label, style string, data Data) Action {
	return Action{
		Type: "Action.Execute", Title: label, Style: style, Verb: data.Verb, Data: &data,
		Fallback: &Action{Type: "Action.Submit", Title: label, Style: style, Data: &data},
	}
}
