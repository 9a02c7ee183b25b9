// Package web serves what links in chat lead to, for whoever was given such a link: the page of a run and its charts, under
// signed URLs that expire. It also serves the installation's metrics, for the operator.
package web

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// period is what expiry is rounded to, so that the same link is made for a month and a message is not edited for a new one.
const period = 30 * 24 * time.Hour

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

// guard refuses what was not signed by us, or long ago, before anything is looked up.
func (p *Pages) guard(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		until, sig := query.Get("until"), query.Get("sig")
		if !hmac.Equal([]byte(sig), []byte(p.signature(r.URL.EscapedPath(), until))) {
			p.apologise(w, http.StatusForbidden, "This link is not complete", "Open it from the message in your chat, or copy all of it.")
			return
		}
		if seconds, err := strconv.ParseInt(until, 10, 64); err != nil || p.Now().Unix() > seconds {
			p.apologise(w, http.StatusGone, "This link has expired", "Links to runs are good for a month. Ask for a new one in your chat: /loadtest status.")
			return
		}
		next(w, r)
	}
}
