package intake

import (
	"fmt"
	"net/url"
	"strings"
	"unicode"

	"bellwether/pipeline"
)

// maxText bounds each text of an event, in runes; what is longer is cut.
const maxText = 1000

// field is a text of an event by which the change is known.
type field struct {
	key  string
	text *string
}

// identity lists them under their names in the part of the event that its sender wrote.
func identity(part string, c *pipeline.Change) []field {
	return []field{
		{"id", &c.EventID},
		{part + ".name", &c.Name},
		{part + ".repository", &c.Repository},
		{part + ".revision", &c.Revision},
		{part + ".version", &c.Version},
		{part + ".image", &c.Image},
		{part + ".ref", &c.Ref},
	}
}

// clean makes every text that came from outside fit to be shown.
func clean(c *pipeline.Change, redact func(string) string) {
	for _, f := range identity("", c) {
		*f.text = bound(flat(*f.text))
	}
	for _, s := range []*string{&c.Author, &c.Title, &c.URL} {
		*s = show(*s, redact)
	}
	for _, list := range [][]string{c.Paths, c.Labels} {
		for i := range list {
			list[i] = show(list[i], redact)
		}
	}
	c.URL = link(c.URL)
}

// harmless refuses a change whose identity would show a secret. The secret itself is not told.
func harmless(part string, c *pipeline.Change, secret func(string) bool) error {
	for _, f := range identity(part, c) {
		if secret(*f.text) {
			return fmt.Errorf("%s: holds a secret of Bellwether's own settings; send the event without it, and replace the secret", f.key)
		}
	}
	return nil
}

// show is text fit for logs and chat: redacted, on one line, bounded. It is redacted before its lines are joined, for
// secrets of several lines, and after, for those that a line break hid; and before it is cut, for half a secret is
// recognised by nobody.
func show(s string, redact func(string) string) string {
	return bound(redact(flat(redact(s))))
}

// bound takes off what is blank at the ends, and cuts what is too long.
func bound(s string) string {
	s = strings.TrimSpace(s)
	if runes := []rune(s); len(runes) > maxText {
		s = string(runes[:maxText-1]) + "…"
	}
	return s
}

// flat puts text on one line, and takes out what is not seen or turns the order of what is.
func flat(s string) string {
	return strings.Map(func(r rune) rune {
		if r == unicode.ReplacementChar || unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp, unicode.Bidi_Control) {
			return ' '
		}
		return r
	}, s)
}

// link keeps an address that a browser may follow, and drops any other: one of another scheme, with a password in it, or
// too long to be whole.
func link(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || strings.HasSuffix(s, "…") {
		return ""
	}
	return u.String()
}
