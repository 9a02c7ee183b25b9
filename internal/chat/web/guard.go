package web

import (
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// policy lets the page load nothing but its own files.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// guard answers only under the hosts it was told, so that no foreign name can be bound to this address, and lets no other
// site's page read the chat or act in it. The page itself may be linked to from anywhere.
func guard(hosts []string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		switch {
		case !knownHost(hosts, r.Host):
			http.Error(w, "this chat answers only under the address it was started with", http.StatusForbidden)
		case r.URL.Path != "/" && !sameOrigin(r):
			http.Error(w, "another site's page may not use this chat", http.StatusForbidden)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// knownHost tells whether a request's host, with or without its port, is one of ours.
func knownHost(hosts []string, host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = strings.Trim(host, "[]")
	}
	return slices.Contains(hosts, host) || slices.Contains(hosts, name)
}

// sameOrigin believes what browsers say of a request's origin; what is no browser says nothing and is welcome.
func sameOrigin(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "same-origin", "none":
	default:
		return false
	}
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && u.Host == r.Host
}
