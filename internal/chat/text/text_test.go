package text

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"bellwether/bot"
)

func TestCleanKeepsWhatIsRead(t *testing.T) {
	for raw, want := range map[string]string{
		"checkout 1.5.0, p95 +38 %": "checkout 1.5.0, p95 +38 %",
		"مرحبا 👩‍👩‍👧‍👦":             "مرحبا 👩‍👩‍👧‍👦",
		"a\u202egnitirw\u2066":      "agnitirw",
		"a\x00\x07\x1bb\ufeff":      "ab",
		"one\ntwo\tthree\u2028four": "one two three four",
		"\xffbroken":                "\ufffdbroken",
	} {
		require.Equal(t, want, Clean(raw, false), raw)
	}
	require.Equal(t, "one\ntwo", Clean("one\ntwo", true))
}

func TestLineOr(t *testing.T) {
	require.Equal(t, "Acknow…", LineOr(" Acknowledge\n", 7, "Send"))
	for _, nothing := range []string{"", " \n", "\u200b\u00ad", "\x00"} {
		require.Equal(t, "Send", LineOr(nothing, 7, "Send"), "%q", nothing)
	}
}

func TestShortenCutsAtARune(t *testing.T) {
	for _, test := range []struct {
		text  string
		limit int
		want  string
	}{
		{"whole", 5, "whole"},
		{"longer", 5, "long…"},
		{"two words", 5, "two…"},
		{"🔺🔺🔺", 5, "🔺🔺…"},
		{"👩‍👧 together", 4, "👩…"},
		{"nothing fits", 1, ""},
		{"nothing fits", -1, ""},
	} {
		require.Equal(t, test.want, Shorten(test.text, test.limit), test.text)
	}
}

func TestCutProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		whole, limit := rapid.String().Draw(t, "text"), rapid.IntRange(-1, 20).Draw(t, "limit")
		short := Cut(whole, limit, utf8.RuneLen)
		require.True(t, utf8.ValidString(short))
		require.LessOrEqual(t, len(short), max(limit, 0))
		require.Equal(t, len(whole) <= limit, short == whole && len(short) <= limit && len(whole) <= limit)
		require.True(t, strings.HasPrefix(whole, strings.TrimSuffix(short, Ellipsis)))
	})
}

func TestLinkable(t *testing.T) {
	for url, want := range map[string]bool{
		"https://example.com/a?b=c|d": true, "http://127.0.0.1:8080/": true,
		"": false, "javascript:alert(1)": false, "data:text/html,x": false, "//example.com": false, "https://": false,
		"https://example.com/\u202egpj.exe": false, "https://example.com/\n": false, "mailto:a@example.com": false,
	} {
		require.Equal(t, want, Linkable(url), url)
	}
}

func TestHeadingSaysTheMoodInWords(t *testing.T) {
	for _, test := range []struct {
		message bot.Message
		want    string
	}{
		{bot.Message{Title: "checkout is slower", Mood: "regressed"}, "🔺 Regressed · checkout is slower"},
		{bot.Message{Title: "checkout passed", Mood: "pass"}, "✅ checkout passed"},
		{bot.Message{Title: "Regression: p95 +38 %", Mood: "regressed"}, "🔺 Regression: p95 +38 %"},
		{bot.Message{Title: "You may not hold load", Mood: bot.MoodRefused}, "⛔ You may not hold load"},
		{bot.Message{Title: "the plan waits for approval", Mood: bot.MoodWaiting}, "⏳ the plan waits for approval"},
		{bot.Message{Mood: bot.MoodWaiting}, "⏳ Waiting"},
		{bot.Message{Title: "Help\n"}, "Help"},
		{bot.Message{Title: "unknown", Mood: "what"}, "unknown"},
		{bot.Message{Title: " \u200b "}, ""},
	} {
		require.Equal(t, test.want, Heading(test.message))
	}
}
