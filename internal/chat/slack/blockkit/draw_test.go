package blockkit

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/slack-go/slack"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"bellwether/bot"
	"bellwether/internal/chat/sample"
)

// Whatever a message holds, it draws to what Slack takes, without a mention or command in Slack's notation that was not meant.
func TestDrawProperty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := sample.Message().Draw(t, "message")
		blocks := Draw(m, Options{ID: rapid.SampledFrom([]string{"", "id"}).Draw(t, "id"), Links: sample.Links, More: sample.More, PictureURL: drawURL(t)})
		require.NoError(t, Lint(blocks, Fallback(m)))
		require.NoError(t, LintHome(Home(m)))
		below := Unfurl(m)
		require.NoError(t, Lint(below.Blocks.BlockSet, below.Fallback))
		raw, err := json.Marshal(blocks)
		require.NoError(t, err)
		require.True(t, utf8.Valid(raw))
		for _, words := range append(texts(blocks), below.Fallback, Caption(m, nil)) {
			require.NotContains(t, words, "<!channel")
			require.NotContains(t, words, "<!here")
			require.NotContains(t, words, "<@U123456>")
		}
	})
}

func TestModalProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		require.NoError(t, LintModal(Modal(sample.AskedFor().Draw(t, "form"), "R42/root")))
	})
}

// texts are those in Slack's markdown.
func texts(blocks []slack.Block) []string {
	var all []string
	for _, b := range blocks {
		switch b := b.(type) {
		case *slack.SectionBlock:
			all = append(all, b.Text.Text)
		case *slack.ContextBlock:
			all = append(all, b.ContextElements.Elements[0].(*slack.TextBlockObject).Text)
		}
	}
	return all
}

func TestFarTooMuchIsShortenedWithALinkToTheRest(t *testing.T) {
	m := sample.Large()
	blocks := Draw(m, Options{ID: "id", More: sample.More})
	require.NoError(t, Lint(blocks, Fallback(m)))
	said := strings.Join(texts(blocks), "\n")
	require.Regexp(t, `… and \d+ more rows`, said)
	require.Contains(t, said, "<"+sample.More+"|Show all of it>")

	for _, length := range []int{1_900, maxURL} {
		blocks := Draw(sample.Large(), Options{More: "https://example.com/" + strings.Repeat("x", length-len("https://example.com/"))})
		require.NoError(t, Lint(blocks, nameless), length)
	}
	whole := bot.Message{Title: "Results", Body: []bot.Text{bot.Plain("all of it")}}
	require.NotContains(t, strings.Join(texts(Draw(whole, Options{More: sample.More})), "\n"), sample.More)
}

func TestTextFromOutsideMeansNothing(t *testing.T) {
	m := bot.Message{
		Title: "<!channel> *loud* \u202egnitirw\nnext", Mood: "failed",
		Body: []bot.Text{
			bot.Plain("<!channel> <https://evil.example|x>\n> quote *bold* _it_ ~no~ snake_case 2*3*4 ```fence``` :100: 10:30:45 arn:aws:ecs:x"),
			{bot.Link("a|b>c", "https://example.com/?q=<x>|y"), bot.Link(" script", "javascript:alert(1)")},
			{{Text: "a `b` c", Code: true}, {Text: " bold* ", Bold: true}, {Text: "@x", Person: &bot.Mention{Slack: "T/<!channel>"}}},
			{{Text: "@anna", Person: &sample.Anna}, {Text: " "}, bot.ThreadOf("R41"), {Text: " "}, bot.ThreadOf("R9"), {Text: " "}, bot.At(sample.At)},
		},
	}
	blocks := Draw(m, Options{Links: sample.Links})
	require.Equal(t, "❌ Failed · <!channel> *loud* gnitirw next", blocks[0].(*slack.HeaderBlock).Text.Text, "a header is not formatted")
	require.Equal(t, []string{
		"&lt;!channel&gt; &lt;https://evil.example|x&gt;\n\u200b&gt; quote *\u200bbold* _\u200bit_ ~\u200bno~ snake_case 2*3*4 `\u200b`\u200b`\u200bfence`\u200b`\u200b`\u200b :\u200b100: 10:30:45 arn:aws:ecs:x\n" +
			"<https://example.com/?q=&lt;x&gt;%7Cy|a|b&gt;c> script\n" +
			"`a 'b' c` *bold∗* @x\n" +
			"<@U0ANNA> <https://chat.example.com/threads/41|R41> R9 <!date^1795417200^{date_short} {time}|23 Nov 07:00 UTC>",
	}, texts(blocks))
	require.True(t, strings.HasPrefix(Fallback(m), "❌ Failed · &lt;!channel&gt;"))
}

func TestAMessageOfNothingHasAName(t *testing.T) {
	for _, m := range []bot.Message{{}, {Body: []bot.Text{bot.Plain(" \u200b")}}, {Table: &bot.Table{Head: []string{"", ""}, Rows: [][]string{{"", ""}}}}} {
		require.Equal(t, nameless, Fallback(m))
		require.NoError(t, Lint(Draw(m, Options{}), Fallback(m)))
	}
}

func TestButtonsThatSlackWouldRefuseAreLeftOut(t *testing.T) {
	m := bot.Message{Title: "R42", Actions: []bot.Action{
		{Label: "too long", Command: strings.Repeat("x", 2_001)},
		{Label: "bad link", URL: "javascript:alert(1)"},
		{Label: "", Command: "help"},
		{Label: "idle"},
		{Label: "Acknowledge", Command: "ack R42", Primary: true, Form: true},
		{Label: "Rerun", Command: "rerun R42"},
		{Label: "Report", URL: sample.More},
	}}
	blocks := Draw(m, Options{})
	var ids []string
	for _, e := range blocks[1].(*slack.ActionBlock).Elements.ElementSet {
		ids = append(ids, e.(*slack.ButtonBlockElement).ActionID)
	}
	require.Equal(t, []string{"form-4", "action-5", "action-6"}, ids, "a press of the first asks for the rest of the command")
}

var acknowledge = bot.Form{
	Title: "Acknowledge a regression", Command: "ack R42", Send: "Acknowledge",
	Fields: []bot.Field{{Word: "because", Label: "Why"}},
}

// A picture is shown where Slack can fetch it, with the table beside it, and told in words elsewhere.
func TestPicture(t *testing.T) {
	m := bot.Message{
		Title: "p95 +38 %", Body: []bot.Text{bot.Plain("Open since R42")}, Picture: &bot.Picture{Key: "k", Alt: "14 runs, last 312 ms"},
		Table: &bot.Table{Head: []string{"p95 ms", "now"}, Rows: [][]string{{"checkout-flow", "312"}}},
	}
	const url = "https://bellwether.example.com/pictures/k.png?until=1&sig=ab"
	blocks := Draw(m, Options{PictureURL: url})
	require.NoError(t, Lint(blocks, Fallback(m)))
	require.Equal(t, slack.NewImageBlock(url, "14 runs, last 312 ms", "", nil), blocks[2])
	require.Contains(t, blocks[3].(*slack.SectionBlock).Text.Text, "checkout-flow")
	for _, elsewhere := range []string{"", "http://localhost:8080/pictures/k.png", "https://" + strings.Repeat("x", maxURL)} {
		blocks := Draw(m, Options{PictureURL: elsewhere})
		require.NoError(t, Lint(blocks, Fallback(m)))
		require.Contains(t, blocks[1].(*slack.SectionBlock).Text.Text, "14 runs, last 312 ms", elsewhere)
	}
}

// drawURL is the address of a picture, or of none.
func drawURL(t *rapid.T) string {
	return rapid.SampledFrom([]string{"", "https://bellwether.example.com/pictures/k.png", "http://x.example/k.png"}).Draw(t, "picture")
}

func TestModalAsksAsItsFieldsSay(t *testing.T) {
	var many []bot.Option
	for i := range 150 {
		many = append(many, bot.Option{Label: fmt.Sprint("Scenario ", i), Value: fmt.Sprint("s", i)})
	}
	v := Modal(bot.Form{Title: strings.Repeat("x", 50), Fields: []bot.Field{
		{Word: "because", Label: "Why", Preset: []string{"cold cache"}},
		{Word: "for", Label: "How long", Optional: true, Hint: "3d"},
		{Word: "until", Label: "Until", Date: true, Preset: []string{"2026-12-01"}},
		{Word: "scope", Label: "Scope", Options: many[:3], Preset: []string{"s1"}},
		{Word: "only", Label: "Scenarios", Options: many[:3], Several: true, Preset: []string{"s0", "s2", "gone"}},
		{Word: "with", Label: "Runs", Options: many, Several: true},
		{Word: "odd", Label: "None that can be sent", Options: []bot.Option{{Label: "x", Value: strings.Repeat("x", 151)}}},
	}}, "R42/root")
	require.NoError(t, LintModal(v))
	require.Len(t, v.Blocks.BlockSet, 6, "a choice of nothing is left out")
	input := func(i int) *slack.InputBlock { return v.Blocks.BlockSet[i].(*slack.InputBlock) }

	require.Equal(t, "because", input(0).BlockID)
	require.True(t, input(0).Element.(*slack.PlainTextInputBlockElement).Multiline)
	require.Equal(t, "cold cache", input(0).Element.(*slack.PlainTextInputBlockElement).InitialValue)
	require.True(t, input(1).Optional)
	require.Equal(t, "3d", input(1).Hint.Text)
	require.Equal(t, "2026-12-01", input(2).Element.(*slack.DatePickerBlockElement).InitialDate)
	require.Equal(t, "s1", input(3).Element.(*slack.SelectBlockElement).InitialOption.Value)
	require.Len(t, input(4).Element.(*slack.CheckboxGroupsBlockElement).InitialOptions, 2)
	require.Len(t, input(5).Element.(*slack.MultiSelectBlockElement).Options, 100)
	require.Equal(t, `50 more can be typed, behind "with".`, input(5).Hint.Text)
}
