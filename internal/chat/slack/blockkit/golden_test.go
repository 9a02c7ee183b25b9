package blockkit

import (
	"flag"
	"testing"

	"github.com/slack-go/slack"
	"github.com/stretchr/testify/require"

	"bellwether/bot"
	"bellwether/internal/chat/sample"
	"bellwether/internal/peers"
)

var update = flag.Bool("update", false, "write the golden files anew")

// letter is a message as Slack gets it.
type letter struct {
	Text   string        `json:"text"`
	Blocks []slack.Block `json:"blocks"`
}

func letters(t *testing.T, all []sample.Spoken) []letter {
	var drawn []letter
	for _, s := range all {
		l := letter{Fallback(s.Message), Draw(s.Message, Options{ID: s.ID, Links: sample.Links, More: sample.More})}
		require.NoError(t, Lint(l.Blocks, l.Text), s.ID)
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

func TestModalsLookAsBefore(t *testing.T) {
	for _, name := range sample.Forms {
		t.Run(name, func(t *testing.T) {
			v := Modal(sample.Form(t, name), "R42/root")
			require.NoError(t, LintModal(v))
			sample.Golden(t, *update, name, v)
		})
	}
}

func TestHomeAndUnfurlLookAsBefore(t *testing.T) {
	home := Home(sample.Messages(t)["open"][0].Message)
	require.NoError(t, LintHome(home))
	sample.Golden(t, *update, "home", home)
	unfurl := Unfurl(sample.Messages(t)["regressed"][0].Message)
	require.NoError(t, Lint(unfurl.Blocks.BlockSet, unfurl.Fallback))
	sample.Golden(t, *update, "unfurl", unfurl)
}

// literal is a value that must be of a type of @slack/types.
type literal struct {
	Type  string `json:"type"`
	Value any    `json:"value"`
}

// The types that Slack itself publishes fit everything that is drawn, and would not fit something else.
func TestSlackTypesFitAll(t *testing.T) {
	t.Parallel()
	large := sample.Large()
	drawn := map[string]literal{
		"large":  {"message", letter{Fallback(large), Draw(large, Options{ID: "id"})}},
		"home":   {"home", Home(sample.Messages(t)["open"][0].Message)},
		"unfurl": {"unfurl", Unfurl(sample.Messages(t)["regressed"][0].Message)},
	}
	for kind, all := range sample.Messages(t) {
		for i, l := range letters(t, all) {
			drawn[kind+" "+all[i].ID] = literal{"message", l}
		}
	}
	for _, name := range sample.Forms {
		drawn[name] = literal{"modal", Modal(sample.Form(t, name), "R42/root")}
	}
	require.Empty(t, judged(t, drawn))
}

func TestSlackTypesRefuseBrokenBlocks(t *testing.T) {
	t.Parallel()
	good := letter{"Results", Draw(bot.Message{Title: "Results", Actions: []bot.Action{{Label: "Rerun", Command: "rerun R42"}}}, Options{})}
	odd := letter{"Results", []slack.Block{&slack.HeaderBlock{Type: slack.MBTHeader, Text: markdown("bold")}}}
	modal := Modal(acknowledge, "")
	modal.Title = nil
	said := judged(t, map[string]literal{
		"good": {"message", good}, "odd": {"message", odd}, "nameless": {"modal", modal}, "astray": {"home", Modal(acknowledge, "")},
	})
	require.NotContains(t, said, "good:")
	require.Contains(t, said, "odd: Type '\"mrkdwn\"' is not assignable")
	require.Contains(t, said, "nameless: Property 'title' is missing")
	require.Contains(t, said, "astray: ")
}

func judged(t *testing.T, drawn map[string]literal) string {
	t.Helper()
	return peers.Judge(t, "blocks.js", drawn, "typescript", "@slack/types")
}
