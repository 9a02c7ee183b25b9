// Package web serves the pages that links in chat lead to (a run, its charts) under signed URLs that expire, and the
// installation's metrics.
package web

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// period is what expiry is rounded to, so that the same link is made for a month and a message is not edited for a new one.
const period = 30 * 24 * time.Hour

// signed is a path with its expiry and signature: valid for one to two periods from now.
func (p *Pages) signed(path string) string {
	until := p.Now().Truncate(period).Add(2 * period).Unix()
	return fmt.Sprintf("%s?until=%d&sig=%s", path, until, p.signature(path, until))
}

func (p *Pages) signature(path string, until int64) string {
	mac := hmac.New(sha256.New, p.Key)
	fmt.Fprintf(mac, "%s\n%d", path, until)
	return hex.EncodeToString(mac.Sum(nil)[:16])
}

// guard refuses what was not signed by us, or long ago.
func (p *Pages) guard(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		until, err := strconv.ParseInt(r.URL.Query().Get("until"), 10, 64)
		good := err == nil && hmac.Equal([]byte(r.URL.Query().Get("sig")), []byte(p.signature(r.URL.Path, until)))
		switch {
		case !good:
			http.Error(w, "This link is not complete. Open it from the message in your chat.", http.StatusForbidden)
		case p.Now().Unix() > until:
			http.Error(w, "This link has expired. Ask the bot for the run again: /loadtest status.", http.StatusGone)
		default:
			w.Header().Set("Cache-Control", "private, max-age=60")
			w.Header().Set("X-Content-Type-Options", "nosniff")
			w.Header().Set("Referrer-Policy", "no-referrer")
			w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'")
			next(w, r)
		}
	}
}

func escaped(segment string) string { return url.PathEscape(segment) }
