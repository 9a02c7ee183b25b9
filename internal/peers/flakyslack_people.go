package peers

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// SlackWorkspace is one that the app is installed in.
type SlackWorkspace struct {
	Team string // id
	Bot  string // the bot's user id there
	URL  string
}

// SlackPerson is a user as FlakySlack tells of them.
type SlackPerson struct {
	Name       string
	Team       string // id of their workspace
	Zone       string // IANA name
	Guest      bool
	SingleOnly bool // a guest of one channel
	Stranger   bool // of another organisation
	Bot        bool
}

// rotation is what makes tokens expire.
type rotation struct {
	id, secret string // of the app
	refresh    string // the one that works, once
	life       time.Duration
	count      int // of exchanges
	issued     map[string]time.Time
}

// Install adds a workspace with a token of its own.
func (s *FlakySlack) Install(token string, w SlackWorkspace) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.workspaces[token] = w
}

// Rotate has the app's tokens expire after life; the first is got for refresh.
func (s *FlakySlack) Rotate(clientID, clientSecret, refresh string, life time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rotation = &rotation{id: clientID, secret: clientSecret, refresh: refresh, life: life, issued: map[string]time.Time{}}
}

// ExpireTokens ends all tokens that were issued, before their time.
func (s *FlakySlack) ExpireTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for token := range s.rotation.issued {
		s.rotation.issued[token] = time.Time{}
	}
}

// Exchanges counts the tokens that were issued.
func (s *FlakySlack) Exchanges() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rotation.count
}

// Meet makes a person known.
func (s *FlakySlack) Meet(id string, p SlackPerson) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.people[id] = p
}

// Group makes a user group known.
func (s *FlakySlack) Group(id string, people ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.groups[id] = people
}

// Process has each file be seen only so long after it was shared.
func (s *FlakySlack) Process(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.processing = d
}

// Limit has each channel take a message in so long, as Slack does in a second; what comes earlier is told when to try again.
func (s *FlakySlack) Limit(every time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.every = every
}

// bearer is the token of a request.
func bearer(r *http.Request) string {
	if form := r.FormValue("token"); form != "" {
		return form
	}
	return strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
}

// refuses says why a token is not taken.
func (s *FlakySlack) refuses(token string) string {
	_, known := s.workspaces[token]
	switch {
	case token == "":
		return "not_authed"
	case s.revoked:
		return "token_revoked"
	case s.rotation == nil && !known:
		return "invalid_auth"
	case s.rotation == nil:
		return ""
	}
	expires, issued := s.rotation.issued[token]
	switch {
	case !issued:
		return "invalid_auth"
	case time.Now().After(expires):
		return "token_expired"
	}
	return ""
}

// exchange gives a new pair of tokens for a refresh token, which it takes once.
func (s *FlakySlack) exchange(r *http.Request) (map[string]any, string) {
	o := s.rotation
	switch {
	case o == nil || r.FormValue("client_id") != o.id:
		return nil, "invalid_client_id"
	case r.FormValue("client_secret") != o.secret:
		return nil, "bad_client_secret"
	case r.FormValue("grant_type") != "refresh_token" || r.FormValue("refresh_token") != o.refresh:
		return nil, "invalid_refresh_token"
	}
	o.count++
	token := fmt.Sprintf("xoxe.xoxb-%d", o.count)
	o.refresh = fmt.Sprintf("xoxe-%d", o.count)
	o.issued[token] = time.Now().Add(o.life)
	return map[string]any{
		"access_token": token, "refresh_token": o.refresh, "expires_in": int(o.life.Seconds()), "token_type": "bot",
		"team": map[string]any{"id": SlackTeam, "name": "Innerscale"},
	}, ""
}

func (s *FlakySlack) authTest(r *http.Request) (map[string]any, string) {
	w, ok := s.workspaces[bearer(r)]
	if !ok {
		w = s.workspaces[SlackBotToken]
	}
	return map[string]any{"url": w.URL, "team": w.Team, "team_id": w.Team, "user": "bellwether", "user_id": w.Bot}, ""
}

func (s *FlakySlack) usersInfo(r *http.Request) (map[string]any, string) {
	id := r.FormValue("user")
	p, known := s.people[id]
	if !known {
		return nil, "user_not_found"
	}
	return map[string]any{"user": map[string]any{
		"id": id, "name": p.Name, "team_id": p.Team, "tz": p.Zone, "is_restricted": p.Guest || p.SingleOnly,
		"is_ultra_restricted": p.SingleOnly, "is_stranger": p.Stranger, "is_bot": p.Bot,
	}}, ""
}

func (s *FlakySlack) members(r *http.Request) (map[string]any, string) {
	people, known := s.groups[r.FormValue("usergroup")]
	if !known {
		return nil, "no_such_subteam"
	}
	return map[string]any{"users": people}, ""
}
