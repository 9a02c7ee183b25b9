package teams

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/infracloudio/msbotbuilder-go/schema"

	"bellwether/bot"
	"bellwether/internal/chat/teams/token"
)

const (
	bodyLimit = 256 << 10
	patience  = 8 * time.Second // Teams waits 10 s for what comes of a press
	replays   = 24 * time.Hour  // Teams may deliver an activity again for so long, and a token lasts an hour
	longest   = 2 * time.Minute // that a command and its answer may take
	teamsKept = 10_000          // in memory, chats among them
)

// Why a request from Teams is turned away.
var (
	errMalformed = errors.New("malformed request")
	errUnsigned  = errors.New("not signed by teams")
	errForeign   = errors.New("not for this bot")
)

// Handler listens at /teams/messages, for all that Teams has to say.
func (c *Chat) Handler(desk Desk) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /teams/messages", func(w http.ResponseWriter, r *http.Request) { c.receive(w, r, desk) })
	return mux
}

func (c *Chat) receive(w http.ResponseWriter, r *http.Request, desk Desk) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bodyLimit))
	if err != nil {
		http.Error(w, "body unreadable or too large", http.StatusRequestEntityTooLarge)
		return
	}
	var a activity
	if err := json.Unmarshal(body, &a); err != nil {
		c.turnAway(w, r, fmt.Errorf("%w: %.200s", errMalformed, err))
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	if _, err := c.adapter.ParseRequest(r.Context(), r); err != nil {
		c.turnAway(w, r, fmt.Errorf("%w: %w", errUnsigned, err))
		return
	}
	if err := c.admit(a); err != nil {
		c.turnAway(w, r, err)
		return
	}
	if err := c.dispatch(w, r, a, desk); err != nil {
		c.turnAway(w, r, err)
	}
}

// turnAway answers a request that comes to nothing. What is not yet done Teams delivers again.
func (c *Chat) turnAway(w http.ResponseWriter, r *http.Request, err error) {
	status, level := http.StatusInternalServerError, slog.LevelError
	switch {
	case errors.Is(err, errMalformed):
		status = http.StatusBadRequest
	case errors.Is(err, token.ErrUnavailable):
		status = http.StatusServiceUnavailable
	case errors.Is(err, errForeign), errors.Is(err, token.ErrForeign):
		status = http.StatusForbidden
	case errors.Is(err, errUnsigned):
		status = http.StatusUnauthorized
	}
	if status < 500 {
		level = slog.LevelWarn
	}
	c.Log.Log(r.Context(), level, "teams' request came to nothing", "status", status, "from", r.RemoteAddr, "error", err)
	http.Error(w, http.StatusText(status), status)
}

// admit checks what the token does not say: that the activity is from Teams, from the tenant that may use the bot, and to be
// answered at an address of Microsoft's.
func (c *Chat) admit(a activity) error {
	switch tenants := a.tenants(); {
	case a.ChannelID != "msteams":
		return fmt.Errorf("%w: it is for channel %.40q, not msteams", errForeign, a.ChannelID)
	case a.ID == "" || a.Conversation.ID == "" || a.From.ID == "":
		return fmt.Errorf("%w: no id, conversation or speaker", errMalformed)
	case len(tenants) == 0 || slices.ContainsFunc(tenants, func(t string) bool { return !strings.EqualFold(t, c.Tenant) }):
		return fmt.Errorf("%w: it is of tenant %.40q, and chat.teams.tenant is another", errForeign, tenants)
	case !c.client.Trusts(a.ServiceURL):
		return fmt.Errorf("%w: its serviceUrl leads neither to Microsoft nor to chat.teams.endpoints.connector", errForeign)
	}
	return nil
}

// dispatch tells the kinds of activity apart. An error is returned before anything was written.
func (c *Chat) dispatch(w http.ResponseWriter, r *http.Request, a activity, desk Desk) error {
	if err := c.install(r.Context(), a); err != nil {
		return err
	}
	switch a.Type {
	case schema.Message:
		return c.receiveMessage(r.Context(), a, desk)
	case schema.Invoke:
		return c.receiveInvoke(w, r, a, desk)
	}
	return nil // edits, reactions, people who come and go
}

// receiveMessage carries out what was said after Teams has had its acknowledgement.
func (c *Chat) receiveMessage(ctx context.Context, a activity, desk Desk) error {
	said := c.heard(a)
	if said == nil {
		return nil
	}
	first, err := c.first(ctx, said)
	if err != nil || !first {
		return err
	}
	c.background(ctx, func(ctx context.Context) { c.answer(ctx, said, c.carryOut(ctx, said, desk)) })
	return nil
}

// first claims the words: false when they came before.
func (c *Chat) first(ctx context.Context, said *words) (bool, error) {
	first, err := c.Seen.First(ctx, "teams/"+said.key, replays)
	if err != nil {
		return false, fmt.Errorf("claim %s: %w", said.key, err)
	}
	return first, nil
}

// install remembers where a team takes messages. Teams says so with everything that happens there, and may change it; the
// team's name and group it says now and then.
func (c *Chat) install(ctx context.Context, a activity) error {
	said := a.installation(c.Tenant)
	if a.removes() {
		c.Log.Warn("the bot was removed; nothing can be said there until it is added again", "team", said.Team, "name", said.Name)
		return nil
	}
	old, err := c.kept(ctx, said.Team)
	if err != nil && !errors.Is(err, bot.ErrNotFound) {
		return err
	}
	said.Group, said.Name = cmp.Or(said.Group, old.Group), cmp.Or(said.Name, old.Name)
	if said == old {
		return nil
	}
	if err := c.Installations.KeepInstallation(ctx, said); err != nil {
		return err
	}
	c.remember(said)
	return nil
}

// kept is what is stored of a team, from memory if it was asked for before; bot.ErrNotFound when nothing is.
func (c *Chat) kept(ctx context.Context, team string) (bot.Installation, error) {
	c.mu.Lock()
	known, ok := c.teams[team]
	c.mu.Unlock()
	if ok {
		return known, nil
	}
	stored, err := c.Installations.Installation(ctx, team)
	if err == nil {
		c.remember(stored)
	}
	return stored, err
}

func (c *Chat) remember(i bot.Installation) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.teams) >= teamsKept {
		clear(c.teams) // the store has them
	}
	c.teams[i.Team] = i
}
