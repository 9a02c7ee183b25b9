package card

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"bellwether/bot"
	"bellwether/internal/chat/sample"
	"bellwether/internal/chat/text"
)

// Whatever a message holds, it becomes a card that Teams takes, in which nobody is mentioned, no link is made and no time is
// told that the message did not mean.
func TestDrawProperty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := sample.Message().Draw(t, "message")
		c := Draw(m, Options{Intent: sample.Word().Filter(short).Draw(t, "intent"), Links: sample.Links, PictureURL: picture, More: sample.More})
		require.NoError(t, Lint(c))
		require.False(t, text.Blank(Fallback(m)))
		means := meant(m)
		for _, e := range c.Teams.Entities {
			require.Contains(t, means, e.Mentioned.ID)
		}
		for _, words := range texts(c.Body) {
			for _, link := range regexp.MustCompile(`\]\(([^)]*)\)`).FindAllStringSubmatch(words, -1) {
				require.Contains(t, means, link[1])
			}
			require.NotContains(t, words, "![")
			require.NotRegexp(t, `(?m)^\s*([-+#>=*]|[0-9]+[.)])(\s|$)`, words)
			require.NotContains(t, strings.ReplaceAll(words, moment(sample.At), ""), "{{")
		}
	})
}

func TestFormProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := sample.AskedFor().Draw(t, "form")
		require.NoError(t, Lint(DrawForm(f, Options{Intent: "R42/root"})))
	})
}

func short(s string) bool { return len(s) < 300 }

// meant are the people's ids and the addresses that are in the message for what they are.
func meant(m bot.Message) map[string]bool {
	all := map[string]bool{sample.More: true}
	lines := append([]bot.Text{m.Footer}, m.Body...)
	for _, f := range m.Facts {
		lines = append(lines, f.Value)
	}
	for _, line := range lines {
		for _, s := range line {
			all[address.Replace(s.URL)], all[sample.Links[s.Thread]] = true, true
			if s.Person != nil {
				all[s.Person.Teams] = true
			}
		}
	}
	return all
}

func TestFarTooMuchIsShortenedWithALinkToTheRest(t *testing.T) {
	c := Draw(sample.Large(), Options{Intent: "R42/root", More: sample.More})
	require.NoError(t, Lint(c))
	require.Len(t, c.Actions, maxActions)
	said := strings.Join(texts(c.Body), "\n")
	require.Regexp(t, `… and \d+ more rows`, said)
	require.Contains(t, said, "[Show all of it]("+sample.More+")")
	require.Greater(t, size(c), maxCard/2, "a card is used before it is cut")
	require.LessOrEqual(t, size(Fallback(sample.Large())), maxSummary, "it goes with the card")
}

func TestALotOfLittleFits(t *testing.T) {
	m := bot.Message{Mood: "pass", Table: &bot.Table{Head: []string{"a", "b", "c"}}}
	for range 1_000 {
		m.Body, m.Facts = append(m.Body, bot.Plain("x")), append(m.Facts, bot.Fact{Name: "y", Value: bot.Plain("z")})
		m.Table.Rows = append(m.Table.Rows, []string{"1"}, []string{"1", "2", "3"})
	}
	for i := range 30 {
		m.Footer = append(m.Footer, bot.Span{Text: "x", Person: &bot.Mention{Name: fmt.Sprint("p", i), Teams: fmt.Sprint("id", i)}})
	}
	require.NoError(t, Lint(Draw(m, Options{More: sample.More})))
}

func TestFormWithManyOptionsSaysHowToSayTheOthers(t *testing.T) {
	f := bot.Form{Title: "Rerun", Command: "rerun R42", Fields: []bot.Field{{Word: "only", Label: "Scenarios", Several: true}, {Word: "because", Label: "Why"}}}
	for i := range 500 {
		f.Fields[0].Options = append(f.Fields[0].Options, bot.Option{Label: strings.Repeat("x", 50), Value: fmt.Sprint("scenario", i)})
	}
	c := DrawForm(f, Options{})
	require.NoError(t, Lint(c))
	require.Contains(t, strings.Join(texts(c.Body), "\n"), `more can be typed, behind "only".`)
	require.Equal(t, "because", c.Body[len(c.Body)-1].ID)
}

func TestTextFromOutsideMeansNothing(t *testing.T) {
	for raw, want := range map[string]string{
		"<at>anna</at>":                      "<\u200bat>anna<\u200b/at>",
		"[text](https://evil.example)":       "[text]\u200b(https://evil.example)",
		"![x](y)":                            "!\u200b[x]\u200b(y)",
		"**loud** _it_ ~~no~~":               "∗∗loud∗∗ ＿it_ ~\u200b~no~\u200b~\u200b",
		"checkout_flow_v2":                   "checkout_flow_v2",
		"__init__":                           "＿＿init_" + "_",
		"{{DATE(2026-11-23T07:00:00Z)}}":     "{\u200b{DATE(2026-11-23T07:00:00Z)}}",
		"- item":                             "\u200b- item",
		"    code":                           "code",
		"1. one\n2) two\n# three":            "\u200b1. one\n\n\u200b2) two\n\n\u200b# three",
		`C:\*`:                               "C:\\\u200b∗",
		"1.4.0":                              "1.4.0",
		"x-{R40,R37}.json.gz":                "x-{R40,R37}.json.gz",
		"a < b & c":                          "a < b & c",
		"{":                                  "{\u200b",
		"R&amp;D":                            "R&\u200bamp;D",
		"`code`":                             "'code'",
		"a\u202eb\x00c":                      "abc",
		"db:orders -> checkout, p95 +38 % ×": "db:orders -> checkout, p95 +38 % ×",
	} {
		p := &pen{left: maxCard, multiline: true}
		require.Equal(t, want, p.line(bot.Plain(raw), bodyShare), raw)
	}
}

func TestSpans(t *testing.T) {
	p := &pen{left: maxCard, links: sample.Links}
	line := p.line(bot.Text{
		{Text: "@anna", Person: &sample.Anna},
		{Text: " and "},
		{Text: "@guest", Person: &bot.Mention{Name: "guest"}},
		{Text: " look at "},
		bot.ThreadOf("R41"),
		{Text: ", "},
		bot.ThreadOf("R9"),
		{Text: " since "},
		bot.At(sample.At),
		{Text: ": "},
		bot.Link("a [b](c)", "https://example.com/?q=(x)"),
		{Text: " "},
		bot.Bold(" it "), bot.Code("make"), bot.Link("x", "javascript:alert(1)"),
	}, bodyShare)
	require.Equal(t, "<at>anna</at> and @guest look at [R41](https://chat.example.com/threads/41), R9 since "+
		"{{DATE(2026-11-23T07:00:00Z,SHORT)}} {{TIME(2026-11-23T07:00:00Z)}}: [a (b)(c)](https://example.com/?q=%28x%29)  **it** **make**x", line)
	require.Equal(t, []Entity{{Type: "mention", Text: "<at>anna</at>", Mentioned: Mentioned{ID: sample.Anna.Teams, Name: "anna"}}}, p.people)

	namesake := bot.Mention{Name: "anna", Teams: "another"}
	require.Equal(t, "@anna", p.line(bot.Text{{Text: "@anna", Person: &namesake}}, bodyShare), "Teams could not tell them apart")
}

func TestPictureIsToldInWordsWhereItCannotBeFetched(t *testing.T) {
	m := bot.Message{Title: "checkout-flow", Picture: &bot.Picture{Alt: "p95 312 ms"}}
	for url, want := range map[string]string{picture: "Image", "http://127.0.0.1/x.png": "TextBlock", "data:image/png;base64,AA": "TextBlock", "": "TextBlock"} {
		c := Draw(m, Options{PictureURL: url})
		require.NoError(t, Lint(c))
		require.Equal(t, want, c.Body[len(c.Body)-1].Type, url)
	}
}

func TestFilledMakesACommandLine(t *testing.T) {
	sent := map[string]any{
		"verb": "submit", "command": "rerun R42", "intent": "R42/root", "several": []any{"only"},
		"only": "cart,pay", "because": "cold cache, again", "until": "", "odd": 7,
	}
	require.Equal(t, "rerun R42 only cart pay because cold cache, again", bot.Line("rerun R42", Filled(sent)))
	require.Empty(t, Filled(nil))
}
