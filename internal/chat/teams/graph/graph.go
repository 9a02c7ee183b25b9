// Package graph tells, for commands, who is in a group of Microsoft Entra. It asks Microsoft Graph.
package graph

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"

	"bellwether/commands"
)

const (
	public    = "https://graph.microsoft.com"
	patience  = 5 * time.Second // for one answer of Graph's
	remember  = time.Minute     // that an answer holds; a person put into a group waits no longer
	memory    = 1000            // answers
	maxAnswer = 1 << 20         // bytes
)

// guid is what Entra's ids look like. Nothing else gets into a URL.
var guid = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// Settings say where Graph is and how to speak to it.
type Settings struct {
	Base   string             // of Graph; empty: the public cloud's
	Tokens oauth2.TokenSource // for the scope that Scope(Base) names
	Client *http.Client       // nil: one with a time-out
	Now    func() time.Time   // nil: the real clock
}

// Scope is what tokens for a Graph are asked for.
func Scope(base string) string { return strings.TrimRight(cmp.Or(base, public), "/") + "/.default" }

// Groups are those of the bot's tenant, and those nested in them. A group is named by its object id.
type Groups struct {
	base   string
	tokens oauth2.TokenSource
	client http.Client
	now    func() time.Time

	mu      sync.Mutex
	answers map[question]answer
}

type question struct{ user, group string }

type answer struct {
	in    bool
	until time.Time
}

var _ commands.Groups = (*Groups)(nil)

// New makes Groups; nothing is asked yet.
func New(s Settings) *Groups {
	client := *cmp.Or(s.Client, &http.Client{Timeout: patience})
	// A redirect would take the token elsewhere.
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	g := &Groups{
		base: strings.TrimRight(cmp.Or(s.Base, public), "/"), tokens: s.Tokens, client: client, now: s.Now,
		answers: map[question]answer{},
	}
	if g.now == nil {
		g.now = time.Now
	}
	return g
}

// Contains tells whether a speaker of Teams is in the group. Nobody of another platform is.
func (g *Groups) Contains(ctx context.Context, group string, who commands.Caller) (bool, error) {
	if who.Channel.Platform != "teams" {
		return false, nil
	}
	if !guid.MatchString(group) {
		return false, fmt.Errorf("look into Entra group %.40q: that is no object id; write the one that Entra shows for the group", group)
	}
	if !guid.MatchString(who.User) {
		return false, nil // whoever is not in Entra is in no group of its
	}
	q := question{strings.ToLower(who.User), strings.ToLower(group)}
	if in, known := g.recall(q); known {
		return in, nil
	}
	in, err := g.ask(ctx, q)
	if err != nil {
		return false, fmt.Errorf("look into Entra group %s: %w", group, err)
	}
	g.keep(q, in)
	return in, nil
}

func (g *Groups) recall(q question) (in, known bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	a := g.answers[q]
	return a.in, g.now().Before(a.until)
}

func (g *Groups) keep(q question, in bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.answers) >= memory {
		clear(g.answers) // they are of a minute at most
	}
	g.answers[q] = answer{in, g.now().Add(remember)}
}

// ask asks https://learn.microsoft.com/graph/api/user-checkmembergroups, which looks into nested groups too.
func (g *Groups) ask(ctx context.Context, q question) (bool, error) {
	token, err := g.tokens.Token()
	if err != nil {
		return false, err
	}
	body, err := json.Marshal(map[string][]string{"groupIds": {q.group}})
	if err != nil {
		return false, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, g.base+"/v1.0/users/"+q.user+"/checkMemberGroups", bytes.NewReader(body))
	if err != nil {
		return false, err
	}
	r.Header.Set("Content-Type", "application/json")
	token.SetAuthHeader(r)
	got, err := g.client.Do(r)
	if err != nil {
		return false, err
	}
	defer got.Body.Close()
	if old, can := g.tokens.(interface{ Forget(token string) }); can && got.StatusCode == http.StatusUnauthorized {
		old.Forget(token.AccessToken) // the next question goes with another
	}
	return read(got, q.group)
}

func read(got *http.Response, group string) (bool, error) {
	switch got.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound: // the tenant has no such person
		return false, nil
	case http.StatusForbidden:
		return false, errors.New("the app may not see who is in groups: in Entra, grant it (chat.teams.app_id) the application permissions GroupMember.Read.All and User.Read.All or Directory.Read.All, with an administrator's consent")
	case http.StatusTooManyRequests:
		return false, fmt.Errorf("microsoft Graph is asked too often: try again in %s", wait(got))
	default:
		return false, fmt.Errorf("microsoft Graph answered %s", got.Status)
	}
	var in struct {
		Value []string `json:"value"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(nil, got.Body, maxAnswer)).Decode(&in); err != nil {
		return false, fmt.Errorf("read Graph's answer: %w", err)
	}
	return slices.ContainsFunc(in.Value, func(id string) bool { return strings.EqualFold(id, group) }), nil
}

// wait is how long Graph wants to be left alone.
func wait(got *http.Response) time.Duration {
	seconds, err := strconv.ParseUint(got.Header.Get("Retry-After"), 10, 16)
	if err != nil {
		return remember
	}
	return time.Duration(seconds) * time.Second
}
