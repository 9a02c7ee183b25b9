package sample

import (
	"fmt"
	"strings"
	"time"

	"pgregory.net/rapid"

	"bellwether/bot"
)

// Anna is who messages mean to mention.
var Anna = bot.Mention{Name: "anna", Slack: "T0TEAM/U0ANNA", Teams: "5f3f0c1e-9a52-4c0e-8c3c-0d6f5d1f7a11"}

// At is when it happens.
var At = time.Date(2026, 11, 23, 7, 0, 0, 0, time.UTC)

// tricks are texts that mean something to one platform or other, and must not.
var tricks = []string{
	"<!channel>", "<!here>", "<@U123456>", "<!date^1|x>", "&lt;at&gt;", "<at>anna</at>", "<AT>everyone", "</at>", "**bold**", "_it_", "__b__", "~~no~~",
	"```fence```", "`code`", "[text](https://evil.example)", "![x](https://evil.example/x.png)", "[a]: https://evil.example", "# head", "1. list", "- list", "> quote",
	"{{DATE(2026-11-23T07:00:00Z,SHORT)}}", "{{TIME(x", "{", "{{{", "${x}", `\`, `\*`, "\n", "\n\n- x", "|a|b|\n|-|-|", "---",
	"\u202egnitirw", "\u2066x", "\x00\x07\x1b[31m", "\xff\xfe", "\u2028", "\ufeff", "👩‍👩‍👧‍👦", "مرحبا", "é", "Z͑ͫ̓", "🔺", `"'"`, "snake_case_v2",
}

// Word is a text from outside.
func Word() *rapid.Generator[string] {
	return rapid.OneOf(rapid.String(), rapid.SampledFrom(tricks),
		rapid.Map(rapid.SliceOfN(rapid.SampledFrom(tricks), 0, 6), func(all []string) string { return strings.Join(all, "") }),
		rapid.StringMatching("[ *_~`<>&|!@#()\\[\\]{}\\\\a-zA-Z0-9\\n:-]{0,300}"),
		rapid.Map(rapid.SampledFrom([]int{10, 100, 1_000}), func(n int) string { return strings.Repeat("& ن<", n) }),
		rapid.Just(strings.Repeat("\u200b", 300)+"late"))
}

func address() *rapid.Generator[string] {
	return rapid.OneOf(Word(), rapid.SampledFrom([]string{
		`https://example.com/a|b>c<d"e'f)g*h{{DATE(x)}}`, "https://example.com/?q=<at>anna</at>", "javascript:alert(1)", "data:image/png;base64,AAAA", "//x", "https://",
		"https://example.com/\u202egpj.exe", "https://example.com/" + strings.Repeat("a", 4_000),
	}))
}

func span() *rapid.Generator[bot.Span] {
	return rapid.Custom(func(t *rapid.T) bot.Span {
		s := bot.Span{Text: Word().Draw(t, "text"), Bold: rapid.Bool().Draw(t, "bold")}
		switch rapid.IntRange(0, 6).Draw(t, "kind") {
		case 0:
			s.Code = true
		case 1:
			s.URL = address().Draw(t, "url")
		case 2:
			s.Person = &bot.Mention{Name: Word().Draw(t, "name"), Slack: Word().Draw(t, "slack"), Teams: Word().Draw(t, "teams")}
		case 3:
			s.Person = &bot.Mention{Name: Word().Draw(t, "name"), Slack: Anna.Slack, Teams: Anna.Teams}
		case 4:
			s.Time = &At
		case 5:
			s.Thread = rapid.SampledFrom([]string{"R41", "R9"}).Draw(t, "thread")
		}
		return s
	})
}

// Line is a text of spans.
func Line() *rapid.Generator[bot.Text] {
	return rapid.Custom(func(t *rapid.T) bot.Text { return rapid.SliceOfN(span(), 0, 5).Draw(t, "spans") })
}

// Message is anything.
func Message() *rapid.Generator[bot.Message] {
	return rapid.Custom(func(t *rapid.T) bot.Message {
		m := bot.Message{
			Title:  Word().Draw(t, "title"),
			Mood:   rapid.SampledFrom([]bot.Mood{"", "pass", "waiting", "what"}).Draw(t, "mood"),
			Body:   rapid.SliceOfN(Line(), 0, 5).Draw(t, "body"),
			Footer: Line().Draw(t, "footer"),
		}
		for range rapid.IntRange(0, 5).Draw(t, "facts") {
			m.Facts = append(m.Facts, bot.Fact{Name: Word().Draw(t, "name"), Value: Line().Draw(t, "value")})
		}
		for range rapid.IntRange(0, 30).Draw(t, "actions") {
			m.Actions = append(m.Actions, action().Draw(t, "action"))
		}
		if rapid.Bool().Draw(t, "picture") {
			m.Picture = &bot.Picture{Key: "k", Name: "n.png", Alt: Word().Draw(t, "alt")}
		}
		if rapid.Bool().Draw(t, "table") {
			m.Table = table().Draw(t, "table")
		}
		return m
	})
}

func action() *rapid.Generator[bot.Action] {
	return rapid.Custom(func(t *rapid.T) bot.Action {
		a := bot.Action{Label: Word().Draw(t, "label"), Command: Word().Draw(t, "command"), Form: rapid.Bool().Draw(t, "form")}
		if rapid.Bool().Draw(t, "link") {
			a.URL = address().Draw(t, "url")
		}
		return a
	})
}

func table() *rapid.Generator[*bot.Table] {
	cells := rapid.SliceOfN(Word(), 0, 25)
	return rapid.Custom(func(t *rapid.T) *bot.Table {
		head, row := cells.Draw(t, "head"), cells.Draw(t, "row")
		table := &bot.Table{Head: head}
		for range rapid.SampledFrom([]int{0, 1, 3, 50}).Draw(t, "rows") {
			table.Rows = append(table.Rows, row)
		}
		return table
	})
}

// AskedFor is a form of anything, with fields of different words.
func AskedFor() *rapid.Generator[bot.Form] {
	return rapid.Custom(func(t *rapid.T) bot.Form {
		f := bot.Form{
			Title: Word().Draw(t, "title"), Command: "ack R42", Send: Word().Draw(t, "send"), Body: rapid.SliceOfN(Line(), 0, 3).Draw(t, "body"),
		}
		for i := range rapid.IntRange(0, 6).Draw(t, "fields") {
			f.Fields = append(f.Fields, field(fmt.Sprint("word", i)).Draw(t, "field"))
		}
		return f
	})
}

func field(word string) *rapid.Generator[bot.Field] {
	return rapid.Custom(func(t *rapid.T) bot.Field {
		f := bot.Field{
			Word: word, Label: Word().Draw(t, "label"), Hint: Word().Draw(t, "hint"),
			Several: rapid.Bool().Draw(t, "several"), Date: rapid.Bool().Draw(t, "date"), Optional: rapid.Bool().Draw(t, "optional"),
			Preset: rapid.SliceOfN(rapid.OneOf(Word(), rapid.SampledFrom([]string{"2026-12-01", "o1", "o2"})), 0, 3).Draw(t, "preset"),
		}
		label := Word().Draw(t, "option")
		for i := range rapid.SampledFrom([]int{0, 1, 3, 11, 500}).Draw(t, "options") {
			f.Options = append(f.Options, bot.Option{Label: label, Value: fmt.Sprint("o", i)})
		}
		for range rapid.IntRange(0, 3).Draw(t, "odd options") {
			f.Options = append(f.Options, bot.Option{Label: "odd", Value: Word().Draw(t, "value")})
		}
		return f
	})
}

// Large is a message with far too much of everything.
func Large() bot.Message {
	m := bot.Message{Title: strings.Repeat("👩‍👩‍👧‍👦", 200), Mood: "failed", Footer: bot.Plain(strings.Repeat("<", 2_000))}
	m.Table = &bot.Table{Head: []string{"scenario", "p95"}}
	for range 500 {
		m.Body = append(m.Body, bot.Plain(strings.Repeat("&", 300)))
		m.Facts = append(m.Facts, bot.Fact{Name: strings.Repeat("ن", 80), Value: bot.Plain("value")})
		m.Table.Rows = append(m.Table.Rows, []string{strings.Repeat("checkout", 4), "120 ms"})
		m.Actions = append(m.Actions, bot.Action{Label: strings.Repeat("é", 80), Command: "help"})
	}
	return m
}
