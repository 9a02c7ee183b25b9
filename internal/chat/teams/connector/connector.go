// Package connector speaks Microsoft's Bot Connector API, by which a bot says things in Teams, for package teams. It is the
// part of msbotbuilder-go that sends, made anew: that one drops the ids of what it posts, and waits for an answer for ever.
package connector

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"
)

// ThreadMark parts the id of a channel from that of the message that began a thread in it.
const ThreadMark = ";messageid="

const (
	answerLimit  = 64 << 10         // bytes of an answer that are read
	requestLimit = 10 * time.Second // with the renewal of a token
)

// Client sends for one bot. It is safe for concurrent use.
type Client struct {
	Tokens oauth2.TokenSource // also a Forgetter, where a token may be refused before its time
	HTTP   *http.Client       // follows no redirect: tokens and messages do not go where an answer points
	Home   *url.URL           // the connector of the settings, trusted beside Microsoft's own; nil for none
	Pace   *Pace
}

// Forgetter is a source of tokens that can be told of one which is no longer taken.
type Forgetter interface{ Forget(token string) }

// Activity is what a bot says. It has the fields of schema.Activity that matter, and leaves out those that are empty.
type Activity struct {
	Type        string       `json:"type"`
	Text        string       `json:"text,omitempty"`
	Summary     string       `json:"summary,omitempty"` // of a card, for notifications
	Attachments []Attachment `json:"attachments,omitempty"`
}

// Attachment is a card.
type Attachment struct {
	ContentType string `json:"contentType"`
	Content     any    `json:"content"`
}

// Account is somebody, or the bot; also a channel, or a tenant.
type Account struct {
	ID string `json:"id"`
}

// Conversation is one to begin: a thread in a channel with its first message, or a chat with one person.
type Conversation struct {
	IsGroup     bool         `json:"isGroup"`
	Bot         Account      `json:"bot"`
	Members     []Account    `json:"members,omitempty"`
	Tenant      string       `json:"tenantId"`
	ChannelData *ChannelData `json:"channelData,omitempty"`
	Activity    *Activity    `json:"activity,omitempty"`
}

// ChannelData is where a conversation belongs.
type ChannelData struct {
	Channel *Account `json:"channel,omitempty"`
	Tenant  Account  `json:"tenant"`
}

// Create begins a conversation and returns its id: "<channel>;messageid=<n>" for a thread. Pace counts it for the place.
func (c *Client) Create(ctx context.Context, service, place string, with Conversation) (id string, err error) {
	if err := c.Pace.Wait(ctx, place); err != nil {
		return "", err
	}
	return c.send(ctx, http.MethodPost, at(service), with)
}

// Send says something in a conversation and returns the id of that.
func (c *Client) Send(ctx context.Context, service, conversation string, a Activity) (id string, err error) {
	if err := c.Pace.Wait(ctx, conversation); err != nil {
		return "", err
	}
	return c.send(ctx, http.MethodPost, at(service, conversation, "activities"), a)
}

// Update gives what was said new content.
func (c *Client) Update(ctx context.Context, service, conversation, id string, a Activity) error {
	if err := c.Pace.Wait(ctx, conversation); err != nil {
		return err
	}
	return c.do(ctx, http.MethodPut, at(service, conversation, "activities", id), a, nil)
}

// at is the address of a conversation, or of something in it: ids have colons, semicolons, anything.
func at(service string, parts ...string) string {
	address := strings.TrimRight(service, "/") + "/v3/conversations"
	for _, p := range parts {
		address += "/" + url.PathEscape(p)
	}
	return address
}

// send expects an id for what is sent: without one it is not clear what came of it.
func (c *Client) send(ctx context.Context, method, address string, body any) (string, error) {
	var made struct {
		ID string `json:"id"`
	}
	if err := c.do(ctx, method, address, body, &made); err != nil {
		return "", err
	}
	if made.ID == "" {
		return "", errors.New("the connector did not say where the message is")
	}
	return made.ID, nil
}

// do makes a request. A token that is refused is renewed once: tokens can be revoked, and keys change.
func (c *Client) do(ctx context.Context, method, address string, body, result any) error {
	ctx, cancel := context.WithTimeout(ctx, requestLimit)
	defer cancel()
	if !c.Trusts(address) {
		return &Unsent{Err: fmt.Errorf("%.200q is no address of Microsoft's: the bot's token is not sent there", address)}
	}
	raw, err := encoded(body)
	if err != nil {
		return err
	}
	token, err := c.token(ctx)
	if err != nil {
		return err
	}
	err = c.once(ctx, method, address, raw, token, result)
	forgetter, can := c.Tokens.(Forgetter)
	if !can || !refused(err) {
		return err
	}
	forgetter.Forget(token)
	renewed, failed := c.token(ctx)
	switch {
	case failed != nil:
		return failed
	case renewed == token: // it is not the token's fault
		return err
	}
	return c.once(ctx, method, address, raw, renewed, result)
}

func encoded(body any) ([]byte, error) {
	if body == nil {
		return nil, nil
	}
	raw, err := json.Marshal(body)
	if err != nil {
		return nil, &Unsent{Err: fmt.Errorf("encode a message: %w", err)}
	}
	return raw, nil
}

// token is what a request shows. It does not come too late: a request that is begun at all may have got through.
func (c *Client) token(ctx context.Context) (string, error) {
	token, err := c.Tokens.Token()
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return "", &Unsent{Err: fmt.Errorf("fetch a token for teams: %w", err)}
	}
	return token.AccessToken, nil
}

func refused(err error) bool {
	answer, ok := errors.AsType[*Answer](err)
	return ok && answer.Status == http.StatusUnauthorized
}

// once makes a request and reads its answer, a success into result unless that is nil.
func (c *Client) once(ctx context.Context, method, address string, body []byte, token string, result any) error {
	r, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return &Unsent{Err: err}
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+token)
	response, err := c.HTTP.Do(r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(response.Body, answerLimit))
	if response.StatusCode < 200 || response.StatusCode > 299 {
		return answered(response, raw)
	}
	if err == nil && result != nil {
		err = json.Unmarshal(raw, result)
	}
	if err != nil {
		return fmt.Errorf("read the connector's answer: %w", err)
	}
	return nil
}

// Answer is one that says no.
type Answer struct {
	Status int
	Code   string        // Microsoft's name for the reason, such as BotNotInConversationRoster
	Text   string        // what it says about it
	After  time.Duration // when to try again; 0 when it does not say
}

func (a *Answer) Error() string {
	return strings.Join(strings.Fields(fmt.Sprintf("teams answers %d %s %s", a.Status, a.Code, a.Text)), " ")
}

// Unsent is why a request was not even begun.
type Unsent struct{ Err error }

func (e *Unsent) Error() string { return e.Err.Error() }
func (e *Unsent) Unwrap() error { return e.Err }

func answered(response *http.Response, raw []byte) *Answer {
	var said struct {
		Error struct {
			Code    string `json:"code"`
			Message string `json:"message"`
		} `json:"error"`
	}
	_ = json.Unmarshal(raw, &said) // what is no JSON says nothing
	return &Answer{
		Status: response.StatusCode, Code: short(said.Error.Code),
		Text: cmp.Or(short(said.Error.Message), http.StatusText(response.StatusCode)), After: later(response.Header),
	}
}

// short keeps a foreign text from filling the log.
func short(s string) string {
	const longest = 200
	if runes := []rune(s); len(runes) > longest {
		return string(runes[:longest]) + "…"
	}
	return s
}

// later reads Retry-After: seconds, or a date; at most an hour.
func later(h http.Header) time.Duration {
	after := h.Get("Retry-After")
	d, err := time.ParseDuration(after + "s")
	if at, dated := http.ParseTime(after); dated == nil {
		d, err = time.Until(at), nil
	}
	if err != nil {
		return 0
	}
	return min(max(d, time.Second), time.Hour)
}
