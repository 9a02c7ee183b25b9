// Package token is what lets Microsoft Teams and a bot believe each other: a Validator of the tokens that Teams sends, in
// place of msbotbuilder-go's own, and a Source of those that the bot sends. Both are for a bot of one Entra tenant.
package token

import (
	"cmp"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Where Microsoft's public cloud has what a bot needs; the clouds of governments have others.
const (
	login  = "https://login.microsoftonline.com"
	openID = "https://login.botframework.com/v1/.well-known/openidconfiguration"
	scope  = "https://api.botframework.com/.default"
)

// patience is how long Microsoft may take to answer.
const patience = 5 * time.Second

// Settings say who the bot is.
type Settings struct {
	AppID    string
	Password string // of the app; the Validator needs none
	Tenant   string // the id of the bot's tenant, whose people alone are listened to

	Login  string // gives out tokens; empty: of the public cloud
	OpenID string // says who signs what Teams sends; empty: the public cloud's Bot Framework
	Scope  string // what the Source's tokens are good for; empty: talking in Teams

	Client *http.Client     // nil: one with time-outs
	Now    func() time.Time // nil: the real clock
}

// Format hides the password from every verb.
func (s Settings) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "bot %s of tenant %s", s.AppID, s.Tenant)
}

// filled has what may be left out.
func (s Settings) filled() Settings {
	s.Login = strings.TrimRight(cmp.Or(s.Login, login), "/")
	s.OpenID = cmp.Or(s.OpenID, openID)
	s.Scope = cmp.Or(s.Scope, scope)
	s.Client = cmp.Or(s.Client, &http.Client{Timeout: patience})
	if s.Now == nil {
		s.Now = time.Now
	}
	return s
}
