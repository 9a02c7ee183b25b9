// Package text is what the drawings of messages on all platforms share: text from outside is made clean, measured and
// shortened, and a mood gets its symbol and word. It knows no platform's notation.
package text

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf16"
)

// Ellipsis stands where something was left out.
const Ellipsis = "…"

// Clean takes out what has no business in a message: control characters, overrides of the writing direction (text that
// merely runs from right to left keeps doing so), broken UTF-8. Line breaks become spaces unless they are wanted.
func Clean(text string, multiline bool) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' && multiline:
			return r
		case unicode.IsSpace(r), r == '\u2028', r == '\u2029':
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r), r == '\ufeff':
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "\ufffd"))
}

// Line is text from outside as one clean line of at most so many UTF-16 units.
func Line(text string, limit int) string {
	return Shorten(strings.TrimSpace(Clean(text, false)), limit)
}

// LineOr is the text as such a line, or another where there is nothing to be seen.
func LineOr(text string, limit int, instead string) string { return Or(Line(text, limit), instead) }

// Or is the text, or another where there is nothing to be seen.
func Or(text, instead string) string {
	if Blank(text) {
		return instead
	}
	return text
}

// Blank tells whether there is nothing to be seen.
func Blank(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return unicode.IsGraphic(r) && !unicode.IsSpace(r) })
}

// Units is the length in UTF-16 units: the strictest reading of a platform's "characters".
func Units(text string) int {
	n := 0
	for _, r := range text {
		n += utf16.RuneLen(r)
	}
	return n
}

// Shorten cuts at a rune, so that what is left has at most so many UTF-16 units.
func Shorten(text string, limit int) string { return Cut(text, limit, utf16.RuneLen) }

// Cut is the text, or what is left of it before a rune at which it would cost more than the limit, with an ellipsis. It is
// empty where the limit does not leave room for an ellipsis and something before it.
func Cut(text string, limit int, cost func(rune) int) string {
	room := limit - cost('…')
	used, end := 0, 0 // end is how much stays when it must be cut
	for i, r := range text {
		if used <= room {
			end = i
		}
		if used += cost(r); used > limit {
			if end == 0 {
				return ""
			}
			return strings.TrimRight(text[:end], " \u200d") + Ellipsis
		}
	}
	return text
}

// Linkable tells whether people can be sent there: to a whole address, of the web, without anything that hides.
func Linkable(raw string) bool {
	u, err := url.Parse(raw)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && Clean(raw, false) == raw
}
