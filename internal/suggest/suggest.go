// Package suggest finds the word that somebody meant when they mistyped it: a key in a file, a command in a chat.
package suggest

import (
	"slices"
	"strings"
)

const listed = 12 // so many known words are shown when none is close

const longestWord = 64 // bytes; a longer one is no slip of the pen

// Hint ends a sentence about an unknown word: "; did you mean zone?", or with the words there are, or with nothing.
func Hint(word string, known []string) string {
	if meant := Nearest(word, known); meant != "" {
		return "; did you mean " + meant + "?"
	}
	if len(known) == 0 || len(known) > listed {
		return ""
	}
	return "; known here: " + strings.Join(slices.Sorted(slices.Values(known)), ", ")
}

// Nearest is the known word that was probably meant; "" when none is close. Case does not count as a difference.
func Nearest(word string, known []string) string {
	if len(word) > longestWord {
		return ""
	}
	best, least := "", max(1, len(word)/3)+1
	for _, k := range known {
		if d := distance(strings.ToLower(word), strings.ToLower(k)); d < least {
			best, least = k, d
		}
	}
	return best
}

// distance is the Levenshtein distance with swapped neighbours counted once (optimal string alignment), in bytes.
func distance(a, b string) int {
	before, last := []int(nil), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := last[j-1]
			if a[i-1] != b[j-1] {
				change++
			}
			row[j] = min(last[j]+1, row[j-1]+1, change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}
