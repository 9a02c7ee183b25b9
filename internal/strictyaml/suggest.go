package strictyaml

import (
	"slices"
	"strings"

	"bellwether/internal/suggest"
)

const listed = 12 // so many known words are shown when none is close

// Hint ends a sentence about an unknown word: "; did you mean zone?", or with the words there are, or with nothing.
func Hint(word string, known []string) string {
	if meant := suggest.Nearest(word, known); meant != "" {
		return "; did you mean " + meant + "?"
	}
	if len(known) == 0 || len(known) > listed {
		return ""
	}
	return "; known here: " + strings.Join(slices.Sorted(slices.Values(known)), ", ")
}
