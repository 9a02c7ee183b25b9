package login

import (
	"cmp"
	"slices"
	"strings"
)

// claims are what a provider states of somebody. Providers differ in how they write some of them.
type claims struct {
	Subject   string `json:"sub"`
	Name      string `json:"name"`
	Preferred string `json:"preferred_username"`
	Email     string `json:"email"`
	Verified  any    `json:"email_verified"` // true, or "true"
	Groups    any    `json:"groups"`         // a list, or one
}

// called is a name for people, short enough for a cookie.
func (c claims) called() string {
	name := []rune(cmp.Or(c.Email, c.Preferred, c.Name, c.Subject))
	return string(name[:min(len(name), 100)])
}

// admits tells whether somebody may read.
func (c *Client) admits(who claims) bool {
	if len(c.settings.Groups) == 0 && len(c.settings.Emails) == 0 {
		return true
	}
	for _, group := range who.groups() {
		if slices.Contains(c.settings.Groups, group) {
			return true
		}
	}
	return who.verified() && slices.ContainsFunc(c.settings.Emails, func(pattern string) bool { return matches(pattern, who.Email) })
}

// readers says who may read. The addresses of single people are nothing to whoever can sign in there.
func (c *Client) readers() string {
	domains := slices.DeleteFunc(slices.Clone(c.settings.Emails), func(pattern string) bool { return !strings.HasPrefix(pattern, "*@") })
	who := slices.Concat(c.settings.Groups, domains)
	if len(domains) < len(c.settings.Emails) {
		who = append(who, "people who are named")
	}
	return strings.Join(who, ", ")
}

func (c claims) groups() []string {
	if one, ok := c.Groups.(string); ok {
		return []string{one}
	}
	var names []string
	several, _ := c.Groups.([]any)
	for _, g := range several {
		if name, ok := g.(string); ok {
			names = append(names, name)
		}
	}
	return names
}

// verified tells whether the provider vouches for the address: elsewhere people write into it what they like.
func (c claims) verified() bool { return c.Verified == true || c.Verified == "true" }

// matches an address with one, or with all those of a domain: "*@example.com".
func matches(pattern, email string) bool {
	domain, all := strings.CutPrefix(pattern, "*@")
	if !all {
		return strings.EqualFold(pattern, email)
	}
	at := strings.LastIndexByte(email, '@')
	return at > 0 && strings.EqualFold(email[at+1:], domain)
}
