// Package web serves what links in chat lead to, for whoever was given such a link: the page of a run, its charts, pictures
// and records, under signed URLs that expire. It also serves the installation's metrics, for the operator.
package web

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// period is what expiry is rounded to, so that the same link is made for a month and a message is not edited for a new one.
const period = 30 * 24 * time.Hour

// longestLink is more than any link of ours has: what is longer need not be read.
const longestLink = 2048

// Why a link is refused.
var (
	errUnsigned = errors.New("the link was not signed by us")
	errExpired  = errors.New("the link has expired")
)

// signed is the path of these segments with its expiry and signature: valid for one to two periods from now.
func (p *Pages) signed(segments ...string) string {
	var path strings.Builder
	for _, s := range segments {
		path.WriteString("/" + url.PathEscape(s))
	}
	until := strconv.FormatInt(p.Now().Truncate(period).Add(2*period).Unix(), 10)
	return path.String() + "?until=" + until + "&sig=" + p.signature(path.String(), until)
}

// signature is the first half of an HMAC: 128 bits cannot be guessed, and chats show the whole link to some.
func (p *Pages) signature(path, until string) string {
	mac := hmac.New(sha256.New, p.Key)
	mac.Write([]byte(path + "\n" + until))
	return hex.EncodeToString(mac.Sum(nil)[:16])
}

// verify tells until when a path, as it is escaped in its link, may be read.
func (p *Pages) verify(path string, query url.Values) (until time.Time, err error) {
	stated := query.Get("until")
	if !hmac.Equal([]byte(query.Get("sig")), []byte(p.signature(path, stated))) {
		return time.Time{}, errUnsigned
	}
	seconds, err := strconv.ParseInt(stated, 10, 64)
	if err != nil || p.Now().Unix() > seconds {
		return time.Time{}, errExpired
	}
	return time.Unix(seconds, 0), nil
}

// RunOf is the run whose page a link leads to; ok only for a link that we signed and that is still good.
func (p *Pages) RunOf(link string) (run string, ok bool) {
	if len(link) > longestLink {
		return "", false
	}
	to, err := url.Parse(link)
	if err != nil {
		return "", false
	}
	home, err := url.Parse(p.PublicURL)
	if err != nil || to.Scheme != home.Scheme || !strings.EqualFold(to.Host, home.Host) || to.User != nil {
		return "", false
	}
	path, ours := strings.CutPrefix(to.EscapedPath(), home.EscapedPath())
	escaped, isRun := strings.CutPrefix(path, "/runs/")
	if !ours || !isRun || strings.Contains(escaped, "/") {
		return "", false
	}
	if _, err := p.verify(path, to.Query()); err != nil {
		return "", false
	}
	run, err = url.PathUnescape(escaped)
	return run, err == nil && run != ""
}

// guard refuses what was not signed by us, or long ago, before anything is looked up.
func (p *Pages) guard(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		switch _, err := p.verify(r.URL.EscapedPath(), r.URL.Query()); {
		case errors.Is(err, errUnsigned):
			p.apologise(w, http.StatusForbidden, "This link is not complete", "Open it from the message in your chat, or copy all of it.")
		case errors.Is(err, errExpired):
			p.apologise(w, http.StatusGone, "This link has expired", "Links to runs are good for a month. Ask for a new one in your chat: /loadtest status.")
		default:
			next(w, r)
		}
	}
}
