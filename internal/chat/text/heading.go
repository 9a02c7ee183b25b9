package text

import (
	"strings"

	"bellwether/bot"
	"bellwether/pipeline"
)

// face is how a mood looks. The symbols differ in shape, the word stands beside them: colour carries nothing by itself.
type face struct {
	symbol, word string
	likeness     string // of the word: a title that has it says the same
}

var faces = map[bot.Mood]face{
	bot.MoodWaiting:                   {"⏳", "Waiting", "waits"},
	bot.MoodRunning:                   {"▶️", "Running", ""},
	bot.MoodSuperseded:                {"⏭️", "Superseded", ""},
	bot.MoodCancelled:                 {"⏹️", "Cancelled", ""},
	bot.MoodRefused:                   {"⛔", "Refused", "may not"},
	bot.MoodOf(pipeline.Pass):         {"✅", "Passed", ""},
	bot.MoodOf(pipeline.Improved):     {"⚡", "Improved", ""},
	bot.MoodOf(pipeline.Suspect):      {"🔎", "Suspect", ""},
	bot.MoodOf(pipeline.Regressed):    {"🔺", "Regressed", "regression"},
	bot.MoodOf(pipeline.Inconclusive): {"❔", "Inconclusive", ""},
	bot.MoodOf(pipeline.Invalid):      {"⚠️", "Invalid", ""},
	bot.MoodOf(pipeline.Failed):       {"❌", "Failed", ""},
	bot.MoodResolved:                  {"☑️", "Resolved", ""},
	bot.MoodAccepted:                  {"☑️", "Accepted", ""},
}

// Heading is the title behind its mood's symbol and word; a word that the title has already is not said again. Without title
// and mood it is empty.
func Heading(m bot.Message) string {
	title := strings.TrimSpace(Clean(m.Title, false))
	f, ok := faces[m.Mood]
	switch {
	case ok && f.says(title):
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

// says tells whether the title has the word, or what is like it.
func (f face) says(title string) bool {
	title = strings.ToLower(title)
	return strings.Contains(title, strings.ToLower(f.word)) || f.likeness != "" && strings.Contains(title, f.likeness)
}
