package card

import (
	"encoding/json"
	"flag"
	"testing"

	"github.com/stretchr/testify/require"

	"bellwether/bot"
	"bellwether/internal/chat/sample"
	"bellwether/internal/peers"
)

var update = flag.Bool("update", false, "write the golden files anew")

const picture = "https://bellwether.example.com/charts/R42/checkout-flow.png?until=1795438653&signature=0a1b2c"

func options(intent string) Options {
	return Options{Intent: intent, Links: sample.Links, PictureURL: picture, More: sample.More}
}

// letter is a message as Teams gets it.
type letter struct {
	Summary string `json:"summary"`
	Card    Card   `json:"card"`
}

func letters(t *testing.T, all []sample.Spoken) []letter {
	var drawn []letter
	for _, s := range all {
		l := letter{Fallback(s.Message), Draw(s.Message, options(s.ID))}
		require.NoError(t, Lint(l.Card), s.ID)
		drawn = append(drawn, l)
	}
	return drawn
}

func TestMessagesLookAsBefore(t *testing.T) {
	messages := sample.Messages(t)
	for _, kind := range sample.Kinds {
		t.Run(kind, func(t *testing.T) {
			require.NotEmpty(t, messages[kind], "testdata/messages has no %s", kind)
			sample.Golden(t, *update, kind, letters(t, messages[kind]))
		})
	}
}

func TestFormsLookAsBefore(t *testing.T) {
	for _, name := range sample.Forms {
		t.Run(name, func(t *testing.T) {
			c := DrawForm(sample.Form(t, name), options(""))
			require.NoError(t, Lint(c))
			sample.Golden(t, *update, name, c)
		})
	}
}

// Microsoft's own library takes everything that is drawn, and would say so if it did not.
func TestAdaptiveCardsTakesAll(t *testing.T) {
	t.Parallel()
	cards := map[string]Card{"large": Draw(sample.Large(), options("large"))}
	for _, all := range sample.Messages(t) {
		for i, l := range letters(t, all) {
			cards[all[i].ID] = l.Card
		}
	}
	for _, name := range sample.Forms {
		cards[name] = DrawForm(sample.Form(t, name), options(""))
	}
	require.Empty(t, judged(t, cards))
}

func TestAdaptiveCardsRefusesABrokenCard(t *testing.T) {
	t.Parallel()
	good := Draw(bot.Message{Title: "Results"}, Options{})
	unknown, odd, newer := good, good, good
	unknown.Body = []Element{{Type: "Chart"}}
	odd.Body = []Element{{Type: "TextBlock", Text: "x", Size: "Huge"}}
	newer.Body = []Element{{Type: "Input.Text"}}
	said := judged(t, map[string]Card{"good": good, "unknown": unknown, "odd": odd, "newer": newer})
	require.NotContains(t, said, "good:")
	require.Contains(t, said, `unknown: Unknown element type "Chart"`)
	require.Contains(t, said, `odd: Invalid value "Huge"`)
	require.Contains(t, said, "newer: All inputs must have a unique Id")
}

func judged(t *testing.T, cards map[string]Card) string {
	t.Helper()
	return peers.Judge(t, "cards.js", cards, "adaptivecards/dist/adaptivecards.js")
}

// A card that was drawn, sent and read is the same card, so that a receiver can be tested with Lint.
func TestCardsSurviveJSON(t *testing.T) {
	for kind, all := range sample.Messages(t) {
		for _, l := range letters(t, all) {
			raw, err := json.Marshal(l.Card)
			require.NoError(t, err)
			var read Card
			require.NoError(t, json.Unmarshal(raw, &read))
			require.Equal(t, l.Card, read, kind)
		}
	}
}
