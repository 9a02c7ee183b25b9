package intake

import (
	"net/url"
	"strings"
	"unicode"

	"bellwether/pipeline"
)

// maxText bounds each text of an event, in runes; what is longer is cut.
const maxText = 1000

// clean makes every text that came from outside fit to be shown.
func clean(c *pipeline.Change, redact func(string) string) {
	for _, s := range []*string{
		&c.EventID, &c.Name, &c.Repository, &c.Revision, &c.Version, &c.Image, &c.Ref, &c.Author, &c.Title, &c.URL,
	} {
		*s = show(*s, redact)
	}
	for _, list := range [][]string{c.Paths, c.Labels} {
		for i := range list {
			list[i] = show(list[i], redact)
		}
	}
	c.URL = link(c.URL)
}

// show is text fit for logs and chat: redacted, on one line, bounded. It is redacted before its lines are joined, for
// secrets of several lines, and after, for those that a line break hid; and before it is cut, for half a secret is
// recognised by nobody.
func show(s string, redact func(string) string) string {
	s = strings.TrimSpace(redact(flat(redact(s))))
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
