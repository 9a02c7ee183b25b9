package connector

import (
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Where Microsoft's clouds take messages for Teams. Anybody can have a name under trafficmanager.net, and under
// botframework.com are chats of other kinds.
var (
	serviceHosts   = []string{"smba.trafficmanager.net"}
	serviceDomains = []string{".teams.microsoft.com", ".teams.microsoft.us"}
)

// plainHost has no port, and no letter that only looks like another.
var plainHost = regexp.MustCompile(`^[a-z0-9.-]+$`)

// Trusts tells whether an address is Microsoft's, or of the connector of the settings, which may do without TLS on this very
// machine. Any other would be sent the bot's token.
func (c *Client) Trusts(address string) bool {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.User != nil || strings.ContainsAny(address, "?#"):
		return false
	case c.Home != nil && strings.EqualFold(u.Host, c.Home.Host):
		return u.Scheme == "https" || u.Scheme == "http" && c.Home.Scheme == "http" && loopback(u.Hostname())
	}
	host := strings.ToLower(u.Host)
	known := slices.Contains(serviceHosts, host) ||
		slices.ContainsFunc(serviceDomains, func(d string) bool { return strings.HasSuffix(host, d) })
	return u.Scheme == "https" && known && plainHost.MatchString(host)
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
