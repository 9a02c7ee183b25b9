package card

import (
	"cmp"
	"slices"
	"strings"

	"bellwether/bot"
	"bellwether/internal/chat/text"
	"bellwether/pipeline"
)

// What a message may take of a card, in bytes of JSON. The table takes what is left.
const (
	titleShare  = 700
	bodyShare   = 7_000
	factsShare  = 5_000
	nameShare   = 400 // of a fact
	altShare    = 1_500
	footerShare = 900
	moreShare   = maxLink + 200
	frame       = 300   // what every card has
	maxSummary  = 2_000 // of a notification, which goes with the card
)

// nameless heads a message that says nothing.
const nameless = "Bellwether"

// styles are the background of a mood's heading. They only repeat what its symbol and word say.
var styles = map[bot.Mood]string{
	bot.MoodWaiting:                   "emphasis",
	bot.MoodRunning:                   "emphasis",
	bot.MoodSuperseded:                "emphasis",
	bot.MoodCancelled:                 "emphasis",
	bot.MoodRefused:                   "warning",
	bot.MoodOf(pipeline.Pass):         "good",
	bot.MoodOf(pipeline.Improved):     "good",
	bot.MoodOf(pipeline.Suspect):      "warning",
	bot.MoodOf(pipeline.Regressed):    "attention",
	bot.MoodOf(pipeline.Inconclusive): "warning",
	bot.MoodOf(pipeline.Invalid):      "warning",
	bot.MoodOf(pipeline.Failed):       "attention",
	bot.MoodResolved:                  "good",
	bot.MoodAccepted:                  "emphasis",
}

// Draw the message.
func Draw(m bot.Message, o Options) Card {
	p := &pen{links: o.Links, left: maxCard - frame}
	buttons := p.buttons(m.Actions, o.Intent)
	p.left -= footerShare + moreShare
	body := p.heading(m)
	body = append(body, p.paragraphs(m.Body)...)
	body = append(body, p.picture(m.Picture, o.PictureURL)...)
	body = append(body, p.facts(m.Facts)...)
	if m.Table != nil {
		body = append(body, p.table(*m.Table)...)
	}
	p.left += footerShare + moreShare
	return p.card(append(body, p.small(m.Footer, o.More)...), buttons)
}

// Fallback is the message as Teams shows it in notifications (an activity's summary): plain text.
func Fallback(m bot.Message) string {
	m.Title = text.Heading(m)
	words := m.String()
	if m.Picture != nil {
		words += "\n" + m.Picture.Alt
	}
	return text.Or(text.Cut(text.Clean(words, true), maxSummary, cost), nameless)
}

func (p *pen) card(body []Element, buttons []Action) Card {
	if len(body) == 0 { // Teams takes no empty card
		body = p.heading(bot.Message{Title: nameless})
	}
	return Card{
		Type: cardType, Schema: schema, Version: version,
		Body: body, Actions: buttons, Teams: Teams{Width: "Full", Entities: called(p.people, body)},
	}
}

// called are the people whose mention stands in the body: some were mentioned in a text for which there was no room.
func called(people []Entity, body []Element) []Entity {
	all := strings.Join(texts(body), "\n")
	return slices.DeleteFunc(people, func(e Entity) bool { return !strings.Contains(all, e.Text) })
}

// texts are all that is read as Markdown.
func texts(all []Element) []string {
	var found []string
	for _, e := range all {
		found = append(found, e.Text)
		for _, f := range e.Facts {
			found = append(found, f.Title, f.Value)
		}
		for _, below := range [][]Element{e.Items, e.Rows, e.Cells} {
			found = append(found, texts(below)...)
		}
	}
	return found
}

// heading is the title on its mood's background; a short answer has none.
func (p *pen) heading(m bot.Message) []Element {
	title := paragraph(p.line(bot.Plain(text.Heading(m)), titleShare))
	if title.Text == "" {
		return nil
	}
	title.Size, title.Weight, title.Style = "Medium", "Bolder", "heading"
	box := Element{Type: "Container", Style: styles[m.Mood], Bleed: styles[m.Mood] != "", Items: []Element{title}}
	p.fits(box)
	return []Element{box}
}

func (p *pen) paragraphs(texts []bot.Text) []Element {
	p.multiline = true
	defer func() { p.multiline = false }()
	var drawn []Element
	share := bodyShare
	for _, t := range texts {
		block := paragraph(p.line(t, share))
		if block.Text == "" {
			continue
		}
		if len(drawn) > 0 && !strings.HasPrefix(block.Text, "**") { // what begins bold heads those below it
			block.Spacing = "Small"
		}
		if share -= size(block); share < 0 || !p.fits(block) {
			p.cut = true
			break
		}
		drawn = append(drawn, block)
	}
	return drawn
}

func paragraph(markdown string) Element {
	return Element{Type: "TextBlock", Text: markdown, Wrap: true}
}

// picture shows it where Teams can fetch it, and tells it in words otherwise.
func (p *pen) picture(picture *bot.Picture, url string) []Element {
	if picture == nil {
		return nil
	}
	alt := strings.TrimSpace(text.Cut(text.Clean(picture.Alt, false), altShare, cost))
	image := Element{Type: "Image", URL: url, Alt: alt, Teams: &Teams{Expand: true}}
	if strings.HasPrefix(url, "https://") && linkable(url) && !text.Blank(alt) && p.fits(image) {
		return []Element{image}
	}
	return p.paragraphs([]bot.Text{bot.Plain(picture.Alt)})
}

func (p *pen) facts(facts []bot.Fact) []Element {
	var drawn []Fact
	share := min(factsShare, p.left)
	for _, f := range facts {
		fact := Fact{Title: cmp.Or(p.line(bot.Plain(f.Name), nameShare), nothing), Value: p.line(f.Value, share)}
		if fact.Value == "" {
			continue
		}
		if share -= size(fact); share < 0 || !p.fits(fact) {
			p.cut = true
			break
		}
		drawn = append(drawn, fact)
	}
	if len(drawn) == 0 {
		return nil
	}
	return []Element{{Type: "FactSet", Facts: drawn}}
}

// small is the footer, and the way to what did not fit.
func (p *pen) small(footer bot.Text, more string) []Element {
	line := p.line(footer, footerShare)
	if p.cut && linkable(more) {
		line = strings.TrimPrefix(line+" · "+link(more, "Show all of it"), " · ")
	}
	if line == "" {
		return nil
	}
	return []Element{{Type: "TextBlock", Text: line, Wrap: true, Size: "Small", Subtle: true}}
}
