package blockkit

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/slack-go/slack"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"bellwether/bot"
)

var update = flag.Bool("update", false, "write the golden files anew")

var at = time.Date(2026, 11, 23, 7, 0, 0, 0, time.UTC)

var links = map[string]string{"R41": "https://innerscale.slack.com/archives/C0CHECKOUT/p1795438653000001"}

var messages = map[string]bot.Message{
	"announcement": {
		Title: "checkout 1.5.0: load test is waiting", Mood: bot.MoodWaiting,
		Body: []bot.Text{
			{bot.Link("Round totals once", "https://github.com/innerscale/checkout/pull/7?a=1&b=2"), {Text: " by "}, bot.Bold("dev-sg"), {Text: ", revision "}, bot.Code("1a2b3c4")},
			{{Text: "Supersedes "}, bot.ThreadOf("R41"), {Text: "; "}, bot.ThreadOf("R40"), {Text: " has no thread here."}},
		},
		Facts: []bot.Fact{
			{Name: "Environment", Value: bot.Text{{Text: "load, second in the queue"}}},
			{Name: "Expected", Value: bot.Text{{Text: "about 3 min, from "}, bot.At(at)}},
			{Name: "Scenarios", Value: bot.Plain("checkout-flow (db:orders -> checkout -> checkout-flow)")},
		},
		Actions: []bot.Action{{Label: "Cancel", Command: "cancel R42"}},
		Footer:  bot.Text{bot.Code("R42"), {Text: " · touches service:checkout"}},
	},
	"regressed": {
		Title: "checkout 1.5.0 is slower: p95 +41 % in checkout-flow", Mood: "regressed",
		Body: []bot.Text{{
			{Text: "Confirmed by two more measurements. ", Person: nil},
			{Text: "@dev-sg", Person: &bot.Mention{Name: "dev-sg", Slack: "T0TEAM/U0DEVSG"}},
			{Text: ", please look. "},
			{Text: "@guest", Person: &bot.Mention{Name: "guest"}},
		}},
		Actions: []bot.Action{
			{Label: "Acknowledge", Command: "ack R42", Primary: true},
			{Label: "Rerun", Command: "rerun R42"},
			{Label: "Report", URL: "https://bellwether.example.com/runs/R42"},
		},
	},
	"results": {
		Title: "Results", Mood: "regressed",
		Table: &bot.Table{Head: []string{"", "now", "was", "band", "previous"}, Rows: [][]string{
			{"checkout-flow", "regressed", "", "", ""},
			{"  p50", "29 ms", "21 ms, +38 %", "20–23 ms", "21 ms"},
			{"  p95", "! 169 ms", "120 ms, +41 %", "108–133 ms", "121 ms"},
			{"  order p95", "180 ms", "–", "–", "–"},
			{"and 2 more: pass", "", "", "", ""},
		}},
		Footer: bot.Plain("Compared with R36, R37, R38, R39, R41."),
	},
	"flat results": {
		Title: "Results", Mood: "pass",
		Table: &bot.Table{Head: []string{"Load", "was", "now", "band", "previous release"}, Rows: [][]string{
			{"checkout-flow p95", "120 ms", "122 ms, +2 %", "108–133 ms", "121 ms"},
			{"search_products_v2 p95", "80 ms", "", "75–86 ms", ""},
		}},
	},
	"picture": {
		Title:   "Latency of checkout-flow",
		Picture: &bot.Picture{Key: "R42/chart", Name: "latency.png", Alt: "p95 169 ms, baseline band 108 to 133 ms; p50 29 ms."},
	},
	"help": {
		Title: "What I understand",
		Body: []bot.Text{
			{bot.Code("/loadtest status"), {Text: " what runs and waits"}},
			{bot.Code("/loadtest rerun [RUN|SERVICE]"), {Text: " measure again"}},
			{bot.Code("/loadtest ack RUN [because …]"), {Text: " you know, and look after it"}},
		},
	},
	"hostile": {
		Title: "<!channel> *loud* & `code` \u202egnitirw\nnext",
		Mood:  "failed",
		Body: []bot.Text{
			bot.Plain("<!channel> <@U123> <https://evil.example|x> @here\n> quote *bold* _it_ ~no~ snake_case 2*3*4 ```fence```"),
			{bot.Link("a|b>c", "https://example.com/?q=<x>|y"), bot.Link("script", "javascript:alert(1)")},
			{{Text: "a `b` c", Code: true}, {Text: " bold* ", Bold: true}, {Text: "@x", Person: &bot.Mention{Slack: "T/<!channel>"}}},
			bot.Plain("\u0645\u0631\u062d\u0628\u0627 👩‍👩‍👧‍👦 \x00\x07\xff"),
		},
		Facts: []bot.Fact{{Name: "*name*", Value: bot.Plain("a\nb")}},
		Table: &bot.Table{Head: []string{"a", "b"}, Rows: [][]string{{"```<!here>", "1"}}},
		Actions: []bot.Action{
			{Label: "too long a command", Command: strings.Repeat("x", 2001)},
			{Label: "bad link", URL: "javascript:alert(1)"},
			{Label: "", Command: "help"},
			{Label: "idle"},
		},
	},
	"empty": {},
}

func TestDrawGolden(t *testing.T) {
	for name, m := range messages {
		t.Run(name, func(t *testing.T) {
			blocks := Draw(m, links, "R42/slack:C0CHECKOUT/root")
			require.NoError(t, Lint(blocks, Fallback(m)))
			got := pretty(t, map[string]any{"text": Fallback(m), "blocks": blocks})
			path := filepath.Join("testdata", strings.ReplaceAll(name, " ", "-")+".json")
			if *update {
				require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
			}
			want, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, string(want), got)
		})
	}
}

func pretty(t *testing.T, v any) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	require.NoError(t, e.Encode(v))
	return b.String()
}

func TestDrawFitsHoweverMuchThereIs(t *testing.T) {
	m := bot.Message{Title: strings.Repeat("👩‍👩‍👧‍👦", 100), Mood: "failed", Footer: bot.Plain(strings.Repeat("<", 2000))}
	m.Table = &bot.Table{Head: []string{"scenario", "p95"}}
	for range 500 {
		m.Body = append(m.Body, bot.Plain(strings.Repeat("&", 300)))
		m.Facts = append(m.Facts, bot.Fact{Name: strings.Repeat("ن", 80), Value: bot.Plain("value")})
		m.Table.Rows = append(m.Table.Rows, []string{strings.Repeat("checkout", 4), "120 ms"})
		m.Actions = append(m.Actions, bot.Action{Label: strings.Repeat("é", 80), Command: "help"})
	}
	blocks := Draw(m, nil, "id")
	require.NoError(t, Lint(blocks, Fallback(m)))
	require.Contains(t, pretty(t, blocks), "more rows")
}

// A message of anything draws to what Slack takes, without a mention or command in Slack's notation that was not meant.
func TestDrawProperty(t *testing.T) {
	word := rapid.OneOf(rapid.String(), rapid.StringMatching(`[ *_~`+"`"+`<>&|!@#a-zA-Z0-9\n:-]{0,400}`),
		rapid.SampledFrom([]string{"<!channel>", "<@U123456>", "<!date^1|x>", "&lt;", "```", "\u202e", "\x00", "👩‍👩‍👧‍👦"}))
	span := rapid.Custom(func(t *rapid.T) bot.Span {
		s := bot.Span{Text: word.Draw(t, "text"), Bold: rapid.Bool().Draw(t, "bold")}
		switch rapid.IntRange(0, 5).Draw(t, "kind") {
		case 0:
			s.Code = true
		case 1:
			s.URL = rapid.OneOf(word, rapid.Just("https://example.com/a|b>c<d")).Draw(t, "url")
		case 2:
			s.Person = &bot.Mention{Name: "x", Slack: word.Draw(t, "slack")}
		case 3:
			s.Time = &at
		case 4:
			s.Thread = rapid.SampledFrom([]string{"R41", "R9"}).Draw(t, "thread")
		}
		return s
	})
	line := rapid.Custom(func(t *rapid.T) bot.Text { return rapid.SliceOfN(span, 0, 5).Draw(t, "spans") })
	cells := rapid.SliceOfN(word, 0, 6)
	rapid.Check(t, func(t *rapid.T) {
		m := bot.Message{
			Title: word.Draw(t, "title"),
			Mood:  rapid.SampledFrom([]bot.Mood{"", "pass", "waiting", "what"}).Draw(t, "mood"),
			Body:  rapid.SliceOfN(line, 0, 5).Draw(t, "body"), Footer: line.Draw(t, "footer"),
		}
		for range rapid.IntRange(0, 5).Draw(t, "facts") {
			m.Facts = append(m.Facts, bot.Fact{Name: word.Draw(t, "name"), Value: line.Draw(t, "value")})
		}
		for range rapid.IntRange(0, 30).Draw(t, "actions") {
			m.Actions = append(m.Actions, bot.Action{Label: word.Draw(t, "label"), Command: word.Draw(t, "command")})
		}
		if rapid.Bool().Draw(t, "table") {
			m.Table = &bot.Table{Head: cells.Draw(t, "head")}
			for range rapid.IntRange(0, 200).Draw(t, "rows") {
				row := make([]string, len(m.Table.Head))
				copy(row, cells.Draw(t, "row"))
				m.Table.Rows = append(m.Table.Rows, row)
			}
		}
		blocks := Draw(m, links, "id")
		require.NoError(t, Lint(blocks, Fallback(m)))
		raw, err := json.Marshal(blocks)
		require.NoError(t, err)
		require.True(t, utf8.Valid(raw))
		for _, b := range blocks {
			for _, text := range texts(b) {
				require.NotContains(t, text, "<!channel")
				require.NotContains(t, text, "<@U123456>")
			}
		}
	})
}

// texts are the mrkdwn texts of a block.
func texts(b slack.Block) []string {
	switch b := b.(type) {
	case *slack.SectionBlock:
		return []string{b.Text.Text}
	case *slack.ContextBlock:
		return []string{b.ContextElements.Elements[0].(*slack.TextBlockObject).Text}
	}
	return nil
}

func TestLintFindsEachLimit(t *testing.T) {
	long := func(n int) string { return strings.Repeat("x", n) }
	section := func(text string) slack.Block { return slack.NewSectionBlock(markdown(text), nil, nil) }
	button := func(id, label, value string) *slack.ButtonBlockElement {
		return slack.NewButtonBlockElement(id, value, slack.NewTextBlockObject("plain_text", label, false, false))
	}
	many := func(n int, b slack.Block) (all []slack.Block) {
		for range n {
			all = append(all, b)
		}
		return all
	}
	elements := make([]slack.BlockElement, 26)
	for i := range elements {
		elements[i] = button(long(i+1), "x", "v")
	}
	fields := make([]*slack.TextBlockObject, 11)
	mixed := make([]slack.MixedElement, 11)
	for i := range fields {
		fields[i], mixed[i] = markdown("x"), markdown("x")
	}
	for name, test := range map[string]struct {
		blocks []slack.Block
		text   string
		want   string
	}{
		"no block":        {nil, "x", "0 blocks"},
		"51 blocks":       {many(51, section("x")), "x", "51 blocks"},
		"no fallback":     {many(1, section("x")), "", "text is empty"},
		"long fallback":   {many(1, section("x")), long(4001), "4001 units"},
		"long section":    {many(1, section(long(3001))), "x", "3001 units"},
		"UTF-16 section":  {many(1, section(strings.Repeat("🔺", 1501))), "x", "3002 units"},
		"empty section":   {many(1, section(" ")), "x", "text is empty"},
		"all text":        {many(5, section(long(2700))), "x", "13500 units of text in all"},
		"header":          {many(1, slack.NewHeaderBlock(slack.NewTextBlockObject("plain_text", long(151), false, false))), "x", "151 units"},
		"header markdown": {many(1, slack.NewHeaderBlock(markdown("x"))), "x", "must be plain_text"},
		"26 elements":     {many(1, slack.NewActionBlock("", elements...)), "x", "26 elements"},
		"label":           {many(1, slack.NewActionBlock("", button("a", long(76), "v"))), "x", "76 units"},
		"value":           {many(1, slack.NewActionBlock("", button("a", "x", long(2001)))), "x", "2001 units"},
		"no action id":    {many(1, slack.NewActionBlock("", button("", "x", "v"))), "x", "without action_id"},
		"same action id":  {many(1, slack.NewActionBlock("", button("a", "x", "v"), button("a", "x", "v"))), "x", "twice"},
		"long id":         {many(1, slack.NewActionBlock(long(256), button("a", "x", "v"))), "x", "256 units"},
		"11 fields":       {many(1, slack.NewSectionBlock(nil, fields, nil)), "x", "11 fields"},
		"long field":      {many(1, slack.NewSectionBlock(nil, []*slack.TextBlockObject{markdown(long(2001))}, nil)), "x", "2001 units"},
		"11 in context":   {many(1, slack.NewContextBlock("", mixed...)), "x", "11 elements"},
		"unknown block":   {many(1, slack.NewDividerBlock()), "x", "does not draw"},
	} {
		t.Run(name, func(t *testing.T) { require.ErrorContains(t, Lint(test.blocks, test.text), test.want) })
	}
}
