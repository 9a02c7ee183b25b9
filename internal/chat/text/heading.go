package text

import (
	"strings"

	"bellwether/bot"
	"bellwether/pipeline"
)

// face is how a mood looks. The symbols differ in shape, the word stands beside them: colour carries nothing by itself.
type face struct{ symbol, word string }

var faces = map[bot.Mood]face{
	bot.MoodWaiting:                   {"⏳", "Waiting"},
	bot.MoodRunning:                   {"▶️", "Running"},
	bot.MoodSuperseded:                {"⏭️", "Superseded"},
	bot.MoodCancelled:                 {"⏹️", "Cancelled"},
	bot.MoodRefused:                   {"⛔", "Refused"},
	bot.MoodOf(pipeline.Pass):         {"✅", "Passed"},
	bot.MoodOf(pipeline.Improved):     {"⚡", "Improved"},
	bot.MoodOf(pipeline.Suspect):      {"🔎", "Suspect"},
	bot.MoodOf(pipeline.Regressed):    {"🔺", "Regressed"},
	bot.MoodOf(pipeline.Inconclusive): {"❔", "Inconclusive"},
	bot.MoodOf(pipeline.Invalid):      {"⚠️", "Invalid"},
	bot.MoodOf(pipeline.Failed):       {"❌", "Failed"},
}

// Heading is the title behind its mood's symbol and word; a word that the title has already is not said again. Without title
// and mood it is empty.
func Heading(m bot.Message) string {
	title := strings.TrimSpace(Clean(m.Title, false))
	f, ok := faces[m.Mood]
	switch {
	case ok && strings.Contains(strings.ToLower(title), strings.ToLower(f.word)):
		return f.symbol + " " + title
	case ok && !Blank(title):
		return f.symbol + " " + f.word + " · " + title
	case ok:
		return f.symbol + " " + f.word
	case Blank(title):
		return ""
	}
	return title
}
